//! Payment gateways: the contract each keeps, and the registry.
//! A gateway proves that a message is authentic, names it, and says in our words what it reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::Payments;
use crate::fact::Fact;

pub mod bank;
pub mod demo;
pub mod payos;
pub mod sepay;
pub mod stripe;
pub mod teller;
pub mod vietqr;

/// A request as it came in: the body untouched, headers by lower-case name.
pub struct Message<'a> {
    /// Looks a header up by its lower-case name.
    pub header: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The raw body.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

/// Proof of authenticity, with what is worth noting about it ("signature 7200 s old").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    /// For the audit.
    pub note: Option<String>,
}

/// The message is not from the gateway; the word is for our log only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAuthentic(pub &'static str);

/// A body that is authentic and cannot be understood; the sentence says what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub String);

/// The contract.
pub trait Gateway: Send + Sync {
    /// Its name in tables and URLs.
    fn name(&self) -> &'static str;

    /// Is this message from the gateway? Fails closed when no secret is configured.
    fn verify(&self, message: &Message<'_>) -> Result<Authentic, NotAuthentic>;

    /// It is configured to tell of whatever comes in on the seller's own accounts: a buyer can pay
    /// without being sent anywhere.
    fn watches_accounts(&self) -> bool {
        false
    }

    /// Bytes of a message at most.
    fn longest_message(&self) -> usize {
        64 * 1024
    }

    /// What makes two deliveries the same event: the provider's id, or a digest of the body where
    /// the body cannot be read.
    fn event_key(&self, body: &[u8]) -> String;

    /// What it reports. Unknown fields are ignored; unknown kinds of event are an empty list.
    fn read(&self, body: &[u8]) -> Result<Vec<Fact>, NotUnderstood>;
}

/// Every gateway, configured; one without secrets is there too and refuses all messages.
#[derive(Clone)]
pub struct Gateways(Vec<Arc<dyn Gateway>>);

impl Gateways {
    /// The registry: one line per gateway.
    #[must_use]
    pub fn new(settings: &Payments) -> Self {
        Self(vec![
            Arc::new(sepay::SePay::new(&settings.sepay)),
            Arc::new(payos::PayOs::new(&settings.payos)),
            Arc::new(stripe::Stripe::new(&settings.stripe)),
        ])
    }

    /// The gateway of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&dyn Gateway> {
        self.iter().find(|gateway| gateway.name() == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Gateway> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// The tellers of every gateway whose API is configured, by the gateway's name.
pub type Tellers = BTreeMap<&'static str, Arc<dyn teller::Teller>>;

/// The registry's other half: one entry per gateway that has an API.
pub fn tellers(settings: &Payments) -> anyhow::Result<Tellers> {
    let known: [(&'static str, Option<Arc<dyn teller::Teller>>); 3] = [
        (sepay::NAME, sepay::teller(settings)?),
        (stripe::NAME, stripe::teller(&settings.stripe)?),
        (payos::NAME, payos::teller(&settings.payos)?),
    ];
    let configured = known
        .into_iter()
        .filter_map(|(name, teller)| Some((name, teller?)));
    Ok(configured.collect())
}
