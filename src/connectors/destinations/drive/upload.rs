//! Resumable uploads: a session, then chunks; what Google kept is what it says it kept. The session
//! and how much of it is kept come in and go out as values, so that the caller can store them and go
//! on after a crash. Nothing is sent again here: after any break the caller comes again, and the
//! first thing asked is how much arrived.
//! Source: developers.google.com/workspace/drive/api/guides/manage-uploads#resumable.

use std::future::Future;
use std::io::SeekFrom;

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION, RANGE};
use reqwest::{Method, Url};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};

use super::call::understood;
use super::files::odd;
use super::trouble::{judge, unclear};
use super::wire::{FILE, RemoteFile};
use super::{Drive, NewFile, Trouble};
use crate::config::Secret;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer};

/// Every chunk but the last is a multiple of this, by Google's rule.
const STEP: usize = 262_144;
/// A chunk over a slow line takes so many times longer than a call.
const SLOWER: u32 = 10;
/// Chunks in a row of which nothing was kept.
const MOST_IN_VAIN: usize = 3;

/// Where bytes of one file may be sent to. Whoever has it may write them: it is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session(Secret);

impl Session {
    /// As it was stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(Secret::new(text))
    }

    /// To be stored.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What beginning led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Bytes may be sent; store it first.
    Session(Session),
    /// The whole file is there already.
    Whole(RemoteFile),
}

/// Where the bytes come from.
pub trait Source {
    /// So many bytes from this place; fewer only where the file ends.
    fn read(
        &mut self,
        from: u64,
        length: usize,
    ) -> impl Future<Output = Result<Bytes, Fault>> + Send;
}

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where.
    pub session: Session,
    /// How many bytes Google has; none: it has to be asked.
    pub kept: Option<u64>,
}

/// How far one stretch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stride {
    /// Bytes in one request, a multiple of 256 KiB; held in memory.
    pub chunk: usize,
    /// Bytes in all, about; then the caller stores how far it is.
    pub most: u64,
}

impl Default for Stride {
    fn default() -> Self {
        Self {
            chunk: 32 * STEP,
            most: 512 * 1024 * 1024,
        }
    }
}

/// How a stretch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and looked at at once"
)]
pub enum Stretch {
    /// The whole file is there, and is the right one.
    Whole(RemoteFile),
    /// More is to be sent.
    More,
    /// The session is over: begin again, under the same id.
    Over,
    /// All was sent, and what arrived is something else: the source was changed, or the way spoilt
    /// it. Beginning again under the same id overwrites it.
    Differs,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and looked at at once"
)]
enum Kept {
    Whole(RemoteFile),
    UpTo(u64),
    Untold,
}

impl Drive {
    /// Begin an upload, or find that it was finished before. What is there under the id and differs
    /// is overwritten: the id is ours.
    pub async fn begin_upload(&self, new: &NewFile) -> Result<Begun, Trouble> {
        let made = if new.size == 0 {
            self.make_empty(new).await.map(Begun::Whole)
        } else {
            let metadata = json!({
                "id": new.id, "name": new.name, "parents": [new.parent], "mimeType": new.mime,
            });
            self.open(Method::POST, &[], new, &metadata).await
        };
        if made != Err(Trouble::Exists) {
            return made;
        }
        let mut found = self.found(&new.id).await?;
        if found.trashed {
            found = self.restore(&new.id).await?;
        }
        if new.is(&found) {
            return Ok(Begun::Whole(found));
        }
        if new.size == 0 {
            return Err(odd(
                "Under the id of an empty file of ours is something else.",
            ));
        }
        let metadata = json!({"name": new.name, "mimeType": new.mime});
        self.open(Method::PATCH, &[&new.id], new, &metadata).await
    }

    /// Send the next stretch of a file. Whatever happens, `upload` says what is known of it then.
    pub async fn continue_upload<S: Source>(
        &self,
        new: &NewFile,
        upload: &mut Upload,
        source: &mut S,
        stride: Stride,
    ) -> Result<Stretch, Trouble> {
        let sent = self.stretch(new, upload, source, stride).await;
        match sent {
            // 404 and 410, by the guide: the session has run out, or never was.
            Err(Trouble::Absent) => Ok(Stretch::Over),
            Err(trouble) => {
                upload.kept = None;
                Err(trouble)
            }
            Ok(Some(file)) => self.proven(new, file).await,
            Ok(None) => Ok(Stretch::More),
        }
    }

    async fn stretch<S: Source>(
        &self,
        new: &NewFile,
        upload: &mut Upload,
        source: &mut S,
        stride: Stride,
    ) -> Result<Option<RemoteFile>, Trouble> {
        let session = self.session_url(upload.session.expose())?;
        let chunk_size = (stride.chunk / STEP).max(1) * STEP;
        let (mut sent, mut in_vain) = (0, 0);
        while sent < stride.most {
            let from = match upload.kept {
                Some(kept) => kept,
                None => match self.ask(&session, new.size).await? {
                    Kept::Whole(file) => return Ok(Some(file)),
                    Kept::UpTo(kept) => kept,
                    Kept::Untold => 0,
                },
            };
            let chunk = chunk(source, from, new.size, chunk_size).await?;
            sent += chunk.len() as u64;
            match self.put(&session, from, new.size, chunk).await? {
                Kept::Whole(file) => return Ok(Some(file)),
                Kept::UpTo(kept) if kept > new.size => {
                    return Err(odd("Google kept more bytes than the file has."));
                }
                Kept::UpTo(kept) => upload.kept = Some(kept),
                Kept::Untold => upload.kept = None,
            }
            in_vain = if upload.kept > Some(from) {
                0
            } else {
                in_vain + 1
            };
            if in_vain == MOST_IN_VAIN {
                let why = "Google keeps nothing of what is sent.".to_owned();
                return Err(Fault::Transient { why, after: None }.into());
            }
        }
        Ok(None)
    }

