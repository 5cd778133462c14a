//! Which error goes where. *Request path and steps*: [`Error`]; the person gets its stable code and
//! a message in their language (`locales/`, key `error.<code>`), the log gets the inside.
//! *Inside a task*: an [`crate::outcome::Outcome`]. *Everything else* (start, CLI): `anyhow` with
//! what we were doing. How an [`Error`] becomes a response is in `web/problem.rs`.

use std::time::Duration;

/// What a request or a step can end with instead of its result.
#[derive(Debug)]
pub enum Error {
    /// No such thing, or not for this caller; the word says what was looked for.
    NotFound(&'static str),
    /// Understood and declined: a stable code, and values for its message.
    Refused(Refusal),
    /// Input that cannot be accepted; every fault found, not only the first.
    Invalid(Vec<FieldFault>),
    /// The state moved meanwhile, or the key was used for something else.
    Conflict(&'static str),
    /// Not authentic, or without the right. The word goes to the log only.
    Forbidden(&'static str),
    /// Too many requests; try again after this long.
    TooMany(Duration),
    /// Ours: the person sees "something went wrong", the log sees all.
    Internal(anyhow::Error),
}

/// A refusal: `code` is public and stable (`unknown_course`), `values` fill its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, `snake_case`; `error.<code>` in the locales.
    pub code: &'static str,
    /// Named values of the message.
    pub values: Vec<(&'static str, String)>,
}

/// One fault of one field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Where: `courses[3].url`, `email`.
    pub field: String,
    /// Stable code; `error.field.<code>` in the locales.
    pub code: &'static str,
    /// Named values of the message.
    pub values: Vec<(&'static str, String)>,
}

impl FieldFault {
    /// A fault without values.
    #[must_use]
    pub fn new(field: impl Into<String>, code: &'static str) -> Self {
        Self {
            field: field.into(),
            code,
            values: Vec::new(),
        }
    }
}

impl Error {
    /// A refusal without values.
    #[must_use]
    pub fn refused(code: &'static str) -> Self {
        Self::Refused(Refusal {
            code,
            values: Vec::new(),
        })
    }
}

/// The result of a step or a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl<E: Into<anyhow::Error>> From<E> for Error {
    fn from(inside: E) -> Self {
        Self::Internal(inside.into())
    }
}

/// For the log and the terminal, never for the person at the other end of a request.
impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(what) => write!(f, "no such {what}"),
            Self::Refused(refusal) => write!(f, "refused: {} {:?}", refusal.code, refusal.values),
            Self::Invalid(faults) => write!(f, "invalid: {faults:?}"),
            Self::Conflict(what) => write!(f, "conflict: {what}"),
            Self::Forbidden(what) => write!(f, "forbidden: {what}"),
            Self::TooMany(after) => write!(f, "too many requests; again in {} s", after.as_secs()),
            Self::Internal(inside) => write!(f, "{inside:#}"),
        }
    }
}

impl Error {
    /// As an `anyhow` error, for start-up and the CLI.
    #[must_use]
    pub fn into_anyhow(self) -> anyhow::Error {
        match self {
            Self::Internal(inside) => inside,
            other => anyhow::anyhow!("{other}"),
        }
    }
}
