//! Whole stories with a drained worker, on both databases.

mod api;
mod cards;
mod coupon_commands;
mod coupons;
mod crash_everywhere;
mod desk;
mod foreseeing;
mod fulfilling;
mod handing_over;
mod matching;
mod money_reports;
mod pages;
mod queueing;
mod revoking;
mod settling;
mod suggesting;
