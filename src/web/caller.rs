//! Who is calling: their address, their language, and the id under which the log knows the request.
//! Not who they are: authentication belongs to each door.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts, Query};
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::problem::Problem;
use crate::clock::Clock;
use crate::error::Error;
use crate::id::{Identifier, Mint};
use crate::words::Locale;

/// Carries the request's id in every problem.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The id of one request: in the log, in `X-Request-Id`, in a problem's `requestId`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

impl Identifier for RequestId {
    const PREFIX: &'static str = "req";
}

impl From<String> for RequestId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What the extractor needs to know; the router's state gives it by `FromRef`.
#[derive(Debug, Clone)]
pub struct CallerRules {
    /// The shop's language, for callers who ask for none of ours.
    pub locale: Locale,
    /// Believe the last `X-Forwarded-For` entry.
    pub behind_proxy: bool,
    /// Where request ids come from.
    pub mint: Mint,
    /// When.
    pub clock: Clock,
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The language to answer in.
    pub locale: Locale,
    /// The request's id.
    pub request_id: RequestId,
    /// Where it came from.
    pub address: IpAddr,
}

impl Caller {
    /// In the language that the request's body names, if it names one of ours.
    #[must_use]
    pub fn speaking(mut self, tag: Option<&str>) -> Self {
        if let Some(locale) = tag.and_then(Locale::parse) {
            self.locale = locale;
        }
        self
    }

    /// The answer to this caller for an error.
    #[must_use]
    pub fn problem(&self, error: Error) -> Problem {
        Problem(error, self.locale, self.request_id.clone())
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    CallerRules: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let rules = CallerRules::from_ref(state);
        let caller = Self {
            locale: asked_locale(parts).unwrap_or(rules.locale),
            request_id: rules.mint.id(rules.clock.now()),
            address: client_address(peer(parts), &parts.headers, rules.behind_proxy),
        };
        // A second extraction (a layer's, then the handler's) is the same request.
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// The caller's address. Behind a proxy of ours it is the last entry of `X-Forwarded-For`: the only
/// one that our proxy wrote; all before it may be invented.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, behind_proxy: bool) -> IpAddr {
    let last = || {
        let value = headers.get_all(X_FORWARDED_FOR).iter().next_back()?;
        forwarded(value.to_str().ok()?.rsplit(',').next()?.trim())
    };
    behind_proxy
        .then(last)
        .flatten()
        .unwrap_or(peer)
        .to_canonical()
}

/// `?locale=`, then `Accept-Language`.
fn asked_locale(parts: &Parts) -> Option<Locale> {
    #[derive(serde::Deserialize)]
    struct Asked {
        locale: Option<String>,
    }
    let asked = Query::<Asked>::try_from_uri(&parts.uri).ok();
    asked
        .and_then(|query| Locale::parse(query.0.locale.as_deref()?))
        .or_else(|| accepted_locale(&parts.headers))
}

/// The best of ours in `Accept-Language`: by weight, then by place.
#[must_use]
pub fn accepted_locale(headers: &HeaderMap) -> Option<Locale> {
    let accepted = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Locale)> = None;
    for choice in accepted.split(',') {
        let (tag, weight) = weighted(choice);
        if let Some(locale) = Locale::parse(tag)
            && weight > best.map_or(0.0, |(weight, _)| weight)
        {
            best = Some((weight, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

/// `en;q=0.8` is `("en", 0.8)`.
fn weighted(choice: &str) -> (&str, f32) {
    let (tag, parameter) = choice.split_once(';').unwrap_or((choice, "q=1"));
    let weight = parameter.trim().strip_prefix("q=").unwrap_or_default();
    (tag.trim(), weight.parse().unwrap_or(0.0))
}

/// Without the address of a connection (a test without a socket) all callers are one.
fn peer(parts: &Parts) -> IpAddr {
    let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(Ipv4Addr::UNSPECIFIED.into(), |info| info.0.ip())
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let alone = entry.trim_start_matches('[').trim_end_matches(']');
    let with_port = || entry.parse().map(|socket: SocketAddr| socket.ip());
    alone.parse().or_else(|_| with_port()).ok()
}
