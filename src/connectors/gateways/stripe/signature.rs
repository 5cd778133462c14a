//! `Stripe-Signature`: `t=<unix seconds>,v1=<hex>[,v1=<hex>…]`, where a `v1` is the hex HMAC-SHA256 of
//! `{t}.{raw body}` under the whole secret text, `whsec_` included. Other schemes are passed over.
//! Checked against vectors, and in an opt-in test against the vendor's own library (tests/peers/).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::config::Secret;
use crate::connectors::gateways::{Authentic, NotAuthentic};

/// Seconds that a signature may be old. Each repetition is signed anew, so what is refused for its
/// age comes again with a fresh one.
const TOLERANCE: i64 = 300;

/// Is this body signed with one of these secrets, and not too long ago? A time ahead of ours is
/// accepted and noted, as the vendor's own libraries do: it proves no replay.
pub(super) fn verify(
    header: &str,
    body: &[u8],
    secrets: &[Secret],
    received_at: Timestamp,
) -> Result<Authentic, NotAuthentic> {
    let signed = Signed::parse(header)?;
    let right = secrets.iter().any(|secret| signed.is_by(secret, body));
    if !right {
        return Err(NotAuthentic("the signature is wrong"));
    }
    let age = received_at.unix_seconds().saturating_sub(signed.at);
    if age > TOLERANCE {
        return Err(NotAuthentic("the signature is too old"));
    }
    let note = (age < -TOLERANCE)
        .then(|| format!("signature {} s ahead of our clock", age.saturating_neg()));
    Ok(Authentic { note })
}

/// The header that Stripe would send with this body: for the fake and for tests.
#[must_use]
pub fn sign(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    let mac = mac(secret, &timestamp.to_string(), body);
    let v1 = hex::encode(mac.finalize().into_bytes());
    format!("t={timestamp},v1={v1}")
}

/// What a header says.
struct Signed<'a> {
    at: i64,
    /// As it was signed: digit by digit.
    at_text: &'a str,
    digests: Vec<Vec<u8>>,
}

impl<'a> Signed<'a> {
    fn parse(header: &'a str) -> Result<Self, NotAuthentic> {
        let mut at_text = None;
        let mut digests = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", seconds)) => at_text = Some(seconds),
                Some(("v1", digest)) => digests.extend(hex::decode(digest).ok()),
                _ => {}
            }
        }
        let at_text = at_text.ok_or(NotAuthentic("the signature has no time"))?;
        let at = at_text
            .parse()
            .map_err(|_| NotAuthentic("the signed time is not a number"))?;
        if digests.is_empty() {
            return Err(NotAuthentic("there is no signature of the scheme v1"));
        }
        Ok(Self {
            at,
            at_text,
            digests,
        })
    }

    fn is_by(&self, secret: &Secret, body: &[u8]) -> bool {
        let mac = mac(secret, self.at_text, body);
        self.digests
            .iter()
            .any(|digest| mac.clone().verify_slice(digest).is_ok())
    }
}

fn mac(secret: &Secret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let key = secret.expose().as_bytes();
    Hmac::<Sha256>::new_from_slice(key)
        .expect("HMAC takes keys of every length")
        .chain_update(timestamp)
        .chain_update(".")
        .chain_update(body)
}
