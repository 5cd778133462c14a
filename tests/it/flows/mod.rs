//! Whole stories with a drained worker, on both databases.

mod api;
mod cards;
mod crash_everywhere;
mod fulfilling;
mod handing_over;
mod pages;
mod queueing;
mod revoking;
mod settling;
