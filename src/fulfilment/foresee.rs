//! Foresee: what a person's decision about a transfer would do, said before they make it. Nothing here
//! changes anything; the steps themselves decide anew, by the same rules (`inbox`, `ledger`).

use super::{Policy, inbox};
use crate::db::Tx;
use crate::error::Result;
use crate::model::allocation;
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, RefundState};
use crate::model::transfer::Transfer;
use crate::money::Money;

/// What money would do for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Pay it.
    Pays,
    /// Pay it, and so much is left over.
    Surplus(i64),
    /// Leave so much to be paid.
    Rest(i64),
    /// The order takes no money.
    Refused,
}

/// What undoing a decision would do.
#[derive(Debug, Clone)]
pub enum Undoing {
    /// There is nothing to undo.
    Nothing,
    /// Money of it went back, or of an order that it pays, or is disputed.
    TooLate,
    /// The transfer waits again, and these orders lose what it pays.
    Frees(Vec<Freed>),
}

/// An order that would lose a part of its money.
#[derive(Debug, Clone)]
pub struct Freed {
    /// As it is now.
    pub order: Order,
    /// How much.
    pub amount: i64,
    /// It would not be paid any more, and its access would rest.
    pub closes: bool,
}

/// What `left` of a transfer would do for an order.
#[must_use]
pub fn assigning(policy: &Policy, left: Money, order: &Order) -> Effect {
    let owed = order.owed();
    let given = if left.minor - owed <= policy.tolerance {
        left.minor
    } else {
        owed
    };
    if given <= 0 || left.currency != order.total.currency {
        return Effect::Refused;
    }
    let after = order.received.minor + given;
    let enough = policy.is_enough(order, after);
    match order.payment_status {
        PaymentStatus::Pending | PaymentStatus::Expired if !enough => {
            Effect::Rest(order.total.minor - after)
        }
        PaymentStatus::Pending | PaymentStatus::Expired | PaymentStatus::Cancelled if enough => {
            match left.minor - given {
                0 => Effect::Pays,
                surplus => Effect::Surplus(surplus),
            }
        }
        _ => Effect::Refused,
    }
}

/// What undoing would do to the orders that a transfer pays.
pub async fn undoing(tx: &mut Tx<'_>, policy: &Policy, transfer: &Transfer) -> Result<Undoing> {
    let parts = allocation::of_transfer(tx, &transfer.id).await?;
    if parts.is_empty() && transfer.closed_at.is_none() {
        return Ok(Undoing::Nothing);
    }
    let refunds = refund::of_transfer(tx, &transfer.id).await?;
    let mut too_late =
        transfer.returned > 0 || refunds.iter().any(|r| r.state != RefundState::Failed);
    let mut freed = Vec::with_capacity(parts.len());
    for part in parts {
        let order = order::get(tx, &part.order).await?;
        too_late |= order.refunded.minor > 0 || order.disputed;
        freed.push(Freed {
            closes: order.payment_status == PaymentStatus::Paid
                && !policy.is_enough(&order, order.received.minor - part.amount),
            amount: part.amount,
            order,
        });
    }
    Ok(if too_late {
        Undoing::TooLate
    } else {
        Undoing::Frees(freed)
    })
}

/// What of a transfer a person can still decide about.
pub async fn left(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<Money> {
    Ok(Money {
        minor: inbox::unspent(tx, transfer).await?,
        currency: transfer.amount.currency,
    })
}
