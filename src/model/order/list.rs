//! Orders as a list, for the seller: newest first, a page at a time. Ids sort by time, so a span of
//! time and the place in the list are both a range of the primary key.

use super::{Order, OrderStatus, PaymentStatus, by_code, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{OrderId, earliest};
use crate::model::code::OrderCode;

/// Which orders.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The money side.
    pub payment_status: Option<PaymentStatus>,
    /// The fulfilment side.
    pub order_status: Option<OrderStatus>,
    /// Lower-case address of the buyer.
    pub email: Option<String>,
    /// The one with this code.
    pub code: Option<OrderCode>,
    /// Placed not before.
    pub from: Timestamp,
    /// Placed before.
    pub to: Timestamp,
}

crate::statements! {
    LIST = "SELECT * FROM orders WHERE id >= $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR payment_status = $3)
              AND (CAST($4 AS TEXT) IS NULL OR order_status = $4) ORDER BY id DESC LIMIT $5";
    LIST_OF_BUYER = "SELECT * FROM orders WHERE customer_id = (SELECT id FROM customers WHERE email = $6)
                       AND id >= $1 AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR payment_status = $3)
                       AND (CAST($4 AS TEXT) IS NULL OR order_status = $4) ORDER BY id DESC LIMIT $5";
}

/// Orders, newest first; those placed before the order `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Order>> {
    let begin = earliest::<OrderId>(filter.from);
    let end = earliest::<OrderId>(filter.to);
    let end = after.map_or(end.clone(), |after| after.min(end));
    if let Some(code) = &filter.code {
        let found = by_code(tx, code).await?;
        let within = |order: &Order| order.id >= begin && order.id < end && filter.takes(order);
        return Ok(found.filter(within).into_iter().collect());
    }
    let (payment, status) = (filter.payment_status, filter.order_status);
    let rows = match &filter.email {
        None => {
            let values = args![&begin, &end, payment, status, limit];
            tx.rows(&LIST, values).await?
        }
        Some(email) => {
            let values = args![&begin, &end, payment, status, limit, email];
            tx.rows(&LIST_OF_BUYER, values).await?
        }
    };
    rows.iter().map(read).collect()
}

impl Filter {
    fn takes(&self, order: &Order) -> bool {
        self.payment_status
            .is_none_or(|status| status == order.payment_status)
            && self
                .order_status
                .is_none_or(|status| status == order.order_status)
            && self
                .email
                .as_ref()
                .is_none_or(|email| *email == order.email)
    }
}
