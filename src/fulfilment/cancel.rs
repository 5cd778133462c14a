//! Cancel: a person calls an unpaid order off. Money that comes for it later is not dropped: it
//! waits in the inbox.

use super::{Policy, ledger};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::OrderId;
use crate::model::order::{self, PaymentStatus};
use crate::model::{Moment, coupon};

/// Cancel an order that is not paid. One that is paid in part is refused: that money would lie on
/// an order that nobody looks at any more.
pub async fn cancel(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &OrderId,
    why: &str,
) -> Result<()> {
    let order = order::hold(tx, id).await?;
    if order.payment_status != PaymentStatus::Pending {
        return Err(Error::refused("order_not_open"));
    }
    if order.received.minor > 0 {
        return Err(Error::refused("order_partly_paid"));
    }
    let moves = (PaymentStatus::Pending, PaymentStatus::Cancelled);
    if !order::close_or_reopen(tx, moment, id, moves, order.expires_at, why).await? {
        return Err(Error::Conflict("the order moved"));
    }
    coupon::release_for(tx, moment, id).await?;
    ledger::end_checkouts(tx, moment, policy, id).await
}
