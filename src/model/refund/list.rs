//! Refunds as a list, for the seller: newest first, a page at a time, as `transfer::list` does it.

use super::{Refund, RefundState, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{OrderId, RefundId, earliest};

/// Which refunds.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those that the payer does not have yet.
    pub open: bool,
    /// In this state.
    pub state: Option<RefundState>,
    /// Carried out by this gateway; `hand` is a person.
    pub gateway: Option<String>,
    /// Of this order.
    pub order: Option<OrderId>,
    /// Decided not before.
    pub from: Timestamp,
    /// Decided before.
    pub to: Timestamp,
}

impl Default for Filter {
    /// All of them.
    fn default() -> Self {
        Self {
            open: false,
            state: None,
            gateway: None,
            order: None,
            from: Timestamp(0),
            to: Timestamp(i64::MAX),
        }
    }
}

crate::statements! {
    LIST = "SELECT * FROM refunds WHERE id >= $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR state = $3)
              AND (CAST($4 AS TEXT) IS NULL OR gateway = $4) AND (CAST($5 AS TEXT) IS NULL OR order_id = $5)
              AND (CAST($6 AS BIGINT) = 0 OR state IN ('asked', 'sent')) ORDER BY id DESC LIMIT $7";
    CALLED = "SELECT id FROM refunds WHERE reference = $1 OR substr(id, 1, length(CAST($1 AS TEXT))) = $1
              ORDER BY id LIMIT 2";
}

/// Refunds, newest first; those decided before the refund `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<RefundId>,
    limit: i64,
) -> Result<Vec<Refund>> {
    let end = earliest::<RefundId>(filter.to);
    let values = args![
        &earliest::<RefundId>(filter.from),
        &after.map_or(end.clone(), |after| after.min(end)),
        filter.state,
        filter.gateway.as_deref(),
        filter.order.as_ref(),
        filter.open,
        limit,
    ];
    tx.rows(&LIST, values).await?.iter().map(read).collect()
}

/// The one that a person means: by its id, a beginning of it that no other has, or its reference.
pub async fn called(tx: &mut Tx<'_>, text: &str) -> Result<RefundId> {
    let rows = tx.rows(&CALLED, args![text]).await?;
    match rows.as_slice() {
        [] => Err(Error::NotFound("refund")),
        [one] => Ok(one.get("id")?),
        _ => Err(Error::refused("ambiguous")),
    }
}
