//! Settle: accept a gateway's facts into the books. One transaction stores the event and everything
//! that follows from it. Facts come late, twice and in any order; settled twice they change nothing,
//! and one about money that is not in the books yet waits for that money.

use super::Policy;
use crate::db::Tx;
use crate::error::Result;
use crate::fact::Fact;
use crate::id::{EventId, TransferId};
use crate::model::Moment;
use crate::model::gateway_event::{self, Arrival, Road};
use crate::model::order::Order;
use crate::model::transfer::Class;

mod checkouts;
mod returns;
mod transfers;

pub(super) use transfers::against;

/// What became of a message.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// It had been settled before; nothing changed.
    pub duplicate: bool,
    /// Class of the last transfer in it.
    pub class: Option<Class>,
    /// The last transfer in it, where it was new.
    pub transfer: Option<TransferId>,
    /// The order it concerns, as it is now.
    pub order: Option<Order>,
    /// Lines that started with it.
    pub lines_started: usize,
}

/// Where facts come from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The stored event.
    pub event: &'a EventId,
    /// How it came here.
    pub road: Road,
}

/// Store an authentic message and settle all it says, in this transaction.
pub async fn arrival(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    arrival: &Arrival,
    facts: &[Fact],
) -> Result<Settled> {
    let Some(event) = gateway_event::store(tx, moment, arrival, None).await? else {
        return repeated(tx, arrival.road, facts).await;
    };
    let origin = Origin {
        event: &event,
        road: arrival.road,
    };
    all(tx, moment, policy, origin, facts).await
}

/// Settle every fact of a stored event.
pub async fn all(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    origin: Origin<'_>,
    facts: &[Fact],
) -> Result<Settled> {
    let mut settled = Settled::default();
    let mut missing = None;
    // First, so that money finds the attempt that it came by under its name.
    for fact in facts {
        if let Fact::Checkout(fact) = fact {
            checkouts::take(tx, moment, fact).await?;
        }
    }
    for fact in facts {
        match fact {
            Fact::Transfer(fact) => {
                settled = transfers::take(tx, moment, policy, origin, fact).await?;
            }
            Fact::Checkout(_) => {}
            Fact::Refund(fact) => match returns::refund(tx, moment, policy, fact).await? {
                Some(order) => settled.order = order,
                None => missing = Some(&fact.transfer),
            },
            Fact::Refunded(fact) => match returns::refunded(tx, moment, policy, fact).await? {
                Some(order) => settled.order = order,
                None => missing = Some(&fact.transfer),
            },
            Fact::Dispute(fact) => match returns::dispute(tx, moment, policy, fact).await? {
                Some(order) => settled.order = order,
                None => missing = Some(&fact.transfer),
            },
        }
    }
    if let Some(transfer) = missing {
        gateway_event::park(tx, origin.event, transfer).await?;
    }
    Ok(settled)
}

/// The answer to a message that came before: the order as it is now.
async fn repeated(tx: &mut Tx<'_>, road: Road, facts: &[Fact]) -> Result<Settled> {
    let mut settled = Settled {
        duplicate: true,
        ..Settled::default()
    };
    for fact in facts {
        if let Fact::Transfer(fact) = fact
            && let Some(before) = transfers::booked_before(tx, road, fact).await?
        {
            settled = before;
        }
    }
    Ok(settled)
}
