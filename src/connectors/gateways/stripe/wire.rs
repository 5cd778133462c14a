//! What Stripe's objects say, read leniently: only the fields that are needed are looked at, links to
//! other objects are ids or the objects themselves, and lists that newer versions leave out may be
//! missing. What is needed and cannot be understood is named. Shapes: docs.stripe.com/api, and the
//! type descriptions of its own library, version 2026-10-28.endive.

use serde_json::Value;

use super::{NAME, Purse};
use crate::clock::Timestamp;
use crate::connectors::gateways::NotUnderstood;
use crate::fact::{
    CheckoutFact, CheckoutState, Direction, DisputeFact, DisputeStage, Fact, OrderName, RefundFact,
    RefundProgress, RefundedFact, TransferFact,
};
use crate::id::{Identifier, OrderId};

mod thing;

pub(super) use thing::Thing;

/// Under which names our own ids travel.
pub(super) const ORDER: &str = "order_id";
pub(super) const ORDER_CODE: &str = "order_code";
pub(super) const PAYMENT: &str = "payment_id";
pub(super) const REFUND: &str = "refund_id";

/// What makes two bodies the same event: the event's id; of a session that we asked for, its id and
/// all that its facts depend on.
pub(super) fn key(body: &[u8]) -> Result<String, NotUnderstood> {
    let value = parse(body)?;
    let whole = Thing::new("event", &value);
    let id = whole.must_id("id")?.to_owned();
    if whole.word("object")? != Some("checkout.session") {
        return Ok(id);
    }
    let stand = [
        whole.word("status")?,
        whole.word("payment_status")?,
        whole.link("payment_intent")?,
        attempt(&whole)?,
    ];
    let stand: Vec<&str> = stand.into_iter().flatten().collect();
    Ok(format!("{id}:{}", stand.join(":")))
}

/// The facts of an event, or of a bare checkout session as its API gives it. Pretended money pays
/// nothing in a shop that sells; real money in a shop that pretends is somebody's mistake, and a
/// person must see it.
pub(super) fn read(body: &[u8], purse: Purse) -> Result<Vec<Fact>, NotUnderstood> {
    let value = parse(body)?;
    let live = Thing::new("event", &value).flag("livemode");
    if (live, purse) == (Some(false), Purse::Live) {
        return Ok(Vec::new());
    }
    let facts = facts(&value)?;
    if (live, purse) == (Some(true), Purse::Test) && !facts.is_empty() {
        let what = "livemode is true, but payments.stripe.secret_key is a test key: real money may have moved";
        return Err(NotUnderstood(what.to_owned()));
    }
    Ok(facts)
}

fn facts(value: &Value) -> Result<Vec<Fact>, NotUnderstood> {
    let whole = Thing::new("event", value);
    if whole.word("object")? == Some("checkout.session") {
        // The time of payment is not in it.
        return session(&Thing::new("session", value), now, None);
    }
    let kind = whole
        .word("type")?
        .ok_or_else(|| whole.fault("type", "is missing"))?;
    let about = |name| whole.inner("data")?.inner_as("object", name);
    let sold = |stand: fn(&Thing<'_>) -> Result<Stand, NotUnderstood>| {
        session(&about("session")?, stand, whole.moment("created")?)
    };
    match kind {
        "checkout.session.completed" => sold(|s| Ok((CheckoutState::Complete, is_paid(s)?))),
        "checkout.session.async_payment_succeeded" => sold(|_| Ok((CheckoutState::Complete, true))),
        "checkout.session.async_payment_failed" => sold(|_| Ok((CheckoutState::Failed, false))),
        "checkout.session.expired" => sold(|_| Ok((CheckoutState::Expired, false))),
        "charge.refunded" => charge(&about("charge")?),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            refund_alone(&about("refund")?)
        }
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => dispute(&about("dispute")?),
        _ => Ok(Vec::new()),
    }
}

fn parse(body: &[u8]) -> Result<Value, NotUnderstood> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|e| NotUnderstood(format!("the body is not JSON we can read: {e}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(NotUnderstood("the body is not a JSON object".to_owned()))
    }
}

/// Where a session stands, and whether its money has come.
type Stand = (CheckoutState, bool);

