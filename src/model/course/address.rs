//! How the outside names a course: by its slug, or by the address of the seller's own page.
//! Both are checked when made, so that nothing behind the edge looks at their form again.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::db::{Arg, FromArg};

/// Longest slug, in characters.
pub const SLUG_MAX: usize = 80;
/// Longest address of a page, in bytes.
pub const URL_MAX: usize = 500;

/// A name made of `a-z`, `0-9` and `-`, at most [`SLUG_MAX`] long.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// The text is no [`Slug`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {SLUG_MAX} characters out of a-z, 0-9 and -, and neither begin nor end with -"
)]
pub struct BadSlug;

/// The seller's page about a course: an absolute http(s) address, kept as it was written.
/// Two addresses are the same page when their [`key`](PageUrl::key)s are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl {
    text: String,
    key: String,
}

/// The text is no [`PageUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a whole address of a page, https://..., without user name, at most {URL_MAX} bytes"
)]
pub struct BadPageUrl;

impl Slug {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, BadSlug> {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let good = (1..=SLUG_MAX).contains(&text.len())
            && text.bytes().all(letters)
            && !text.starts_with('-')
            && !text.ends_with('-');
        good.then(|| Self(text.to_owned())).ok_or(BadSlug)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PageUrl {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, BadPageUrl> {
        let url = Url::parse(text).map_err(|_| BadPageUrl)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && text.contains("://")
            && url.username().is_empty()
            && url.password().is_none()
            && text.len() <= URL_MAX
            && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        let key = page_key(text).filter(|_| plain).ok_or(BadPageUrl)?;
        let text = text.to_owned();
        Ok(Self { text, key })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What [`page_key`] makes of it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What stays of an address when everything is dropped that does not make it another page: scheme,
/// `www.`, letter case of the host, query, fragment, slash at the end, and how its characters are
/// encoded. A shop front end sends what the browser's address bar holds, with or without scheme.
#[must_use]
pub fn page_key(address: &str) -> Option<String> {
    let address = address.trim();
    if address.len() > 4 * URL_MAX {
        return None;
    }
    let url = Url::parse(&with_scheme(address)).ok()?;
    let host = url
        .host_str()
        .filter(|_| matches!(url.scheme(), "http" | "https"))?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = percent_encoding::percent_decode_str(url.path().trim_end_matches('/'))
        .decode_utf8_lossy()
        .nfc()
        .collect::<String>();
    Some(format!("{host}{port}{path}"))
}

fn with_scheme(address: &str) -> String {
    if address.contains("://") {
        address.to_owned()
    } else {
        format!("https://{}", address.trim_start_matches('/'))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl TryFrom<String> for Slug {
    type Error = BadSlug;

    fn try_from(text: String) -> Result<Self, BadSlug> {
        Self::parse(&text)
    }
}

impl From<&Slug> for Arg {
    fn from(slug: &Slug) -> Self {
        Self::Text(slug.0.clone())
    }
}

impl FromArg for Slug {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        Ok(Self::parse(&String::from_arg(value)?)?)
    }
}

impl FromArg for PageUrl {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        Ok(Self::parse(&String::from_arg(value)?)?)
    }
}
