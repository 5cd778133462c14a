//! What tests stand on.

pub mod books;
pub mod databases;
pub mod shop;
pub mod smtp;
