//! Money that goes back, as a gateway reports it: refunds, sums of refunds, disputes. Each is about a
//! transfer; a missing answer says that this transfer is not in the books yet. Reports of single refunds
//! and of their sum tell of the same money in any order, at one moment too: see `name_nameless`, and `held`.

use crate::db::Tx;
use crate::error::Result;
use crate::fact::{DisputeFact, RefundFact, RefundProgress, RefundedFact};
use crate::fulfilment::{Policy, hold, ledger, refund as refunds};
use crate::id::{OrderId, RefundId};
use crate::model::allocation::{self, Allocation};
use crate::model::dispute::{self, Claim, DisputeState};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, Purpose, Refund, RefundState};
use crate::model::transfer::{self, Transfer};
use crate::model::{Moment, alert};
use crate::money::Money;

/// Why a refund is in the books that nobody here decided.
const ELSEWHERE: &str = "made at the gateway";

/// Take in a refund: one that we asked for, one that a sum had announced, or news from the gateway's
/// own pages. The order that it touched, where it touched one.
pub(super) async fn refund(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &RefundFact,
) -> Result<Option<Option<Order>>> {
    let Some(transfer) = held(tx, &fact.gateway, &fact.transfer).await? else {
        return Ok(None);
    };
    let mut order = None;
    let known = known(tx, fact, &transfer).await?;
    for refund in &known {
        let touched = refunds::progress(tx, moment, policy, refund, fact).await?;
        order = touched.or(order);
    }
    if known.is_empty() {
        order = news(tx, moment, policy, &transfer, fact).await?;
    }
    Ok(Some(order))
}

/// The transfer that a report is about, with its orders: of two that come at one moment the second sees what the
/// first wrote.
async fn held(tx: &mut Tx<'_>, gateway: &str, name: &str) -> Result<Option<Transfer>> {
    match transfer::named(tx, gateway, name).await? {
        Some(known) => hold::transfer(tx, &known.id, &[]).await.map(Some),
        None => Ok(None),
    }
}

/// By the gateway's id, or by ours.
async fn known(tx: &mut Tx<'_>, fact: &RefundFact, transfer: &Transfer) -> Result<Vec<Refund>> {
    let named = refund::by_name(tx, &fact.gateway, &fact.provider_id).await?;
    if !named.is_empty() {
        return Ok(named);
    }
    let found = ours(tx, fact, transfer).await?;
    let found = found.filter(|refund| !was_refused(refund));
    if let Some(refund) = &found {
        refund::name(tx, &refund.id, &fact.provider_id).await?;
    }
    Ok(found.into_iter().collect())
}

/// The refund that was asked for here, by the id that the gateway repeats.
async fn ours(tx: &mut Tx<'_>, fact: &RefundFact, transfer: &Transfer) -> Result<Option<Refund>> {
    let Some(id) = &fact.ours else {
        return Ok(None);
    };
    let candidates = refund::of_transfer(tx, &transfer.id).await?;
    Ok(candidates.into_iter().find(|refund| refund.id.0 == *id))
}

/// It failed before the gateway had a name for it.
fn was_refused(refund: &Refund) -> bool {
    refund.state == RefundState::Failed && refund.provider_id.is_none()
}

/// A refund that was never heard of, except perhaps as a part of a sum.
async fn news(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    transfer: &Transfer,
    fact: &RefundFact,
) -> Result<Option<Order>> {
    let mut template = template(moment, policy, transfer, fact);
    if let Some(refused) = ours(tx, fact, transfer).await? {
        // Our request was refused, the one before it that nobody answered was not: what was decided holds.
        alert::clear(tx, moment, (alert::REFUND_FAILED, &refused.id.0));
        template = Refund {
            order: refused.order,
            line: refused.line,
            ends_access: refused.ends_access,
            why: refused.why,
            ..template
        };
    }
    let (rest, named) = name_nameless(tx, moment, transfer, &template).await?;
    if fact.progress != RefundProgress::Failed {
        return enter(tx, moment, policy, transfer, &template, (rest, named)).await;
    }
    // What a sum told of it is here again; what none told of never went, as far as the books know. Earlier
    // reports of it may still come, and must not end anything: so they find it.
    let mut order = None;
    for refund in refund::by_name(tx, &fact.gateway, &fact.provider_id).await? {
        let touched = refunds::progress(tx, moment, policy, &refund, fact).await?;
        order = touched.or(order);
    }
    if rest > 0 {
        let unseen = Refund {
            order: None,
            line: None,
            provider_id: Some(refund::part_name(&fact.provider_id, named)),
            amount: of(rest, transfer),
            ..template
        };
        refunds::remember(tx, moment, &unseen).await?;
    }
    Ok(order)
}

