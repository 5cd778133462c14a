//! Verbs: the steps of an order's life, in order. Database work only, always inside the caller's
//! transaction. A step that causes something outside writes a task in the same transaction.

use std::time::Duration;

use crate::model::order::Order;

pub mod access;
pub mod cancel;
pub mod complete;
pub mod foresee;
pub mod gift;
pub mod hold;
pub mod inbox;
pub mod intervene;
pub mod ledger;
pub mod offer;
pub mod place;
pub mod plan;
pub mod price;
pub mod reconcile;
pub mod refund;
pub mod report;
pub mod revoke;
pub mod settle;
pub mod suggest;

/// The seller's decisions that steps need, taken from the configuration once.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Letters before every order code.
    pub prefix: String,
    /// How long an unpaid order lives.
    pub order_ttl: Duration,
    /// Dong by which a transfer may fall short and still pay.
    pub tolerance: i64,
    /// The seller's account numbers; empty accepts every account.
    pub accounts: Vec<String>,
    /// After this an unkept grant fails its line.
    pub give_up_after: Duration,
    /// Gateways that tell of money by themselves; a new order can be paid at each.
    pub gateways: Vec<&'static str>,
    /// Gateways with a payment page of their own, which a buyer chooses.
    pub checkouts: Vec<&'static str>,
    /// Gateways that carry out refunds when asked.
    pub refunders: Vec<&'static str>,
    /// A refund of a part that names no course ends all access of the order.
    pub partial_refund_ends_access: bool,
    /// Courses in one order.
    pub courses_per_order: usize,
}

impl Policy {
    /// `received` pays the order, within the tolerance.
    #[must_use]
    pub fn is_enough(&self, order: &Order, received: i64) -> bool {
        received >= order.total.minor - self.tolerance.min(order.total.minor)
    }
}
