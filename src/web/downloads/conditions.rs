//! What a request asks of a file's version and bytes: preconditions (RFC 9110 section 13) and the
//! range (section 14). What cannot be read is ignored, as the RFC says; no input or output here.

use axum::http::header::{
    AsHeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue};
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use crate::clock::Timestamp;

/// What identifies the state of a file.
#[derive(Debug)]
pub struct Version {
    etag: String,
    seconds: i64,
    last_modified: String,
}

/// Whether the request wants the file in this state at all.
#[derive(Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Go on.
    Holds,
    /// The caller has it already: 304.
    NotModified,
    /// The caller wanted another state: 412.
    Failed,
}

/// Which bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    Whole,
    /// `length` bytes (at least one) from `first`.
    Part {
        /// Where they begin.
        first: u64,
        /// How many.
        length: u64,
    },
    /// A range that the file does not reach: 416.
    Nothing,
}

impl Version {
    /// Of a file with this strong entity tag (in quotes), last written at `modified`.
    #[must_use]
    pub fn new(etag: &str, modified: Timestamp) -> Self {
        let seconds = modified.unix_seconds();
        Self {
            etag: etag.to_owned(),
            seconds,
            last_modified: http_date(seconds),
        }
    }

    /// For `ETag`.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// For `Last-Modified`.
    #[must_use]
    pub fn last_modified(&self) -> &str {
        &self.last_modified
    }

    /// The preconditions in the order of RFC 9110 section 13.2.2: a tag outweighs a date.
    #[must_use]
    pub fn check(&self, headers: &HeaderMap) -> Precondition {
        let wrong_state = match values(headers, IF_MATCH) {
            Some(tags) => !self.is_among(&tags, |tag| tag),
            None => date(headers, IF_UNMODIFIED_SINCE).is_some_and(|since| self.seconds > since),
        };
        let known = match values(headers, IF_NONE_MATCH) {
            Some(tags) => self.is_among(&tags, without_weakness),
            None => date(headers, IF_MODIFIED_SINCE).is_some_and(|since| self.seconds <= since),
        };
        match (wrong_state, known) {
            (true, _) => Precondition::Failed,
            (false, true) => Precondition::NotModified,
            (false, false) => Precondition::Holds,
        }
    }

    /// The bytes that a GET asks for, of a file with `size` bytes. Several ranges get the whole
    /// file, and so does the continuation of another version.
    #[must_use]
    pub fn wanted(&self, headers: &HeaderMap, size: u64) -> Wanted {
        let mut ranges = headers.get_all(RANGE).iter();
        match (ranges.next(), ranges.next()) {
            (Some(range), None) if self.may_continue(headers) => part(range, size),
            _ => Wanted::Whole,
        }
    }

    /// `If-Range`: a strong comparison, or the very date that we gave.
    fn may_continue(&self, headers: &HeaderMap) -> bool {
        headers.get(IF_RANGE).is_none_or(|validator| {
            validator == self.etag.as_str() || validator == self.last_modified.as_str()
        })
    }

    fn is_among<'t>(&self, tags: &'t str, comparable: impl Fn(&'t str) -> &'t str) -> bool {
        // Tags of ours hold no comma, so the pieces of a foreign tag that does cannot equal one.
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || comparable(tag) == self.etag)
    }
}

fn part(range: &HeaderValue, size: u64) -> Wanted {
    let Some(asked) = range.to_str().ok().and_then(one_range) else {
        return Wanted::Whole;
    };
    let (first, last) = match asked {
        // An empty file has no byte to name, so it is sent as it is.
        _ if size == 0 => return Wanted::Whole,
        (None, suffix) => (size - suffix.min(size), size - 1),
        (Some(first), last) => (first, last.min(size - 1)),
    };
    if first >= size {
        return Wanted::Nothing;
    }
    Wanted::Part {
        first,
        length: last - first + 1,
    }
}

/// `bytes=5-9` is `(Some(5), 9)`, `bytes=5-` runs to the end of numbers, `bytes=-5` is `(None, 5)`.
fn one_range(text: &str) -> Option<(Option<u64>, u64)> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    match (first, last) {
        ("", last) => Some((None, number(last)?)),
        (first, "") => Some((Some(number(first)?), u64::MAX)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((Some(first), last))
        }
    }
}

/// Digits only; what is too large for us is larger than any file.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// All values of a header that is a list.
fn values(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    let texts: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

fn without_weakness(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Whole seconds since 1970 of a header's HTTP date.
fn date(headers: &HeaderMap, name: impl AsHeaderName) -> Option<i64> {
    let text = headers.get(name)?.to_str().ok()?;
    let moment = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(moment.as_second())
}

fn http_date(seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&moment)
        .unwrap_or_default()
}
