//! Tables and properties: no server, no database.

mod bodies;
mod catalogue;
mod codes;
mod commands;
mod config;
mod downloads;
mod emails;
mod links;
mod money;
mod money_reports;
mod pricing;
mod problems;
mod vietqr;
mod words;
