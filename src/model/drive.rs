//! Folders on the seller's Drives: one for each version of a course's files, and copies of it when there
//! are more readers than one folder can have. What is in them is in [`items`], who reads them in [`seats`].

use std::time::Duration;

use super::Moment;
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{DriveFolderId, GrantId, TaskId, VersionId};

pub mod items;
pub mod seats;

/// Longer than any attempt takes: whoever holds a folder for longer is dead.
const HOLD: Duration = Duration::from_mins(15);

states! {
    /// How far a folder is.
    FolderState {
        /// The version's files get their rows and their reserved ids, page by page.
        Listing = "listing",
        /// What is not there yet is made. Its task moves it on; after a crash it goes on where it was.
        Filling = "filling",
        /// All is there; it can have readers.
        Ready = "ready",
    }
}

/// A folder as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id.
    pub id: DriveFolderId,
    /// The connection: `drive:NAME`.
    pub drive: String,
    /// Of which version.
    pub version: VersionId,
    /// The first, or which copy.
    pub shard: i64,
    /// How far it is.
    pub state: FolderState,
    /// Its reserved id over there.
    pub remote: Option<String>,
    /// Where people open it.
    pub link: Option<String>,
    /// The last file of the version that has a row.
    pub listed_to: i64,
    /// When its readers were last compared.
    pub checked_at: Option<Timestamp>,
    /// Until when its filling stands still.
    pub retry_at: Option<Timestamp>,
    /// Why.
    pub why: Option<String>,
}

