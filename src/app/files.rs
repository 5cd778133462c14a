//! Which files a grant gives, and where their bytes are: of the version that the grant sees, or of the
//! live folder where its course has none. Whether the grant gives a right is decided elsewhere.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use url::Url;

use super::App;
use crate::clock::Timestamp;
use crate::connectors::Fault;
use crate::connectors::stores::{Entry, Flow, Store, manifest};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::model::content;
use crate::model::content::files::{self, ContentFile};
use crate::model::grant::Grant;

/// What a grant gives to download at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The published version it is; `None` is the live folder.
    pub version: Option<Version>,
    /// In the order in which people read them; never empty.
    pub files: Vec<File>,
}

/// A published version, as buyers of it may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Counts up from 1 in each folder.
    pub number: i64,
    /// Of its manifest, in hex: the same files, names and contents have the same one.
    pub digest: String,
    /// When it was ready.
    pub published_at: Timestamp,
}

/// One file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Below the course's folder, with `/` between the parts; what links name.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When the seller last wrote it.
    pub modified: Timestamp,
    /// Strong validator, without quotes: another content has another one. The SHA-256 in hex where
    /// the file belongs to a version.
    pub etag: String,
    /// Of the content; only of files that belong to a version.
    pub sums: Option<Sums>,
    /// Name of the store that holds the bytes.
    pub store: String,
    /// The file there.
    pub entry: Entry,
}

/// Checksums of a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// In small hex.
    pub sha256: String,
    /// In small hex.
    pub md5: String,
    /// As zip archives have it.
    pub crc32: u32,
}

/// All files of a grant.
pub async fn of(app: &App, grant: &Grant) -> Result<Files> {
    let Some((version, rows)) = published(app, grant).await? else {
        let files = live(app, grant).await?;
        let version = None;
        return Ok(Files { version, files });
    };
    let mut files: Vec<File> = rows
        .into_iter()
        .filter_map(|row| kept_file(&version, row))
        .collect();
    manifest::in_order(&mut files, |file| &file.path);
    let version = seen(version);
    Ok(Files { version, files })
}

/// One file of a grant, by the path that [`of`] gave it.
pub async fn one(app: &App, grant: &Grant, path: &str) -> Result<Option<File>> {
    let (place, wanted) = (grant.clone(), path.to_owned());
    let found = app.db.read(move |tx| {
        Box::pin(async move {
            let Some(version) = version_of(tx, &place).await? else {
                return Ok(None);
            };
            let row = files::by_path(tx, &version.id, &wanted).await?;
            Ok(Some(row.and_then(|row| kept_file(&version, row))))
        })
    });
    if let Some(found) = found.await? {
        return Ok(found);
    }
    let store = store(app, &grant.connection)?;
    let found = store.look(&manifest::inside(&grant.target, path)).await;
    let found = found.map_err(|fault| unavailable(grant, &fault))?;
    Ok(found.map(|entry| live_file(&grant.connection, path.to_owned(), entry)))
}

/// The version that a grant sees; `None` is the live folder.
pub async fn version_of(tx: &mut Tx<'_>, grant: &Grant) -> Result<Option<content::Version>> {
    let versions = content::of_folder(tx, &grant.connection, &grant.target).await?;
    Ok(content::seen(&versions, grant.planned_at).cloned())
}

/// Bytes of a file, exactly those that were asked for, or a fault: at once where the file is not the
/// one that was looked at, later where it ends too early.
pub async fn open(app: &App, file: &File, range: Range<u64>) -> Result<Flow> {
    let opened = store(app, &file.store)?
        .open(&file.entry, Some(range))
        .await;
    opened.map_err(|fault| Error::Internal(anyhow!("{}: {fault}", file.path)))
}

/// An address at the store itself that gives the file to who has it, for so long; `None` where the
/// store makes none.
pub async fn presign(
    app: &App,
    file: &File,
    saved_as: &str,
    life: Duration,
) -> Result<Option<Url>> {
    let store = store(app, &file.store)?;
    if !store.abilities().presigns {
        return Ok(None);
    }
    let made = store.presign(&file.entry.path, saved_as, life).await;
    made.map_err(|fault| Error::Internal(anyhow!("{}: {fault}", file.path)))
}

fn store<'a>(app: &'a App, name: &str) -> Result<&'a Arc<dyn Store>> {
    let store = app.world.stores.get(name);
    store.ok_or_else(|| Error::Internal(anyhow!("no store called {name:?} is configured")))
}

async fn published(
    app: &App,
    grant: &Grant,
) -> Result<Option<(content::Version, Vec<ContentFile>)>> {
    let place = grant.clone();
    let found = app.db.read(move |tx| {
        Box::pin(async move {
            let Some(version) = version_of(tx, &place).await? else {
                return Ok(None);
            };
            let rows = files::all(tx, &version.id).await?;
            Ok(Some((version, rows)))
        })
    });
    found.await
}

async fn live(app: &App, grant: &Grant) -> Result<Vec<File>> {
    let store = store(app, &grant.connection)?;
    let found = manifest::of(store.as_ref(), &grant.target).await;
    let found = found.map_err(|fault| unavailable(grant, &fault))?;
    let files = found.files.into_iter();
    Ok(files
        .map(|file| live_file(&grant.connection, file.path, file.entry))
        .collect())
}

fn seen(version: content::Version) -> Option<Version> {
    let sealed = version.sealed?;
    Some(Version {
        id: version.id.0,
        number: version.number,
        digest: sealed.digest,
        published_at: sealed.at,
    })
}

/// A ready version has no file that is not kept.
fn kept_file(version: &content::Version, row: ContentFile) -> Option<File> {
    let kept = row.kept?;
    let size = u64::try_from(row.stamp.size).unwrap_or_default();
    Some(File {
        path: row.path,
        size,
        modified: row.stamp.modified.unwrap_or(version.created_at),
        etag: kept.sha256.clone(),
        sums: Some(Sums {
            sha256: kept.sha256,
            md5: kept.md5,
            crc32: kept.crc32,
        }),
        store: version.store.clone(),
        entry: Entry {
            path: row.stored_as,
            size,
            modified: None,
            etag: None,
            md5: None,
        },
    })
}

fn live_file(store: &str, path: String, entry: Entry) -> File {
    let modified = entry.modified.unwrap_or(Timestamp(0));
    let etag = entry.etag.clone();
    File {
        path,
        size: entry.size,
        modified,
        etag: etag.unwrap_or_else(|| format!("{:x}-{:x}", entry.size, modified.0)),
        sums: None,
        store: store.to_owned(),
        entry,
    }
}

/// The buyer has the right and we have not the file: ours to mend, so the log must say it.
fn unavailable(grant: &Grant, fault: &Fault) -> Error {
    Error::Internal(anyhow!("the files of grant {}: {fault}", grant.id))
}
