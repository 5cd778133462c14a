//! Settling: 10,000 webhooks of mixed classes through HTTP, by a server without workers, so that
//! nothing else is in the figure. Every class is counted in the database afterwards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bursar::clock::{Clock, Timestamp};
use bursar::config::Config;
use bursar::connectors::gateways::sepay;
use bursar::id::Mint;
use bursar::model::code::OrderCode;
use bursar::money::Money;
use serde_json::Value;

use crate::http::Client;
use crate::load::{self, Ordered};
use crate::reference::Reference;
use crate::server::{ACCOUNT, API_KEY, Kind, Shop};
use crate::store::Host;
use crate::table::{number, percentile, row};

/// Batches of a hundred webhooks each.
const BATCHES: usize = 100;
/// Orders that a batch is about: exact, twice, in two parts, too much, late.
const ORDERS: [usize; 5] = [40, 5, 5, 5, 5];
/// How long one turn of the reference takes, in seconds.
const TURN: u32 = 3;

/// Print the table for both databases.
pub fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        runtime.block_on(measure(kind))?;
    }
    Ok(())
}

async fn measure(kind: Kind) -> anyhow::Result<()> {
    println!("== settle: {} webhooks, {}", BATCHES * 100, kind.name());
    let host = Host::start(kind)?;
    let mut reference = Reference::prepare(&host).await?;
    println!();
    let name = reference.name();
    row(&[
        "concurrency",
        "per second",
        "p50 ms",
        "p99 ms",
        name,
        "ratio",
    ]);
    for concurrency in [1, 8, 32] {
        let shop = host.shop(&format!("settle{concurrency}"), None).await?;
        let (rate, took) = settle(&host, &shop, concurrency).await?;
        let theirs = reference.per_second(concurrency, TURN)?;
        row(&[
            &concurrency.to_string(),
            &number(rate),
            &number(percentile(&took, 50)),
            &number(percentile(&took, 99)),
            &number(theirs),
            &number(rate / theirs),
        ]);
    }
    println!();
    Ok(())
}

/// Webhooks per second, and the milliseconds that each took, sorted.
async fn settle(host: &Host, shop: &Shop, concurrency: usize) -> anyhow::Result<(f64, Vec<f64>)> {
    shop.settle(0)?;
    let server = shop.serve()?;
    let count = ORDERS.iter().sum::<usize>() * BATCHES;
    let orders = load::crowd(server.port, 16, count, async |client, _| {
        load::order(client).await
    });
    let orders = orders.await?;
    server.stop()?;
    let planned = Plan::over(&orders);
    host.expire(shop, &planned.late).await?;
    let server = shop.serve()?;
    let watch = host.watch(shop).await?;
    watch.until_expired(planned.late.len()).await?;
    let bodies = &planned.bodies;
    let begun = Instant::now();
    let took = load::crowd(
        server.port,
        concurrency,
        bodies.len(),
        async |client, turn| told(client, &bodies[turn]).await,
    );
    let took = took.await?;
    let whole = begun.elapsed();
    let classes = watch.classes().await?;
    ensure!(
        classes == planned.classes,
        "{classes:?} instead of {:?}",
        planned.classes
    );
    server.stop()?;
    let mut took: Vec<f64> = took.iter().map(|one| one.as_secs_f64() * 1000.0).collect();
    took.sort_by(f64::total_cmp);
    let rate = f64::from(u32::try_from(bodies.len())?) / whole.as_secs_f64();
    Ok((rate, took))
}

async fn told(client: &mut Client, body: &str) -> anyhow::Result<Duration> {
    let headers = format!("Authorization: Apikey {API_KEY}\r\n");
    let begun = Instant::now();
    let answer = client
        .post("/api/v1/payment/webhook", &headers, body)
        .await?;
    let took = begun.elapsed();
    ensure!(answer["success"] == true, "not taken: {answer}");
    Ok(took)
}

/// The webhooks in their order, and what they must come to.
struct Plan {
    bodies: Vec<String>,
    classes: BTreeMap<String, i64>,
    /// Codes of the orders that have to be expired before.
    late: Vec<String>,
    /// What follows something of a batch comes with the next one, when that is settled.
    next: Vec<String>,
    transfers: i64,
    now: Timestamp,
}

impl Plan {
    fn over(orders: &[Ordered]) -> Self {
        let mut plan = Self {
            bodies: Vec::new(),
            classes: BTreeMap::new(),
            late: Vec::new(),
            next: Vec::new(),
            transfers: 0,
            now: Clock::system().now(),
        };
        for batch in orders.chunks(ORDERS.iter().sum()) {
            plan.batch(batch);
        }
        plan.bodies.append(&mut plan.next);
        plan
    }

    /// A hundred webhooks.
    fn batch(&mut self, orders: &[Ordered]) {
        let before = std::mem::take(&mut self.next);
        let mut rest = orders;
        let [exact, twice, parts, over, late] = ORDERS.map(|count| {
            let (these, others) = rest.split_at(count);
            rest = others;
            these
        });
        for order in exact {
            self.add("exact", order.total, &order.code);
        }
        for order in twice {
            self.add("exact", order.total, &order.code);
            self.later("duplicate", order.total, &order.code);
        }
        for order in parts {
            self.add("short", 200_000, &order.code);
            self.later("combined", order.total - 200_000, &order.code);
        }
        for order in over {
            self.add("over", order.total + 50_000, &order.code);
        }
        for order in late {
            self.add("late", order.total, &order.code);
            self.late.push(order.code.clone());
        }
        self.nobodys();
        let again = self.bodies.len() - 10..;
        self.next.extend_from_slice(&self.bodies[again]);
        self.bodies.extend(before);
    }

    /// Without an order.
    fn nobodys(&mut self) {
        let prefix = Config::default().shop.code_prefix;
        for _ in 0..10 {
            self.add("no_code", 599_000, "chuyen tien");
        }
        for _ in 0..5 {
            let unknown = OrderCode::mint(&prefix, &Mint::system());
            self.add("wrong_code", 599_000, unknown.as_str());
        }
        for _ in 0..5 {
            let mut body = self.transfer("outgoing", 10_000, "luong");
            body["transferType"] = "out".into();
            self.bodies.push(body.to_string());
        }
    }

    fn add(&mut self, class: &str, dong: i64, memo: &str) {
        let body = self.transfer(class, dong, memo).to_string();
        self.bodies.push(body);
    }

    fn later(&mut self, class: &str, dong: i64, memo: &str) {
        let body = self.transfer(class, dong, memo).to_string();
        self.next.push(body);
    }

    fn transfer(&mut self, class: &str, dong: i64, memo: &str) -> Value {
        *self.classes.entry(class.to_owned()).or_default() += 1;
        self.transfers += 1;
        let memo = format!("MBVCB.{}.{memo}.CT tu 0011", self.transfers);
        sepay::sample_webhook(self.transfers, ACCOUNT, Money::vnd(dong), &memo, self.now)
    }
}
