//! Whole stories with a drained worker, on both databases.

mod api;
mod crash_everywhere;
mod fulfilling;
mod handing_over;
mod money_reports;
mod pages;
mod queueing;
mod revoking;
mod settling;
