//! What a gateway can be asked and told over its own API: checkouts, refunds, listings. Input and output
//! only: what an answer means for the books is settled by the road that webhooks take.

use std::time::Duration;

use async_trait::async_trait;

use super::NotUnderstood;
use crate::clock::Timestamp;
use crate::connectors::Fault;
use crate::fact::{Fact, RefundFact};
use crate::money::Money;
use crate::words::Locale;

/// What a gateway's API can do; options are data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// A buyer is sent to a page of the gateway: `open`, `look` and `close` work.
    pub checkout: bool,
    /// `refund` works.
    pub refunds: bool,
    /// What can be listed, to find what no message told of.
    pub listings: &'static [Listing],
}

/// How buyers pay on a gateway's page: the words on our own pages depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By card.
    Card,
    /// By a bank transfer that the gateway watches.
    Transfer,
    /// In one way or another.
    Any,
}

/// One list that a gateway keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Its name, unique for the gateway: a round of it is remembered under it.
    pub name: &'static str,
    /// Time from the end of one round to the begin of the next.
    pub every: Duration,
    /// A round begins so long before the last complete one ended: banks book late.
    pub overlap: Duration,
    /// Requests of one round keep so far apart.
    pub pace: Duration,
    /// What it finds is money that a message should have told of: an alarm is raised when none had.
    pub expects_messages: bool,
}

/// A buyer's intention to pay, about to become a checkout.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Our payment's id: the idempotency key. Everything else here is stored before the call and the
    /// same in every repetition.
    pub payment: String,
    /// The gateway's reference, where [`Teller::reserve`] gave one.
    pub reference: Option<String>,
    /// Our order's id.
    pub order: String,
    /// The order's code, for the buyer's eyes and the bank's memo.
    pub code: String,
    /// What is asked.
    pub amount: Money,
    /// What is bought: title and price of each; they add up to the amount unless a part is paid already.
    pub lines: Vec<(String, Money)>,
    /// The buyer's address.
    pub email: String,
    /// The buyer's language.
    pub locale: Locale,
    /// Where the buyer goes after paying.
    pub success_url: String,
    /// Where the buyer goes after changing their mind.
    pub cancel_url: String,
    /// The checkout ends then at the latest.
    pub until: Timestamp,
}

/// A checkout that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The gateway's reference of it.
    pub reference: String,
    /// Where the buyer pays.
    pub url: String,
}

/// A refund about to be asked for.
#[derive(Debug, Clone)]
pub struct RefundAsk {
    /// Our refund's id: the idempotency key.
    pub refund: String,
    /// The provider id of the transfer to take back from.
    pub transfer: String,
    /// How much of it.
    pub amount: Money,
    /// Our order's id, for the gateway's own records.
    pub order: Option<String>,
}

/// One thing that a gateway lists, as if it had been a message.
#[derive(Debug, Clone)]
pub struct Report {
    /// What makes two reports the same event: see [`super::Gateway::event_key`].
    pub key: String,
    /// As the gateway wrote it.
    pub body: Vec<u8>,
    /// What it says, or why that cannot be understood.
    pub facts: Result<Vec<Fact>, NotUnderstood>,
}

/// Which part of a listing is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The listing's name.
    pub listing: &'static str,
    /// Nothing that happened before.
    pub from: Timestamp,
    /// Nothing that happened after.
    pub to: Timestamp,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct Page {
    /// What is on it.
    pub reports: Vec<Report>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<String>,
}

/// How a setting on the gateway's side looks from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// As it must be.
    pub sound: bool,
    /// One sentence: what was looked at, what was found, what to do. No secret.
    pub what: String,
}

/// The contract of a gateway's API. What a gateway's [`Abilities`] do not name is never called.
#[async_trait]
pub trait Teller: Send + Sync {
    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// How buyers pay on its page, where it has one.
    fn means(&self) -> Means {
        Means::Any
    }

    /// Can this amount be paid in a checkout here? The word is the code of a refusal. Asked before
    /// anything is stored or sent.
    fn accepts(&self, amount: Money) -> Result<(), &'static str>;

    /// A reference that has to be ours, for gateways that let the caller choose it; `chance` is 64
    /// random bits. It is stored before the call.
    fn reserve(&self, chance: u64) -> Option<String> {
        let _ = chance;
        None
    }

    /// Try the credentials, and look at what the seller has to set on the gateway's side. Changes nothing.
    async fn inspect(&self, public_url: &str) -> Result<Vec<Finding>, Fault>;

    /// Have the gateway send its messages to this server, and to no other that it sent them to before: only
    /// by a person's word. `None`: that is set on the gateway's own pages.
    async fn register(&self, public_url: &str) -> Result<Option<Finding>, Fault> {
        let _ = public_url;
        Ok(None)
    }

    /// Open a checkout; called again with the same intent it finds the same checkout.
    async fn open(&self, intent: &Intent) -> Result<Opened, Fault>;

    /// What has become of a checkout.
    async fn look(&self, reference: &str) -> Result<Report, Fault>;

    /// End a checkout, so that nobody pays there any more; what had become of it if it had ended
    /// before, which may be that it was paid.
    async fn close(&self, reference: &str) -> Result<Report, Fault>;

    /// Ask for a refund; called again with the same ask it finds the same refund.
    async fn refund(&self, ask: &RefundAsk) -> Result<RefundFact, Fault>;

    /// A page of a listing, oldest first where the gateway can.
    async fn page(&self, wanted: &Wanted) -> Result<Page, Fault>;
}
