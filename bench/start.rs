//! From the start of the process to its first answers, on a database that exists.

use std::time::Instant;

use crate::load;
use crate::server::Kind;
use crate::store::Host;
use crate::table::{median, number, row};

const STARTS: usize = 20;

/// Print the table for both databases.
pub fn run() -> anyhow::Result<()> {
    println!("== start: ms from the start of the process to the first 200, median of {STARTS}");
    row(&["", "/healthz", "/readyz"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        runtime.block_on(measure(kind))?;
    }
    println!();
    Ok(())
}

async fn measure(kind: Kind) -> anyhow::Result<()> {
    let host = Host::start(kind)?;
    let shop = host.shop("start", None).await?;
    let server = shop.serve()?;
    load::crowd(server.port, 8, 500, async |client, _| {
        let order = load::order(client).await?;
        load::pay(client, &order).await
    })
    .await?;
    host.watch(&shop).await?.until_idle().await?;
    server.stop()?;
    let (mut lives, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut server = shop.spawn()?;
        server.wait_for("/healthz")?;
        lives.push(begun.elapsed().as_secs_f64() * 1000.0);
        server.wait_for("/readyz")?;
        ready.push(begun.elapsed().as_secs_f64() * 1000.0);
        server.stop()?;
    }
    row(&[kind.name(), &number(median(lives)), &number(median(ready))]);
    Ok(())
}
