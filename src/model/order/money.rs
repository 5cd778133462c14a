//! The money side of an order: every way in which it moves, each a guarded update.

use super::{Order, PaymentStatus, record};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::OrderId;
use crate::model::Moment;
use crate::model::line::{self, Line};

crate::statements! {
    RECEIVE = "UPDATE orders SET received = received + $2, version = version + 1 WHERE id = $1";
    PAY = "UPDATE orders SET payment_status = 'paid', received = received + $4, version = version + 1,
             order_status = CASE WHEN order_status = 'pending' THEN 'processing' ELSE order_status END,
             paid_at = COALESCE(paid_at, $3)
           WHERE id = $1 AND payment_status = $2";
    MOVE = "UPDATE orders SET payment_status = $3, expires_at = $4, version = version + 1
            WHERE id = $1 AND payment_status = $2";
    BALANCE = "UPDATE orders SET payment_status = $3, received = received + $4, refunded = $5, disputed = $6,
                 version = version + 1
               WHERE id = $1 AND payment_status = $2";
}

/// Book money on an order without changing its state.
pub async fn receive(tx: &mut Tx<'_>, id: &OrderId, amount: i64) -> Result<()> {
    tx.exec(&RECEIVE, args![id, amount]).await?;
    Ok(())
}

/// Enough money came: the order is paid and every line starts. `None`: someone else moved it.
pub async fn pay(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &Order,
    amount: i64,
    why: Option<&str>,
) -> Result<Option<Vec<Line>>> {
    let from = checked(order.payment_status, PaymentStatus::Paid)?;
    let values = args![&order.id, from, moment.now, amount];
    if tx.exec(&PAY, values).await? == 0 {
        return Ok(None);
    }
    record(
        tx,
        moment,
        &order.id,
        "order.paid",
        why,
        (Some(from), PaymentStatus::Paid),
    );
    line::start(tx, moment, &order.id).await.map(Some)
}

/// What an order's money looks like after something other than a payment happened to it.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    /// The money side.
    pub status: PaymentStatus,
    /// What is added to what was received; below zero when an allocation was taken back.
    pub received: i64,
    /// What has gone back in all.
    pub refunded: i64,
    /// A dispute is open.
    pub disputed: bool,
}

/// Write a new balance. False: someone else moved the order.
pub async fn balance(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &Order,
    to: &Balance,
    why: &str,
) -> Result<bool> {
    if to.status != order.payment_status {
        checked(order.payment_status, to.status)?;
    }
    let values = args![
        &order.id,
        order.payment_status,
        to.status,
        to.received,
        to.refunded,
        to.disputed,
    ];
    let moved = tx.exec(&BALANCE, values).await? == 1;
    if moved && to.status != order.payment_status {
        let step = (Some(order.payment_status), to.status);
        record(tx, moment, &order.id, "order.payment", Some(why), step);
    }
    Ok(moved)
}

/// An unpaid order expires, is cancelled or re-opens until `expires_at`. False: someone else moved it.
pub async fn close_or_reopen(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &OrderId,
    (from, to): (PaymentStatus, PaymentStatus),
    expires_at: Timestamp,
    why: &str,
) -> Result<bool> {
    checked(from, to)?;
    let moved = tx.exec(&MOVE, args![id, from, to, expires_at]).await? == 1;
    if moved {
        record(tx, moment, id, "order.payment", Some(why), (Some(from), to));
    }
    Ok(moved)
}

fn checked(from: PaymentStatus, to: PaymentStatus) -> Result<PaymentStatus> {
    if from.may_become(to) {
        Ok(from)
    } else {
        Err(Error::Conflict("payment status"))
    }
}
