//! Complete purchases per second: create-order and webhook over HTTP, the enrolment through the
//! connector in memory, both letters in a folder in memory. The clock runs from the first request
//! until every order is completed and every letter sent.

use std::time::{Duration, Instant};

use crate::load;
use crate::machine::processor_time;
use crate::reference::Reference;
use crate::server::{Kind, Server, Shop};
use crate::store::{Host, Watch};
use crate::table::{median, number, row};

/// Bursar and its reference take turns this often.
const ROUNDS: usize = 3;
/// How long one turn of the reference takes, in seconds.
const TURN: u32 = 3;

/// Print the table for one database.
pub fn run(kind: Kind) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(kind))
}

async fn measure(kind: Kind) -> anyhow::Result<()> {
    println!("== purchases, {}", kind.name());
    let host = Host::start(kind)?;
    let mut reference = Reference::prepare(&host).await?;
    let shop = host.shop("bursar", None).await?;
    let watch = host.watch(&shop).await?;
    let server = shop.serve()?;
    let mut bench = Bench {
        host: &host,
        server,
        watch,
        done: 0,
    };
    bench.purchases(8, 200).await?;
    println!();
    row(&[
        "concurrency",
        "bursar/s",
        reference.name(),
        "ratio",
        "server",
        "database",
        "client",
    ]);
    for (concurrency, count) in [(1, 500), (8, 1000), (32, 1500)] {
        let (mut ours, mut theirs, mut costs) = (Vec::new(), Vec::new(), Cost::default());
        for _ in 0..ROUNDS {
            let (rate, cost) = bench.purchases(concurrency, count).await?;
            ours.push(rate);
            costs = cost;
            theirs.push(reference.per_second(concurrency, TURN)?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let [server, database, client] = costs.per(count);
        row(&[
            &concurrency.to_string(),
            &number(ours),
            &number(theirs),
            &number(ours / theirs),
            &server,
            &database,
            &client,
        ]);
    }
    println!("(server, database, client: processor time per purchase in the last round)\n");
    if kind == Kind::Postgres {
        bench.count_statements().await?;
    }
    drop(bench);
    parts(&host).await
}

/// The server under load.
struct Bench<'h> {
    host: &'h Host,
    server: Server,
    watch: Watch,
    done: usize,
}

/// Processor time of server, database and load generator.
#[derive(Default, Clone, Copy)]
struct Cost([Duration; 3]);

impl Cost {
    fn now(host: &Host, server: &Server) -> Self {
        let database = host
            .pid()
            .map_or(Duration::ZERO, |pid| processor_time(pid, true));
        let own = processor_time(std::process::id(), false);
        Self([processor_time(server.pid(), false), database, own])
    }

    fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[i].saturating_sub(before.0[i])
        }))
    }

    fn per(self, count: usize) -> [String; 3] {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.0
            .map(|cost| format!("{} µs", (cost / count).as_micros()))
    }
}

impl Bench<'_> {
    /// `count` whole purchases; per second, and what they cost.
    async fn purchases(&mut self, concurrency: usize, count: usize) -> anyhow::Result<(f64, Cost)> {
        let before = Cost::now(self.host, &self.server);
        let begun = Instant::now();
        load::crowd(self.server.port, concurrency, count, async |client, _| {
            let order = load::order(client).await?;
            load::pay(client, &order).await
        })
        .await?;
        self.watch.until_idle().await?;
        let took = begun.elapsed();
        let cost = Cost::now(self.host, &self.server).since(before);
        self.done += count;
        self.watch.expect_done(self.done).await?;
        Ok((rate(count, took), cost))
    }

    async fn count_statements(&mut self) -> anyhow::Result<()> {
        let count = 300;
        self.watch.count_statements().await?;
        for concurrency in [1, 32] {
            self.watch.count_statements().await?;
            self.purchases(concurrency, count).await?;
            let found = self.watch.statements().await?;
            let calls = |of: &dyn Fn(&str) -> bool| {
                let sum: i64 = found.iter().filter(|s| of(&s.0)).map(|s| s.1).sum();
                number(per(sum, count))
            };
            println!(
                "concurrency {concurrency}: statements per purchase {}, of them COMMIT {}, BEGIN or START {}, ROLLBACK {}",
                calls(&|_| true),
                calls(&|sql| sql.starts_with("COMMIT")),
                calls(&|sql| sql.starts_with("BEGIN") || sql.starts_with("START")),
                calls(&|sql| sql.starts_with("ROLLBACK")),
            );
            if std::env::var_os("BENCH_STATEMENTS").is_some() {
                for (sql, calls, millis) in found.iter().take(60) {
                    let micros = millis * 1000.0 / f64::from(u32::try_from(*calls)?);
                    let sql: String = sql.chars().take(110).collect();
                    println!(
                        "  {:>6} x {:>6} µs  {sql}",
                        number(per(*calls, count)),
                        number(micros)
                    );
                }
            }
        }
        println!();
        Ok(())
    }
}

fn per(sum: i64, count: usize) -> f64 {
    let (sum, count) = (u32::try_from(sum), u32::try_from(count));
    f64::from(sum.unwrap_or(u32::MAX)) / f64::from(count.unwrap_or(1))
}

/// The same one part after the other: orders, then webhooks by a server without workers, then
/// fulfilment by one that only works.
async fn parts(host: &Host) -> anyhow::Result<()> {
    row(&["one part alone", "create-order", "webhook", "fulfilment"]);
    for (concurrency, count) in [(1, 500), (8, 1000), (32, 1500)] {
        let shop = host.shop(&format!("parts{concurrency}"), None).await?;
        shop.settle(0)?;
        let server = shop.serve()?;
        let begun = Instant::now();
        let orders = load::crowd(server.port, concurrency, count, async |client, _| {
            load::order(client).await
        })
        .await?;
        let ordered = begun.elapsed();
        let begun = Instant::now();
        load::crowd(server.port, concurrency, count, async |client, turn| {
            load::pay(client, &orders[turn]).await
        })
        .await?;
        let paid = begun.elapsed();
        server.stop()?;
        let fulfilled = fulfil(host, &shop, count).await?;
        let figures =
            [ordered, paid, fulfilled].map(|took| format!("{}/s", number(rate(count, took))));
        row(&[
            &format!("concurrency {concurrency}"),
            &figures[0],
            &figures[1],
            &figures[2],
        ]);
    }
    println!("(fulfilment: always 16 slots; its tasks are all ready at the start)\n");
    Ok(())
}

async fn fulfil(host: &Host, shop: &Shop, count: usize) -> anyhow::Result<Duration> {
    shop.settle(16)?;
    let server = shop.serve()?;
    let begun = Instant::now();
    let watch = host.watch(shop).await?;
    watch.until_idle().await?;
    let took = begun.elapsed();
    watch.expect_done(count).await?;
    server.stop()?;
    Ok(took)
}

fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.as_secs_f64()
}
