//! Inbox: what a person decides about a transfer that waits: which order it pays, how it is divided,
//! that too little is enough, that it goes back, that it is no business of the shop. Every decision is
//! an audit entry, and can be undone as long as no money went back.

use super::{Policy, hold, ledger, refund as refunds, settle};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::Direction;
use crate::id::{OrderId, TransferId};
use crate::model::allocation;
use crate::model::code::OrderCode;
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, Refund, RefundState};
use crate::model::transfer::{self, Class, Decision, Transfer};
use crate::model::{Moment, payment};

mod look;

pub use look::{Fit, Look, Proposal, look};

/// Orders that one transfer can be divided over.
pub const MOST_SHARES: usize = 20;

/// A part of a transfer for one order.
#[derive(Debug, Clone)]
pub struct Share {
    /// Which order.
    pub code: OrderCode,
    /// How much; none is all that the order needs, or all that is left.
    pub amount: Option<i64>,
}

/// Put a waiting transfer on an order; what the order does not need is to be paid back.
pub async fn assign(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &TransferId,
    code: &OrderCode,
    why: &str,
) -> Result<Order> {
    let share = Share {
        code: code.clone(),
        amount: None,
    };
    let mut paid = split(tx, moment, policy, id, &[share], why).await?;
    paid.pop().ok_or(Error::NotFound("order"))
}

/// Divide a waiting transfer over several orders.
pub async fn split(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &TransferId,
    shares: &[Share],
    why: &str,
) -> Result<Vec<Order>> {
    let why = refunds::short(why)?;
    if shares.is_empty() || shares.len() > MOST_SHARES {
        return Err(Error::refused("bad_shares"));
    }
    let named = find_all(tx, shares).await?;
    let ids: Vec<OrderId> = named.iter().map(|(order, _)| order.clone()).collect();
    let transfer = waiting(tx, id, &ids).await?;
    let mut orders = Vec::with_capacity(named.len());
    for (order, share) in named {
        orders.push((order::get(tx, &order).await?, share));
    }
    let divided = shares.len() > 1 || pays_already(tx, id).await?;
    let mut left = unspent(tx, &transfer).await?;
    let mut class = transfer.class;
    for (order, share) in &orders {
        let given = portion(policy, &transfer, order, share.amount, left)?;
        class = if divided {
            Class::Split
        } else {
            class_of(policy, order, left)
        };
        put(tx, moment, policy, &transfer, order, given).await?;
        left -= given;
    }
    // What pays an order already stays matched with that one.
    let matched = transfer.order.as_ref().filter(|_| divided);
    let decision = Decision {
        why: &why,
        order: matched.or(orders.first().map(|(order, _)| &order.id)),
        class,
        surplus: left + transfer.returned,
        closes: left == 0,
    };
    decide(tx, moment, &transfer, &decision).await?;
    let mut paid = Vec::with_capacity(orders.len());
    for (order, _) in &orders {
        paid.push(order::get(tx, &order.id).await?);
    }
    Ok(paid)
}

/// The wrong amount is right enough, by a person's word. Too little: the order counts as paid with what
/// came; a transfer that still waits is put on it first. Too much: the shop keeps what is over.
pub async fn accept(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &TransferId,
    code: Option<&OrderCode>,
    why: &str,
) -> Result<Order> {
    let why = refunds::short(why)?;
    let order = match (code, transfer::get(tx, id).await?.order) {
        (Some(code), _) => find(tx, code).await?,
        (None, Some(matched)) => matched,
        (None, None) => return Err(Error::refused("order_needed")),
    };
    let transfer = hold::transfer(tx, id, std::slice::from_ref(&order)).await?;
    let order = order::get(tx, &order).await?;
    let pays_it = pays(tx, id, &order).await?;
    match transfer.closed_at {
        None if pays_it => {
            discard(tx, moment, id, &why).await?;
        }
        None => {
            assign(tx, moment, policy, id, &order.code, &why).await?;
        }
        Some(_) if !pays_it => return Err(Error::refused("transfer_not_waiting")),
        Some(_) => {}
    }
    let order = order::get(tx, &order.id).await?;
    match order.payment_status {
        // It was enough after all.
        PaymentStatus::Paid => Ok(order),
        PaymentStatus::Pending | PaymentStatus::Expired if order.received.minor > 0 => {
            payment::paid(tx, &order.id, &transfer.gateway, None);
            ledger::start(tx, moment, policy, &order, 0, Some(&why)).await?;
            order::get(tx, &order.id).await
        }
        _ => Err(Error::refused("order_takes_no_money")),
    }
}

/// What is left of a waiting transfer goes back to its payer: by the gateway where it can, else a person
/// has sent it and gives the reference.
pub async fn give_back(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &TransferId,
    reference: Option<&str>,
    why: &str,
) -> Result<Refund> {
    let transfer = waiting(tx, id, &[]).await?;
    let left = unspent(tx, &transfer).await?;
    let decision = Decision {
        why: &refunds::short(why)?,
        order: None,
        class: transfer.class,
        surplus: left + transfer.returned,
        closes: false,
    };
    decide(tx, moment, &transfer, &decision).await?;
    refunds::ask_surplus(tx, moment, policy, id, why, reference).await
}

/// It needs nothing: private money on the shop's account, a surplus that the payer gave up.
pub async fn discard(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &TransferId,
    why: &str,
) -> Result<Transfer> {
    let transfer = waiting(tx, id, &[]).await?;
    let decision = Decision {
        why: &refunds::short(why)?,
        order: None,
        class: transfer.class,
        surplus: transfer.returned,
        closes: true,
    };
    decide(tx, moment, &transfer, &decision).await?;
    transfer::get(tx, id).await
}

