//! payOS: bank transfers through payment links. Each link has a page and, at most banks, a virtual
//! account of its own; the money goes to the seller's own account at once. A webhook tells of each
//! transfer. What bodies say is in `wire`, the calls we make in `api`, both directions' proofs in `signature`.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::teller::Teller;
use super::{Authentic, Gateway, Message, NotAuthentic, NotUnderstood};
use crate::config::{self, Secret};
use crate::connectors::http::Limits;
use crate::fact::Fact;

mod answer;
mod api;
mod signature;
mod wire;

pub use signature::sign;

/// Its name in tables and URLs.
pub const NAME: &str = "payos";

/// The gateway, with the key that the seller gave it.
pub struct PayOs {
    checksum_key: Option<Secret>,
}

impl PayOs {
    /// From the settings. An empty key is none.
    #[must_use]
    pub fn new(settings: &config::Payos) -> Self {
        Self {
            checksum_key: given(settings.checksum_key.as_ref()),
        }
    }
}

impl Gateway for PayOs {
    fn name(&self) -> &'static str {
        NAME
    }

    /// The signature stands in the body, beside the `data` it is over. There is no time in it: a
    /// replay is authentic, and deduplicated.
    fn verify(&self, message: &Message<'_>) -> Result<Authentic, NotAuthentic> {
        let key = self.checksum_key.as_ref();
        let key = key.ok_or(NotAuthentic("no payOS checksum key is configured"))?;
        let envelope = wire::Envelope::read(message.body)
            .map_err(|_| NotAuthentic("the body is not payOS's"))?;
        let (Some(data), Some(signature)) = (&envelope.data, &envelope.signature) else {
            return Err(NotAuthentic("the body carries no signed data"));
        };
        if signature::is_right(key, data, signature) {
            Ok(Authentic { note: None })
        } else {
            Err(NotAuthentic("the signature is wrong"))
        }
    }

    fn event_key(&self, body: &[u8]) -> String {
        wire::event_key(body)
            .unwrap_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(body))))
    }

    fn read(&self, body: &[u8]) -> Result<Vec<Fact>, NotUnderstood> {
        wire::read(body)
    }
}

/// Its API; `None` where the settings do not name the client.
pub fn teller(settings: &config::Payos) -> anyhow::Result<Option<Arc<dyn Teller>>> {
    let api = api::Api::new(settings, Limits::default())?;
    Ok(api.map(|api| Arc::new(api) as Arc<dyn Teller>))
}

fn given(secret: Option<&Secret>) -> Option<Secret> {
    secret
        .filter(|secret| !secret.expose().trim().is_empty())
        .cloned()
}
