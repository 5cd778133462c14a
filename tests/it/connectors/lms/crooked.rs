//! A server of HTTP on 127.0.0.1 that plays some platform, and misbehaves on request in the ways that
//! have nothing to do with which platform it is. FAKE: it says so in its `Server` header.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::conformance::Trouble;

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// As it was sent, still encoded.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub text: String,
    /// The text as JSON, `Null` where it is none.
    pub body: Value,
}

impl Asked {
    pub fn query(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(n, _)| n == name);
        pair.map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path's parts, decoded.
    pub fn parts(&self) -> Vec<String> {
        let parts = self.path.trim_matches('/').split('/');
        let decoded = parts.map(|part| percent_encoding::percent_decode_str(part));
        decoded
            .map(|part| part.decode_utf8_lossy().into_owned())
            .collect()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canned {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Canned {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::typed(status, "application/json", body.to_string())
    }

    pub fn page(status: u16, body: &str) -> Self {
        Self::typed(status, "text/html; charset=utf-8", body.to_owned())
    }

    pub fn empty(status: u16) -> Self {
        Self::typed(status, "", String::new())
    }

    pub fn typed(status: u16, content_type: &'static str, body: String) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body,
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a request does, as far as trouble is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks for an enrolment.
    Read,
    /// Enrols.
    Write,
    /// Anything else.
    Other,
}

/// The platform that is played.
pub trait Site: Send + Sync + 'static {
    fn role(&self, asked: &Asked) -> Role;

    fn answer(&self, asked: &Asked) -> Canned;

    /// Its own words for trouble; `None` where it knows no such thing.
    fn words(&self, trouble: Trouble) -> Option<Canned>;
}

/// One way to misbehave.
#[derive(Debug, Clone)]
pub enum Way {
    Instead(Canned),
    Hang,
    HangAfterwards,
    CutAnswer,
    CutUndone,
    Endless,
    Slow(Duration),
}

/// On which requests; `None`: on each.
type On = Option<Role>;

#[derive(Default)]
struct Plan {
    once: VecDeque<(On, Way)>,
    always: Vec<(On, Way)>,
}

impl Plan {
    fn next(&mut self, role: Role) -> Option<Way> {
        let fits = |on: &On| on.is_none_or(|wanted| wanted == role);
        if let Some(at) = self.once.iter().position(|(on, _)| fits(on)) {
            return self.once.remove(at).map(|(_, way)| way);
        }
        let always = self.always.iter().find(|(on, _)| fits(on));
        always.map(|(_, way)| way.clone())
    }
}

/// A running fake; it ends when dropped.
pub struct Crooked<S: Site> {
    pub address: SocketAddr,
    pub site: Arc<S>,
    inside: Arc<Inside>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Inside {
    plan: Mutex<Plan>,
    log: Mutex<Vec<Asked>>,
}

impl<S: Site> Crooked<S> {
    pub async fn start(site: S) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (site, inside) = (Arc::new(site), Arc::new(Inside::default()));
        let router = Router::new()
            .fallback(serve::<S>)
            .with_state((Arc::clone(&site), Arc::clone(&inside)));
        let serving = tokio::spawn(async move {
            let _ends_with_the_task = axum::serve(listener, router).await;
        });
        Self {
            address,
            site,
            inside,
            serving,
        }
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn once(&self, on: On, way: Way) {
        self.inside.plan.lock().unwrap().once.push_back((on, way));
    }

    pub fn always(&self, on: On, way: Way) {
        self.inside.plan.lock().unwrap().always.push((on, way));
    }

    pub fn behave(&self) {
        *self.inside.plan.lock().unwrap() = Plan::default();
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<Asked> {
        self.inside.log.lock().unwrap().clone()
    }

    /// Arrange trouble with calls; false: it is none, or this platform has no words for it.
    pub fn spoil(&self, trouble: Trouble) -> bool {
        let write = Some(Role::Write);
        match trouble {
            Trouble::AnswerLostAfterWrite => self.once(write, Way::CutAnswer),
            Trouble::AnswerLostBeforeWrite => self.once(write, Way::CutUndone),
            Trouble::HangAfterWrite => self.once(write, Way::HangAfterwards),
            Trouble::Hang => self.always(None, Way::Hang),
            Trouble::CutConnection => self.always(None, Way::CutUndone),
            Trouble::EndlessBody => self.always(None, Way::Endless),
            Trouble::OversizedBody => self.always(None, Way::Instead(oversized())),
            Trouble::HtmlInsteadOfJson => self.always(None, Way::Instead(welcome())),
            Trouble::Slow(time) => self.always(None, Way::Slow(time)),
            Trouble::RedirectOnWrite(to) => self.always(write, Way::Instead(redirect(to))),
            Trouble::RedirectOnRead(to) => {
                self.always(Some(Role::Read), Way::Instead(redirect(to)));
            }
            other => {
                let Some(words) = self.site.words(other) else {
                    return false;
                };
                match other {
                    Trouble::DeadlockOnce => self.once(write, Way::Instead(words)),
                    Trouble::RightMissingWritesRefused
                    | Trouble::EchoesCredentials
                    | Trouble::CourseClosed
                    | Trouble::SeatsUsedUp => self.always(write, Way::Instead(words)),
                    _ => self.always(None, Way::Instead(words)),
                }
            }
        }
        true
    }
}

impl<S: Site> Drop for Crooked<S> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn welcome() -> Canned {
    Canned::page(200, "<!doctype html><title>Welcome</title>")
}

fn oversized() -> Canned {
    let body = serde_json::json!({"totalResults": 0, "Resources": [], "pad": "x".repeat(1 << 20)});
    Canned::json(200, &body)
}

fn redirect(to: SocketAddr) -> Canned {
    Canned::page(301, "Moved").with("location", format!("http://{to}/?email=ada@example.com"))
}

async fn serve<S: Site>(
    State((site, inside)): State<(Arc<S>, Arc<Inside>)>,
    request: Request,
) -> Response<Body> {
    let asked = read(request).await;
    let role = site.role(&asked);
    inside.log.lock().unwrap().push(asked.clone());
    let way = inside.plan.lock().unwrap().next(role);
    match way {
        Some(Way::Instead(canned)) => respond(&canned),
        Some(Way::Hang) => std::future::pending().await,
        Some(Way::HangAfterwards) => {
            site.answer(&asked);
            std::future::pending().await
        }
        Some(Way::CutAnswer) => {
            site.answer(&asked);
            cut()
        }
        Some(Way::CutUndone) => cut(),
        Some(Way::Endless) => endless(),
        Some(Way::Slow(time)) => {
            let _never = tokio::time::timeout(time, std::future::pending::<()>()).await;
            respond(&site.answer(&asked))
        }
        None => respond(&site.answer(&asked)),
    }
}

async fn read(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let query = parts.uri.query().unwrap_or_default();
    Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: parts.headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

fn respond(canned: &Canned) -> Response<Body> {
    built(canned, Body::from(canned.body.clone()))
}

/// A good beginning, then the connection breaks.
fn cut() -> Response<Body> {
    let half = Ok(Bytes::from_static(b"{\"id\": \"1\", "));
    let pieces = futures_util::stream::iter([half, Err(std::io::Error::other("cut off"))]);
    let good = Canned::typed(200, "application/json", String::new());
    built(&good, Body::from_stream(pieces))
}

fn endless() -> Response<Body> {
    let begun = futures_util::stream::iter([Bytes::from_static(b"{\"Resources\": [")]);
    let more = futures_util::stream::repeat(Bytes::from_static(&[b' '; 8192]));
    let good = Canned::typed(200, "application/json", String::new());
    let body = begun.chain(more).map(Ok::<_, std::io::Error>);
    built(&good, Body::from_stream(body))
}

fn built(canned: &Canned, body: Body) -> Response<Body> {
    let mut response = Response::builder()
        .status(canned.status)
        .header("server", "Bursar-fake-platform (a fake for tests)");
    if !canned.content_type.is_empty() {
        response = response.header("content-type", canned.content_type);
    }
    for (name, value) in &canned.headers {
        response = response.header(*name, value);
    }
    response.body(body).unwrap()
}
