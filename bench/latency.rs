//! Paid → access at idle, beyond the learning platform's own answer time: one purchase at a time,
//! enrolled over real HTTP on a fake that takes its time. The clock runs from the webhook (its
//! request, and its answer) until the grant is active in the database, as another process sees it.

use std::time::{Duration, Instant};

use bursar::connectors::lms::fake::{FakeLms, FakeLmsOptions};

use crate::http::Client;
use crate::load;
use crate::server::{COURSE, Kind};
use crate::store::{Host, Watch};
use crate::table::{number, percentile, row};

const PURCHASES: usize = 300;
/// What the fake takes for each answer.
const PLATFORM: Duration = Duration::from_millis(20);
/// Between two looks into the database; half of it is in every figure.
const LOOK_EVERY: Duration = Duration::from_micros(200);
/// At idle: everything of the purchase before is over.
const REST: Duration = Duration::from_millis(30);

/// Print the table for both databases.
pub fn run() -> anyhow::Result<()> {
    println!(
        "== latency: paid to access beyond the platform's own time, {PURCHASES} purchases one at a time"
    );
    row(&["ms", "p50", "p99", "most", "platform p50"]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        runtime.block_on(measure(kind))?;
    }
    println!();
    Ok(())
}

async fn measure(kind: Kind) -> anyhow::Result<()> {
    let platform = FakeLms::start(FakeLmsOptions {
        courses: vec![(COURSE.to_owned(), COURSE.to_owned())],
        latency: PLATFORM,
        ..FakeLmsOptions::default()
    })
    .await?;
    let host = Host::start(kind)?;
    let shop = host.shop("latency", Some(&platform.connection())).await?;
    let server = shop.serve()?;
    let watch = host.watch(&shop).await?;
    let mut client = Client::connect(server.port).await?;
    let (mut asked, mut answered, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..PURCHASES + 10 {
        let before = platform.spent();
        let (whole, rest) = purchase(&mut client, &watch).await?;
        let spent = platform.spent().saturating_sub(before);
        // The first ones open connections.
        if turn >= 10 {
            asked.push(millis(whole) - millis(spent));
            answered.push(millis(rest) - millis(spent));
            theirs.push(millis(spent));
        }
        watch.until_idle().await?;
        tokio::time::sleep(REST).await;
    }
    for (from, mut figures) in [("its request", asked), ("its answer", answered)] {
        figures.sort_by(f64::total_cmp);
        theirs.sort_by(f64::total_cmp);
        row(&[
            &format!("{}, from {from}", kind.name()),
            &number(percentile(&figures, 50)),
            &number(percentile(&figures, 99)),
            &number(percentile(&figures, 100)),
            &number(percentile(&theirs, 50)),
        ]);
    }
    Ok(())
}

/// Time from the webhook's request, and from its answer, until access.
async fn purchase(client: &mut Client, watch: &Watch) -> anyhow::Result<(Duration, Duration)> {
    let order = load::order(client).await?;
    let asked = Instant::now();
    load::pay(client, &order).await?;
    let answered = Instant::now();
    while !watch.is_active(&order.id).await? {
        // Not the runtime's timer: it counts whole milliseconds.
        tokio::task::block_in_place(|| std::thread::sleep(LOOK_EVERY));
    }
    Ok((asked.elapsed(), answered.elapsed()))
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
