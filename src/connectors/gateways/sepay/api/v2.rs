//! API v2: pages, a promised order, HTTP statuses that mean what they say.
//! Source: developer.sepay.vn, "SePay API v2" and "Upgrade from v1".

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::window::Window;
use super::{Listed, verdict};
use crate::connectors::Fault;

pub(super) const TRANSACTIONS: &[&str] = &["transactions"];
pub(super) const ACCOUNTS: &[&str] = &["bank-accounts"];

/// Items of a page, the API's greatest number.
pub(super) const FITS: usize = 100;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    total: Option<usize>,
    has_more: Option<bool>,
}

/// Both ends count.
pub(super) fn query(window: &Window, unheard: bool) -> Vec<(&'static str, String)> {
    let (from, to) = window.local();
    let mut query = vec![
        ("transaction_date_from", from),
        ("transaction_date_to", to),
        ("transaction_date_sort", "asc".to_owned()),
        ("page", (window.depth + 1).to_string()),
        ("per_page", FITS.to_string()),
    ];
    if unheard {
        query.push(("webhook_success", "0".to_owned()));
        // A webhook for incoming transfers alone is never called for the others.
        query.push(("transfer_type", "in".to_owned()));
    }
    query
}

pub(super) fn latest(count: usize) -> Vec<(&'static str, String)> {
    vec![
        ("transaction_date_sort", "desc".to_owned()),
        ("per_page", count.to_string()),
    ]
}

/// Whether there is more, the API says twice; without either a full page means more.
pub(super) fn transactions<'a>(body: &'a str, window: &Window) -> Result<Listed<'a>, Fault> {
    let envelope = open(body)?;
    let items = envelope.data;
    let pagination = envelope.meta.and_then(|meta| meta.pagination);
    let (total, has_more) = pagination.map_or((None, None), |p| (p.total, p.has_more));
    let done = window.depth as usize * FITS + items.len();
    let more = has_more
        .or_else(|| total.map(|total| total > done))
        .unwrap_or(items.len() >= FITS);
    Ok(Listed {
        more: more && !items.is_empty(),
        holds: total.unwrap_or(done),
        items,
    })
}

pub(super) fn items(body: &str) -> Result<Vec<&RawValue>, Fault> {
    Ok(open(body)?.data)
}

pub(super) fn accounts(body: &str) -> Result<Vec<Value>, Fault> {
    let parse = |item: &RawValue| serde_json::from_str(item.get()).unwrap_or_default();
    Ok(items(body)?.into_iter().map(parse).collect())
}

fn open(body: &str) -> Result<Envelope<'_>, Fault> {
    serde_json::from_str(body).map_err(|_| verdict::not_sepay())
}
