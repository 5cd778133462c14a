//! Grants that time, or an accident, has something to say about: what the sweep looks for.

use std::time::Duration;

use super::{Grant, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::GrantId;
use crate::model::Moment;

crate::statements! {
    OUT_OF_TIME = "SELECT grants.*, '' AS buyer FROM grants WHERE state IN ('waiting', 'working', 'verifying', 'action_needed')
                   AND give_up_at <= $1 ORDER BY give_up_at LIMIT $2";
    EXPIRED = "SELECT grants.*, '' AS buyer FROM grants WHERE state = 'active' AND expires_at IS NOT NULL AND expires_at <= $1
               ORDER BY expires_at LIMIT $2";
    ENDING = "SELECT grants.*, '' AS buyer FROM grants WHERE state = 'active' AND warned_at IS NULL AND expires_at IS NOT NULL
                AND expires_at > $1 AND expires_at <= $2 AND (access_days IS NULL OR access_days > $3)
                AND NOT EXISTS (SELECT 1 FROM grants AS told WHERE told.line_id = grants.line_id AND told.warned_at IS NOT NULL)
              ORDER BY expires_at LIMIT $4";
    WARNED = "UPDATE grants SET warned_at = $2 WHERE id = $1";
    UNATTENDED = "SELECT grants.*, '' AS buyer FROM grants WHERE state IN ('waiting', 'working', 'verifying', 'revoking') AND NOT EXISTS
                    (SELECT 1 FROM tasks WHERE tasks.subject = grants.id AND (tasks.state IN ('ready', 'leased')
                       OR (tasks.kind = 'withdraw' AND tasks.state = 'dead')))
                  LIMIT $1";
}

/// Grants that could not be kept in time.
pub async fn out_of_time(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Grant>> {
    tx.rows(&OUT_OF_TIME, args![now, limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Active grants whose days are over.
pub async fn expired(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Grant>> {
    tx.rows(&EXPIRED, args![now, limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Active grants that end within `notice`, of lines whose buyers were not told. Access that is shorter
/// than twice the notice is no surprise when it ends.
pub async fn ending(
    tx: &mut Tx<'_>,
    now: Timestamp,
    notice: Duration,
    limit: i64,
) -> Result<Vec<Grant>> {
    let days = i64::try_from(notice.as_secs() / 86_400).unwrap_or(i64::MAX);
    let values = args![now, now.plus(notice), days * 2, limit];
    tx.rows(&ENDING, values).await?.iter().map(read).collect()
}

/// The buyer is told, once.
pub async fn warned(tx: &mut Tx<'_>, moment: &Moment, id: &GrantId) -> Result<()> {
    tx.exec(&WARNED, args![id, moment.now]).await?;
    Ok(())
}

/// Grants that should be moving and that no task works on. There are none, unless a person
/// deleted a task; the sweep gives them one. A removal that is dead waits for a person.
pub async fn unattended(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Grant>> {
    tx.rows(&UNATTENDED, args![limit])
        .await?
        .iter()
        .map(read)
        .collect()
}
