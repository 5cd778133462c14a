//! What tests stand on.

pub mod academy;
pub mod bank;
pub mod books;
pub mod commands;
pub mod coupons;
pub mod databases;
pub mod sepay_api;
pub mod server;
pub mod shop;
pub mod smtp;
