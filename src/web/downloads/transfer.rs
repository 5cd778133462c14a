//! One download, from the right to the bytes: which content, who sends it (we, the proxy in front, or
//! the store itself), whether there is room, and on what terms.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::conditions::{Version, Wanted};
use super::door::Held;
use super::landing::Closed;
use super::meter::Meter;
use super::respond::{self, Reply};
use super::sending::Terms;
use super::shelf;
use super::traffic::{self, Full, Place};
use crate::app::App;
use crate::app::files::{self, File};
use crate::connectors::destinations::links::WHOLE_COURSE;
use crate::error::{Error, Result};
use crate::model::audit::Actor;
use crate::model::download::{self, Sent, Subject, WINDOW};
use crate::web::visit::Visit;

/// How long a store's own address works: long enough to begin, and for a browser to go on.
const SIGNED_FOR: Duration = Duration::from_hours(1);

/// Everything but what stands in an internal address as it is.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// What a request asks for.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    /// The file that the link names.
    pub(super) file: &'a str,
}

/// The answer; `Err` is the page of why not now.
pub(super) async fn begin(
    visit: &Visit,
    held: &Held,
    asked: &Asked<'_>,
) -> Result<Result<Response, Closed>> {
    let app = &visit.app;
    if asked.file == WHOLE_COURSE {
        let content = shelf::whole(app, held).await?;
        // The link was made while there was a version to make it of.
        let content = content.ok_or_else(|| missing(held, "the whole course"))?;
        return send(visit, held, asked, content, &shelf::name(held)).await;
    }
    let file = files::one(app, &held.grant, asked.file).await?;
    let file = file.ok_or_else(|| missing(held, asked.file))?;
    if !shelf::is_stamped(held, &file)
        && let Some(response) = by_another(visit, held, asked, &file).await?
    {
        return Ok(Ok(response));
    }
    let content = shelf::one(app, held, file).await?;
    send(visit, held, asked, content, asked.file).await
}

async fn send(
    visit: &Visit,
    held: &Held,
    asked: &Asked<'_>,
    content: super::content::Content,
    name: &str,
) -> Result<Result<Response, Closed>> {
    let reply = respond::reply(&content, asked.method, asked.headers);
    let mut terms = Terms {
        rate: rate(&visit.app),
        meter: None,
    };
    if let Reply::Bytes { range, .. } = &reply {
        let place = match enter(visit, held, content.size).await? {
            Ok(place) => place,
            Err(full) => return Ok(Err(full)),
        };
        let subject = subject(visit, held, asked);
        let app = &visit.app;
        terms.meter = Some(Meter::new(app, subject, place, range.start, content.size));
    }
    let response = respond::respond(content, &reply, name, terms).await?;
    Ok(Ok(response))
}

/// A place among the downloads that run, if the buyer has not used up the day.
async fn enter(visit: &Visit, held: &Held, size: u64) -> Result<Result<Place, Closed>> {
    let app = &visit.app;
    let (limits, now) = (&app.config.downloads, app.clock.now());
    let address = visit.caller.address;
    let place = match app.traffic.enter(limits, &held.grant.id, address, now) {
        Ok(place) => place,
        Err(Full::Crowded(after)) => return Ok(Err(Closed::Crowded(after))),
        Err(Full::Spent(at)) => return Ok(Err(spent(at, now))),
    };
    let Some(budget) = traffic::budget(limits, course_size(held).max(size)) else {
        return Ok(Ok(place));
    };
    let grant = held.grant.id.clone();
    let used = app
        .db
        .read(move |tx| Box::pin(async move { download::used(tx, &grant, now).await }));
    let used = used.await?;
    if used.bytes + app.traffic.unwritten(&held.grant.id) < budget {
        return Ok(Ok(place));
    }
    Ok(Err(spent(used.since.plus(WINDOW), now)))
}

fn spent(at: crate::clock::Timestamp, now: crate::clock::Timestamp) -> Closed {
    Closed::Spent {
        at,
        after: at.since(now),
    }
}

/// As it was counted when the files were made ready; 0 where nobody counted.
fn course_size(held: &Held) -> u64 {
    let receipt = held.grant.receipt.as_ref();
    let bytes = receipt.and_then(|receipt| receipt.0.get("bytes")?.as_u64());
    bytes.unwrap_or_default()
}

fn rate(app: &App) -> Option<NonZeroU64> {
    NonZeroU64::new(u64::from(app.config.downloads.kilobytes_per_second) * 1000)
}

fn subject(visit: &Visit, held: &Held, asked: &Asked<'_>) -> Subject {
    let agent = asked.headers.get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    Subject {
        grant: held.grant.id.clone(),
        file: asked.file.to_owned(),
        address: visit.caller.address.to_string(),
        agent: agent.unwrap_or_default().to_owned(),
    }
}

/// The answer with which somebody else sends the file: the proxy in front, or the store.
async fn by_another(
    visit: &Visit,
    held: &Held,
    asked: &Asked<'_>,
    file: &File,
) -> Result<Option<Response>> {
    let response = match internal_place(&visit.app, file) {
        Some(place) => {
            let version = version(file);
            let rate = rate(&visit.app).map(NonZeroU64::get);
            respond::hand_off(&version, &place, asked.file, rate)
        }
        // A signed address is for one method.
        None if asked.method == Method::GET => match signed(&visit.app, file).await? {
            Some(response) => response,
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    if begins(asked, file) {
        count(&visit.app, subject(visit, held, asked)).await?;
    }
    Ok(Some(response))
}

/// Where the proxy in front finds the file, if it was told about the folders on this machine.
fn internal_place(app: &App, file: &File) -> Option<String> {
    let prefix = app.config.downloads.accel_prefix.trim_end_matches('/');
    // What is not among the stores is a source, or the folder beside the database: on this machine.
    let store = app.config.stores.get(&file.store);
    let is_folder = store.is_none_or(|store| store.kind == "folder");
    (!prefix.is_empty() && is_folder).then(|| {
        let path = utf8_percent_encode(&file.entry.path, IN_PATHS);
        format!("{prefix}/{}/{path}", file.store)
    })
}

async fn signed(app: &App, file: &File) -> Result<Option<Response>> {
    let name = super::names::clean(&file.path);
    let Some(url) = files::presign(app, file, &name, SIGNED_FOR).await? else {
        return Ok(None);
    };
    let mut response = StatusCode::FOUND.into_response();
    let out = response.headers_mut();
    out.insert(LOCATION, HeaderValue::from_str(url.as_str())?);
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(Some(response))
}

/// A GET of the beginning: what others send cannot be measured, so this is what counts there.
fn begins(asked: &Asked<'_>, file: &File) -> bool {
    let wanted = version(file).wanted(asked.headers, file.size);
    let from_start = matches!(wanted, Wanted::Whole | Wanted::Part { first: 0, .. });
    asked.method == Method::GET && from_start
}

async fn count(app: &Arc<App>, subject: Subject) -> Result<()> {
    let moment = app.moment(Actor::Buyer);
    let sent = Sent {
        counts: true,
        ..Sent::default()
    };
    let noted = app.db.write(move |tx| {
        Box::pin(async move { download::note(tx, &moment, &subject, sent).await })
    });
    noted.await.map(drop)
}

fn version(file: &File) -> Version {
    Version::new(&format!("\"{}\"", file.etag), file.modified)
}

/// The buyer has the right and we have not the file: ours to mend, so the log must say it.
fn missing(held: &Held, file: &str) -> Error {
    let grant = &held.grant.id;
    Error::Internal(anyhow::anyhow!(
        "the files of grant {grant}: {file:?} does not exist"
    ))
}
