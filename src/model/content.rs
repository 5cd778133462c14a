//! Versions of course files: each is a whole folder as it was published, and never changes once it is
//! ready. Which one a grant sees follows from the versions and the time of the grant alone.

use std::time::Duration;

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::VersionId;

pub mod files;

/// A publisher that was not heard of for so long is dead: another one may go on.
pub const CLAIM: Duration = Duration::from_secs(30);

states! {
    /// Where a version stands.
    VersionState {
        /// Its files are being stored. A publisher moves it on; after a crash the next one goes on where it was.
        Publishing = "publishing",
        /// Every file was read back. It never changes again.
        Ready = "ready",
    }
}

states! {
    /// Who gets a version.
    Rule {
        /// Every buyer, also those of older versions.
        All = "all",
        /// Who bought since it was ready.
        New = "new",
    }
}

/// A version as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// The source that the files were taken from.
    pub source: String,
    /// The folder there.
    pub folder: String,
    /// The course under whose name it was published.
    pub course: String,
    /// Counts up from 1 in each folder.
    pub number: i64,
    /// Who gets it.
    pub rule: Rule,
    /// Where it stands.
    pub state: VersionState,
    /// The store with the bytes.
    pub store: String,
    /// When its publishing began.
    pub created_at: Timestamp,
    /// What a ready version is.
    pub sealed: Option<Sealed>,
}

/// What is known of a version when it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// How many files.
    pub files: i64,
    /// All bytes together.
    pub bytes: i64,
    /// SHA-256 of the manifest, in hex.
    pub digest: String,
    /// When it was ready.
    pub at: Timestamp,
}

/// What is to be published, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The course's slug.
    pub course: String,
    /// The source of its files.
    pub source: String,
    /// The folder there.
    pub folder: String,
    /// Who gets it.
    pub rule: Rule,
    /// Where the bytes go.
    pub store: String,
}

/// The version that a grant of this time sees: the newest that is for everybody, or that was ready when
/// it was bought. `None` is the live folder.
#[must_use]
pub fn seen(versions: &[Version], bought_at: Timestamp) -> Option<&Version> {
    let ready = versions.iter().filter_map(|version| {
        let sealed = version.sealed.as_ref()?;
        let is_for = version.rule == Rule::All || sealed.at <= bought_at;
        is_for.then_some(version)
    });
    ready.max_by_key(|version| version.number)
}

crate::statements! {
    OF_FOLDER = "SELECT * FROM content_versions WHERE source = $1 AND folder = $2 ORDER BY number";
    ALL = "SELECT * FROM content_versions ORDER BY source, folder, number";
    BY_ID = "SELECT * FROM content_versions WHERE id = $1";
    INSERT = "INSERT INTO content_versions (id, source, folder, course, number, rule, state, store, claim, claimed_until, created_at)
              VALUES ($1, $2, $3, $4, $5, $6, 'publishing', $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    GO_ON = "UPDATE content_versions SET course = $2, rule = $3, claim = $4, claimed_until = $5
             WHERE id = $1 AND state = 'publishing' AND (claim IS NULL OR claim = $4 OR claimed_until <= $6)";
    CLAIMED_UNTIL = "SELECT claimed_until FROM content_versions WHERE id = $1";
    RENEW = "UPDATE content_versions SET claimed_until = $3 WHERE id = $1 AND claim = $2 AND state = 'publishing'";
    LET_GO = "UPDATE content_versions SET claim = NULL, claimed_until = NULL WHERE id = $1 AND claim = $2";
    SEAL = "UPDATE content_versions SET state = 'ready', claim = NULL, claimed_until = NULL,
              files = $3, bytes = $4, digest = $5, ready_at = $6
            WHERE id = $1 AND claim = $2 AND state = 'publishing'";
    DELETE = "DELETE FROM content_versions WHERE id = $1 AND claim = $2 AND state = 'publishing'";
}

/// The versions of a folder, the oldest first; the last may be in the making.
pub async fn of_folder(tx: &mut Tx<'_>, source: &str, folder: &str) -> Result<Vec<Version>> {
    let rows = tx.rows(&OF_FOLDER, args![source, folder]).await?;
    rows.iter().map(read).collect()
}

/// Every version of every folder.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<Version>> {
    let rows = tx.rows(&ALL, &[]).await?;
    rows.iter().map(read).collect()
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &VersionId) -> Result<Version> {
    let row = tx.row(&BY_ID, args![id]).await?;
    read(&row.ok_or(Error::NotFound("version"))?)
}

