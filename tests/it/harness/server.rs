//! A whole server for one test: a scratch database, a still clock, a seeded mint, a small
//! catalogue, the instant fake LMS, letters into a folder, HTTP on a free port. Nothing runs beside
//! the test: it calls [`Server::drain`] when the queue is to work, [`Server::sweep`] and
//! [`Server::wait`] when time is to pass. Everything ends when it is dropped.
//! `let order = server.order(&["rust"]).await; server.pay(&order, 599_000).await; server.drain().await`

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bursar::app::App;
use bursar::clock::Timestamp;
use bursar::config::Config;
use bursar::connectors::gateways::sepay;
use bursar::db::{Breaks, Kind};
use bursar::money::Money;
use bursar::queue;
use bursar::web::server;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::databases::{self, Scratch};

mod setup;

/// `rust` 599,000 (enrolment, files), `photo` 399,000 (enrolment), `books` 499,000 (files of the
/// seller's own worker); the bundle `all` at 1,199,000; any 2 for 900,000.
pub const CATALOGUE: &str = include_str!("server/catalogue.toml");
/// 2026-01-05T03:00:00Z.
pub const START: Timestamp = Timestamp(1_767_582_000_000);
pub const ACCOUNT: &str = "0123499999";
pub const API_KEY: &str = "apikey0123456789";
pub const HMAC_SECRET: &str = "sepay_test_secret";
pub const WORKER_SECRET: &str = "worker-secret-of-the-tests";

/// What a test may change before the start.
pub struct Options {
    pub config: Config,
    /// Where writes die; asked from the start on.
    pub breaks: Option<Arc<dyn Breaks>>,
}

pub struct Server {
    pub app: Arc<App>,
    pub http: reqwest::Client,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// `outbox/` has the letters, `files/` the course files.
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<anyhow::Result<()>>,
    next_transfer: AtomicI64,
    scratch: Scratch,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null where it is no JSON.
    pub json: Value,
}

/// Run a test on a server over each kind of database.
pub async fn each(test: impl AsyncFn(Server)) {
    each_with(|_| (), test).await;
}

/// The same with other settings.
pub async fn each_with(change: impl Fn(&mut Options), test: impl AsyncFn(Server)) {
    for kind in databases::KINDS {
        // Shown when the test fails: which database it was.
        eprintln!("on {kind:?}");
        test(Server::start_with(kind, &change).await).await;
    }
}

impl Server {
    pub async fn start_with(kind: Kind, change: impl Fn(&mut Options)) -> Self {
        let scratch = databases::fresh(kind).await;
        let folder = tempfile::tempdir().unwrap();
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut options = Options {
            config: setup::config(&url, &folder),
            breaks: None,
        };
        change(&mut options);
        let app = setup::app(&scratch, options).await;
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { drop(stopped.await) };
        let serving = tokio::spawn(server::serve(app.clone(), listener, shutdown));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            app,
            http,
            url,
            folder,
            stop: Some(stop),
            serving,
            next_transfer: AtomicI64::new(1),
            scratch,
        }
    }

    /// For commands beside this server.
    pub fn database(&self) -> &str {
        &self.scratch.url
    }

    /// Work until nothing is due; how many attempts ran.
    pub async fn drain(&self) -> usize {
        Box::pin(queue::drain(&self.app)).await.unwrap()
    }

    /// How many letters were sent.
    pub fn letters(&self) -> usize {
        let outbox = std::fs::read_dir(self.folder.path().join("outbox"));
        outbox.map_or(0, Iterator::count)
    }

    /// Let time pass.
    pub fn wait(&self, span: Duration) {
        self.app.clock.advance(span);
    }

    /// One sweep: expiry, lost leases.
    pub async fn sweep(&self) {
        queue::sweep(&self.app).await.unwrap();
    }

    /// Ask the server to stop, and wait until it has.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        (&mut self.serving).await.unwrap()
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().unwrap();
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    /// Post JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request("POST", path).json(body)).await
    }

    /// Order these courses; the answer of create-order.
    pub async fn order(&self, courses: &[&str]) -> Value {
        let body = json!({ "email": "an@example.com", "name": "An", "courses": courses });
        let answer = self.post("/api/v1/payment/create-order", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    /// A transfer for this order comes in, as SePay tells of it; the webhook's answer.
    pub async fn pay(&self, order: &Value, dong: i64) -> Answer {
        let memo = order["orderCode"].as_str().unwrap();
        self.webhook(&self.transfer(dong, memo)).await
    }

    /// The body of a webhook: money for one more transfer.
    pub fn transfer(&self, dong: i64, memo: &str) -> Value {
        let id = self.next_transfer.fetch_add(1, Ordering::Relaxed);
        let now = self.app.clock.now();
        sepay::sample_webhook(id, ACCOUNT, Money::vnd(dong), memo, now)
    }

    /// Post a webhook with the right API key.
    pub async fn webhook(&self, body: &Value) -> Answer {
        let request = self.request("POST", "/api/v1/payment/webhook");
        let request = request.header("Authorization", format!("Apikey {API_KEY}"));
        answer(request.json(body)).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Send a request and read the whole answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer {
        status: StatusCode::as_u16(&status),
        headers,
        json: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    }
}
