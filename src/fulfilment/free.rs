//! Free: an order that costs nothing has no payment to wait for. It is paid as it is placed, in the
//! same transaction, with everything that follows from a payment.

use super::{Policy, plan};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::model::email::{self, Letter};
use crate::model::order::{self, Order};
use crate::model::{Moment, coupon};

/// Pay a new order of total zero; how many lines started. Its lines are stored already.
pub async fn free(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
) -> Result<usize> {
    let Some(lines) = order::pay(tx, moment, order, 0).await? else {
        return Err(Error::Conflict("the order moved while it was being paid"));
    };
    coupon::use_for(tx, moment, &order.id).await?;
    plan::plan(tx, moment, policy, order, &lines);
    email::queue(tx, moment, order, &Letter::Receipt).await?;
    Ok(lines.len())
}
