//! Test equipment: a process that "dies" around a commit, without a process. Off unless
//! [`super::Db::with_breaks`] put it in; then a write that breaks answers with an internal error.

use std::sync::Arc;

use anyhow::anyhow;

use crate::error::{Error, Result};

/// Says where a write dies. Each call is one chance; `true` means here and now.
pub trait Breaks: Send + Sync {
    /// The script is done, nothing is committed: everything is rolled back.
    fn before_commit(&self) -> bool {
        false
    }

    /// It is committed for good, and nobody hears of it: no answer, no ring of the bell.
    fn after_commit(&self) -> bool {
        false
    }
}

/// The hook as the engines carry it.
#[derive(Clone, Default)]
pub(super) struct BreakPoints(pub(super) Option<Arc<dyn Breaks>>);

impl BreakPoints {
    /// Lets a finished script through to its commit, unless it dies here.
    pub(super) fn before_commit<T>(&self, result: Result<T>) -> Result<T> {
        match &self.0 {
            Some(breaks) if result.is_ok() && breaks.before_commit() => Err(died("before")),
            _ => result,
        }
    }

    /// Lets a committed write through to its caller, unless it dies here.
    pub(super) fn after_commit<T>(&self, result: Result<T>) -> Result<T> {
        match &self.0 {
            Some(breaks) if result.is_ok() && breaks.after_commit() => Err(died("after")),
            _ => result,
        }
    }
}

fn died(side: &str) -> Error {
    Error::Internal(anyhow!("test equipment: died {side} the commit"))
}
