//! What a call asks for in its address. Each call takes the names it knows; what is left over is a
//! fault, because a filter that is mistyped and ignored would show, or change, far too much.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::page::Window;
use crate::clock::Timestamp;
use crate::error::{Error, FieldFault, Result};
use crate::id::Identifier;

/// Characters of a value.
const LONGEST: usize = 200;
/// Characters of an id: three letters, an underscore, a ULID; some room.
const LONGEST_ID: usize = 40;
/// Rows of a page, unless the call says otherwise.
const USUAL_ROWS: i64 = 50;
/// Rows of a page at most.
const MOST_ROWS: i64 = 200;

/// The query of a request, and the faults found in it so far.
#[derive(Debug, Default)]
pub struct Asked {
    values: BTreeMap<String, String>,
    faults: Vec<FieldFault>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let before = asked.values.insert(name.to_string(), value.into_owned());
            if before.is_some() {
                asked.fault(&name, "duplicate_field");
            }
        }
        // The caller's language; who reads it is `web/caller.rs`.
        asked.values.remove("locale");
        Ok(asked)
    }
}

impl Asked {
    /// A short text; an empty one is none.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.values.remove(name)?;
        let value = value.trim();
        if value.chars().count() > LONGEST || value.chars().any(char::is_control) {
            self.fault(name, "wrong_value");
            return None;
        }
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// One of the words that `parse` knows.
    pub fn word<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let word = parse(&text);
        if word.is_none() {
            self.fault(name, "wrong_value");
        }
        word
    }

    /// `true`, else not: a missing one is no.
    pub fn yes(&mut self, name: &str) -> bool {
        self.word(name, |word| word.parse().ok()) == Some(true)
    }

    /// A moment in RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = Timestamp::parse(&text);
        if time.is_none() {
            self.fault(name, "bad_time");
        }
        time
    }

    /// A span of time, `from` to before `to`; open ends are the ends of time.
    pub fn span(&mut self) -> (Timestamp, Timestamp) {
        let from = self.time("from").unwrap_or(Timestamp(0));
        (from, self.time("to").unwrap_or(Timestamp(i64::MAX)))
    }

    /// Which page: `after` an id, at most `limit` rows.
    pub fn window<I: Identifier>(&mut self) -> Window<I> {
        let known = |text: &str| id::<I>(text, "row").ok();
        let after = self.word("after", known);
        let rows = |text: &str| {
            let rows: i64 = text.parse().ok()?;
            (1..=MOST_ROWS).contains(&rows).then_some(rows)
        };
        let limit = self.word("limit", rows).unwrap_or(USUAL_ROWS);
        Window { after, limit }
    }

    /// Nothing more is known: every fault at once.
    pub fn end(mut self) -> Result<()> {
        for name in std::mem::take(&mut self.values).into_keys() {
            self.fault(&name, "unknown_field");
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.faults))
        }
    }

    fn fault(&mut self, name: &str, code: &'static str) {
        self.faults.push(FieldFault::new(name, code));
    }
}

/// An id of this kind from an address or a body; nothing else goes to the database.
pub fn id<I: Identifier>(text: &str, what: &'static str) -> Result<I> {
    let fits = |c: u8| c.is_ascii_alphanumeric();
    let body = text.strip_prefix(I::PREFIX);
    let body = body.and_then(|rest| rest.strip_prefix('_'));
    match body {
        Some(body) if text.len() <= LONGEST_ID && body.bytes().all(fits) => {
            Ok(I::from(text.to_owned()))
        }
        _ => Err(Error::NotFound(what)),
    }
}
