//! Bursar turns a paid course order into access, once, and shows everybody the truth while it does.
//! *Decide in one transaction, act in tasks, record in one transaction.* The map, in reading order:
//!
//! * [`error`]: which error goes where
//! * [`clock`], [`id`], [`money`], [`ascii`]: small values
//! * [`fact`]: what a gateway said, in our words
//! * [`outcome`]: how one attempt at an effect ended
//! * [`words`]: every word that a person reads
//! * [`config`]: settings, checked as a whole
//! * [`db`]: the two databases, and nothing of ours
//! * [`model`]: nouns: types, states, rules, SQL
//! * [`fulfilment`]: verbs: the steps of an order's life, database work only
//! * [`tasks`]: effects, in three phases
//! * [`queue`]: claim, run, sweep
//! * [`connectors`]: the outside world
//! * [`emails`]: messages to buyers, rendered
//! * [`app`]: a running Bursar, put together once
//! * [`web`]: doors over HTTP
//! * [`cli`]: the command line

pub mod app;
pub mod ascii;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connectors;
pub mod db;
pub mod emails;
pub mod error;
pub mod fact;
pub mod fulfilment;
pub mod id;
pub mod model;
pub mod money;
pub mod outcome;
pub mod queue;
pub mod tasks;
pub mod web;
pub mod words;

rust_i18n::i18n!("locales", fallback = "vi");
