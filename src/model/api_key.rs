//! API keys of the seller's own programs. A secret of 256 bits is shown once and kept nowhere: the
//! row has its SHA-256, which no dictionary reverses. A revoked key opens nothing from that commit on.

use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, FieldFault, Result};
use crate::id::ApiKeyId;

/// What every secret begins with, so that scanners of leaked secrets find it.
const PREFIX: &str = "bsr_";
/// Characters of a name.
const NAME_MAX: usize = 64;
/// The time of the last use is written no more often than this.
const USE_EVERY: Duration = Duration::from_mins(1);

states! {
    /// What a key may do.
    Scope {
        /// Look at orders, grants, connections and the audit.
        OrdersRead = "orders:read",
        /// Cancel orders, send their e-mails again.
        OrdersWrite = "orders:write",
        /// Look at transfers and at messages of gateways.
        TransfersRead = "transfers:read",
        /// Decide about transfers and about messages of gateways.
        TransfersWrite = "transfers:write",
        /// Give money back.
        RefundsWrite = "refunds:write",
        /// Try grants again, end access, give it.
        GrantsWrite = "grants:write",
        /// Try tasks again.
        TasksWrite = "tasks:write",
        /// Make and end coupons.
        CouponsWrite = "coupons:write",
        /// Read figures.
        StatsRead = "stats:read",
    }
}

/// A key as stored.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What the audit calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, up to a minute behind.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

crate::statements! {
    INSERT = "INSERT INTO api_keys (id, name, digest, scopes, created_at) VALUES ($1, $2, $3, $4, $5)
              ON CONFLICT (name) DO NOTHING";
    BY_DIGEST = "SELECT * FROM api_keys WHERE digest = $1 AND revoked_at IS NULL";
    IN_USE = "SELECT * FROM api_keys WHERE id = $1 AND revoked_at IS NULL";
    USED = "UPDATE api_keys SET last_used_at = $2
            WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";
    ALL = "SELECT * FROM api_keys ORDER BY id";
    REVOKE = "UPDATE api_keys SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING id";
}

/// Make a key; its secret, which nobody can read again.
pub async fn create(
    tx: &mut Tx<'_>,
    moment: &Moment,
    name: &str,
    scopes: &[Scope],
) -> Result<String> {
    if !is_name(name) {
        return Err(Error::Invalid(vec![FieldFault::new(
            "name",
            "bad_key_name",
        )]));
    }
    let secret = format!("{PREFIX}{}", hex::encode(moment.mint.key()));
    let id = moment.id::<ApiKeyId>();
    let words = words(scopes);
    let digest = digest(&secret);
    let values = args![&id, name, digest.as_slice(), &words, moment.now];
    if tx.exec(&INSERT, values).await? == 0 {
        return Err(Error::refused("key_name_taken"));
    }
    record(tx, moment, &id, "key.created", Some(&words));
    Ok(secret)
}

/// The key of a secret that a caller shows, unless it was revoked.
pub async fn shown(tx: &mut Tx<'_>, secret: &str) -> Result<Option<ApiKey>> {
    let digest = digest(secret);
    let Some(row) = tx.row(&BY_DIGEST, args![digest.as_slice()]).await? else {
        return Ok(None);
    };
    // The index compares byte by byte, and what its time gives away is a digest of the caller's own
    // guess; the answer itself rests on this comparison.
    let stored: Vec<u8> = row.get("digest")?;
    if bool::from(stored.ct_eq(&digest)) {
        read(&row).map(Some)
    } else {
        Ok(None)
    }
}

/// The key of this id, unless it was revoked.
pub async fn in_use(tx: &mut Tx<'_>, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    let row = tx.row(&IN_USE, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// The audit says when a person came in with a key.
pub fn signed_in(tx: &mut Tx<'_>, moment: &Moment, id: &ApiKeyId) {
    record(tx, moment, id, "key.signed_in", None);
}

impl ApiKey {
    /// This use is worth writing down with [`used`].
    #[must_use]
    pub fn is_long_unused(&self, now: Timestamp) -> bool {
        self.last_used_at
            .is_none_or(|last| now.since(last) >= USE_EVERY)
    }
}

/// Note that a key is in use.
pub async fn used(tx: &mut Tx<'_>, now: Timestamp, id: &ApiKeyId) -> Result<()> {
    tx.exec(&USED, args![id, now, now.minus(USE_EVERY)]).await?;
    Ok(())
}

/// Every key there ever was, oldest first.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<ApiKey>> {
    tx.rows(&ALL, &[]).await?.iter().map(read).collect()
}

/// End a key. Its name stays taken: the audit never means two keys by one name.
pub async fn revoke(tx: &mut Tx<'_>, moment: &Moment, name: &str) -> Result<()> {
    let row = tx.row(&REVOKE, args![name, moment.now]).await?;
    let id: ApiKeyId = row.ok_or(Error::NotFound("key in use"))?.get("id")?;
    record(tx, moment, &id, "key.revoked", None);
    Ok(())
}

fn is_name(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

fn words(scopes: &[Scope]) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

fn record(tx: &mut Tx<'_>, moment: &Moment, id: &ApiKeyId, action: &str, after: Option<&str>) {
    let change = Change {
        subject: &id.0,
        action,
        after,
        ..Change::default()
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<ApiKey> {
    let words: String = row.get("scopes")?;
    Ok(ApiKey {
        id: row.get("id")?,
        name: row.get("name")?,
        // A word that this version does not know opens nothing.
        scopes: words.split(' ').filter_map(Scope::parse).collect(),
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
