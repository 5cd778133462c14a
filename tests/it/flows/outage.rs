//! A day without the server, ten thousand transfers at the bank, and every retry of every webhook over.
//! Then it is back, dies in the middle of a round, and is back again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bursar::args;
use bursar::clock::Timestamp;
use bursar::db::{Breaks, Db, Kind, Row, Sql};
use bursar::id::Mint;
use bursar::model::alert::WEBHOOK_SILENT;
use bursar::model::code::OrderCode;
use bursar::model::order::{Order, PaymentStatus};
use bursar::model::transfer::Class;
use bursar::queue;

use crate::harness::bank::{Bank, STEP};
use crate::harness::books;
use crate::harness::sepay_api::Booking;
use crate::harness::shop::{ACCOUNT, LEASE};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// What every course of this test costs.
const PRICE: i64 = 400_000;
/// Transfers of one batch.
const BATCH: usize = 100;
/// Orders of the late ones are older than the others by so much, and live two days.
const OLDER: Duration = Duration::from_mins(2821);

bursar::statements! {
    CLASSES = "SELECT class AS word, COUNT(*) AS n FROM transfers GROUP BY class";
    ROADS = "SELECT road AS word, COUNT(*) AS n FROM transfer_names GROUP BY road";
    LETTERS = "SELECT kind AS word, COUNT(*) AS n FROM emails GROUP BY kind";
    EVENTS = "SELECT state AS word, COUNT(*) AS n FROM gateway_events GROUP BY state";
    PAID = "SELECT payment_status AS word, COUNT(*) AS n FROM orders GROUP BY payment_status";
    SETTLERS = "SELECT state AS word, COUNT(*) AS n FROM tasks WHERE kind IN ('settle_event', 'send_email') GROUP BY state";
    ALLOCATED = "SELECT 'orders' AS word, COUNT(DISTINCT order_id) AS n FROM allocations";
}

async fn counts(db: &Db, sql: &'static Sql) -> BTreeMap<String, usize> {
    let rows = db.read(move |tx| Box::pin(async move { tx.rows(sql, args![]).await }));
    let read = |row: &Row| {
        let n: i64 = row.get("n").unwrap();
        (row.get("word").unwrap(), usize::try_from(n).unwrap())
    };
    rows.await.unwrap().iter().map(read).collect()
}

/// Dies at one commit and stays dead.
struct Death {
    after: usize,
    commits: AtomicUsize,
}

impl Breaks for Death {
    fn before_commit(&self) -> bool {
        self.commits.fetch_add(1, Ordering::SeqCst) >= self.after
    }
}

/// What is planned for the day of the outage.
struct Plan {
    planned: Vec<Booking>,
    classes: BTreeMap<String, usize>,
    /// Orders that are paid in the end, and those that are not.
    paid: Vec<Order>,
    unpaid: Vec<Order>,
}

impl Plan {
    fn new() -> Self {
        Self {
            planned: Vec::new(),
            classes: BTreeMap::new(),
            paid: Vec::new(),
            unpaid: Vec::new(),
        }
    }

    /// One more transfer; its time comes later.
    fn add(&mut self, class: Class, dong: i64, memo: &str) -> &mut Booking {
        *self.classes.entry(class.to_string()).or_default() += 1;
        let number = self.planned.len();
        let memo = format!("MBVCB.{number}.{memo}.CT tu 0011 NGUYEN AN");
        let booking = Booking::incoming(ACCOUNT, dong, &memo, Timestamp(0));
        self.planned.push(booking.reference(&format!("FT{number}")));
        self.planned.last_mut().unwrap()
    }

    /// Orders that the next batch is about.
    async fn orders(bank: &Bank, count: usize) -> Vec<Order> {
        let mut orders = Vec::new();
        for _ in 0..count {
            orders.push(bank.shop.order(&["worker"]).await);
        }
        orders
    }

