//! One file as an HTTP response: conditions, one byte range, and a body that is streamed with a
//! small buffer (RFC 9110 sections 8, 13 and 14). Whether the caller may have the file was decided
//! before.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LAST_MODIFIED, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::stream::{Stream, try_unfold};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use super::conditions::{Precondition, Version, Wanted};
use super::names;
use crate::connectors::sources::OpenFile;

/// Bytes in memory per running download, about twice.
const BUFFER: usize = 256 * 1024;

/// The response for `file`, to be saved as `name`, with the request's `method` and `headers`.
pub async fn respond(
    file: OpenFile,
    method: &Method,
    headers: &HeaderMap,
    name: &str,
) -> io::Result<Response> {
    let version = Version::new(&file.etag, file.modified);
    let mut response = match version.check(headers) {
        Precondition::Failed => StatusCode::PRECONDITION_FAILED.into_response(),
        Precondition::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Precondition::Holds => content(file, &version, method, headers, name).await?,
    };
    describe(response.headers_mut(), &version);
    Ok(response)
}

async fn content(
    file: OpenFile,
    version: &Version,
    method: &Method,
    headers: &HeaderMap,
    name: &str,
) -> io::Result<Response> {
    let size = file.size;
    // A range is defined for GET only.
    let wanted = if method == Method::GET {
        version.wanted(headers, size)
    } else {
        Wanted::Whole
    };
    let (first, length) = match wanted {
        Wanted::Whole => (0, size),
        Wanted::Part { first, length } => (first, length),
        Wanted::Nothing => return Ok(unsatisfiable(size)),
    };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(bytes_of(file, first, length).await?)
    };
    let mut response = body.into_response();
    let out = response.headers_mut();
    out.insert(CONTENT_LENGTH, length.into());
    out.insert(CONTENT_DISPOSITION, names::attachment(name));
    out.insert(CONTENT_TYPE, content_type(name));
    if let Wanted::Part { .. } = wanted {
        out.insert(
            CONTENT_RANGE,
            text(&format!("bytes {first}-{}/{size}", first + length - 1)),
        );
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn unsatisfiable(size: u64) -> Response {
    let range = [(CONTENT_RANGE, text(&format!("bytes */{size}")))];
    (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response()
}

/// What every answer says about the file. It is one buyer's: no cache but theirs, no search engine,
/// and no word to the next site about where it came from.
fn describe(out: &mut HeaderMap, version: &Version) {
    out.insert(ETAG, text(version.etag()));
    out.insert(LAST_MODIFIED, text(version.last_modified()));
    for (name, value) in [
        (ACCEPT_RANGES, "bytes"),
        (CACHE_CONTROL, "private, no-store"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        out.insert(name, HeaderValue::from_static(value));
    }
}

fn content_type(name: &str) -> HeaderValue {
    text(mime_guess::from_path(name).first_or_octet_stream().as_ref())
}

/// A value made of visible ASCII by construction.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

/// Exactly `length` bytes from `first`, or an error: a file that shrinks meanwhile must break the
/// connection, since its length was promised.
async fn bytes_of(
    open: OpenFile,
    first: u64,
    length: u64,
) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    let mut file = open.file;
    file.set_max_buf_size(BUFFER);
    file.seek(SeekFrom::Start(first)).await?;
    Ok(try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let room = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        let mut chunk = BytesMut::with_capacity(room);
        let read = (&mut file).take(room as u64).read_buf(&mut chunk).await?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            ));
        }
        Ok(Some((chunk.freeze(), (file, left - read as u64))))
    }))
}
