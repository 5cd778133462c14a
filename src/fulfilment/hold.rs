//! Hold: the one sequence in which a transaction takes what money is about: turns of access and grants, then
//! orders by their codes, then the transfer, then its refunds and disputes. Two that took them otherwise
//! would wait for each other. What was read before it was held may have moved, and is read again.

use super::access;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{OrderId, RefundId, TransferId};
use crate::model::allocation;
use crate::model::order::{self, Order};
use crate::model::refund::{self, Refund};
use crate::model::transfer::{self, Transfer};

/// Hold an order, and the access that it is a reason for.
pub async fn order(tx: &mut Tx<'_>, id: &OrderId) -> Result<Order> {
    access::enter(tx, std::slice::from_ref(id)).await?;
    order::hold(tx, id).await
}

/// Hold a transfer, and with it every order that it pays or was matched with, and these others.
pub async fn transfer(tx: &mut Tx<'_>, id: &TransferId, others: &[OrderId]) -> Result<Transfer> {
    let matched = orders_of(tx, id).await?;
    orders(tx, &[&matched, others].concat()).await?;
    let transfer = transfer::hold(tx, id).await?;
    if orders_of(tx, id).await? == matched {
        Ok(transfer)
    } else {
        Err(Error::Conflict("the transfer was decided about meanwhile"))
    }
}

/// A refund, and before it whatever it takes from.
pub async fn refund(tx: &mut Tx<'_>, id: &RefundId) -> Result<Refund> {
    let refund = refund::get(tx, id).await?;
    match (&refund.transfer, &refund.order) {
        (Some(from), order) => {
            transfer(tx, from, order.as_slice()).await?;
        }
        (None, Some(id)) => {
            order(tx, id).await?;
        }
        (None, None) => {}
    }
    refund::get(tx, id).await
}

async fn orders(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<()> {
    access::enter(tx, ids).await?;
    let mut orders = Vec::with_capacity(ids.len());
    for id in ids {
        orders.push(order::get(tx, id).await?);
    }
    orders.sort_by(|a, b| a.code.cmp(&b.code));
    orders.dedup_by(|a, b| a.id == b.id);
    for order in &orders {
        order::hold(tx, &order.id).await?;
    }
    Ok(())
}

async fn orders_of(tx: &mut Tx<'_>, id: &TransferId) -> Result<Vec<OrderId>> {
    let parts = allocation::of_transfer(tx, id).await?;
    let mut orders: Vec<OrderId> = parts.into_iter().map(|part| part.order).collect();
    orders.extend(transfer::get(tx, id).await?.order);
    orders.sort();
    orders.dedup();
    Ok(orders)
}
