//! What an answer of Frappe means. The HTTP status alone says little: 417 is "already enrolled",
//! "no such course" and "no such method"; 404 is "no such document" and "no such site".

use std::time::Duration;

use serde_json::Value;

use super::wire::ErrorBody;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};
use crate::connectors::quote::quote;

/// The calls we make; the same answer means different things to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Method,
    List,
    Read,
    CreateUser,
    CreateEnrolment,
    DeleteEnrolment,
}

impl Call {
    fn aim(self) -> Aim {
        match self {
            Self::Method | Self::List | Self::Read => Aim::Read,
            Self::CreateUser | Self::CreateEnrolment | Self::DeleteEnrolment => Aim::Write,
        }
    }

    /// A 404 means this one document, not the whole kind.
    fn names_a_document(self) -> bool {
        matches!(self, Self::Read | Self::DeleteEnrolment)
    }
}

/// Anything but success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The document we named is not there.
    Absent,
    /// A rule of the platform said no, in these words. "Already there" is among them, told apart
    /// only by texts that are translated: a read must tell.
    Refused(String),
    /// Final.
    Fault(Fault),
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The table. JSON of a success, or what else it was; `hide` never appears in a sentence.
pub(super) fn judge(
    call: Call,
    exchanged: Result<Answer, Lost>,
    hide: &[&str],
) -> Result<Value, Verdict> {
    let answer = exchanged.map_err(|lost| lost.fault(call.aim()))?;
    let json = answer.json();
    if let (200..=299, Some(value)) = (answer.status, &json) {
        return Ok(value.clone());
    }
    let error = ErrorBody::read(json.as_ref());
    let said = error.words(hide);
    let status = answer.status;
    let kind = error.exc_type.as_str();
    Err(match (status, kind, call) {
        (200..=299, ..) => not_json(call).into(),
        (300..=399, ..) => broken(format!(
            "The LMS redirects to {}: put the final address into base_url.",
            answer.redirects_to()
        )),
        (401, ..) => {
            broken("The LMS does not accept our API key and secret, or the user behind them.")
        }
        (403, ..) => broken(format!(
            "The LMS user behind our API key lacks a right (the role Moderator gives it): {said}."
        )),
        (404, "", _) => {
            broken("The LMS does not know this site: base_url or the site's host name is wrong.")
        }
        (404, "DoesNotExistError", call) if call.names_a_document() => Verdict::Absent,
        (404, ..) => broken(format!(
            "The site answers, but the LMS app is not installed there: {said}."
        )),
        (409, ..) => Verdict::Refused(said),
        (429, ..) => busy("The LMS asks us to slow down.", answer.retry_after),
        (503, "SessionStopped" | "InReadOnlyMode", _) => {
            busy("The LMS is under maintenance.", answer.retry_after)
        }
        (508, ..)
        | (_, "QueryDeadlockError" | "QueryTimeoutError" | "TimestampMismatchError", _) => {
            busy("The LMS was busy with the same records.", None)
        }
        (417, kind, call) => refused_by_rule(call, kind, said),
        (408 | 500..=599, ..) => outage(call, status, kind),
        _ => broken(format!(
            "The LMS answers with status {status}, which Frappe does not give: {said}."
        )),
    })
}

/// 417 is Frappe's word for every exception of its own.
fn refused_by_rule(call: Call, kind: &str, said: String) -> Verdict {
    match (call, kind) {
        (Call::Method | Call::List | Call::Read, _) => broken(format!(
            "This version of the LMS does not know a call that we need: {said}."
        )),
        (Call::CreateUser, "InvalidEmailAddressError") => Fault::LearnerProblem {
            why: "The LMS does not accept the learner's e-mail address as valid.".to_owned(),
        }
        .into(),
        (Call::CreateUser, "MandatoryError") => broken(format!(
            "The LMS was changed to require more of a new learner than we can send: {said}."
        )),
        (Call::CreateEnrolment, "LinkValidationError" | "MandatoryError") => Fault::MappingBroken {
            why: format!("The LMS does not know what the enrolment names: {said}."),
        }
        .into(),
        _ => Verdict::Refused(said),
    }
}

/// Something between us and the database of the LMS failed. A write may have been done before.
fn outage(call: Call, status: u16, kind: &str) -> Verdict {
    let what = if kind.is_empty() {
        format!("status {status}")
    } else {
        format!("status {status}, {}", quote(kind, &[]))
    };
    match call.aim() {
        Aim::Read => busy(format!("The LMS failed inside ({what})."), None),
        Aim::Write => Fault::Unknown {
            why: format!("The LMS failed inside ({what}) after it was asked."),
        }
        .into(),
    }
}

/// A success that says nothing we understand.
pub(super) fn not_json(call: Call) -> Fault {
    match call.aim() {
        Aim::Read => Fault::ConnectionBroken {
            why: "What answers at base_url is not Frappe: it does not speak its JSON.".to_owned(),
        },
        Aim::Write => Fault::Unknown {
            why: "The LMS was asked, but its answer is not what Frappe answers.".to_owned(),
        },
    }
}

fn broken(why: impl Into<String>) -> Verdict {
    Fault::ConnectionBroken { why: why.into() }.into()
}

fn busy(why: impl Into<String>, after: Option<Duration>) -> Verdict {
    Fault::Transient {
        why: why.into(),
        after,
    }
    .into()
}
