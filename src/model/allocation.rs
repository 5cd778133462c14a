//! Allocations: how much of a transfer pays which order. The sum over an order is its `received`.
//! One that a person takes back is marked, never deleted: it happened.

use super::Moment;
use crate::args;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::{AllocationId, OrderId, TransferId};

/// An allocation that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Which money.
    pub transfer: TransferId,
    /// Which order it pays.
    pub order: OrderId,
    /// Minor units.
    pub amount: i64,
}

crate::statements! {
    INSERT = "INSERT INTO allocations (id, transfer_id, order_id, amount, created_at) VALUES ($1, $2, $3, $4, $5)";
    TOTAL = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM allocations
             WHERE order_id = $1 AND undone_at IS NULL";
    OF_TRANSFER = "SELECT * FROM allocations WHERE transfer_id = $1 AND undone_at IS NULL ORDER BY created_at, id";
    OF_ORDER = "SELECT * FROM allocations WHERE order_id = $1 AND undone_at IS NULL ORDER BY created_at, id";
    UNDO = "UPDATE allocations SET undone_at = $3 WHERE transfer_id = $1 AND order_id = $2 AND undone_at IS NULL";
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

/// What a transfer pays, oldest first.
pub async fn of_transfer(tx: &mut Tx<'_>, transfer: &TransferId) -> Result<Vec<Allocation>> {
    let rows = tx.rows(&OF_TRANSFER, args![transfer]).await?;
    rows.iter().map(read).collect()
}

/// What pays an order, oldest first.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Allocation>> {
    let rows = tx.rows(&OF_ORDER, args![order]).await?;
    rows.iter().map(read).collect()
}

/// Take one back. The caller takes it off the order in the same transaction. False: it was taken back already.
pub async fn undo(tx: &mut Tx<'_>, moment: &Moment, allocation: &Allocation) -> Result<bool> {
    let values = args![&allocation.transfer, &allocation.order, moment.now];
    Ok(tx.exec(&UNDO, values).await? == 1)
}

fn read(row: &Row) -> Result<Allocation> {
    Ok(Allocation {
        transfer: row.get("transfer_id")?,
        order: row.get("order_id")?,
        amount: row.get("amount")?,
    })
}
