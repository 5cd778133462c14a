//! A folder on this machine, or mounted on it.
//!
//! Nothing outside of the root is ever opened: names are checked first, then the place that the
//! system resolves them to. The seller who can write below the root is trusted not to race us.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use url::Url;

use super::names::plain_path;
use super::{Abilities, Entry, Fault, Flow, Parcel, Proof, Store, mapping, transient};
use crate::clock::Timestamp;

mod walk;
mod write;

/// Bytes in memory per open file.
const BUFFER: u64 = 256 * 1024;

/// The root folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    /// The first `put` makes the root.
    on_demand: bool,
}

impl Folder {
    /// The folder at `path`, which must be one that can be listed now.
    pub fn open(path: impl Into<PathBuf>) -> anyhow::Result<Self> {
        use anyhow::Context;
        let root = path.into();
        std::fs::read_dir(&root).with_context(|| format!("folder {}", root.display()))?;
        Ok(Self {
            root,
            on_demand: false,
        })
    }

    /// The folder at `path`, made when something is put there; empty before.
    #[must_use]
    pub fn made_on_demand(path: impl Into<PathBuf>) -> Self {
        Self {
            root: path.into(),
            on_demand: true,
        }
    }

    fn is_to_be_made(&self) -> bool {
        self.on_demand && !self.root.exists()
    }
}

#[async_trait]
impl Store for Folder {
    fn abilities(&self) -> Abilities {
        Abilities {
            writes: true,
            ranges: true,
            presigns: false,
            proof: Proof::Size,
            resumes: true,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        let folder = self.clone();
        off_the_async_threads(move || {
            let shown = folder.root.display().to_string();
            if folder.is_to_be_made() {
                return Ok(format!("{shown}, which will be made when it is needed"));
            }
            let listed = std::fs::read_dir(&folder.root);
            listed.map_err(|error| io_fault(&error, &shown))?;
            Ok(shown)
        })
        .await
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        let (place, folder) = (self.clone(), folder.to_owned());
        off_the_async_threads(move || {
            if place.is_to_be_made() {
                return Ok(Vec::new());
            }
            walk::list(&place.root, &folder, limit)
        })
        .await
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        let (folder, path) = (self.clone(), path.to_owned());
        off_the_async_threads(move || {
            plain_path(&path)?;
            if folder.is_to_be_made() {
                return Ok(None);
            }
            match find(&folder.root, &path)? {
                Some((_, metadata)) => Ok(Some(entry(path, &metadata))),
                None => Ok(None),
            }
        })
        .await
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        let (root, seen) = (self.root.clone(), entry.clone());
        let file = off_the_async_threads(move || open_as_seen(&root, &seen)).await?;
        read(file, entry.path.clone(), range.unwrap_or(0..entry.size))
    }

    async fn partial(&self, path: &str) -> Result<u64, Fault> {
        write::partial(self, path).await
    }

    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        write::put(self, parcel).await
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        write::remove(self, path).await
    }

    async fn presign(&self, _: &str, _: &str, _: Duration) -> Result<Option<Url>, Fault> {
        Ok(None)
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(transient("work on a folder was interrupted")),
    }
}

/// Where a file really is, if there is one.
fn find(root: &Path, path: &str) -> Result<Option<(PathBuf, Metadata)>, Fault> {
    let root = real_root(root)?;
    let at = root.join(plain_path(path)?);
    if let Err(error) = at.metadata()
        && error.kind() == io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    let place = resolve(&root, &at, path)?;
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = place.metadata().map_err(|error| io_fault(&error, path))?;
    if metadata.is_file() {
        Ok(Some((place, metadata)))
    } else {
        Err(mapping(&format!("{path:?} is not a file")))
    }
}

fn open_as_seen(root: &Path, seen: &Entry) -> Result<File, Fault> {
    let path = seen.path.as_str();
    let (place, _) =
        find(root, path)?.ok_or_else(|| mapping(&format!("{path:?} does not exist")))?;
    let file = File::open(&place).map_err(|error| io_fault(&error, path))?;
    let metadata = file.metadata().map_err(|error| io_fault(&error, path))?;
    match &seen.etag {
        Some(tag) if *tag != etag(&metadata) => Err(transient(&format!("{path:?} has changed"))),
        _ => Ok(file),
    }
}

/// Exactly the bytes of `range`, or a fault.
fn read(mut file: File, path: String, range: Range<u64>) -> Result<Flow, Fault> {
    let sought = file.seek(SeekFrom::Start(range.start));
    sought.map_err(|error| io_fault(&error, &path))?;
    let left = range.end.saturating_sub(range.start);
    let pieces = try_unfold((file, left), move |(file, left)| {
        let path = path.clone();
        async move {
            if left == 0 {
                return Ok(None);
            }
            let (file, piece) = off_the_async_threads(move || {
                let piece = piece(&file, left).map_err(|error| io_fault(&error, &path))?;
                Ok((file, piece))
            })
            .await?;
            let left = left - piece.len() as u64;
            Ok(Some((piece, (file, left))))
        }
    });
    Ok(Box::pin(pieces))
}

/// Straight into the memory that is sent: no buffer between them, and none that stays.
fn piece(file: &File, left: u64) -> io::Result<Bytes> {
    let room = left.min(BUFFER);
    let mut piece = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    if file.take(room).read_to_end(&mut piece)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(piece.into())
}

/// Asked again for every call: a root that is a link may be switched while we run.
fn real_root(root: &Path) -> Result<PathBuf, Fault> {
    root.canonicalize()
        .map_err(|_| transient("the folder cannot be reached"))
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
            "{shown:?} is a link that leaves its folder"
        )))
    }
}

fn entry(path: String, metadata: &Metadata) -> Entry {
    Entry {
        path,
        size: metadata.len(),
        modified: Some(modified(metadata)),
        etag: Some(etag(metadata)),
        md5: None,
    }
}

fn modified(metadata: &Metadata) -> Timestamp {
    let millis = i128::from(nanos(metadata)).div_euclid(1_000_000);
    Timestamp(i64::try_from(millis).unwrap_or_default())
}

fn etag(metadata: &Metadata) -> String {
    format!("{:x}-{:x}", metadata.len(), nanos(metadata))
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
        io::ErrorKind::PermissionDenied => mapping(&format!("Bursar may not use {shown:?}")),
        io::ErrorKind::InvalidFilename => mapping(&format!("{shown:?} is not a usable path")),
        io::ErrorKind::StorageFull => transient(&format!("there is no room left for {shown:?}")),
        io::ErrorKind::UnexpectedEof => {
            transient(&format!("{shown:?} became shorter while it was read"))
        }
        kind => transient(&format!("{shown:?}: {kind}")),
    }
}
