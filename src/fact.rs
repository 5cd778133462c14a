//! What a gateway said, in our words: parsed by a connector, accepted into the books by `fulfilment::settle`.

use crate::clock::Timestamp;
use crate::money::Money;

/// Which way money went, seen from the seller's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// One statement of a gateway about the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Money moved on a bank account of the seller.
    Transfer(TransferFact),
}

/// A bank transfer as a gateway reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferFact {
    /// The gateway's name in the registry.
    pub gateway: String,
    /// The gateway's own id of this transfer; the same across its retries.
    pub provider_id: String,
    /// Account, direction, amount, bank reference and second of booking, joined: the same transfer
    /// under another provider id has the same natural key. `None` where the parts do not single it
    /// out (no bank reference).
    pub natural_key: Option<String>,
    /// The bank account it moved on, as text: leading zeros matter.
    pub account: String,
    /// The virtual account, where the bank uses them.
    pub sub_account: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// How much, never negative.
    pub amount: Money,
    /// The bank's reference, may be empty.
    pub reference: String,
    /// Every text that may hold an order code, best first: the gateway's own extraction, the memo,
    /// the raw bank notification.
    pub memos: Vec<String>,
    /// When the bank booked it.
    pub booked_at: Option<Timestamp>,
}
