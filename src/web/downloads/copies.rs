//! Stamped copies on this machine: made when a buyer asks for one, found again under a name that
//! only the same file and the same buyer have, and removed when nobody has asked for long. Losing
//! them all loses nothing: a copy that is made again has the same bytes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::stamp::{self, Mark, Unstampable};
use crate::clock::Timestamp;
use crate::config;

/// A copy that nobody asked for this long is removed.
const UNUSED: Duration = Duration::from_hours(168);

/// How the name of an unfinished copy begins.
const DRAFT: &str = "draft-";

const MEGABYTE: u64 = 1_000_000;

/// The copies of this process.
pub struct Copies {
    settings: config::Stamp,
    known: Mutex<HashMap<String, Facts>>,
    /// One at a time: a PDF in work is in memory whole.
    making: tokio::sync::Mutex<()>,
}

/// What must be known of a copy before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampedCopy {
    /// Where it lies.
    pub path: PathBuf,
    /// Its measures.
    pub facts: Facts,
}

/// Measures of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    /// As zip has it.
    pub crc32: u32,
    /// Strong, with its quotes.
    pub etag: String,
}

/// Which file is copied.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// The store and the path in it.
    pub place: (&'a str, &'a str),
    /// Bytes.
    pub size: u64,
    /// Another content has another one.
    pub etag: &'a str,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum NoCopy {
    /// It is the PDF.
    #[error(transparent)]
    Unstampable(#[from] Unstampable),
    /// It is the folder of copies, or the store of the original.
    #[error("the stamped copy could not be made: {0}")]
    Io(#[from] io::Error),
}

impl Copies {
    /// In the folder that the settings name; it is made when the first copy is.
    #[must_use]
    pub fn new(settings: &config::Stamp) -> Self {
        Self {
            settings: settings.clone(),
            known: Mutex::default(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// The buyer's copy at `now`; `read` gives the whole original and is called when it must be made.
    pub async fn get(
        self: &Arc<Self>,
        original: Original<'_>,
        mark: &Mark,
        now: Timestamp,
        read: impl Future<Output = io::Result<Vec<u8>>>,
    ) -> Result<StampedCopy, NoCopy> {
        if original.size > u64::from(self.settings.limit_megabytes) * MEGABYTE {
            return Err(Unstampable::TooLarge.into());
        }
        let name = name(original, mark);
        if let Some(copy) = self.find(&name, now).await? {
            return Ok(copy);
        }
        let _turn = self.making.lock().await;
        // Another connection of the same buyer may have had it made.
        if let Some(copy) = self.find(&name, now).await? {
            return Ok(copy);
        }
        let (pdf, mark) = (read.await?, mark.clone());
        self.off_thread(move |copies| copies.make(&name, &pdf, &mark, now))
            .await
    }

    async fn find(
        self: &Arc<Self>,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<StampedCopy>, NoCopy> {
        let name = name.to_owned();
        self.off_thread(move |copies| Ok(copies.look(&name, now)?))
            .await
    }

    /// A parser that gives up with a panic has met a broken file.
    async fn off_thread<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, NoCopy> + Send + 'static,
    ) -> Result<T, NoCopy> {
        let copies = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&copies)).await;
        done.unwrap_or(Err(NoCopy::Unstampable(Unstampable::Broken)))
    }

    fn look(&self, name: &str, now: Timestamp) -> io::Result<Option<StampedCopy>> {
        let path = self.path(name);
        let mut file = match File::options().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let known = self.known().get(name).cloned();
        let size = file.metadata()?.len();
        let facts = match known.filter(|facts| facts.size == size) {
            Some(facts) => facts,
            None => self.learn(name, &mut file)?,
        };
        // What is in use is not old. Where that cannot be written, it is made again some day.
        drop(file.set_modified(time(now)));
        Ok(Some(StampedCopy { path, facts }))
    }

    fn make(
        &self,
        name: &str,
        pdf: &[u8],
        mark: &Mark,
        now: Timestamp,
    ) -> Result<StampedCopy, NoCopy> {
        let bytes = stamp::stamped(pdf, mark)?;
        fs::create_dir_all(&self.settings.folder)?;
        let mut draft = tempfile::Builder::new()
            .prefix(DRAFT)
            .tempfile_in(&self.settings.folder)?;
        draft.write_all(&bytes)?;
        draft.as_file().set_modified(time(now))?;
        // A name that is there after a power cut must not stand for half a file.
        draft.as_file().sync_all()?;
        let path = self.path(name);
        draft.persist(&path).map_err(|failed| failed.error)?;
        let facts = self.learn(name, &mut bytes.as_slice())?;
        self.tidy(&path, now);
        Ok(StampedCopy { path, facts })
    }

    fn learn(&self, name: &str, bytes: &mut impl Read) -> io::Result<Facts> {
        let (mut crc32, mut digest, mut size) = (crc32fast::Hasher::new(), Sha256::new(), 0);
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = bytes.read(&mut piece)?;
            if read == 0 {
                break;
            }
            crc32.update(&piece[..read]);
            digest.update(&piece[..read]);
            size += read as u64;
        }
        let facts = Facts {
            size,
            crc32: crc32.finalize(),
            etag: format!("\"stamped-{}\"", hex::encode(&digest.finalize()[..16])),
        };
        self.known().insert(name.to_owned(), facts.clone());
        Ok(facts)
    }

    /// Old copies go, then those not used for longest, until the rest fits; never the newest.
    fn tidy(&self, newest: &Path, now: Timestamp) {
        let Ok(entries) = fs::read_dir(&self.settings.folder) else {
            return;
        };
        let mut copies: Vec<(SystemTime, u64, PathBuf)> = entries
            .flatten()
            .filter(|entry| entry.path() != newest && is_copy(&entry.path()))
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        copies.sort();
        let oldest = time(now.minus(UNUSED));
        let most = u64::from(self.settings.cache_megabytes) * MEGABYTE;
        let new = fs::metadata(newest).map_or(0, |metadata| metadata.len());
        let mut kept = new + copies.iter().map(|(_, size, _)| size).sum::<u64>();
        for (used, size, path) in copies {
            if kept <= most && used > oldest {
                continue;
            }
            // What is being sent is open, and stays readable to its end.
            if fs::remove_file(&path).is_ok() {
                kept -= size;
                self.forget(&path);
            }
        }
    }

    fn forget(&self, path: &Path) {
        if let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) {
            self.known().remove(name);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.settings.folder.join(format!("{name}.pdf"))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Facts>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ours: a copy, or what was left of one that was never finished. The seller may keep other files here.
fn is_copy(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let is_name = |stem: &str| stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit());
    let is_whole = path.extension().is_some_and(|end| end == "pdf");
    stem.is_some_and(|stem| (is_whole && is_name(stem)) || stem.starts_with(DRAFT))
}

fn time(moment: Timestamp) -> SystemTime {
    UNIX_EPOCH + moment.since(Timestamp(0))
}

/// Each part after its length, so that none can run into the next.
fn name(original: Original<'_>, mark: &Mark) -> String {
    let mut digest = Sha256::new_with_prefix(b"bursar.stamped.v1");
    let size = original.size.to_string();
    let (store, path) = original.place;
    for part in [store, path, original.etag, &size, &mark.email, &mark.code] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(digest.finalize())
}
