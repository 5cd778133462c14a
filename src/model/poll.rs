//! Polls: how far each list of each gateway has been read. A round covers a span of time, page by
//! page; it begins before the end of the last complete one, so that an outage of any length leaves no gap.

use std::time::Duration;

use super::Moment;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};

/// The first round ever looks so far back: what was paid while this was being set up.
const FIRST_LOOK: Duration = Duration::from_hours(48);

/// How far one list has been read.
#[derive(Debug, Clone)]
pub struct Poll {
    /// `GATEWAY/LISTING`.
    pub subject: String,
    /// Everything before was in a complete round.
    pub covered_to: Option<Timestamp>,
    /// Seen in all rounds.
    pub items: i64,
    /// Of them not known before.
    pub news: i64,
    /// When a round was last complete.
    pub finished_at: Option<Timestamp>,
    /// Tries in a row that failed.
    pub failures: i64,
    /// Why the last try failed; none after one that worked.
    pub why: Option<String>,
}

/// The part of a list that is to be read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Nothing before.
    pub from: Timestamp,
    /// Nothing after.
    pub to: Timestamp,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

crate::statements! {
    ENSURE = "INSERT INTO polls (subject) VALUES ($1) ON CONFLICT DO NOTHING";
    BY_SUBJECT = "SELECT * FROM polls WHERE subject = $1";
    BEGIN = "UPDATE polls SET cursor = NULL, round_from = $2, round_to = $3 WHERE subject = $1 AND round_to IS NULL";
    TURN = "UPDATE polls SET cursor = $2, items = items + $3, news = news + $4, failures = 0, why = NULL WHERE subject = $1";
    END = "UPDATE polls SET cursor = NULL, round_from = NULL, round_to = NULL, covered_to = round_to, finished_at = $4,
             items = items + $2, news = news + $3, failures = 0, why = NULL
           WHERE subject = $1 AND round_to IS NOT NULL";
    FAIL = "UPDATE polls SET failures = failures + 1, why = $2 WHERE subject = $1 RETURNING failures";
    ALL = "SELECT * FROM polls ORDER BY subject";
}

/// Know of a list.
pub fn ensure(tx: &mut Tx<'_>, subject: &str) {
    tx.later(&ENSURE, args![subject]);
}

/// What to read next: the rest of the round under way, or a new round up to now.
pub async fn window(
    tx: &mut Tx<'_>,
    moment: &Moment,
    subject: &str,
    overlap: Duration,
) -> Result<Window> {
    let row = tx.row(&BY_SUBJECT, args![subject]).await?;
    let row = row.ok_or(Error::NotFound("listing"))?;
    if let (Some(from), Some(to)) = (row.get("round_from")?, row.get("round_to")?) {
        let cursor = row.get("cursor")?;
        return Ok(Window { from, to, cursor });
    }
    let covered: Option<Timestamp> = row.get("covered_to")?;
    let from = covered.map_or_else(
        || moment.now.minus(overlap.max(FIRST_LOOK)),
        |covered| covered.minus(overlap),
    );
    let to = moment.now;
    tx.exec(&BEGIN, args![subject, from, to]).await?;
    let cursor = None;
    Ok(Window { from, to, cursor })
}

/// A page was read: `items` on it, `news` of them new. With no next page the round is complete.
pub async fn turn(
    tx: &mut Tx<'_>,
    moment: &Moment,
    subject: &str,
    (items, news): (i64, i64),
    next: Option<&str>,
) -> Result<()> {
    match next {
        Some(cursor) => tx.exec(&TURN, args![subject, cursor, items, news]).await?,
        None => {
            tx.exec(&END, args![subject, items, news, moment.now])
                .await?
        }
    };
    Ok(())
}

/// A page could not be read: the round stays where it is. How many tries in a row failed.
pub async fn fail(tx: &mut Tx<'_>, subject: &str, why: &str) -> Result<i64> {
    let row = tx.row(&FAIL, args![subject, why]).await?;
    row.map_or(Ok(1), |r| Ok(r.get("failures")?))
}

/// All lists.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<Poll>> {
    let read = |row: &Row| {
        Ok(Poll {
            subject: row.get("subject")?,
            covered_to: row.get("covered_to")?,
            items: row.get("items")?,
            news: row.get("news")?,
            finished_at: row.get("finished_at")?,
            failures: row.get("failures")?,
            why: row.get("why")?,
        })
    };
    tx.rows(&ALL, &[]).await?.iter().map(read).collect()
}