/// Known from a sum only.
fn is_nameless(refund: &Refund, transfer: &Transfer) -> bool {
    refund.provider_id.is_none()
        && refund.gateway == transfer.gateway
        && refund.state == RefundState::Done
}

/// Of what sums told, so much was this refund: it gets its name, and nothing goes back twice. What no
/// sum has told of yet, and how many parts have the name already.
async fn name_nameless(
    tx: &mut Tx<'_>,
    moment: &Moment,
    transfer: &Transfer,
    template: &Refund,
) -> Result<(i64, usize)> {
    let (mut rest, mut named) = (template.amount.minor, 0);
    let whole = template.provider_id.as_deref().unwrap_or_default();
    for known in refund::of_transfer(tx, &transfer.id).await? {
        if rest == 0 || !is_nameless(&known, transfer) {
            continue;
        }
        let name = refund::part_name(whole, named);
        if known.amount.minor <= rest {
            refund::name(tx, &known.id, &name).await?;
        } else {
            refund::shrink(tx, &known.id, rest).await?;
            let part = Refund {
                id: moment.id::<RefundId>(),
                provider_id: Some(name),
                amount: of(rest, transfer),
                ..known.clone()
            };
            refunds::remember(tx, moment, &part).await?;
        }
        rest -= known.amount.minor.min(rest);
        named += 1;
    }
    Ok((rest, named))
}

/// Take in the sum of a transfer's refunds: what is missing in the books has gone back too. A refund that failed
/// may still be in a sum that was made before; what a person sent by another way is in none.
pub(super) async fn refunded(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &RefundedFact,
) -> Result<Option<Option<Order>>> {
    let Some(transfer) = held(tx, &fact.gateway, &fact.transfer).await? else {
        return Ok(None);
    };
    let known = refund::of_transfer(tx, &transfer.id).await?;
    let known = known
        .iter()
        .filter(|r| r.gateway == transfer.gateway && !was_refused(r));
    let missing = fact.total.minor - known.map(|r| r.amount.minor).sum::<i64>();
    if missing <= 0 {
        return Ok(Some(None));
    }
    let sum = RefundFact {
        gateway: fact.gateway.clone(),
        provider_id: String::new(),
        transfer: fact.transfer.clone(),
        amount: of(missing, &transfer),
        progress: RefundProgress::Succeeded,
        ours: None,
        why: None,
    };
    let nameless = Refund {
        provider_id: None,
        ..template(moment, policy, &transfer, &sum)
    };
    let order = enter(tx, moment, policy, &transfer, &nameless, (missing, 0)).await?;
    Ok(Some(order))
}

/// What all parts of an unasked refund have in common.
fn template(moment: &Moment, policy: &Policy, transfer: &Transfer, fact: &RefundFact) -> Refund {
    let state = match fact.progress {
        RefundProgress::Pending => RefundState::Sent,
        RefundProgress::Succeeded => RefundState::Done,
        RefundProgress::Failed => RefundState::Failed,
    };
    Refund {
        id: moment.id::<RefundId>(),
        purpose: Purpose::Surplus,
        order: None,
        line: None,
        transfer: Some(transfer.id.clone()),
        gateway: transfer.gateway.clone(),
        provider_id: Some(fact.provider_id.clone()),
        amount: fact.amount,
        ends_access: policy.partial_refund_ends_access,
        state,
        reference: None,
        why: fact.why.clone().unwrap_or_else(|| ELSEWHERE.to_owned()),
        fault: None,
        created_at: moment.now,
        done_at: (state == RefundState::Done).then_some(moment.now),
    }
}

