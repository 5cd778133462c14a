//! Look: all that a person needs to decide about one transfer: what it pays, what went back, what was
//! decided before, and for one that waits the likely orders, each with what it would do there.

use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::Policy;
use crate::fulfilment::suggest::{self, Clue, Suggestion};
use crate::id::TransferId;
use crate::model::allocation;
use crate::model::audit::{self, Entry};
use crate::model::code::OrderCode;
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, Refund};
use crate::model::transfer::{self, Transfer};
use crate::money::Money;

/// One transfer with all that is known of it.
#[derive(Debug)]
pub struct Look {
    /// It.
    pub transfer: Transfer,
    /// The code of the order that it was matched with.
    pub matched: Option<OrderCode>,
    /// Which orders it pays, with how much.
    pub parts: Vec<(OrderCode, i64)>,
    /// What of it went back, or is to.
    pub refunds: Vec<Refund>,
    /// What was decided about it, oldest first.
    pub story: Vec<Entry>,
    /// What of it neither pays an order nor went back.
    pub left: i64,
    /// Likely orders, best first; none where nothing is left to decide.
    pub proposals: Vec<Proposal>,
}

impl Look {
    /// So much of its currency.
    #[must_use]
    pub fn in_currency(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.transfer.amount.currency,
        }
    }
}

/// A likely order.
#[derive(Debug)]
pub struct Proposal {
    /// Which, and why.
    pub suggestion: Suggestion,
    /// What the money would do there.
    pub fit: Fit,
}

/// What money would do on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Pay it; so much would be over.
    Pays {
        /// Minor units.
        over: i64,
    },
    /// Not be enough.
    Short {
        /// What would still be owed, in minor units.
        missing: i64,
    },
    /// It takes no money now.
    No,
}

impl Fit {
    /// What `left` would do on an order.
    #[must_use]
    pub fn of(policy: &Policy, order: &Order, transfer: &Transfer, left: i64) -> Self {
        let open = matches!(
            order.payment_status,
            PaymentStatus::Pending | PaymentStatus::Expired | PaymentStatus::Cancelled
        );
        if !open || left <= 0 || order.total.currency != transfer.amount.currency {
            return Self::No;
        }
        let over = left - order.owed();
        if policy.is_enough(order, order.received.minor + left) {
            let over = if over <= policy.tolerance { 0 } else { over };
            return Self::Pays { over };
        }
        match order.payment_status {
            PaymentStatus::Cancelled => Self::No,
            _ => Self::Short { missing: -over },
        }
    }
}

/// Look at a transfer.
pub async fn look(tx: &mut Tx<'_>, policy: &Policy, id: &TransferId) -> Result<Look> {
    let transfer = transfer::get(tx, id).await?;
    let left = super::unspent(tx, &transfer).await?;
    let mut parts = Vec::new();
    for part in allocation::of_transfer(tx, id).await? {
        parts.push((order::get(tx, &part.order).await?.code, part.amount));
    }
    let matched = match &transfer.order {
        Some(order) => Some(order::get(tx, order).await?.code),
        None => None,
    };
    let proposals = if transfer.closed_at.is_none() && left > 0 {
        let likely = suggest::suggest(tx, policy, &Clue::of(&transfer)).await?;
        let fitted = likely.into_iter().map(|suggestion| Proposal {
            fit: Fit::of(policy, &suggestion.order, &transfer, left),
            suggestion,
        });
        fitted.collect()
    } else {
        Vec::new()
    };
    Ok(Look {
        matched,
        parts,
        refunds: refund::of_transfer(tx, id).await?,
        story: audit::of_transfer(tx, id).await?,
        left,
        proposals,
        transfer,
    })
}
