//! Where a fake platform's answers are spoilt: each call by its name, once or until further notice.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use bursar::connectors::lms::fake::Canned;
use futures_util::stream;

/// One way to spoil an answer.
#[derive(Debug, Clone)]
pub enum Way {
    /// Says this instead of doing anything.
    Say(Canned),
    /// Neither does it nor answers.
    Hang,
    /// Does it, and never answers.
    HangAfter,
    /// Does not do it, and breaks off in the middle of an answer.
    CutBefore,
    /// Does it, and breaks off in the middle of the answer.
    CutAfter,
    /// Does not do it, and talks on and on.
    Endless,
    /// Does it, in so much time.
    Slow(Duration),
}

/// For a call that has nothing of its own.
const ANY: &str = "any";

#[derive(Debug, Default)]
struct Plan {
    queued: HashMap<String, VecDeque<Way>>,
    standing: HashMap<String, Way>,
}

#[derive(Debug, Default)]
pub struct Stage {
    plan: Mutex<Plan>,
}

impl Stage {
    pub fn once(&self, call: &str, way: Way) {
        let mut plan = self.plan.lock().unwrap();
        plan.queued
            .entry(call.to_owned())
            .or_default()
            .push_back(way);
    }

    pub fn always(&self, call: &str, way: Way) {
        let mut plan = self.plan.lock().unwrap();
        plan.standing.insert(call.to_owned(), way);
    }

    pub fn every_call(&self, way: Way) {
        self.always(ANY, way);
    }

    pub fn behave(&self) {
        *self.plan.lock().unwrap() = Plan::default();
    }

    fn next(&self, call: &str) -> Option<Way> {
        let mut plan = self.plan.lock().unwrap();
        let queued = plan.queued.get_mut(call).and_then(VecDeque::pop_front);
        queued
            .or_else(|| plan.standing.get(call).cloned())
            .or_else(|| plan.standing.get(ANY).cloned())
    }

    /// Answers one call, or spoils it. Every answer says that it comes from a fake.
    pub async fn play(&self, call: &str, act: impl FnOnce() -> Canned) -> Response {
        match self.next(call) {
            None => respond(&act()),
            Some(Way::Say(canned)) => respond(&canned),
            Some(Way::Hang) => std::future::pending().await,
            Some(Way::HangAfter) => {
                act();
                std::future::pending().await
            }
            Some(Way::CutBefore) => cut(&Canned::page(200, "[{\"id\":5,\"fullname\":\"Ada")),
            Some(Way::CutAfter) => cut(&act()),
            Some(Way::Endless) => {
                let more = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from("[[[[[[[[")));
                built(&Canned::page(200, ""), Body::from_stream(more))
            }
            Some(Way::Slow(time)) => {
                let nothing = std::future::pending::<()>();
                tokio::time::timeout(time, nothing).await.unwrap_err();
                respond(&act())
            }
        }
    }
}

fn respond(canned: &Canned) -> Response {
    let body = Body::from(canned.body.clone());
    built(canned, body)
}

/// Half of the body, then the connection breaks.
fn cut(canned: &Canned) -> Response {
    let half = Bytes::copy_from_slice(&canned.body.as_bytes()[..canned.body.len() / 2]);
    let pieces = stream::iter([Ok(half), Err(std::io::Error::other("cut off"))]);
    built(canned, Body::from_stream(pieces))
}

fn built(canned: &Canned, body: Body) -> Response {
    let mut response = Response::builder()
        .status(canned.status)
        .header("Server", "a fake for tests")
        .header("Content-Type", &canned.content_type);
    if let Some((name, value)) = &canned.header {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}
