//! Settle: accept a fact of a gateway into the books. One transaction stores the event, dedupes the
//! transfer on both its keys, matches it, allocates it, moves the order to paid, plans its grants
//! and decides the receipt. A transfer is never dropped: what does not match waits in the inbox.

use super::{Policy, plan};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::{Direction, Fact, TransferFact};
use crate::id::EventId;
use crate::model::code::{self, OrderCode};
use crate::model::email::{self, Letter};
use crate::model::gateway_event::{self, Arrival};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::transfer::{self, Class, Verdict};
use crate::model::{Moment, allocation, coupon, payment};

/// What became of a message.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// It had been settled before; nothing changed.
    pub duplicate: bool,
    /// Class of the last transfer in it.
    pub class: Option<Class>,
    /// The order it concerns, as it is now.
    pub order: Option<Order>,
    /// Lines that started with it.
    pub lines_started: usize,
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
        return repeated(tx, facts).await;
    };
    all(tx, moment, policy, &event, facts).await
}

/// Settle every fact of a stored event.
pub async fn all(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    event: &EventId,
    facts: &[Fact],
) -> Result<Settled> {
    let mut settled = Settled::default();
    for fact in facts {
        let Fact::Transfer(fact) = fact;
        settled = one(tx, moment, policy, event, fact).await?;
    }
    Ok(settled)
}

/// The answer to a message that came before: the order as it is now.
async fn repeated(tx: &mut Tx<'_>, facts: &[Fact]) -> Result<Settled> {
    let mut settled = Settled {
        duplicate: true,
        ..Settled::default()
    };
    for fact in facts {
        let Fact::Transfer(fact) = fact;
        if let Some(before) = booked_before(tx, fact).await? {
            settled = before;
        }
    }
    Ok(settled)
}

async fn one(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    event: &EventId,
    fact: &TransferFact,
) -> Result<Settled> {
    let found = find(tx, policy, fact).await?;
    let class = classify(policy, fact, &found);
    let order = found.order();
    let verdict = Verdict {
        class,
        order: order.map(|o| &o.id),
    };
    let Some(transfer) = transfer::insert(tx, moment, event, fact, &verdict).await? else {
        // In the books already, under either of its keys; one that came at the same moment has committed.
        let settled = booked_before(tx, fact).await?;
        return settled.ok_or(Error::Conflict("the transfer is there and is not"));
    };
    let Some(order) = order else {
        return Ok(Settled {
            class: Some(class),
            ..Settled::default()
        });
    };
    let mut lines_started = 0;
    if pays(class) && fact.amount.minor > 0 {
        allocation::insert(tx, moment, &transfer, &order.id, fact.amount.minor);
        lines_started = book(tx, moment, policy, order, fact, class).await?;
    }
    let order = order::get(tx, &order.id).await?;
    Ok(Settled {
        duplicate: false,
        class: Some(class),
        order: Some(order),
        lines_started,
    })
}

/// The answer about a transfer that is in the books already, under either of its keys.
async fn booked_before(tx: &mut Tx<'_>, fact: &TransferFact) -> Result<Option<Settled>> {
    let Some(order) = transfer::seen(tx, fact).await? else {
        return Ok(None);
    };
    let order = match order {
        Some(id) => Some(order::get(tx, &id).await?),
        None => None,
    };
    Ok(Some(Settled {
        duplicate: true,
        order,
        ..Settled::default()
    }))
}

/// What a transfer's text led to.
enum Found {
    Nothing,
    UnknownCode,
    One(Box<Order>),
    Several,
}

impl Found {
    fn order(&self) -> Option<&Order> {
        match self {
            Self::One(order) => Some(order),
            Self::Nothing | Self::UnknownCode | Self::Several => None,
        }
    }
}

