//! Gateway events: messages that proved authentic, stored raw before anything is understood.
//! The key makes a retry, a replay and a duplicate the same event.

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::EventId;

states! {
    /// How far an event is.
    EventState {
        /// Raw only; a `settle_event` task works on it, until a person closes it. A crash leaves it here, never lost.
        Stored = "stored",
        /// In the books.
        Settled = "settled",
    }
}

states! {
    /// How an event came here.
    Road {
        /// The gateway sent it.
        Message = "message",
        /// A list had it, and a message should have told of it before.
        List = "list",
        /// The gateway's answer to a question or a request of ours.
        Answer = "answer",
        /// A person entered it.
        Hand = "hand",
    }
}

/// An event as stored.
#[derive(Debug, Clone)]
pub struct GatewayEvent {
    /// Its id.
    pub id: EventId,
    /// Which gateway sent it.
    pub gateway: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// How far it is.
    pub state: EventState,
    /// A person closed it: nothing works on it.
    pub closed: bool,
    /// How it came here.
    pub road: Road,
    /// When it came.
    pub received_at: Timestamp,
}

/// An event that is not in the books, as a person sees it.
#[derive(Debug, Clone)]
pub struct Puzzle {
    /// Its id.
    pub id: EventId,
    /// Which gateway sent it.
    pub gateway: String,
    /// Why it is not settled.
    pub why: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

/// A message about to be stored.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Which gateway sent it.
    pub gateway: String,
    /// What makes two deliveries the same event.
    pub key: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// What was odd about its proof of authenticity.
    pub note: Option<String>,
    /// How it came here.
    pub road: Road,
}

crate::statements! {
    STORE = "INSERT INTO gateway_events (id, gateway, event_key, body, note, state, why, received_at, settled_at, road)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    SETTLED = "UPDATE gateway_events SET state = 'settled', why = NULL, settled_at = $2, awaits = NULL
               WHERE id = $1 AND state = 'stored' AND closed_at IS NULL";
    AWAIT = "UPDATE gateway_events SET state = 'stored', settled_at = NULL, awaits = $2, why = $3 WHERE id = $1";
    AWAITING = "SELECT id FROM gateway_events WHERE gateway = $1 AND awaits = $2 AND state = 'stored' AND closed_at IS NULL";
    WHY = "UPDATE gateway_events SET why = $2 WHERE id = $1 AND state = 'stored'";
    BY_ID = "SELECT * FROM gateway_events WHERE id = $1";
    NOT_SETTLED = "SELECT id, gateway, why, received_at FROM gateway_events
                   WHERE state = 'stored' AND awaits IS NULL AND closed_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
    CLOSE = "UPDATE gateway_events SET closed_at = $2, closed_by = $3, closed_why = $4
             WHERE id = $1 AND state = 'stored' AND closed_at IS NULL";
    REOPEN = "UPDATE gateway_events SET closed_at = NULL, closed_by = NULL, closed_why = NULL
              WHERE id = $1 AND state = 'stored' AND closed_at IS NOT NULL";
    STRANDED = "SELECT id FROM gateway_events WHERE state = 'stored' AND awaits IS NULL AND closed_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.subject = gateway_events.id)
                UNION ALL
                SELECT gateway_events.id FROM gateway_events
                JOIN transfer_names ON transfer_names.gateway = gateway_events.gateway
                  AND transfer_names.provider_id = gateway_events.awaits
                WHERE gateway_events.awaits IS NOT NULL AND gateway_events.state = 'stored' AND gateway_events.closed_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.subject = gateway_events.id AND tasks.state IN ('ready', 'leased', 'dead'))
                LIMIT $1";
}

/// Store an arrival; `None` when it is already stored. `problem` says why it is not settled with it.
pub async fn store(
    tx: &mut Tx<'_>,
    moment: &Moment,
    arrival: &Arrival,
    problem: Option<&str>,
) -> Result<Option<EventId>> {
    let id = moment.id::<EventId>();
    let state = if problem.is_none() {
        EventState::Settled
    } else {
        EventState::Stored
    };
    let settled_at = problem.is_none().then_some(moment.now);
    let values = args![
        &id,
        &arrival.gateway,
        &arrival.key,
        arrival.body.as_slice(),
        arrival.note.as_deref(),
        state,
        problem,
        moment.now,
        settled_at,
        arrival.road,
    ];
    let stored = tx.exec(&STORE, values).await? == 1;
    Ok(stored.then_some(id))
}

