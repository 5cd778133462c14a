//! Reconcile: takes no input and always does the same: finds what time or accident left undone and
//! moves it on through the ordinary steps. Runs every few seconds; finding nothing is the rule.

use super::{complete, plan, revoke};
use crate::db::Tx;
use crate::error::Result;
use crate::model::grant::{GrantState, Step};
use crate::model::order::PaymentStatus;
use crate::model::task::{Kind, NewTask};
use crate::model::{Moment, coupon, gateway_event, grant, order, task};

/// At most so many rows in one transaction.
const BATCH: i64 = 200;
/// Parts whose rows reach over to lines and orders take one row a transaction: two that lock such
/// rows in opposite order would stop each other.
const ONE: i64 = 1;

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
}

impl Part {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 6] = [
        Self::Leases,
        Self::Orders,
        Self::GivenUp,
        Self::Expired,
        Self::Unattended,
        Self::Stranded,
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
        }
    }
}

async fn expire_orders(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let overdue = order::overdue(tx, moment.now, BATCH).await?;
    for (id, expires_at) in &overdue {
        let moves = (PaymentStatus::Pending, PaymentStatus::Expired);
        let why = "not paid in time";
        if order::close_or_reopen(tx, moment, id, moves, *expires_at, why).await? {
            coupon::release_for(tx, moment, id).await?;
        }
    }
    Ok(overdue.len())
}

async fn give_up(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    let late = grant::out_of_time(tx, moment.now, ONE).await?;
    for grant in &late {
        let why = grant.why.clone().unwrap_or_default();
        let why = format!("not kept in time; last: {why}");
        complete::give_up(tx, moment, grant, why.trim_end_matches("; last: ")).await?;
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
        grant::take_turn(tx, grant).await?;
        if grant::advance(tx, moment, grant, GrantState::Expired, step).await? {
            revoke::revoke(tx, moment, &grant.id, why).await?;
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
        let task = NewTask {
            kind: Kind::SettleEvent,
            order: None,
            subject: &event.0,
            connection: None,
        };
        task::revive(tx, moment, &task).await?;
    }
    Ok(stranded.len())
}
