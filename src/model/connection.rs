//! Connections: the breaker and the pace of each platform, gateway and file source, shared by all nodes.
//! Open: its tasks rest until the probe time, without using attempts. Then a few try; success
//! closes it and releases the rest, failure sets the next probe.

use std::time::Duration;

use super::Moment;
use super::audit::{self, Change};
use super::task;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;

/// Transient failures in a row that open the breaker.
const PATIENCE: i64 = 5;
/// Time between probes of an open breaker.
const PROBE_EVERY: Duration = Duration::from_mins(1);

/// A breaker as stored.
#[derive(Debug, Clone)]
pub struct Breaker {
    /// Name of the connection.
    pub name: String,
    /// It is open: tasks rest.
    pub open: bool,
    /// Failures in a row.
    pub failures: i64,
    /// Why.
    pub why: Option<String>,
    /// Since when.
    pub opened_at: Option<Timestamp>,
    /// Until when tasks rest.
    pub probe_at: Option<Timestamp>,
    /// Until when no other call begins.
    pub quiet_until: Option<Timestamp>,
}

impl Breaker {
    /// Its tasks rest at this moment.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> bool {
        let probes = self.open && self.probe_at.is_some_and(|probe| probe > now);
        probes || self.quiet_until.is_some_and(|until| until > now)
    }

    /// A success would be news.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.open || self.failures > 0
    }
}

crate::statements! {
    STUMBLE = "INSERT INTO connections (name, breaker, failures) VALUES ($1, 'closed', $2)
               ON CONFLICT (name) DO UPDATE SET failures = connections.failures + excluded.failures
               RETURNING failures, breaker";
    OPEN = "UPDATE connections SET breaker = 'open', why = $2, probe_at = $3,
              opened_at = COALESCE(opened_at, $4) WHERE name = $1";
    CLOSE = "UPDATE connections SET breaker = 'closed', failures = 0, why = NULL, opened_at = NULL, probe_at = NULL
             WHERE name = $1 AND (breaker = 'open' OR failures > 0) RETURNING name";
    TAKE_TURN = "INSERT INTO connections (name, breaker, quiet_until) VALUES ($1, 'closed', $3)
                 ON CONFLICT (name) DO UPDATE SET quiet_until = excluded.quiet_until
                   WHERE connections.quiet_until IS NULL OR connections.quiet_until <= $2";
    END_TURN = "UPDATE connections SET quiet_until = $2 WHERE name = $1";
    NOTABLE = "SELECT * FROM connections WHERE breaker = 'open' OR failures > 0 OR quiet_until > $1";
    ALL = "SELECT * FROM connections ORDER BY name";
}

/// A call failed in a way that says nothing about the grant. `broken`: no call can work until it is
/// mended, so the breaker opens at once. True: this opened it, and the seller is to be told, once.
pub async fn stumble(
    tx: &mut Tx<'_>,
    moment: &Moment,
    name: &str,
    why: &str,
    broken: bool,
) -> Result<bool> {
    let weight = if broken { PATIENCE } else { 1 };
    let row = tx.row(&STUMBLE, args![name, weight]).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("the breaker upsert returned nothing"))?;
    if row.get::<i64>("failures")? < PATIENCE {
        return Ok(false);
    }
    let was_open = row.get::<String>("breaker")? == "open";
    let probe = moment.now.plus(PROBE_EVERY);
    tx.exec(&OPEN, args![name, why, probe, moment.now]).await?;
    if !was_open {
        record(tx, moment, name, Some(why), ("closed", "open"));
    }
    Ok(!was_open)
}

/// A call worked: close the breaker and release what rested.
pub async fn recover(tx: &mut Tx<'_>, moment: &Moment, name: &str) -> Result<()> {
    if tx.row(&CLOSE, args![name]).await?.is_some() {
        record(tx, moment, name, None, ("open", "closed"));
        task::release(tx, moment, name).await?;
    }
    Ok(())
}

/// Begin a call of a connection that makes one at a time; none other begins before `until`, on any
/// node, unless [`end_turn`] says so. False: another call has not ended, or its pause has not.
pub async fn take_turn(
    tx: &mut Tx<'_>,
    moment: &Moment,
    name: &str,
    until: Timestamp,
) -> Result<bool> {
    let values = args![name, moment.now, until];
    Ok(tx.exec(&TAKE_TURN, values).await? == 1)
}

/// The call has ended; the next one begins at `next` at the earliest.
pub fn end_turn(tx: &mut Tx<'_>, name: &str, next: Timestamp) {
    tx.later(&END_TURN, args![name, next]);
}

/// Connections that rest, or have failures behind them; no others matter to a claim.
pub async fn notable(tx: &mut Tx<'_>, moment: &Moment) -> Result<Vec<Breaker>> {
    let rows = tx.rows(&NOTABLE, args![moment.now]).await?;
    rows.iter().map(read).collect()
}

/// Every breaker that was ever touched.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<Breaker>> {
    tx.rows(&ALL, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Breaker> {
    Ok(Breaker {
        name: row.get("name")?,
        open: row.get::<String>("breaker")? == "open",
        failures: row.get("failures")?,
        why: row.get("why")?,
        opened_at: row.get("opened_at")?,
        probe_at: row.get("probe_at")?,
        quiet_until: row.get("quiet_until")?,
    })
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    name: &str,
    why: Option<&str>,
    (before, after): (&str, &str),
) {
    let change = Change {
        order: None,
        subject: name,
        action: "connection.breaker",
        why,
        before: Some(before),
        after: Some(after),
    };
    audit::write(tx, moment, &change);
}