    /// A hundred transfers of every class; `late` are orders that expire before they are paid.
    async fn batch(&mut self, bank: &Bank, late: &[Order]) {
        let paid = Self::orders(bank, 14).await;
        let unpaid = Self::orders(bank, 2).await;
        for order in &paid[0..8] {
            self.add(Class::Exact, PRICE, order.code.as_str());
        }
        for order in &paid[8..10] {
            self.add(Class::Short, 150_000, order.code.as_str());
            self.add(Class::Combined, PRICE - 150_000, order.code.as_str());
        }
        for order in &paid[10..12] {
            self.add(Class::Over, PRICE + 50_000, order.code.as_str());
        }
        for order in &paid[12..14] {
            self.add(Class::Exact, PRICE, order.code.as_str());
            self.add(Class::Duplicate, PRICE, order.code.as_str());
        }
        for order in late {
            self.add(Class::Late, PRICE, order.code.as_str());
        }
        let both = format!("{} {}", unpaid[0].code.as_str(), unpaid[1].code.as_str());
        self.add(Class::Split, 2 * PRICE, &both);
        self.puzzles();
        self.paid.extend(paid);
        self.paid.extend_from_slice(late);
        self.unpaid.extend(unpaid);
    }

    /// What belongs to no order.
    fn puzzles(&mut self) {
        let mint = Mint::seeded(u64::try_from(self.planned.len()).unwrap());
        for n in 0..8 {
            let unknown = OrderCode::mint("DH", &mint);
            self.add(Class::WrongCode, PRICE + n, unknown.as_str());
        }
        for n in 0..20 {
            self.add(Class::Outgoing, 10_000 + n, "luong thang")
                .incoming = false;
        }
        for n in 0..4 {
            "999888777".clone_into(&mut self.add(Class::WrongAccount, 1000 + n, "x").account);
        }
        for n in 0..3 {
            let words = format!("tra tien {}", self.planned.len() + n);
            for _ in 0..2 {
                let twin = self.add(Class::NoCode, PRICE, "");
                twin.reference.clear();
                words.clone_into(&mut twin.memo);
            }
        }
        while !self.planned.len().is_multiple_of(BATCH) {
            self.add(Class::NoCode, PRICE, "chuyen khoan");
        }
    }

    /// Spread over the day up to `end`, the first ones before it began; true twins in one second.
    /// Some of the last hour are listed only when the server is back.
    fn book(&self, bank: &Bank, end: Timestamp) -> Vec<i64> {
        let apart = (DAY + HOUR) / u32::try_from(self.planned.len()).unwrap();
        let begin = end.minus(DAY + HOUR);
        let mut last = begin;
        let mut ids = Vec::new();
        for (n, planned) in self.planned.iter().enumerate() {
            let is_second_twin = planned.reference.is_empty() && n % 2 == 1;
            if !is_second_twin {
                last = begin.plus(apart * u32::try_from(n).unwrap());
            }
            let is_slow = n % 7 == 0 && end.since(last) < HOUR && !is_second_twin;
            ids.push(bank.fake.book(Booking {
                booked_at: last,
                listed_at: if is_slow { end.plus(2 * MINUTE) } else { last },
                ..planned.clone()
            }));
        }
        ids
    }
}

/// How large the day is, and when the process dies.
struct Size {
    batches: usize,
    dies_after: usize,
}

async fn story(kind: Kind, version: &'static str, size: Size) {
    eprintln!("on {kind:?}, {version}");
    let bank = Box::pin(Bank::open(kind, version, 48)).await;
    let mut plan = Plan::new();
    let late = Plan::orders(&bank, 3 * size.batches).await;
    bank.shop.advance(OLDER);
    for late in late.chunks(3) {
        plan.batch(&bank, late).await;
    }
    assert_eq!(plan.planned.len(), BATCH * size.batches);
    let ids = plan.book(&bank, bank.shop.clock.now().plus(HOUR + DAY));
    let share = ids.len() / 50;
    go_away(&bank, &ids[..share]).await;
    die(&bank, size.dies_after).await;
    come_back(&bank, &ids[ids.len() - share..]).await;

    bank.read_again("recent", 6 * MINUTE).await;
    let silent = bank.alerts().await;
    assert_eq!(silent.len(), 1, "{silent:?}");
    assert_eq!(silent[0].kind, WEBHOOK_SILENT);
    check(&bank, &plan).await;
    bank.read_again("recent", DAY + HOUR).await;
    assert!(bank.alerts().await.is_empty(), "the alarm is over");
    check(&bank, &plan).await;
    bank.assert_rate_kept();
}

