//! What can happen to a learner's orders, and after what.

use std::fmt;

/// A course: `A` is an enrolment and files for thirty days, `B` an enrolment for ever, `C` files for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Course {
    A,
    B,
    C,
}

/// What is on sale: the course `A` alone, or the bundle of all three at half their price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ware {
    Single,
    Trio,
}

/// One event. Orders are counted from 0, in the sequence in which they came about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Ordered and paid by card. A second time it is the re-buy.
    Buy(Ware),
    /// The same while the platform refuses the learner's account: its enrolments wait for a person.
    BuyLate(Ware),
    /// An operator gives the course `A`.
    Gift,
    /// The account is in order again, and what waits is tried again.
    Activate,
    /// The money of one course goes back, by a person's decision.
    RefundLine(usize, Course),
    /// What is left of the money goes back, on the gateway's own pages.
    RefundAll(usize),
    /// The payer disputes the payment.
    Dispute(usize),
    /// The dispute is won: the payment's reversal is reversed.
    Win(usize),
    /// The dispute is lost.
    Lose(usize),
    /// What waits is activated, then 31 days pass.
    Days,
}

/// As short as it can be read: `buy A, refund 0B, days`.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buy(Ware::Single) => write!(f, "buy A"),
            Self::Buy(Ware::Trio) => write!(f, "buy ABC"),
            Self::BuyLate(Ware::Single) => write!(f, "buy A late"),
            Self::BuyLate(Ware::Trio) => write!(f, "buy ABC late"),
            Self::Gift => write!(f, "gift A"),
            Self::Activate => write!(f, "activate"),
            Self::RefundLine(order, course) => write!(f, "refund {order}{course:?}"),
            Self::RefundAll(order) => write!(f, "refund {order}"),
            Self::Dispute(order) => write!(f, "dispute {order}"),
            Self::Win(order) => write!(f, "win {order}"),
            Self::Lose(order) => write!(f, "lose {order}"),
            Self::Days => write!(f, "days"),
        }
    }
}
