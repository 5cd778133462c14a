//! The admin API over real HTTP: who may call, and what each call shows and changes.

use bursar::connectors::lms::fake::{Call, FakeLms, FakeLmsOptions, Mischief};
use bursar::model::api_key::{self, Scope};
use bursar::model::audit::Actor;
use serde_json::{Value, json};

use super::{assert_problem, code};
use crate::harness::databases::KINDS;
use crate::harness::server::{self, Answer, Server};

mod access;
mod books;
mod decisions;
mod gifts;
mod grants;
mod orders;
mod refunds;
mod standing;
mod transfers;

const TRANSFERS: &str = "/api/v1/admin/transfers";

/// A key with these scopes, made as the command line makes it.
async fn key(server: &Server, name: &str, scopes: &[Scope]) -> String {
    let (name, scopes) = (name.to_owned(), scopes.to_vec());
    let moment = server.app.moment(Actor::Operator("test".to_owned()));
    let made = server.app.db.write(move |tx| {
        Box::pin(async move { api_key::create(tx, &moment, &name, &scopes).await })
    });
    made.await.unwrap()
}

/// A server and the key of somebody who may do everything.
pub struct Desk {
    pub server: Server,
    pub key: String,
}

impl Desk {
    pub async fn over(server: Server) -> Self {
        let key = key(&server, "desk", Scope::ALL).await;
        Self { server, key }
    }

    async fn get(&self, path: &str) -> Answer {
        call(&self.server, &self.key, "GET", path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        call(&self.server, &self.key, "POST", path, Some(body)).await
    }

    /// The rows of a list, which must be there.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["items"].as_array().unwrap().clone()
    }

    /// What a call moved, which must have worked.
    async fn moved(&self, path: &str, body: &Value) -> Vec<Value> {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json["moved"].as_array().unwrap().clone()
    }

    /// An order as the API shows it.
    pub async fn order(&self, order: &Value) -> Value {
        let answer = self.get(&path_of(order, "")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }
}

/// Below the address of an order.
fn path_of(order: &Value, rest: &str) -> String {
    format!("/api/v1/admin/orders/{}{rest}", code(order))
}

async fn call(
    server: &Server,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Answer {
    let request = server.request(method, path).bearer_auth(key);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    server::answer(request).await
}

/// Tell a story at a desk over each kind of database.
async fn each(story: impl AsyncFn(Desk)) {
    server::each(async |server| story(Desk::over(server).await).await).await;
}

/// The same with a learning platform that knows no course until it is told to behave.
async fn each_stuck(story: impl AsyncFn(Desk, FakeLms)) {
    for kind in KINDS {
        // Shown when the test fails: which database it was.
        eprintln!("on {kind:?}");
        let courses = ["rust-101", "photo-101"].map(|id| (id.to_owned(), id.to_owned()));
        let options = FakeLmsOptions {
            courses: courses.to_vec(),
            ..FakeLmsOptions::default()
        };
        let platform = FakeLms::start(options).await.unwrap();
        platform.misbehave_always(Call::EnrolmentCreate, Mischief::UnknownLink);
        let server = Server::start_with(kind, |options| {
            options
                .config
                .lms
                .insert("lms".to_owned(), platform.connection());
        })
        .await;
        story(Desk::over(server).await, platform).await;
    }
}

/// An order for a course of the platform, paid and worked on until nothing moves.
async fn stuck_order(desk: &Desk) -> Value {
    let order = desk.server.order(&["photo"]).await;
    desk.server.pay(&order, 399_000).await;
    desk.server.drain().await;
    let shown = desk.order(&order).await;
    assert_eq!(shown["grants"][0]["state"], "action_needed", "{shown}");
    shown
}

/// Money comes in with this memo; the transfer as the list shows it.
async fn money(desk: &Desk, dong: i64, memo: &str) -> Value {
    let body = desk.server.transfer(dong, memo);
    assert_eq!(desk.server.webhook(&body).await.status, 200);
    desk.list(TRANSFERS).await[0].clone()
}

fn why(text: &str) -> Value {
    json!({ "why": text })
}
