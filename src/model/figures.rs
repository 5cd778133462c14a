//! Figures over many rows, for the seller: read only, and dear on a large table. What is counted by
//! state is beside its noun.

use super::transfer::Class;
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{TransferId, earliest};

/// Money that came in, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// ISO 4217 code.
    pub currency: String,
    /// Minor units.
    pub amount: i64,
    /// How many transfers.
    pub transfers: i64,
}

/// How long orders took from paid to finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Orders that finished.
    pub orders: i64,
    /// Half of them took no longer, in milliseconds.
    pub median: Option<i64>,
    /// 95 of 100 took no longer.
    pub p95: Option<i64>,
}

crate::statements! {
    RECEIVED = "SELECT currency, CAST(SUM(amount) AS BIGINT) AS amount, COUNT(*) AS transfers FROM transfers
                WHERE id >= $1 AND direction = 'in' AND class <> 'wrong_account' GROUP BY currency ORDER BY currency";
    WAITING = "SELECT class, COUNT(*) AS transfers FROM transfers WHERE closed_at IS NULL GROUP BY class ORDER BY class";
    FINISHED = "SELECT COUNT(*) AS orders FROM orders WHERE finished_at >= $1 AND paid_at IS NOT NULL";
    NTH_PACE = "SELECT finished_at - paid_at AS took FROM orders WHERE finished_at >= $1 AND paid_at IS NOT NULL
                ORDER BY finished_at - paid_at LIMIT 1 OFFSET $2";
}

/// Money that came to the seller's own accounts since then, whether or not an order took it.
pub async fn received(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<Received>> {
    let rows = tx
        .rows(&RECEIVED, args![&earliest::<TransferId>(since)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Received {
                currency: row.get("currency")?,
                amount: row.get("amount")?,
                transfers: row.get("transfers")?,
            })
        })
        .collect()
}

/// How many transfers wait for a person, by class.
pub async fn waiting(tx: &mut Tx<'_>) -> Result<Vec<(Class, i64)>> {
    let rows = tx.rows(&WAITING, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.get("class")?, row.get("transfers")?)))
        .collect()
}

/// How long the orders took that finished since then.
pub async fn pace(tx: &mut Tx<'_>, since: Timestamp) -> Result<Pace> {
    let row = tx.row(&FINISHED, args![since]).await?;
    let orders = row.map_or(Ok(0), |row| row.get("orders"))?;
    Ok(Pace {
        orders,
        median: nth_pace(tx, since, rank(orders, 50)).await?,
        p95: nth_pace(tx, since, rank(orders, 95)).await?,
    })
}

/// The nearest rank, from 0: the smallest value that so many of a hundred do not exceed.
fn rank(count: i64, percent: i64) -> i64 {
    ((count * percent + 99) / 100 - 1).max(0)
}

async fn nth_pace(tx: &mut Tx<'_>, since: Timestamp, place: i64) -> Result<Option<i64>> {
    let row = tx.row(&NTH_PACE, args![since, place]).await?;
    row.map(|row| Ok(row.get("took")?)).transpose()
}
