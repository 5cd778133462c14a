//! Where the buyer gets files.

pub mod links;
