//! What a course's folder holds. A folder that cannot be delivered whole is refused whole, with a
//! sentence for the seller: a buyer must not get a course with silent holes.

use super::{Entry, Fault, Store, mapping, order};

/// The most files that one course may have.
pub const LIMIT: usize = 100_000;

/// The files of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Never empty; sorted as people count: "Bài 2" before "Bài 10".
    pub files: Vec<ManifestFile>,
}

/// One file of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Below the course's folder, with `/` between the parts.
    pub path: String,
    /// The file itself, as the store sees it.
    pub entry: Entry,
}

impl Manifest {
    /// All bytes together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.entry.size).sum()
    }
}

/// The files of the course in this folder of a store.
pub async fn of(store: &dyn Store, folder: &str) -> Result<Manifest, Fault> {
    let entries = store.list(folder, LIMIT).await?;
    if entries.is_empty() {
        return Err(mapping(&format!("the folder {folder:?} has no files")));
    }
    let files = entries.into_iter().map(|entry| ManifestFile {
        path: below(folder, &entry.path).to_owned(),
        entry,
    });
    let mut files: Vec<_> = files.collect();
    in_order(&mut files, |file| &file.path);
    Ok(Manifest { files })
}

/// Sort by path as people count.
pub fn in_order<T>(files: &mut [T], path: impl Fn(&T) -> &str) {
    files.sort_by_cached_key(|file| order::key(path(file)));
}

/// The path from the store's root of a course's file.
#[must_use]
pub fn inside(folder: &str, path: &str) -> String {
    match folder {
        "." => path.to_owned(),
        _ => format!("{folder}/{path}"),
    }
}

/// The same path as seen from the course's folder.
fn below<'p>(folder: &str, path: &'p str) -> &'p str {
    let inner = path.strip_prefix(folder);
    inner
        .and_then(|path| path.strip_prefix('/'))
        .unwrap_or(path)
}
