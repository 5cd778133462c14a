//! What an answer of Stripe's API means. Errors: docs.stripe.com/api/errors. A key for repetitions
//! keeps the first answer for a day, a failure inside Stripe included, so what stays unknown is asked
//! for by a read.

use serde_json::Value;

use crate::config::Secret;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};
use crate::connectors::quote::quote;

/// Anything but success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Stripe understood, and said no.
    Refused(Refusal),
    /// Final.
    Fault(Fault),
}

/// A no of Stripe's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// 400, 402, 403 or 404.
    pub status: u16,
    /// Stripe's sentence, fit to show.
    pub said: String,
}

impl From<Verdict> for Fault {
    /// For calls to which no refusal means anything special.
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fault(fault) => fault,
            Verdict::Refused(Refusal { status: 403, said }) => Self::ConnectionBroken {
                why: format!("Our Stripe key lacks a permission: {said}"),
            },
            Verdict::Refused(Refusal { said, .. }) => Self::MappingBroken {
                why: format!("Stripe refuses: {said}"),
            },
        }
    }
}

/// The table.
pub(super) fn judge(
    aim: Aim,
    exchanged: Result<Answer, Lost>,
    key: &Secret,
) -> Result<Answer, Verdict> {
    let answer = exchanged.map_err(|lost| Verdict::Fault(unheard(lost, aim)))?;
    let json = answer.json().filter(Value::is_object);
    let status = answer.status;
    let error = json.as_ref().map(|json| &json["error"]);
    let said = said(error, key);
    let kind = error.map_or("", |error| error["type"].as_str().unwrap_or_default());
    Err(Verdict::Fault(match status {
        200..=299 if json.is_some() => return Ok(answer),
        300..=399 => Fault::ConnectionBroken {
            why: format!(
                "What answers at payments.stripe.api_url redirects to {}.",
                answer.redirects_to()
            ),
        },
        // Its sentence repeats a part of the key.
        401 => Fault::ConnectionBroken {
            why: "Stripe does not accept payments.stripe.secret_key.".to_owned(),
        },
        409 => Fault::Transient {
            why: "Stripe is still busy with the same request.".to_owned(),
            after: answer.retry_after,
        },
        429 => Fault::Transient {
            why: "Stripe asks us to slow down.".to_owned(),
            after: answer.retry_after,
        },
        400..=499 if kind == "idempotency_error" => Fault::MappingBroken {
            why: format!("Stripe was asked for something else under the same key before: {said}"),
        },
        400 | 402 | 403 | 404 if !kind.is_empty() => {
            return Err(Verdict::Refused(Refusal { status, said }));
        }
        424 | 500..=599 => outage(aim, &answer),
        _ => foreign(aim),
    }))
}

/// Stripe's own sentence without anything that looks like a key: it repeats keys in part.
fn said(error: Option<&Value>, key: &Secret) -> String {
    let message = error.and_then(|error| error["message"].as_str());
    let words = message.unwrap_or("no reason given").split_whitespace();
    let words: Vec<&str> = words
        .map(|word| if is_key(word) { "***" } else { word })
        .collect();
    quote(&words.join(" "), &[key.expose()])
}

fn is_key(word: &str) -> bool {
    ["sk_", "rk_", "pk_", "whsec_"]
        .iter()
        .any(|beginning| word.contains(beginning))
}

fn unheard(lost: Lost, aim: Aim) -> Fault {
    match (lost, aim) {
        (Lost::Unreached(why), _) => Fault::Transient {
            why: format!("Stripe could not be reached: {why}."),
            after: None,
        },
        (Lost::Unproven(why), _) => Fault::ConnectionBroken {
            why: format!("No secure connection to Stripe could be made: {why}."),
        },
        (Lost::Unanswered(why), Aim::Read) => Fault::Transient {
            why: format!("Stripe gave no whole answer: {why}."),
            after: None,
        },
        (Lost::Unanswered(why), Aim::Write) => Fault::Unknown {
            why: format!("Stripe was asked, but gave no whole answer: {why}."),
        },
        (Lost::Oversized(limit), Aim::Read) => Fault::ConnectionBroken {
            why: format!(
                "The answer is longer than {limit} bytes: this does not look like Stripe."
            ),
        },
        (Lost::Oversized(limit), Aim::Write) => Fault::Unknown {
            why: format!("Stripe was asked, but its answer is longer than {limit} bytes."),
        },
    }
}

/// An answer that Stripe does not give.
fn foreign(aim: Aim) -> Fault {
    match aim {
        Aim::Read => Fault::ConnectionBroken {
            why: "What answers at payments.stripe.api_url does not speak as Stripe does."
                .to_owned(),
        },
        Aim::Write => Fault::Unknown {
            why: "Stripe was asked, but its answer is not what Stripe answers.".to_owned(),
        },
    }
}

/// A write may have been done before the failure.
fn outage(aim: Aim, answer: &Answer) -> Fault {
    let status = answer.status;
    match aim {
        Aim::Read => Fault::Transient {
            why: format!("Stripe failed inside (status {status})."),
            after: answer.retry_after,
        },
        Aim::Write => Fault::Unknown {
            why: format!("Stripe failed inside (status {status}) after it was asked."),
        },
    }
}
