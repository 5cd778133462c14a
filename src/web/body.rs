//! Bodies of requests, bounded. JSON is read strictly where it could mislead (bytes that are no
//! text, values of the wrong kind) and leniently where it could not (fields that we do not know).
//! No answer repeats a body.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::error::{Error, FieldFault, Refusal, Result};

/// The most bytes of a body.
pub const LIMIT: usize = 64 * 1024;

/// The longest that a body of this size may take on a poor line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The whole body, if it is no longer than [`LIMIT`]; `body_too_large` (413) or `body_too_slow`
/// (408) otherwise. For webhooks: the caller verifies these very bytes.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes> {
    read_within(PATIENCE, headers, body).await
}

/// The same with another limit, for senders whose messages may be longer.
pub async fn read_up_to(limit: usize, headers: &HeaderMap, body: Body) -> Result<Bytes> {
    bounded(limit, PATIENCE, headers, body).await
}

/// The same with another patience.
pub async fn read_within(patience: Duration, headers: &HeaderMap, body: Body) -> Result<Bytes> {
    bounded(LIMIT, patience, headers, body).await
}

async fn bounded(
    limit: usize,
    patience: Duration,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes> {
    if announced(headers).is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(patience, collect(limit, body)).await {
        Ok(bytes) => bytes,
        Err(_) => Err(Error::refused("body_too_slow")),
    }
}

/// A JSON object from a body.
pub fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    if !is_json(headers) {
        return Err(Error::refused("wrong_content_type"));
    }
    if body.len() > LIMIT {
        return Err(too_large(LIMIT));
    }
    let text = std::str::from_utf8(body)
        .map_err(|fault| invalid_json(position(&body[..fault.valid_up_to()])))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|fault| misfit(&fault))?;
    reader
        .end()
        .map_err(|fault| invalid_json((fault.line(), fault.column())))?;
    // Serde reads a list as a struct, field after field; nobody who sends one means that.
    if text.trim_start().starts_with('[') {
        return Err(Error::Invalid(vec![FieldFault::new("", "wrong_type")]));
    }
    Ok(value)
}

async fn collect(limit: usize, body: Body) -> Result<Bytes> {
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        // The line broke: nobody is left to read the answer, but the log should not call it ours.
        let chunk = chunk.map_err(|_| Error::refused("body_cut"))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `application/json`, with any parameter but a charset other than UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let named = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    named && parts.all(|parameter| parameter.split_once('=').is_none_or(is_harmless))
}

fn is_harmless((name, value): (&str, &str)) -> bool {
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
}

/// JSON that is broken (400), or JSON that is not what we asked for (422, with the field).
fn misfit(fault: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let inner = fault.inner();
    if inner.classify() != Category::Data {
        return invalid_json((inner.line(), inner.column()));
    }
    let (code, name) = shape_fault(&inner.to_string());
    let field = match (fault.path().to_string(), name) {
        (path, None) if path == "." => String::new(),
        (path, None) => path,
        (path, Some(name)) if path == "." => name,
        (path, Some(name)) => format!("{path}.{name}"),
    };
    Error::Invalid(vec![FieldFault::new(field, code)])
}

/// The code for serde's message, and the field's name where only the message has it. What it quotes
/// after "invalid" is the caller's and stays here; the tests notice when serde words it otherwise.
fn shape_fault(message: &str) -> (&'static str, Option<String>) {
    let quoted = || message.split('`').nth(1).map(str::to_owned);
    if message.starts_with("missing field `") {
        ("missing", quoted())
    } else if message.starts_with("unknown field `") {
        ("unknown_field", None)
    } else if message.starts_with("duplicate field `") {
        ("duplicate_field", quoted())
    } else if message.starts_with("invalid type") {
        ("wrong_type", None)
    } else {
        ("wrong_value", None)
    }
}

fn invalid_json((line, column): (usize, usize)) -> Error {
    Error::Refused(Refusal {
        code: "invalid_json",
        values: vec![("line", line.to_string()), ("column", column.to_string())],
    })
}

/// Line and column after these bytes, both from 1.
fn position(before: &[u8]) -> (usize, usize) {
    let mut lines = before.split(|byte| *byte == b'\n').rev();
    let column = lines.next().map_or(0, <[u8]>::len) + 1;
    (lines.count() + 1, column)
}

fn too_large(limit: usize) -> Error {
    Error::Refused(Refusal {
        code: "body_too_large",
        values: vec![("kib", (limit / 1024).to_string())],
    })
}
