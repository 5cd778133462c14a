//! Keys that Bursar makes for itself when the configuration gives none, so that links survive a restart.

use super::Moment;
use crate::args;
use crate::db::Tx;
use crate::error::Result;

crate::statements! {
    KEEP = "INSERT INTO keys (name, value, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    GET = "SELECT value FROM keys WHERE name = $1";
}

/// The key of this name in hex, made on first use. A secret: it must not be logged.
pub async fn keep(tx: &mut Tx<'_>, moment: &Moment, name: &str) -> Result<String> {
    tx.exec(&KEEP, args![name, moment.mint.secret(), moment.now])
        .await?;
    let row = tx.row(&GET, args![name]).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("the key {name} vanished"))?;
    Ok(row.get("value")?)
}
