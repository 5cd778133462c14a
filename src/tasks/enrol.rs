//! Enrol: read, write, read back. The platform's own "ok" is never believed where it can be read;
//! a lost answer leads to a read, never to a guess. An invitation is no enrolment, and what somebody
//! else suspended stays so.

use std::time::Duration;

use serde_json::json;

use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::lms::{Enrolment, Learner, Lms, Standing};
use crate::connectors::{Connectors, Fault};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::complete::{self, Begin};
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::grant::{self, GrantState};
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Receipt, Who};

/// How long to stand back while another attempt writes for the same learner and course.
const STAND_BACK: Duration = Duration::from_secs(2);

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Enrol;

/// Whom, where, and under which key.
pub(super) struct Request {
    connection: String,
    course: String,
    learner: Learner,
    /// The grant's id: the same for every attempt.
    key: String,
    /// An earlier attempt may have written: an enrolment that is there already is ours. Else it was
    /// there before us, and is not ours to take back.
    unsure: bool,
    /// A suspended enrolment is one that we suspended ourselves.
    closed_by_us: bool,
}

impl Effect for Enrol {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let id = GrantId::from(task.subject.as_str());
        let (begin, grant) = complete::begin(tx, moment, &id).await?;
        let closed_by_us = grant::is_closed_by_us(tx, &grant).await?;
        Ok(match begin {
            Begin::Already | Begin::Gone => Prepared::Nothing,
            Begin::Busy => Prepared::Later {
                at: moment.now.plus(STAND_BACK),
                why: "another enrolment of this learner in this course is running".to_owned(),
            },
            Begin::Act => Prepared::Act(Request {
                // An invitation of ours may become an enrolment under another id.
                unsure: matches!(grant.state, GrantState::Working | GrantState::Verifying)
                    || (grant.says("invited") && grant.says("created")),
                connection: grant.connection,
                course: grant.target,
                learner: Learner {
                    email: grant.learner,
                    name: grant.buyer,
                },
                key: grant.id.0,
                closed_by_us,
            }),
        })
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
        let enrolled = if lms.capabilities().reads_back {
            ensure(lms.as_ref(), request).await
        } else {
            confirm(lms.as_ref(), request).await
        };
        match enrolled {
            Ok(outcome) => outcome,
            Err(Fault::Unknown { why }) if cannot_be_settled(lms.as_ref()) => {
                Outcome::ActionNeeded {
                    who: Who::Seller,
                    why,
                }
            }
            Err(fault) => keeping::outcome_of(fault),
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        keeping::record_wait(tx, moment, desk, task, outcome).await
    }
}

/// Nothing can be read and a repeat might enrol twice: a person must look.
fn cannot_be_settled(lms: &dyn Lms) -> bool {
    let can = lms.capabilities();
    !can.reads_back && !can.repeat_is_safe
}

/// On a platform that can be read.
async fn ensure(lms: &dyn Lms, request: &Request) -> Result<Outcome, Fault> {
    let (learner, course) = (&request.learner, request.course.as_str());
    let before = lms.read_enrolment(learner, course).await;
    match before.map_err(|fault| still_unsure(request, fault))? {
        Some(found) if found.standing == Standing::Suspended => {
            return reopen(lms, request, &found).await;
        }
        Some(found) => return Ok(found_to_be(&found, request.unsure)),
        None => {}
    }
    lms.ensure_learner(learner).await?;
    let wrote = lms.enrol(learner, course, &request.key).await;
    match (lms.read_enrolment(learner, course).await, wrote) {
        (Ok(Some(found)), _) => Ok(found_to_be(&found, true)),
        (Ok(None), Err(fault)) => Err(fault),
        (Ok(None), Ok(_)) => Err(Fault::Unknown {
            why: "the platform accepted the enrolment, but it is not there when read".to_owned(),
        }),
        (Err(_), Err(refused @ (Fault::MappingBroken { .. } | Fault::LearnerProblem { .. }))) => {
            Err(refused)
        }
        (Err(unread), _) => Err(Fault::Unknown {
            why: format!("the enrolment was sent, but could not be read back: {unread}"),
        }),
    }
}

/// Open again what we suspended, and read it back; never what somebody else did.
async fn reopen(lms: &dyn Lms, request: &Request, found: &Enrolment) -> Result<Outcome, Fault> {
    if !request.closed_by_us || !lms.capabilities().suspends {
        return Ok(found_to_be(found, request.unsure));
    }
    let (learner, course) = (&request.learner, request.course.as_str());
    let opened = lms.restore(learner, course, &found.id).await;
    match (lms.read_enrolment(learner, course).await, opened) {
        (Ok(Some(now)), Ok(())) if now.standing == Standing::Suspended => Err(Fault::Transient {
            why: "the platform accepted to open the enrolment again, but it is still suspended"
                .to_owned(),
            after: None,
        }),
        (Ok(Some(now)), _) if now.standing != Standing::Suspended => Ok(found_to_be(&now, true)),
        (_, Err(fault)) | (Err(fault), Ok(())) => Err(fault),
        (Ok(_), Ok(())) => Err(Fault::Unknown {
            why: "the enrolment was opened again, but is not there when read".to_owned(),
        }),
    }
}

/// What an enrolment that was read means for the grant.
fn found_to_be(found: &Enrolment, created: bool) -> Outcome {
    let mut receipt = receipt(found, created);
    match &found.standing {
        Standing::Active => Outcome::Done(receipt),
        Standing::Invited { link } => {
            receipt.0["invited"] = true.into();
            receipt.0["link"] = link.clone().into();
            Outcome::Awaited {
                who: Who::Buyer,
                receipt,
                why: "the platform waits for the learner to accept its invitation".to_owned(),
            }
        }
        Standing::Suspended => Outcome::ActionNeeded {
            who: Who::Seller,
            why: "the learner's enrolment is there, and somebody else suspended it on the \
                  platform: open it there if that was a mistake, then have it tried again"
                .to_owned(),
        },
    }
}

/// A read that failed says nothing of what an earlier attempt may have written.
fn still_unsure(request: &Request, fault: Fault) -> Fault {
    match fault {
        Fault::Transient { why, .. } if request.unsure => Fault::Unknown { why },
        other => other,
    }
}

/// On an endpoint that can only be told: its own answer is all there is.
async fn confirm(lms: &dyn Lms, request: &Request) -> Result<Outcome, Fault> {
    lms.ensure_learner(&request.learner).await?;
    let id = lms
        .enrol(&request.learner, &request.course, &request.key)
        .await?;
    Ok(Outcome::Done(Receipt(
        json!({ "enrolment": id, "created": true, "read_back": false }),
    )))
}

fn receipt(found: &Enrolment, created: bool) -> Receipt {
    Receipt(json!({
        "enrolment": found.id,
        "rows": found.rows,
        "created": created,
        "read_back": true,
    }))
}
