//! What a gateway said, in our words: parsed by a connector, accepted into the books by `fulfilment::settle`.
//! Facts may come late, twice, and in any order; each says what is so, never what to do.

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
    /// Money moved on an account of the seller, at a bank or at a gateway.
    Transfer(TransferFact),
    /// A checkout that we opened stands so.
    Checkout(CheckoutFact),
    /// Money went, or is going, back to a payer.
    Refund(RefundFact),
    /// At least so much of a transfer has gone back, in one sum.
    Refunded(RefundedFact),
    /// A payer asked their bank for the money.
    Dispute(DisputeFact),
}

/// How a gateway names one of our orders, where it does not only repeat the payer's memo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderName {
    /// By the order's id, which we gave it.
    Id(String),
    /// By the reference of a checkout at this gateway.
    Checkout(String),
}

/// Money that moved, as a gateway reports it.
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
    /// The account it moved on, as text: leading zeros matter. A gateway that holds the money itself
    /// is its own account, by its name.
    pub account: String,
    /// The virtual account, where the bank uses them.
    pub sub_account: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// How much, never negative.
    pub amount: Money,
    /// The bank's reference, may be empty.
    pub reference: String,
    /// Which order it is for, where the gateway knows. Then the memos are not asked.
    pub order: Option<OrderName>,
    /// Every text that may hold an order code, best first: the gateway's own extraction, the memo,
    /// the raw bank notification.
    pub memos: Vec<String>,
    /// When the bank booked it.
    pub booked_at: Option<Timestamp>,
}

impl TransferFact {
    /// What there is to know a transfer again by, where the bank gave no reference: two that are alike
    /// in all of it are told apart by nothing but their number. `None`: nothing single enough.
    #[must_use]
    pub fn weak_key(&self) -> Option<String> {
        let booked_at = self.booked_at.filter(|_| self.natural_key.is_none())?;
        let way = match self.direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        let (account, amount, second) =
            (&self.account, self.amount.minor, booked_at.unix_seconds());
        Some(format!("{account}|{way}|{amount}|{second}"))
    }
}

/// Where a checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutState {
    /// The buyer can pay there.
    Open,
    /// The buyer has finished; the money is a transfer of its own, now or later.
    Complete,
    /// Nobody can pay there any more.
    Expired,
    /// The payment failed after the buyer had finished.
    Failed,
}

/// A checkout that we opened at a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutFact {
    /// The gateway's name in the registry.
    pub gateway: String,
    /// The gateway's reference of it.
    pub reference: String,
    /// Our order, where the gateway repeats it: the fact may be here before our own call returned.
    pub order: Option<String>,
    /// Where it stands.
    pub state: CheckoutState,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundProgress {
    /// On its way.
    Pending,
    /// The payer has it.
    Succeeded,
    /// It came back; the reason is the gateway's own word.
    Failed,
}

/// Money that went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFact {
    /// The gateway's name in the registry.
    pub gateway: String,
    /// The gateway's id of the refund.
    pub provider_id: String,
    /// The provider id of the transfer that it takes back from.
    pub transfer: String,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub progress: RefundProgress,
    /// The id of our own refund, where we asked for it.
    pub ours: Option<String>,
    /// Why it failed, or why it was asked for: a word of the gateway.
    pub why: Option<String>,
}

/// What has gone back of a transfer in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundedFact {
    /// The gateway's name in the registry.
    pub gateway: String,
    /// The provider id of the transfer.
    pub transfer: String,
    /// The sum of all its refunds.
    pub total: Money,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStage {
    /// A question of the payer's bank; no money moved.
    Inquiry,
    /// The money was taken, for now.
    Open,
    /// It came back.
    Won,
    /// It stays away.
    Lost,
}

/// A dispute about a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeFact {
    /// The gateway's name in the registry.
    pub gateway: String,
    /// The gateway's id of the dispute.
    pub provider_id: String,
    /// The provider id of the transfer in dispute.
    pub transfer: String,
    /// How much is in dispute.
    pub amount: Money,
    /// Where it stands.
    pub stage: DisputeStage,
    /// The payer's reason, in the gateway's word.
    pub why: Option<String>,
}
