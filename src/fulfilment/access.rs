//! Access follows money: a pure function of an order's ledger decides for each line whether it is owed,
//! and the grants are brought in line with it. Asked again it changes nothing. Each order is a reason of its
//! own; the platform is touched only when the last reason for a course goes (`revoke`).

use super::{Policy, complete, plan, revoke};
use crate::db::Tx;
use crate::error::Result;
use crate::id::{LineId, OrderId};
use crate::model::Moment;
use crate::model::dispute::{self, Claim, DisputeState};
use crate::model::grant::{self, Grant, GrantState, Step};
use crate::model::order::{Order, PaymentStatus};
use crate::model::refund::{self, Refund, RefundState};

/// What an order's money says of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// It is owed.
    Due,
    /// Not at present: a dispute is open, or a payment was taken back by a person.
    Rests,
    /// Not any more: its money went back.
    Over,
}

/// Wait until nobody else decides about the same access. Before any row of the orders is held: whoever
/// decides about access comes along here first, with all orders at once.
pub async fn enter(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<()> {
    let mut grants = Vec::new();
    for order in orders {
        grants.extend(grant::of_order(tx, order).await?);
    }
    // In one sequence for everybody, or two that need the same two would wait for each other.
    grants.sort_by(|a, b| access_of(a).cmp(&access_of(b)));
    for grant in &grants {
        grant::take_turn(tx, grant).await?;
    }
    let mut orders: Vec<&OrderId> = orders.iter().collect();
    orders.sort();
    for order in orders {
        grant::hold_all(tx, order).await?;
    }
    Ok(())
}

fn access_of(grant: &Grant) -> (&str, &str, &str) {
    (&grant.connection, &grant.target, &grant.learner)
}

/// Bring every grant of an order in line with its money.
pub async fn follow(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
    why: &str,
) -> Result<()> {
    let refunds = refund::of_order(tx, &order.id).await?;
    let claims = dispute::of_order(tx, &order.id).await?;
    for grant in grant::of_order(tx, &order.id).await? {
        match right(order, &refunds, &claims, &grant.line) {
            Right::Due => give_again(tx, moment, policy, &grant, why).await?,
            Right::Rests => take_away(tx, moment, &grant, why).await?,
            Right::Over => {
                take_away(tx, moment, &grant, why).await?;
                complete::count_unkept(tx, moment, &grant).await?;
            }
        }
    }
    Ok(())
}

/// What the money says of a line. A lost dispute ends all of an order, also where it was about a part: it names
/// no course that could be kept, and who lets their bank take money back does not ask for one. A refund of a
/// part is the seller's own decision, and theirs is what it ends.
#[must_use]
pub fn right(order: &Order, refunds: &[Refund], claims: &[Claim], line: &LineId) -> Right {
    let ended = refunds.iter().any(|refund| {
        refund.ends_access
            && refund.state != RefundState::Failed
            && refund.line.as_ref().is_none_or(|l| l == line)
    });
    let lost = claims
        .iter()
        .any(|claim| claim.dispute.state == DisputeState::Lost);
    match order.payment_status {
        PaymentStatus::Refunded => Right::Over,
        _ if ended || lost => Right::Over,
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded if !order.disputed => Right::Due,
        _ => Right::Rests,
    }
}

async fn give_again(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    grant: &Grant,
    why: &str,
) -> Result<()> {
    let away = matches!(grant.state, GrantState::Revoking | GrantState::Revoked);
    if !away || grant.barred || grant.has_run_out(moment.now) {
        return Ok(());
    }
    let step = Step {
        why: Some(why.to_owned()),
        next_at: Some(moment.now),
        give_up_at: Some(moment.now.plus(policy.give_up_after)),
        ..Step::default()
    };
    // What an attempt left that was never heard of again is still there: an enrolment of our own making.
    let unsure =
        grant.state == GrantState::Revoking && grant.attempts > 0 && grant.receipt.is_none();
    let state = if unsure {
        GrantState::Verifying
    } else {
        GrantState::Waiting
    };
    if grant::advance(tx, moment, grant, state, step).await? {
        plan::revive(
            tx,
            moment,
            &Grant {
                state,
                ..grant.clone()
            },
        )
        .await?;
    }
    Ok(())
}

async fn take_away(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant, why: &str) -> Result<()> {
    match grant.state {
        GrantState::Revoking | GrantState::Revoked => Ok(()),
        _ => revoke::end(tx, moment, grant, why).await,
    }
}
