//! Money reports from the books of a shop at work, and against a gateway's list: a double of one,
//! which says page by page what it is told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bursar::cli::report::listed::{self, Ask, Findings};
use bursar::clock::Timestamp;
use bursar::connectors::Fault;
use bursar::connectors::gateways::teller::{
    Abilities, Finding, Intent, Listing, Opened, Page, RefundAsk, Report, Teller, Wanted,
};
use bursar::connectors::gateways::{NotUnderstood, Tellers, sepay};
use bursar::fact::{Direction, Fact, RefundFact, TransferFact};
use bursar::fulfilment::{refund, report};
use bursar::model::report::{Span, Tally};
use bursar::money::Money;
use serde_json::json;

use crate::harness::shop::{self, ACCOUNT, START, Shop};

const NOW_AND_THEN: &[Listing] = &[Listing {
    name: "all",
    every: Duration::ZERO,
    overlap: Duration::ZERO,
    pace: Duration::ZERO,
    expects_messages: true,
}];

/// What its list says, page by page.
#[derive(Default)]
struct Double {
    pages: Vec<Vec<Report>>,
    listings: &'static [Listing],
    /// It says so often that it is busy, before every page.
    busy: usize,
    refusals: AtomicUsize,
    wanted: Mutex<Vec<Wanted>>,
}

#[async_trait]
impl Teller for Double {
    fn abilities(&self) -> Abilities {
        Abilities {
            checkout: false,
            refunds: false,
            listings: self.listings,
        }
    }

    fn accepts(&self, _amount: Money) -> Result<(), &'static str> {
        unreachable!()
    }

    async fn inspect(&self, _public_url: &str) -> Result<Vec<Finding>, Fault> {
        unreachable!()
    }

    async fn open(&self, _intent: &Intent) -> Result<Opened, Fault> {
        unreachable!()
    }

    async fn look(&self, _reference: &str) -> Result<Report, Fault> {
        unreachable!()
    }

    async fn close(&self, _reference: &str) -> Result<Report, Fault> {
        unreachable!()
    }

    async fn refund(&self, _ask: &RefundAsk) -> Result<RefundFact, Fault> {
        unreachable!()
    }

    async fn page(&self, wanted: &Wanted) -> Result<Page, Fault> {
        if self.refusals.fetch_add(1, Ordering::Relaxed) % (self.busy + 1) < self.busy {
            return Err(Fault::Transient {
                why: "busy".to_owned(),
                after: Some(Duration::ZERO),
            });
        }
        self.wanted.lock().unwrap().push(wanted.clone());
        let at: usize = wanted.cursor.as_deref().map_or(0, |at| at.parse().unwrap());
        let next = (at + 1 < self.pages.len()).then(|| (at + 1).to_string());
        let reports = self.pages.get(at).cloned().unwrap_or_default();
        Ok(Page { reports, next })
    }
}

fn reported(transfer: &TransferFact) -> Report {
    Report {
        key: transfer.provider_id.clone(),
        body: Vec::new(),
        facts: Ok(vec![Fact::Transfer(transfer.clone())]),
    }
}

fn tellers(name: &'static str, double: &Arc<Double>) -> Tellers {
    BTreeMap::from([(name, double.clone() as Arc<dyn Teller>)])
}

/// The whole day of `START`, in the shop's time zone.
fn today(shop: &Shop) -> Span {
    let utc_offset_minutes = shop.app.config.shop.utc_offset_minutes;
    let offset = i64::from(utc_offset_minutes) * 60_000;
    let midnight = (START.0 + offset).div_euclid(86_400_000) * 86_400_000 - offset;
    Span {
        from: Timestamp(midnight),
        to: Timestamp(midnight + 86_400_000),
        utc_offset_minutes,
    }
}

async fn lines(shop: &Shop, span: Span, account: &'static str) -> Vec<report::Line> {
    let db = &shop.app.db;
    db.read(move |tx| Box::pin(async move { report::money(tx, &span, account).await }))
        .await
        .unwrap()
}

async fn compared(shop: &Shop, tellers: &Tellers) -> anyhow::Result<Findings> {
    let ask = Ask {
        span: today(shop),
        account: String::new(),
        known_accounts: vec![ACCOUNT.to_owned()],
    };
    listed::compare(&shop.app.db, tellers, &ask, |_, _| ()).await
}

fn tally(count: i64, sum: i64) -> Tally {
    Tally { count, sum }
}

#[tokio::test]
async fn a_day_says_what_came_what_it_pays_what_waits_and_what_went_back() {
    shop::each(async |shop| {
        let order = shop.order(&["files"]).await;
        shop.pay(&order, 230_000).await;
        let exact = shop.order(&["month"]).await;
        shop.pay(&exact, 100_000).await;
        shop.webhook(&shop.transfer(70_000, "no code at all"))
            .await
            .unwrap();
        let outgoing = [("transferType", json!("out"))];
        shop.webhook(&shop.transfer_with(50_000, "rent", &outgoing))
            .await
            .unwrap();
        let elsewhere = [("accountNumber", json!("9999"))];
        shop.webhook(&shop.transfer_with(10_000, "x", &elsewhere))
            .await
            .unwrap();
        shop.drain().await;
        let lines = lines(shop, today(shop), "").await;
        assert_eq!(lines.len(), 2);
        let ours = &lines[0];
        assert_eq!(
            (ours.place.account.as_str(), ours.place.currency.as_str()),
            (ACCOUNT, "VND")
        );
        assert_eq!(ours.place.day, today(shop).day(START));
        assert_eq!(ours.moved.received, tally(3, 400_000));
        assert_eq!(ours.moved.allocated, tally(2, 300_000));
        assert_eq!(ours.moved.due, tally(1, 30_000));
        assert_eq!(ours.moved.waiting, tally(1, 70_000));
        assert_eq!(ours.moved.sent, tally(1, 50_000));
        assert_eq!(ours.refunded, tally(0, 0));
        assert_eq!(lines[1].place.account, "9999");
        assert_eq!(lines[1].moved.received, tally(1, 10_000));
        assert_eq!(self::lines(shop, today(shop), "9999").await, lines[1..]);
    })
    .await;
}

