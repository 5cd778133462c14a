//! Nouns: one file is the type, its states and rules, and its SQL. No rules of the business flow,
//! no network; every function takes the caller's transaction.

use crate::clock::Timestamp;
use crate::db::Sql;
use crate::id::{Identifier, Mint};

pub mod alert;
pub mod allocation;
pub mod api_key;
pub mod audit;
pub mod bundle;
pub mod catalogue;
pub mod code;
pub mod connection;
pub mod content;
pub mod coupon;
pub mod course;
pub mod customer;
pub mod dispute;
pub mod download;
pub mod drive;
pub mod email;
pub mod figures;
pub mod gateway_event;
pub mod grant;
pub mod key;
pub mod line;
pub mod open_money;
pub mod order;
pub mod payment;
pub mod poll;
pub mod refund;
pub mod report;
pub mod request_key;
mod state;
pub mod task;
pub mod transfer;

/// When, by whom and with which chance a step runs: handed to every step, so that none asks for it.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The present, by the database's clock.
    pub now: Timestamp,
    /// Where ids come from.
    pub mint: Mint,
    /// Who does it, for the audit.
    pub actor: audit::Actor,
}

impl Moment {
    /// A new id.
    #[must_use]
    pub fn id<I: Identifier>(&self) -> I {
        self.mint.id(self.now)
    }
}

/// Every statement of the model, prepared at start so that a wrong one does not start.
#[must_use]
pub fn statements() -> Vec<&'static Sql> {
    [
        alert::STATEMENTS,
        allocation::STATEMENTS,
        api_key::STATEMENTS,
        audit::STATEMENTS,
        bundle::STATEMENTS,
        catalogue::STATEMENTS,
        course::STATEMENTS,
        connection::STATEMENTS,
        content::STATEMENTS,
        content::files::STATEMENTS,
        coupon::STATEMENTS,
        coupon::uses::STATEMENTS,
        customer::STATEMENTS,
        dispute::STATEMENTS,
        download::STATEMENTS,
        drive::STATEMENTS,
        drive::items::STATEMENTS,
        drive::seats::STATEMENTS,
        email::STATEMENTS,
        figures::STATEMENTS,
        gateway_event::STATEMENTS,
        grant::STATEMENTS,
        grant::reasons::STATEMENTS,
        grant::list::STATEMENTS,
        key::STATEMENTS,
        line::STATEMENTS,
        open_money::STATEMENTS,
        order::STATEMENTS,
        order::money::STATEMENTS,
        order::list::STATEMENTS,
        order::candidates::STATEMENTS,
        payment::STATEMENTS,
        poll::STATEMENTS,
        refund::STATEMENTS,
        refund::list::STATEMENTS,
        report::STATEMENTS,
        request_key::STATEMENTS,
        task::STATEMENTS,
        task::list::STATEMENTS,
        transfer::STATEMENTS,
        transfer::list::STATEMENTS,
        transfer::inbox::STATEMENTS,
    ]
    .concat()
}
