//! SePay's API of transactions, to find what no webhook told of: after half an hour SePay gives up on
//! one. It has two versions (`v1`, `v2`) and lists only. A listing is asked for by windows of time, so
//! small that each fits on a page (`window`): neither the order of a list, nor what is booked late,
//! nor what comes in meanwhile can then hide a transfer.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde_json::value::RawValue;

use self::window::Window;
use super::wire;
use crate::config::{BankAccount, Payments, Secret};
use crate::connectors::Fault;
use crate::connectors::gateways::teller::{
    Abilities, Finding, Intent, Listing, Opened, Page, RefundAsk, Report, Teller, Wanted,
};
use crate::connectors::http::{self, Limits, absolute, exchange};
use crate::fact::{Direction, Fact, RefundFact, TransferFact};
use crate::money::Money;

mod inspect;
mod v1;
mod v2;
mod verdict;
mod window;

/// SePay counts 3 requests a second for an IP address, all tokens together. Listings take turns, and
/// this is between the end of one call and the begin of the next.
const PACE: Duration = Duration::from_millis(400);

/// What a webhook should have told already.
const RECENT: Listing = listing("recent", 5 * MINUTE, 2 * HOUR);
/// Banks book late, under a time that is over.
const DAY: Listing = listing("day", HOUR, 48 * HOUR);
/// The last look.
const WEEK: Listing = listing("week", 24 * HOUR, 7 * 24 * HOUR);
/// v2 only: incoming transfers of which no webhook succeeded; cheap, because hardly any is there.
const UNHEARD: Listing = listing("unheard", 10 * MINUTE, 48 * HOUR);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

const fn listing(name: &'static str, every: u64, overlap: u64) -> Listing {
    Listing {
        name,
        every: Duration::from_secs(every),
        overlap: Duration::from_secs(overlap),
        pace: PACE,
        expects_messages: true,
    }
}

/// 5,000 items of v1 are less than 3 MiB.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(30),
    body: 8 * 1024 * 1024,
};

/// One seller's access to it.
pub struct Api {
    client: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    token: Secret,
    version: Version,
    accounts: Vec<BankAccount>,
}

impl Api {
    /// From the settings; `None` without a token. Sends nothing.
    pub fn from_settings(settings: &Payments) -> anyhow::Result<Option<Self>> {
        let token = settings.sepay.api_token.as_ref().map(Secret::expose);
        let Some(token) = token.map(str::trim).filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        let version = Version::parse(&settings.sepay.api_version)?;
        let address = match settings.sepay.api_url.as_str() {
            "" => version.usual_address(),
            given => given,
        };
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| anyhow::anyhow!("payments.sepay.api_token has characters no token has"))?;
        authorization.set_sensitive(true);
        Ok(Some(Self {
            client: http::client(LIMITS)?,
            base: absolute(address).context("payments.sepay.api_url")?,
            authorization,
            token: Secret::new(token),
            version,
            accounts: settings.accounts.clone(),
        }))
    }
}

/// The two APIs; the same token opens both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Version {
    fn parse(word: &str) -> anyhow::Result<Self> {
        match word {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            _ => anyhow::bail!("payments.sepay.api_version is neither v1 nor v2"),
        }
    }

    fn usual_address(self) -> &'static str {
        match self {
            Self::V1 => "https://my.sepay.vn/userapi",
            Self::V2 => "https://userapi.sepay.vn/v2",
        }
    }

    fn listings(self) -> &'static [Listing] {
        match self {
            Self::V1 => &[RECENT, DAY, WEEK],
            Self::V2 => &[RECENT, DAY, WEEK, UNHEARD],
        }
    }
}

/// A page of a list, as it came.
struct Listed<'a> {
    items: Vec<&'a RawValue>,
    /// What was asked for has more than this page.
    more: bool,
    /// How much that has in all, or a guess.
    holds: usize,
}

