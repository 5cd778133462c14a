//! What is to be in a folder on a Drive: a row for each file and each folder below it, with the id that
//! was reserved for it.

use crate::args;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::DriveFolderId;

/// Files are made after every folder.
const OF_FILES: i64 = 1_000_000;

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Bytes.
    pub size: i64,
    /// In small hex.
    pub md5: String,
    /// In the version's store.
    pub stored_as: String,
}

/// A file, or a folder where it has no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Below the folder.
    pub path: String,
    /// Its reserved id.
    pub remote: String,
    /// Of a file.
    pub content: Option<Content>,
    /// Where its bytes may be sent to; a secret.
    pub session: Option<String>,
}

impl Item {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path of the folder it is in; none is the top.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.path.rsplit_once('/').map(|(parent, _)| parent)
    }

    fn depth(&self) -> i64 {
        match self.content {
            Some(_) => OF_FILES,
            None => i64::try_from(self.path.split('/').count()).unwrap_or(OF_FILES - 1),
        }
    }
}

/// How far a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files and folders in all.
    pub items: i64,
    /// Of them there.
    pub there: i64,
}

crate::statements! {
    INSERT = "INSERT INTO drive_items (folder, path, depth, remote, size, md5, stored_as, state)
              VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting') ON CONFLICT (folder, path) DO NOTHING";
    TO_MAKE = "SELECT * FROM drive_items WHERE folder = $1 AND state = 'waiting' ORDER BY depth, path LIMIT $2";
    REMOTE = "SELECT remote FROM drive_items WHERE folder = $1 AND path = $2";
    BEGUN = "UPDATE drive_items SET session = $3 WHERE folder = $1 AND path = $2 AND state = 'waiting'";
    FORGET_SESSIONS = "UPDATE drive_items SET session = NULL WHERE folder = $1 AND session IS NOT NULL";
    THERE = "UPDATE drive_items SET state = 'there', session = NULL WHERE folder = $1 AND path = $2";
    PROGRESS = "SELECT COUNT(*) AS items, CAST(COALESCE(SUM(CASE WHEN state = 'there' THEN 1 ELSE 0 END), 0) AS BIGINT) AS there
                FROM drive_items WHERE folder = $1";
}

/// Write rows; one that is there stays, with the id it has.
pub fn enlist(tx: &mut Tx<'_>, folder: &DriveFolderId, items: &[Item]) {
    for item in items {
        let content = item.content.as_ref();
        let values = args![
            folder,
            &item.path,
            item.depth(),
            &item.remote,
            content.map(|content| content.size),
            content.map(|content| content.md5.as_str()),
            content.map(|content| content.stored_as.as_str()),
        ];
        tx.later(&INSERT, values);
    }
}

/// What is to be made next, folders before what is in them.
pub async fn to_make(tx: &mut Tx<'_>, folder: &DriveFolderId, limit: i64) -> Result<Vec<Item>> {
    let rows = tx.rows(&TO_MAKE, args![folder, limit]).await?;
    rows.iter().map(read).collect()
}

/// The id of what is under a path.
pub async fn remote(tx: &mut Tx<'_>, folder: &DriveFolderId, path: &str) -> Result<Option<String>> {
    let row = tx.row(&REMOTE, args![folder, path]).await?;
    Ok(row.map(|row| row.get("remote")).transpose()?)
}

/// Bytes may be sent there; none: no more.
pub fn begun(tx: &mut Tx<'_>, folder: &DriveFolderId, path: &str, session: Option<&str>) {
    tx.later(&BEGUN, args![folder, path, session]);
}

/// Every upload under way begins again.
pub fn forget_sessions(tx: &mut Tx<'_>, folder: &DriveFolderId) {
    tx.later(&FORGET_SESSIONS, args![folder]);
}

/// It is there, and was compared.
pub fn there(tx: &mut Tx<'_>, folder: &DriveFolderId, path: &str) {
    tx.later(&THERE, args![folder, path]);
}

/// How far a folder is.
pub async fn progress(tx: &mut Tx<'_>, folder: &DriveFolderId) -> Result<Progress> {
    let Some(row) = tx.row(&PROGRESS, args![folder]).await? else {
        return Ok(Progress::default());
    };
    Ok(Progress {
        items: row.get("items")?,
        there: row.get("there")?,
    })
}

fn read(row: &Row) -> Result<Item> {
    let size: Option<i64> = row.get("size")?;
    let content = match size {
        None => None,
        Some(size) => Some(Content {
            size,
            md5: row.get("md5")?,
            stored_as: row.get("stored_as")?,
        }),
    };
    Ok(Item {
        path: row.get("path")?,
        remote: row.get("remote")?,
        content,
        session: row.get("session")?,
    })
}
