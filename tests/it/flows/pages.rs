//! The doors for buyers' browsers, over real HTTP: what the books say is what the page says, and a
//! link opens a file only while its right lasts.

mod counting;
mod coupons;
mod downloads;
mod order;
mod paying;
mod pretending;
mod returning;
mod shop;
mod stamping;
mod stand;
mod versions;
mod whole;
