//! Tables and properties: no server, no database.

mod catalogue;
mod codes;
mod config;
mod downloads;
mod emails;
mod money;
mod pricing;
mod problems;
mod vietqr;
mod words;
