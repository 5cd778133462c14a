//! One file as an HTTP response: conditions, one byte range, and a body that is streamed with a
//! small buffer (RFC 9110 sections 8, 13 and 14). Whether the caller may have the file was decided
//! before.

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LAST_MODIFIED, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::conditions::{Precondition, Version, Wanted};
use super::names;
use crate::app::files::File;
use crate::connectors::stores::Flow;
use crate::error::Result;

/// The response for `file`, saved by the buyer under its path's name, to a request's `method` and
/// `headers`. `open` gives its bytes and is called when some are to be sent.
pub async fn respond<F>(
    file: &File,
    open: impl FnOnce(Range<u64>) -> F,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response>
where
    F: Future<Output = Result<Flow>>,
{
    let version = Version::new(&format!("\"{}\"", file.etag), file.modified);
    let mut response = match version.check(headers) {
        Precondition::Failed => StatusCode::PRECONDITION_FAILED.into_response(),
        Precondition::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Precondition::Holds => content(file, open, &version, method, headers).await?,
    };
    describe(response.headers_mut(), &version);
    Ok(response)
}

async fn content<F>(
    file: &File,
    open: impl FnOnce(Range<u64>) -> F,
    version: &Version,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response>
where
    F: Future<Output = Result<Flow>>,
{
    let (name, size) = (file.path.as_str(), file.size);
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
        Body::from_stream(open(first..first + length).await?)
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
