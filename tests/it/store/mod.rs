//! Each script on both databases.

mod catalogue;
mod coupons;
mod db;
mod plans;
mod states;
