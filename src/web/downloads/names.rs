//! File names in `Content-Disposition`, for every browser and for `curl -OJ`: the real name in
//! UTF-8 (RFC 8187), and an ASCII one for those that read nothing else.

use std::fmt::Write;

use axum::http::HeaderValue;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Bytes of a name that every file system takes, with room for " (1)".
const LONGEST: usize = 200;

/// `attachment; filename="bai 1.mp4"; filename*=UTF-8''b%C3%A0i%201.mp4`.
#[must_use]
pub fn attachment(name: &str) -> HeaderValue {
    let name = clean(name);
    let value = format!(
        "attachment; filename=\"{}\"; filename*=UTF-8''{}",
        ascii(&name),
        percent_encoded(&name)
    );
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The name as it should be saved: the last part of a path, composed, without what a file system
/// or a reader's eye could be misled by, and not too long; the extension is kept.
#[must_use]
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.nfc().filter(|c| !misleads(*c)).collect();
    let trimmed = visible.trim().trim_start_matches('.');
    let (stem, extension) = parts(trimmed);
    let stem = prefix(stem, LONGEST.saturating_sub(extension.len()));
    if stem.is_empty() {
        format!("download{extension}")
    } else {
        format!("{stem}{extension}")
    }
}

/// The same name in plain ASCII: Vietnamese without its marks, other scripts as underscores.
#[must_use]
pub fn ascii(name: &str) -> String {
    let letters: String = name
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .map(|c| match c {
            // These two have no decomposition: their stroke is no mark.
            'đ' => 'd',
            'Đ' => 'D',
            '"' | '\\' | '/' | '%' | ':' | '*' | '?' | '<' | '>' | '|' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    // Some scripts write words with marks alone.
    if letters.trim().is_empty() || letters.starts_with('.') {
        format!("download{letters}")
    } else {
        letters
    }
}

/// Control characters, and the marks that turn the reading direction: `gpj.exe` must not look like
/// `exe.jpg`.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Stem and extension with its point; a long "extension" is a sentence, not an extension.
fn parts(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(point) if (2..=16).contains(&(name.len() - point)) => name.split_at(point),
        _ => (name, ""),
    }
}

/// The longest beginning with at most so many bytes that cuts no character.
fn prefix(text: &str, bytes: usize) -> &str {
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
    &text[..ends.take_while(|end| *end <= bytes).last().unwrap_or(0)]
}

/// All but the attr-char of RFC 8187.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
