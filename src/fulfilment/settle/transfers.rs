//! A transfer: known under any of its names, matched, classified, allocated. It is never dropped:
//! what no order takes waits in the inbox.

use super::{Origin, Settled};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::{Direction, OrderName, TransferFact};
use crate::fulfilment::ledger::{self, Part};
use crate::fulfilment::{Policy, plan};
use crate::id::OrderId;
use crate::model::code::{self, OrderCode};
use crate::model::gateway_event::{self, Road};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::transfer::{self, Class, Verdict};
use crate::model::{Moment, alert, payment};

/// Take in a transfer.
pub(super) async fn take(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    origin: Origin<'_>,
    fact: &TransferFact,
) -> Result<Settled> {
    let listed = origin.road == Road::List;
    if let Some(before) = booked_before(tx, fact, listed).await? {
        return Ok(before);
    }
    let found = find(tx, policy, fact).await?;
    let class = classify(policy, fact, &found);
    let order = found.order();
    let verdict = Verdict {
        class,
        order: order.map(|o| &o.id),
        surplus: surplus(class, fact, order),
        listed,
    };
    let Some(transfer) = transfer::insert(tx, moment, origin.event, fact, &verdict).await? else {
        // It came twice at the same moment, and the other one has committed.
        let settled = booked_before(tx, fact, listed).await?;
        return settled.ok_or(Error::Conflict("the transfer is there and is not"));
    };
    let mut lines_started = 0;
    if let Some(order) = order.filter(|_| pays(class) && fact.amount.minor > 0) {
        let part = Part {
            transfer: &transfer,
            gateway: &fact.gateway,
            checkout: checkout(fact),
            amount: fact.amount.minor - verdict.surplus,
        };
        lines_started = ledger::allocate(tx, moment, policy, order, &part).await?;
    }
    tell(tx, moment, fact, listed, class).await?;
    let order = match order {
        Some(order) => Some(order::get(tx, &order.id).await?),
        None => None,
    };
    Ok(Settled {
        duplicate: false,
        class: Some(class),
        transfer: Some(transfer),
        order,
        lines_started,
    })
}

/// The answer about a transfer that is in the books already, under any of its names; a new name
/// is written down.
pub(super) async fn booked_before(
    tx: &mut Tx<'_>,
    fact: &TransferFact,
    listed: bool,
) -> Result<Option<Settled>> {
    let Some(known) = transfer::seen(tx, fact, listed).await? else {
        return Ok(None);
    };
    if known.provider_id != fact.provider_id || known.gateway != fact.gateway {
        transfer::name(tx, &known.id, fact, listed);
    }
    let order = match &known.order {
        Some(id) => Some(order::get(tx, id).await?),
        None => None,
    };
    Ok(Some(Settled {
        duplicate: true,
        order,
        ..Settled::default()
    }))
}

/// What waited for this money goes on; what no message told of is an alarm.
async fn tell(
    tx: &mut Tx<'_>,
    moment: &Moment,
    fact: &TransferFact,
    listed: bool,
    class: Class,
) -> Result<()> {
    if fact.order.is_some() {
        let (gateway, name) = (&fact.gateway, &fact.provider_id);
        for event in gateway_event::awaiting(tx, gateway, name).await? {
            plan::settle(tx, moment, &event).await?;
        }
    }
    if listed && class != Class::Outgoing {
        let why = "the gateway lists transfers that its webhook never told of: look at the webhook's \
                   log on the gateway's side, and at its address, secret and retries";
        alert::raise(tx, moment, (alert::WEBHOOK_SILENT, &fact.gateway), why).await?;
    }
    Ok(())
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

    fn of(order: Order) -> Self {
        Self::One(Box::new(order))
    }
}

/// The order, held: by the gateway's own knowledge, else by the codes in the memos.
async fn find(tx: &mut Tx<'_>, policy: &Policy, fact: &TransferFact) -> Result<Found> {
    let named = match &fact.order {
        None => None,
        Some(OrderName::Id(id)) => Some(OrderId::from(id.as_str())),
        Some(OrderName::Checkout(name)) => payment::by_reference(tx, &fact.gateway, name)
            .await?
            .map(|payment| payment.order),
    };
    if let Some(id) = named {
        match order::hold(tx, &id).await {
            Ok(order) => return Ok(Found::of(order)),
            Err(Error::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    let by_memo = by_memo(tx, policy, &fact.memos).await?;
    Ok(match by_memo {
        // The gateway named an order, and there is none.
        Found::Nothing if fact.order.is_some() => Found::UnknownCode,
        found => found,
    })
}

/// Look up every code in the memo. A check character lets one random word in 31 pass, so only a
/// code that an order really has counts; two different orders are for a person to divide.
async fn by_memo(tx: &mut Tx<'_>, policy: &Policy, memos: &[String]) -> Result<Found> {
    let mut codes: Vec<OrderCode> = code::find_codes(memos, &policy.prefix);
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
        (1, _) => orders.pop().map_or(Found::Nothing, Found::of),
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
        // Money of another currency cannot pay by itself: a person says what it is worth.
        Found::One(order) if order.total.currency != fact.amount.currency => Class::WrongAccount,
        Found::One(order) => against(policy, order, fact.amount.minor),
    }
}

/// A gateway that names the order received the money itself.
fn received_by_us(policy: &Policy, fact: &TransferFact) -> bool {
    fact.order.is_some()
        || policy.accounts.is_empty()
        || policy
            .accounts
            .iter()
            .any(|ours| *ours == fact.account || fact.sub_account.as_ref() == Some(ours))
}

/// A transfer of `amount` against the one order it names. The stored price counts, never today's.
pub(in crate::fulfilment) fn against(policy: &Policy, order: &Order, amount: i64) -> Class {
    let after = order.received.minor + amount;
    let most = order.total.minor + policy.tolerance;
    match order.payment_status {
        _ if amount == 0 => Class::Short,
        PaymentStatus::Paid => Class::Duplicate,
        PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded | PaymentStatus::Cancelled => {
            Class::AfterRefund
        }
        PaymentStatus::Pending | PaymentStatus::Expired if !policy.is_enough(order, after) => {
            Class::Short
        }
        PaymentStatus::Pending | PaymentStatus::Expired if after > most => Class::Over,
        PaymentStatus::Expired => Class::Late,
        PaymentStatus::Pending if order.received.minor > 0 => Class::Combined,
        PaymentStatus::Pending => Class::Exact,
    }
}

/// What of it belongs to the payer again.
fn surplus(class: Class, fact: &TransferFact, order: Option<&Order>) -> i64 {
    match (class, order) {
        (Class::Over, Some(order)) => fact.amount.minor - order.owed(),
        (Class::Duplicate | Class::AfterRefund, _) => fact.amount.minor,
        _ => 0,
    }
}

fn pays(class: Class) -> bool {
    matches!(
        class,
        Class::Exact | Class::Short | Class::Over | Class::Late | Class::Combined
    )
}

/// The checkout that the money came through: its reference where the gateway has one of its own.
fn checkout(fact: &TransferFact) -> Option<&str> {
    match &fact.order {
        Some(OrderName::Checkout(name)) => Some(name),
        Some(OrderName::Id(_)) => Some(&fact.reference),
        None => None,
    }
}