/// Look up every code in the memo. A check character lets one random word in 31 pass, so only a
/// code that an order really has counts; two different orders are for a person to divide.
async fn find(tx: &mut Tx<'_>, policy: &Policy, fact: &TransferFact) -> Result<Found> {
    let mut codes: Vec<OrderCode> = code::find_codes(&fact.memos, &policy.prefix);
    // Locked in one order by everybody: two transfers that name the same two would else wait for
    // each other.
    codes.sort();
    let mut orders = Vec::new();
    for code in &codes {
        if let Some(order) = order::lock(tx, code).await? {
            orders.push(order);
        }
    }
    Ok(match (orders.len(), codes.is_empty()) {
        (1, _) => orders
            .pop()
            .map_or(Found::Nothing, |order| Found::One(Box::new(order))),
        (0, true) => Found::Nothing,
        (0, false) => Found::UnknownCode,
        _ => Found::Several,
    })
}

fn classify(policy: &Policy, fact: &TransferFact, found: &Found) -> Class {
    if fact.direction == Direction::Out {
        return Class::Outgoing;
    }
    if !received_by_us(policy, fact) {
        return Class::WrongAccount;
    }
    match found {
        Found::Nothing => Class::NoCode,
        Found::UnknownCode => Class::WrongCode,
        Found::Several => Class::Split,
        Found::One(order) => against(policy, order, fact.amount.minor),
    }
}

fn received_by_us(policy: &Policy, fact: &TransferFact) -> bool {
    policy.accounts.is_empty()
        || policy
            .accounts
            .iter()
            .any(|ours| *ours == fact.account || fact.sub_account.as_ref() == Some(ours))
}

/// A transfer of `amount` against the one order it names. The stored price counts, never today's.
fn against(policy: &Policy, order: &Order, amount: i64) -> Class {
    let after = order.received.minor + amount;
    let (least, most) = (
        order.total.minor - policy.tolerance,
        order.total.minor + policy.tolerance,
    );
    match order.payment_status {
        PaymentStatus::Paid => Class::Duplicate,
        PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded | PaymentStatus::Cancelled => {
            Class::AfterRefund
        }
        PaymentStatus::Pending | PaymentStatus::Expired if amount == 0 || after < least => {
            Class::Short
        }
        PaymentStatus::Pending | PaymentStatus::Expired if after > most => Class::Over,
        PaymentStatus::Expired => Class::Late,
        PaymentStatus::Pending if order.received.minor > 0 => Class::Combined,
        PaymentStatus::Pending => Class::Exact,
    }
}

fn pays(class: Class) -> bool {
    matches!(
        class,
        Class::Exact | Class::Short | Class::Over | Class::Late | Class::Combined
    )
}

/// Put the money on the order: paid with everything that follows, or open for the rest.
async fn book(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
    fact: &TransferFact,
    class: Class,
) -> Result<usize> {
    let amount = fact.amount.minor;
    if class == Class::Short {
        order::receive(tx, &order.id, amount).await?;
        reopen(tx, moment, order, moment.now.plus(policy.order_ttl)).await?;
        return Ok(0);
    }
    let Some(lines) = order::pay(tx, moment, order, amount).await? else {
        return Err(Error::Conflict("the order moved while it was being paid"));
    };
    payment::paid(tx, &order.id, &fact.gateway);
    coupon::use_for(tx, moment, &order.id).await?;
    plan::plan(tx, moment, policy, order, &lines);
    email::queue(tx, moment, order, &Letter::Receipt).await?;
    Ok(lines.len())
}

/// A short transfer for an expired order opens it again, for the rest at the stored price.
async fn reopen(tx: &mut Tx<'_>, moment: &Moment, order: &Order, until: Timestamp) -> Result<()> {
    if order.payment_status == PaymentStatus::Expired {
        let moves = (PaymentStatus::Expired, PaymentStatus::Pending);
        let why = "a late transfer paid a part";
        order::close_or_reopen(tx, moment, &order.id, moves, until, why).await?;
        coupon::retake_for(tx, moment, &order.id).await?;
    }
    Ok(())
}