/// What came of asking to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is ours until the claim runs out: a new version, or one that was interrupted.
    Ours(Version),
    /// Another process holds it until then.
    Held(Timestamp),
}

/// Begin the next version of a folder, or go on with the one that was interrupted, as `claim`. One that
/// was interrupted keeps its store.
pub async fn begin(tx: &mut Tx<'_>, moment: &Moment, plan: &Plan, claim: &str) -> Result<Begun> {
    let versions = of_folder(tx, &plan.source, &plan.folder).await?;
    let until = moment.now.plus(CLAIM);
    let unfinished = versions
        .iter()
        .find(|version| version.state == VersionState::Publishing);
    let Some(unfinished) = unfinished else {
        let number = versions.last().map_or(1, |version| version.number + 1);
        return insert(tx, moment, plan, claim, number).await;
    };
    let id = &unfinished.id;
    let values = args![id, &plan.course, plan.rule, claim, until, moment.now];
    if tx.exec(&GO_ON, values).await? == 1 {
        return get(tx, id).await.map(Begun::Ours);
    }
    let row = tx.row(&CLAIMED_UNTIL, args![id]).await?;
    let until = row.map_or(Ok(None), |row| row.get("claimed_until"))?;
    Ok(Begun::Held(until.unwrap_or(moment.now)))
}

async fn insert(
    tx: &mut Tx<'_>,
    moment: &Moment,
    plan: &Plan,
    claim: &str,
    number: i64,
) -> Result<Begun> {
    let (id, until) = (moment.id::<VersionId>(), moment.now.plus(CLAIM));
    let values = args![
        &id,
        &plan.source,
        &plan.folder,
        &plan.course,
        number,
        plan.rule,
        &plan.store,
        claim,
        until,
        moment.now,
    ];
    if tx.exec(&INSERT, values).await? == 0 {
        // Another process began one in this very moment.
        return Ok(Begun::Held(until));
    }
    record(tx, moment, &id, None, VersionState::Publishing);
    get(tx, &id).await.map(Begun::Ours)
}

/// Say that the publisher lives. An error: the claim was lost, and nothing may be written any more.
pub async fn renew(tx: &mut Tx<'_>, moment: &Moment, id: &VersionId, claim: &str) -> Result<()> {
    let values = args![id, claim, moment.now.plus(CLAIM)];
    held(tx.exec(&RENEW, values).await?)
}

/// Give the claim back: another may go on at once.
pub async fn let_go(tx: &mut Tx<'_>, id: &VersionId, claim: &str) -> Result<()> {
    tx.exec(&LET_GO, args![id, claim]).await?;
    Ok(())
}

/// Every file is stored and was read back: buyers may have it from now on.
pub async fn seal(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &VersionId,
    claim: &str,
    digest: &str,
) -> Result<Version> {
    let sum = files::sum(tx, id).await?;
    if sum.to_send > 0 {
        return Err(Error::Conflict("a version with files that are not stored"));
    }
    let values = args![id, claim, sum.files, sum.bytes, digest, moment.now];
    held(tx.exec(&SEAL, values).await?)?;
    let before = Some(VersionState::Publishing);
    record(tx, moment, id, before, VersionState::Ready);
    get(tx, id).await
}

/// Forget a version that never was ready, with the rows of its files.
pub async fn forget(tx: &mut Tx<'_>, id: &VersionId, claim: &str) -> Result<()> {
    files::forget_all(tx, id).await?;
    held(tx.exec(&DELETE, args![id, claim]).await?)
}

fn held(changed: u64) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::Conflict("another process publishes this version"))
    }
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &VersionId,
    before: Option<VersionState>,
    after: VersionState,
) {
    let change = Change {
        order: None,
        subject: &id.0,
        action: "content.state",
        why: None,
        before: before.map(VersionState::as_str),
        after: Some(after.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Version> {
    let digest: Option<String> = row.get("digest")?;
    let sealed = match digest {
        Some(digest) => Some(Sealed {
            files: row.get("files")?,
            bytes: row.get("bytes")?,
            digest,
            at: row.get("ready_at")?,
        }),
        None => None,
    };
    Ok(Version {
        id: row.get("id")?,
        source: row.get("source")?,
        folder: row.get("folder")?,
        course: row.get("course")?,
        number: row.get("number")?,
        rule: row.get("rule")?,
        state: row.get("state")?,
        store: row.get("store")?,
        created_at: row.get("created_at")?,
        sealed,
    })
}
