//! Object stores and SFTP, through opendal: it signs, divides large files into parts and reads ranges.
//! Each call is one attempt: no layer of it retries. An upload that is cut off leaves nothing under
//! the name, and is sent again from its start.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use opendal::{ErrorKind, Metadata, Operator};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::names::{is_litter, is_plain_path, plain_path};
use super::{Abilities, Entry, Fault, Flow, Parcel, Proof, Store, exactly, mapping, split};
use crate::clock::Timestamp;
use crate::config::StoreConnection;

mod fault;
mod kinds;
mod transport;
mod upload;

use fault::fault;

/// What differs between the kinds, beyond what opendal says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Traits {
    /// A read may be bound to an etag.
    binds_reads: bool,
    /// The etag of a file is its MD5, or the MD5 of those of its parts.
    etag_is_md5: bool,
    proof: Proof,
}

/// A store behind opendal.
#[derive(Debug, Clone)]
pub struct Remote {
    operator: Operator,
    /// Kind and place, for people.
    shown: String,
    traits: Traits,
}

impl Remote {
    /// As the settings say. Nothing is connected yet.
    pub fn new(connection: &StoreConnection) -> anyhow::Result<Self> {
        let (operator, traits) = kinds::operator(connection)?;
        let place = [
            connection.bucket.as_str(),
            connection.path.trim_matches('/'),
        ];
        let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        Ok(Self {
            operator,
            shown: format!("{} {}", connection.kind, place.join("/")),
            traits,
        })
    }

    async fn stat(&self, path: &str) -> Result<Option<Entry>, Fault> {
        match self.operator.stat(path).await {
            Ok(found) if found.is_file() => Ok(Some(self.entry(path, &found))),
            Ok(_) => Err(mapping(&format!("{path:?} is not a file"))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&error, path)),
        }
    }

    fn entry(&self, path: &str, found: &Metadata) -> Entry {
        let modified = found.last_modified();
        let etag = found.etag().map(|tag| tag.trim_matches('"').to_owned());
        let md5 = found.content_md5().and_then(in_hex);
        let told = |etag: &String| self.traits.etag_is_md5 && is_md5(etag);
        Entry {
            path: path.to_owned(),
            size: found.content_length(),
            modified: modified.map(|at| Timestamp(at.into_inner().as_millisecond())),
            md5: md5.or_else(|| etag.clone().filter(told)),
            etag,
        }
    }

    /// What a buyer may see of this path.
    fn visible(path: &str, folder: &str) -> Result<bool, Fault> {
        let inner = path.strip_prefix(folder).unwrap_or(path);
        if path.ends_with('/') || inner.split('/').any(is_litter) {
            return Ok(false);
        }
        if is_plain_path(inner) {
            return Ok(true);
        }
        let why = format!("{path:?} has a name that cannot be downloaded: rename it");
        Err(mapping(&why))
    }
}

#[async_trait]
impl Store for Remote {
    fn abilities(&self) -> Abilities {
        let can = self.operator.info().capability();
        Abilities {
            writes: can.write && can.delete,
            ranges: can.read,
            presigns: can.presign_read,
            proof: self.traits.proof,
            resumes: false,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        let mut listed = self
            .operator
            .lister_with("/")
            .limit(1)
            .await
            .map_err(|error| fault::of_the_place(&error, &self.shown))?;
        match listed.next().await {
            Some(Err(error)) => Err(fault::of_the_place(&error, &self.shown)),
            _ => Ok(self.shown.clone()),
        }
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        let prefix = match plain_path(folder)? {
            "." => String::new(),
            named => format!("{named}/"),
        };
        let place = if prefix.is_empty() { "/" } else { &prefix };
        let listed = self.operator.lister_with(place).recursive(true).await;
        let mut listed = listed.map_err(|error| fault(&error, folder))?;
        let mut files = Vec::new();
        while let Some(found) = listed.next().await {
            let found = found.map_err(|error| fault(&error, folder))?;
            let path = found.path();
            if !Self::visible(path, &prefix)? {
                continue;
            }
            if files.len() == limit {
                return Err(mapping(&format!("{folder:?} has more than {limit} files")));
            }
            let known = found.metadata();
            if known.etag().is_some() || known.last_modified().is_some() {
                files.push(self.entry(path, known));
            } else {
                // Some list names alone. One that is gone by now was not there.
                files.extend(self.stat(path).await?);
            }
        }
        Ok(files)
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        self.stat(plain_path(path)?).await
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        let path = plain_path(&entry.path)?.to_owned();
        let range = range.unwrap_or(0..entry.size);
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Box::pin(futures_util::stream::empty()));
        }
        let mut reading = self.operator.reader_with(&path);
        if let Some(tag) = entry.etag.as_ref().filter(|_| self.traits.binds_reads) {
            reading = reading.if_match(&format!("\"{tag}\""));
        }
        let reader = reading.await.map_err(|error| fault(&error, &path))?;
        let stream = reader.into_stream(range).await;
        let stream = stream.map_err(|error| fault(&error, &path))?;
        let shown = path.clone();
        let pieces = stream.map_ok(|buffer| buffer.to_bytes());
        let pieces = pieces.map_err(move |error| fault(&error, &shown));
        Ok(exactly(length, path, split(Box::pin(pieces))))
    }

    async fn partial(&self, path: &str) -> Result<u64, Fault> {
        plain_path(path).map(|_| 0)
    }

    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        upload::put(self, parcel).await
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        let removed = self.operator.delete(plain_path(path)?).await;
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(fault(&error, path)),
            _ => Ok(()),
        }
    }

    async fn presign(
        &self,
        path: &str,
        saved_as: &str,
        life: Duration,
    ) -> Result<Option<Url>, Fault> {
        if !self.abilities().presigns {
            return Ok(None);
        }
        let name = utf8_percent_encode(saved_as, NON_ALPHANUMERIC);
        let saved = format!("attachment; filename*=UTF-8''{name}");
        let signing = self
            .operator
            .presign_read_with(plain_path(path)?, life)
            .override_content_disposition(&saved);
        match signing.await {
            Ok(signed) => Ok(Url::parse(&signed.uri().to_string()).ok()),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(fault(&error, path)),
        }
    }
}

/// Some write it in hex, some in Base64.
fn in_hex(md5: &str) -> Option<String> {
    use base64::Engine;
    if is_md5(md5) {
        return Some(md5.to_ascii_lowercase());
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(md5).ok()?;
    (bytes.len() == 16).then(|| hex::encode(bytes))
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
