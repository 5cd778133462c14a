//! What the order page says about money: what is asked and by which ways, what is under way, what
//! goes back. Plain values; their words are in `words.rs`.

use super::view::Access;
use crate::clock::Timestamp;
use crate::connectors::gateways::teller::Means;
use crate::money::Money;

/// Where the money is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyState {
    /// Nothing came yet.
    Awaiting(PayView),
    /// Something came, not enough; `pay.amount` is what is missing.
    PartlyPaid {
        /// What came so far.
        received: Money,
        /// How to pay the rest.
        pay: PayView,
    },
    /// The buyer is back from a gateway's page, and the gateway has not told of the money yet.
    Confirming(Means),
    /// Enough came.
    Paid,
    /// The payer's bank looks into the payment: access rests.
    Disputed,
    /// Nothing came in time. A late transfer re-opens it.
    Expired {
        /// When the time was up.
        at: Timestamp,
    },
    /// Cancelled before it was paid.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// All of it went back.
    Refunded {
        /// How much.
        amount: Money,
        /// By the payer's bank, after a dispute.
        disputed: bool,
    },
    /// A part went back; what was not refunded goes on.
    PartiallyRefunded {
        /// How much.
        amount: Money,
    },
}

/// How the buyer can pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayView {
    /// How much.
    pub amount: Money,
    /// Until when the order waits.
    pub expires_at: Timestamp,
    /// By bank transfer; none where the shop has no account.
    pub transfer: Option<TransferView>,
    /// On pages of gateways.
    pub ways: Vec<Way>,
    /// The last attempt on such a page failed there.
    pub failed: Option<Means>,
}

/// What the buyer needs for the transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferView {
    /// The bank's short name.
    pub bank: String,
    /// The account number.
    pub account: String,
    /// The account's holder.
    pub holder: String,
    /// The memo: the order code.
    pub memo: String,
    /// The QR shown; must be drawn for the amount, so its address should change with it.
    pub qr_src: String,
    /// The same QR as a PNG to save on a phone and open in a bank app.
    pub qr_png: String,
}

/// A page of a gateway where the buyer can pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// How they pay there.
    pub means: Means,
    /// Where the button posts to.
    pub action: String,
    /// Why this order cannot be paid there, in a sentence; then there is no button.
    pub refused: Option<String>,
}

/// Money of this buyer that the order did not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surplus {
    /// Still to be paid back.
    pub due: Money,
    /// Paid back.
    pub returned: Money,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundView {
    /// How much.
    pub amount: Money,
    /// For which course; none is the order as a whole.
    pub course: Option<String>,
    /// A person sends it by bank transfer; else it goes back the way it came.
    pub by_hand: bool,
    /// The bank's reference.
    pub reference: Option<String>,
    /// How far it is.
    pub stage: RefundStage,
    /// Since when.
    pub at: Timestamp,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStage {
    /// Decided, and not sent yet.
    Decided,
    /// The gateway has it under way.
    OnTheWay,
    /// Sent by hand, or said by the gateway to have arrived.
    Done,
}

/// What came of money that came after the order's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It paid the order at its old price.
    Paid,
    /// It was a part: the order is open again for the rest.
    Reopened,
}

impl MoneyState {
    /// How far a promise is for which there is no grant row: none exists before the payment. Or for
    /// which nobody pays at present.
    #[must_use]
    pub fn without_grant(&self) -> Access {
        match self {
            Self::Awaiting(_) | Self::PartlyPaid { .. } | Self::Confirming(_) => {
                Access::WaitingForPayment
            }
            Self::Expired { .. } | Self::Cancelled { .. } => Access::NotPaid,
            Self::Refunded { .. } => Access::Revoked {
                at: None,
                why: None,
            },
            Self::Disputed => Access::Paused { at: None },
            Self::Paid | Self::PartiallyRefunded { .. } => Access::Waiting,
        }
    }

    /// What is needed to pay, while that is awaited.
    #[must_use]
    pub fn pay(&self) -> Option<&PayView> {
        match self {
            Self::Awaiting(pay) | Self::PartlyPaid { pay, .. } => Some(pay),
            _ => None,
        }
    }
}

impl PayView {
    /// There is a page of a gateway to choose.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        self.ways.iter().any(|way| way.refused.is_none())
    }
}

impl TransferView {
    /// The facts below the amount: name, key of the label, value.
    pub(super) fn facts(&self) -> [(&'static str, &'static str, &str); 4] {
        [
            ("memo", "order.pay.memo", &self.memo),
            ("bank", "order.pay.bank", &self.bank),
            ("account", "order.pay.account", &self.account),
            ("holder", "order.pay.holder", &self.holder),
        ]
    }
}
