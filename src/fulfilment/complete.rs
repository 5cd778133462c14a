//! Complete: what the result of an attempt does to a grant, and through it to line, order and mail.
//! A line counts its open grants and an order its open lines; whoever counts to zero decides the
//! completion, so two that finish together give one e-mail.

use std::time::Duration;

use super::{plan, revoke};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{GrantId, LineId};
use crate::model::Moment;
use crate::model::email::{self, Letter};
use crate::model::grant::{self, Benefit, Grant, GrantState, Step};
use crate::model::line::{self, LineStatus};
use crate::model::order::{self, Order, PaymentStatus};
use crate::outcome::{Receipt, Who};

/// What the audit says where the person said nothing.
pub(super) const BY_A_PERSON: &str = "tried again by a person";

const DAY: Duration = Duration::from_hours(24);

/// Why an attempt to begin was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Go on: the grant is working now.
    Act,
    /// It is kept already.
    Already,
    /// It is no longer owed.
    Gone,
    /// Another attempt writes for the same learner and course; later.
    Busy,
}

/// For whom a grant waits, and how long.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Who has to do something outside.
    pub who: Who,
    /// What.
    pub why: String,
    /// When it is looked at again.
    pub next_at: Option<Timestamp>,
    /// When it fails its line, if it is not looked at before.
    pub give_up_at: Timestamp,
}

/// An attempt begins.
pub async fn begin(tx: &mut Tx<'_>, moment: &Moment, id: &GrantId) -> Result<(Begin, Grant)> {
    let grant = grant::in_turn(tx, id).await?;
    if grant.state == GrantState::Active {
        return Ok((Begin::Already, grant));
    }
    if !grant.state.is_owed() {
        return Ok((Begin::Gone, grant));
    }
    if grant.benefit == Benefit::Enrolment && grant::is_busy(tx, &grant).await? {
        return Ok((Begin::Busy, grant));
    }
    if !grant::advance(tx, moment, &grant, GrantState::Working, Step::default()).await? {
        return Err(Error::Conflict("the grant moved"));
    }
    order::touch(tx, &grant.order);
    Ok((Begin::Act, grant))
}

/// It happened and was read back: the grant is active, and everything that follows from it; also
/// when it was given up, or re-armed, while the attempt was under way.
/// Revoked meanwhile: the effect stands outside, so it is left to `revoke` to take it back.
pub async fn keep(tx: &mut Tx<'_>, moment: &Moment, id: &GrantId, receipt: Receipt) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if grant.state == GrantState::Revoking {
        return grant::note(tx, id, &receipt).await;
    }
    if !grant.state.may_become(GrantState::Active) {
        return Ok(());
    }
    let step = Step {
        expires_at: end_of_access(tx, moment, &grant).await?,
        receipt: Some(still_ours(&grant, receipt)),
        ..Step::default()
    };
    if !grant::advance(tx, moment, &grant, GrantState::Active, step).await? {
        return Err(Error::Conflict("the grant moved"));
    }
    // Whatever we had closed there is open again.
    if grant.benefit == Benefit::Enrolment {
        grant::forget_closing(tx, &grant).await?;
    }
    if grant.counted {
        kept_late(tx, moment, &grant).await
    } else {
        count(tx, moment, &grant).await
    }
}

/// Buying again before the end adds the new days to what is left. A grant that is kept again after
/// it had been taken back ends when it would have ended: its table keeps the first end.
async fn end_of_access(
    tx: &mut Tx<'_>,
    moment: &Moment,
    grant: &Grant,
) -> Result<Option<Timestamp>> {
    let Some(days) = grant.access_days else {
        return Ok(None);
    };
    let others = grant::ends_last(tx, grant).await?;
    let from = others.map_or(moment.now, |end| end.max(moment.now));
    Ok(Some(after_days(from, days)))
}

/// Kept again under the enrolment that an earlier attempt of this grant made: it is still of our making.
fn still_ours(grant: &Grant, mut receipt: Receipt) -> Receipt {
    if let Some(Receipt(before)) = &grant.receipt
        && before["created"] == true
        && before["enrolment"] == receipt.0["enrolment"]
    {
        receipt.0["created"] = true.into();
    }
    receipt
}

/// It did not happen yet, or cannot by itself: where the grant waits, why, and for whom. One that
/// was given up meanwhile stays so: only a person re-arms it.
pub async fn stall(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &GrantId,
    to: GrantState,
    (who, why, next_at): (Option<Who>, &str, Option<Timestamp>),
) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if !grant.state.is_owed() || !grant.state.may_become(to) {
        return Ok(());
    }
    let step = Step {
        who,
        why: Some(why.to_owned()),
        next_at,
        ..Step::default()
    };
    grant::advance(tx, moment, &grant, to, step).await?;
    order::touch(tx, &grant.order);
    Ok(())
}

