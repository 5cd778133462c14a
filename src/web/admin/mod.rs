//! The seller's pages: what waits for a person, and everything that a person decides about money.
//! They open to the owner of an admin API key (`sign_in`); what the key may do rules what is shown.
//! Every page is plain HTML with forms; programs use `web/api/admin` instead.

pub mod filled;
pub mod grants;
pub mod messages;
pub mod operator;
pub mod orders;
pub mod overview;
pub mod page;
pub mod refunds;
pub mod session;
pub mod sign_in;
pub mod transfers;
pub mod words;
