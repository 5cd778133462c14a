//! What can be seen of the seller's settings at SePay: whether it watches the shop's accounts, and
//! whether its webhooks arrive. How a webhook is set no API for a token tells; that is said, too.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Api, Version, v1, v2};
use crate::config::BankAccount;
use crate::connectors::Fault;
use crate::connectors::gateways::bank;
use crate::connectors::gateways::sepay::wire;
use crate::connectors::gateways::teller::Finding;
use crate::fact::{Direction, TransferFact};

/// So many of the latest transactions are looked at.
const LATEST: usize = 100;

/// Their main accounts receive nothing that SePay sees, so a virtual one is to be expected: BIDV,
/// OCB, MSB, `KienLongBank`. Source: developer.sepay.vn, "Bank accounts".
const VIRTUAL_ONLY: [&str; 4] = ["970418", "970448", "970426", "970452"];

/// Where SePay's messages are to go.
const DOOR: &str = "/api/v1/payment/webhook";

pub(super) async fn run(api: &Api, public_url: &str) -> Result<Vec<Finding>, Fault> {
    let watched = watched(api).await?;
    let latest = latest(api).await?;
    let mut findings = vec![sound(format!(
        "the API token is accepted; SePay watches {} account(s)",
        watched.len()
    ))];
    for ours in &api.accounts {
        findings.push(account(ours, &watched, &latest));
    }
    findings.extend(foreign(api, &watched));
    findings.push(webhooks(api, &latest, public_url));
    findings.push(sound(format!(
        "not visible from here, please look: the webhook goes to {public_url}{DOOR} with its proof \
         (HMAC or API key), \"retry automatically\" is on, \"skip if there is no payment code\" is off"
    )));
    Ok(findings)
}

/// An account in SePay's list.
struct Watched {
    number: String,
    is_active: bool,
}

/// One of the latest transactions, and whether a webhook for it succeeded, where that is said.
struct Seen {
    fact: TransferFact,
    heard: Option<bool>,
}

async fn watched(api: &Api) -> Result<Vec<Watched>, Fault> {
    let list = match api.version {
        Version::V1 => v1::accounts(&api.get(v1::ACCOUNTS, &[]).await?, &api.token)?,
        Version::V2 => {
            let query = [("per_page", v2::FITS.to_string())];
            v2::accounts(&api.get(v2::ACCOUNTS, &query).await?)?
        }
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let read = |account: Value| {
        Some(Watched {
            number: text(account.get("account_number")?),
            is_active: !matches!(
                account.get("active").map(text).as_deref(),
                Some("0" | "false")
            ),
        })
    };
    Ok(list.into_iter().filter_map(read).collect())
}

async fn latest(api: &Api) -> Result<Vec<Seen>, Fault> {
    let answer = match api.version {
        Version::V1 => api.get(v1::TRANSACTIONS, &v1::latest(LATEST)).await?,
        Version::V2 => api.get(v2::TRANSACTIONS, &v2::latest(LATEST)).await?,
    };
    let items = match api.version {
        Version::V1 => v1::items(&answer, &api.token)?,
        Version::V2 => v2::items(&answer)?,
    };
    let mut seen: Vec<Seen> = items.into_iter().filter_map(read).collect();
    seen.sort_by_key(|seen| std::cmp::Reverse(seen.fact.booked_at));
    Ok(seen)
}

fn read(item: &RawValue) -> Option<Seen> {
    #[derive(Deserialize)]
    struct Delivery {
        webhook_success: Option<i64>,
    }
    let delivery: Option<Delivery> = serde_json::from_str(item.get()).ok();
    Some(Seen {
        fact: wire::read(item.get().as_bytes()).ok()?,
        heard: delivery
            .and_then(|d| d.webhook_success)
            .map(|count| count > 0),
    })
}

fn account(ours: &BankAccount, watched: &[Watched], latest: &[Seen]) -> Finding {
    let number = &ours.number;
    let is_used = latest
        .iter()
        .any(|seen| seen.fact.account == *number || seen.fact.sub_account.as_ref() == Some(number));
    match watched.iter().find(|watched| watched.number == *number) {
        Some(watched) if watched.is_active => sound(format!("account {number}: SePay watches it")),
        Some(_) => unsound(format!(
            "account {number}: SePay knows it and does not watch it; switch it on there"
        )),
        None if is_used => sound(format!("account {number}: SePay reports transfers to it")),
        None if is_virtual(ours) => sound(format!(
            "account {number}: not among SePay's bank accounts; a virtual one shows with its first transfer"
        )),
        None => unsound(format!(
            "account {number}: SePay does not know it, so its transfers are never reported; link \
             it in SePay, or correct payments.accounts (a new virtual account shows with its first transfer)"
        )),
    }
}

fn is_virtual(account: &BankAccount) -> bool {
    bank::find(&account.bank).is_some_and(|bank| VIRTUAL_ONLY.contains(&bank.bin.as_str()))
}

/// What comes in there will wait in the inbox. A virtual account of the shop may belong to one of them.
fn foreign(api: &Api, watched: &[Watched]) -> Option<Finding> {
    let ours: BTreeSet<&str> = api.accounts.iter().map(|a| a.number.as_str()).collect();
    let others: Vec<&str> = watched
        .iter()
        .filter(|watched| watched.is_active && !ours.contains(watched.number.as_str()))
        .map(|watched| watched.number.as_str())
        .collect();
    let names_some = !ours.is_empty() && !others.is_empty();
    names_some.then(|| {
        sound(format!(
            "SePay also shows {}, which payments.accounts does not name: money that comes in there \
             waits in the inbox as \"wrong account\"",
            others.join(", ")
        ))
    })
}

/// The newest counts: an outage that is over stays in the list, and is no fault any more.
fn webhooks(api: &Api, latest: &[Seen], public_url: &str) -> Finding {
    let heard: Vec<bool> = latest
        .iter()
        .filter(|seen| seen.fact.direction == Direction::In && api.is_ours(&seen.fact))
        .filter_map(|seen| seen.heard)
        .collect();
    let missed = heard.iter().filter(|heard| !**heard).count();
    match (heard.first(), missed) {
        (None, _) if api.version == Version::V1 => {
            sound("SePay's API v1 does not tell whether webhooks arrive; v2 does".to_owned())
        }
        (None, _) => sound("no transfer yet that a webhook could have told of".to_owned()),
        (Some(true), 0) => sound(format!(
            "webhooks: one succeeded for each of the last {} transfer(s)",
            heard.len()
        )),
        (Some(true), missed) => sound(format!(
            "webhooks: one succeeded for the newest transfer, none for {missed} of the last {}, \
             which are found by polling",
            heard.len()
        )),
        (Some(false), missed) => unsound(format!(
            "webhooks: none succeeded for the newest transfer, nor for {missed} of the last {} in \
             all; see SePay's log of the webhook that goes to {public_url}{DOOR}",
            heard.len()
        )),
    }
}

fn sound(what: String) -> Finding {
    Finding { sound: true, what }
}

fn unsound(what: String) -> Finding {
    Finding { sound: false, what }
}
