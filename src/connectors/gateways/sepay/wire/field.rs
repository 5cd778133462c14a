//! One value of a body, under the name it has there: what is wrong with it is said by that name.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::value::RawValue;

use super::NotUnderstood;
use crate::clock::Timestamp;
use crate::fact::Direction;

/// SePay writes Vietnam's wall clock, without saying so.
pub(in super::super) const VIETNAM_MINUTES: i32 = 7 * 60;
/// `2023-03-25 14:02:37`.
pub(in super::super) const DATE_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// More than any bank moves in one transfer: a fault of the sender, not money.
const MOST_DONG: i64 = 10_000_000_000_000;
const LONGEST_ID: usize = 64;

/// Its name, and its JSON as it was written; `null` counts as absent.
pub(super) struct Field<'a>(pub &'static str, pub Option<&'a RawValue>);

impl Field<'_> {
    /// A text or a number as it was written; empty counts as absent. PostgreSQL stores no NUL, so a
    /// blank takes its place.
    pub(super) fn text(&self) -> Result<Option<String>, NotUnderstood> {
        let Some(raw) = self.1.map(RawValue::get) else {
            return Ok(None);
        };
        let text = match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(raw)
                .map_err(|_| self.fault("is not readable text"))?,
            Some(b'-' | b'0'..=b'9') => raw.to_owned(),
            _ => return Err(self.fault("is neither text nor a number")),
        };
        let text = text.replace('\0', " ").trim().to_owned();
        Ok(Some(text).filter(|t| !t.is_empty()))
    }

    /// Text, or a whole number digit by digit.
    pub(super) fn digits(&self) -> Result<String, NotUnderstood> {
        let is_number = self.1.is_some_and(|raw| !raw.get().starts_with('"'));
        let text = self.needed()?;
        if is_number && !text.bytes().all(|c| c.is_ascii_digit()) {
            return Err(self.fault("is not a whole number"));
        }
        Ok(text)
    }

    pub(super) fn id(&self) -> Result<String, NotUnderstood> {
        let id = self.digits()?;
        if id.len() <= LONGEST_ID && id.bytes().all(|c| c.is_ascii_graphic()) {
            Ok(id)
        } else {
            Err(self.fault("is not an id"))
        }
    }

    pub(super) fn direction(&self) -> Result<Direction, NotUnderstood> {
        match self.needed()?.to_ascii_lowercase().as_str() {
            "in" => Ok(Direction::In),
            "out" => Ok(Direction::Out),
            _ => Err(self.fault("is neither \"in\" nor \"out\"")),
        }
    }

    pub(super) fn dong(&self) -> Result<i64, NotUnderstood> {
        let text = self.needed()?;
        dong(&text).map_err(|why| self.fault(why))
    }

    /// Zero where it is absent.
    pub(super) fn dong_or_none(&self) -> Result<i64, NotUnderstood> {
        match self.text()? {
            Some(_) => self.dong(),
            None => Ok(0),
        }
    }

    /// Vietnam's wall clock to the second. `None` where it cannot be read: no reason to lose the money.
    pub(super) fn wall_clock(&self) -> Result<Option<DateTime>, NotUnderstood> {
        Ok(self.text()?.and_then(|text| wall_clock(&text)))
    }

    fn needed(&self) -> Result<String, NotUnderstood> {
        self.text()?.ok_or_else(|| self.fault("is missing"))
    }

    fn fault(&self, what: &str) -> NotUnderstood {
        fault(self.0, what)
    }
}

/// The instant of a wall clock in Vietnam.
pub(super) fn in_vietnam(wall_clock: DateTime) -> Option<Timestamp> {
    let instant = vietnam()?.to_timestamp(wall_clock).ok()?;
    Some(Timestamp(instant.as_millisecond()))
}

pub(super) fn fault(field: &str, what: &str) -> NotUnderstood {
    NotUnderstood(format!("{field} {what}"))
}

/// v2 can be asked for RFC 3339 instead; should it become the usual form, the second is the same.
fn wall_clock(text: &str) -> Option<DateTime> {
    if let Ok(local) = DateTime::strptime(DATE_FORMAT, text) {
        return Some(local);
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    let local = vietnam()?.to_datetime(instant);
    local.with().subsec_nanosecond(0).build().ok()
}

fn vietnam() -> Option<Offset> {
    Offset::from_seconds(VIETNAM_MINUTES * 60).ok()
}

fn dong(text: &str) -> Result<i64, &'static str> {
    if text.starts_with('-') {
        return Err("is negative");
    }
    let number = if text.contains(['e', 'E']) {
        written_out(text)?
    } else {
        text.to_owned()
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err("is not a number");
    }
    if fraction.bytes().any(|c| c != b'0') {
        return Err("has a fraction, and dong have none");
    }
    whole
        .parse()
        .ok()
        .filter(|dong| *dong <= MOST_DONG)
        .ok_or("is absurdly large")
}

/// `2.5e7` as `25000000`. Up to 2^53 a float is exact, and nothing above is accepted as money.
fn written_out(text: &str) -> Result<String, &'static str> {
    let number: f64 = text.parse().map_err(|_| "is not a number")?;
    if number.abs() <= 1e15 {
        Ok(number.to_string())
    } else {
        Err("is absurdly large")
    }
}