    async fn open(
        &self,
        method: Method,
        of: &[&str],
        new: &NewFile,
        metadata: &serde_json::Value,
    ) -> Result<Begun, Trouble> {
        let mut path = vec!["upload", "drive", "v3", "files"];
        path.extend(of);
        let url = self.url(&path, &[("uploadType", "resumable"), ("fields", FILE)]);
        let request = self
            .client
            .request(method, url)
            .header("X-Upload-Content-Type", &new.mime)
            .header("X-Upload-Content-Length", new.size)
            .json(metadata);
        let (answer, headers) = self.exchange(Aim::Write, request).await?;
        judge(&answer, Aim::Write, self.auth.is_service_account())?;
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| unclear(Aim::Write))?;
        let session = self.session_url(location)?;
        Ok(Begun::Session(Session::stored(session.as_str())))
    }

    /// Our token goes along with each chunk, so it goes nowhere else than to the API.
    fn session_url(&self, text: &str) -> Result<Url, Trouble> {
        let url = self.base.join(text).ok();
        url.filter(|url| url.origin() == self.base.origin())
            .ok_or_else(|| odd("Google names another server for an upload; nothing is sent there."))
    }

    async fn ask(&self, session: &Url, total: u64) -> Result<Kept, Trouble> {
        self.put_range(session, format!("bytes */{total}"), Bytes::new())
            .await
    }

    async fn put(
        &self,
        session: &Url,
        from: u64,
        total: u64,
        chunk: Bytes,
    ) -> Result<Kept, Trouble> {
        let last = from + chunk.len() as u64 - 1;
        self.put_range(session, format!("bytes {from}-{last}/{total}"), chunk)
            .await
    }

    async fn put_range(&self, session: &Url, range: String, chunk: Bytes) -> Result<Kept, Trouble> {
        let request = self
            .client
            .put(session.clone())
            .timeout(self.limits.total * SLOWER)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_RANGE, range)
            .body(chunk);
        // A lost answer is no matter: the next question is how much arrived.
        let (answer, headers) = self.exchange(Aim::Read, request).await?;
        match answer.status {
            308 => kept(&headers),
            _ => self.whole(&answer).map(Kept::Whole),
        }
    }

    fn whole(&self, answer: &Answer) -> Result<RemoteFile, Trouble> {
        judge(answer, Aim::Read, self.auth.is_service_account())?;
        understood(answer, Aim::Read)
    }

    /// What arrived is what was sent: read again by its id where the answer does not say it.
    async fn proven(&self, new: &NewFile, file: RemoteFile) -> Result<Stretch, Trouble> {
        let file = match file.md5_checksum {
            Some(_) => file,
            None => self.found(&new.id).await?,
        };
        if new.is(&file) {
            return Ok(Stretch::Whole(file));
        }
        Ok(Stretch::Differs)
    }
}

/// `Range: bytes=0-N`: N is the last byte that was kept. Without it nothing was, or the header was
/// lost: asked again, it means nothing.
fn kept(headers: &HeaderMap) -> Result<Kept, Trouble> {
    let Some(range) = headers.get(RANGE) else {
        return Ok(Kept::Untold);
    };
    let last = range
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("bytes=0-"));
    let last: Option<u64> = last.and_then(|last| last.parse().ok());
    match last {
        Some(last) => Ok(Kept::UpTo(last.saturating_add(1))),
        None => Err(unclear(Aim::Read)),
    }
}

/// The next bytes of the source; all that is missing when it is less than a chunk.
async fn chunk<S: Source>(
    source: &mut S,
    from: u64,
    total: u64,
    most: usize,
) -> Result<Bytes, Trouble> {
    let left = usize::try_from(total.saturating_sub(from)).unwrap_or(usize::MAX);
    let length = left.min(most);
    if length == 0 {
        return Err(odd("Google kept the whole file, and says that it did not."));
    }
    let bytes = source.read(from, length).await?;
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(odd(
            "A file is not as long as it was: publish the course's content again.",
        ))
    }
}

impl<R: AsyncRead + AsyncSeek + Unpin + Send> Source for R {
    async fn read(&mut self, from: u64, length: usize) -> Result<Bytes, Fault> {
        let mut bytes = Vec::with_capacity(length);
        let read = async {
            self.seek(SeekFrom::Start(from)).await?;
            self.take(length as u64).read_to_end(&mut bytes).await
        };
        read.await.map_err(|error| Fault::Transient {
            why: format!("A file of the course could not be read: {}.", error.kind()),
            after: None,
        })?;
        Ok(bytes.into())
    }
}
