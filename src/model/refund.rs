//! Refunds: money on its way back to a payer, or there. One that takes from an order takes access
//! with it (`fulfilment/access.rs`); one of a surplus touches no order.

use super::audit::{self, Change};
use super::state::states;
use super::{Moment, order, transfer};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{LineId, OrderId, RefundId, TransferId};
use crate::money::{Currency, Money};

pub mod list;

/// Who carries out a refund that no gateway can: a person, by a bank transfer of their own.
pub const BY_HAND: &str = "hand";

states! {
    /// How far a refund is. All but the last count as money that is gone.
    RefundState {
        /// Decided; a task will ask the gateway, or a person has still to send it.
        Asked = "asked",
        /// The gateway has it under way.
        Sent = "sent",
        /// The payer has it.
        Done = "done",
        /// It came back: access returns, and a person must look.
        Failed = "failed",
    }
}

impl RefundState {
    /// The one table of allowed moves. Gateways report a failure also after a success.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use RefundState::{Asked, Done, Failed, Sent};
        matches!(
            (self, to),
            (Asked, Sent | Done | Failed) | (Sent, Done | Failed) | (Done, Failed)
        )
    }
}

states! {
    /// What a refund takes from.
    Purpose {
        /// What an order was paid with.
        Order = "order",
        /// What no order needed.
        Surplus = "surplus",
    }
}

/// A refund as stored.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its id: the idempotency key at the gateway.
    pub id: RefundId,
    /// What it takes from.
    pub purpose: Purpose,
    /// The order.
    pub order: Option<OrderId>,
    /// The line; none is the order as a whole.
    pub line: Option<LineId>,
    /// The money that goes back.
    pub transfer: Option<TransferId>,
    /// Who carries it out.
    pub gateway: String,
    /// The gateway's id.
    pub provider_id: Option<String>,
    /// How much.
    pub amount: Money,
    /// The line's access ends with it, or the order's.
    pub ends_access: bool,
    /// How far it is.
    pub state: RefundState,
    /// The bank's reference.
    pub reference: Option<String>,
    /// Why it was decided.
    pub why: String,
    /// Why it failed.
    pub fault: Option<String>,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When the payer had it.
    pub done_at: Option<Timestamp>,
}

crate::statements! {
    INSERT = "INSERT INTO refunds (id, purpose, order_id, line_id, transfer_id, gateway, provider_id, amount, currency,
                ends_access, state, reference, why, created_at, done_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    BY_ID = "SELECT * FROM refunds WHERE id = $1";
    BY_NAME = "SELECT * FROM refunds WHERE gateway = $1 AND provider_id = $2";
    OF_ORDER = "SELECT * FROM refunds WHERE order_id = $1 ORDER BY created_at, id";
    OF_TRANSFER = "SELECT * FROM refunds WHERE transfer_id = $1 ORDER BY created_at, id";
    WAITING = "SELECT * FROM refunds WHERE state IN ('asked', 'sent') ORDER BY created_at, id LIMIT $1";
    MOVE = "UPDATE refunds SET state = $3, provider_id = COALESCE(provider_id, $4), reference = COALESCE($5, reference),
              fault = $6, done_at = COALESCE($7, done_at)
            WHERE id = $1 AND state = $2";
    NAME = "UPDATE refunds SET provider_id = $2 WHERE id = $1 AND provider_id IS NULL";
    DECIDED = "UPDATE refunds SET line_id = $3, ends_access = $4 WHERE id = $1 AND order_id = $2";
    SHRINK = "UPDATE refunds SET amount = amount - $2 WHERE id = $1 AND amount > $2";
}

/// What a move of a refund leaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step<'a> {
    /// The gateway's id.
    pub provider_id: Option<&'a str>,
    /// The bank's reference.
    pub reference: Option<&'a str>,
    /// Why it failed.
    pub fault: Option<&'a str>,
}

/// Store a refund, with its audit entry.
pub async fn insert(tx: &mut Tx<'_>, moment: &Moment, refund: &Refund) -> Result<()> {
    let values = args![
        &refund.id,
        refund.purpose,
        refund.order.as_ref(),
        refund.line.as_ref(),
        refund.transfer.as_ref(),
        &refund.gateway,
        refund.provider_id.as_deref(),
        refund.amount.minor,
        refund.amount.currency.code(),
        refund.ends_access,
        refund.state,
        refund.reference.as_deref(),
        &refund.why,
        refund.created_at,
        refund.done_at,
    ];
    tx.exec(&INSERT, values).await?;
    record(tx, moment, refund, None, refund.state, Some(&refund.why));
    Ok(())
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &RefundId) -> Result<Refund> {
    let row = tx.row(&BY_ID, args![id]).await?;
    read(&row.ok_or(Error::NotFound("refund"))?)
}