fn session(
    session: &Thing<'_>,
    stand: fn(&Thing<'_>) -> Result<Stand, NotUnderstood>,
    at: Option<Timestamp>,
) -> Result<Vec<Fact>, NotUnderstood> {
    let Some(order) = order(session)? else {
        return Ok(Vec::new());
    };
    let (state, paid) = stand(session)?;
    let checkout = checkout(session, state)?;
    Ok(if paid {
        vec![transfer(session, order, at)?, checkout]
    } else {
        vec![checkout]
    })
}

/// Without an event, from the session alone.
fn now(session: &Thing<'_>) -> Result<Stand, NotUnderstood> {
    let status = session
        .word("status")?
        .ok_or_else(|| session.fault("status", "is missing"))?;
    Ok(match status {
        "open" => (CheckoutState::Open, false),
        "expired" => (CheckoutState::Expired, false),
        "complete" if is_paid(session)? => (CheckoutState::Complete, true),
        "complete" if has_failed(session)? => (CheckoutState::Failed, false),
        "complete" => (CheckoutState::Complete, false),
        other => return Err(session.fault("status", &format!("is {other:?}, which is unknown"))),
    })
}

/// What failed later goes back to where it wants a way to pay.
fn has_failed(session: &Thing<'_>) -> Result<bool, NotUnderstood> {
    let failed = ["requires_payment_method", "canceled"];
    Ok(attempt(session)?.is_some_and(|status| failed.contains(&status)))
}

fn checkout(session: &Thing<'_>, state: CheckoutState) -> Result<Fact, NotUnderstood> {
    Ok(Fact::Checkout(CheckoutFact {
        gateway: NAME.to_owned(),
        reference: session.must_id("id")?.to_owned(),
        payment: session.metadata(PAYMENT)?.map(str::to_owned),
        state,
    }))
}

/// Named by its payment, to which refunds and disputes refer; a session of nothing has none.
fn transfer(
    session: &Thing<'_>,
    order: &str,
    booked_at: Option<Timestamp>,
) -> Result<Fact, NotUnderstood> {
    let reference = session.must_id("id")?;
    let payment = session.link("payment_intent")?;
    let code = session.metadata(ORDER_CODE)?;
    Ok(Fact::Transfer(TransferFact {
        gateway: NAME.to_owned(),
        provider_id: payment.unwrap_or(reference).to_owned(),
        // A session is paid once, whichever of its names an event has.
        natural_key: Some(format!("{NAME}|{reference}")),
        account: NAME.to_owned(),
        sub_account: None,
        direction: Direction::In,
        amount: session.money("amount_total")?,
        reference: reference.to_owned(),
        order: Some(OrderName::Id(order.to_owned())),
        memos: code.map(str::to_owned).into_iter().collect(),
        booked_at,
    }))
}

fn is_paid(session: &Thing<'_>) -> Result<bool, NotUnderstood> {
    let status = session
        .word("payment_status")?
        .ok_or_else(|| session.fault("payment_status", "is missing"))?;
    Ok(status != "unpaid")
}

/// Where the payment stands, when the session has the whole of it.
fn attempt<'a>(session: &Thing<'a>) -> Result<Option<&'a str>, NotUnderstood> {
    match session.whole("payment_intent", "payment_intent") {
        Some(payment) => payment.word("status"),
        None => Ok(None),
    }
}

/// The id of our order, if the session is of our making. Other programs on the account may use the same
/// field for names of their own, so it counts only where it has the form of ours.
fn order<'a>(session: &Thing<'a>) -> Result<Option<&'a str>, NotUnderstood> {
    let is_ours = |name: &&str| {
        name.strip_prefix(OrderId::PREFIX)
            .is_some_and(|rest| rest.starts_with('_'))
    };
    let named = session.metadata(ORDER)?.filter(is_ours);
    Ok(match named {
        Some(order) => Some(order),
        None => session.word("client_reference_id")?.filter(is_ours),
    })
}

