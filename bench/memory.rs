//! Resident memory of the server's process: after its start, and under the load of `purchases`.

use std::time::{Duration, Instant};

use crate::load;
use crate::machine::megabytes;
use crate::server::Kind;
use crate::store::Host;
use crate::table::{number, row};

const CONCURRENCY: usize = 32;
const LOAD: Duration = Duration::from_secs(12);
const IDLE: Duration = Duration::from_secs(3);

/// Print the table for both databases.
pub fn run() -> anyhow::Result<()> {
    println!("== memory: resident, in MB, of the server's process alone");
    row(&["", "idle", "peak", "after", "purchases"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        runtime.block_on(measure(kind))?;
    }
    println!("(idle: {IDLE:?} after its start; peak: {CONCURRENCY} buyers at once for {LOAD:?})\n");
    Ok(())
}

async fn measure(kind: Kind) -> anyhow::Result<()> {
    let host = Host::start(kind)?;
    let shop = host.shop("memory", None).await?;
    let server = shop.serve()?;
    tokio::time::sleep(IDLE).await;
    let idle = megabytes(server.pid(), "VmRSS");
    let end = Instant::now() + LOAD;
    let mut done = 0;
    while Instant::now() < end {
        load::crowd(server.port, CONCURRENCY, 200, async |client, _| {
            let order = load::order(client).await?;
            load::pay(client, &order).await
        })
        .await?;
        done += 200;
    }
    let watch = host.watch(&shop).await?;
    watch.until_idle().await?;
    watch.expect_done(done).await?;
    row(&[
        kind.name(),
        &number(idle),
        &number(megabytes(server.pid(), "VmHWM")),
        &number(megabytes(server.pid(), "VmRSS")),
        &done.to_string(),
    ]);
    Ok(())
}
