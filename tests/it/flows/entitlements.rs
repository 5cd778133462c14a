//! Access follows money, proved: histories of purchases, gifts, refunds, disputes and days, over three courses
//! and a bundle, each against an oracle that knows nothing but the history. On SQLite all of them up to a
//! length, where two that led to the same are taken as one (`walk`); of the longer ones every event that
//! meets something new (`situations`). On PostgreSQL a random sample of still longer ones.
//! `BURSAR_HISTORIES=6 cargo test --test it every_history` walks all of six, for half an hour or so.

use bursar::db::Kind;
use bursar::id::Mint;

mod history;
mod oracle;
mod situations;
mod snapshot;
mod stage;
mod walk;

use stage::{Stage, expected};

/// All histories of so many events are walked.
const ALL: usize = 4;
/// Of those up to this length, every event that meets something new.
const LONG: usize = 6;
/// Longer than any of them.
const DEEP: usize = 8;

#[test]
fn every_history_ends_as_its_money_says() {
    let asked = std::env::var("BURSAR_HISTORIES").ok();
    let length = asked.and_then(|length| length.parse().ok()).unwrap_or(ALL);
    let covered = walk::all(length);
    assert!(covered.histories > 300, "{covered:?}");
}

#[test]
fn whatever_an_event_of_a_long_history_meets_it_ends_as_its_money_says() {
    let choice = situations::choose(LONG);
    let told = choice.histories.len();
    let (events, histories) = (choice.events, choice.stands_for);
    let situations = choice.situations;
    eprintln!(
        "{situations} situations, met at the end of {told} of {events} ({histories} histories)"
    );
    assert!(told > 1000, "{told}");
    let plays = walk::each([choice.histories, choice.sample].concat());
    eprintln!("{plays} events told");
}

#[tokio::test]
async fn long_histories_end_as_their_money_says_also_where_many_write_at_once() {
    let mut stage = Stage::open(Kind::Postgres).await;
    let chance = Mint::seeded(7);
    for learner in 0..150 {
        stage
            .begin_anew(format!("learner{learner}@example.com"))
            .await;
        let history = situations::random(&chance, DEEP);
        for event in &history {
            stage.play(*event).await;
        }
        let world = oracle::after(&history);
        assert_eq!(stage.look().await, expected(&world), "after {history:?}");
    }
}
