//! Withdraw: take an enrolment back on the platform, where this system made it. The right itself
//! ended in the transaction that wrote this task; here the remote side follows.

use std::time::Duration;

use serde_json::json;

use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::lms::{Learner, Lms};
use crate::connectors::{Connectors, Fault};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::revoke;
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::grant::{self, GrantState};
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
        let receipt = grant
            .receipt
            .as_ref()
            .map(|r| r.0.clone())
            .unwrap_or_default();
        let reason_to_leave = if grant::other_reasons(tx, &grant).await? > 0 {
            Some("another order gives the same access")
        } else if grant.receipt.is_some() && !grant::is_of_our_making(tx, &grant).await? {
            Some("the enrolment was there before this order: left alone")
        } else {
            None
        };
        if let Some(why) = reason_to_leave {
            revoke::revoked(tx, moment, &grant.id, why).await?;
            return Ok(Prepared::Nothing);
        }
        let made = grant::enrolments_made(tx, &grant).await?;
        Ok(Prepared::Act(Request {
            made,
            connection: grant.connection,
            course: grant.target,
            learner: Learner {
                email: grant.learner,
                name: String::new(),
            },
            enrolment: receipt["enrolment"].as_str().map(ToOwned::to_owned),
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let Some(lms) = world.lms.get(&request.connection) else {
            let why = format!(
                "no connection called {:?} is configured",
                request.connection
            );
            return Outcome::ActionNeeded {
                who: Who::Seller,
                why,
            };
        };
        if !lms.capabilities().withdraws {
            let why = "this connection cannot take an enrolment back: remove it by hand".to_owned();
            return Outcome::ActionNeeded {
                who: Who::Seller,
                why,
            };
        }
        let (learner, course) = (&request.learner, request.course.as_str());
        let removed = match &request.enrolment {
            Some(enrolment) => remove(lms.as_ref(), learner, course, enrolment).await,
            None => match lms.read_enrolment(learner, course).await {
                Ok(None) => Ok(()),
                Ok(Some(found)) if request.made.contains(&found.id) => {
                    remove(lms.as_ref(), learner, course, &found.id).await
                }
                // It may have been there before the order: only what is ours is removed.
                Ok(Some(_)) => return not_surely_ours(),
                Err(fault) => Err(fault),
            },
        };
        match removed {
            Ok(()) => Outcome::Done(Receipt(json!({ "withdrawn": request.enrolment }))),
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
        if matches!(outcome, Outcome::Done(_)) {
            let id = GrantId::from(task.subject.as_str());
            revoke::revoked(tx, moment, &id, "taken back on the platform, and read back").await?;
        }
        keeping::breaker(tx, moment, task, outcome).await?;
        Ok(keeping::finish(moment, task, outcome))
    }
}

fn not_surely_ours() -> Outcome {
    let why = "an enrolment is there, and the attempt that may have made it was lost: remove it by \
               hand if this order made it, then have the removal tried again";
    Outcome::ActionNeeded {
        who: Who::Seller,
        why: why.to_owned(),
    }
}

/// Remove it and read back; then the platform's own duplicates of it, each under an id of its own.
async fn remove(lms: &dyn Lms, learner: &Learner, course: &str, first: &str) -> Result<(), Fault> {
    let mut enrolment = first.to_owned();
    for _ in 0..MOST_ROWS {
        lms.withdraw(learner, course, &enrolment).await?;
        match lms.read_enrolment(learner, course).await? {
            None => return Ok(()),
            Some(left) if left.id == enrolment => break,
            Some(left) => enrolment = left.id,
        }
    }
    Err(Fault::Transient {
        why: "the platform accepted the removal, but the enrolment is still there".to_owned(),
        after: None,
    })
}