#[tokio::test]
async fn a_refund_is_on_the_day_it_went_and_the_surplus_is_owed_no_more() {
    shop::each(async |shop| {
        let order = shop.order(&["files"]).await;
        shop.pay(&order, 230_000).await;
        shop.drain().await;
        let transfer = shop.transfers(&order).await.remove(0).id;
        shop.advance(Duration::from_hours(24));
        let policy = shop.app.desk.policy.clone();
        shop.step(move |tx, moment| {
            Box::pin(async move {
                let (why, reference) = ("too much", Some("FT9"));
                refund::ask_surplus(tx, &moment, &policy, &transfer, why, reference).await
            })
        })
        .await
        .unwrap();
        shop.drain().await;
        let first = today(shop);
        let second = Span {
            from: first.to,
            to: first.to.plus(Duration::from_hours(24)),
            ..first
        };
        let before = lines(shop, first, "").await;
        assert_eq!(before.len(), 1);
        assert_eq!(before[0].moved.due, tally(0, 0));
        assert_eq!(before[0].refunded, tally(0, 0));
        let after = lines(shop, second, "").await;
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].place.account, ACCOUNT);
        assert_eq!(after[0].refunded, tally(1, 30_000));
        assert_eq!(after[0].moved.received, tally(0, 0));
    })
    .await;
}

/// What the gateway's list has of a webhook's body.
fn listed(shop: &Shop, body: &[u8]) -> TransferFact {
    let gateway = shop.app.desk.gateways.get(sepay::NAME).unwrap();
    let mut facts = gateway.read(body).unwrap();
    match facts.remove(0) {
        Fact::Transfer(transfer) => transfer,
        other => panic!("{other:?}"),
    }
}

/// Three transfers that our books have, as the list has them.
async fn three(shop: &Shop) -> Vec<TransferFact> {
    let mut transfers = Vec::new();
    for dong in [1_000, 1_001, 1_002] {
        let body = shop.transfer(dong, "x");
        shop.webhook(&body).await.unwrap();
        transfers.push(listed(shop, &body));
    }
    transfers
}

#[tokio::test]
async fn every_page_of_the_list_is_fetched_a_day_wider_and_patiently() {
    shop::each(async |shop| {
        let transfers = three(shop).await;
        let double = Arc::new(Double {
            pages: transfers.iter().map(|fact| vec![reported(fact)]).collect(),
            listings: NOW_AND_THEN,
            busy: 2,
            ..Double::default()
        });
        let found = compared(shop, &tellers(sepay::NAME, &double))
            .await
            .unwrap();
        assert_eq!((found.compared, found.differences), (3, vec![]));
        let wanted = double.wanted.lock().unwrap();
        let (span, day) = (today(shop), Duration::from_hours(24));
        assert_eq!(wanted.len(), 3);
        assert!(wanted.iter().all(|w| w.from == span.from.minus(day)));
        assert!(wanted.iter().all(|w| w.to == span.to.plus(day)));
    })
    .await;
}

#[tokio::test]
async fn each_difference_between_the_list_and_our_books_is_named() {
    shop::each(async |shop| {
        let transfers = three(shop).await;
        let changed = TransferFact {
            amount: Money::vnd(9_000),
            ..transfers[1].clone()
        };
        let stranger = TransferFact {
            provider_id: "88".to_owned(),
            natural_key: None,
            reference: "FT88".to_owned(),
            account: "7777".to_owned(),
            direction: Direction::Out,
            ..transfers[2].clone()
        };
        let puzzle = Report {
            key: "odd".to_owned(),
            body: Vec::new(),
            facts: Err(NotUnderstood("id is missing".to_owned())),
        };
        let double = Arc::new(Double {
            pages: vec![
                vec![reported(&transfers[0]), reported(&changed)],
                vec![reported(&stranger), puzzle],
            ],
            listings: NOW_AND_THEN,
            ..Double::default()
        });
        let found = compared(shop, &tellers(sepay::NAME, &double))
            .await
            .unwrap();
        let kinds = found.differences.iter().map(|d| (d.kind.words(), d.amount));
        let mut kinds: Vec<_> = kinds.collect();
        kinds.sort_unstable();
        let expected = [
            ("account not in the settings", 1_002),
            ("amount differs", 9_000),
            ("only at the gateway", 1_002),
            ("only in our books", 1_002),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(found.unreadable.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_an_error_and_never_an_agreement() {
    shop::each(async |shop| {
        let without = Arc::new(Double::default());
        assert!(compared(shop, &tellers("bank", &without)).await.is_err());
        assert!(compared(shop, &Tellers::new()).await.is_err());
        let away = Arc::new(Double {
            listings: NOW_AND_THEN,
            busy: 1_000,
            ..Double::default()
        });
        let said = compared(shop, &tellers("bank", &away)).await.unwrap_err();
        assert!(format!("{said:#}").contains("busy"), "{said:#}");
        assert_eq!(
            away.refusals.load(Ordering::Relaxed),
            6,
            "it is not asked for ever"
        );
    })
    .await;
}
