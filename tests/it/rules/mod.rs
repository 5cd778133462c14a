//! Tables and properties: no server, no database.

pub mod archives;
mod bodies;
mod catalogue;
mod codes;
mod commands;
mod config;
mod coupons;
mod doctor;
mod downloads;
mod emails;
mod links;
mod money;
mod money_reports;
mod near_codes;
mod pricing;
mod problems;
pub mod stamps;
mod suggestions;
mod traffic;
mod vietqr;
mod words;
