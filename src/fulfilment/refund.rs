//! Refund: a decision that money goes back, by line, for a whole order, or of what no order needed.
//! Access ends with the decision and returns if the money does. A gateway that can carries it out by
//! a task; a bank transfer is sent by a person, who writes down its reference.

use super::{Policy, hold, ledger, plan};
use crate::db::Tx;
use crate::error::{Error, Refusal, Result};
use crate::fact::{RefundFact, RefundProgress};
use crate::id::{LineId, OrderId, RefundId, TransferId};
use crate::model::allocation;
use crate::model::dispute::{self, DisputeState};
use crate::model::email::{self, Letter};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, BY_HAND, Purpose, Refund, RefundState, Step};
use crate::model::transfer::{self, Decision, Transfer};
use crate::model::{Moment, alert, line};
use crate::money::Money;

/// Longest reason and reference that are kept.
const LONGEST: usize = 300;

/// What a person decides to pay back of an order.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Slug of the course; none is the order as a whole.
    pub course: Option<String>,
    /// How much; none is all that is left of the line or of the order.
    pub amount: Option<i64>,
    /// Keep access although money goes back: a concession. All of it is never one.
    pub keep_access: bool,
    /// Why.
    pub why: String,
    /// The reference of a bank transfer that was sent already.
    pub reference: Option<String>,
}

/// Decide a refund of an order. One decision may be several refunds, where several transfers paid.
pub async fn ask(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &OrderId,
    ask: &Ask,
) -> Result<Vec<Refund>> {
    let order = hold::order(tx, id).await?;
    if !matches!(
        order.payment_status,
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded
    ) {
        return Err(Error::refused("order_not_paid"));
    }
    let known = refund::of_order(tx, id).await?;
    let line = match &ask.course {
        Some(course) => Some(find_line(tx, &order, course).await?),
        None => None,
    };
    let amount = amount(&order, &known, line.as_ref(), ask.amount)?;
    let sources = sources(tx, policy, &order, &known, amount).await?;
    let mut decided = Vec::new();
    for source in sources {
        let mut refund = new_refund(moment, &order, line.as_ref(), source, ask)?;
        refund.ends_access = ends_access(policy, ask);
        refund::insert(tx, moment, &refund).await?;
        decided.push(refund);
    }
    for refund in &decided {
        set_going(tx, moment, &order, refund).await?;
    }
    ledger::rebalance(tx, moment, policy, id, 0, &ask.why).await?;
    Ok(decided)
}

/// Decide that what no order needed of a transfer goes back to its payer.
pub async fn ask_surplus(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &TransferId,
    why: &str,
    reference: Option<&str>,
) -> Result<Refund> {
    let transfer = hold::transfer(tx, id, &[]).await?;
    if transfer.due() <= 0 {
        return Err(Error::refused("nothing_to_refund"));
    }
    let by_gateway = reference.is_none() && can_refund(policy, &transfer.gateway);
    if !by_gateway && reference.is_none() {
        return Err(Error::refused("reference_needed"));
    }
    let state = if by_gateway {
        RefundState::Asked
    } else {
        RefundState::Done
    };
    let refund = Refund {
        id: moment.id::<RefundId>(),
        purpose: Purpose::Surplus,
        order: None,
        line: None,
        transfer: Some(transfer.id.clone()),
        gateway: if by_gateway {
            transfer.gateway.clone()
        } else {
            BY_HAND.to_owned()
        },
        provider_id: None,
        amount: Money {
            minor: transfer.due(),
            currency: transfer.amount.currency,
        },
        ends_access: false,
        state,
        reference: reference.map(named).transpose()?,
        why: short(why)?,
        fault: None,
        created_at: moment.now,
        done_at: (!by_gateway).then_some(moment.now),
    };
    enter_books(tx, moment, policy, &refund).await?;
    if by_gateway {
        plan::pay_back(tx, moment, &refund).await?;
    }
    Ok(refund)
}

/// A person has sent a refund that waited for them.
pub async fn sent_by_hand(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &RefundId,
    reference: &str,
) -> Result<Refund> {
    let refund = hold::refund(tx, id).await?;
    if refund.gateway != BY_HAND || refund.state != RefundState::Asked {
        return Err(Error::refused("refund_not_waiting"));
    }
    let reference = named(reference)?;
    let step = Step {
        reference: Some(&reference),
        ..Step::default()
    };
    if !refund::advance(tx, moment, &refund, RefundState::Done, step).await? {
        return Err(Error::Conflict("somebody else decided about the refund"));
    }
    tell(tx, moment, &refund).await?;
    refund::get(tx, id).await
}

/// A person calls off a refund that nobody has carried out: access returns.
pub async fn call_off(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    id: &RefundId,
    why: &str,
) -> Result<Refund> {
    let refund = hold::refund(tx, id).await?;
    // What a gateway may be carrying out at this moment is no longer ours to call off.
    if refund.gateway != BY_HAND || refund.state != RefundState::Asked {
        return Err(Error::refused("refund_not_waiting"));
    }
    let why = short(why)?;
    let (called_off, _) = give_up(tx, moment, policy, &refund, (&why, &why)).await?;
    if !called_off {
        return Err(Error::Conflict("somebody else decided about the refund"));
    }
    refund::get(tx, id).await
}

