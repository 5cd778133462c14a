//! Bursar turns a paid course order into access, once, and shows everybody the truth while it does.
//!
//! The map, in reading order. *Decide in one transaction, act in tasks, record in one transaction.*

/// Text in plain ASCII.
pub mod ascii;
/// Time as a value.
pub mod clock;
/// Which error goes where.
pub mod error;
/// What a gateway said, in our words.
pub mod fact;
/// Ids, secrets, order codes.
pub mod id;
/// Money in minor units.
pub mod money;
/// How one attempt at an effect ended.
pub mod outcome;

/// A running Bursar.
pub mod app;
/// Settings.
pub mod config;
/// The outside world.
pub mod connectors;
/// The two databases.
pub mod db;
/// Messages to buyers, rendered.
pub mod emails;
/// Verbs: the steps, database work only.
pub mod fulfilment;
/// Nouns: types, states, rules, SQL.
pub mod model;
/// Lease, run, record, sweep.
pub mod queue;
/// Effects, in three phases.
pub mod tasks;
/// Doors over HTTP.
pub mod web;
/// The command line.
pub mod cli;
/// Every word a person reads.
pub mod words;

rust_i18n::i18n!("locales", fallback = "vi");
