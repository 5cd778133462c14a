//! What an answer of Canvas means. 401 is both a token that is not accepted and one that may not do
//! this; 403 is both a missing right and, on many sites, throttling.

use std::time::Duration;

use serde_json::Value;

use super::wire::ErrorBody;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};

/// Anything but success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What we named is not there.
    Absent,
    /// A rule of the platform said no, in these words.
    Refused(String),
    /// A right is missing; the sentence quotes what Canvas says, which is seldom much.
    Forbidden(String),
    /// Final.
    Fault(Fault),
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Verdict {
    /// For calls to which absence and refusal mean nothing special.
    pub fn settled(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Forbidden(why) => Fault::ConnectionBroken { why },
            Self::Absent => Fault::ConnectionBroken {
                why: "The LMS does not know what we asked it for: look at account_id and base_url."
                    .to_owned(),
            },
            Self::Refused(said) => Fault::ConnectionBroken {
                why: format!("The LMS refuses what it usually allows: {said}."),
            },
        }
    }
}

/// The table. The answer and its JSON, or what else it was; `hide` never appears in a sentence.
pub(super) fn judge(
    aim: Aim,
    exchanged: Result<Answer, Lost>,
    hide: &[&str],
) -> Result<(Answer, Value), Verdict> {
    let answer = exchanged.map_err(|lost| lost.fault(aim))?;
    let json = answer.json();
    if let (200..=299, Some(value)) = (answer.status, &json) {
        let value = value.clone();
        return Ok((answer, value));
    }
    let error = ErrorBody::read(json.as_ref());
    let said = error.words(hide);
    let status = answer.status;
    Err(match status {
        200..=299 => not_json(aim).into(),
        300..=399 => broken(format!(
            "The LMS redirects to {}: put the final address into base_url.",
            answer.redirects_to()
        )),
        401 if error.says_not_permitted() => forbidden(&said),
        401 => broken("The LMS does not accept our token: unknown, expired or withdrawn."),
        429 => busy("The LMS asks us to slow down.", answer.retry_after),
        403 if is_throttled(&answer) => busy("The LMS asks us to slow down.", answer.retry_after),
        403 => forbidden(&said),
        404 if error.is_canvas() => Verdict::Absent,
        404 | 405 | 410 => broken(format!(
            "There is no API of Canvas at base_url (status {status})."
        )),
        400 | 409 | 422 => Verdict::Refused(said),
        503 => busy("The LMS is under maintenance.", answer.retry_after),
        408 | 500..=599 => outage(aim, status),
        _ => broken(format!(
            "The LMS answers with status {status}, which Canvas does not give: {said}."
        )),
    })
}

/// As text or inside JSON, depending on the version.
fn is_throttled(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body)
        .to_lowercase()
        .contains("rate limit exceeded")
}

/// Something inside or before the LMS failed. A write may have been done before.
fn outage(aim: Aim, status: u16) -> Verdict {
    match aim {
        Aim::Read => busy(format!("The LMS failed inside (status {status})."), None),
        Aim::Write => Fault::Unknown {
            why: format!("The LMS failed inside (status {status}) after it was asked."),
        }
        .into(),
    }
}

/// A success that says nothing we understand.
pub(super) fn not_json(aim: Aim) -> Fault {
    match aim {
        Aim::Read => Fault::ConnectionBroken {
            why: "What answers at base_url is not Canvas: it does not speak its JSON.".to_owned(),
        },
        Aim::Write => Fault::Unknown {
            why: "The LMS was asked, but its answer is not what Canvas answers.".to_owned(),
        },
    }
}

fn forbidden(said: &str) -> Verdict {
    Verdict::Forbidden(format!(
        "The token's user lacks a right in the LMS, or the token a scope: {said}."
    ))
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
