//! Stripe Checkout: cards, on a page of Stripe's. This half takes in its events; `api` asks and tells
//! it things; what an object says is in `wire`. Events come late, twice and in any order, and two
//! Event objects may tell of one change: they lead to the same facts.
//! Facts come only from sessions that carry an order's id of ours: other programs may sell through
//! the same account. Refunds and disputes name a payment; the books know whether it was ours.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::teller::Teller;
use super::{Authentic, Gateway, Message, NotAuthentic, NotUnderstood};
use crate::config::{self, Secret};
use crate::connectors::http::Limits;
use crate::fact::Fact;

mod api;
mod checkout;
pub mod fake;
mod inspect;
mod signature;
mod verdict;
mod wire;

pub use signature::sign;

/// Its name in tables and URLs.
pub const NAME: &str = "stripe";
/// Where its events are received, below the shop's public address.
pub const WEBHOOK_PATH: &str = "/api/v1/payment/stripe/webhook";
/// The version of the API that we speak: what its own library of the day is pinned to.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Events without which money would move and we would not hear of it.
pub const NEEDED_EVENTS: [&str; 13] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// Whether money moves under a key, which its text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purse {
    /// `sk_live_…`, `rk_live_…`, or no key at all: only what is live is money.
    Live,
    /// `sk_test_…`, `rk_test_…`: pretended money is what this shop is for.
    Test,
}

impl Purse {
    fn of(key: Option<&Secret>) -> Self {
        let is_test = key.is_some_and(|key| {
            let key = key.expose().trim();
            key.starts_with("sk_test_") || key.starts_with("rk_test_")
        });
        if is_test { Self::Test } else { Self::Live }
    }
}

/// The gateway, with the secrets that the seller gave it.
pub struct Stripe {
    webhook_secrets: Vec<Secret>,
    purse: Purse,
}

impl Stripe {
    /// From the settings. An empty secret is none.
    #[must_use]
    pub fn new(settings: &config::Stripe) -> Self {
        let given = [&settings.webhook_secret, &settings.previous_webhook_secret];
        Self {
            webhook_secrets: given
                .into_iter()
                .flatten()
                .filter(|secret| !secret.expose().is_empty())
                .cloned()
                .collect(),
            purse: Purse::of(settings.secret_key.as_ref()),
        }
    }
}

impl Gateway for Stripe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verify(&self, message: &Message<'_>) -> Result<Authentic, NotAuthentic> {
        if self.webhook_secrets.is_empty() {
            return Err(NotAuthentic("no Stripe webhook secret is configured"));
        }
        let header = (message.header)("stripe-signature")
            .ok_or(NotAuthentic("there is no Stripe-Signature"))?;
        signature::verify(
            &header,
            message.body,
            &self.webhook_secrets,
            message.received_at,
        )
    }

    /// An event of a dispute carries the seller's evidence, of up to 150,000 characters.
    fn longest_message(&self) -> usize {
        512 * 1024
    }

    fn event_key(&self, body: &[u8]) -> String {
        wire::key(body).unwrap_or_else(|_| format!("sha256:{}", hex::encode(Sha256::digest(body))))
    }

    fn read(&self, body: &[u8]) -> Result<Vec<Fact>, NotUnderstood> {
        wire::read(body, self.purse)
    }
}

/// Its API, where the settings have a key for it. Sends nothing.
pub fn teller(settings: &config::Stripe) -> anyhow::Result<Option<Arc<dyn Teller>>> {
    teller_within(settings, api::LIMITS)
}

/// [`teller`] with other limits, for tests.
pub fn teller_within(
    settings: &config::Stripe,
    limits: Limits,
) -> anyhow::Result<Option<Arc<dyn Teller>>> {
    let given = settings.secret_key.as_ref();
    let Some(key) = given.filter(|key| !key.expose().trim().is_empty()) else {
        return Ok(None);
    };
    let api = api::Api::new(key, settings, limits)?;
    Ok(Some(Arc::new(api)))
}
