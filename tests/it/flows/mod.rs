//! Whole stories with a drained worker, on both databases.

mod crash_everywhere;
mod fulfilling;
mod pages;
mod queueing;
mod revoking;
mod settling;
