//! Where the seller's course files are: a folder on this machine (or mounted on it), one subfolder
//! per course. It lists and opens; who may have a file is decided elsewhere.
//!
//! Nothing outside of the root is ever opened: names are checked first, then the place that the
//! system resolves them to. The seller who can write below the root is trusted not to race us.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::Fault;
use crate::clock::Timestamp;

mod manifest;
mod order;

pub use manifest::{LIMIT, Manifest, ManifestFile};

/// The root folder of a source.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// A file of a course, open for reading from its start.
#[derive(Debug)]
pub struct OpenFile {
    /// The open file.
    pub file: tokio::fs::File,
    /// Bytes at the moment of opening.
    pub size: u64,
    /// When it was last written.
    pub modified: Timestamp,
    /// Strong entity tag with its quotes, from size and time of writing to the nanosecond.
    pub etag: String,
}

impl Folder {
    /// The source at `path`, which must be a folder that can be listed now.
    pub fn open(path: impl Into<PathBuf>) -> anyhow::Result<Self> {
        use anyhow::Context;
        let root = path.into();
        std::fs::read_dir(&root).with_context(|| format!("source folder {}", root.display()))?;
        Ok(Self { root })
    }

    /// The files of one course, in the order in which people read them.
    pub async fn manifest(&self, folder: &str) -> Result<Manifest, Fault> {
        let (root, folder) = (self.root.clone(), folder.to_owned());
        off_the_async_threads(move || manifest::list(&root, &folder)).await
    }

    /// One file of a course, by the path its manifest gives.
    pub async fn file(&self, folder: &str, relative: &str) -> Result<OpenFile, Fault> {
        let root = self.root.clone();
        let (folder, relative) = (folder.to_owned(), relative.to_owned());
        off_the_async_threads(move || open_below(&root, &folder, &relative)).await
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(transient("reading the source folder was interrupted")),
    }
}

fn open_below(root: &Path, folder: &str, relative: &str) -> Result<OpenFile, Fault> {
    let shown = format!("{folder}/{relative}");
    let root = real_root(root)?;
    let course = resolve(&root, &root.join(plain_path(folder)?), folder)?;
    let place = resolve(&root, &course.join(plain_path(relative)?), &shown)?;
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = place.metadata().map_err(|error| io_fault(&error, &shown))?;
    if !metadata.is_file() {
        return Err(mapping(&format!("{shown:?} is not a file")));
    }
    let file = File::open(&place).map_err(|error| io_fault(&error, &shown))?;
    let metadata = file.metadata().map_err(|error| io_fault(&error, &shown))?;
    Ok(OpenFile {
        size: metadata.len(),
        modified: modified(&metadata),
        etag: etag(&metadata),
        file: tokio::fs::File::from_std(file),
    })
}

/// `text` as a relative path whose every part is a plain, visible name.
/// `.` is the whole source, as the catalogue writes it.
fn plain_path(text: &str) -> Result<&Path, Fault> {
    if text == "." || text.split('/').all(is_plain) {
        Ok(Path::new(text))
    } else {
        Err(mapping(&format!("{text:?} is not a usable path")))
    }
}

/// Neither empty, hidden nor `..`, and the same single name on every system.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || c == '\\' || c == '/')
}

/// Asked again for every call: a root that is a link may be switched while we run.
fn real_root(root: &Path) -> Result<PathBuf, Fault> {
    root.canonicalize()
        .map_err(|_| transient("the source folder cannot be reached"))
}

/// Where `path` really is, if that is below `root`.
fn resolve(root: &Path, path: &Path, shown: &str) -> Result<PathBuf, Fault> {
    let place = path
        .canonicalize()
        .map_err(|error| io_fault(&error, shown))?;
    if place.starts_with(root) {
        Ok(place)
    } else {
        Err(mapping(&format!(
            "{shown:?} is a link that leaves the source folder"
        )))
    }
}

fn modified(metadata: &Metadata) -> Timestamp {
    let millis = i128::from(nanos(metadata)).div_euclid(1_000_000);
    Timestamp(i64::try_from(millis).unwrap_or_default())
}

fn etag(metadata: &Metadata) -> String {
    format!("\"{:x}-{:x}\"", metadata.len(), nanos(metadata))
}

/// Time of the last write since 1970, 0 where it is unknown or earlier; enough until the year 2262.
fn nanos(metadata: &Metadata) -> i64 {
    metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|age| i64::try_from(age.as_nanos()).ok())
        .unwrap_or_default()
}

/// What is missing, closed to us or misnamed waits for the seller; anything else will pass.
fn io_fault(error: &io::Error, shown: &str) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => mapping(&format!("{shown:?} does not exist")),
        io::ErrorKind::NotADirectory => mapping(&format!("{shown:?} is not a folder")),
        io::ErrorKind::PermissionDenied => mapping(&format!("Bursar may not read {shown:?}")),
        io::ErrorKind::InvalidFilename => mapping(&format!("{shown:?} is not a usable path")),
        kind => transient(&format!("{shown:?} could not be read: {kind}")),
    }
}

fn mapping(why: &str) -> Fault {
    Fault::MappingBroken { why: clipped(why) }
}

fn transient(why: &str) -> Fault {
    Fault::Transient {
        why: clipped(why),
        after: None,
    }
}

/// The longest sentence a [`Fault`] may carry.
fn clipped(why: &str) -> String {
    why.chars().take(300).collect()
}
