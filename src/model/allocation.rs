//! Allocations: how much of a transfer pays which order. The sum over an order is its `received`.

use super::Moment;
use crate::args;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{AllocationId, OrderId, TransferId};

crate::statements! {
    INSERT = "INSERT INTO allocations (id, transfer_id, order_id, amount, created_at) VALUES ($1, $2, $3, $4, $5)";
    TOTAL = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM allocations WHERE order_id = $1";
}

/// Put `amount` of a transfer on an order, with the commit. The caller adds it to the order in the same transaction.
pub fn insert(
    tx: &mut Tx<'_>,
    moment: &Moment,
    transfer: &TransferId,
    order: &OrderId,
    amount: i64,
) {
    let id = moment.id::<AllocationId>();
    tx.later(&INSERT, args![&id, transfer, order, amount, moment.now]);
}

/// The ledger's own sum, to hold `orders.received` against.
pub async fn total(tx: &mut Tx<'_>, order: &OrderId) -> Result<i64> {
    let row = tx.row(&TOTAL, args![order]).await?;
    row.map_or(Ok(0), |r| Ok(r.get("total")?))
}
