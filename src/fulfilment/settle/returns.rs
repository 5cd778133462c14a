//! Money that goes back, as a gateway reports it: refunds, sums of refunds, disputes. Each is about a
//! transfer; a missing answer says that this transfer is not in the books yet.

use crate::db::Tx;
use crate::error::Result;
use crate::fact::{DisputeFact, RefundFact, RefundProgress, RefundedFact};
use crate::fulfilment::{Policy, access, ledger, refund as refunds};
use crate::id::{OrderId, RefundId};
use crate::model::dispute::{self, DisputeState};
use crate::model::order::Order;
use crate::model::refund::{self, Purpose, Refund, RefundState};
use crate::model::transfer::{self, Transfer};
use crate::model::{Moment, alert, allocation};
use crate::money::Money;

/// Take in a refund: one that we asked for, one that a sum had announced, or news from the gateway's
/// own pages. The order that it touched, where it touched one.
pub(super) async fn refund(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &RefundFact,
) -> Result<Option<Option<Order>>> {
    let Some(transfer) = transfer::named(tx, &fact.gateway, &fact.transfer).await? else {
        return Ok(None);
    };
    let known = known(tx, fact, &transfer).await?;
    let order = match known {
        Some(refund) => refunds::progress(tx, moment, policy, &refund, fact).await?,
        None if fact.progress == RefundProgress::Failed => None,
        None => {
            let state = match fact.progress {
                RefundProgress::Pending => RefundState::Sent,
                RefundProgress::Succeeded | RefundProgress::Failed => RefundState::Done,
            };
            let why = fact.why.as_deref().unwrap_or("made at the gateway");
            let name = Some(fact.provider_id.as_str());
            let new = unasked(
                tx,
                moment,
                policy,
                &transfer,
                fact.amount,
                (state, name, why),
            );
            let new = new.await?;
            refunds::enter_books(tx, moment, policy, &new).await?
        }
    };
    Ok(Some(order))
}

/// By our id, by the gateway's, or the refund of this amount that only a sum told of.
async fn known(tx: &mut Tx<'_>, fact: &RefundFact, transfer: &Transfer) -> Result<Option<Refund>> {
    if let Some(known) = refund::by_name(tx, &fact.gateway, &fact.provider_id).await? {
        return Ok(Some(known));
    }
    let ours = fact.ours.as_deref();
    let candidates = refund::of_transfer(tx, &transfer.id).await?;
    let nameless = candidates.into_iter().find(|refund| {
        refund.provider_id.is_none()
            && refund.gateway == fact.gateway
            && match ours {
                Some(id) => refund.id.0 == id,
                None => refund.state == RefundState::Done && refund.amount == fact.amount,
            }
    });
    if let Some(refund) = &nameless {
        refund::name(tx, &refund.id, &fact.provider_id).await?;
    }
    Ok(nameless)
}

/// Take in the sum of a transfer's refunds: what is missing in the books has gone back too.
pub(super) async fn refunded(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &RefundedFact,
) -> Result<Option<Option<Order>>> {
    let Some(transfer) = transfer::named(tx, &fact.gateway, &fact.transfer).await? else {
        return Ok(None);
    };
    let known = refund::of_transfer(tx, &transfer.id).await?;
    let known = known.iter().filter(|r| r.state != RefundState::Failed);
    let missing = fact.total.minor - known.map(|r| r.amount.minor).sum::<i64>();
    if missing <= 0 {
        return Ok(Some(None));
    }
    let amount = Money {
        minor: missing,
        currency: fact.total.currency,
    };
    let how = (RefundState::Done, None, "made at the gateway");
    let new = unasked(tx, moment, policy, &transfer, amount, how).await?;
    let order = refunds::enter_books(tx, moment, policy, &new).await?;
    Ok(Some(order))
}

/// A refund that nobody here asked for: out of what no order needs, if that is enough, else out of the order.
async fn unasked(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    transfer: &Transfer,
    amount: Money,
    (state, name, why): (RefundState, Option<&str>, &str),
) -> Result<Refund> {
    let order = paid_by(tx, transfer).await?;
    let of_surplus = order.is_none() || transfer.due() >= amount.minor;
    Ok(Refund {
        id: moment.id::<RefundId>(),
        purpose: if of_surplus {
            Purpose::Surplus
        } else {
            Purpose::Order
        },
        order: order.filter(|_| !of_surplus),
        line: None,
        transfer: Some(transfer.id.clone()),
        gateway: transfer.gateway.clone(),
        provider_id: name.map(ToOwned::to_owned),
        amount,
        ends_access: policy.partial_refund_ends_access,
        state,
        reference: None,
        why: why.to_owned(),
        fault: None,
        created_at: moment.now,
        done_at: (state == RefundState::Done).then_some(moment.now),
    })
}

/// The order that a transfer pays; of several the first.
async fn paid_by(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<Option<OrderId>> {
    let parts = allocation::of_transfer(tx, &transfer.id).await?;
    Ok(parts.into_iter().next().map(|part| part.order))
}

/// Take in a dispute: access rests while it is open, ends when it is lost, returns when it is won.
pub(super) async fn dispute(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    fact: &DisputeFact,
) -> Result<Option<Option<Order>>> {
    let Some(transfer) = transfer::named(tx, &fact.gateway, &fact.transfer).await? else {
        return Ok(None);
    };
    let order = paid_by(tx, &transfer).await?;
    if let Some(order) = &order {
        access::enter(tx, order).await?;
    }
    let taken = dispute::take(tx, moment, fact, &transfer.id, order.as_ref()).await?;
    let (Some(state), Some(order)) = (taken, order) else {
        return Ok(Some(None));
    };
    let why = match state {
        DisputeState::Inquiry => "the payer's bank asks about the payment",
        DisputeState::Open => "the payer disputes the payment",
        DisputeState::Won => "the dispute was won",
        DisputeState::Lost => "the dispute was lost",
    };
    match state {
        DisputeState::Inquiry | DisputeState::Open => {
            let why = format!("{why}: answer at the gateway before its deadline");
            alert::raise(tx, moment, (alert::DISPUTE, &order.0), &why).await?;
        }
        DisputeState::Won | DisputeState::Lost => {
            alert::clear(tx, moment, (alert::DISPUTE, &order.0));
        }
    }
    let order = ledger::rebalance(tx, moment, policy, &order, 0, why).await?;
    Ok(Some(Some(order)))
}
