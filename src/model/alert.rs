//! Alerts: what a person should know until it is over. One row per matter, so that it is said once.

use super::Moment;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;

/// Transfers came that no message told of in time: the gateway's webhook does not work.
pub const WEBHOOK_SILENT: &str = "webhook_silent";
/// A refund came back.
pub const REFUND_FAILED: &str = "refund_failed";
/// A payer disputes a payment.
pub const DISPUTE: &str = "dispute";

/// A matter that is not over.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Which kind of matter.
    pub kind: String,
    /// The gateway, order or refund it is about.
    pub subject: String,
    /// One sentence: what happened and what to do.
    pub why: String,
    /// How often it happened.
    pub times: i64,
    /// Since when.
    pub raised_at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
}

crate::statements! {
    RAISE = "INSERT INTO alerts (kind, subject, why, times, raised_at, last_at) VALUES ($1, $2, $3, 1, $4, $4)
             ON CONFLICT (kind, subject) DO UPDATE SET why = excluded.why, last_at = excluded.last_at, cleared_at = NULL,
               times = CASE WHEN alerts.cleared_at IS NULL THEN alerts.times + 1 ELSE 1 END,
               raised_at = CASE WHEN alerts.cleared_at IS NULL THEN alerts.raised_at ELSE excluded.raised_at END
             RETURNING times";
    CLEAR = "UPDATE alerts SET cleared_at = $3 WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL";
    OPEN = "SELECT * FROM alerts WHERE cleared_at IS NULL ORDER BY raised_at, kind, subject";
}

/// It happened, again or for the first time; the first time it is in the log.
pub async fn raise(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (kind, subject): (&str, &str),
    why: &str,
) -> Result<()> {
    let row = tx
        .row(&RAISE, args![kind, subject, why, moment.now])
        .await?;
    let times = row.map_or(Ok(0), |r| r.get::<i64>("times"))?;
    if times == 1 {
        tracing::error!(kind, subject, "{why}");
    }
    Ok(())
}

/// It is over, if it was there.
pub fn clear(tx: &mut Tx<'_>, moment: &Moment, (kind, subject): (&str, &str)) {
    tx.later(&CLEAR, args![kind, subject, moment.now]);
}

/// A person says that it is over. False: it was not there.
pub async fn dismiss(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (kind, subject): (&str, &str),
) -> Result<bool> {
    Ok(tx.exec(&CLEAR, args![kind, subject, moment.now]).await? == 1)
}

/// What is not over, oldest first.
pub async fn open(tx: &mut Tx<'_>) -> Result<Vec<Alert>> {
    let read = |row: &Row| {
        Ok(Alert {
            kind: row.get("kind")?,
            subject: row.get("subject")?,
            why: row.get("why")?,
            times: row.get("times")?,
            raised_at: row.get("raised_at")?,
            last_at: row.get("last_at")?,
        })
    };
    tx.rows(&OPEN, &[]).await?.iter().map(read).collect()
}
