//! What the order page says, as plain values. The states are few and their words are ours: an
//! inside reason never reaches the buyer. Access is claimed only by [`Access::Yours`].

use super::money::{Late, MoneyState, PayView, RefundView, Surplus};
use super::pretend::PretendView;
use crate::clock::Timestamp;
use crate::fulfilment::price::{Applied, Rule};
use crate::money::Money;
use crate::web::frame::Frame;

/// One order as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The surroundings; `frame.path` is this order's page.
    pub frame: Frame,
    /// When this was read.
    pub now: Timestamp,
    /// Changes whenever anything shown changes; the `ETag` of page and fragment.
    pub version: String,
    /// The secret in the address of the page.
    pub secret: String,
    /// Where the script listens for changes.
    pub stream_url: String,
    /// The order code.
    pub code: String,
    /// Where e-mail goes, not readable for somebody who found the link.
    pub email: MaskedEmail,
    /// The seller gave it.
    pub gift: bool,
    /// The money's state.
    pub money: MoneyState,
    /// Money came after the order's time.
    pub late: Option<Late>,
    /// Money that the order did not need.
    pub surplus: Option<Surplus>,
    /// What went back, oldest first.
    pub refunds: Vec<RefundView>,
    /// What became of the buyer's last click, in a sentence. No part of the version: the next change of
    /// the page ends it.
    pub notice: Option<String>,
    /// Demo mode only: what can be pretended.
    pub pretend: Option<PretendView>,
    /// The courses, in the order they were chosen.
    pub lines: Vec<LineView>,
    /// What it costs and why.
    pub totals: Totals,
    /// The milestones.
    pub times: Milestones,
}

/// An address with its middle hidden: `b***@gmail.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedEmail(String);

impl MaskedEmail {
    /// Hide all of the local part but its first letter.
    #[must_use]
    pub fn of(address: &str) -> Self {
        let (local, host) = address.rsplit_once('@').unwrap_or((address, ""));
        let first: String = local.chars().take(1).collect();
        Self(format!("{first}***@{host}"))
    }
}

impl std::fmt::Display for MaskedEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One course of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineView {
    /// Its title, as ordered.
    pub title: String,
    /// Its picture.
    pub cover: Option<String>,
    /// Its list price.
    pub price: Money,
    /// What it gives; a course gives at least one thing.
    pub benefits: Vec<BenefitView>,
    /// Where it is bought again, while that makes sense.
    pub again: Option<String>,
}

/// One promise of a course, and how far it is kept: one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenefitView {
    /// What is promised.
    pub kind: BenefitKind,
    /// How far it is.
    pub access: Access,
    /// Where the files are until they are where they were promised.
    pub meanwhile: Option<String>,
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenefitKind {
    /// A seat on the learning platform.
    Enrolment,
    /// So many files to download; 0 while the number is not known.
    Files(usize),
}

/// How far a promise is kept, for the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Read back from the other side. The only state that says "you have access".
    Yours {
        /// Where to go.
        link: Option<String>,
        /// Until when; `None` is for good.
        until: Option<Timestamp>,
        /// That is soon.
        ending: bool,
    },
    /// It was taken back or ran out.
    Revoked {
        /// When.
        at: Option<Timestamp>,
        /// Why, where there is more to say.
        why: Option<Ended>,
    },
    /// It rests while the payer's bank looks into the payment.
    Paused {
        /// Since when.
        at: Option<Timestamp>,
    },
    /// The order was not paid in time, or was cancelled.
    NotPaid,
    /// The order is not paid yet.
    WaitingForPayment,
    /// Paid, and in the queue.
    Waiting,
    /// Being done now.
    Working,
    /// The outcome is unknown and is being looked up.
    Checking,
    /// It did not work and will be tried again.
    Retrying {
        /// The number of the coming attempt.
        attempt: u32,
        /// When it comes.
        next_at: Timestamp,
    },
    /// Given up; the seller knows.
    Failed,
    /// It waits for the seller, who knows.
    NeedsSeller,
    /// It waits for the buyer.
    NeedsYou(BuyerTask),
}

/// Why access ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its days are over.
    TimeUp,
    /// Its money went back.
    Refunded,
    /// The payer's bank took the money back.
    ChargedBack,
    /// The seller ended it.
    BySeller,
}

/// What the buyer has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuyerTask {
    /// The platform refuses this e-mail address.
    AddressRefused,
    /// The platform has this account switched off.
    AccountDisabled,
    /// The platform sent an invitation that must be accepted.
    AcceptInvitation {
        /// Where, as far as it is known.
        link: Option<String>,
    },
    /// Anything else: write to the seller.
    Write,
}

/// What it costs and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// The sum of the list prices.
    pub list: Money,
    /// What is paid.
    pub total: Money,
    /// The bundles and combos that made it cheaper than the list prices.
    pub offers: Vec<Offer>,
    /// The coupon that was used, and what it took off the rest.
    pub coupon: Option<(String, Money)>,
}

/// A price rule that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// Nothing is to be paid at all.
    Gift,
    /// A bundle, by title.
    Bundle(String),
    /// Any so many courses at one price.
    Combo(usize),
}