crate::statements! {
    BY_ID = "SELECT * FROM drive_folders WHERE id = $1";
    OPEN = "SELECT drive_folders.* FROM drive_folders WHERE drive = $1 AND version = $2 AND is_full = 0
              AND (SELECT COUNT(*) FROM drive_seats WHERE drive_seats.folder = drive_folders.id AND state <> 'gone') < $3
            ORDER BY shard LIMIT 1";
    OF_LEARNER = "SELECT drive_folders.* FROM drive_folders JOIN drive_seats ON drive_seats.folder = drive_folders.id
                  WHERE drive_folders.drive = $1 AND drive_folders.version = $2 AND drive_seats.learner = $3
                    AND drive_seats.state <> 'gone' ORDER BY shard LIMIT 1";
    LAST_SHARD = "SELECT COALESCE(MAX(shard), 0) AS shard FROM drive_folders WHERE drive = $1 AND version = $2";
    READY_TWIN = "SELECT * FROM drive_folders WHERE drive = $1 AND version = $2 AND id <> $3 AND state = 'ready' ORDER BY shard LIMIT 1";
    BY_SHARD = "SELECT * FROM drive_folders WHERE drive = $1 AND version = $2 AND shard = $3";
    INSERT = "INSERT INTO drive_folders (id, drive, version, shard, state, created_at) VALUES ($1, $2, $3, $4, 'listing', $5)
              ON CONFLICT (drive, version, shard) DO NOTHING";
    SUCCESSOR = "SELECT newer.id AS version FROM content_versions AS older JOIN content_versions AS newer
                   ON newer.source = older.source AND newer.folder = older.folder
                 WHERE older.id = $1 AND newer.state = 'ready' AND newer.rule = 'all' AND newer.number > older.number
                 ORDER BY newer.number DESC LIMIT 1";
    BEHIND = "SELECT grants.id AS grant_id FROM grants JOIN content_versions
                ON content_versions.source = grants.connection AND content_versions.folder = grants.target
              WHERE content_versions.id = $2 AND content_versions.rule = 'all' AND grants.drive = $1 AND grants.state = 'active'
                AND NOT EXISTS (SELECT 1 FROM drive_seats JOIN drive_folders ON drive_folders.id = drive_seats.folder
                  WHERE drive_folders.drive = $1 AND drive_folders.version = $2 AND drive_seats.learner = grants.learner
                    AND drive_seats.state <> 'gone') ORDER BY grants.id LIMIT 1000";
    HOLD_IT = "UPDATE drive_folders SET held_by = $2, held_until = $3
               WHERE id = $1 AND (held_by IS NULL OR held_by = $2 OR held_until <= $4 OR NOT EXISTS
                 (SELECT 1 FROM tasks WHERE tasks.id = drive_folders.held_by AND tasks.state = 'leased'))";
    HELD_BY = "SELECT * FROM drive_folders WHERE held_by = $1";
    LET_GO = "UPDATE drive_folders SET held_by = NULL, held_until = NULL WHERE held_by = $1";
    RESERVED = "UPDATE drive_folders SET remote = $2 WHERE id = $1 AND remote IS NULL";
    LISTED = "UPDATE drive_folders SET listed_to = $2 WHERE id = $1 AND state = 'listing'";
    MOVE = "UPDATE drive_folders SET state = $3, why = NULL, retry_at = NULL WHERE id = $1 AND state = $2";
    LINKED = "UPDATE drive_folders SET link = $2 WHERE id = $1";
    FULL = "UPDATE drive_folders SET is_full = 1 WHERE id = $1";
    STALLED = "UPDATE drive_folders SET retry_at = $2, why = $3 WHERE id = $1";
    CHECKED = "UPDATE drive_folders SET checked_at = $2 WHERE id = $1";
    PAUSE = "INSERT INTO drive_pauses (drive, until, why) VALUES ($1, $2, $3)
             ON CONFLICT (drive) DO UPDATE SET until = excluded.until, why = excluded.why
               WHERE drive_pauses.until < excluded.until";
    PAUSED = "SELECT until, why FROM drive_pauses WHERE drive = $1 AND until > $2";
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &DriveFolderId) -> Result<Option<Folder>> {
    let row = tx.row(&BY_ID, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// The folder in which this learner reads a version, or the first that has room.
pub async fn with_room(
    tx: &mut Tx<'_>,
    drive: &str,
    version: &VersionId,
    learner: &str,
    people: i64,
) -> Result<Option<Folder>> {
    let theirs = tx.row(&OF_LEARNER, args![drive, version, learner]).await?;
    let found = match theirs {
        Some(row) => Some(row),
        None => tx.row(&OPEN, args![drive, version, people]).await?,
    };
    found.as_ref().map(read).transpose()
}

/// The next copy of a version's folder, to be filled.
pub async fn add(
    tx: &mut Tx<'_>,
    moment: &Moment,
    drive: &str,
    version: &VersionId,
) -> Result<Folder> {
    let last = tx.row(&LAST_SHARD, args![drive, version]).await?;
    let last: i64 = last.map_or(Ok(0), |row| row.get("shard"))?;
    let id = moment.id::<DriveFolderId>();
    let values = args![&id, drive, version, last + 1, moment.now];
    // Nothing, where another order began it in this very moment: it is one folder for both.
    tx.exec(&INSERT, values).await?;
    let row = tx.row(&BY_SHARD, args![drive, version, last + 1]).await?;
    read(&row.ok_or(Error::NotFound("folder"))?)
}

/// A newer version that all buyers of a folder's version get.
pub async fn successor(tx: &mut Tx<'_>, folder: &Folder) -> Result<Option<VersionId>> {
    let row = tx.row(&SUCCESSOR, args![&folder.version]).await?;
    Ok(row.map(|row| row.get("version")).transpose()?)
}

/// Grants that are kept with an older version than a folder's, which is for them too.
pub async fn behind(tx: &mut Tx<'_>, folder: &Folder) -> Result<Vec<GrantId>> {
    let rows = tx
        .rows(&BEHIND, args![&folder.drive, &folder.version])
        .await?;
    rows.iter().map(|row| Ok(row.get("grant_id")?)).collect()
}

/// The learner has a seat in a folder of this version.
pub async fn has_seat(
    tx: &mut Tx<'_>,
    drive: &str,
    version: &VersionId,
    learner: &str,
) -> Result<bool> {
    let row = tx.row(&OF_LEARNER, args![drive, version, learner]).await?;
    Ok(row.is_some())
}

/// A copy that is whole, to copy from.
pub async fn ready_twin(tx: &mut Tx<'_>, folder: &Folder) -> Result<Option<Folder>> {
    let values = args![&folder.drive, &folder.version, &folder.id];
    let row = tx.row(&READY_TWIN, values).await?;
    row.as_ref().map(read).transpose()
}

/// Be the only one who changes it over there, until [`let_go`]. False: another task is at it. By its
/// id, not by its lease: tasks that were claimed together share one.
pub async fn hold(
    tx: &mut Tx<'_>,
    moment: &Moment,
    folder: &DriveFolderId,
    task: &TaskId,
) -> Result<bool> {
    let values = args![folder, task, moment.now.plus(HOLD), moment.now];
    Ok(tx.exec(&HOLD_IT, values).await? == 1)
}

/// What a task holds.
pub async fn held_by(tx: &mut Tx<'_>, task: &TaskId) -> Result<Option<Folder>> {
    let row = tx.row(&HELD_BY, args![task]).await?;
    row.as_ref().map(read).transpose()
}

/// The attempt has ended.
pub fn let_go(tx: &mut Tx<'_>, task: &TaskId) {
    tx.later(&LET_GO, args![task]);
}

/// Its id over there is known; the first one counts.
pub fn reserved(tx: &mut Tx<'_>, folder: &DriveFolderId, remote: &str) {
    tx.later(&RESERVED, args![folder, remote]);
}

/// Files up to this one have rows.
pub fn listed(tx: &mut Tx<'_>, folder: &DriveFolderId, serial: i64) {
    tx.later(&LISTED, args![folder, serial]);
}

/// It is one step further.
pub async fn advance(
    tx: &mut Tx<'_>,
    folder: &DriveFolderId,
    (from, to): (FolderState, FolderState),
) -> Result<bool> {
    Ok(tx.exec(&MOVE, args![folder, from, to]).await? == 1)
}

/// Where people open it.
pub fn linked(tx: &mut Tx<'_>, folder: &DriveFolderId, link: &str) {
    tx.later(&LINKED, args![folder, link]);
}

/// The Drive takes no more readers.
pub fn full(tx: &mut Tx<'_>, folder: &DriveFolderId) {
    tx.later(&FULL, args![folder]);
}

/// Its filling stands still until then, or goes on.
pub fn stalled(tx: &mut Tx<'_>, folder: &DriveFolderId, until: Option<(Timestamp, &str)>) {
    let (at, why) = until.unzip();
    tx.later(&STALLED, args![folder, at, why]);
}

/// Its readers were compared.
pub fn checked(tx: &mut Tx<'_>, folder: &DriveFolderId, at: Timestamp) {
    tx.later(&CHECKED, args![folder, at]);
}

/// Nobody is invited on this Drive before then.
pub fn pause(tx: &mut Tx<'_>, drive: &str, until: Timestamp, why: &str) {
    tx.later(&PAUSE, args![drive, until, why]);
}

/// Until when nobody is invited, and why.
pub async fn paused(
    tx: &mut Tx<'_>,
    drive: &str,
    now: Timestamp,
) -> Result<Option<(Timestamp, String)>> {
    let row = tx.row(&PAUSED, args![drive, now]).await?;
    let read = |row: Row| -> Result<_> { Ok((row.get("until")?, row.get("why")?)) };
    row.map(read).transpose()
}

fn read(row: &Row) -> Result<Folder> {
    Ok(Folder {
        id: row.get("id")?,
        drive: row.get("drive")?,
        version: row.get("version")?,
        shard: row.get("shard")?,
        state: row.get("state")?,
        remote: row.get("remote")?,
        link: row.get("link")?,
        listed_to: row.get("listed_to")?,
        checked_at: row.get("checked_at")?,
        retry_at: row.get("retry_at")?,
        why: row.get("why")?,
    })
}
