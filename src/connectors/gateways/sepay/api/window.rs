//! The part of a listing that one request asks for: a span of seconds, both ends included. Where it
//! holds more than fits on a page it is narrowed, and what follows it is as wide as was found to fit.
//! It is stored between two requests as text, so a round goes on where it stopped.

use crate::clock::Timestamp;
use crate::connectors::gateways::sepay::wire::{DATE_FORMAT, VIETNAM_MINUTES};
use crate::connectors::gateways::teller::Wanted;

/// Seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    from: i64,
    to: i64,
    /// Only where one second holds more than a page: how many pages of it are done.
    pub depth: u32,
}

impl Window {
    /// All that is wanted, or where the page before ended. A cursor that is none begins anew.
    pub(super) fn of(wanted: &Wanted) -> Self {
        let (first, last) = (wanted.from.unix_seconds(), wanted.to.unix_seconds());
        let whole = Self {
            from: first,
            to: last.max(first),
            depth: 0,
        };
        let cursor = wanted.cursor.as_deref();
        cursor.and_then(Self::parse).unwrap_or(whole)
    }

    fn parse(cursor: &str) -> Option<Self> {
        let mut parts = cursor.split('+').map(str::parse::<i64>);
        let mut next = || parts.next()?.ok();
        let (from, to, depth) = (next()?, next()?, next()?);
        let depth = u32::try_from(depth).ok()?;
        (from <= to).then_some(Self { from, to, depth })
    }

    pub(super) fn cursor(&self) -> String {
        format!("{}+{}+{}", self.from, self.to, self.depth)
    }

    /// Its ends on Vietnam's wall clock, which is what SePay compares with.
    pub(super) fn local(&self) -> (String, String) {
        let local = |second: i64| Timestamp(second * 1000).local(VIETNAM_MINUTES, DATE_FORMAT);
        (local(self.from), local(self.to))
    }

    /// Its beginning, so wide that about three quarters of a page are to be expected; `None` for a
    /// single second.
    pub(super) fn narrowed(&self, holds: usize, fits: usize) -> Option<Self> {
        if self.from == self.to {
            return None;
        }
        let holds = whole(holds.max(fits));
        let width = self.width().saturating_mul(3 * whole(fits)) / (4 * holds);
        Some(Self {
            to: self.from + width.max(1) - 1,
            ..*self
        })
    }

    /// What comes after it; twice as wide where there was much room left.
    pub(super) fn following(&self, held: usize, fits: usize, end: i64) -> Option<Self> {
        let width = if held <= fits / 2 {
            self.width().saturating_mul(2)
        } else {
            self.width()
        };
        let from = self.to + 1;
        (from <= end).then(|| Self {
            from,
            to: end.min(self.to.saturating_add(width)),
            depth: 0,
        })
    }

    /// The next page of a single second.
    pub(super) fn deeper(&self) -> Self {
        Self {
            depth: self.depth + 1,
            ..*self
        }
    }

    fn width(&self) -> i64 {
        self.to - self.from + 1
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / 8)
}
