//! Time as a value. Everything that needs the time is given it; only [`Clock`] asks for it.
//! Times are whole milliseconds since 1970-01-01T00:00:00Z, in the database and on the wire of our own tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment plus `span`; saturates instead of overflowing.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// This moment minus `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Whole seconds since the epoch, as signed headers and link tokens use them.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// RFC 3339 in UTC, to the millisecond: the form of every public JSON field.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.instant()
            .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
            .to_string()
    }

    /// From RFC 3339, in any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }

    /// The last midnight of the wall clock at `utc_offset_minutes` east of Greenwich.
    #[must_use]
    pub fn midnight(self, utc_offset_minutes: i32) -> Self {
        const DAY: i64 = 86_400_000;
        let offset = i64::from(utc_offset_minutes) * 60_000;
        Self((self.0 + offset).div_euclid(DAY) * DAY - offset)
    }

    /// The wall clock at `utc_offset_minutes` east of Greenwich, for people: `format` is strftime.
    #[must_use]
    pub fn local(self, utc_offset_minutes: i32, format: &str) -> String {
        let offset = jiff::tz::Offset::from_seconds(utc_offset_minutes * 60)
            .unwrap_or(jiff::tz::Offset::UTC);
        self.instant()
            .to_zoned(offset.to_time_zone())
            .strftime(format)
            .to_string()
    }

    fn instant(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// The only source of the time. On PostgreSQL it follows the database's clock through
/// [`Clock::correct`], so that leases of several nodes agree; in tests it stands still until moved.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System { correction: AtomicI64 },
    Still(AtomicI64),
}

impl Clock {
    /// The machine's clock, uncorrected.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Source::System {
            correction: AtomicI64::new(0),
        }))
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn still(start: Timestamp) -> Self {
        Self(Arc::new(Source::Still(AtomicI64::new(start.0))))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::System { correction } => {
                Timestamp(machine_millis() + correction.load(Ordering::Relaxed))
            }
            Source::Still(at) => Timestamp(at.load(Ordering::Relaxed)),
        }
    }

    /// Follow an authority (the database): `now()` will continue from `authority`. No effect on a still clock.
    pub fn correct(&self, authority: Timestamp) {
        if let Source::System { correction } = &*self.0 {
            correction.store(authority.0 - machine_millis(), Ordering::Relaxed);
        }
    }

    /// Put a still clock to this moment, for tests that tell one story again from its middle. No effect on
    /// the system clock.
    pub fn turn_to(&self, moment: Timestamp) {
        if let Source::Still(at) = &*self.0 {
            at.store(moment.0, Ordering::Relaxed);
        }
    }

    /// Move a still clock forward. No effect on the system clock.
    pub fn advance(&self, span: Duration) {
        if let Source::Still(at) = &*self.0 {
            at.fetch_add(millis(span), Ordering::Relaxed);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the machine"
)]
fn machine_millis() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
