//! One HTTP exchange with a foreign server: bounded in time and in size, and its failures named.
//! It knows no platform, follows no redirect and tries nothing twice.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, LINK, LOCATION, RETRY_AFTER};

use super::Fault;
use super::quote::quote;

/// A server may ask for a longer pause; it does not get one.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// An upload's answer comes after its last byte, and a part of one may be on its way for minutes.
const LONGEST_SILENCE: Duration = Duration::from_mins(5);

/// What one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Time for the whole exchange, body included.
    pub total: Duration,
    /// Bytes of an answer's body.
    pub body: usize,
}

impl Default for Limits {
    /// 5 s to connect, 30 s in all (creating a learner took a small server over 4 s), 1 MiB.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            body: 1024 * 1024,
        }
    }
}

/// The HTTP client of every connector: bounded by `limits`, redirects refused (a redirected POST
/// becomes a GET), no cookies.
pub fn client(limits: Limits) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .connect_timeout(limits.connect)
        .timeout(limits.total)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("Bursar/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// The same client for large bodies: bounded by how long nothing moves, not by the whole.
pub fn patient_client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(LONGEST_SILENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("Bursar/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// An absolute `http` or `https` address, without credentials, query or fragment in it.
pub fn absolute(address: &str) -> anyhow::Result<reqwest::Url> {
    let Ok(url) = reqwest::Url::parse(address.trim()) else {
        anyhow::bail!("{address:?} is not an absolute address; it must start with https://");
    };
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host(),
        "{address:?} must start with https:// (or http://) and name a host"
    );
    anyhow::ensure!(
        url.username().is_empty() && url.password().is_none(),
        "credentials do not belong into the address; set them as settings of their own"
    );
    anyhow::ensure!(
        url.fragment().is_none(),
        "{address:?} has a part after #, which no server would see"
    );
    Ok(url)
}

/// Whether a call changes something over there: what a lost answer means depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Only looks: a lost answer may simply be asked for again.
    Read,
    /// May change something: after a lost answer only a read can tell.
    Write,
}

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, lower case, empty when absent.
    pub content_type: String,
    /// `Retry-After`, or a header whose name ends so, in seconds, at most an hour. The form with a date is ignored: it would need
    /// both clocks to agree.
    pub retry_after: Option<Duration>,
    /// Where a redirect points.
    pub location: Option<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Link`, as it came: where a list goes on.
    pub link: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// One of which only the status was looked at.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// The body as JSON, if it says that it is JSON, and is.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        self.content_type
            .contains("json")
            .then(|| serde_json::from_slice(&self.body).ok())
            .flatten()
    }

    /// Scheme and host of a redirect; its path and query stay out, they may name a person.
    #[must_use]
    pub fn redirects_to(&self) -> String {
        self.location
            .as_deref()
            .and_then(|location| reqwest::Url::parse(location).ok())
            .map_or_else(
                || "another path".to_owned(),
                |url| quote(&url.origin().ascii_serialization(), &[]),
            )
    }
}

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was sent: no address, no connection.
    Unreached(String),
    /// Nothing was sent: the other side does not prove to be the host we asked for, or speaks no TLS.
    Unproven(String),
    /// The request left; no answer, or not all of it, came in time.
    Unanswered(String),
    /// The request left; the answer is longer than allowed.
    Oversized(usize),
}

impl Lost {
    /// What it means for the call.
    #[must_use]
    pub fn fault(self, aim: Aim) -> Fault {
        match (self, aim) {
            (Self::Unreached(why), _) => Fault::Transient {
                why: format!("The LMS could not be reached: {why}."),
                after: None,
            },
            (Self::Unproven(why), _) => Fault::ConnectionBroken {
                why: format!("No secure connection to the LMS could be made: {why}."),
            },
            (Self::Unanswered(why), Aim::Read) => Fault::Transient {
                why: format!("The LMS gave no whole answer: {why}."),
                after: None,
            },
            (Self::Unanswered(why), Aim::Write) => Fault::Unknown {
                why: format!("The LMS was asked, but gave no whole answer: {why}."),
            },
            (Self::Oversized(limit), Aim::Read) => Fault::ConnectionBroken {
                why: format!(
                    "The answer is longer than {limit} bytes: this does not look like the LMS."
                ),
            },
            (Self::Oversized(limit), Aim::Write) => Fault::Unknown {
                why: format!("The LMS was asked, but its answer is longer than {limit} bytes."),
            },
        }
    }
}

/// Send one request and read its whole answer, or name why not.
pub async fn exchange(request: reqwest::RequestBuilder, limits: Limits) -> Result<Answer, Lost> {
    let answered = exchange_with_headers(request, limits).await;
    answered.map(|(answer, _)| answer)
}

/// The same, with the headers of the answer.
pub async fn exchange_with_headers(
    request: reqwest::RequestBuilder,
    limits: Limits,
) -> Result<(Answer, HeaderMap), Lost> {
    let mut response = request.send().await.map_err(|error| lost(&error))?;
    let headers = response.headers();
    let answer = Answer {
        status: response.status().as_u16(),
        content_type: text(headers, &CONTENT_TYPE)
            .unwrap_or_default()
            .to_lowercase(),
        retry_after: retry_after(headers),
        location: text(headers, &LOCATION),
        etag: text(headers, &ETAG),
        link: text(headers, &LINK),
        body: Vec::new(),
    };
    let headers = headers.clone();
    let body = whole_body(&mut response, limits.body).await?;
    Ok((Answer { body, ..answer }, headers))
}

/// The announced length is not believed: an answer without one is cut off just the same.
async fn whole_body(response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Lost::Oversized(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Some put a name of their own before the header's, as `x-NAME-retry-after`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let is_own = |name: &&HeaderName| name.as_str().ends_with("-retry-after");
    let own = headers.keys().find(is_own);
    let asked = text(headers, &RETRY_AFTER).or_else(|| text(headers, own?))?;
    let seconds = asked.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// The client's own words name the URL, and ours carry an address in the query: only the innermost
/// cause is quoted.
#[must_use]
pub fn lost(error: &reqwest::Error) -> Lost {
    if let Some(why) = tls_refusal(error) {
        return Lost::Unproven(quote(&why, &[]));
    }
    let why = if error.is_timeout() {
        "it took too long".to_owned()
    } else {
        quote(&innermost(error), &[])
    };
    if error.is_connect() || error.is_builder() {
        Lost::Unreached(why)
    } else {
        Lost::Unanswered(why)
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

fn innermost(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| "the connection was lost".to_owned(), ToString::to_string)
}

/// Only what waiting does not mend: a broken-off handshake is an outage like any other.
fn tls_refusal(error: &reqwest::Error) -> Option<String> {
    causes(error)
        .filter_map(as_tls)
        .find(|tls| {
            matches!(
                tls,
                rustls::Error::InvalidCertificate(_) | rustls::Error::InvalidMessage(_)
            )
        })
        .map(ToString::to_string)
}

/// An I/O error does not name what it wraps as its source, and they come wrapped in each other.
fn as_tls<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    match cause.downcast_ref::<io::Error>() {
        Some(wrapper) => as_tls(wrapper.get_ref()?),
        None => cause.downcast_ref(),
    }
}