/// What a gateway says of a refund that is in the books, and held. The order, where it was touched.
pub async fn progress(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    refund: &Refund,
    fact: &RefundFact,
) -> Result<Option<Order>> {
    let to = match fact.progress {
        RefundProgress::Pending => RefundState::Sent,
        RefundProgress::Succeeded => RefundState::Done,
        RefundProgress::Failed => {
            let why = fact.why.as_deref().unwrap_or("the gateway gave no reason");
            return fail(tx, moment, policy, refund, why).await;
        }
    };
    let step = Step {
        provider_id: Some(&fact.provider_id),
        ..Step::default()
    };
    if refund::advance(tx, moment, refund, to, step).await? {
        tell(tx, moment, refund).await?;
    }
    Ok(None)
}

/// The money of a refund, which is held, did not go or came back: access returns, and a person hears of it.
pub async fn fail(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    refund: &Refund,
    why: &str,
) -> Result<Option<Order>> {
    let reasons = (why, "a refund failed");
    let (failed, order) = give_up(tx, moment, policy, refund, reasons).await?;
    if failed {
        let sentence =
            format!("a refund failed, so the money is still here and access is back: {why}");
        alert::raise(tx, moment, (alert::REFUND_FAILED, &refund.id.0), &sentence).await?;
    }
    Ok(order)
}

/// The money stays here: what the refund had taken is there again. The reasons are the refund's and the
/// order's. Whether this was so just now, and the order, where it was touched.
async fn give_up(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    refund: &Refund,
    (fault, why): (&str, &str),
) -> Result<(bool, Option<Order>)> {
    let step = Step {
        fault: Some(fault),
        ..Step::default()
    };
    if !refund::advance(tx, moment, refund, RefundState::Failed, step).await? {
        return Ok((false, None));
    }
    match (refund.purpose, &refund.order, &refund.transfer) {
        (Purpose::Order, Some(order), _) => {
            let after = ledger::rebalance(tx, moment, policy, order, 0, why).await?;
            Ok((true, Some(after)))
        }
        (Purpose::Surplus, _, Some(transfer)) => {
            transfer::give_back(tx, transfer, -refund.amount.minor).await?;
            let transfer = transfer::get(tx, transfer).await?;
            transfer::wait_again(tx, moment, &transfer, "its refund failed").await?;
            Ok((true, None))
        }
        _ => Ok((true, None)),
    }
}

/// Store a refund and let what it takes from, which is held, follow. The order, where it was touched.
pub(super) async fn enter_books(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    refund: &Refund,
) -> Result<Option<Order>> {
    match (refund.purpose, &refund.order, &refund.transfer) {
        (Purpose::Order, Some(order), _) => {
            refund::insert(tx, moment, refund).await?;
            tell(tx, moment, refund).await?;
            let after = ledger::rebalance(tx, moment, policy, order, 0, &refund.why).await?;
            Ok(Some(after))
        }
        (_, _, Some(id)) => {
            refund::insert(tx, moment, refund).await?;
            transfer::give_back(tx, id, refund.amount.minor).await?;
            let transfer = transfer::get(tx, id).await?;
            close_if_clear(tx, moment, &transfer).await?;
            Ok(None)
        }
        _ => Err(Error::Conflict("a refund of nothing")),
    }
}

/// Store what the money has done already, under another refund or not at all: nothing follows from it.
pub(super) async fn remember(tx: &mut Tx<'_>, moment: &Moment, refund: &Refund) -> Result<()> {
    refund::insert(tx, moment, refund).await
}

/// Nothing of the transfer is left to decide about.
async fn close_if_clear(tx: &mut Tx<'_>, moment: &Moment, transfer: &Transfer) -> Result<()> {
    if transfer.due() > 0 || transfer.closed_at.is_some() {
        return Ok(());
    }
    let decision = Decision {
        why: "its surplus was paid back",
        order: None,
        class: transfer.class,
        surplus: transfer.surplus,
        closes: true,
    };
    transfer::decide(tx, moment, transfer, &decision).await?;
    Ok(())
}

async fn find_line(tx: &mut Tx<'_>, order: &Order, course: &str) -> Result<line::Line> {
    let lines = line::of_order(tx, &order.id).await?;
    let found = lines.into_iter().find(|line| line.course == course);
    found.ok_or(Error::NotFound("line"))
}

/// How much, checked against what is left.
fn amount(
    order: &Order,
    known: &[Refund],
    line: Option<&line::Line>,
    wanted: Option<i64>,
) -> Result<i64> {
    let left = order.received.minor - order.refunded.minor;
    let left = match line {
        None => left,
        Some(line) => left.min(line.price - refunded_of(known, &line.id)),
    };
    let amount = wanted.unwrap_or(left);
    if left <= 0 {
        return Err(Error::refused("nothing_to_refund"));
    }
    if amount <= 0 || amount > left {
        let most = Money {
            minor: left,
            currency: order.total.currency,
        };
        return Err(Error::Refused(Refusal {
            code: "refund_too_large",
            values: vec![("most", most.to_string())],
        }));
    }
    Ok(amount)
}

