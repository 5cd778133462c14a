//! Whole stories with a drained worker, on both databases.

mod crash_everywhere;
mod fulfilling;
mod queueing;
mod revoking;
mod settling;