/// Every refund that the charge embeds, and their sum, which also counts those it does not.
fn charge(charge: &Thing<'_>) -> Result<Vec<Fact>, NotUnderstood> {
    let Some(payment) = payment(charge)? else {
        return Ok(Vec::new());
    };
    let mut facts = Vec::new();
    for one in charge.listed("refunds", "refund")? {
        facts.push(Fact::Refund(refund_of(&one, payment)?));
    }
    facts.push(Fact::Refunded(RefundedFact {
        gateway: NAME.to_owned(),
        transfer: payment.to_owned(),
        total: charge.money("amount_refunded")?,
    }));
    Ok(facts)
}

fn refund_alone(refund: &Thing<'_>) -> Result<Vec<Fact>, NotUnderstood> {
    Ok(match payment(refund)? {
        Some(payment) => vec![Fact::Refund(refund_of(refund, payment)?)],
        None => Vec::new(),
    })
}

/// What Stripe answers to a refund that we asked for, or lists.
pub(super) fn refund(refund: &Value) -> Result<RefundFact, NotUnderstood> {
    let refund = Thing::new("refund", refund);
    let payment = payment(&refund)?.ok_or_else(|| refund.fault("payment_intent", "is null"))?;
    refund_of(&refund, payment)
}

fn refund_of(refund: &Thing<'_>, payment: &str) -> Result<RefundFact, NotUnderstood> {
    let status = refund
        .word("status")?
        .ok_or_else(|| refund.fault("status", "is missing"))?;
    let (progress, why) = match status {
        "pending" | "requires_action" => (RefundProgress::Pending, refund.word("reason")?),
        "succeeded" => (RefundProgress::Succeeded, refund.word("reason")?),
        "failed" | "canceled" => {
            let why = refund.word("failure_reason")?;
            (RefundProgress::Failed, Some(why.unwrap_or(status)))
        }
        other => return Err(refund.fault("status", &format!("is {other:?}, which is unknown"))),
    };
    Ok(RefundFact {
        gateway: NAME.to_owned(),
        provider_id: refund.must_id("id")?.to_owned(),
        transfer: payment.to_owned(),
        amount: refund.money("amount")?,
        progress,
        ours: refund.metadata(REFUND)?.map(str::to_owned),
        why: why.map(str::to_owned),
    })
}

fn dispute(dispute: &Thing<'_>) -> Result<Vec<Fact>, NotUnderstood> {
    let Some(payment) = payment(dispute)? else {
        return Ok(Vec::new());
    };
    Ok(vec![Fact::Dispute(DisputeFact {
        gateway: NAME.to_owned(),
        provider_id: dispute.must_id("id")?.to_owned(),
        transfer: payment.to_owned(),
        amount: dispute.money("amount")?,
        stage: stage(dispute)?,
        why: dispute.word("reason")?.map(str::to_owned),
    })])
}

/// An appeal follows a loss: the money is away, and may come back. What was prevented never became a
/// dispute of the bank's: paid back at once, unless the case was blocked before money moved.
fn stage(dispute: &Thing<'_>) -> Result<DisputeStage, NotUnderstood> {
    let status = dispute
        .word("status")?
        .ok_or_else(|| dispute.fault("status", "is missing"))?;
    Ok(match status {
        "warning_needs_response"
        | "warning_under_review"
        | "warning_closed"
        | "charge_refunded" => DisputeStage::Inquiry,
        "needs_response" | "under_review" | "appeal_needs_response" | "appeal_under_review" => {
            DisputeStage::Open
        }
        "won" => DisputeStage::Won,
        "prevented" if is_blocked(dispute) => DisputeStage::Inquiry,
        "lost" | "prevented" => DisputeStage::Lost,
        other => return Err(dispute.fault("status", &format!("is {other:?}, which is unknown"))),
    })
}

fn is_blocked(dispute: &Thing<'_>) -> bool {
    let case = dispute
        .whole("payment_method_details", "details")
        .and_then(|details| details.whole("card", "card"))
        .and_then(|card| card.word("case_type").ok().flatten());
    case == Some("block")
}

/// The payment that something is about. What has none did not come from a checkout: the field is null.
fn payment<'a>(about: &Thing<'a>) -> Result<Option<&'a str>, NotUnderstood> {
    if about.lacks("payment_intent") {
        return Err(about.fault("payment_intent", "is missing"));
    }
    about.link("payment_intent")
}
