//! The files of a version, one row each: listed first, then stored and read back. Pages by serial, so
//! that a version of a hundred thousand files is never in memory as rows.

use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::VersionId;

/// How many rows a page has.
pub const PAGE: i64 = 1000;

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFile {
    /// Counts up within the version.
    pub serial: i64,
    /// Below the folder, in NFC.
    pub path: String,
    /// The path in the source, as the source writes it.
    pub origin: String,
    /// The source's file when it was listed.
    pub stamp: Stamp,
    /// In the version's store.
    pub stored_as: String,
    /// What is known once it was read back.
    pub kept: Option<Kept>,
}

/// By what a source's file is known to be unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: i64,
    /// When it was last written, where the source says.
    pub modified: Option<Timestamp>,
    /// Its validator there, where it has one.
    pub tag: Option<String>,
}

/// What is known of a file that was stored and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// In small hex.
    pub sha256: String,
    /// In small hex.
    pub md5: String,
    /// As zip archives have it.
    pub crc32: u32,
    /// What the read-back proved: `md5` or `size`.
    pub proof: String,
}

impl Stamp {
    /// The other is surely the same content: a validator says so, or size and a time of writing.
    #[must_use]
    pub fn is_surely(&self, other: &Self) -> bool {
        let told = self.tag.is_some() || self.modified.is_some();
        told && self == other
    }
}

/// What a version holds so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// All files.
    pub files: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Files not stored yet.
    pub to_send: i64,
    /// Bytes of the files that are stored.
    pub bytes_kept: i64,
    /// The highest serial that was ever given; 0 where there is none.
    pub last_serial: i64,
}

crate::statements! {
    INSERT = "INSERT INTO content_files (version, serial, path, origin, size, modified, tag, stored_as, sha256, md5, crc32, proof)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    PAGE_OF = "SELECT * FROM content_files WHERE version = $1 AND serial > $2 ORDER BY serial LIMIT $3";
    TO_SEND = "SELECT * FROM content_files WHERE version = $1 AND serial > $2 AND sha256 IS NULL ORDER BY serial LIMIT $3";
    BY_PATH = "SELECT * FROM content_files WHERE version = $1 AND path = $2";
    KEEP = "UPDATE content_files SET sha256 = $3, md5 = $4, crc32 = $5, proof = $6, stored_as = $7
            WHERE version = $1 AND serial = $2 AND sha256 IS NULL";
    FORGET = "DELETE FROM content_files WHERE version = $1 AND serial = $2";
    FORGET_ALL = "DELETE FROM content_files WHERE version = $1";
    SUM = "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes,
             CAST(COALESCE(SUM(CASE WHEN sha256 IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS to_send,
             CAST(COALESCE(SUM(CASE WHEN sha256 IS NULL THEN 0 ELSE size END), 0) AS BIGINT) AS bytes_kept,
             CAST(COALESCE(MAX(serial), 0) AS BIGINT) AS last_serial
           FROM content_files WHERE version = $1";
}

/// Write rows of a version, some of them stored already.
pub fn enlist(tx: &mut Tx<'_>, version: &VersionId, files: &[ContentFile]) {
    for file in files {
        let kept = file.kept.as_ref();
        let values = args![
            version,
            file.serial,
            &file.path,
            &file.origin,
            file.stamp.size,
            file.stamp.modified,
            file.stamp.tag.as_deref(),
            &file.stored_as,
            kept.map(|kept| kept.sha256.as_str()),
            kept.map(|kept| kept.md5.as_str()),
            kept.map(|kept| kept.crc32),
            kept.map(|kept| kept.proof.as_str()),
        ];
        tx.append(&INSERT, values);
    }
}

/// The next page of rows after this serial.
pub async fn page(tx: &mut Tx<'_>, version: &VersionId, after: i64) -> Result<Vec<ContentFile>> {
    let rows = tx.rows(&PAGE_OF, args![version, after, PAGE]).await?;
    rows.iter().map(read).collect()
}

/// The next page of rows after this serial that are not stored.
pub async fn to_send(tx: &mut Tx<'_>, version: &VersionId, after: i64) -> Result<Vec<ContentFile>> {
    let rows = tx.rows(&TO_SEND, args![version, after, PAGE]).await?;
    rows.iter().map(read).collect()
}

/// Every row.
pub async fn all(tx: &mut Tx<'_>, version: &VersionId) -> Result<Vec<ContentFile>> {
    let mut files = Vec::new();
    loop {
        let after = files.last().map_or(0, |file: &ContentFile| file.serial);
        let page = page(tx, version, after).await?;
        if page.is_empty() {
            return Ok(files);
        }
        files.extend(page);
    }
}

/// One row.
pub async fn by_path(
    tx: &mut Tx<'_>,
    version: &VersionId,
    path: &str,
) -> Result<Option<ContentFile>> {
    let row = tx.row(&BY_PATH, args![version, path]).await?;
    row.as_ref().map(read).transpose()
}

/// The bytes are there and were read back.
pub fn keep(tx: &mut Tx<'_>, version: &VersionId, serial: i64, stored_as: &str, kept: &Kept) {
    let values = args![
        version,
        serial,
        &kept.sha256,
        &kept.md5,
        kept.crc32,
        &kept.proof,
        stored_as,
    ];
    tx.later(&KEEP, values);
}

/// The source has no such file any more, or another one.
pub fn forget(tx: &mut Tx<'_>, version: &VersionId, serial: i64) {
    tx.later(&FORGET, args![version, serial]);
}

/// Every row of a version.
pub(super) async fn forget_all(tx: &mut Tx<'_>, version: &VersionId) -> Result<()> {
    tx.exec(&FORGET_ALL, args![version]).await?;
    Ok(())
}

/// What a version holds so far.
pub async fn sum(tx: &mut Tx<'_>, version: &VersionId) -> Result<Sum> {
    let Some(row) = tx.row(&SUM, args![version]).await? else {
        return Ok(Sum::default());
    };
    Ok(Sum {
        files: row.get("files")?,
        bytes: row.get("bytes")?,
        to_send: row.get("to_send")?,
        bytes_kept: row.get("bytes_kept")?,
        last_serial: row.get("last_serial")?,
    })
}

fn read(row: &Row) -> Result<ContentFile> {
    let sha256: Option<String> = row.get("sha256")?;
    let kept = match sha256 {
        Some(sha256) => Some(Kept {
            sha256,
            md5: row.get("md5")?,
            crc32: u32::try_from(row.get::<i64>("crc32")?).map_err(anyhow::Error::from)?,
            proof: row.get("proof")?,
        }),
        None => None,
    };
    Ok(ContentFile {
        serial: row.get("serial")?,
        path: row.get("path")?,
        origin: row.get("origin")?,
        stamp: Stamp {
            size: row.get("size")?,
            modified: row.get("modified")?,
            tag: row.get("tag")?,
        },
        stored_as: row.get("stored_as")?,
        kept,
    })
}