fn refunded_of(known: &[Refund], line: &LineId) -> i64 {
    let of_line = known
        .iter()
        .filter(|r| r.line.as_ref() == Some(line) && r.state != RefundState::Failed);
    of_line.map(|r| r.amount.minor).sum()
}

/// A part of the money that an order was paid with.
struct Source {
    transfer: TransferId,
    /// Who can carry it out: the gateway it came through, or a person.
    gateway: String,
    amount: Money,
}

/// Which money goes back: first what a gateway can send by itself, then the rest, oldest first.
async fn sources(
    tx: &mut Tx<'_>,
    policy: &Policy,
    order: &Order,
    known: &[Refund],
    amount: i64,
) -> Result<Vec<Source>> {
    let claims = dispute::of_order(tx, &order.id).await?;
    let mut sources = Vec::new();
    for part in allocation::of_order(tx, &order.id).await? {
        let transfer = transfer::get(tx, &part.transfer).await?;
        let gone = known.iter().filter(|r| {
            r.transfer.as_ref() == Some(&part.transfer) && r.state != RefundState::Failed
        });
        let lost = claims.iter().filter(|claim| {
            claim.dispute.transfer == part.transfer && claim.dispute.state == DisputeState::Lost
        });
        let left = part.amount
            - gone.map(|r| r.amount.minor).sum::<i64>()
            - lost.map(|claim| claim.amount).sum::<i64>();
        let by_gateway = can_refund(policy, &transfer.gateway);
        let gateway = if by_gateway {
            transfer.gateway
        } else {
            BY_HAND.to_owned()
        };
        sources.push((!by_gateway, left, part.transfer, gateway));
    }
    sources.sort_by_key(|(by_hand, ..)| *by_hand);
    let mut open = amount;
    let mut chosen = Vec::new();
    for (_, left, transfer, gateway) in sources {
        let minor = left.min(open);
        if minor > 0 {
            open -= minor;
            chosen.push(Source {
                transfer,
                gateway,
                amount: Money {
                    minor,
                    currency: order.total.currency,
                },
            });
        }
    }
    if open > 0 {
        return Err(Error::Conflict("more to refund than was paid"));
    }
    Ok(chosen)
}

fn can_refund(policy: &Policy, gateway: &str) -> bool {
    policy.refunders.contains(&gateway)
}

fn new_refund(
    moment: &Moment,
    order: &Order,
    line: Option<&line::Line>,
    source: Source,
    ask: &Ask,
) -> Result<Refund> {
    let by_hand = source.gateway == BY_HAND;
    let sent = by_hand && ask.reference.is_some();
    Ok(Refund {
        id: moment.id::<RefundId>(),
        purpose: Purpose::Order,
        order: Some(order.id.clone()),
        line: line.map(|line| line.id.clone()),
        transfer: Some(source.transfer),
        gateway: source.gateway,
        provider_id: None,
        amount: source.amount,
        ends_access: false,
        state: if sent {
            RefundState::Done
        } else {
            RefundState::Asked
        },
        reference: ask
            .reference
            .as_deref()
            .filter(|_| by_hand)
            .map(named)
            .transpose()?,
        why: short(&ask.why)?,
        fault: None,
        created_at: moment.now,
        done_at: sent.then_some(moment.now),
    })
}

/// A part of the money that names no course ends access only where the seller has said that it does.
fn ends_access(policy: &Policy, ask: &Ask) -> bool {
    let is_part = ask.course.is_none() && ask.amount.is_some();
    !ask.keep_access && (!is_part || policy.partial_refund_ends_access)
}

async fn set_going(tx: &mut Tx<'_>, moment: &Moment, order: &Order, refund: &Refund) -> Result<()> {
    if refund.gateway != BY_HAND {
        plan::pay_back(tx, moment, refund).await?;
    } else if refund.state == RefundState::Done {
        let letter = Letter::Refunded(refund.id.clone());
        email::queue(tx, moment, order, &letter).await?;
    }
    Ok(())
}

/// The buyer hears of it once the money is on its way.
async fn tell(tx: &mut Tx<'_>, moment: &Moment, refund: &Refund) -> Result<()> {
    if let Some(order) = &refund.order {
        let order = order::get(tx, order).await?;
        let letter = Letter::Refunded(refund.id.clone());
        email::queue(tx, moment, &order, &letter).await?;
    }
    Ok(())
}

/// A reason: one line, of bounded length, that says something.
pub(super) fn short(text: &str) -> Result<String> {
    line_of(text).ok_or_else(|| Error::refused("reason_needed"))
}

/// What names a payment outside, as short as a reason.
pub(super) fn named(reference: &str) -> Result<String> {
    line_of(reference).ok_or_else(|| Error::refused("reference_needed"))
}

fn line_of(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    (fits && !text.is_empty()).then(|| text.to_owned())
}
