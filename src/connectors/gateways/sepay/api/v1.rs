//! API v1: no pages, no promised order, a limit only. It answers 200 to nearly everything; what went
//! wrong stands in the body. Source: developer.sepay.vn, "SePay API v1", and docs.sepay.vn.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::window::Window;
use super::{Listed, verdict};
use crate::config::Secret;
use crate::connectors::Fault;

pub(super) const TRANSACTIONS: &[&str] = &["transactions", "list"];
pub(super) const ACCOUNTS: &[&str] = &["bankaccounts", "list"];

/// Items of a page: so many are settled in one transaction.
pub(super) const FITS: usize = 500;
/// The API's own greatest limit, for a single second that holds more.
pub(super) const MOST: usize = 5000;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    status: Value,
    #[serde(default)]
    error: Value,
    #[serde(borrow, default)]
    transactions: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    bankaccounts: Option<Vec<Value>>,
}

/// Both ends count: `>=` and `<=`.
pub(super) fn query(window: &Window) -> Vec<(&'static str, String)> {
    let (from, to) = window.local();
    vec![
        ("transaction_date_min", from),
        ("transaction_date_max", to),
        ("limit", limit(window).to_string()),
    ]
}

pub(super) fn latest(count: usize) -> Vec<(&'static str, String)> {
    vec![("limit", count.to_string())]
}

pub(super) fn transactions<'a>(
    body: &'a str,
    window: &Window,
    token: &Secret,
) -> Result<Listed<'a>, Fault> {
    let items = items(body, token)?;
    let more = items.len() >= limit(window);
    // How much more is not said: as much again.
    let holds = items.len() * if more { 2 } else { 1 };
    Ok(Listed { items, more, holds })
}

pub(super) fn items<'a>(body: &'a str, token: &Secret) -> Result<Vec<&'a RawValue>, Fault> {
    let envelope = open(body, token)?;
    envelope.transactions.ok_or_else(verdict::not_sepay)
}

pub(super) fn accounts(body: &str, token: &Secret) -> Result<Vec<Value>, Fault> {
    let envelope = open(body, token)?;
    envelope.bankaccounts.ok_or_else(verdict::not_sepay)
}

fn limit(window: &Window) -> usize {
    if window.depth == 0 { FITS } else { MOST }
}

/// Nothing at all is v1's way to refuse a token; other refusals name a status, also beside an
/// empty list, which is then no list.
fn open<'a>(body: &'a str, token: &Secret) -> Result<Envelope<'a>, Fault> {
    if body.trim().is_empty() {
        return Err(verdict::token_refused());
    }
    let envelope: Envelope<'a> = serde_json::from_str(body).map_err(|_| verdict::not_sepay())?;
    match status(&envelope.status) {
        None | Some(200..=299) => Ok(envelope),
        Some(status) => {
            let said = envelope.error.as_str().unwrap_or("no reason given");
            Err(verdict::refused(status, said, None, token.expose()))
        }
    }
}

fn status(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|n| u16::try_from(n).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
