//! What the seller has to set on Stripe's side, looked at: the key, the account, and the endpoint that
//! receives our events. Changes nothing there.

use serde::Deserialize;

use super::api::{Api, list};
use super::verdict::{Refusal, Verdict};
use super::{NEEDED_EVENTS, Purse, WEBHOOK_PATH};
use crate::connectors::Fault;
use crate::connectors::gateways::teller::Finding;

/// Sentences for `bursar doctor`.
pub(super) async fn findings(api: &Api, public_url: &str) -> Result<Vec<Finding>, Fault> {
    let mut findings = vec![account(api).await?];
    findings.extend(endpoint(api, public_url).await?);
    Ok(findings)
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    charges_enabled: bool,
}

async fn account(api: &Api) -> Result<Finding, Fault> {
    let key = match api.purse {
        Purse::Live => "a live key, real money moves",
        Purse::Test => "a test key, no real money moves",
    };
    let answer = match api.get(&["account"], &[]).await {
        Ok(answer) => answer,
        Err(Verdict::Refused(Refusal { status: 403, said })) => {
            return Ok(wrong(format!(
                "The key works ({key}), but it may not read the account: {said}"
            )));
        }
        Err(verdict) => return Err(verdict.into()),
    };
    let account: Account =
        serde_json::from_slice(&answer.body).map_err(|_| Fault::ConnectionBroken {
            why: "Stripe's account is not one that we can read.".to_owned(),
        })?;
    Ok(if account.charges_enabled {
        right(format!(
            "The key works ({key}), and the account may charge cards."
        ))
    } else {
        wrong(format!(
            "The key works ({key}), but the account may not charge cards yet: finish its activation in Stripe."
        ))
    })
}

#[derive(Deserialize)]
struct Endpoint {
    url: String,
    status: String,
    api_version: Option<String>,
    #[serde(default)]
    enabled_events: Vec<String>,
}

async fn endpoint(api: &Api, public_url: &str) -> Result<Vec<Finding>, Fault> {
    let wanted = format!("{}{WEBHOOK_PATH}", public_url.trim_end_matches('/'));
    let answer = match api.get(&["webhook_endpoints"], &[("limit", "100")]).await {
        Ok(answer) => answer,
        Err(Verdict::Refused(Refusal { status: 403, said })) => {
            return Ok(vec![wrong(format!(
                "The key may not read webhook endpoints, so {wanted} cannot be checked: {said}"
            ))]);
        }
        Err(verdict) => return Err(verdict.into()),
    };
    let endpoints: Vec<Endpoint> = list(&answer)?.data;
    let ours = endpoints
        .iter()
        .filter(|endpoint| endpoint.url.trim_end_matches('/') == wanted);
    // One that is switched off beside one that works does no harm.
    let Some(ours) = ours.max_by_key(|endpoint| endpoint.status == "enabled") else {
        return Ok(vec![wrong(format!(
            "Stripe has no webhook endpoint {wanted}: add it as docs/connect-stripe.md says."
        ))]);
    };
    Ok(vec![enabled(ours, &wanted), events(ours), version(ours)])
}

fn enabled(endpoint: &Endpoint, wanted: &str) -> Finding {
    if endpoint.status == "enabled" {
        right(format!("Stripe sends events to {wanted}."))
    } else {
        wrong(format!(
            "Stripe's webhook endpoint {wanted} is switched off: enable it in Stripe."
        ))
    }
}

fn events(endpoint: &Endpoint) -> Finding {
    let has = |kind: &str| {
        endpoint
            .enabled_events
            .iter()
            .any(|e| e == "*" || e == kind)
    };
    let missing: Vec<&str> = NEEDED_EVENTS
        .into_iter()
        .filter(|kind| !has(kind))
        .collect();
    if missing.is_empty() {
        right("The endpoint gets every event that we need.".to_owned())
    } else {
        wrong(format!(
            "The endpoint does not get {}: tick them in Stripe.",
            missing.join(", ")
        ))
    }
}

/// Without one, the account's upgrade would change what we are sent.
fn version(endpoint: &Endpoint) -> Finding {
    match &endpoint.api_version {
        Some(version) => right(format!("The endpoint's events keep to API version {version}.")),
        None => wrong(
            "The endpoint has no API version of its own, so its events change when the account's version does: make it anew with one.".to_owned(),
        ),
    }
}

fn right(what: String) -> Finding {
    Finding { sound: true, what }
}

fn wrong(what: String) -> Finding {
    Finding { sound: false, what }
}
