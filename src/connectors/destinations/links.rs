//! Signed links to the download server. A token names a grant, and for a file link the file; it
//! proves that this shop made it and when it ends. It does not prove the right: that is asked of
//! the database at each click, so that a refund closes old links at once.
//!
//! A token is `<key id>.<fields>.<tag>`: fields are length-prefixed, so none can run into the next;
//! the tag is HMAC-SHA256 over them, and the first field says which kind of link it is.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::id::GrantId;

/// The shortest key that is not guessed.
pub const SHORTEST_KEY: usize = 16;

/// Longer than any token made here: a path is at most 4096 bytes.
const LONGEST_TOKEN: usize = 8192;

const FILE: &[u8] = b"bursar.link.file.v1";
const LANDING: &[u8] = b"bursar.link.landing.v1";

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
    /// Path below the course's folder.
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
        let moment = expires.0.to_string();
        self.sign(&[FILE, grant.0.as_bytes(), file.as_bytes(), moment.as_bytes()])
    }

    /// What a link to a file says at `now`.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Claim, LinkFault> {
        let [grant, file, expires] = self.open(token, FILE)?;
        let expires = still_valid(&expires, now)?;
        Ok(Claim {
            grant: GrantId(grant),
            file,
            expires,
        })
    }

    /// A link to the page of a grant, for e-mails: made to live long.
    #[must_use]
    pub fn mint_landing(&self, grant: &GrantId, expires: Timestamp) -> String {
        let moment = expires.0.to_string();
        self.sign(&[LANDING, grant.0.as_bytes(), moment.as_bytes()])
    }

    /// What a link to the page of a grant says at `now`.
    pub fn read_landing(&self, token: &str, now: Timestamp) -> Result<Landing, LinkFault> {
        let [grant, expires] = self.open(token, LANDING)?;
        let expires = still_valid(&expires, now)?;
        Ok(Landing {
            grant: GrantId(grant),
            expires,
        })
    }

    fn sign(&self, fields: &[&[u8]]) -> String {
        let fields = joined(fields);
        let tag = self.current.mac(&fields).finalize().into_bytes();
        format!(
            "{}.{}.{}",
            self.current.id,
            URL_SAFE_NO_PAD.encode(&fields),
            URL_SAFE_NO_PAD.encode(tag)
        )
    }

    /// The fields after the kind. The tag is checked before anything in the token is believed.
    fn open<const N: usize>(&self, token: &str, kind: &[u8]) -> Result<[String; N], LinkFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(LinkFault::Forged);
        }
        let fields = self.authentic(token).ok_or(LinkFault::Forged)?;
        let mut parts = split(&fields).ok_or(LinkFault::Forged)?.into_iter();
        if parts.next() != Some(kind) {
            return Err(LinkFault::Forged);
        }
        let texts: Option<Vec<String>> = parts
            .map(|part| String::from_utf8(part.to_vec()).ok())
            .collect();
        texts
            .and_then(|texts| texts.try_into().ok())
            .ok_or(LinkFault::Forged)
    }

    fn authentic(&self, token: &str) -> Option<Vec<u8>> {
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

fn still_valid(expires: &str, now: Timestamp) -> Result<Timestamp, LinkFault> {
    let expires = expires
        .parse()
        .map(Timestamp)
        .map_err(|_| LinkFault::Forged)?;
    if now < expires {
        Ok(expires)
    } else {
        Err(LinkFault::Expired)
    }
}

/// Each field after its length: `5:hello`.
fn joined(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend(format!("{}:", field.len()).into_bytes());
        bytes.extend(*field);
    }
    bytes
}

fn split(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let colon = bytes.iter().position(|byte| *byte == b':')?;
        let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
        let (field, rest) = bytes[colon + 1..].split_at_checked(length)?;
        fields.push(field);
        bytes = rest;
    }
    Some(fields)
}