/// When the order passed each milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milestones {
    /// It was placed.
    pub ordered: Timestamp,
    /// Enough money came.
    pub paid: Option<Timestamp>,
    /// The last course reached a final state.
    pub granted: Option<Timestamp>,
    /// The order was finished and its e-mail sent off.
    pub done: Option<Timestamp>,
}

impl LineView {
    /// The state that the course as a whole is shown in: the one that most wants attention.
    #[must_use]
    pub fn access(&self) -> &Access {
        self.benefits
            .iter()
            .map(|benefit| &benefit.access)
            .max_by_key(|access| access.urgency())
            .unwrap_or(&Access::Waiting)
    }
}

impl Access {
    /// Read back, and still there.
    #[must_use]
    pub fn is_yours(&self) -> bool {
        matches!(self, Self::Yours { .. })
    }

    /// Its days are over, or soon will be: buying the course again makes it go on.
    #[must_use]
    pub fn can_go_on(&self) -> bool {
        match self {
            Self::Yours { ending, .. } => *ending,
            Self::Revoked { why, .. } => *why == Some(Ended::TimeUp),
            _ => false,
        }
    }

    /// Writing to the seller is what helps.
    #[must_use]
    pub fn wants_letter(&self) -> bool {
        match self {
            Self::NeedsYou(task) => !matches!(task, BuyerTask::AcceptInvitation { .. }),
            other => *other == Self::Failed,
        }
    }

    /// Where the buyer accepts an invitation.
    #[must_use]
    pub fn invitation(&self) -> Option<&str> {
        match self {
            Self::NeedsYou(BuyerTask::AcceptInvitation { link }) => link.as_deref(),
            _ => None,
        }
    }

    /// Nothing more will happen by itself.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Yours { .. } | Self::Revoked { .. } | Self::Paused { .. } | Self::Failed
        )
    }

    fn urgency(&self) -> u8 {
        match self {
            Self::Yours { .. } => 0,
            Self::Revoked { .. } | Self::Paused { .. } => 1,
            Self::NotPaid | Self::WaitingForPayment => 2,
            Self::Waiting => 3,
            Self::Working => 4,
            Self::Checking => 5,
            Self::Retrying { .. } => 6,
            Self::Failed => 7,
            Self::NeedsSeller => 8,
            Self::NeedsYou(_) => 9,
        }
    }
}

impl Totals {
    /// A list price, a price, and the rules between them.
    #[must_use]
    pub fn of(list: Money, total: Money, rule: Rule) -> Self {
        let (mut offers, mut coupon) = (Vec::new(), None);
        for applied in rule.0 {
            match applied {
                Applied::Bundle { title, .. } => offers.push(Offer::Bundle(title)),
                Applied::Combo { courses, .. } => offers.push(Offer::Combo(courses)),
                Applied::Coupon { code, off, .. } => coupon = Some((code.to_string(), off)),
            }
        }
        Self {
            list,
            total,
            offers,
            coupon,
        }
    }

    /// It is not simply the list price.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        self.saved().is_some() || self.coupon.is_some()
    }

    /// What the offers save; nothing when they save nothing.
    #[must_use]
    pub fn saved(&self) -> Option<Money> {
        let by_coupon = self.coupon.as_ref().map_or(0, |(_, off)| off.minor);
        let minor = self.list.minor - self.total.minor - by_coupon;
        (minor > 0).then_some(Money {
            minor,
            currency: self.total.currency,
        })
    }
}

impl OrderView {
    /// What is needed to pay, while that is awaited.
    #[must_use]
    pub fn pay(&self) -> Option<&PayView> {
        self.money.pay()
    }

    /// Seconds left to pay in, while there are any.
    #[must_use]
    pub fn seconds_to_pay(&self) -> Option<u64> {
        let left = self.pay()?.expires_at.since(self.now).as_secs();
        (left > 0).then_some(left)
    }

    /// Nothing on this page will change by itself any more; a person, or the payer's bank, may still
    /// change it. An expired order is not final: a late transfer re-opens it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.money {
            MoneyState::Cancelled { .. } | MoneyState::Refunded { .. } | MoneyState::Disputed => {
                true
            }
            MoneyState::Paid | MoneyState::PartiallyRefunded { .. } => {
                self.times.done.is_some() && self.lines.iter().all(|line| line.access().is_final())
            }
            MoneyState::Awaiting(_)
            | MoneyState::PartlyPaid { .. }
            | MoneyState::Confirming(_)
            | MoneyState::Expired { .. } => false,
        }
    }

    /// It is paid, or given, and its courses are being kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(
            self.money,
            MoneyState::Paid | MoneyState::PartiallyRefunded { .. }
        )
    }

    /// A gateway's word is awaited.
    #[must_use]
    pub fn is_confirming(&self) -> bool {
        matches!(self.money, MoneyState::Confirming(_))
    }

    /// How many courses are wholly there.
    #[must_use]
    pub fn ready(&self) -> usize {
        let yours = |line: &&LineView| line.access().is_yours();
        self.lines.iter().filter(yours).count()
    }
}
