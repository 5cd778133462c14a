//! Orders that a transfer without a certain code may have been meant for.

use super::{Order, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::money::Money;

/// Half of the most that are looked at: so many by what they owe, so many by their age.
const HALF: i64 = 250;

/// The most that are found by an amount alone.
const MOST_OWING: i64 = 10;

crate::statements! {
    CANDIDATES = "SELECT * FROM (SELECT * FROM orders
                    WHERE payment_status IN ('pending', 'expired') AND expires_at >= $1 AND currency = $2
                    ORDER BY ABS(total - received - $3), created_at DESC, id LIMIT $4) a
                  UNION
                  SELECT * FROM (SELECT * FROM orders
                    WHERE payment_status IN ('pending', 'expired') AND expires_at >= $1 AND currency = $2
                    ORDER BY created_at DESC, id LIMIT $4) b";
    OWING = "SELECT * FROM orders WHERE payment_status IN ('pending', 'expired') AND currency = $1
               AND total - received = $2 ORDER BY id DESC LIMIT $3";
}

/// Orders that wait for money, and those that expired unpaid at `since` or later: the nearest by
/// what is still owed and the newest, at most 500, in no particular order.
pub async fn candidates(tx: &mut Tx<'_>, amount: Money, since: Timestamp) -> Result<Vec<Order>> {
    let values = args![since, amount.currency.code(), amount.minor, HALF];
    let rows = tx.rows(&CANDIDATES, values).await?;
    rows.iter().map(read).collect()
}

/// Orders that owe exactly this, newest first, whenever they expired; at most ten.
pub async fn owing(tx: &mut Tx<'_>, amount: Money) -> Result<Vec<Order>> {
    let rows = tx
        .rows(
            &OWING,
            args![amount.currency.code(), amount.minor, MOST_OWING],
        )
        .await?;
    rows.iter().map(read).collect()
}
