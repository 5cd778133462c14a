//! The gateways' own lists of a span, fetched page by page at each list's pace, and held against our
//! books. It only looks: what is missing is booked by the polls that run beside.

use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::connectors::Fault;
use crate::connectors::gateways::Tellers;
use crate::connectors::gateways::teller::{Listing, Page, Report, Teller, Wanted};
use crate::db::Db;
use crate::error::Error;
use crate::fact::Fact;
use crate::fulfilment::report::{self, Difference, Sides};
use crate::model::report::Span;

/// The lists are read so much further to both sides: what we booked at the span's edge may be there.
const MARGIN: Duration = Duration::from_hours(24);
/// A list that is longer is going round in circles.
const MOST_PAGES: usize = 100_000;
/// How often one page is asked for, when the gateway is busy.
const MOST_TRIES: usize = 6;

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Which days.
    pub span: Span,
    /// One account only; empty is all.
    pub account: String,
    /// The accounts of the settings.
    pub known_accounts: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Transfers in the lists.
    pub compared: usize,
    /// Every difference.
    pub differences: Vec<Difference>,
    /// Entries that cannot be understood: gateway, key, and why.
    pub unreadable: Vec<(String, String, String)>,
    /// Gateways with an API and no list.
    pub without_list: Vec<&'static str>,
}

/// Fetch every list and compare. `seen` is told how many entries of a gateway there are so far.
pub async fn compare(
    db: &Db,
    tellers: &Tellers,
    ask: &Ask,
    seen: impl Fn(&str, usize),
) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let (mut transfers, mut read) = (Vec::new(), Vec::new());
    for (name, teller) in tellers {
        let listings = teller.abilities().listings;
        if listings.is_empty() {
            findings.without_list.push(name);
            continue;
        }
        read.push(*name);
        let mut count = 0;
        for listing in listings {
            let mut page_seen = |entries| {
                count += entries;
                seen(name, count);
            };
            let reports = gather(teller.as_ref(), listing, &ask.span, &mut page_seen)
                .await
                .with_context(|| format!("the list {:?} of {name}", listing.name))?;
            for report in reports {
                match report.facts {
                    Ok(facts) => transfers.extend(facts.into_iter().filter_map(transfer)),
                    Err(why) => {
                        let unreadable = ((*name).to_owned(), report.key, why.to_string());
                        findings.unreadable.push(unreadable);
                    }
                }
            }
        }
    }
    ensure!(
        !read.is_empty(),
        "no gateway is configured whose list could be fetched"
    );
    let span = ask.span;
    let booked = db.read(move |tx| Box::pin(async move { report::around(tx, &span).await }));
    let booked = booked.await.map_err(Error::into_anyhow)?;
    findings.compared = transfers.len();
    findings.differences = report::compare(&Sides {
        span,
        account: &ask.account,
        known_accounts: &ask.known_accounts,
        gateways: &read,
        listed: &transfers,
        booked: &booked,
    });
    Ok(findings)
}

fn transfer(fact: Fact) -> Option<crate::fact::TransferFact> {
    match fact {
        Fact::Transfer(transfer) => Some(transfer),
        Fact::Checkout(_) | Fact::Refund(_) | Fact::Refunded(_) | Fact::Dispute(_) => None,
    }
}

/// Every entry of a list in a span.
async fn gather(
    teller: &dyn Teller,
    listing: &Listing,
    span: &Span,
    page_seen: &mut impl FnMut(usize),
) -> anyhow::Result<Vec<Report>> {
    let mut wanted = Wanted {
        listing: listing.name,
        from: span.from.minus(MARGIN),
        to: span.to.plus(MARGIN),
        cursor: None,
    };
    let mut reports = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = patiently(teller, &wanted, listing.pace).await?;
        page_seen(page.reports.len());
        reports.extend(page.reports);
        let Some(next) = page.next else {
            return Ok(reports);
        };
        ensure!(
            wanted.cursor.as_ref() != Some(&next),
            "the list does not end"
        );
        wanted.cursor = Some(next);
        tokio::time::sleep(listing.pace).await;
    }
    bail!("the list does not end")
}

/// A page, asked for again while the gateway is busy.
async fn patiently(teller: &dyn Teller, wanted: &Wanted, pace: Duration) -> anyhow::Result<Page> {
    let mut pause = pace;
    for _ in 1..MOST_TRIES {
        match teller.page(wanted).await {
            Err(Fault::Transient { after, .. }) => {
                tokio::time::sleep(after.unwrap_or(pause)).await;
                pause *= 2;
            }
            ended => return Ok(ended?),
        }
    }
    Ok(teller.page(wanted).await?)
}
