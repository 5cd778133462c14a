//! What a gateway said, in our words: parsed by a connector, accepted into the books by `fulfilment::settle`.
//! Facts may come late, twice, and in any order; each says what is so, never what to do.

use sha2::{Digest, Sha256};

use crate::ascii;
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

impl Direction {
    /// The word in keys and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
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
    /// Every text that may hold an order code: first the payer's memo as the bank wrote it, then
    /// the gateway's own extraction, the raw bank notification.
    pub memos: Vec<String>,
    /// When the bank booked it.
    pub booked_at: Option<Timestamp>,
}

impl TransferFact {
    /// What there is to know a transfer again by when it comes along another road and the bank gave
    /// no reference: account, direction, amount, second of booking, and a digest of the memo's
    /// letters and digits. Two that are alike in all of it are told apart by nothing but their
    /// number, so it joins one report of each road at most. `None`: nothing single enough, or the gateway
    /// knows the order, and a wrong guess would cost it.
    #[must_use]
    pub fn weak_key(&self) -> Option<String> {
        let alone = self.natural_key.is_none() && self.order.is_none();
        let booked_at = self.booked_at.filter(|_| alone)?;
        let second = booked_at.unix_seconds();
        let memo = squeezed(self.memos.first().map_or("", String::as_str));
        let digest = hex::encode(&Sha256::digest(memo)[..16]);
        let (account, direction) = (&self.account, self.direction.as_str());
        let amount = self.amount.minor;
        Some(format!("{account}|{direction}|{amount}|{second}|{digest}"))
    }

    /// The road by which the gateway told of it, where the gateway has several that number
    /// transfers differently: what stands before the colon in the provider id; else empty.
    #[must_use]
    pub fn road(&self) -> &str {
        self.provider_id
            .split_once(':')
            .map_or("", |(road, _)| road)
    }
}

/// Capitals and digits only: banks and gateways differ in case, diacritics, blanks and dashes.
fn squeezed(memo: &str) -> String {
    let mut plain = String::with_capacity(memo.len());
    for character in memo.chars() {
        ascii::fold(character, |c| {
            if c.is_ascii_alphanumeric() {
                plain.push(c.to_ascii_uppercase());
            }
        });
    }
    plain
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
    /// Our payment, where the gateway repeats it: the fact may be here before our own call returned.
    pub payment: Option<String>,
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
