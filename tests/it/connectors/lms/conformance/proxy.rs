//! Trouble on the wire between a connector and a server that knows nothing of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Trouble;

/// Requests and answers of a server are at most so long here.
const LONGEST: usize = 16 * 1024 * 1024;

pub struct Proxy {
    pub address: SocketAddr,
    inside: Arc<Inside>,
    serving: JoinHandle<()>,
}

struct Inside {
    /// Scheme, host and port of the server.
    upstream: Url,
    client: reqwest::Client,
    trouble: Mutex<Option<Trouble>>,
    shape: Shape,
}

/// How a platform's requests are told apart: method, and a text in address or body.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub write: (&'static str, &'static str),
    pub read: (&'static str, &'static str),
}

impl Shape {
    /// Of a kind of connection.
    pub fn of(kind: &str) -> Self {
        let (write, read) = match kind {
            "frappe" => (("POST", "Enrollment"), ("GET", "Enrollment")),
            "moodle" => (
                ("POST", "enrol_manual_enrol_users"),
                ("POST", "core_enrol_get_"),
            ),
            "scim" => (("PATCH", "/Groups"), ("GET", "/Groups")),
            "open_edx" | "openedx" => (("POST", "enroll"), ("GET", "enroll")),
            "http_confirm" => (("POST", ""), ("GET", "")),
            _ => (("POST", "enrollments"), ("GET", "enrollments")),
        };
        Self { write, read }
    }
}

fn is_of((method, text): (&str, &str), asked: &Asked) -> bool {
    asked.method == method
        && (asked.target.contains(text) || String::from_utf8_lossy(&asked.body).contains(text))
}

struct Asked {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Proxy {
    pub async fn before(upstream: &Url, shape: Shape) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::new(Inside {
            upstream: upstream.clone(),
            client: bursar::connectors::http().unwrap(),
            trouble: Mutex::new(None),
            shape,
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&inside));
        let serving = tokio::spawn(async move {
            let _ends_with_the_task = axum::serve(listener, router).await;
        });
        Self {
            address,
            inside,
            serving,
        }
    }

    /// The same address as seen through the proxy.
    pub fn in_place_of(&self, url: &str) -> String {
        let mut through: Url = url.parse().unwrap();
        through.set_scheme("http").unwrap();
        through.set_ip_host(self.address.ip()).unwrap();
        through.set_port(Some(self.address.port())).unwrap();
        through.as_str().trim_end_matches('/').to_owned()
    }

    pub fn set(&self, trouble: Option<Trouble>) {
        *self.inside.lock() = trouble;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inside {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to go wrong with this request; what happens once is over with it.
    fn next(&self, asked: &Asked) -> Option<Trouble> {
        let mut trouble = self.lock();
        let now = (*trouble)?;
        let is_write = is_of(self.shape.write, asked);
        let concerned = match now {
            Trouble::AnswerLostAfterWrite
            | Trouble::AnswerLostBeforeWrite
            | Trouble::HangAfterWrite => {
                if is_write {
                    *trouble = None;
                }
                is_write
            }
            Trouble::RedirectOnWrite(_) => is_write,
            Trouble::RedirectOnRead(_) => is_of(self.shape.read, asked),
            _ => true,
        };
        concerned.then_some(now)
    }

    async fn forward(&self, asked: Asked) -> Response {
        let url = self.upstream.join(&asked.target).unwrap();
        let mut request = self.client.request(asked.method, url).body(asked.body);
        for (name, value) in &asked.headers {
            let own = [header::HOST, header::CONTENT_LENGTH, header::CONNECTION];
            if !own.contains(name) {
                request = request.header(name, value);
            }
        }
        let Ok(answer) = request.send().await else {
            return said(502, "text/plain", "the server did not answer");
        };
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            let own = [header::TRANSFER_ENCODING, header::CONNECTION];
            if !own.contains(name) {
                response = response.header(name, value);
            }
        }
        let body = answer.bytes().await.unwrap_or_default();
        response.body(Body::from(body)).unwrap()
    }
}

async fn pass(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked {
        method: parts.method,
        target: parts.uri.to_string(),
        headers: parts.headers,
        body: axum::body::to_bytes(body, LONGEST)
            .await
            .unwrap_or_default(),
    };
    match inside.next(&asked) {
        None => inside.forward(asked).await,
        Some(Trouble::AnswerLostAfterWrite) => {
            let answer = done_whatever_happens(inside, asked).await;
            cut(answer.status().as_u16())
        }
        Some(Trouble::HangAfterWrite) => {
            done_whatever_happens(inside, asked).await;
            std::future::pending().await
        }
        Some(Trouble::Hang) => std::future::pending().await,
        Some(trouble) => instead(trouble),
    }
}

/// The client may leave before the server has answered; the request is carried out all the same.
async fn done_whatever_happens(inside: Arc<Inside>, asked: Asked) -> Response {
    let doing = tokio::spawn(async move { inside.forward(asked).await });
    doing.await.unwrap()
}

/// The answer to a request that is not passed on.
fn instead(trouble: Trouble) -> Response {
    match trouble {
        Trouble::Throttled(seconds) => {
            let mut answer = said(429, "application/json", "{}");
            if let Some(seconds) = seconds {
                answer
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            answer
        }
        Trouble::Maintenance => said(503, "text/html", "<h1>Back soon</h1>"),
        Trouble::HtmlInsteadOfJson => said(200, "text/html", "<!doctype html><title>Hello</title>"),
        Trouble::OversizedBody => {
            let long = format!("{{\"data\": [], \"pad\": \"{}\"}}", "x".repeat(1 << 20));
            said(200, "application/json", &long)
        }
        Trouble::EndlessBody => {
            let begun = futures_util::stream::iter([Bytes::from_static(b"{\"data\": [")]);
            let more = futures_util::stream::repeat(Bytes::from_static(&[b' '; 8192]));
            stream(200, begun.chain(more).map(Ok))
        }
        Trouble::RedirectOnWrite(to) | Trouble::RedirectOnRead(to) => {
            let mut answer = said(301, "text/html", "moved");
            let place = format!("http://{to}/?email=ada@example.com");
            answer
                .headers_mut()
                .insert(header::LOCATION, place.parse().unwrap());
            answer
        }
        _ => cut(200),
    }
}

fn cut(status: u16) -> Response {
    let pieces = [
        Ok(Bytes::from_static(b"{\"da")),
        Err(std::io::Error::other("cut off")),
    ];
    stream(status, futures_util::stream::iter(pieces))
}

fn stream(
    status: u16,
    body: impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(body))
        .unwrap()
}

fn said(status: u16, kind: &str, body: &str) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body.to_owned()))
        .unwrap()
}