/// By the gateway's id: one of the gateway's may be several here, of each order that the money paid one.
pub async fn by_name(tx: &mut Tx<'_>, gateway: &str, provider_id: &str) -> Result<Vec<Refund>> {
    let mut parts = Vec::new();
    while let Some(row) = tx
        .row(
            &BY_NAME,
            args![gateway, part_name(provider_id, parts.len())],
        )
        .await?
    {
        parts.push(read(&row)?);
    }
    Ok(parts)
}

/// The name here of a part of a gateway's refund; the first has the gateway's own.
#[must_use]
pub fn part_name(provider_id: &str, place: usize) -> String {
    match place {
        0 => provider_id.to_owned(),
        _ => format!("{provider_id}#{}", place + 1),
    }
}

/// Refunds of an order, oldest first.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Refund>> {
    let rows = tx.rows(&OF_ORDER, args![order]).await?;
    rows.iter().map(read).collect()
}

/// Refunds out of a transfer, oldest first.
pub async fn of_transfer(tx: &mut Tx<'_>, transfer: &TransferId) -> Result<Vec<Refund>> {
    let rows = tx.rows(&OF_TRANSFER, args![transfer]).await?;
    rows.iter().map(read).collect()
}

/// Refunds that nobody has yet, oldest first.
pub async fn waiting(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Refund>> {
    let rows = tx.rows(&WAITING, args![limit]).await?;
    rows.iter().map(read).collect()
}

/// Move a refund from the state it was read in. False: someone else moved it, or it may not.
pub async fn advance(
    tx: &mut Tx<'_>,
    moment: &Moment,
    refund: &Refund,
    to: RefundState,
    step: Step<'_>,
) -> Result<bool> {
    if !refund.state.may_become(to) {
        return Ok(false);
    }
    let values = args![
        &refund.id,
        refund.state,
        to,
        step.provider_id,
        step.reference,
        step.fault,
        (to == RefundState::Done).then_some(moment.now),
    ];
    let moved = tx.exec(&MOVE, values).await? == 1;
    if moved {
        record(tx, moment, refund, Some(refund.state), to, step.fault);
        match (&refund.order, &refund.transfer) {
            (Some(order), _) => order::touch(tx, order),
            (None, Some(transfer)) => transfer::touch(tx, transfer),
            (None, None) => {}
        }
    }
    Ok(moved)
}

/// The gateway's id of a refund whose state stays. False: it has one already.
pub async fn name(tx: &mut Tx<'_>, id: &RefundId, provider_id: &str) -> Result<bool> {
    Ok(tx.exec(&NAME, args![id, provider_id]).await? == 1)
}

/// It turned out to be one that was decided here for this order: what it ends is what was decided.
pub async fn decided(
    tx: &mut Tx<'_>,
    id: &RefundId,
    order: &OrderId,
    (line, ends_access): (Option<&LineId>, bool),
) -> Result<()> {
    tx.exec(&DECIDED, args![id, order, line, ends_access])
        .await?;
    Ok(())
}

/// So much of it is a refund of its own. False: it is not more than that.
pub async fn shrink(tx: &mut Tx<'_>, id: &RefundId, amount: i64) -> Result<bool> {
    Ok(tx.exec(&SHRINK, args![id, amount]).await? == 1)
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    refund: &Refund,
    before: Option<RefundState>,
    after: RefundState,
    why: Option<&str>,
) {
    let change = Change {
        order: refund.order.as_ref(),
        subject: &refund.id.0,
        action: "refund.state",
        why,
        before: before.map(RefundState::as_str),
        after: Some(after.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Refund> {
    let code: String = row.get("currency")?;
    let currency = Currency::parse(&code).ok_or_else(|| anyhow::anyhow!("currency {code:?}"))?;
    Ok(Refund {
        id: row.get("id")?,
        purpose: row.get("purpose")?,
        order: row.get("order_id")?,
        line: row.get("line_id")?,
        transfer: row.get("transfer_id")?,
        gateway: row.get("gateway")?,
        provider_id: row.get("provider_id")?,
        amount: Money {
            minor: row.get("amount")?,
            currency,
        },
        ends_access: row.get("ends_access")?,
        state: row.get("state")?,
        reference: row.get("reference")?,
        why: row.get("why")?,
        fault: row.get("fault")?,
        created_at: row.get("created_at")?,
        done_at: row.get("done_at")?,
    })
}
