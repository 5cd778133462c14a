//! What the values in a catalogue file must be. Each function gives the value, or the rest of a
//! sentence that begins with the name of its key.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::fields::Parsed;
use crate::model::course::{Benefit, Destination, PageUrl, Rights, Slug};
use crate::money::Money;

const PRICE: RangeInclusive<i64> = 1..=1_000_000_000;
const ACCESS_DAYS: RangeInclusive<i64> = 1..=3650;
const COMBO_COURSES: RangeInclusive<i64> = 2..=1000;
const LINE_MAX: usize = 200;
const SUMMARY_MAX: usize = 2000;
const PATH_MAX: usize = 500;

/// A line of text.
pub(super) fn line(value: &DeValue<'_>) -> Parsed<String> {
    text(value, LINE_MAX, |c| !c.is_control())
}

/// Text that may have several lines.
pub(super) fn paragraphs(value: &DeValue<'_>) -> Parsed<String> {
    text(value, SUMMARY_MAX, |c| c == '\n' || !c.is_control())
}

/// A slug.
pub(super) fn slug(value: &DeValue<'_>) -> Parsed<Slug> {
    Slug::parse(string(value)?).map_err(|bad| bad.to_string())
}

/// The address of a page.
pub(super) fn page(value: &DeValue<'_>) -> Parsed<PageUrl> {
    PageUrl::parse(string(value)?).map_err(|bad| bad.to_string())
}

/// A price in whole dong.
pub(super) fn dong(value: &DeValue<'_>) -> Parsed<Money> {
    whole(value, &PRICE, " dong").map(Money::vnd)
}

/// How long access lasts.
pub(super) fn days(value: &DeValue<'_>) -> Parsed<u32> {
    let days = whole(value, &ACCESS_DAYS, " days")?;
    u32::try_from(days).map_err(|e| e.to_string())
}

/// How many courses a combo takes.
pub(super) fn count(value: &DeValue<'_>) -> Parsed<usize> {
    let count = whole(value, &COMBO_COURSES, "")?;
    usize::try_from(count).map_err(|e| e.to_string())
}

/// The rights basis.
pub(super) fn rights(value: &DeValue<'_>) -> Parsed<Rights> {
    one_of(value, &Rights::ALL, Rights::as_str)
}

/// Who hands files over.
pub(super) fn destination(value: &DeValue<'_>) -> Parsed<Destination> {
    one_of(value, &Destination::ALL, Destination::as_str)
}

/// Yes or no.
pub(super) fn switch(value: &DeValue<'_>) -> Parsed<bool> {
    let found = || format!("must be true or false, not {}", value.type_str());
    value.as_bool().ok_or_else(found)
}

/// The kind of a benefit.
pub(super) fn kind(value: &DeValue<'_>) -> Parsed<&'static str> {
    one_of(value, &Benefit::KINDS, |kind| kind)
}

/// A name that the configuration must have, where it is known what it has.
pub(super) fn name(value: &DeValue<'_>, known: Option<&[&str]>) -> Parsed<String> {
    let name = line(value)?;
    match known {
        Some(known) if !known.contains(&name.as_str()) => Err(format!(
            "{name:?} is not in the configuration, which has: {}",
            known.join(", ")
        )),
        _ => Ok(name),
    }
}

/// A folder below a source; `.` is the source itself.
pub(super) fn folder(value: &DeValue<'_>) -> Parsed<String> {
    let path = text(value, PATH_MAX, |c| !c.is_control())?;
    if path == "." {
        return Ok(path);
    }
    inside(path)
}

/// A picture: an http(s) address, or a path beside the catalogue file.
pub(super) fn cover(value: &DeValue<'_>) -> Parsed<String> {
    let cover = text(value, PATH_MAX, |c| !c.is_control())?;
    if cover.contains("://") {
        return PageUrl::parse(&cover)
            .map(|_| cover)
            .map_err(|bad| bad.to_string());
    }
    inside(cover)
}

/// A path that cannot lead out of the folder it is put below.
fn inside(path: String) -> Parsed<String> {
    let drive = path.chars().nth(1) == Some(':');
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if drive || path.contains('\\') || !path.split('/').all(plain) {
        return Err(format!(
            "must be a path below its folder, with / between the names and no . or .., not {path:?}"
        ));
    }
    Ok(path)
}

fn string<'v>(value: &'v DeValue<'_>) -> Parsed<&'v str> {
    let found = || format!("must be a text in quotes, not {}", value.type_str());
    value.as_str().ok_or_else(found)
}

fn text(value: &DeValue<'_>, most: usize, allowed: fn(char) -> bool) -> Parsed<String> {
    let text = string(value)?;
    if text.is_empty() {
        Err("must not be empty".to_owned())
    } else if text.chars().count() > most {
        Err(format!("must be at most {most} characters"))
    } else if text.trim() != text {
        Err("must not begin or end with a blank".to_owned())
    } else if !text.chars().all(allowed) {
        Err("must not hold control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn whole(value: &DeValue<'_>, range: &RangeInclusive<i64>, unit: &str) -> Parsed<i64> {
    let number = value
        .as_integer()
        .and_then(|digits| i64::from_str_radix(digits.as_str(), digits.radix()).ok());
    number.filter(|n| range.contains(n)).ok_or_else(|| {
        format!(
            "must be a whole number from {} to {}{unit}",
            range.start(),
            range.end()
        )
    })
}

fn one_of<T: Copy>(value: &DeValue<'_>, all: &[T], word: impl Fn(T) -> &'static str) -> Parsed<T> {
    let found = string(value)?;
    let same = all.iter().copied().find(|one| word(*one) == found);
    same.ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        format!("must be one of {}, not {found:?}", words.join(", "))
    })
}