/// Enter a refund that nobody here asked for, in as many parts as it takes from; the order of the last.
async fn enter(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    transfer: &Transfer,
    template: &Refund,
    (amount, named): (i64, usize),
) -> Result<Option<Order>> {
    let mut touched = None;
    let parts = parts(tx, transfer, amount).await?;
    for (place, (source, minor)) in parts.into_iter().enumerate() {
        let order = match source {
            Some(source) => still_pays(tx, moment, policy, source, minor).await?,
            None => None,
        };
        let name = template.provider_id.as_deref();
        let part = Refund {
            id: moment.id::<RefundId>(),
            purpose: match order {
                Some(_) => Purpose::Order,
                None => Purpose::Surplus,
            },
            line: template.line.clone().filter(|_| order == template.order),
            order,
            provider_id: name.map(|name| refund::part_name(name, named + place)),
            amount: of(minor, transfer),
            ..template.clone()
        };
        let order = refunds::enter_books(tx, moment, policy, &part).await?;
        touched = order.or(touched);
    }
    Ok(touched)
}

/// The order, if it is paid. An unpaid one is again short of what went back of it: that was no payment.
async fn still_pays(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    source: Allocation,
    minor: i64,
) -> Result<Option<OrderId>> {
    use PaymentStatus::{Paid, PartiallyRefunded, Refunded};
    let order = order::get(tx, &source.order).await?;
    if matches!(order.payment_status, Paid | PartiallyRefunded | Refunded) {
        return Ok(Some(source.order));
    }
    ledger::take_off(tx, moment, policy, &source, minor, "it went back").await?;
    Ok(None)
}

/// What it takes from: what no order needs, if that is enough; else the orders that the transfer pays,
/// and the rest from what none needs.
async fn parts(
    tx: &mut Tx<'_>,
    transfer: &Transfer,
    amount: i64,
) -> Result<Vec<(Option<Allocation>, i64)>> {
    let mut rest = amount;
    let mut parts = Vec::new();
    if transfer.due() < amount {
        let known = refund::of_transfer(tx, &transfer.id).await?;
        for part in allocation::of_transfer(tx, &transfer.id).await? {
            let gone = known.iter().filter(|r| {
                r.order.as_ref() == Some(&part.order) && r.state != RefundState::Failed
            });
            let left = part.amount - gone.map(|r| r.amount.minor).sum::<i64>();
            let minor = left.min(rest);
            if minor > 0 {
                rest -= minor;
                parts.push((Some(part), minor));
            }
        }
    }
    if rest > 0 {
        parts.push((None, rest));
    }
    Ok(parts)
}

/// Take in a dispute: access rests while it is open, ends when it is lost, returns when it is won.
pub(super) async fn dispute(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &DisputeFact,
) -> Result<Option<Option<Order>>> {
    let Some(transfer) = held(tx, &fact.gateway, &fact.transfer).await? else {
        return Ok(None);
    };
    let parts = allocation::of_transfer(tx, &transfer.id).await?;
    let first = parts.first().map(|part| &part.order);
    let mut touched = None;
    if let Some(state) = dispute::take(tx, moment, fact, &transfer.id, first).await? {
        for part in &parts {
            touched = Some(follow(tx, moment, policy, &part.order, state).await?);
        }
    }
    Ok(Some(touched))
}

/// A dispute has moved: so do the money and the access of an order that its transfer pays.
async fn follow(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &OrderId,
    state: DisputeState,
) -> Result<Order> {
    let claims = dispute::of_order(tx, order).await?;
    let waits = |claim: &Claim| {
        matches!(
            claim.dispute.state,
            DisputeState::Inquiry | DisputeState::Open
        )
    };
    let why = match state {
        DisputeState::Inquiry => "the payer's bank asks about the payment",
        DisputeState::Open => "the payer disputes the payment",
        DisputeState::Won => "the dispute was won",
        DisputeState::Lost => "the dispute was lost",
    };
    match state {
        DisputeState::Inquiry | DisputeState::Open if claims.iter().any(waits) => {
            let why = format!("{why}: answer at the gateway before its deadline");
            alert::raise(tx, moment, (alert::DISPUTE, &order.0), &why).await?;
        }
        DisputeState::Won | DisputeState::Lost if !claims.iter().any(waits) => {
            alert::clear(tx, moment, (alert::DISPUTE, &order.0));
        }
        // It is about another order's share, or another one waits for an answer.
        _ => {}
    }
    ledger::rebalance(tx, moment, policy, order, 0, why).await
}

fn of(minor: i64, transfer: &Transfer) -> Money {
    Money {
        minor,
        currency: transfer.amount.currency,
    }
}