/// Webhooks come up to the cut; then nobody is there for a day.
async fn go_away(bank: &Bank, told: &[i64]) {
    bank.shop.advance(HOUR);
    bank.shop.sweep().await;
    for id in told {
        bank.tell(*id).await;
    }
    bank.shop.drain().await;
    bank.shop.advance(DAY);
    bank.shop.sweep().await;
}

/// The server is back, and dead in the middle of its first round.
async fn die(bank: &Bank, dies_after: usize) {
    bank.poll().await;
    let death = Death {
        after: dies_after,
        commits: AtomicUsize::new(0),
    };
    let dying = bank.shop.restarted(Some(Arc::new(death))).await;
    while Box::pin(queue::drain(&dying)).await.is_ok() {
        bank.shop.advance(STEP);
    }
    let lists = bank.lists().await;
    assert!(lists.iter().any(|list| list.news > 0), "something is found");
    assert!(
        lists.iter().all(|list| list.finished_at.is_none()),
        "not all is"
    );
    bank.shop.advance(LEASE + Duration::from_secs(1));
    bank.shop.sweep().await;
}

/// Back for good; the webhooks that are still tried again come meanwhile.
async fn come_back(bank: &Bank, retried: &[i64]) {
    let retried = Mutex::new(retried.iter());
    bank.read_all(&bank.shop.app, async |_| {
        let next = retried.lock().unwrap().next();
        if let Some(id) = next {
            bank.tell(*id).await;
        }
    })
    .await;
    for id in retried.into_inner().unwrap() {
        bank.tell(*id).await;
    }
}

/// All found, none doubled, every order that has its money paid once.
async fn check(bank: &Bank, plan: &Plan) {
    let db = &bank.shop.app.db;
    assert_eq!(counts(db, &CLASSES).await, plan.classes);
    let roads = counts(db, &ROADS).await;
    assert_eq!(roads[bank.version], plan.planned.len(), "all are listed");
    let statuses = counts(db, &PAID).await;
    assert_eq!(statuses["paid"], plan.paid.len());
    assert_eq!(
        statuses.values().sum::<usize>(),
        plan.paid.len() + plan.unpaid.len()
    );
    assert_eq!(counts(db, &ALLOCATED).await["orders"], plan.paid.len());
    for order in &plan.paid {
        let now = bank.shop.order_now(&order.id).await;
        assert_eq!(now.payment_status, PaymentStatus::Paid);
        assert_eq!(
            now.received.minor, PRICE,
            "what is over belongs to the payer"
        );
    }
    let letters = counts(db, &LETTERS).await;
    assert_eq!(letters["receipt"], plan.paid.len());
    let events = counts(db, &EVENTS).await;
    assert_eq!(events.keys().collect::<Vec<_>>(), ["settled"]);
    let tasks = counts(db, &SETTLERS).await;
    assert_eq!(tasks.keys().collect::<Vec<_>>(), ["done"]);
    books::agree(db).await;
}

#[tokio::test]
async fn after_a_day_away_every_one_of_10_000_transfers_is_in_the_books_once() {
    let size = Size {
        batches: 100,
        dies_after: 3000,
    };
    story(Kind::Sqlite, "v2", size).await;
}

#[tokio::test]
async fn after_a_day_away_all_is_found_by_each_version_on_each_database() {
    for (kind, version) in [
        (Kind::Sqlite, "v1"),
        (Kind::Postgres, "v1"),
        (Kind::Postgres, "v2"),
    ] {
        let size = Size {
            batches: 12,
            dies_after: 600,
        };
        story(kind, version, size).await;
    }
}
