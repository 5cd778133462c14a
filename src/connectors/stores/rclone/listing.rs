//! The rows of `rclone lsjson`: one object per line, between `[` and `]`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::names::{is_litter, is_plain_path};
use super::super::{Entry, manifest, mapping};
use super::broken;
use crate::clock::Timestamp;
use crate::connectors::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    path: String,
    /// -1 where the cloud does not know it.
    size: i64,
    #[serde(default)]
    mod_time: String,
    #[serde(default)]
    is_dir: bool,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// The file on `line`, with its path below the store's root; `None` for brackets and hidden files.
pub(super) fn entry(line: &str, folder: &str) -> Result<Option<Entry>, Fault> {
    let line = line.trim().trim_end_matches(',');
    if line.is_empty() || line == "[" || line == "]" {
        return Ok(None);
    }
    let row: Row = serde_json::from_str(line).map_err(|_| unreadable())?;
    if row.path.split('/').any(is_litter) {
        return Ok(None);
    }
    if !is_plain_path(&row.path) {
        return Err(mapping(&format!("{:?} is not a usable path", row.path)));
    }
    let path = manifest::inside(folder, &row.path);
    of(&row, path).map(Some)
}

/// The answer about one file; `None` when it is a folder.
pub(super) fn one(said: &str, path: &str) -> Result<Option<Entry>, Fault> {
    let row: Row = serde_json::from_str(said.trim()).map_err(|_| unreadable())?;
    if row.is_dir {
        return Ok(None);
    }
    of(&row, path.to_owned()).map(Some)
}

fn of(row: &Row, path: String) -> Result<Entry, Fault> {
    let Ok(size) = u64::try_from(row.size) else {
        return Err(broken(&format!(
            "The cloud does not know how large {path:?} is."
        )));
    };
    let modified = row.mod_time.parse::<jiff::Timestamp>().ok();
    Ok(Entry {
        path,
        size,
        modified: modified.map(|time| Timestamp(time.as_millisecond())),
        etag: None,
        md5: row.hashes.get("md5").cloned(),
    })
}

fn unreadable() -> Fault {
    broken("The program does not list files as rclone does.")
}
