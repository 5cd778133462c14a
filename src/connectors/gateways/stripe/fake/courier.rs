//! Webhooks: signed at the moment of sending, each repetition anew.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;

use super::Site;
use super::store::id_of;
use crate::config::Secret;
use crate::connectors;
use crate::connectors::gateways::stripe::sign;

/// How often an event is sent by itself before it is given up, and how long between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);
/// A payer's browser is held so long at most while the seller's server hears of the payment.
const HELD: Duration = Duration::from_secs(3);

/// A webhook as it would be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `Stripe-Signature`.
    pub signature: String,
    /// The event.
    pub body: String,
}

pub(super) fn signed(site: &Site, event: &str) -> anyhow::Result<Delivery> {
    let found = site.with_store(|store| {
        let found = store.get(event).filter(|o| o["object"] == "event");
        found.map(|event| (event.to_string(), store.now))
    });
    let (body, now) = found.with_context(|| format!("the fake has no event {event}"))?;
    let secret = Secret::new(&site.options.webhook_secret);
    let signature = sign(&secret, now.unix_seconds(), body.as_bytes());
    Ok(Delivery { signature, body })
}

pub(super) async fn deliver(site: &Site, to: &str, events: &[&str]) -> anyhow::Result<Vec<u16>> {
    let client = connectors::http()?;
    let mut answers = Vec::with_capacity(events.len());
    for event in events {
        let Delivery { signature, body } = signed(site, event)?;
        let request = client
            .post(to)
            .header("content-type", "application/json")
            .header("stripe-signature", signature)
            .body(body);
        answers.push(request.send().await?.status().as_u16());
    }
    Ok(answers)
}

/// Send what happened since the last time, if the fake was told where to.
pub(super) fn send_news(site: &Arc<Site>) {
    // Detached: it ends by itself after its attempts.
    drop(send_after(site, Duration::ZERO));
}

/// The same, but so late that the payer is back in the shop long before.
pub(super) fn send_news_late(site: &Arc<Site>, pause: Duration) {
    drop(send_after(site, pause));
}

/// The same, waiting until it is there, or for a moment.
pub(super) async fn bring_news(site: &Arc<Site>) {
    if let Some(sending) = send_after(site, Duration::ZERO) {
        // Late or broken, it goes on or was logged: the payer goes back either way.
        drop(tokio::time::timeout(HELD, sending).await);
    }
}

fn send_after(site: &Arc<Site>, pause: Duration) -> Option<JoinHandle<()>> {
    let to = site.options.deliver_to.clone()?;
    let news: Vec<String> = site.with_store(|store| {
        let news: Vec<String> = store.of("event").skip(store.told).map(id_of).collect();
        store.told += news.len();
        news
    });
    if news.is_empty() {
        return None;
    }
    let site = Arc::clone(site);
    Some(tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        for event in news {
            send(&site, &to, &event).await;
        }
    }))
}

async fn send(site: &Site, to: &str, event: &str) {
    for _ in 0..ATTEMPTS {
        match deliver(site, to, &[event]).await {
            Ok(answers) if answers.iter().all(|status| (200..300).contains(status)) => return,
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    tracing::warn!("the fake card gateway could not deliver {event}");
}
