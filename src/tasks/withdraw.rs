//! Withdraw: take an enrolment back on the platform, where this system made it. The right itself
//! ended in the transaction that wrote this task; here the remote side follows.

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
    enrolment: String,
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
        let grant = grant::get(tx, &GrantId::from(task.subject.as_str())).await?;
        grant::take_turn(tx, &grant).await?;
        if grant.state != GrantState::Revoking {
            return Ok(Prepared::Nothing);
        }
        let receipt = grant
            .receipt
            .as_ref()
            .map(|r| r.0.clone())
            .unwrap_or_default();
        let reason_to_leave = if grant::other_reasons(tx, &grant).await? > 0 {
            Some("another order gives the same access")
        } else if !grant::is_of_our_making(tx, &grant).await? {
            Some("the enrolment was there before this order: left alone")
        } else {
            None
        };
        if let Some(why) = reason_to_leave {
            revoke::revoked(tx, moment, &grant.id, why).await?;
            return Ok(Prepared::Nothing);
        }
        Ok(Prepared::Act(Request {
            connection: grant.connection,
            course: grant.target,
            learner: Learner {
                email: grant.learner,
                name: String::new(),
            },
            enrolment: receipt["enrolment"].as_str().unwrap_or_default().to_owned(),
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
        match remove(lms.as_ref(), learner, course, &request.enrolment).await {
            Ok(()) => Outcome::Done(Receipt(json!({ "withdrawn": request.enrolment }))),
            Err(fault) => keeping::outcome_of(fault),
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        keeping::breaker(tx, moment, task, outcome).await?;
        if matches!(outcome, Outcome::Done(_)) {
            let id = GrantId::from(task.subject.as_str());
            revoke::revoked(tx, moment, &id, "taken back on the platform, and read back").await?;
        }
        Ok(keeping::finish(moment, task, outcome))
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
