//! Downloads as the seller sees them. A session is what a person would call one download: a grant's
//! file over 24 hours, however many requests a browser or a download manager made of it. What was
//! sent is added to the session, and the sessions of the last 24 hours are the grant's use of its budget.

use std::time::Duration;

use super::Moment;
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{GrantId, OrderId};

/// How long a session lasts, and how far back use is counted.
pub const WINDOW: Duration = Duration::from_hours(24);

/// Characters of a browser's name that are kept.
const AGENT_MAX: usize = 200;

/// Which file of which grant, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// By whose right.
    pub grant: GrantId,
    /// Path in the course; empty for the whole course as one archive.
    pub file: String,
    /// The caller's address.
    pub address: String,
    /// The caller's program, as it calls itself.
    pub agent: String,
}

/// Something was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Bytes since the last note.
    pub bytes: u64,
    /// Enough of the file has been sent, from its start, to be a download of it.
    pub counts: bool,
    /// The session of the notes before, so that a long transfer stays in it.
    pub session: Option<i64>,
}

/// What a grant has used of its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Bytes of the sessions of the last 24 hours.
    pub bytes: u64,
    /// When the oldest of them began.
    pub since: Timestamp,
}

/// A grant's downloads, for the seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Whose.
    pub grant: GrantId,
    /// Sessions that count.
    pub sessions: i64,
    /// Bytes of all sessions.
    pub bytes: u64,
    /// When something was sent last.
    pub last_at: Timestamp,
    /// From how many addresses.
    pub addresses: i64,
}

crate::statements! {
    LATEST = "SELECT session, begun_at FROM downloads WHERE grant_id = $1 AND file = $2 ORDER BY session DESC LIMIT 1";
    BEGIN = "INSERT INTO downloads (grant_id, file, session, begun_at, last_at, bytes, address, agent)
             VALUES ($1, $2, $3, $4, $4, 0, $5, $6) ON CONFLICT (grant_id, file, session) DO NOTHING";
    ADD = "UPDATE downloads SET bytes = bytes + CAST($4 AS BIGINT), last_at = $5,
             counted_at = CASE WHEN counted_at IS NULL AND CAST($6 AS BIGINT) = 1 THEN $5 ELSE counted_at END
           WHERE grant_id = $1 AND file = $2 AND session = $3";
    USED = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes, MIN(begun_at) AS since
            FROM downloads WHERE grant_id = $1 AND begun_at > $2";
    OF_ORDER = "SELECT d.grant_id, COUNT(d.counted_at) AS sessions, CAST(SUM(d.bytes) AS BIGINT) AS bytes,
                  MAX(d.last_at) AS last_at, COUNT(DISTINCT d.address) AS addresses
                FROM downloads d JOIN grants g ON g.id = d.grant_id WHERE g.order_id = $1
                GROUP BY d.grant_id ORDER BY d.grant_id";
}

/// Write down what was sent; returns its session.
pub async fn note(tx: &mut Tx<'_>, moment: &Moment, subject: &Subject, sent: Sent) -> Result<i64> {
    let session = match sent.session {
        Some(session) => session,
        None => present(tx, moment, subject).await?,
    };
    let values = args![
        &subject.grant,
        &subject.file,
        session,
        i64::try_from(sent.bytes)?,
        moment.now,
        sent.counts,
    ];
    tx.exec(&ADD, values).await?;
    Ok(session)
}

/// The session of this moment, begun where there is none.
async fn present(tx: &mut Tx<'_>, moment: &Moment, subject: &Subject) -> Result<i64> {
    let (grant, file) = (&subject.grant, &subject.file);
    let latest = tx.row(&LATEST, args![grant, file]).await?;
    let latest: Option<(i64, Timestamp)> = latest
        .map(|row| Ok::<_, anyhow::Error>((row.get("session")?, row.get("begun_at")?)))
        .transpose()?;
    if let Some((session, begun)) = latest
        && begun.plus(WINDOW) > moment.now
    {
        return Ok(session);
    }
    let next = latest.map_or(1, |(session, _)| session + 1);
    let agent: String = subject.agent.chars().take(AGENT_MAX).collect();
    let values = args![grant, file, next, moment.now, &subject.address, &agent];
    tx.exec(&BEGIN, values).await?;
    Ok(next)
}

/// What a grant has used at `now`.
pub async fn used(tx: &mut Tx<'_>, grant: &GrantId, now: Timestamp) -> Result<Use> {
    let row = tx.row(&USED, args![grant, now.minus(WINDOW)]).await?;
    let Some(row) = row else {
        return Ok(Use {
            bytes: 0,
            since: now,
        });
    };
    Ok(Use {
        bytes: u64::try_from(row.get::<i64>("bytes")?)?,
        since: row.get::<Option<Timestamp>>("since")?.unwrap_or(now),
    })
}

/// What was downloaded of an order's grants.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Figures>> {
    let rows = tx.rows(&OF_ORDER, args![order]).await?;
    let figures = rows.iter().map(|row| {
        Ok(Figures {
            grant: row.get("grant_id")?,
            sessions: row.get("sessions")?,
            bytes: u64::try_from(row.get::<i64>("bytes")?)?,
            last_at: row.get("last_at")?,
            addresses: row.get("addresses")?,
        })
    });
    figures.collect()
}
