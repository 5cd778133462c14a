//! The fake's HTTP side. Every request takes the same road: noted, perhaps spoilt, authenticated,
//! acted on, answered. Changes of readers look, wait a moment, and write what they saw, changed: of
//! two that meet on one item only the last one stays, as Google's guide says.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};

use super::answers::{Canned, failure, no_token, refused};
use super::mischief::{Call, Mischief};
use super::store::{Seen, Store};
use super::{Site, files, people, tokens, uploads};

const SERVER: &str = "Bursar-fake-Drive (a fake for demos and tests, nothing in it is Google's)";
const LONGEST_BODY: usize = 80 * 1024 * 1024;
/// How often a change of readers lets others go first, between looking and writing.
const LETS_GO_FIRST: usize = 32;

pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new().fallback(any(call)).with_state(site)
}

/// What acting needs to know of a request.
pub(super) struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Some programs put `resumable` before the path of an upload.
    fn segments(&self) -> Vec<&str> {
        let mut segments: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        if segments.first() == Some(&"resumable") {
            segments.remove(0);
        }
        segments
    }

    fn call(&self) -> Call {
        match (self.method.as_str(), self.segments().as_slice()) {
            ("POST", ["token"]) => Call::Token,
            ("GET", ["drive", "v3", "about"]) => Call::About,
            ("GET", ["drive", "v3", "drives", _]) => Call::SharedDrive,
            ("GET", ["drive", "v3", "files", "generateIds"]) => Call::ReserveIds,
            ("POST", ["drive", "v3", "files"]) => Call::Create,
            ("GET", ["drive", "v3", "files"]) => Call::List,
            ("GET", ["drive", "v3", "files", _]) => Call::Get,
            ("PATCH", ["drive", "v3", "files", _]) => Call::Update,
            ("DELETE", ["drive", "v3", "files", _]) => Call::Delete,
            ("POST", ["drive", "v3", "files", _, "copy"]) => Call::Copy,
            ("POST", ["drive", "v3", "files", _, "permissions"]) => Call::Share,
            ("GET", ["drive", "v3", "files", _, "permissions"]) => Call::People,
            ("GET", ["drive", "v3", "files", _, "permissions", _]) => Call::Person,
            ("PATCH", ["drive", "v3", "files", _, "permissions", _]) => Call::Change,
            ("DELETE", ["drive", "v3", "files", _, "permissions", _]) => Call::Unshare,
            ("POST", ["upload", "drive", "v3", "files"])
            | ("PATCH", ["upload", "drive", "v3", "files", _]) => Call::Open,
            ("PUT", ["upload", "drive", "v3", "files"]) => match self.header("content-range") {
                Some(range) if range.contains('*') && self.body.is_empty() => Call::Ask,
                _ => Call::Chunk,
            },
            _ => Call::Other,
        }
    }

    /// The item whose readers it changes.
    fn item(&self) -> String {
        self.segments()
            .get(3)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    fn seen(&self) -> Seen {
        let query = self.query.iter().filter(|(key, _)| key != "upload_id");
        let is_token = self.path.ends_with("/token");
        Seen {
            call: self.call(),
            line: format!("{} {}", self.method, self.path),
            query: query.cloned().collect(),
            range: self.header("content-range").map(str::to_owned),
            body: if is_token { Value::Null } else { self.json() },
        }
    }
}

async fn call(State(site): State<Arc<Site>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LONGEST_BODY).await;
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query).into_owned().collect(),
        headers: parts.headers,
        body: body.unwrap_or_default(),
    };
    let call = asked.call();
    site.with_store(|store| store.note(asked.seen()));
    let mischief = site.with_plan(|plan| plan.next(call));
    if mischief == Some(Mischief::Hang) {
        return std::future::pending().await;
    }
    let answer = if call.changes_people() {
        change_people(&site, &asked, call, mischief.as_ref()).await
    } else {
        site.with_store(|store| answered(&site, store, &asked, call, mischief.as_ref()))
    };
    match mischief {
        Some(Mischief::HangAfterwards) => std::future::pending().await,
        Some(Mischief::CutAnswer) => cut_off(&answer),
        _ => respond(&answer),
    }
}

