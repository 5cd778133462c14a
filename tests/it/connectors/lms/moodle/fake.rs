//! A FAKE Moodle for tests: its web services over real HTTP on 127.0.0.1, in memory.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bursar::config::{LmsConnection, Moodle, Secret};
use bursar::connectors::lms::fake::Canned;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::super::stage::Stage;
use super::TOKEN;
use super::store::{Params, Store, error};

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub params: Params,
}

pub struct FakeMoodle {
    pub url: String,
    pub stage: Arc<Stage>,
    inside: Arc<Mutex<Inside>>,
    serving: JoinHandle<()>,
}

pub struct Inside {
    pub store: Store,
    pub seen: Vec<Seen>,
}

#[derive(Clone)]
struct Doors {
    stage: Arc<Stage>,
    inside: Arc<Mutex<Inside>>,
}

impl FakeMoodle {
    pub async fn start() -> Self {
        let doors = Doors {
            stage: Arc::default(),
            inside: Arc::new(Mutex::new(Inside {
                store: Store::new(),
                seen: Vec::new(),
            })),
        };
        let routes = Router::new()
            .route("/webservice/rest/server.php", any(serve))
            .with_state(doors.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            url,
            stage: doors.stage,
            inside: doors.inside,
            serving,
        }
    }

    pub fn connection(&self) -> LmsConnection {
        LmsConnection {
            kind: "moodle".to_owned(),
            base_url: self.url.clone(),
            moodle: Some(Moodle {
                token: Some(Secret::new(TOKEN)),
                ..Moodle::default()
            }),
            ..LmsConnection::default()
        }
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Parameters of every call of this function.
    pub fn calls(&self, function: &str) -> Vec<Params> {
        let inside = self.inside();
        let calls = inside.seen.iter().map(|seen| seen.params.clone());
        calls
            .filter(|params| params.get("wsfunction").is_some_and(|f| f == function))
            .collect()
    }
}

impl Drop for FakeMoodle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let query = parts.uri.query().unwrap_or_default();
    // PHP takes parameters from the address too, where they would end up in logs.
    let params: Params = url::form_urlencoded::parse(query.as_bytes())
        .chain(url::form_urlencoded::parse(&body))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    doors.inside.lock().unwrap().seen.push(Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        params: params.clone(),
    });
    let function = params.get("wsfunction").cloned().unwrap_or_default();
    let act = || act(&mut doors.inside.lock().unwrap().store, &function, &params);
    doors.stage.play(&function, act).await
}

fn act(store: &mut Store, function: &str, params: &Params) -> Canned {
    if params.get("moodlewsrestformat").map(String::as_str) != Some("json") {
        return Canned {
            content_type: "application/xml; charset=utf-8".to_owned(),
            ..Canned::page(
                200,
                "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><RESPONSE></RESPONSE>",
            )
        };
    }
    if params.get("wstoken").map(String::as_str) != Some(TOKEN) {
        return error(
            "moodle_exception",
            "invalidtoken",
            "Invalid token - token not found",
        );
    }
    store.call(function, params)
}