/// The other side waits for somebody: what is there so far is noted, and the grant is not given up
/// while it waits for them.
pub async fn wait_for(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &GrantId,
    receipt: Receipt,
    wait: Wait,
) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if grant.state == GrantState::Revoking {
        return grant::note(tx, id, &receipt).await;
    }
    if !grant.state.is_owed() || !grant.state.may_become(GrantState::ActionNeeded) {
        return Ok(());
    }
    let step = Step {
        who: Some(wait.who),
        why: Some(wait.why),
        next_at: wait.next_at,
        receipt: Some(still_ours(&grant, receipt)),
        give_up_at: Some(wait.give_up_at),
        ..Step::default()
    };
    grant::advance(tx, moment, &grant, GrantState::ActionNeeded, step).await?;
    order::touch(tx, &grant.order);
    Ok(())
}

/// It was not kept in time, or a person decided so: the line fails, the order can finish.
pub async fn give_up(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant, why: &str) -> Result<()> {
    let step = Step {
        why: Some(why.to_owned()),
        ..Step::default()
    };
    if !grant::advance(tx, moment, grant, GrantState::GaveUp, step).await? || grant.counted {
        return Ok(());
    }
    count(tx, moment, grant).await
}

/// A person re-arms a grant: due now, with a new budget and a new time to be kept by. One that is
/// being taken back stays so, and its removal is tried again.
pub async fn retry(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &GrantId,
    give_up_after: Duration,
    why: Option<&str>,
) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if grant.state == GrantState::Revoking {
        return revoke::retry(tx, moment, &grant, why).await;
    }
    if !matches!(
        grant.state,
        GrantState::Waiting | GrantState::Verifying | GrantState::ActionNeeded | GrantState::GaveUp
    ) {
        return Err(Error::refused("grant_not_waiting"));
    }
    let step = Step {
        why: Some(why.unwrap_or(BY_A_PERSON).to_owned()),
        next_at: Some(moment.now),
        give_up_at: Some(moment.now.plus(give_up_after)),
        ..Step::default()
    };
    // What may have been written stays in doubt: only a read tells.
    let to = match grant.state {
        GrantState::Verifying => GrantState::Verifying,
        _ => GrantState::Waiting,
    };
    if !grant::advance(tx, moment, &grant, to, step).await? {
        return Err(Error::Conflict("the grant moved"));
    }
    order::touch(tx, &grant.order);
    plan::revive(tx, moment, &grant).await
}

/// A grant was taken back for good before it was kept: its line counts it, once, as not kept.
pub(super) async fn count_unkept(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant) -> Result<()> {
    if grant::count_in(tx, &grant.id).await? {
        count(tx, moment, grant).await?;
    }
    Ok(())
}

/// A grant became final for the first time.
async fn count(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant) -> Result<()> {
    let (open, status) = line::grant_final(tx, &grant.line).await?;
    let place = (&grant.order, &grant.line);
    if open > 0 {
        order::touch(tx, &grant.order);
        let enrolled = grant.benefit == Benefit::Enrolment && status == LineStatus::Processing;
        if enrolled && grant::get(tx, &grant.id).await?.state == GrantState::Active {
            line::advance(tx, moment, place, status, LineStatus::Enrolled).await?;
        }
        return Ok(());
    }
    let kept = grant::unkept(tx, &grant.line).await? == 0;
    let to = if kept {
        LineStatus::Completed
    } else {
        LineStatus::Failed
    };
    if line::advance(tx, moment, place, status, to).await? {
        line_final(tx, moment, grant, kept).await?;
    }
    Ok(())
}

/// A line became final: the one that counts the order to zero decides its mail.
async fn line_final(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant, kept: bool) -> Result<()> {
    if let Some(order) = order::line_finished(tx, moment, &grant.order, kept).await?
        && order.payment_status != PaymentStatus::Refunded
    {
        email::queue(tx, moment, &order, &Letter::Completed).await?;
    }
    Ok(())
}

/// A grant that had been given up was kept after all: once its line owes nothing more, the line
/// completes and has its own late e-mail, if the order's own had gone out. Line and order are held,
/// because another grant may be counting them at this moment without seeing this one.
async fn kept_late(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant) -> Result<()> {
    let line = line::lock(tx, &grant.line).await?;
    order::touch(tx, &grant.order);
    if line.status != LineStatus::Failed || grant::unkept(tx, &grant.line).await? > 0 {
        return Ok(());
    }
    let order = order::hold(tx, &grant.order).await?;
    let place = (&grant.order, &grant.line);
    if line::advance(tx, moment, place, LineStatus::Failed, LineStatus::Completed).await? {
        order::correct(tx, moment, &order.id).await?;
        late_letter(tx, moment, &order, &grant.line).await?;
    }
    Ok(())
}

async fn late_letter(tx: &mut Tx<'_>, moment: &Moment, order: &Order, line: &LineId) -> Result<()> {
    if order.finished_at.is_some() {
        email::queue(tx, moment, order, &Letter::Late(line.clone())).await?;
    }
    Ok(())
}

fn after_days(now: Timestamp, days: i64) -> Timestamp {
    now.plus(DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX)))
}
