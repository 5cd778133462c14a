//! What a source holds, under the names that buyers will see: NFC, each once, none too long.

use unicode_normalization::UnicodeNormalization;

use super::Trouble;
use crate::connectors::stores::{Entry, Store, manifest};
use crate::model::content::files::Stamp;

/// Bytes of one name: what every usual file system takes.
const LONGEST_NAME: usize = 255;
/// Bytes of a whole path: what archives and object stores take.
const LONGEST_PATH: usize = 1000;

/// Sorted by the bytes of the path.
pub(super) struct Listing(Vec<Listed>);

/// One file of the source.
pub(super) struct Listed {
    /// Below the folder, in NFC.
    pub path: String,
    /// As the source has it.
    pub entry: Entry,
}

impl Listed {
    pub(super) fn stamp(&self) -> Stamp {
        stamp(&self.entry)
    }
}

impl Listing {
    pub(super) fn files(&self) -> &[Listed] {
        &self.0
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|file| file.entry.size).sum()
    }

    /// The place of a path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let found = self.0.binary_search_by(|file| file.path.as_str().cmp(path));
        found.ok()
    }
}

/// By what the source's file is known to be the same.
pub(super) fn stamp(entry: &Entry) -> Stamp {
    Stamp {
        size: i64::try_from(entry.size).unwrap_or(i64::MAX),
        modified: entry.modified,
        tag: entry.etag.clone(),
    }
}

pub(super) async fn of(source: &dyn Store, folder: &str) -> Result<Listing, Trouble> {
    let found = manifest::of(source, folder).await?;
    let mut files = Vec::with_capacity(found.files.len());
    for file in found.files {
        let path: String = file.path.nfc().collect();
        check(&path)?;
        files.push(Listed {
            path,
            entry: file.entry,
        });
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    if let Some((one, _)) = files
        .iter()
        .zip(files.iter().skip(1))
        .find(|(a, b)| a.path == b.path)
    {
        return Err(Trouble::Refused(format!(
            "two files are both called {:?} once accents are written the same way: rename one",
            one.path
        )));
    }
    Ok(Listing(files))
}

fn check(path: &str) -> Result<(), Trouble> {
    let longest = path.split('/').map(str::len).max().unwrap_or(0);
    if longest <= LONGEST_NAME && path.len() <= LONGEST_PATH {
        return Ok(());
    }
    let shown: String = path.chars().take(80).collect();
    Err(Trouble::Refused(format!(
        "the name that begins with {shown:?} is too long: a name has at most {LONGEST_NAME} bytes, \
         a path {LONGEST_PATH}"
    )))
}
