//! Signed links to the download server. A token names a grant, and for a file link the file; it
//! proves that this shop made it and when it ends. It does not prove the right: that is asked of
//! the database at each click, so that a refund closes old links at once.
//!
//! A token is `<key id>.<fields>.<tag>`: fields are length-prefixed, so none can run into the next;
//! the tag is HMAC-SHA256 over them, and the first field says which kind of link it is.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::id::GrantId;

/// The shortest key that is not guessed.
pub const SHORTEST_KEY: usize = 16;

/// Landing links live from the day of the order; they outlive every course, because the right is
/// asked for at each click.
pub const LANDING_LIFE: Duration = Duration::from_hours(87600);

/// Longer than any token made here: a path is at most 4096 bytes.
const LONGEST_TOKEN: usize = 8192;

/// In place of a file's path: all of the course as one archive. No file has this path.
pub const WHOLE_COURSE: &str = "";

const FILE: &str = "bursar.link.file.v1";
const LANDING: &str = "bursar.link.landing.v1";

/// Makes and reads tokens.
#[derive(Clone)]
pub struct Links {
    current: Key,
    previous: Option<Key>,
}

/// What a file link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The grant by whose right it is read.
    pub grant: GrantId,
    /// Path below the course's folder, or [`WHOLE_COURSE`].
    pub file: String,
    /// First moment at which it is void.
    pub expires: Timestamp,
}

/// What a landing link says: the page that lists a grant's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The grant.
    pub grant: GrantId,
    /// First moment at which it is void.
    pub expires: Timestamp,
}

/// Why a token is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Not made with a key of ours, or not for this use.
    #[error("the link is not one of ours")]
    Forged,
    /// Ours, and too old.
    #[error("the link has expired")]
    Expired,
}

impl Links {
    /// Sign with `key`; accept what `previous` signed, until its links have run out.
    pub fn new(key: &[u8], previous: Option<&[u8]>) -> anyhow::Result<Self> {
        Ok(Self {
            current: Key::new(key)?,
            previous: previous.map(Key::new).transpose()?,
        })
    }

    /// A link to one file.
    #[must_use]
    pub fn mint(&self, grant: &GrantId, file: &str, expires: Timestamp) -> String {
        self.sign(FILE, grant, file, expires)
    }

    /// What a link to a file says at `now`.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Claim, LinkFault> {
        self.open(FILE, token, now)
    }

    /// A link to the page of a grant, for e-mails: made to live long.
    #[must_use]
    pub fn mint_landing(&self, grant: &GrantId, expires: Timestamp) -> String {
        self.sign(LANDING, grant, "", expires)
    }

    /// What a link to the page of a grant says at `now`.
    pub fn read_landing(&self, token: &str, now: Timestamp) -> Result<Landing, LinkFault> {
        let Claim { grant, expires, .. } = self.open(LANDING, token, now)?;
        Ok(Landing { grant, expires })
    }

    fn sign(&self, kind: &str, grant: &GrantId, file: &str, expires: Timestamp) -> String {
        let fields = joined([kind, &grant.0, file, &expires.0.to_string()]);
        let tag = self.current.mac(&fields).finalize().into_bytes();
        format!(
            "{}.{}.{}",
            self.current.id,
            URL_SAFE_NO_PAD.encode(&fields),
            URL_SAFE_NO_PAD.encode(tag)
        )
    }

    /// The tag is checked before anything in the token is believed, the end last.
    fn open(&self, kind: &str, token: &str, now: Timestamp) -> Result<Claim, LinkFault> {
        let claim = self
            .authentic(token)
            .and_then(|fields| claim(kind, &fields))
            .ok_or(LinkFault::Forged)?;
        if now < claim.expires {
            Ok(claim)
        } else {
            Err(LinkFault::Expired)
        }
    }

    fn authentic(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let (id, rest) = token.split_once('.')?;
        let (fields, tag) = rest.split_once('.')?;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let key = keys.find(|key| key.id == id)?;
        let fields = URL_SAFE_NO_PAD.decode(fields).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        key.mac(&fields).verify_slice(&tag).ok()?;
        Some(fields)
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Links({})", self.current.id)
    }
}

/// A key, ready for use, and its public id.
#[derive(Clone)]
struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

impl Key {
    fn new(key: &[u8]) -> anyhow::Result<Self> {
        anyhow::ensure!(
            key.len() >= SHORTEST_KEY,
            "a key for download links needs at least {SHORTEST_KEY} bytes"
        );
        let digest = Sha256::new_with_prefix(b"bursar.link.key.v1")
            .chain_update(key)
            .finalize();
        Ok(Self {
            id: hex::encode(&digest[..4]),
            mac: Hmac::new_from_slice(key)?,
        })
    }

    fn mac(&self, fields: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(fields)
    }
}

fn claim(kind: &str, fields: &[u8]) -> Option<Claim> {
    let [signed_kind, grant, file, expires] = split(fields)?.try_into().ok()?;
    (signed_kind == kind).then_some(())?;
    Some(Claim {
        grant: GrantId(grant.to_owned()),
        file: file.to_owned(),
        expires: Timestamp(expires.parse().ok()?),
    })
}

/// Each field after its length in bytes: `5:hello`.
fn joined(fields: [&str; 4]) -> Vec<u8> {
    let parts = fields.map(|field| format!("{}:{field}", field.len()));
    parts.concat().into_bytes()
}

fn split(bytes: &[u8]) -> Option<Vec<&str>> {
    let mut text = std::str::from_utf8(bytes).ok()?;
    let mut fields = Vec::new();
    while !text.is_empty() {
        let (length, rest) = text.split_once(':')?;
        let (field, rest) = rest.split_at_checked(length.parse().ok()?)?;
        fields.push(field);
        text = rest;
    }
    Some(fields)
}
