//! Transfers as a list, for the seller: newest first, a page at a time. Ids sort by the time at which
//! a transfer came in, so a span of that time and the place in the list are a range of the primary key.

use super::{Class, Transfer, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{OrderId, TransferId, earliest};

/// Which transfers.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those that wait for a person.
    pub waiting: bool,
    /// Only those of which something is still to be paid back.
    pub due: bool,
    /// Of this class.
    pub class: Option<Class>,
    /// On this account, or this virtual account.
    pub account: Option<String>,
    /// Matched with this order, or paying a part of it.
    pub order: Option<OrderId>,
    /// Came not before.
    pub from: Timestamp,
    /// Came before.
    pub to: Timestamp,
}

impl Default for Filter {
    /// All of them.
    fn default() -> Self {
        Self {
            waiting: false,
            due: false,
            class: None,
            account: None,
            order: None,
            from: Timestamp(0),
            to: Timestamp(i64::MAX),
        }
    }
}

crate::statements! {
    LIST = "SELECT * FROM transfers WHERE id >= $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR class = $3)
              AND (CAST($4 AS TEXT) IS NULL OR account = $4 OR sub_account = $4)
              AND (CAST($5 AS BIGINT) = 0 OR surplus > returned) ORDER BY id DESC LIMIT $6";
    LIST_WAITING = "SELECT * FROM transfers WHERE closed_at IS NULL
              AND id >= $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR class = $3)
              AND (CAST($4 AS TEXT) IS NULL OR account = $4 OR sub_account = $4)
              AND (CAST($5 AS BIGINT) = 0 OR surplus > returned) ORDER BY id DESC LIMIT $6";
    OF_ORDER = "SELECT * FROM transfers WHERE order_id = $1 OR id IN
                  (SELECT transfer_id FROM allocations WHERE order_id = $1 AND undone_at IS NULL)
                ORDER BY id DESC";
    CALLED = "SELECT id FROM transfers WHERE reference = $1 OR substr(id, 1, length(CAST($1 AS TEXT))) = $1
              ORDER BY id LIMIT 2";
}

/// Transfers, newest first; those that came before the transfer `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<TransferId>,
    limit: i64,
) -> Result<Vec<Transfer>> {
    let begin = earliest::<TransferId>(filter.from);
    let end = earliest::<TransferId>(filter.to);
    let end = after.map_or(end.clone(), |after| after.min(end));
    if let Some(order) = &filter.order {
        let rows = tx.rows(&OF_ORDER, args![order]).await?;
        let all: Vec<Transfer> = rows.iter().map(read).collect::<Result<_>>()?;
        let within = |t: &Transfer| t.id >= begin && t.id < end && filter.takes(t);
        let most = usize::try_from(limit).unwrap_or(0);
        return Ok(all.into_iter().filter(within).take(most).collect());
    }
    let sql = if filter.waiting { &LIST_WAITING } else { &LIST };
    let values = args![
        &begin,
        &end,
        filter.class,
        filter.account.as_deref(),
        filter.due,
        limit,
    ];
    tx.rows(sql, values).await?.iter().map(read).collect()
}

/// The one that a person means: by its id, a beginning of it that no other has, or its bank's reference.
pub async fn called(tx: &mut Tx<'_>, text: &str) -> Result<TransferId> {
    let rows = tx.rows(&CALLED, args![text]).await?;
    match rows.as_slice() {
        [] => Err(Error::NotFound("transfer")),
        [one] => Ok(one.get("id")?),
        _ => Err(Error::refused("ambiguous")),
    }
}

impl Filter {
    fn takes(&self, transfer: &Transfer) -> bool {
        let on = |account: &String| {
            *account == transfer.account || transfer.sub_account.as_ref() == Some(account)
        };
        (!self.waiting || transfer.closed_at.is_none())
            && (!self.due || transfer.due() > 0)
            && self.class.is_none_or(|class| class == transfer.class)
            && self.account.as_ref().is_none_or(on)
    }
}
