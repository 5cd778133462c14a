//! Request keys: what a call with an `Idempotency-Key` made, so that the same call a second time makes
//! nothing and answers with that. Taken and filled in the transaction of what it makes.

use super::Moment;
use crate::args;
use crate::db::Tx;
use crate::error::{Error, Result};

/// The key of one call.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// The caller's, and only theirs.
    pub name: String,
    /// Digest of the call and its body.
    pub digest: String,
}

crate::statements! {
    TAKE = "INSERT INTO request_keys (name, digest, made, created_at) VALUES ($1, $2, '[]', $3) ON CONFLICT DO NOTHING";
    BY_NAME = "SELECT digest, made FROM request_keys WHERE name = $1";
    MADE = "UPDATE request_keys SET made = $2 WHERE name = $1";
}

/// Before anything else: the ids of what this call made before, or nothing. Its twin at the same
/// moment waits here. Refused when the key was used for another call.
pub async fn take(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: Option<&RequestKey>,
) -> Result<Option<Vec<String>>> {
    let Some(key) = key else {
        return Ok(None);
    };
    if tx
        .exec(&TAKE, args![&key.name, &key.digest, moment.now])
        .await?
        == 1
    {
        return Ok(None);
    }
    let row = tx.row(&BY_NAME, args![&key.name]).await?;
    let row = row.ok_or(Error::Conflict("the request key is there and is not"))?;
    if row.get::<String>("digest")? != key.digest {
        return Err(Error::refused("idempotency_conflict"));
    }
    Ok(Some(serde_json::from_str(&row.get::<String>("made")?)?))
}

/// What it made, with the commit.
pub fn made(tx: &mut Tx<'_>, key: Option<&RequestKey>, ids: &[&str]) -> Result<()> {
    if let Some(key) = key {
        tx.later(&MADE, args![&key.name, serde_json::to_string(ids)?]);
    }
    Ok(())
}
