//! Whole stories with a drained worker, on both databases.

mod api;
mod at_once;
mod cards;
mod coupon_commands;
mod coupons;
mod crash_everywhere;
mod crash_money;
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
mod polling;
mod queueing;
mod refund_orders;
mod refunding;
mod revoking;
mod settling;
mod suggesting;
mod transfers_page;
