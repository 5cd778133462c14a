//! `/api/v1/admin/…`: for the seller's own programs, with a key (`bursar key create`). A call is one
//! function: it takes an [`operator::Operator`], names its scope, and hands on to a step. What is
//! asked comes through [`asked::Asked`] and [`sent::Sent`], lists go out as a [`page::Page`].

pub mod alerts;
pub mod asked;
pub mod audit;
pub mod connections;
pub mod coupons;
pub mod decisions;
pub mod events;
pub mod gifts;
pub mod grants;
pub mod older;
pub mod operator;
pub mod orders;
pub mod page;
pub mod refunds;
pub mod sent;
pub mod stats;
mod story;
pub mod tasks;
pub mod transfers;
