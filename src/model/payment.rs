//! Payments: one attempt to pay at one gateway. What really moved is a transfer; a payment says only
//! where the buyer was sent, or could look, and whether anybody can still pay there.

use super::state::states;
use super::{Moment, order};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{OrderId, PaymentId};
use crate::money::Money;

states! {
    /// Where an attempt to pay stands.
    PaymentState {
        /// The buyer can pay there. A gateway's word, or the order being paid elsewhere, moves it on.
        Open = "open",
        /// Money came through it.
        Paid = "paid",
        /// Nobody can pay there any more; nothing came.
        Closed = "closed",
        /// The buyer had finished, and the gateway could not take the money.
        Failed = "failed",
    }
}

impl PaymentState {
    /// The one table of allowed moves. Money that comes after all is money.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use PaymentState::{Closed, Failed, Open, Paid};
        matches!(
            (self, to),
            (Open, Paid | Closed | Failed) | (Closed | Failed, Paid)
        )
    }
}

/// An attempt as stored.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its id: the idempotency key at the gateway.
    pub id: PaymentId,
    /// Its order.
    pub order: OrderId,
    /// Where.
    pub gateway: String,
    /// Which one, from 1.
    pub attempt: i64,
    /// What was owed when it was opened, in minor units of the order's currency.
    pub amount: i64,
    /// Where it stands.
    pub state: PaymentState,
    /// The gateway's name of the checkout.
    pub reference: Option<String>,
    /// Where the buyer pays.
    pub url: Option<String>,
    /// The checkout ends then.
    pub until: Option<Timestamp>,
    /// Why it is closed or failed.
    pub why: Option<String>,
}

impl Payment {
    /// The buyer was sent to a page of the gateway.
    #[must_use]
    pub fn is_checkout(&self) -> bool {
        self.url.is_some()
    }

    /// Closed before anybody knew its page, and yet the gateway may have it: it is to be ended there.
    #[must_use]
    pub fn is_left_behind(&self) -> bool {
        self.state == PaymentState::Closed && self.url.is_none() && self.reference.is_some()
    }
}

crate::statements! {
    OPEN = "INSERT INTO payments (id, order_id, gateway, attempt, amount, currency, state, reference, until, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9) ON CONFLICT DO NOTHING";
    BY_ID = "SELECT * FROM payments WHERE id = $1";
    BY_REFERENCE = "SELECT * FROM payments WHERE gateway = $1 AND reference = $2";
    LAST = "SELECT * FROM payments WHERE order_id = $1 AND gateway = $2 ORDER BY attempt DESC LIMIT 1";
    OF_ORDER = "SELECT * FROM payments WHERE order_id = $1 ORDER BY gateway, attempt";
    NAME = "UPDATE payments SET reference = $2, url = CASE WHEN state = 'closed' THEN url ELSE COALESCE($3, url) END
            WHERE id = $1 AND (reference IS NULL OR reference = $2)";
    LEAVE = "UPDATE payments SET state = 'closed', why = $2 WHERE id = $1 AND state = 'open' AND url IS NULL";
    MOVE = "UPDATE payments SET state = $3, why = $4 WHERE id = $1 AND state = $2";
    PAID = "UPDATE payments SET state = 'paid', why = NULL WHERE order_id = $1 AND gateway = $2 AND state <> 'paid'
            AND (reference = $3 OR (reference IS NULL AND NOT EXISTS
              (SELECT 1 FROM payments named WHERE named.gateway = $2 AND named.reference = $3)))";
    OVERDUE = "SELECT * FROM payments WHERE state = 'open' AND until IS NOT NULL AND until <= $1 AND NOT EXISTS
                 (SELECT 1 FROM tasks WHERE tasks.subject = payments.id AND tasks.state IN ('ready', 'leased', 'dead'))
               ORDER BY until LIMIT $2";
}