async fn change_people(
    site: &Site,
    asked: &Asked,
    call: Call,
    mischief: Option<&Mischief>,
) -> Canned {
    let item = asked.item();
    let before = site.with_store(|store| {
        store.begin_change(&item);
        store.items.get(&item).map(|item| item.readers.clone())
    });
    if mischief == Some(&Mischief::Held) {
        site.let_go.notified().await;
    }
    for _ in 0..LETS_GO_FIRST {
        tokio::task::yield_now().await;
    }
    site.with_store(|store| {
        if let (Some(item), Some(before)) = (store.items.get_mut(&item), before) {
            item.readers = before;
        }
        let answer = answered(site, store, asked, call, mischief);
        store.end_change(&item);
        answer
    })
}

fn answered(
    site: &Site,
    store: &mut Store,
    asked: &Asked,
    call: Call,
    mischief: Option<&Mischief>,
) -> Canned {
    if let Some(canned) = mischief.and_then(Mischief::instead) {
        if mischief == Some(&Mischief::SessionOver) {
            uploads::end(store, asked);
        }
        return canned;
    }
    if call == Call::Token {
        return tokens::give(site, store, &asked.body);
    }
    let bearer = asked
        .header("authorization")
        .and_then(|h| h.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| store.tokens.contains(token)) {
        return no_token();
    }
    let done = act(site, store, asked, call, mischief).unwrap_or_else(|refused| refused);
    match mischief {
        Some(Mischief::FailureAfterwards) => failure(),
        Some(Mischief::MailFailed) => refused(
            400,
            "invalidSharingRequest",
            "Bad Request. User message: \"The items were successfully shared but emails could not be sent.\"",
        ),
        Some(Mischief::NoChecksum) => without_checksum(done),
        _ => done,
    }
}

fn act(
    site: &Site,
    store: &mut Store,
    asked: &Asked,
    call: Call,
    mischief: Option<&Mischief>,
) -> Result<Canned, Canned> {
    let segments = asked.segments();
    let at = |place: usize| segments.get(place).copied().unwrap_or_default();
    match call {
        Call::About => files::about(store, asked),
        Call::SharedDrive => files::shared_drive(store, asked, at(3)),
        Call::ReserveIds => files::reserve(store, asked),
        Call::Create => files::create(store, asked),
        Call::Get => files::get(store, asked, at(3)),
        Call::List => files::list(store, asked),
        Call::Copy => files::copy(store, asked, at(3)),
        Call::Update => files::update(store, asked, at(3)),
        Call::Delete => files::delete(store, asked, at(3)),
        Call::Open => uploads::open(store, asked, segments.get(4).copied(), &site.base_url),
        Call::Chunk | Call::Ask => uploads::put(store, asked, mischief),
        Call::Share => people::share(store, asked, at(3)),
        Call::People => people::list(store, asked, at(3)),
        Call::Person => people::get(store, asked, at(3), at(5)),
        Call::Change => people::change(store, asked, at(3), at(5)),
        Call::Unshare => people::unshare(store, asked, at(3), at(5)),
        Call::Any | Call::Token | Call::Other => Err(refused(404, "notFound", "Not Found")),
    }
}

fn without_checksum(mut answer: Canned) -> Canned {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("md5Checksum");
        answer.body = json!(fields).to_string().into_bytes();
    }
    answer
}

fn respond(canned: &Canned) -> Response {
    built(canned, Body::from(canned.body.clone()))
}

/// Half of the body, then the connection breaks.
fn cut_off(canned: &Canned) -> Response {
    let half = Bytes::copy_from_slice(&canned.body[..canned.body.len() / 2]);
    let pieces = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut off"))]);
    built(canned, Body::from_stream(pieces))
}

fn built(canned: &Canned, body: Body) -> Response {
    let mut response = Response::builder()
        .status(canned.status)
        .header(header::SERVER, SERVER)
        .header(header::CONTENT_TYPE, canned.content_type);
    for (name, value) in &canned.headers {
        response = response.header(*name, value);
    }
    response.body(body).unwrap_or_default()
}
