//! Every other cloud, through the program `rclone` as one child process per call: no daemon, no job that
//! outlives us. Settings go in by environment variables and by nothing else, since rclone repeats its
//! arguments in errors; its "success" is believed only after the file was read back, for it has
//! reported success with nothing delivered. Never `rclone link`: for some clouds that opens the file
//! to everybody.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use reqwest::Url;

use super::names::{below_root, plain_path, waiting};
use super::{Abilities, Entry, Flow, Parcel, Proof, Store, exactly, mapping, transient, whole};
use crate::config::StoreConnection;
use crate::connectors::Fault;

mod child;
mod listing;

use child::Program;

/// Versions before this one have holes that matter to who fetches from strangers or serves: CVE-2026-71313
/// (names that leave the target folder), CVE-2026-49980.
const SAFE: (u32, u32) = (1, 75);
/// The oldest that this was tried with.
const OLDEST: (u32, u32) = (1, 60);
/// Waiting for a question's answer.
const PATIENCE: Duration = Duration::from_mins(2);

/// One remote.
pub struct Rclone {
    program: Program,
    root: String,
    allow_old: bool,
}

impl Rclone {
    /// As the settings say; nothing is started yet.
    pub fn new(connection: &StoreConnection) -> anyhow::Result<Self> {
        let options = connection.rclone.clone().unwrap_or_default();
        let is_word = |text: &str, is_letter: fn(char) -> bool| {
            !text.is_empty() && text.chars().all(is_letter)
        };
        anyhow::ensure!(
            is_word(&options.backend, |c| c.is_ascii_alphanumeric()),
            "{:?} is no backend of rclone; it is a name such as dropbox",
            options.backend
        );
        for name in options.options.keys() {
            anyhow::ensure!(
                is_word(name, |c| c.is_ascii_lowercase()
                    || c.is_ascii_digit()
                    || c == '_'),
                "{name:?} is no option of rclone; they are lower-case words such as client_id"
            );
        }
        Ok(Self {
            root: connection.path.trim_end_matches('/').to_owned(),
            allow_old: options.allow_old,
            program: Program::new(options),
        })
    }

    /// `path` in the words of the command line.
    fn place(&self, path: &str) -> String {
        let between = if self.root.is_empty() || path.is_empty() {
            ""
        } else {
            "/"
        };
        format!("{}:{}{between}{path}", child::NAME, self.root)
    }

    async fn version(&self) -> Result<(u32, u32), Fault> {
        let said = self.program.answer(&["version"], PATIENCE).await?;
        let first = said.lines().next().unwrap_or_default();
        let numbers = first.trim_start_matches("rclone v");
        let mut parts = numbers.split(['.', '-']).map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
            _ => Err(broken("The program does not answer as rclone does.")),
        }
    }

    /// The file at `path`, which may be one that waits for its name.
    async fn seen(&self, path: &str) -> Result<Option<Entry>, Fault> {
        let place = self.place(path);
        let arguments = ["lsjson", "--stat", "--hash", "--no-mimetype", &place];
        let ended = self.program.run(&arguments, PATIENCE).await?;
        if ended.is_absent() {
            return Ok(None);
        }
        ended.succeeded(&self.program)?;
        listing::one(&ended.said, path)
    }

    async fn proved(
        &self,
        path: &str,
        parcel_size: u64,
        md5: Option<&str>,
    ) -> Result<Entry, Fault> {
        let Some(entry) = self.seen(path).await? else {
            return Err(transient(
                "rclone reported success, but the file is not there when read back",
            ));
        };
        let is_other = matches!((md5, &entry.md5), (Some(sent), Some(kept)) if sent != kept);
        if entry.size != parcel_size || is_other {
            return Err(transient(
                "rclone reported success, but kept other bytes than were sent",
            ));
        }
        Ok(entry)
    }
}

#[async_trait]
impl Store for Rclone {
    fn abilities(&self) -> Abilities {
        Abilities {
            writes: true,
            ranges: true,
            presigns: false,
            // Of the size at least; of the MD5 too where the cloud keeps one.
            proof: Proof::Size,
            resumes: false,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        let (major, minor) = self.version().await?;
        if (major, minor) < OLDEST || ((major, minor) < SAFE && !self.allow_old) {
            return Err(broken(&format!(
                "rclone {major}.{minor} has known holes: install {}.{} or newer, or set allow_old = true.",
                SAFE.0, SAFE.1
            )));
        }
        let place = self.place("");
        let ended = self
            .program
            .run(&["lsjson", "--max-depth", "1", &place], PATIENCE)
            .await?;
        ended.succeeded(&self.program)?;
        Ok(format!("rclone {major}.{minor}"))
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        let place = self.place(below_root(folder)?);
        let arguments = [
            "lsjson",
            "-R",
            "--files-only",
            "--hash",
            "--no-mimetype",
            &place,
        ];
        let mut found = Vec::new();
        let ended = self
            .program
            .lines(&arguments, |line| {
                if let Some(entry) = listing::entry(line, folder)? {
                    found.push(entry);
                }
                if found.len() > limit {
                    let why = format!("{folder:?} has more than {limit} files");
                    return Err(mapping(&why));
                }
                Ok(())
            })
            .await?;
        if ended.is_absent() {
            return Err(mapping(&format!("{folder:?} does not exist")));
        }
        ended.succeeded(&self.program)?;
        Ok(found)
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        self.seen(plain_path(path)?).await
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        let wanted = range.unwrap_or(0..entry.size);
        if wanted.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let length = wanted.end - wanted.start;
        let mut arguments = vec!["cat".to_owned(), self.place(plain_path(&entry.path)?)];
        if wanted != (0..entry.size) {
            arguments.push(format!("--offset={}", wanted.start));
            arguments.push(format!("--count={length}"));
        }
        let output = self.program.output(&arguments)?;
        Ok(exactly(length, entry.path.clone(), output))
    }

    async fn partial(&self, _path: &str) -> Result<u64, Fault> {
        Ok(0)
    }

    /// A process that dies ends the child's input, which the child takes for the end of the file: so
    /// it writes to a name that nobody reads.
    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        let waiting = waiting(plain_path(&parcel.path)?);
        let parcel = whole(parcel)?;
        let (from, to) = (self.place(&waiting), self.place(&parcel.path));
        let size = format!("--size={}", parcel.size);
        let fed = self
            .program
            .feed(&["rcat", &size, &from], parcel.body)
            .await?;
        fed.succeeded(&self.program)?;
        let md5 = parcel.md5.as_deref();
        self.proved(&waiting, parcel.size, md5).await?;
        // Some clouds have no rename, and copy: that takes as long as the file is large.
        let moved = self
            .program
            .run(&["moveto", &from, &to], child::LONGEST)
            .await?;
        moved.succeeded(&self.program)?;
        self.proved(&parcel.path, parcel.size, md5).await
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        for path in [waiting(plain_path(path)?), path.to_owned()] {
            // It fails for what is not there with the code of any other failure.
            if self.seen(&path).await?.is_some() {
                let place = self.place(&path);
                let ended = self.program.run(&["deletefile", &place], PATIENCE).await?;
                ended.succeeded(&self.program)?;
            }
        }
        Ok(())
    }

    async fn presign(
        &self,
        _path: &str,
        _saved_as: &str,
        _life: Duration,
    ) -> Result<Option<Url>, Fault> {
        Ok(None)
    }
}

/// The seller's to mend.
fn broken(why: &str) -> Fault {
    Fault::ConnectionBroken {
        why: why.to_owned(),
    }
}