/// An attempt about to be stored.
#[derive(Debug, Clone)]
pub struct NewPayment<'a> {
    /// Its order.
    pub order: &'a OrderId,
    /// Where.
    pub gateway: &'a str,
    /// Which one, from 1.
    pub attempt: i64,
    /// What is owed.
    pub amount: Money,
    /// The gateway's name of it, where it has to be ours.
    pub reference: Option<&'a str>,
    /// When the checkout ends; none where there is no checkout.
    pub until: Option<Timestamp>,
}

/// Open an attempt with the commit. The same attempt a second time finds the first.
pub fn open(tx: &mut Tx<'_>, moment: &Moment, new: &NewPayment<'_>) -> PaymentId {
    let id = moment.id::<PaymentId>();
    let values = args![
        &id,
        new.order,
        new.gateway,
        new.attempt,
        new.amount.minor,
        new.amount.currency.code(),
        new.reference,
        new.until,
        moment.now,
    ];
    tx.later(&OPEN, values);
    id
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Payment> {
    let row = tx.row(&BY_ID, args![id]).await?;
    read(&row.ok_or(Error::NotFound("payment"))?)
}

/// By the gateway's name of it.
pub async fn by_reference(
    tx: &mut Tx<'_>,
    gateway: &str,
    reference: &str,
) -> Result<Option<Payment>> {
    let row = tx.row(&BY_REFERENCE, args![gateway, reference]).await?;
    row.as_ref().map(read).transpose()
}

/// The latest attempt of an order at a gateway.
pub async fn last(tx: &mut Tx<'_>, order: &OrderId, gateway: &str) -> Result<Option<Payment>> {
    let row = tx.row(&LAST, args![order, gateway]).await?;
    row.as_ref().map(read).transpose()
}

/// All attempts of an order.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Payment>> {
    let rows = tx.rows(&OF_ORDER, args![order]).await?;
    rows.iter().map(read).collect()
}

/// The gateway named the checkout, by its answer or by a message that came first. False: it has
/// another name already. The page of one that is closed is kept from everybody.
pub async fn name(
    tx: &mut Tx<'_>,
    id: &PaymentId,
    reference: &str,
    url: Option<&str>,
) -> Result<bool> {
    Ok(tx.exec(&NAME, args![id, reference, url]).await? == 1)
}

/// Move an attempt from the state it was read in. False: someone else moved it, or it may not.
pub async fn advance(
    tx: &mut Tx<'_>,
    payment: &Payment,
    to: PaymentState,
    why: Option<&str>,
) -> Result<bool> {
    if !payment.state.may_become(to) {
        return Ok(false);
    }
    let values = args![&payment.id, payment.state, to, why];
    let moved = tx.exec(&MOVE, values).await? == 1;
    if moved {
        order::touch(tx, &payment.order);
    }
    Ok(moved)
}

/// Close an attempt whose page nobody knows. False: somebody knows it by now, or it was moved.
pub async fn leave(tx: &mut Tx<'_>, id: &PaymentId, why: &str) -> Result<bool> {
    Ok(tx.exec(&LEAVE, args![id, why]).await? == 1)
}

/// Money came through this gateway, by the checkout of this name where it has one.
pub fn paid(tx: &mut Tx<'_>, order: &OrderId, gateway: &str, reference: Option<&str>) {
    tx.later(&PAID, args![order, gateway, reference]);
}

/// Open checkouts past their time that no task looks after.
pub async fn overdue(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Payment>> {
    let rows = tx.rows(&OVERDUE, args![now, limit]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Payment> {
    Ok(Payment {
        id: row.get("id")?,
        order: row.get("order_id")?,
        gateway: row.get("gateway")?,
        attempt: row.get("attempt")?,
        amount: row.get("amount")?,
        state: row.get("state")?,
        reference: row.get("reference")?,
        url: row.get("url")?,
        until: row.get("until")?,
        why: row.get("why")?,
    })
}
