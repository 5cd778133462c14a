//! What tests stand on.

pub mod academy;
pub mod bank;
pub mod books;
pub mod cards;
pub mod commands;
pub mod coupons;
pub mod databases;
pub mod obstacles;
pub mod sepay_api;
pub mod server;
pub mod shop;
pub mod smtp;
pub mod terminal;
