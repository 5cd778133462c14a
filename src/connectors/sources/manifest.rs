//! What a course's folder holds. A folder that cannot be delivered whole is refused whole, with a
//! sentence for the seller: a buyer must not get a course with silent holes.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use super::{Fault, io_fault, is_plain, mapping, modified, order, plain_path, real_root, resolve};
use crate::clock::Timestamp;

/// The most entries (files and folders) that one course may have.
pub const LIMIT: usize = 100_000;

/// Deeper than any course; also ends a circle of links.
const DEEPEST: usize = 32;

/// What file managers leave behind without hiding it from everybody.
const LITTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "__MACOSX"];

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
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

impl Manifest {
    /// All bytes together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

pub(super) fn list(root: &Path, folder: &str) -> Result<Manifest, Fault> {
    let root = real_root(root)?;
    let course = resolve(&root, &root.join(plain_path(folder)?), folder)?;
    let mut walk = Walk {
        root,
        folder: folder.to_owned(),
        seen: 0,
        files: Vec::new(),
    };
    walk.enter(&course, "", 0)?;
    if walk.files.is_empty() {
        return Err(mapping(&format!("the folder {folder:?} has no files")));
    }
    walk.files.sort_by_cached_key(|file| order::key(&file.path));
    Ok(Manifest { files: walk.files })
}

struct Walk {
    root: PathBuf,
    folder: String,
    seen: usize,
    files: Vec<ManifestFile>,
}

impl Walk {
    fn enter(&mut self, place: &Path, prefix: &str, depth: usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(self.broken(prefix, "has folders in folders without end"));
        }
        for entry in place.read_dir().map_err(|e| self.io_fault(&e, prefix))? {
            let entry = entry.map_err(|e| self.io_fault(&e, prefix))?;
            self.take(&entry, prefix, depth)?;
        }
        Ok(())
    }

    fn take(&mut self, entry: &DirEntry, prefix: &str, depth: usize) -> Result<(), Fault> {
        self.seen += 1;
        if self.seen > LIMIT {
            return Err(self.broken("", &format!("has more than {LIMIT} files")));
        }
        let raw = entry.file_name();
        let name = raw.to_string_lossy();
        if name.starts_with('.') || LITTER.contains(&name.as_ref()) {
            return Ok(());
        }
        let path = format!("{prefix}{name}");
        if raw.to_str().is_none_or(|name| !is_plain(name)) {
            return Err(self.broken(&path, "has a name that cannot be downloaded: rename it"));
        }
        self.measure(entry, path, depth)
    }

    fn measure(&mut self, entry: &DirEntry, path: String, depth: usize) -> Result<(), Fault> {
        let linked = entry
            .file_type()
            .map_err(|e| self.io_fault(&e, &path))?
            .is_symlink();
        let place = if linked {
            resolve(&self.root, &entry.path(), &self.shown(&path))?
        } else {
            entry.path()
        };
        let metadata = match place.metadata() {
            Ok(metadata) => metadata,
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.io_fault(&error, &path)),
        };
        if metadata.is_dir() {
            return self.enter(&place, &format!("{path}/"), depth + 1);
        }
        if !metadata.is_file() {
            return Err(self.broken(&path, "is neither a file nor a folder"));
        }
        self.files.push(ManifestFile {
            path,
            size: metadata.len(),
            modified: modified(&metadata),
        });
        Ok(())
    }

    fn shown(&self, path: &str) -> String {
        format!("{}/{path}", self.folder)
            .trim_end_matches('/')
            .to_owned()
    }

    fn broken(&self, path: &str, what: &str) -> Fault {
        mapping(&format!("{:?} {what}", self.shown(path)))
    }

    fn io_fault(&self, error: &io::Error, path: &str) -> Fault {
        io_fault(error, &self.shown(path))
    }
}
