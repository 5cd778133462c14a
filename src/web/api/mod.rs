//! The public API: one file per call. JSON in camelCase; errors are problem JSON.

pub mod admin;
pub mod check_status;
pub mod create_order;
pub mod health;
pub mod metrics;
pub mod openapi;
mod payment_methods;
pub mod qr;
pub mod worker;
