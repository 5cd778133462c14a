//! Reconcile: takes no input and always does the same: finds what time or accident left undone and
//! moves it on through the ordinary steps. Runs every few seconds; finding nothing is the rule.

use std::collections::HashSet;
use std::time::Duration;

use super::{complete, plan, revoke};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::OrderId;
use crate::model::email::{self, Letter};
use crate::model::grant::{GrantState, Step};
use crate::model::order::PaymentStatus;
use crate::model::{Moment, coupon, gateway_event, grant, order, payment, task};

/// At most so many rows in one transaction.
const BATCH: i64 = 200;
/// Parts whose rows reach over to lines and orders take one row a transaction: two that lock such
/// rows in opposite order would stop each other.
const ONE: i64 = 1;

/// A checkout is looked at so long after its end.
const GRACE: Duration = Duration::from_mins(1);
/// Buyers are told so long before their access ends.
pub const WARNING: Duration = Duration::from_hours(168);

/// One part of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Tasks whose worker was lost are ready again.
    Leases,
    /// Unpaid orders past their time expire.
    Orders,
    /// Grants not kept in time fail their lines.
    GivenUp,
    /// Access whose days are over ends.
    Expired,
    /// Grants that no task works on get one.
    Unattended,
    /// Events that no task works on get one.
    Stranded,
    /// Checkouts past their time are looked at.
    Checkouts,
    /// Buyers whose access ends soon are told.
    Warnings,
}

impl Part {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 8] = [
        Self::Leases,
        Self::Orders,
        Self::GivenUp,
        Self::Expired,
        Self::Unattended,
        Self::Stranded,
        Self::Checkouts,
        Self::Warnings,
    ];

    /// Move on a batch of what this part finds; how many rows that were.
    pub async fn step(self, tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
        match self {
            Self::Leases => task::sweep(tx, moment).await,
            Self::Orders => expire_orders(tx, moment).await,
            Self::GivenUp => give_up(tx, moment).await,
            Self::Expired => expire_access(tx, moment).await,
            Self::Unattended => attend(tx, moment).await,
            Self::Stranded => rescue_events(tx, moment).await,
            Self::Checkouts => look_at_checkouts(tx, moment).await,
            Self::Warnings => warn(tx, moment).await,
        }
    }
}

/// What one sweep found; all zero is the rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Leases of lost workers.
    pub leases: usize,
    /// Orders that expired unpaid.
    pub orders: usize,
    /// Grants not kept in time.
    pub given_up: usize,
    /// Grants whose days were over.
    pub expired: usize,
    /// Grants that no task worked on.
    pub unattended: usize,
    /// Events that no task worked on.
    pub stranded: usize,
    /// Checkouts past their time.
    pub checkouts: usize,
    /// Grants that end soon.
    pub warnings: usize,
}

impl Found {
    /// The count of a part.
    pub fn of(&mut self, part: Part) -> &mut usize {
        match part {
            Part::Leases => &mut self.leases,
            Part::Orders => &mut self.orders,
            Part::GivenUp => &mut self.given_up,
            Part::Expired => &mut self.expired,
            Part::Unattended => &mut self.unattended,
            Part::Stranded => &mut self.stranded,
            Part::Checkouts => &mut self.checkouts,
            Part::Warnings => &mut self.warnings,
        }
    }
}

async fn expire_orders(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let overdue = order::overdue(tx, moment.now, BATCH).await?;
    for (id, expires_at) in &overdue {
        expire(tx, moment, id, *expires_at).await?;
    }
    Ok(overdue.len())
}

/// The time of an unpaid order was over at `ended`; an order that is not unpaid any more stays as it is.
pub async fn expire(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &OrderId,
    ended: Timestamp,
) -> Result<()> {
    let moves = (PaymentStatus::Pending, PaymentStatus::Expired);
    let why = "not paid in time";
    if order::close_or_reopen(tx, moment, id, moves, ended, why).await? {
        coupon::release_for(tx, moment, id).await?;
    }
    Ok(())
}

async fn give_up(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let late = grant::out_of_time(tx, moment.now, ONE).await?;
    for grant in &late {
        let grant = grant::in_turn(tx, &grant.id).await?;
        if grant.state.is_owed() {
            let why = grant.why.clone().unwrap_or_default();
            let why = format!("not kept in time; last: {why}");
            complete::give_up(tx, moment, &grant, why.trim_end_matches("; last: ")).await?;
        }
    }
    Ok(late.len())
}

async fn expire_access(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let over = grant::expired(tx, moment.now, ONE).await?;
    for grant in &over {
        let why = "its days of access are over";
        let step = Step {
            why: Some(why.to_owned()),
            ..Step::default()
        };
        let grant = grant::in_turn(tx, &grant.id).await?;
        if grant.state == GrantState::Active
            && grant::advance(tx, moment, &grant, GrantState::Expired, step).await?
        {
            let expired = grant::get(tx, &grant.id).await?;
            revoke::end(tx, moment, &expired, why).await?;
        }
    }
    Ok(over.len())
}

async fn attend(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let alone = grant::unattended(tx, BATCH).await?;
    for grant in &alone {
        plan::revive(tx, moment, grant).await?;
    }
    Ok(alone.len())
}

async fn rescue_events(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let stranded = gateway_event::stranded(tx, BATCH).await?;
    for event in &stranded {
        plan::settle(tx, moment, event).await?;
    }
    Ok(stranded.len())
}

async fn look_at_checkouts(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    // The gateway ends it at the same time; a minute later it knows.
    let overdue = payment::overdue(tx, moment.now.minus(GRACE), BATCH).await?;
    for payment in &overdue {
        plan::look_after(tx, moment, payment).await?;
    }
    Ok(overdue.len())
}

async fn warn(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let ending = grant::ending(tx, moment.now, WARNING, BATCH).await?;
    // A course with several promises is one letter.
    let mut told = HashSet::new();
    for grant in &ending {
        grant::warned(tx, moment, &grant.id).await?;
        // Bought again meanwhile: the access goes on, and there is nothing to warn of.
        let last = grant::ends_last(tx, grant).await?;
        if last.is_some_and(|end| Some(end) > grant.expires_at) || !told.insert(&grant.line) {
            continue;
        }
        let order = order::get(tx, &grant.order).await?;
        email::queue(tx, moment, &order, &Letter::Ending(grant.id.clone())).await?;
    }
    Ok(ending.len())
}
