//! Every file below a folder, links followed as far as they stay inside.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, Fault, entry, io_fault, mapping, plain_path, real_root, resolve};
use crate::connectors::stores::names::{is_litter, is_plain};

/// Deeper than any course; also ends a circle of links.
const DEEPEST: usize = 32;

pub(super) fn list(root: &Path, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
    let root = real_root(root)?;
    let start = resolve(&root, &root.join(plain_path(folder)?), folder)?;
    let prefix = match folder {
        "." => String::new(),
        _ => format!("{folder}/"),
    };
    let mut walk = Walk {
        root,
        folder: folder.to_owned(),
        limit,
        seen: 0,
        files: Vec::new(),
    };
    walk.enter(&start, &prefix, 0)?;
    Ok(walk.files)
}

struct Walk {
    root: PathBuf,
    folder: String,
    limit: usize,
    seen: usize,
    files: Vec<Entry>,
}

impl Walk {
    fn enter(&mut self, place: &Path, prefix: &str, depth: usize) -> Result<(), Fault> {
        let shown = prefix.trim_end_matches('/');
        if depth > DEEPEST {
            return Err(mapping(&format!(
                "{shown:?} has folders in folders without end"
            )));
        }
        let fault = |error: io::Error| io_fault(&error, shown);
        for entry in place.read_dir().map_err(fault)? {
            self.take(&entry.map_err(fault)?, prefix, depth)?;
        }
        Ok(())
    }

    fn take(&mut self, entry: &DirEntry, prefix: &str, depth: usize) -> Result<(), Fault> {
        self.seen += 1;
        if self.seen > self.limit {
            let (folder, limit) = (&self.folder, self.limit);
            return Err(mapping(&format!("{folder:?} has more than {limit} files")));
        }
        let raw = entry.file_name();
        let name = raw.to_string_lossy();
        if is_litter(&name) {
            return Ok(());
        }
        let path = format!("{prefix}{name}");
        if raw.to_str().is_none_or(|name| !is_plain(name)) {
            return Err(mapping(&format!(
                "{path:?} has a name that cannot be downloaded: rename it"
            )));
        }
        self.measure(entry, path, depth)
    }

    fn measure(&mut self, found: &DirEntry, path: String, depth: usize) -> Result<(), Fault> {
        let file_type = found.file_type().map_err(|e| io_fault(&e, &path))?;
        let place = if file_type.is_symlink() {
            resolve(&self.root, &found.path(), &path)?
        } else {
            found.path()
        };
        let metadata = match place.metadata() {
            Ok(metadata) => metadata,
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_fault(&error, &path)),
        };
        if metadata.is_dir() {
            return self.enter(&place, &format!("{path}/"), depth + 1);
        }
        if !metadata.is_file() {
            return Err(mapping(&format!("{path:?} is neither a file nor a folder")));
        }
        self.files.push(entry(path, &metadata));
        Ok(())
    }
}
