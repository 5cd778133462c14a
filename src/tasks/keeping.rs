//! How an outcome moves a grant and its connection's breaker: the same for every kind that keeps a
//! grant. Only refusals use up attempts; an outage never does.

use std::time::Duration;

use crate::app::Desk;
use crate::clock::Timestamp;
use crate::connectors::Fault;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::complete::{self, Wait};
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::connection;
use crate::model::grant::GrantState;
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Who};

/// How long after a look at what somebody outside has to do the next one comes: soon for those who do it
/// at once, then ever more rarely.
const LOOKS: [(i64, Duration); 3] = [
    (12, Duration::from_mins(5)),
    (36, Duration::from_hours(1)),
    (i64::MAX, Duration::from_hours(6)),
];

/// A connector's fault as an outcome.
pub(super) fn outcome_of(fault: Fault) -> Outcome {
    match fault {
        Fault::Transient { why, after } => Outcome::Retry { why, after },
        Fault::ConnectionBroken { why } => Outcome::ActionNeeded {
            who: Who::Connection,
            why,
        },
        Fault::MappingBroken { why } => Outcome::ActionNeeded {
            who: Who::Seller,
            why,
        },
        Fault::LearnerProblem { why } => Outcome::ActionNeeded {
            who: Who::Buyer,
            why,
        },
        Fault::Unknown { why } => Outcome::Verify { why },
    }
}

/// Record the outcome of an attempt to keep the task's grant.
pub(super) async fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    task: &Leased,
    outcome: &Outcome,
) -> Result<Finish> {
    let grant = GrantId::from(task.subject.as_str());
    if let Outcome::Done(receipt) = outcome {
        complete::keep(tx, moment, &grant, receipt.clone()).await?;
        breaker(tx, moment, task, outcome).await?;
        return Ok(Finish::Done);
    }
    let finish = finish(moment, task, outcome);
    let (state, who) = place(&finish, outcome);
    let next_at = next_run(&finish);
    let why = outcome.why().unwrap_or_default();
    complete::stall(tx, moment, &grant, state, (who, why, next_at)).await?;
    breaker(tx, moment, task, outcome).await?;
    Ok(finish)
}

/// Record that somebody outside has to do the rest: it is looked at again, and not given up meanwhile.
pub(super) async fn record_wait(
    tx: &mut Tx<'_>,
    moment: &Moment,
    desk: &Desk,
    task: &Leased,
    outcome: &Outcome,
) -> Result<Finish> {
    let Outcome::Awaited { who, receipt, why } = outcome else {
        return record(tx, moment, task, outcome).await;
    };
    breaker(tx, moment, task, outcome).await?;
    let finish = finish(moment, task, outcome);
    let wait = Wait {
        who: *who,
        why: why.clone(),
        next_at: next_run(&finish),
        give_up_at: moment.now.plus(desk.policy.give_up_after),
    };
    let grant = GrantId::from(task.subject.as_str());
    complete::wait_for(tx, moment, &grant, receipt.clone(), wait).await?;
    Ok(finish)
}

/// When and whether the task runs again.
pub(super) fn finish(moment: &Moment, task: &Leased, outcome: &Outcome) -> Finish {
    let backoff = task.kind.backoff(task.attempts, moment.mint.fraction());
    let again = |at: Timestamp, why: &str, rejected: bool| Finish::Again {
        at,
        why: why.to_owned(),
        rejected,
    };
    match outcome {
        Outcome::Done(_) => Finish::Done,
        Outcome::Retry { why, after } => again(
            moment.now.plus(backoff.max(after.unwrap_or_default())),
            why,
            false,
        ),
        Outcome::Verify { why }
        | Outcome::ActionNeeded {
            who: Who::Connection,
            why,
        } => again(moment.now.plus(backoff), why, false),
        Outcome::Snooze { until, why } => again(*until, why, false),
        Outcome::Awaited { why, .. } => again(moment.now.plus(next_look(task)), why, false),
        Outcome::ActionNeeded { why, .. } => Finish::Dead { why: why.clone() },
        Outcome::Rejected { why } if task.rejections + 1 >= task.kind.retry().rejections => {
            Finish::Dead { why: why.clone() }
        }
        Outcome::Rejected { why } => again(moment.now.plus(backoff), why, true),
    }
}

fn next_look(task: &Leased) -> Duration {
    let due = LOOKS.iter().find(|(looks, _)| task.attempts <= *looks);
    due.map_or(Duration::ZERO, |(_, wait)| *wait)
}

/// Where the grant waits.
fn place(finish: &Finish, outcome: &Outcome) -> (GrantState, Option<Who>) {
    match (outcome, finish) {
        (Outcome::Verify { .. }, _) => (GrantState::Verifying, None),
        (Outcome::ActionNeeded { who, .. } | Outcome::Awaited { who, .. }, _) => {
            (GrantState::ActionNeeded, Some(*who))
        }
        (_, Finish::Dead { .. }) => (GrantState::ActionNeeded, Some(Who::Seller)),
        _ => (GrantState::Waiting, None),
    }
}

fn next_run(finish: &Finish) -> Option<Timestamp> {
    match finish {
        Finish::Again { at, .. } => Some(*at),
        Finish::Done | Finish::Dead { .. } => None,
    }
}

/// What the outcome says about the connection itself. Behind the grant or the order: a breaker that closes sets
/// tasks going, and so does whoever decides about those.
pub(super) async fn breaker(
    tx: &mut Tx<'_>,
    moment: &Moment,
    task: &Leased,
    outcome: &Outcome,
) -> Result<()> {
    let Some(name) = &task.connection else {
        return Ok(());
    };
    match outcome {
        Outcome::Done(_) | Outcome::Awaited { .. } if task.troubled => {
            connection::recover(tx, moment, name).await
        }
        Outcome::Retry { why, .. } | Outcome::Verify { why } => {
            stumble(tx, moment, name, why, false).await
        }
        Outcome::ActionNeeded {
            who: Who::Connection,
            why,
        } => stumble(tx, moment, name, why, true).await,
        _ => Ok(()),
    }
}

/// Count a failure of a connection; the seller hears of it once, when it is one too many.
pub(super) async fn stumble(
    tx: &mut Tx<'_>,
    moment: &Moment,
    name: &str,
    why: &str,
    broken: bool,
) -> Result<()> {
    if connection::stumble(tx, moment, name, why, broken).await? {
        tracing::error!(
            connection = name,
            why,
            "{name} is out of order: what it should do waits until it works again"
        );
    }
    Ok(())
}
