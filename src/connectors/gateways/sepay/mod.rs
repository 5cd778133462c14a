//! SePay tells of transfers on the seller's own bank accounts by a webhook (its product "bank
//! transfer webhooks"; not its payment gateway, not its bank hub), and lists them through an API:
//! `api`. What a body of either says is in `wire`. Two deliveries of one event, also replays days
//! later, have the same id; a replay is harmless.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::teller::Teller;
use super::{Authentic, Gateway, Message, NotAuthentic, NotUnderstood};
use crate::clock::Timestamp;
use crate::config::{self, Secret};
use crate::fact::Fact;
use crate::money::Money;

pub mod api;
mod wire;

/// Its name in tables and URLs.
pub const NAME: &str = "sepay";

/// The gateway, with the secrets that the seller gave it.
pub struct SePay {
    api_key: Option<Secret>,
    hmac_secret: Option<Secret>,
    window_seconds: i64,
}

impl SePay {
    /// From the settings. An empty secret is none.
    #[must_use]
    pub fn new(settings: &config::Sepay) -> Self {
        let given = |secret: &Option<Secret>| secret.clone().filter(|s| !s.expose().is_empty());
        Self {
            api_key: given(&settings.api_key),
            hmac_secret: given(&settings.hmac_secret),
            window_seconds: settings.window_seconds,
        }
    }
}

/// Its API, where a token is configured.
pub fn teller(settings: &config::Payments) -> anyhow::Result<Option<Arc<dyn Teller>>> {
    let api = api::Api::from_settings(settings)?;
    Ok(api.map(|api| Arc::new(api) as Arc<dyn Teller>))
}

impl Gateway for SePay {
    fn name(&self) -> &'static str {
        NAME
    }

    fn watches_accounts(&self) -> bool {
        self.api_key.is_some() || self.hmac_secret.is_some()
    }

    /// A right signature or a right API key is enough, each only where it is configured: a
    /// seller who moves from one to the other loses nothing meanwhile.
    fn verify(&self, message: &Message<'_>) -> Result<Authentic, NotAuthentic> {
        if self.api_key.is_none() && self.hmac_secret.is_none() {
            return Err(NotAuthentic("no SePay secret is configured"));
        }
        let presented = [self.by_signature(message), self.by_api_key(message)];
        let verdict = presented.into_iter().flatten().reduce(Result::or);
        verdict.unwrap_or(Err(NotAuthentic("no credential of a configured kind")))
    }

    fn event_key(&self, body: &[u8]) -> String {
        wire::event_key(body)
    }

    fn read(&self, body: &[u8]) -> Result<Vec<Fact>, NotUnderstood> {
        wire::read(body).map(|transfer| vec![Fact::Transfer(transfer)])
    }
}

impl SePay {
    /// `None`: not configured, or the message carries no signature.
    fn by_signature(&self, message: &Message<'_>) -> Option<Result<Authentic, NotAuthentic>> {
        let secret = self.hmac_secret.as_ref()?;
        let signature = (message.header)("x-sepay-signature")?;
        let timestamp = (message.header)("x-sepay-timestamp").unwrap_or_default();
        if !is_signed(secret, &timestamp, message.body, &signature) {
            return Some(Err(NotAuthentic("the signature is wrong")));
        }
        let Ok(signed_at) = timestamp.parse::<i64>() else {
            return Some(Err(NotAuthentic("the signed time is not a number")));
        };
        let note = self.staleness(message.received_at, signed_at);
        Some(Ok(Authentic { note }))
    }

    /// `None`: not configured, or the message carries no API key.
    fn by_api_key(&self, message: &Message<'_>) -> Option<Result<Authentic, NotAuthentic>> {
        let key = self.api_key.as_ref()?;
        let header = (message.header)("authorization")?;
        let (scheme, presented) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Apikey") {
            return None;
        }
        let right = key.matches(presented.trim().as_bytes());
        Some(if right {
            Ok(Authentic { note: None })
        } else {
            Err(NotAuthentic("the API key is wrong"))
        })
    }

    /// It is not documented whether SePay signs a retry or a replay anew, so an old time is no reason to
    /// refuse what the secret's owner signed: that would lose the order, and a replay is deduplicated.
    fn staleness(&self, received_at: Timestamp, signed_at: i64) -> Option<String> {
        let age = received_at.unix_seconds().saturating_sub(signed_at);
        match age {
            late if late > self.window_seconds => Some(format!("signature {late} s old")),
            early if early < self.window_seconds.saturating_neg() => {
                let ahead = early.saturating_neg();
                Some(format!("signature {ahead} s ahead of our clock"))
            }
            _ => None,
        }
    }
}

/// What SePay puts into `X-SePay-Signature`: for the demo and for tests.
#[must_use]
pub fn sign(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    let mac = mac(secret, &timestamp.to_string(), body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn is_signed(secret: &Secret, timestamp: &str, body: &[u8], signature: &str) -> bool {
    let digest = signature
        .strip_prefix("sha256=")
        .and_then(|h| hex::decode(h).ok());
    digest.is_some_and(|digest| mac(secret, timestamp, body).verify_slice(&digest).is_ok())
}

fn mac(secret: &Secret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let key = secret.expose().as_bytes();
    Hmac::<Sha256>::new_from_slice(key)
        .expect("HMAC takes keys of every length")
        .chain_update(timestamp)
        .chain_update(".")
        .chain_update(body)
}

/// The body of a webhook as SePay sends it, for the demo and for tests: `dong` came in on `account`
/// with `memo`, word for word, and SePay found no code in it.
#[must_use]
pub fn sample_webhook(
    id: i64,
    account: &str,
    amount: Money,
    memo: &str,
    booked_at: Timestamp,
) -> serde_json::Value {
    serde_json::json!({
        "id": id,
        "gateway": "Vietcombank",
        "transactionDate": booked_at.local(wire::VIETNAM_MINUTES, wire::DATE_FORMAT),
        "accountNumber": account,
        "code": null,
        "content": memo,
        "transferType": "in",
        "transferAmount": amount.minor,
        "accumulated": 0,
        "subAccount": null,
        "referenceCode": format!("MBVCB.{id}"),
        "description": format!("BankAPINotify {memo}"),
    })
}
