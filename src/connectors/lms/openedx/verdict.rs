//! What an answer of Open edX means. A 404 hides: it is "no such account", "you may not see this", "this
//! part is switched off" and "this is another site".

use std::time::Duration;

use serde_json::Value;

use super::wire::ErrorBody;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};

/// The calls we make; the same answer means different things to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Who we are, and lists of courses.
    Look,
    Course,
    Account,
    Record,
    /// Who is enrolled at sign-up.
    Allowed,
    Enrol,
    Unenrol,
    Invite,
    Allow,
    Disallow,
}

impl Call {
    fn aim(self) -> Aim {
        match self {
            Self::Look | Self::Course | Self::Account | Self::Record | Self::Allowed => Aim::Read,
            Self::Enrol | Self::Unenrol | Self::Invite | Self::Allow | Self::Disallow => Aim::Write,
        }
    }
}

/// Anything but success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What we named is not there.
    Absent,
    /// It is there already.
    Exists,
    /// Final.
    Fault(Fault),
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The table. A success without a body is `Null`: an enrolment that is not there is answered so.
pub(super) fn judge(
    call: Call,
    exchanged: Result<Answer, Lost>,
    hide: &[&str],
) -> Result<Value, Verdict> {
    let answer = exchanged.map_err(|lost| lost.fault(call.aim()))?;
    let json = answer.json();
    let status = answer.status;
    if (200..=299).contains(&status) {
        return match json {
            Some(body) => Ok(body),
            None if answer.body.is_empty() => Ok(Value::Null),
            None => Err(not_openedx(call).into()),
        };
    }
    let error = ErrorBody::read(json.as_ref());
    let said = error.words(hide);
    Err(match (status, call) {
        (300..=399, _) => broken(format!(
            "The site redirects to {}: put the final address into base_url.",
            answer.redirects_to()
        )),
        (401, _) => broken("The site does not accept the token that it gave us a moment ago."),
        (403, Call::Enrol) if error.is_embargo => learner(format!(
            "The site closes this course to the learner's country: {said}."
        )),
        (403, _) => broken(format!(
            "The user of our OAuth application lacks a right (global staff has it): {said}."
        )),
        (404, call) => hidden(call, json.is_some() || answer.body.is_empty()),
        (406, Call::Enrol | Call::Unenrol) => {
            learner("The site does not know the learner's account any more.")
        }
        // A GET of what takes POST only: it is there.
        (409, Call::Allow) | (405, Call::Invite) => Verdict::Exists,
        (429, _) => busy("The site asks us to slow down.", answer.retry_after),
        (503, _) => busy("The site is under maintenance.", answer.retry_after),
        (400, call) => refused(call, &error, &said),
        (408 | 500..=599, call) => outage(call, status),
        _ => broken(format!(
            "The site answers with status {status}, which Open edX does not give: {said}."
        )),
    })
}

/// `own`: the answer has the form of the API's 404, not that of the site's page.
fn hidden(call: Call, own: bool) -> Verdict {
    match (call, own) {
        (Call::Account | Call::Disallow | Call::Course, true) => Verdict::Absent,
        (Call::Record | Call::Enrol | Call::Unenrol, true) => broken(
            "The site hides other people's enrolments from the user of our OAuth application: make \
             that user global staff.",
        ),
        (Call::Invite, _) => broken(
            "The site's bulk enrolment API is switched off (ENABLE_BULK_ENROLLMENT_VIEW); switch it \
             on, or set openedx.new_learners to allow or refuse.",
        ),
        (Call::Allowed | Call::Allow | Call::Disallow, _) => broken(
            "This version of Open edX cannot tell whom it enrols at sign-up; set \
             openedx.new_learners to refuse.",
        ),
        _ => broken("What answers at base_url is not Open edX, or hides its API."),
    }
}

/// 400 is every rule's no.
fn refused(call: Call, error: &ErrorBody, said: &str) -> Verdict {
    match call {
        Call::Course => Verdict::Absent,
        Call::Unenrol if error.says("mode mismatch") => busy(
            "The learner's enrolment changed between our look and our change.",
            None,
        ),
        Call::Account | Call::Allowed => learner(format!(
            "The site does not accept the learner's address: {said}."
        )),
        Call::Allow if error.says("email") => learner(format!(
            "The site does not accept the learner's address: {said}."
        )),
        Call::Look => broken(format!("The site refuses what it usually allows: {said}.")),
        _ => Fault::MappingBroken {
            why: format!("The site refuses this course or mode: {said}."),
        }
        .into(),
    }
}

/// Something behind the site's door failed. A write may have been done before.
fn outage(call: Call, status: u16) -> Verdict {
    match call.aim() {
        Aim::Read => busy(format!("The site failed inside (status {status})."), None),
        Aim::Write => Fault::Unknown {
            why: format!("The site failed inside (status {status}) after it was asked."),
        }
        .into(),
    }
}

/// A success that says nothing we understand.
pub(super) fn not_openedx(call: Call) -> Fault {
    match call.aim() {
        Aim::Read => Fault::ConnectionBroken {
            why: "What answers at base_url is not Open edX: it does not speak its JSON.".to_owned(),
        },
        Aim::Write => Fault::Unknown {
            why: "The site was asked, but its answer is not what Open edX answers.".to_owned(),
        },
    }
}

/// For calls to which absence means nothing special.
pub(super) fn settled(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Fault(fault) => fault,
        Verdict::Absent | Verdict::Exists => Fault::ConnectionBroken {
            why: "The site does not know what we asked it for.".to_owned(),
        },
    }
}

fn broken(why: impl Into<String>) -> Verdict {
    Fault::ConnectionBroken { why: why.into() }.into()
}

fn learner(why: impl Into<String>) -> Verdict {
    Fault::LearnerProblem { why: why.into() }.into()
}

fn busy(why: impl Into<String>, after: Option<Duration>) -> Verdict {
    Fault::Transient {
        why: why.into(),
        after,
    }
    .into()
}
