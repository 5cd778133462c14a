//! Access follows money, proved: histories of purchases, gifts, refunds, disputes and days, over three courses
//! and a bundle, each against an oracle that knows nothing but the history. On SQLite all of them, up to a
//! length; the walk takes two that led to the same on as one, and says why it may. On PostgreSQL a random
//! sample of longer ones. `BURSAR_HISTORIES=6 cargo test --release --test it entitlements` walks further.

use bursar::db::Kind;
use bursar::id::Mint;

mod history;
mod oracle;
mod snapshot;
mod stage;
mod walk;

use stage::{Stage, expected};
use walk::Plan;

/// Longer than any that are walked in full.
const DEEP: usize = 8;

#[test]
fn every_history_ends_as_its_money_says() {
    let asked = std::env::var("BURSAR_HISTORIES").ok();
    let plan = match asked.and_then(|length| length.parse().ok()) {
        Some(length) => Plan {
            everything: length,
            rest: length,
        },
        None => Plan {
            everything: 4,
            rest: 4,
        },
    };
    let covered = walk::all(plan);
    assert!(covered.histories > 3000, "{covered:?}");
}

#[tokio::test]
async fn long_histories_end_as_their_money_says_also_where_many_write_at_once() {
    let mut stage = Stage::open(Kind::Postgres).await;
    let chance = Mint::seeded(7);
    for learner in 0..150 {
        stage
            .begin_anew(format!("learner{learner}@example.com"))
            .await;
        let mut history = Vec::new();
        while history.len() < DEEP {
            let possible = walk::possible(&oracle::after(&history));
            let place = usize::try_from(chance.bits() >> 32).unwrap() % possible.len();
            history.push(possible[place].0);
            stage.play(history[history.len() - 1]).await;
        }
        let world = oracle::after(&history);
        assert_eq!(stage.look().await, expected(&world), "after {history:?}");
    }
}