/// A stored event is in the books now. False: it was already, or a person closed it.
pub async fn settled(tx: &mut Tx<'_>, moment: &Moment, id: &EventId) -> Result<bool> {
    Ok(tx.exec(&SETTLED, args![id, moment.now]).await? == 1)
}

/// It is about a transfer that is not in the books: it waits, without a task, until that one comes.
/// It may be about a payment that has nothing to do with any order of ours, and then it waits for good.
pub async fn park(tx: &mut Tx<'_>, id: &EventId, transfer: &str) -> Result<()> {
    let why = "it is about a payment that is not in the books yet";
    tx.exec(&AWAIT, args![id, transfer, why]).await?;
    Ok(())
}

/// Events that waited for a transfer.
pub async fn awaiting(tx: &mut Tx<'_>, gateway: &str, transfer: &str) -> Result<Vec<EventId>> {
    let rows = tx.rows(&AWAITING, args![gateway, transfer]).await?;
    rows.iter().map(|r| Ok(r.get("id")?)).collect()
}

/// Note why an event still is not settled.
pub async fn explain(tx: &mut Tx<'_>, id: &EventId, why: &str) -> Result<()> {
    tx.exec(&WHY, args![id, why]).await?;
    Ok(())
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &EventId) -> Result<GatewayEvent> {
    let row = tx
        .row(&BY_ID, args![id])
        .await?
        .ok_or(Error::NotFound("gateway event"))?;
    Ok(GatewayEvent {
        id: row.get("id")?,
        gateway: row.get("gateway")?,
        body: row.get("body")?,
        state: row.get("state")?,
        closed: row.get::<Option<Timestamp>>("closed_at")?.is_some(),
        road: row.get("road")?,
        received_at: row.get("received_at")?,
    })
}

/// What is kept raw and not in the books, oldest first. There may be money in it.
/// What follows the event `after`.
pub async fn not_settled(
    tx: &mut Tx<'_>,
    after: Option<&EventId>,
    limit: i64,
) -> Result<Vec<Puzzle>> {
    let after = after.map_or("", |id| id.0.as_str());
    let rows = tx.rows(&NOT_SETTLED, args![after, limit]).await?;
    let read = |row: &Row| {
        Ok(Puzzle {
            id: row.get("id")?,
            gateway: row.get("gateway")?,
            why: row.get("why")?,
            received_at: row.get("received_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// A person closes an event that will never be in the books. False: it is there, or closed already.
pub async fn close(tx: &mut Tx<'_>, moment: &Moment, id: &EventId, why: &str) -> Result<bool> {
    let values = args![id, moment.now, moment.actor.to_string(), why];
    let closed = tx.exec(&CLOSE, values).await? == 1;
    if closed {
        record(tx, moment, id, Some(why), ("stored", "closed"));
    }
    Ok(closed)
}

/// A person takes the closing back. False: it was not closed.
pub async fn reopen(tx: &mut Tx<'_>, moment: &Moment, id: &EventId) -> Result<bool> {
    let reopened = tx.exec(&REOPEN, args![id]).await? == 1;
    if reopened {
        record(tx, moment, id, None, ("closed", "stored"));
    }
    Ok(reopened)
}

/// Stored events that nothing works on: a person deleted a task, or what an event awaited came at the same
/// moment, and neither saw the other; or it came under another name first.
pub async fn stranded(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<EventId>> {
    tx.rows(&STRANDED, args![limit])
        .await?
        .iter()
        .map(|r| Ok(r.get("id")?))
        .collect()
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &EventId,
    why: Option<&str>,
    (before, after): (&str, &str),
) {
    let change = Change {
        order: None,
        subject: &id.0,
        action: "event.state",
        why,
        before: Some(before),
        after: Some(after),
    };
    audit::write(tx, moment, &change);
}
