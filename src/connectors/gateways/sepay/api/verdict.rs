//! What an answer of SePay's API means for the call. Only reads are made, so a lost answer may simply
//! be asked for again.

use std::time::Duration;

use serde_json::Value;

use crate::connectors::Fault;
use crate::connectors::http::{Answer, Lost};
use crate::connectors::quote::quote;

/// The body of a success, or what else it was; the token never appears in a sentence.
pub(super) fn judge(exchanged: Result<Answer, Lost>, token: &str) -> Result<String, Fault> {
    let answer = exchanged.map_err(lost)?;
    match answer.status {
        // One item with broken characters must not cost the page.
        200..=299 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        300..=399 => Err(broken(format!(
            "SePay's API redirects to {}: put the final address into payments.sepay.api_url.",
            answer.redirects_to()
        ))),
        status => Err(refused(status, &said(&answer), answer.retry_after, token)),
    }
}

/// Also for v1, which puts such a status into the body of a 200.
pub(super) fn refused(status: u16, said: &str, after: Option<Duration>, token: &str) -> Fault {
    let said = quote(said, &[token]);
    match status {
        401 => token_refused(),
        403 => broken(format!(
            "SePay refuses the API token payments.sepay.api_token, or this server's address ({said})."
        )),
        404 => broken(
            "SePay's API is not at payments.sepay.api_url, or not the one of \
             payments.sepay.api_version.",
        ),
        429 => Fault::Transient {
            why: "SePay asks us to slow down.".to_owned(),
            after,
        },
        408 | 500..=599 => Fault::Transient {
            why: format!("SePay's API failed inside (status {status})."),
            after,
        },
        _ => broken(format!(
            "SePay's API refuses the call (status {status}): {said}."
        )),
    }
}

pub(super) fn token_refused() -> Fault {
    broken(
        "SePay does not accept the API token: set payments.sepay.api_token to one that is active \
         in SePay (Company settings, API Access).",
    )
}

/// A success that says nothing we understand.
pub(super) fn not_sepay() -> Fault {
    broken(
        "What answers at payments.sepay.api_url is not SePay's API of payments.sepay.api_version: \
         it does not speak its JSON.",
    )
}

fn lost(lost: Lost) -> Fault {
    match lost {
        Lost::Unreached(why) => Fault::Transient {
            why: format!("SePay's API could not be reached: {why}."),
            after: None,
        },
        Lost::Unanswered(why) => Fault::Transient {
            why: format!("SePay's API gave no whole answer: {why}."),
            after: None,
        },
        Lost::Unproven(why) => broken(format!(
            "No secure connection to SePay's API could be made: {why}."
        )),
        Lost::Oversized(limit) => broken(format!(
            "The answer is longer than {limit} bytes: this does not look like SePay's API."
        )),
    }
}

/// v2 says `message` and `error_code`, v1 `error`.
fn said(answer: &Answer) -> String {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let word = |name: &str| {
        let found = json.as_ref()?.get(name)?;
        found.as_str().map(str::to_owned)
    };
    ["message", "error", "error_code"]
        .into_iter()
        .find_map(word)
        .unwrap_or_else(|| "no reason given".to_owned())
}

fn broken(why: impl Into<String>) -> Fault {
    Fault::ConnectionBroken { why: why.into() }
}
