//! Questions to a web server: what a file is, and ranges of it, as long as it is the same file.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, LAST_MODIFIED, RANGE};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::clock::Timestamp;
use crate::config::Secret;
use crate::connectors::Fault;
use crate::connectors::quote::quote;
use crate::connectors::stores::{Entry, Flow, clipped, mapping, transient};

/// Who asks whom.
pub(super) struct Asked {
    pub client: reqwest::Client,
    /// Without a slash at the end.
    pub base: String,
    pub account: String,
    pub secret: Option<Secret>,
}

/// A file as its server told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub size: u64,
    pub etag: Option<String>,
    pub modified: Option<Timestamp>,
}

impl Seen {
    pub(super) fn entry(self, path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            size: self.size,
            modified: self.modified,
            etag: self.etag,
            md5: None,
        }
    }
}

impl Asked {
    /// What a file is; `None` where there is none.
    pub(super) async fn head(&self, path: &str) -> Result<Option<Seen>, Fault> {
        let answer = self.send(self.client.head(self.url(path)), path).await?;
        if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        refuse(&answer, path)?;
        let headers = answer.headers();
        let size = value(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let size = size
            .ok_or_else(|| mapping(&format!("the server does not tell how large {path:?} is")))?;
        Ok(Some(Seen {
            size,
            etag: strong_tag(headers),
            modified: value(headers, &LAST_MODIFIED).and_then(date),
        }))
    }

    /// The bytes of a range of a file, which must still be the one that was seen.
    pub(super) async fn flow(
        &self,
        path: String,
        range: Range<u64>,
        seen: &Seen,
    ) -> Result<Flow, Fault> {
        let asked = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let request = self.client.get(self.url(&path)).header(RANGE, asked);
        let answer = self.send(request, &path).await?;
        refuse(&answer, &path)?;
        let whole = range == (0..seen.size);
        if answer.status() != StatusCode::PARTIAL_CONTENT && !whole {
            return Err(mapping(&format!(
                "the server gives no part of {path:?}, only the whole"
            )));
        }
        let tag = strong_tag(answer.headers());
        if tag.is_some() && seen.etag.is_some() && tag != seen.etag {
            return Err(transient(&format!("{path:?} has changed")));
        }
        let pieces = answer.bytes_stream();
        Ok(pieces.map_err(move |error| lost(&error, &path)).boxed())
    }

    /// The same in one piece; the caller knows that it is small.
    pub(super) async fn whole(
        &self,
        path: String,
        range: Range<u64>,
        seen: &Seen,
    ) -> Result<Vec<u8>, Fault> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut pieces = self.flow(path.clone(), range, seen).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.try_next().await? {
            let piece: Bytes = piece;
            bytes.extend_from_slice(&piece);
            if bytes.len() > length {
                break;
            }
        }
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(transient(&format!(
                "a part of {path:?} came in another length"
            )))
        }
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Response, Fault> {
        let request = match (&self.secret, self.account.is_empty()) {
            (Some(secret), true) => request.bearer_auth(secret.expose()),
            (secret, false) => {
                request.basic_auth(&self.account, secret.as_ref().map(Secret::expose))
            }
            (None, true) => request,
        };
        request.send().await.map_err(|error| lost(&error, path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

/// The text of a small file.
pub(super) fn text<'b>(bytes: &'b [u8], path: &str) -> Result<&'b str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| mapping(&format!("{path:?} is not text in UTF-8")))
}

fn refuse(answer: &Response, path: &str) -> Result<(), Fault> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let why = format!("the server answers {} to {path:?}", status.as_u16());
    Err(match status.as_u16() {
        404 | 410 => mapping(&format!("{path:?} does not exist")),
        401 | 403 | 407 => Fault::ConnectionBroken { why: clipped(&why) },
        408 | 425 | 429 | 500.. => transient(&why),
        _ => mapping(&why),
    })
}

/// The client's own words name the whole address.
fn lost(error: &reqwest::Error, path: &str) -> Fault {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let why = if cause.is::<reqwest::Error>() {
        "the connection was lost".to_owned()
    } else {
        quote(&cause.to_string(), &[])
    };
    transient(&format!("{path:?}: {why}"))
}

/// A weak one says nothing about bytes.
fn strong_tag(headers: &HeaderMap) -> Option<String> {
    let tag = value(headers, &ETAG)?;
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.to_owned())
}

fn value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn date(text: &str) -> Option<Timestamp> {
    let moment = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp(moment.as_millisecond()))
}
