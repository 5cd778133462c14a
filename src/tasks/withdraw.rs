//! Withdraw: take an enrolment back on the platform, where this system made it. The right itself
//! ended in the transaction that wrote this task; here the remote side follows.

use std::time::Duration;

use serde_json::json;

use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::lms::{Learner, Lms, Standing};
use crate::connectors::{Connectors, Fault};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::revoke;
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::grant::{self, Grant, GrantState};
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Receipt, Who};

/// How long to stand back while an attempt to enrol runs.
const STAND_BACK: Duration = Duration::from_secs(2);
/// Rows of one enrolment that one attempt removes.
const MOST_ROWS: usize = 5;

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Withdraw;

/// Which enrolment.
pub(super) struct Request {
    connection: String,
    course: String,
    learner: Learner,
    /// As an attempt read it back. None: an attempt was lost, and may have written or not; or there was
    /// none, and the grant rested on what another order's had made.
    enrolment: Option<String>,
    /// Every enrolment that attempts of ours ever made here.
    made: Vec<String>,
    /// An earlier attempt of ours may have closed it already.
    unsure: bool,
    /// A person decided that it goes, whatever the learner loses by it.
    anyway: bool,
}

impl Effect for Withdraw {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let grant = grant::in_turn(tx, &GrantId::from(task.subject.as_str())).await?;
        if grant.state != GrantState::Revoking {
            return Ok(Prepared::Nothing);
        }
        if grant::is_attempted(tx, &grant.id).await? {
            // What that attempt leaves behind is what has to be taken back.
            return Ok(Prepared::Later {
                at: moment.now.plus(STAND_BACK),
                why: "an attempt to enrol is running".to_owned(),
            });
        }
        if let Some(why) = reason_to_leave(tx, &grant).await? {
            revoke::revoked(tx, moment, &grant.id, why).await?;
            return Ok(Prepared::Nothing);
        }
        let unsure = grant::is_closed_by_us(tx, &grant).await?;
        if grant.enrolment().is_some() {
            // Before it is done: after a crash it is still known whose doing it was.
            grant::note(tx, &grant.id, &grant.noting("closed_by_us", true)).await?;
        }
        Ok(Prepared::Act(Request {
            made: grant::enrolments_made(tx, &grant).await?,
            enrolment: grant.enrolment().map(ToOwned::to_owned),
            unsure,
            // Days that are over are no surprise, and nothing gives them back.
            anyway: grant.says("anyway") || grant.has_run_out(moment.now),
            connection: grant.connection,
            course: grant.target,
            learner: Learner {
                email: grant.learner,
                name: String::new(),
            },
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let Some(lms) = world.lms.get(&request.connection) else {
            return ask(format!(
                "no connection called {:?} is configured",
                request.connection
            ));
        };
        if !lms.capabilities().withdraws {
            return ask("this connection cannot take an enrolment back: remove it by hand");
        }
        match take_back(lms.as_ref(), request).await {
            Ok(outcome) => outcome,
            Err(fault) => keeping::outcome_of(fault),
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        if let Outcome::Done(Receipt(done)) = outcome {
            let grant = grant::in_turn(tx, &GrantId::from(task.subject.as_str())).await?;
            let ours = done["closed_by_us"] == true;
            if grant.says("closed_by_us") != ours && grant.enrolment().is_some() {
                grant::note(tx, &grant.id, &grant.noting("closed_by_us", ours)).await?;
            }
            let why = "taken back on the platform, and read back";
            revoke::revoked(tx, moment, &grant.id, why).await?;
        }
        keeping::breaker(tx, moment, task, outcome).await?;
        Ok(keeping::finish(moment, task, outcome))
    }
}

/// Why the platform is not touched.
async fn reason_to_leave(tx: &mut Tx<'_>, grant: &Grant) -> Result<Option<&'static str>> {
    Ok(if grant::other_reasons(tx, grant).await? > 0 {
        Some("another order gives the same access")
    } else if grant.enrolment().is_some() && !grant::is_of_our_making(tx, grant).await? {
        Some("the enrolment was there before this order: left alone")
    } else {
        None
    })
}

/// What is there is read first: it may be closed already, or not be surely ours, or be worth a question.
async fn take_back(lms: &dyn Lms, request: &Request) -> Result<Outcome, Fault> {
    let (learner, course) = (&request.learner, request.course.as_str());
    let found = lms.read_enrolment(learner, course).await?;
    let Some(found) = found else {
        // Not under this address; what we made goes by its id.
        if let Some(made) = &request.enrolment {
            lms.withdraw(learner, course, made).await?;
        }
        return Ok(closed(request, false));
    };
    if found.standing == Standing::Suspended {
        return Ok(closed(request, request.unsure));
    }
    let first = match &request.enrolment {
        Some(enrolment) => enrolment,
        None if request.made.contains(&found.id) => &found.id,
        // It may have been there before the order: only what is ours is removed.
        None => return Ok(not_surely_ours()),
    };
    if !request.anyway
        && let Some(done) = lms.progress_at_stake(learner, course).await?
    {
        return Ok(would_lose(done));
    }
    remove(lms, learner, course, first).await?;
    Ok(closed(request, true))
}

fn closed(request: &Request, by_us: bool) -> Outcome {
    Outcome::Done(Receipt(
        json!({ "withdrawn": request.enrolment, "closed_by_us": by_us }),
    ))
}

fn ask(why: impl Into<String>) -> Outcome {
    Outcome::ActionNeeded {
        who: Who::Seller,
        why: why.into(),
    }
}

fn not_surely_ours() -> Outcome {
    ask(
        "an enrolment is there, and the attempt that may have made it was lost: remove it by \
         hand if this order made it, then have the removal tried again",
    )
}

/// A dispute that is won, or a refund that fails, would give the access back, but not the progress.
fn would_lose(done: u8) -> Outcome {
    ask(format!(
        "the buyer can still get in: {done}% of the course is done, and removing the enrolment \
         deletes that for good. Remove it all the same (grant withdraw ID --anyway), or leave it as \
         it is (grant withdraw ID --leave)"
    ))
}

/// Close it and read back; then the platform's own duplicates of it, each under an id of its own.
async fn remove(lms: &dyn Lms, learner: &Learner, course: &str, first: &str) -> Result<(), Fault> {
    let mut enrolment = first.to_owned();
    for _ in 0..MOST_ROWS {
        lms.withdraw(learner, course, &enrolment).await?;
        match lms.read_enrolment(learner, course).await? {
            None => return Ok(()),
            Some(left) if left.standing == Standing::Suspended => return Ok(()),
            Some(left) if left.id == enrolment => break,
            Some(left) => enrolment = left.id,
        }
    }
    Err(Fault::Transient {
        why: "the platform accepted the removal, but the enrolment is still there".to_owned(),
        after: None,
    })
}
