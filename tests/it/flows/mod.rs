//! Whole stories with a drained worker, on both databases.

mod api;
mod cards;
mod coupon_commands;
mod coupons;
mod crash_everywhere;
mod desk;
mod entitlements;
mod foreseeing;
mod fulfilling;
mod handing_over;
mod matching;
mod money_commands;
mod money_reports;
mod outage;
mod pages;
mod parting;
mod polling;
mod queueing;
mod refunding;
mod revoking;
mod settling;
mod standing;
mod suggesting;
mod transfers_page;
