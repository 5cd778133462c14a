//! Payment gateways: the contract each keeps, and the registry.
//! A gateway proves that a message is authentic, names it, and says in our words what it reports.

use crate::clock::Timestamp;
use crate::fact::Fact;

pub mod bank;
pub mod sepay;
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

    /// What makes two deliveries the same event: the provider's id, or a digest of the body where
    /// the body cannot be read.
    fn event_key(&self, body: &[u8]) -> String;

    /// What it reports. Unknown fields are ignored; unknown kinds of event are an empty list.
    fn read(&self, body: &[u8]) -> Result<Vec<Fact>, NotUnderstood>;
}
