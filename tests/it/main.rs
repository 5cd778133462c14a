//! The one test binary. Names are sentences; nothing sleeps; no failing test is tried again.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod architecture;
mod connectors;
mod corpus;
mod flows;
mod harness;
mod pages;
mod peers;
mod rules;
mod store;
