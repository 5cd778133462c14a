//! A transfer: known under any of its names, matched, classified, allocated. It is never dropped:
//! what no order takes waits in the inbox.

use super::{Origin, Settled};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::{Direction, OrderName, TransferFact};
use crate::fulfilment::ledger::{self, Part};
use crate::fulfilment::{Policy, plan};
use crate::id::{OrderId, TransferId};
use crate::model::code::{self, OrderCode};
use crate::model::gateway_event::{self, Road};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::payment::PaymentState;
use crate::model::transfer::{self, Class, Decision, Transfer, Verdict};
use crate::model::{Moment, allocation, payment};

/// Take in a transfer.
pub(super) async fn take(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    origin: Origin<'_>,
    fact: &TransferFact,
) -> Result<Settled> {
    if let Some(known) = transfer::seen(tx, fact).await? {
        return again(tx, moment, policy, origin.road, fact, known).await;
    }
    let found = find(tx, policy, fact).await?;
    let class = classify(policy, fact, &found);
    let order = found.order();
    let verdict = Verdict {
        class,
        order: order.map(|o| &o.id),
        surplus: surplus(class, fact, order),
        heard: origin.road == Road::Message,
    };
    let Some(transfer) = transfer::insert(tx, moment, origin.event, fact, &verdict).await? else {
        // It came twice at the same moment, and the other one has committed.
        let settled = booked_before(tx, origin.road, fact).await?;
        return settled.ok_or(Error::Conflict("the transfer is there and is not"));
    };
    let matched = Match {
        transfer: &transfer,
        class,
        order,
        surplus: verdict.surplus,
    };
    let settled = book(tx, moment, policy, fact, &matched).await?;
    end_checkout(tx, fact).await?;
    wake(tx, moment, fact).await?;
    Ok(settled)
}

/// The checkout that it came through has its money, whether or not the order needed it: nobody looks after
/// it any more.
async fn end_checkout(tx: &mut Tx<'_>, fact: &TransferFact) -> Result<()> {
    let Some(name) = checkout(fact) else {
        return Ok(());
    };
    if let Some(payment) = payment::by_reference(tx, &fact.gateway, name).await? {
        payment::advance(tx, &payment, PaymentState::Paid, None).await?;
    }
    Ok(())
}

/// A transfer, and what it turned out to be.
struct Match<'a> {
    transfer: &'a TransferId,
    class: Class,
    order: Option<&'a Order>,
    surplus: i64,
}

/// Put the money of a transfer on its order, where it pays.
async fn book(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &TransferFact,
    found: &Match<'_>,
) -> Result<Settled> {
    let mut lines_started = 0;
    let paid = found.order.filter(|_| pays(found.class));
    if let Some(order) = paid.filter(|_| fact.amount.minor > 0) {
        let part = Part {
            transfer: found.transfer,
            gateway: &fact.gateway,
            checkout: checkout(fact),
            amount: fact.amount.minor - found.surplus,
        };
        lines_started = ledger::allocate(tx, moment, policy, order, &part).await?;
    }
    let order = match found.order {
        Some(order) => Some(order::get(tx, &order.id).await?),
        None => None,
    };
    Ok(Settled {
        duplicate: false,
        class: Some(found.class),
        transfer: Some(found.transfer.clone()),
        order,
        lines_started,
    })
}

/// The answer about a transfer that is in the books already, under any of its names.
pub(super) async fn booked_before(
    tx: &mut Tx<'_>,
    road: Road,
    fact: &TransferFact,
) -> Result<Option<Settled>> {
    match transfer::seen(tx, fact).await? {
        Some(known) => Ok(Some(duplicate(tx, road, fact, &known).await?)),
        None => Ok(None),
    }
}

/// Nothing changes but the names: a new one is written down, and that a message told of an old one.
async fn duplicate(
    tx: &mut Tx<'_>,
    road: Road,
    fact: &TransferFact,
    known: &Transfer,
) -> Result<Settled> {
    transfer::name(tx, &known.id, fact, road == Road::Message);
    let order = match &known.order {
        Some(id) => Some(order::get(tx, id).await?),
        None => None,
    };
    Ok(Settled {
        duplicate: true,
        order,
        ..Settled::default()
    })
}

/// The same money once more, by another gateway or another road. Where it waits because nobody knew
/// which order it was for, and this time the gateway knows, it goes there.
async fn again(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    road: Road,
    fact: &TransferFact,
    known: Transfer,
) -> Result<Settled> {
    // The order first: whoever decides about money takes it before the transfer.
    let found = match fact.order {
        Some(_) => find(tx, policy, fact).await?,
        None => Found::Nothing,
    };
    let repeated = duplicate(tx, road, fact, &known).await?;
    end_checkout(tx, fact).await?;
    wake(tx, moment, fact).await?;
    let Some(order) = found.order() else {
        return Ok(repeated);
    };
    let known = transfer::hold(tx, &known.id).await?;
    if !is_puzzle(tx, &known).await? {
        return Ok(repeated);
    }
    let class = classify(policy, fact, &found);
    let surplus = surplus(class, fact, Some(order));
    let why = format!("{} names its order", fact.gateway);
    let decision = Decision {
        why: &why,
        order: Some(&order.id),
        class,
        surplus,
        closes: class.closes_itself() && surplus == 0,
    };
    if !transfer::decide(tx, moment, &known, &decision).await? {
        return Err(Error::Conflict("the transfer was closed meanwhile"));
    }
    let found = Match {
        transfer: &known.id,
        class,
        order: Some(order),
        surplus,
    };
    book(tx, moment, policy, fact, &found).await
}

/// It waits, untouched, because its order was not known. What a person took back is no puzzle: it
/// keeps the class that it had been given.
async fn is_puzzle(tx: &mut Tx<'_>, known: &Transfer) -> Result<bool> {
    let unknown = matches!(
        known.class,
        Class::NoCode | Class::WrongCode | Class::WrongAccount | Class::Split
    );
    let is_whole = known.closed_at.is_none() && known.surplus == 0;
    Ok(unknown && is_whole && allocation::of_transfer(tx, &known.id).await?.is_empty())
}

/// What waited for this money goes on.
async fn wake(tx: &mut Tx<'_>, moment: &Moment, fact: &TransferFact) -> Result<()> {
    if fact.order.is_some() {
        let (gateway, name) = (&fact.gateway, &fact.provider_id);
        for event in gateway_event::awaiting(tx, gateway, name).await? {
            plan::settle(tx, moment, &event).await?;
        }
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
