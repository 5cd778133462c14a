//! Orders that a transfer without a certain code may have been meant for.

use super::{Order, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::money::Money;

/// Half of the most that are looked at: so many by what they owe, so many by their age.
const HALF: i64 = 250;

crate::statements! {
    CANDIDATES = "SELECT * FROM (SELECT * FROM orders
                    WHERE payment_status IN ('pending', 'expired') AND expires_at >= $1 AND currency = $2
                    ORDER BY ABS(total - received - $3), created_at DESC, id LIMIT $4) a
                  UNION
                  SELECT * FROM (SELECT * FROM orders
                    WHERE payment_status IN ('pending', 'expired') AND expires_at >= $1 AND currency = $2
                    ORDER BY created_at DESC, id LIMIT $4) b";
}

/// Orders that wait for money, and those that expired unpaid at `since` or later: the nearest by
/// what is still owed and the newest, at most 500, in no particular order.
pub async fn candidates(tx: &mut Tx<'_>, amount: Money, since: Timestamp) -> Result<Vec<Order>> {
    let values = args![since, amount.currency.code(), amount.minor, HALF];
    let rows = tx.rows(&CANDIDATES, values).await?;
    rows.iter().map(read).collect()
}