/// Take back what was decided, by a person or by the machine: the transfer waits again, and what it
/// had paid is unpaid. Not once money of it went back.
pub async fn undo(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &TransferId,
    why: &str,
) -> Result<Transfer> {
    let why = refunds::short(why)?;
    let transfer = hold::transfer(tx, id, &[]).await?;
    let parts = allocation::of_transfer(tx, id).await?;
    for part in &parts {
        let order = order::get(tx, &part.order).await?;
        if order.refunded.minor > 0 || order.disputed {
            return Err(Error::refused("money_went_back"));
        }
    }
    let refunds = refund::of_transfer(tx, id).await?;
    if transfer.returned > 0 || refunds.iter().any(|r| r.state != RefundState::Failed) {
        return Err(Error::refused("money_went_back"));
    }
    // Nothing can be decided about money that left, so it would wait for ever.
    let left_us = transfer.direction == Direction::Out;
    if left_us || parts.is_empty() && transfer.closed_at.is_none() {
        return Err(Error::refused("nothing_to_undo"));
    }
    for part in &parts {
        if allocation::undo(tx, moment, part).await? {
            ledger::rebalance(tx, moment, policy, &part.order, -part.amount, &why).await?;
        }
    }
    transfer::reopen(tx, moment, &transfer, &why).await?;
    transfer::get(tx, id).await
}

async fn pays(tx: &mut Tx<'_>, id: &TransferId, order: &Order) -> Result<bool> {
    let parts = allocation::of_transfer(tx, id).await?;
    Ok(parts.iter().any(|part| part.order == order.id))
}

async fn pays_already(tx: &mut Tx<'_>, id: &TransferId) -> Result<bool> {
    Ok(!allocation::of_transfer(tx, id).await?.is_empty())
}

/// The orders that are to share, by their codes.
async fn find_all<'s>(tx: &mut Tx<'_>, shares: &'s [Share]) -> Result<Vec<(OrderId, &'s Share)>> {
    let mut sorted: Vec<&Share> = shares.iter().collect();
    sorted.sort_by(|a, b| a.code.cmp(&b.code));
    let mut orders = Vec::with_capacity(sorted.len());
    for pair in sorted.windows(2) {
        if pair[0].code == pair[1].code {
            return Err(Error::refused("bad_shares"));
        }
    }
    for share in sorted {
        orders.push((find(tx, &share.code).await?, share));
    }
    Ok(orders)
}

async fn find(tx: &mut Tx<'_>, code: &OrderCode) -> Result<OrderId> {
    let order = order::by_code(tx, code).await?;
    Ok(order.ok_or(Error::NotFound("order"))?.id)
}

/// A transfer that waits, held with the orders that are to have a part of it.
async fn waiting(tx: &mut Tx<'_>, id: &TransferId, orders: &[OrderId]) -> Result<Transfer> {
    let transfer = hold::transfer(tx, id, orders).await?;
    if transfer.closed_at.is_some() || transfer.direction == Direction::Out {
        return Err(Error::refused("transfer_not_waiting"));
    }
    Ok(transfer)
}

async fn decide(
    tx: &mut Tx<'_>,
    moment: &Moment,
    transfer: &Transfer,
    decision: &Decision<'_>,
) -> Result<()> {
    if transfer::decide(tx, moment, transfer, decision).await? {
        Ok(())
    } else {
        Err(Error::Conflict("the transfer was closed meanwhile"))
    }
}

/// What of a transfer neither pays an order nor went back.
pub async fn unspent(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<i64> {
    let parts = allocation::of_transfer(tx, &transfer.id).await?;
    let spent: i64 = parts.iter().map(|part| part.amount).sum();
    Ok(transfer.amount.minor - spent - transfer.returned)
}

/// How much of what is `left` an order gets.
fn portion(
    policy: &Policy,
    transfer: &Transfer,
    order: &Order,
    wanted: Option<i64>,
    left: i64,
) -> Result<i64> {
    if transfer.amount.currency != order.total.currency {
        return Err(Error::refused("other_currency"));
    }
    let owed = order.owed();
    // What is a little too much stays with the order, as it would have by itself.
    let all = if left - owed <= policy.tolerance {
        left
    } else {
        owed
    };
    let given = wanted.unwrap_or(all.min(left));
    let enough = policy.is_enough(order, order.received.minor + given);
    match order.payment_status {
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {
            Err(Error::refused("order_takes_no_money"))
        }
        _ if given <= 0 || given > left => Err(Error::refused("bad_shares")),
        _ if given > owed + policy.tolerance => Err(Error::refused("more_than_owed")),
        // Called off, it does not wait for a rest.
        PaymentStatus::Cancelled if !enough => Err(Error::refused("order_takes_no_money")),
        PaymentStatus::Cancelled | PaymentStatus::Pending | PaymentStatus::Expired => Ok(given),
    }
}

fn class_of(policy: &Policy, order: &Order, amount: i64) -> Class {
    match order.payment_status {
        PaymentStatus::Cancelled => Class::Late,
        _ => settle::against(policy, order, amount),
    }
}

async fn put(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    transfer: &Transfer,
    order: &Order,
    amount: i64,
) -> Result<()> {
    let part = ledger::Part {
        transfer: &transfer.id,
        gateway: &transfer.gateway,
        checkout: None,
        amount,
    };
    ledger::allocate(tx, moment, policy, order, &part).await?;
    Ok(())
}
