//! A content as an HTTP response: conditions, one byte range, headers (RFC 9110 sections 8, 13 and
//! 14). Whether the caller may have it was decided before.

use std::io;
use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LAST_MODIFIED, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::conditions::{Precondition, Version, Wanted};
use super::content::Content;
use super::names;
use super::sending::{self, Terms};

/// What a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// These bytes; `partial` is 206.
    Bytes {
        /// Which.
        range: Range<u64>,
        /// Not all that there are because not all were asked for.
        partial: bool,
    },
    /// What a GET would say, without bytes.
    Head,
    /// The caller has it already: 304.
    NotModified,
    /// The caller wanted another version: 412.
    WrongVersion,
    /// There is no such part: 416.
    NoSuchPart,
}

/// What this request gets of this content.
#[must_use]
pub fn reply(content: &Content, method: &Method, headers: &HeaderMap) -> Reply {
    match content.version.check(headers) {
        Precondition::Failed => return Reply::WrongVersion,
        Precondition::NotModified => return Reply::NotModified,
        Precondition::Holds => {}
    }
    // A range is defined for GET only.
    if method != Method::GET {
        return Reply::Head;
    }
    match content.version.wanted(headers, content.size) {
        Wanted::Whole => Reply::Bytes {
            range: 0..content.size,
            partial: false,
        },
        Wanted::Part { first, length } => Reply::Bytes {
            range: first..first + length,
            partial: true,
        },
        Wanted::Nothing => Reply::NoSuchPart,
    }
}

/// The response for `content`, to be saved as `name`.
pub async fn respond(
    content: Content,
    reply: &Reply,
    name: &str,
    terms: Terms,
) -> io::Result<Response> {
    let Content {
        version,
        size,
        plan,
    } = content;
    let mut response = match reply {
        Reply::WrongVersion => StatusCode::PRECONDITION_FAILED.into_response(),
        Reply::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Reply::NoSuchPart => unsatisfiable(size),
        Reply::Head => described(Body::empty(), size, name),
        Reply::Bytes { range, partial } => {
            let length = range.end - range.start;
            let flow = sending::send(plan, range.clone(), terms).await?;
            let body = Body::from_stream(flow);
            let mut response = described(body, length, name);
            if *partial {
                let place = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                response.headers_mut().insert(CONTENT_RANGE, text(&place));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
            response
        }
    };
    describe(response.headers_mut(), &version);
    Ok(response)
}

/// The answer that lets the proxy in front send the file at `place`, an internal address of it
/// (nginx, module `ngx_http_proxy_module`, X-Accel-Redirect). It reads ranges and conditions itself.
#[must_use]
pub fn hand_off(version: &Version, place: &str, name: &str, rate: Option<u64>) -> Response {
    let mut response = StatusCode::OK.into_response();
    let out = response.headers_mut();
    out.insert(HeaderName::from_static("x-accel-redirect"), text(place));
    if let Some(rate) = rate {
        out.insert(HeaderName::from_static("x-accel-limit-rate"), rate.into());
    }
    out.insert(CONTENT_DISPOSITION, names::attachment(name));
    out.insert(CONTENT_TYPE, content_type(name));
    describe(out, version);
    response
}

fn described(body: Body, length: u64, name: &str) -> Response {
    let mut response = body.into_response();
    let out = response.headers_mut();
    out.insert(CONTENT_LENGTH, length.into());
    out.insert(CONTENT_DISPOSITION, names::attachment(name));
    out.insert(CONTENT_TYPE, content_type(name));
    response
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
