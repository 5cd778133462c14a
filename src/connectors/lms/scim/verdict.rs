//! What an answer of a SCIM platform means (RFC 7644 section 3.12), and what platforms say beside the
//! standard: an error inside a 200, and no seat left, which only words tell.

use std::time::Duration;

use serde_json::Value;

use super::wire::ErrorBody;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};

/// The calls we make; the same answer means different things to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// What the platform can do.
    Config,
    /// Users or groups, by a filter or all.
    List,
    /// One user or group.
    Read,
    CreateUser,
    /// One user or group changed.
    Patch,
}

impl Call {
    fn aim(self) -> Aim {
        match self {
            Self::Config | Self::List | Self::Read => Aim::Read,
            Self::CreateUser | Self::Patch => Aim::Write,
        }
    }

    /// A 404 means this one thing, not the whole service.
    fn names_a_thing(self) -> bool {
        matches!(self, Self::Config | Self::Read | Self::Patch)
    }
}

/// A success.
#[derive(Debug)]
pub(super) struct Said {
    /// `Null` where a write was answered without a body (204).
    pub body: Value,
    pub etag: Option<String>,
}

/// Anything but success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What we named is not there.
    Absent,
    /// Somebody has this name already.
    Taken,
    /// Nothing was done: the platform wants to know which version we change, or it is another by now.
    Stale,
    /// The platform said no, in these words.
    Refused(String),
    /// Final.
    Fault(Fault),
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The table.
pub(super) fn judge(
    call: Call,
    exchanged: Result<Answer, Lost>,
    hide: &[&str],
) -> Result<Said, Verdict> {
    let answer = exchanged.map_err(|lost| lost.fault(call.aim()))?;
    let json = answer.json();
    let error = ErrorBody::read(json.as_ref());
    let status = error.inside(answer.status);
    if (200..=299).contains(&status) {
        return understood(call, answer, json).map_err(Verdict::from);
    }
    let said = error.words(hide);
    Err(match (status, error.scim_type.as_str(), call) {
        (300..=399, ..) => broken(format!(
            "The platform redirects to {}: put the final address into base_url.",
            answer.redirects_to()
        )),
        (401, ..) => broken("The platform does not accept our SCIM token, or it has expired."),
        (402 | 403 | 400 | 409 | 422, ..) if error.names_licences() => broken(format!(
            "The platform has no seat left for a learner: {said}."
        )),
        (403, ..) => broken(format!("The SCIM token lacks a right: {said}.")),
        (404, _, call) if call.names_a_thing() && is_scims(&answer, json.as_ref()) => {
            Verdict::Absent
        }
        (404, ..) => broken("There is no SCIM service at base_url; it usually ends with /scim/v2."),
        (409, ..) | (400, "uniqueness", _) => Verdict::Taken,
        (412 | 428, ..) => Verdict::Stale,
        (429 | 503, ..) => busy(
            "The platform asks us to come back later.",
            answer.retry_after,
        ),
        (405 | 501, ..) => broken(format!(
            "The platform does not offer a part of SCIM that we need: {said}."
        )),
        (400 | 413 | 422, kind, call) => refused(call, kind, said),
        (408 | 500..=599, ..) => outage(call, status),
        _ => broken(format!(
            "The platform answers with status {status}, which SCIM does not know: {said}."
        )),
    })
}

fn understood(call: Call, answer: Answer, json: Option<Value>) -> Result<Said, Fault> {
    let is_silent = answer.status == 204 || answer.body.is_empty();
    let body = match json {
        Some(body) => body,
        None if is_silent && call == Call::Patch => Value::Null,
        None => return Err(not_scim(call)),
    };
    Ok(Said {
        body,
        etag: answer.etag,
    })
}

/// A page of some other site is not the platform's "no such thing".
fn is_scims(answer: &Answer, json: Option<&Value>) -> bool {
    json.is_some_and(Value::is_object) || answer.body.is_empty()
}

/// 400: a request that this platform's dialect has not, or a value that it does not accept.
fn refused(call: Call, kind: &str, said: String) -> Verdict {
    match (call, kind) {
        (_, "invalidFilter" | "invalidPath" | "invalidSyntax" | "mutability" | "tooMany") => {
            broken(format!(
                "The platform does not take this form of our request ({kind}); its habits are other \
                 than the connection's quirks say: {said}."
            ))
        }
        (Call::CreateUser, "invalidValue") => Fault::LearnerProblem {
            why: format!("The platform does not accept this learner: {said}."),
        }
        .into(),
        _ => Verdict::Refused(said),
    }
}

/// Something behind the platform's door failed. A write may have been done before.
fn outage(call: Call, status: u16) -> Verdict {
    match call.aim() {
        Aim::Read => busy(
            format!("The platform failed inside (status {status})."),
            None,
        ),
        Aim::Write => Fault::Unknown {
            why: format!("The platform failed inside (status {status}) after it was asked."),
        }
        .into(),
    }
}

/// A success that says nothing we understand.
pub(super) fn not_scim(call: Call) -> Fault {
    match call.aim() {
        Aim::Read => Fault::ConnectionBroken {
            why: "What answers at base_url is not a SCIM service: it does not speak its JSON."
                .to_owned(),
        },
        Aim::Write => Fault::Unknown {
            why: "The platform was asked, but its answer is not what SCIM answers.".to_owned(),
        },
    }
}

/// For calls to which none of the special meanings has one.
pub(super) fn settled(verdict: Verdict) -> Fault {
    let why = match verdict {
        Verdict::Fault(fault) => return fault,
        Verdict::Absent => "The platform does not know what we asked it for.".to_owned(),
        Verdict::Taken => "The platform says that something is there already.".to_owned(),
        Verdict::Stale => "The platform wants a version that it does not tell.".to_owned(),
        Verdict::Refused(said) => format!("The platform refuses what SCIM allows: {said}."),
    };
    Fault::ConnectionBroken { why }
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
