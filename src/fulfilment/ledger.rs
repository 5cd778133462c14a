//! Ledger: what money does to an order. Transfers are allocated to orders, refunds and lost disputes
//! take away again; an order's money side is always the sum, computed here and nowhere else.

use super::{Policy, access, plan};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{OrderId, TransferId};
use crate::model::allocation::{self, Allocation};
use crate::model::dispute::{self, DisputeState};
use crate::model::email::{self, Letter};
use crate::model::order::{self, Balance, Order, OrderKind, PaymentStatus};
use crate::model::payment::{self, PaymentState};
use crate::model::refund::{self, Purpose, RefundState};
use crate::model::{Moment, coupon};

/// A part of a transfer, for one order.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Which money.
    pub transfer: &'a TransferId,
    /// Where it came through.
    pub gateway: &'a str,
    /// By which checkout there.
    pub checkout: Option<&'a str>,
    /// Minor units of the order's currency.
    pub amount: i64,
}

/// Put money on an order, which the caller holds: paid with everything that follows, or open for the
/// rest. How many lines started.
pub async fn allocate(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
    part: &Part<'_>,
) -> Result<usize> {
    allocation::insert(tx, moment, part.transfer, &order.id, part.amount);
    let after = order.received.minor + part.amount;
    if policy.is_enough(order, after) {
        payment::paid(tx, &order.id, part.gateway, part.checkout);
        return start(tx, moment, policy, order, part.amount, None).await;
    }
    order::receive(tx, &order.id, part.amount).await?;
    reopen(tx, moment, policy, order).await?;
    email::queue(tx, moment, order, &Letter::Short).await?;
    end_checkouts(tx, moment, policy, &order.id).await?;
    Ok(0)
}

/// The order counts as paid with `amount` more: its lines start, once. How many did.
pub async fn start(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
    amount: i64,
    why: Option<&str>,
) -> Result<usize> {
    let Some(lines) = order::pay(tx, moment, order, amount, why).await? else {
        return Err(Error::Conflict("the order moved while it was being paid"));
    };
    coupon::use_for(tx, moment, &order.id).await?;
    plan::plan(tx, moment, policy, order, &lines);
    if order.kind == OrderKind::Sale {
        email::queue(tx, moment, order, &Letter::Receipt).await?;
    }
    end_checkouts(tx, moment, policy, &order.id).await?;
    if order.paid_at.is_some() {
        // Paid, taken back by a person, and paid again: its grants are there already.
        let order = order::get(tx, &order.id).await?;
        access::follow(tx, moment, policy, &order, "the order is paid again").await?;
    }
    Ok(lines.len())
}

/// An order that costs nothing is paid as soon as it is placed.
pub async fn free(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
) -> Result<usize> {
    if order.total.minor > 0 {
        return Err(Error::Conflict("the order is not free"));
    }
    start(tx, moment, policy, order, 0, Some("nothing to pay")).await
}

/// Take a part of what pays an order, which the caller holds, off it again: so much is owed once more.
pub(super) async fn take_off(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    part: &Allocation,
    amount: i64,
    why: &str,
) -> Result<()> {
    if !allocation::undo(tx, moment, part).await? {
        return Err(Error::Conflict("the allocation was taken back meanwhile"));
    }
    if part.amount > amount {
        let left = part.amount - amount;
        allocation::insert(tx, moment, &part.transfer, &part.order, left);
    }
    rebalance(tx, moment, policy, &part.order, -amount, why).await?;
    end_checkouts(tx, moment, policy, &part.order).await
}

/// Something other than a payment happened to an order's money: its money side and its access follow.
/// `received` is what is added to what was received. Begin with [`super::hold`].
pub async fn rebalance(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &OrderId,
    received: i64,
    why: &str,
) -> Result<Order> {
    let order = order::hold(tx, id).await?;
    let refunds = refund::of_order(tx, id).await?;
    let claims = dispute::of_order(tx, id).await?;
    let gone: i64 = refunds
        .iter()
        .filter(|r| r.purpose == Purpose::Order && r.state != RefundState::Failed)
        .map(|r| r.amount.minor)
        .sum();
    let lost = claims
        .iter()
        .filter(|claim| claim.dispute.state == DisputeState::Lost);
    let refunded = gone + lost.map(|claim| claim.amount).sum::<i64>();
    let balance = Balance {
        status: status(policy, &order, order.received.minor + received, refunded),
        received,
        refunded,
        disputed: claims
            .iter()
            .any(|claim| claim.dispute.state == DisputeState::Open),
    };
    if !order::balance(tx, moment, &order, &balance, why).await? {
        return Err(Error::Conflict("the order's money moved"));
    }
    let order = order::get(tx, id).await?;
    access::follow(tx, moment, policy, &order, why).await?;
    Ok(order)
}

/// What is left of an order's money decides; one that was never paid is moved by payments and time only.
fn status(policy: &Policy, order: &Order, received: i64, refunded: i64) -> PaymentStatus {
    use PaymentStatus::{Paid, PartiallyRefunded, Pending, Refunded};
    match order.payment_status {
        Paid if refunded == 0 && received < order.received.minor => {
            if policy.is_enough(order, received) {
                Paid
            } else {
                Pending
            }
        }
        Paid | PartiallyRefunded | Refunded if refunded == 0 => Paid,
        Paid | PartiallyRefunded | Refunded if refunded >= received => Refunded,
        Paid | PartiallyRefunded | Refunded => PartiallyRefunded,
        other => other,
    }
}

/// A short transfer for an expired order opens it again, for the rest at the stored price.
async fn reopen(tx: &mut Tx<'_>, moment: &Moment, policy: &Policy, order: &Order) -> Result<()> {
    if order.payment_status == PaymentStatus::Expired {
        let moves = (PaymentStatus::Expired, PaymentStatus::Pending);
        let until = moment.now.plus(policy.order_ttl);
        let why = "a late transfer paid a part";
        order::close_or_reopen(tx, moment, &order.id, moves, until, why).await?;
        coupon::retake_for(tx, moment, &order.id).await?;
    }
    Ok(())
}

/// What is owed has changed: open checkouts of the order ask for too much, or for what is paid. A task
/// ends each, and finds out if it was too late.
pub(super) async fn end_checkouts(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &OrderId,
) -> Result<()> {
    if policy.checkouts.is_empty() {
        return Ok(());
    }
    for payment in payment::of_order(tx, order).await? {
        if payment.state == PaymentState::Open && payment.until.is_some() {
            plan::look_after(tx, moment, &payment).await?;
        }
    }
    Ok(())
}
