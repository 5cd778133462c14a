//! A web server as a source, to read only: a folder that is a zip archive is read in ranges, without
//! being fetched whole; any other folder has an `index.txt` with a path on each line.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use self::request::{Asked, text};
use self::zip::{Directory, Member};
use super::flow::{exactly, split};
use super::names::{is_litter, is_plain_path, plain_path};
use super::{Abilities, Entry, Fault, Flow, Parcel, Proof, Store, mapping};
use crate::config::StoreConnection;
use crate::connectors::http::{absolute, patient_client};

mod request;
mod zip;

/// Bytes of an index.
const INDEX: u64 = 16 * 1024 * 1024;
/// Questions on their way at once.
const AT_ONCE: usize = 8;
/// What stays as it is in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// A web server.
pub struct Web {
    asked: Asked,
    shown: String,
    /// The archive that was read last: publishing opens thousands of its files.
    held: Mutex<Option<(String, Arc<Directory>)>>,
}

impl Web {
    /// As the settings say. Nothing is connected yet.
    pub fn new(connection: &StoreConnection) -> anyhow::Result<Self> {
        let base = absolute(&connection.endpoint)?;
        let shown = base.as_str().trim_end_matches('/').to_owned();
        let path = encoded(connection.path.trim_matches('/'));
        Ok(Self {
            asked: Asked {
                client: patient_client()?,
                base: format!("{shown}/{path}").trim_end_matches('/').to_owned(),
                account: connection.account.clone(),
                secret: connection.secret.clone(),
            },
            shown,
            held: Mutex::default(),
        })
    }

    async fn directory(&self, archive: &str) -> Result<Arc<Directory>, Fault> {
        let seen = self.asked.head(&encoded(archive)).await?;
        let seen = seen.ok_or_else(|| mapping(&format!("{archive:?} does not exist")))?;
        if let Some((path, held)) = self.held().as_ref()
            && path == archive
            && held.archive == seen
        {
            return Ok(Arc::clone(held));
        }
        let fetch = |range| self.asked.whole(encoded(archive), range, &seen);
        let directory = Arc::new(zip::directory(archive, seen.clone(), fetch).await?);
        *self.held() = Some((archive.to_owned(), Arc::clone(&directory)));
        Ok(directory)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<(String, Arc<Directory>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn index(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        let inner = match folder {
            "." => String::new(),
            _ => format!("{folder}/"),
        };
        let index = format!("{inner}index.txt");
        let seen = self.asked.head(&encoded(&index)).await?;
        let seen = seen.ok_or_else(|| mapping(&format!("{index:?} does not exist")))?;
        if seen.size > INDEX {
            return Err(mapping(&format!("{index:?} is larger than {INDEX} bytes")));
        }
        let bytes = self
            .asked
            .whole(encoded(&index), 0..seen.size, &seen)
            .await?;
        let lines = text(&bytes, &index)?.lines().map(str::trim);
        let named = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let paths: Vec<String> = named.map(|line| format!("{inner}{line}")).collect();
        if paths.len() > limit {
            return Err(mapping(&format!("{folder:?} has more than {limit} files")));
        }
        let looked = stream::iter(paths).map(|path| async move {
            let found = self.look(&path).await?;
            found.ok_or_else(|| mapping(&format!("{path:?} is in the index and does not exist")))
        });
        looked.buffered(AT_ONCE).try_collect().await
    }

    async fn member(&self, path: &str) -> Result<Option<(Arc<Directory>, Member, String)>, Fault> {
        let Some((archive, inner)) = in_archive(path) else {
            return Ok(None);
        };
        let directory = self.directory(archive).await?;
        let member = directory.member(inner).cloned();
        let member = member.ok_or_else(|| mapping(&format!("{path:?} does not exist")))?;
        Ok(Some((directory, member, archive.to_owned())))
    }
}

#[async_trait]
impl Store for Web {
    fn abilities(&self) -> Abilities {
        Abilities {
            writes: false,
            ranges: true,
            presigns: false,
            proof: Proof::Size,
            resumes: false,
        }
    }

    /// Any answer will do: what the root says is the server's own business.
    async fn ping(&self) -> Result<String, Fault> {
        self.asked.head("").await.map(|_| self.shown.clone())
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        plain_path(folder)?;
        if !is_archive(folder) {
            return self.index(folder, limit).await;
        }
        let directory = self.directory(folder).await?;
        let mut files = Vec::new();
        for member in &directory.members {
            if member.path.ends_with('/') || member.path.split('/').any(is_litter) {
                continue;
            }
            member.check(folder)?;
            if files.len() == limit {
                return Err(mapping(&format!("{folder:?} has more than {limit} files")));
            }
            files.push(member.entry(folder));
        }
        Ok(files)
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        if !is_plain_path(path) {
            return Err(mapping(&format!("{path:?} is not a usable path")));
        }
        if let Some((archive, inner)) = in_archive(path) {
            let directory = self.directory(archive).await?;
            return Ok(directory.member(inner).map(|found| found.entry(archive)));
        }
        let seen = self.asked.head(&encoded(path)).await?;
        Ok(seen.map(|seen| seen.entry(path)))
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        let path = entry.path.clone();
        if !is_plain_path(&path) {
            return Err(mapping(&format!("{path:?} is not a usable path")));
        }
        let range = range.unwrap_or(0..entry.size);
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Box::pin(stream::empty()));
        }
        let flow = if let Some((directory, member, archive)) = self.member(&path).await? {
            let fetch = |range| {
                self.asked
                    .flow(encoded(&archive), range, &directory.archive)
            };
            zip::open(&member, range, fetch).await?
        } else {
            let seen = request::Seen {
                size: entry.size,
                etag: entry.etag.clone(),
                modified: entry.modified,
            };
            self.asked.flow(encoded(&path), range, &seen).await?
        };
        Ok(exactly(length, path, split(flow)))
    }

    async fn partial(&self, _: &str) -> Result<u64, Fault> {
        Ok(0)
    }

    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        Err(read_only(&parcel.path))
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        Err(read_only(path))
    }

    async fn presign(&self, _: &str, _: &str, _: Duration) -> Result<Option<Url>, Fault> {
        Ok(None)
    }
}

fn read_only(path: &str) -> Fault {
    mapping(&format!(
        "{path:?} cannot be written: a web server is a source only"
    ))
}

fn is_archive(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".zip")
}

/// The archive that a path leads into, and the path there.
fn in_archive(path: &str) -> Option<(&str, &str)> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let end = ends.into_iter().find(|at| is_archive(&path[..*at]))?;
    Some((&path[..end], &path[end + 1..]))
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}
