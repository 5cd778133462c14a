//! Is a call from the seller's own worker? `X-Signature` is the hex HMAC-SHA256 of
//! `{X-Timestamp}.{raw body}`. The older form, the secret itself in the body, only where it is switched on.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{Secret, Worker};
use crate::error::{Error, Result};

/// How far a signed time may be from ours, in seconds.
const WINDOW: u64 = 300;

/// Worker calls exist only where a secret does.
pub(super) fn check_switched_on(app: &App) -> Result<()> {
    let secret = app.config.worker.secret.as_ref();
    match secret.filter(|secret| !secret.expose().is_empty()) {
        Some(_) => Ok(()),
        None => Err(Error::refused("worker_calls_off")),
    }
}

/// [`Error::Forbidden`] counts as a failed authentication; the refusal `stale_signature` does not,
/// because only the secret's owner can have signed it.
pub(super) fn check(
    worker: &Worker,
    now: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<()> {
    let Some(secret) = &worker.secret else {
        return Err(Error::refused("worker_calls_off"));
    };
    let header = |name: &str| headers.get(name)?.to_str().ok();
    match (header("x-timestamp"), header("x-signature")) {
        (Some(timestamp), Some(signature)) => {
            check_signed(secret, now, (timestamp, signature), body)
        }
        _ if worker.accept_secret_in_body => check_body(secret, body),
        _ => Err(Error::Forbidden("a worker call without a signature")),
    }
}

fn check_signed(
    secret: &Secret,
    now: Timestamp,
    (timestamp, signature): (&str, &str),
    body: &[u8],
) -> Result<()> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of every length")
        .chain_update(timestamp)
        .chain_update(".")
        .chain_update(body);
    let digest = hex::decode(signature).unwrap_or_default();
    mac.verify_slice(&digest)
        .map_err(|_| Error::Forbidden("a worker's signature is wrong"))?;
    let signed_at: i64 = timestamp
        .parse()
        .map_err(|_| Error::Forbidden("a worker's timestamp is not a number"))?;
    if now.unix_seconds().abs_diff(signed_at) > WINDOW {
        return Err(Error::refused("stale_signature"));
    }
    Ok(())
}

fn check_body(secret: &Secret, body: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Older {
        secret_key: Option<String>,
    }
    let shown = serde_json::from_slice::<Older>(body).ok();
    let shown = shown.and_then(|older| older.secret_key).unwrap_or_default();
    if secret.matches(shown.as_bytes()) {
        Ok(())
    } else {
        Err(Error::Forbidden(
            "a worker's secret_key is wrong or missing",
        ))
    }
}
