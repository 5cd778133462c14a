//! Audit entries: who changed what, why, from what, to what. Written in the same transaction as
//! the change; never updated, never deleted. No secrets, addresses or foreign bodies in them.

use std::fmt;

use super::Moment;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::{AuditId, OrderId, TransferId, earliest};

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The buyer, through the shop front end or the order page.
    Buyer,
    /// A step of ours.
    Machine(&'static str),
    /// A gateway's message.
    Gateway(String),
    /// A person of the seller's.
    Operator(String),
    /// The seller's own delivery worker.
    Worker,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buyer => f.write_str("buyer"),
            Self::Machine(step) => write!(f, "machine:{step}"),
            Self::Gateway(name) => write!(f, "gateway:{name}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::Worker => f.write_str("worker"),
        }
    }
}

/// One change, to be written.
#[derive(Debug, Clone, Default)]
pub struct Change<'a> {
    /// The order it belongs to.
    pub order: Option<&'a OrderId>,
    /// The id of what changed.
    pub subject: &'a str,
    /// `noun.verb`.
    pub action: &'a str,
    /// The reason, where there is one.
    pub why: Option<&'a str>,
    /// State before.
    pub before: Option<&'a str>,
    /// State after.
    pub after: Option<&'a str>,
}

/// One entry, as read back.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// `noun.verb`.
    pub action: String,
    /// The id of what changed.
    pub subject: String,
    /// The reason.
    pub why: Option<String>,
    /// State before.
    pub before: Option<String>,
    /// State after.
    pub after: Option<String>,
}

crate::statements! {
    WRITE = "INSERT INTO audit (id, order_id, subject, actor, action, why, before, after, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    OF_ORDER = "SELECT id, at, actor, action, subject, why, before, after FROM audit WHERE order_id = $1 ORDER BY id";
    PAGE_OF_ORDER = "SELECT id, at, actor, action, subject, why, before, after FROM audit
                     WHERE order_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    LIST = "SELECT id, at, actor, action, subject, why, before, after FROM audit
            WHERE id >= $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR subject = $3)
              AND (CAST($4 AS TEXT) IS NULL OR actor = $4) ORDER BY id DESC LIMIT $5";
    OF_TRANSFER = "SELECT id, at, actor, action, subject, why, before, after FROM audit
                   WHERE subject = $1 AND action LIKE 'transfer.%' ORDER BY id";
}

/// Write one entry with the transaction.
pub fn write(tx: &mut Tx<'_>, moment: &Moment, change: &Change<'_>) {
    tx.append(
        &WRITE,
        crate::args![
            &moment.id::<AuditId>(),
            change.order,
            change.subject,
            moment.actor.to_string(),
            change.action,
            change.why,
            change.before,
            change.after,
            moment.now,
        ],
    );
}

/// The story of an order, oldest first.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Entry>> {
    let rows = tx.rows(&OF_ORDER, crate::args![order]).await?;
    rows.iter().map(entry).collect()
}

/// A page of it: what follows the entry `after`.
pub async fn page_of_order(
    tx: &mut Tx<'_>,
    order: &OrderId,
    after: Option<&AuditId>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let after = after.map_or("", |id| id.0.as_str());
    let rows = tx
        .rows(&PAGE_OF_ORDER, crate::args![order, after, limit])
        .await?;
    rows.iter().map(entry).collect()
}

/// What was decided about a transfer, oldest first.
pub async fn of_transfer(tx: &mut Tx<'_>, transfer: &TransferId) -> Result<Vec<Entry>> {
    let rows = tx.rows(&OF_TRANSFER, crate::args![transfer]).await?;
    rows.iter().map(entry).collect()
}

/// Which entries.
#[derive(Debug, Clone)]
pub struct Filter {
    /// About this id, or this connection.
    pub subject: Option<String>,
    /// By this actor, as stored: `operator:an`.
    pub actor: Option<String>,
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
}

/// Entries of any subject, newest first; those before the entry `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<AuditId>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let end = earliest::<AuditId>(filter.to);
    let values = crate::args![
        &earliest::<AuditId>(filter.from),
        &after.map_or(end.clone(), |after| after.min(end)),
        filter.subject.as_deref(),
        filter.actor.as_deref(),
        limit,
    ];
    let rows = tx.rows(&LIST, values).await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        id: row.get("id")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        why: row.get("why")?,
        before: row.get("before")?,
        after: row.get("after")?,
    })
}
