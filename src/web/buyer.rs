//! Who orders, as typed into a form or sent as JSON: read into values that cannot be wrong. One
//! reading for the shop front and for the API, so that both accept and refuse the same.

use unicode_normalization::UnicodeNormalization;

use crate::error::FieldFault;
use crate::words::Locale;

/// RFC 5321 allows no longer address.
const LONGEST_EMAIL: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 120;
/// What is typed, with blanks and dots between the digits.
const LONGEST_PHONE: usize = 40;
/// E.164 numbers with their country code; the shortest that a person can be called at.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

/// A buyer whose address, name and number have a usable form. Whether they exist is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// Lower-case: learning platforms take `Ada@x` and `ada@x` for one person.
    pub email: String,
    /// One line, composed, without double blanks; may be empty.
    pub name: String,
    /// Digits, after a `+` where one was typed.
    pub phone: Option<String>,
    /// The language asked for, if one was.
    pub locale: Option<Locale>,
}

/// Read what was typed; every fault at once. An empty name, phone or locale counts as not given.
pub fn parse_buyer(
    email: &str,
    name: Option<&str>,
    phone: Option<&str>,
    locale: Option<&str>,
) -> Result<Buyer, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let buyer = Buyer {
        email: noted(&mut faults, parse_email(email)),
        name: noted(&mut faults, parse_name(name.unwrap_or_default())),
        phone: noted(&mut faults, given(phone).map(parse_phone).transpose()),
        locale: noted(&mut faults, given(locale).map(parse_locale).transpose()),
    };
    if faults.is_empty() {
        Ok(buyer)
    } else {
        Err(faults)
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The value, or a stand-in that is thrown away because a fault was put down.
fn noted<T: Default>(faults: &mut Vec<FieldFault>, read: Result<T, FieldFault>) -> T {
    read.unwrap_or_else(|fault| {
        faults.push(fault);
        T::default()
    })
}

/// `local@host.tld` in ASCII: what every mail server and learning platform takes. Quoted local parts
/// and addresses in brackets are valid mail and typing errors in a shop.
fn parse_email(typed: &str) -> Result<String, FieldFault> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(FieldFault::new("email", "missing"));
    }
    let email = typed.to_ascii_lowercase();
    let sound = email
        .split_once('@')
        .is_some_and(|(local, host)| is_local_part(local) && is_host(host));
    if sound && email.len() <= LONGEST_EMAIL {
        Ok(email)
    } else {
        Err(FieldFault::new("email", "bad_email"))
    }
}

fn is_local_part(local: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(plain);
    local.len() <= LONGEST_LOCAL_PART && local.split('.').all(atom)
}

/// At least two labels; the last is no number, so that an IP address is no host.
fn is_host(host: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = host.rsplit_once('.').map(|(_, top)| top);
    host.split('.').all(label)
        && top.is_some_and(|top| top.len() >= 2 && top.bytes().any(|c| c.is_ascii_alphabetic()))
}

fn parse_name(typed: &str) -> Result<String, FieldFault> {
    let words: Vec<&str> = typed.split_whitespace().collect();
    let name: String = words.join(" ").nfc().collect();
    if name.chars().count() <= LONGEST_NAME && !name.chars().any(misleads) {
        Ok(name)
    } else {
        Err(FieldFault::new("name", "bad_name"))
    }
}

/// What is no letter of a name: controls, marks that turn the reading direction, bytes that were no
/// text.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
}

/// `+84 912.345-678` is `+84912345678`.
fn parse_phone(typed: &str) -> Result<String, FieldFault> {
    let (plus, rest) = match typed.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", typed),
    };
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let between = |c: char| c.is_ascii_digit() || " .-()\u{a0}".contains(c);
    let sound = typed.len() <= LONGEST_PHONE && rest.chars().all(between);
    if sound && PHONE_DIGITS.contains(&digits.len()) {
        Ok(format!("{plus}{digits}"))
    } else {
        Err(FieldFault::new("phone", "bad_phone"))
    }
}

fn parse_locale(tag: &str) -> Result<Locale, FieldFault> {
    Locale::parse(tag).ok_or_else(|| FieldFault::new("locale", "bad_locale"))
}
