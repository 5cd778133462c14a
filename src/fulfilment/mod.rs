//! Verbs: the steps of an order's life, in order. Database work only, always inside the caller's
//! transaction. A step that causes something outside writes a task in the same transaction.

use std::time::Duration;

pub mod complete;
pub mod place;
pub mod plan;
pub mod price;
pub mod reconcile;
pub mod report;
pub mod revoke;
pub mod settle;

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
    /// Gateways a new order can be paid at.
    pub gateways: Vec<&'static str>,
    /// Courses in one order.
    pub courses_per_order: usize,
}