#[async_trait]
impl Teller for Api {
    fn abilities(&self) -> Abilities {
        Abilities {
            checkout: false,
            refunds: false,
            listings: self.version.listings(),
        }
    }

    fn accepts(&self, _: Money) -> Result<(), &'static str> {
        Err("no_checkout")
    }

    async fn inspect(&self, public_url: &str) -> Result<Vec<Finding>, Fault> {
        inspect::run(self, public_url).await
    }

    async fn open(&self, _: &Intent) -> Result<Opened, Fault> {
        Err(lists_only())
    }

    async fn look(&self, _: &str) -> Result<Report, Fault> {
        Err(lists_only())
    }

    async fn close(&self, _: &str) -> Result<Report, Fault> {
        Err(lists_only())
    }

    async fn refund(&self, _: &RefundAsk) -> Result<RefundFact, Fault> {
        Err(lists_only())
    }

    /// A window that does not fit on a page yields nothing but a narrower one.
    async fn page(&self, wanted: &Wanted) -> Result<Page, Fault> {
        let window = Window::of(wanted);
        let unheard = wanted.listing == UNHEARD.name;
        let answer = match self.version {
            Version::V1 => self.get(v1::TRANSACTIONS, &v1::query(&window)).await?,
            Version::V2 => {
                let query = v2::query(&window, unheard);
                self.get(v2::TRANSACTIONS, &query).await?
            }
        };
        let (listed, fits) = match self.version {
            Version::V1 => (v1::transactions(&answer, &window, &self.token)?, v1::FITS),
            Version::V2 => (v2::transactions(&answer, &window)?, v2::FITS),
        };
        let end = wanted.to.unix_seconds();
        let (next, is_skipped) = if !listed.more {
            (window.following(listed.holds, fits, end), false)
        } else if let Some(narrower) = window.narrowed(listed.holds, fits) {
            (Some(narrower), true)
        } else {
            (Some(self.deeper(&window)?), false)
        };
        let items = if is_skipped { &[][..] } else { &listed.items };
        Ok(Page {
            reports: items.iter().filter_map(|item| self.report(item)).collect(),
            next: next.map(|window| window.cursor()),
        })
    }
}

impl Api {
    /// More than a page in one second.
    fn deeper(&self, window: &Window) -> Result<Window, Fault> {
        match self.version {
            Version::V1 if window.depth > 0 => Err(Fault::ConnectionBroken {
                why: format!(
                    "SePay's API v1 has more than {} transactions in one second and shows no more: \
                     set payments.sepay.api_version to \"v2\".",
                    v1::MOST
                ),
            }),
            _ => Ok(window.deeper()),
        }
    }

    /// The token shows all accounts of the seller's company. What came in is never dropped, also
    /// where the shop does not know the account; what went out of such an account is none of its business.
    fn report(&self, item: &RawValue) -> Option<Report> {
        let body = item.get().as_bytes();
        let fact = wire::read(body);
        let is_foreign =
            |fact: &TransferFact| fact.direction == Direction::Out && !self.is_ours(fact);
        if fact.as_ref().is_ok_and(is_foreign) {
            return None;
        }
        Some(Report {
            key: wire::event_key(body),
            body: body.to_vec(),
            facts: fact.map(|transfer| vec![Fact::Transfer(transfer)]),
        })
    }

    fn is_ours(&self, fact: &TransferFact) -> bool {
        self.accounts.is_empty()
            || self.accounts.iter().any(|ours| {
                ours.number == fact.account || fact.sub_account.as_ref() == Some(&ours.number)
            })
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<String, Fault> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(query);
        let request = self
            .client
            .get(url)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, self.authorization.clone());
        verdict::judge(exchange(request, LIMITS).await, self.token.expose())
    }
}

fn lists_only() -> Fault {
    Fault::MappingBroken {
        why: "SePay's API lists transfers; it opens no checkouts and sends no money back."
            .to_owned(),
    }
}
