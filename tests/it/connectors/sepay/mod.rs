//! SePay's API over real HTTP, against a fake that behaves as documented and misbehaves as feared.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bursar::clock::{Clock, Timestamp};
use bursar::config::{BankAccount, Payments};
use bursar::connectors::Fault;
use bursar::connectors::gateways::teller::{Listing, Page, Report, Teller, Wanted};
use bursar::connectors::gateways::{Gateways, sepay, tellers};
use bursar::fact::{Fact, TransferFact};

use crate::harness::sepay_api::{Booking, FakeSepay};

mod answers;
mod findings;
mod rounds;
mod shapes;

const VERSIONS: [&str; 2] = ["v1", "v2"];
const ACCOUNT: &str = "0123499999";
/// 2026-01-05T03:00:00Z.
const NOW: Timestamp = Timestamp(1_767_582_000_000);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn payments(fake: &FakeSepay, version: &str) -> Payments {
    Payments {
        accounts: vec![account("Vietcombank", ACCOUNT)],
        sepay: fake.settings(version),
        ..Payments::default()
    }
}

fn account(bank: &str, number: &str) -> BankAccount {
    BankAccount {
        bank: bank.to_owned(),
        number: number.to_owned(),
        holder: "NGUYEN VAN A".to_owned(),
    }
}

fn teller(payments: &Payments) -> Arc<dyn Teller> {
    tellers(payments).unwrap().remove(sepay::NAME).unwrap()
}

fn listing(teller: &dyn Teller, name: &str) -> Listing {
    let listings = teller.abilities().listings;
    *listings
        .iter()
        .find(|listing| listing.name == name)
        .unwrap()
}

async fn first_page(payments: &Payments, listing: &'static str) -> Result<Page, Fault> {
    let wanted = Wanted {
        listing,
        from: NOW.minus(DAY),
        to: NOW,
        cursor: None,
    };
    teller(payments).page(&wanted).await
}

/// A whole round at the listing's pace, every page asked by a process that knows only the cursor.
async fn round(payments: &Payments, clock: &Clock, name: &str, from: Timestamp) -> Vec<Report> {
    let to = clock.now();
    let listing = listing(&*teller(payments), name);
    let (mut reports, mut cursor) = (Vec::new(), None);
    loop {
        let wanted = Wanted {
            listing: listing.name,
            from,
            to,
            cursor,
        };
        let page = teller(payments).page(&wanted).await.unwrap();
        reports.extend(page.reports);
        cursor = page.next;
        if cursor.is_none() {
            return reports;
        }
        clock.advance(listing.pace);
    }
}

fn transfer(report: &Report) -> TransferFact {
    match report.facts.as_deref() {
        Ok([Fact::Transfer(transfer)]) => transfer.clone(),
        other => panic!("one transfer: {other:?}"),
    }
}

fn references(reports: &[Report]) -> BTreeSet<String> {
    reports.iter().map(|r| transfer(r).reference).collect()
}

/// As an operator replays a stored body: read by the gateway, not by the API.
fn replayed(body: &[u8]) -> (String, TransferFact) {
    let gateways = Gateways::new(&Payments::default());
    let gateway = gateways.get(sepay::NAME).unwrap();
    let facts = gateway.read(body).unwrap();
    let [Fact::Transfer(transfer)] = facts.as_slice() else {
        panic!("one transfer: {facts:?}")
    };
    (gateway.event_key(body), transfer.clone())
}

/// `count` transfers of a day that ended at `NOW`, each with its own reference, none heard.
fn book(fake: &FakeSepay, count: u32) -> Vec<i64> {
    let apart = DAY / count.max(1);
    (0..count)
        .map(|n| {
            let at = NOW.minus(DAY).plus(apart * n);
            let booking = Booking::incoming(ACCOUNT, 100_000 + i64::from(n), "DHABC", at);
            fake.book(booking.reference(&format!("FT{n}")))
        })
        .collect()
}
