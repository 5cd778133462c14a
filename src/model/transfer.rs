//! Transfers: money that moved, as a gateway reports it. Immutable but for how it was closed.

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::fact::{Direction, TransferFact};
use crate::id::{EventId, OrderId, TransferId};

states! {
    /// What a transfer turned out to be, against the orders.
    Class {
        /// Pays one order, within the tolerance.
        Exact = "exact",
        /// Too little: the order stays open for the rest.
        Short = "short",
        /// Pays one order and more: the surplus is to be paid back.
        Over = "over",
        /// Pays an order that had expired.
        Late = "late",
        /// For an order that is paid already: to be paid back.
        Duplicate = "duplicate",
        /// Completes what an earlier short one began.
        Combined = "combined",
        /// Names several orders: a person divides it.
        Split = "split",
        /// Holds a well-formed code that no order has.
        WrongCode = "wrong_code",
        /// Holds no code.
        NoCode = "no_code",
        /// Came to an account that is not configured.
        WrongAccount = "wrong_account",
        /// Left the account.
        Outgoing = "outgoing",
        /// For an order that was refunded or cancelled.
        AfterRefund = "after_refund",
    }
}

impl Class {
    /// The machine can book it by itself; the rest waits in the inbox for a person.
    #[must_use]
    pub fn closes_itself(self) -> bool {
        matches!(
            self,
            Self::Exact | Self::Short | Self::Late | Self::Combined | Self::Outgoing
        )
    }
}

/// How a transfer was understood.
#[derive(Debug, Clone)]
pub struct Verdict<'a> {
    /// Its class.
    pub class: Class,
    /// The order it was matched with.
    pub order: Option<&'a OrderId>,
}

/// A transfer as stored.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// Which gateway reported it.
    pub gateway: String,
    /// Minor units.
    pub amount: i64,
    /// The bank's reference.
    pub reference: String,
    /// Its class.
    pub class: Class,
    /// The order it was matched with.
    pub order: Option<OrderId>,
    /// When it came in.
    pub received_at: Timestamp,
    /// When it was closed; none waits for a person.
    pub closed_at: Option<Timestamp>,
}

crate::statements! {
    INSERT = "INSERT INTO transfers (id, gateway, provider_id, natural_key, event_id, account, sub_account, direction,
                amount, currency, reference, memo, booked_at, received_at, class, order_id, closed_at, closed_by, closed_why)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
              ON CONFLICT DO NOTHING";
    SEEN = "SELECT order_id FROM transfers WHERE (gateway = $1 AND provider_id = $2) OR natural_key = $3";
    OF_ORDER = "SELECT * FROM transfers WHERE order_id = $1 ORDER BY received_at, id";
    WAITING = "SELECT * FROM transfers WHERE closed_at IS NULL ORDER BY received_at, id LIMIT $1";
}

/// The order of a transfer that is already in the books, under either of its keys.
/// Outer `None`: not seen. Inner: seen, and matched with no order.
pub async fn seen(tx: &mut Tx<'_>, fact: &TransferFact) -> Result<Option<Option<OrderId>>> {
    let key = fact.natural_key.as_deref();
    let row = tx
        .row(&SEEN, args![&fact.gateway, &fact.provider_id, key])
        .await?;
    row.map(|r| Ok(r.get("order_id")?)).transpose()
}

/// Put a transfer into the books. `None`: it was there already, under either key.
pub async fn insert(
    tx: &mut Tx<'_>,
    moment: &Moment,
    event: &EventId,
    fact: &TransferFact,
    verdict: &Verdict<'_>,
) -> Result<Option<TransferId>> {
    let id = moment.id::<TransferId>();
    let closed = verdict.class.closes_itself();
    let values = args![
        &id,
        &fact.gateway,
        &fact.provider_id,
        fact.natural_key.as_deref(),
        event,
        &fact.account,
        fact.sub_account.as_deref(),
        direction(fact.direction),
        fact.amount.minor,
        fact.amount.currency.code(),
        &fact.reference,
        fact.memos.join("\n"),
        fact.booked_at,
        moment.now,
        verdict.class,
        verdict.order,
        closed.then_some(moment.now),
        closed.then(|| moment.actor.to_string()),
        closed.then(|| verdict.class.as_str()),
    ];
    if tx.exec(&INSERT, values).await? == 0 {
        return Ok(None);
    }
    record(tx, moment, &id, verdict);
    Ok(Some(id))
}

/// The transfers matched with an order.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Transfer>> {
    tx.rows(&OF_ORDER, args![order])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The inbox: transfers that wait for a person, oldest first.
pub async fn waiting(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Transfer>> {
    tx.rows(&WAITING, args![limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

fn record(tx: &mut Tx<'_>, moment: &Moment, id: &TransferId, verdict: &Verdict<'_>) {
    let why = if verdict.class.closes_itself() {
        "booked"
    } else {
        "waits in the inbox"
    };
    let change = Change {
        order: verdict.order,
        subject: &id.0,
        action: "transfer.received",
        why: Some(why),
        before: None,
        after: Some(verdict.class.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn read(row: &Row) -> Result<Transfer> {
    Ok(Transfer {
        id: row.get("id")?,
        gateway: row.get("gateway")?,
        amount: row.get("amount")?,
        reference: row.get("reference")?,
        class: row.get("class")?,
        order: row.get("order_id")?,
        received_at: row.get("received_at")?,
        closed_at: row.get("closed_at")?,
    })
}
