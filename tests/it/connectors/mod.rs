//! One suite, every connector: recorded exchanges and fakes that misbehave as the real ones do.

mod drive;
mod gateways;
pub mod lms;
mod mail;
pub mod payos;
mod sepay;
pub mod stores;
mod stripe;
