//! A FAKE Canvas for tests: its REST API over real HTTP on 127.0.0.1, in memory, as its sources and
//! its documents read.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use bursar::config::{Canvas, LmsConnection, Secret};
use bursar::connectors::lms::fake::Canned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::super::stage::Stage;
use super::TOKEN;
use super::store::{self, Store, absent};

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub call: &'static str,
    pub target: String,
    pub body: Value,
}

pub struct FakeCanvas {
    pub url: String,
    pub stage: Arc<Stage>,
    inside: Arc<Mutex<Inside>>,
    serving: JoinHandle<()>,
}

pub struct Inside {
    pub store: Store,
    pub seen: Vec<Seen>,
    /// As the `Link` header has it; a proxy may make it another.
    pub own_address: String,
    pub rows_in_a_page: usize,
}

#[derive(Clone)]
struct Doors {
    stage: Arc<Stage>,
    inside: Arc<Mutex<Inside>>,
}

impl FakeCanvas {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let doors = Doors {
            stage: Arc::default(),
            inside: Arc::new(Mutex::new(Inside {
                store: Store::new(),
                seen: Vec::new(),
                own_address: url.clone(),
                rows_in_a_page: 2,
            })),
        };
        let routes = Router::new().fallback(serve).with_state(doors.clone());
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
            kind: "canvas".to_owned(),
            base_url: self.url.clone(),
            canvas: Some(Canvas {
                token: Some(Secret::new(TOKEN)),
                ..Canvas::default()
            }),
            ..LmsConnection::default()
        }
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub fn calls(&self, call: &str) -> Vec<Seen> {
        let inside = self.inside();
        let calls = inside.seen.iter().filter(|seen| seen.call == call);
        calls.cloned().collect()
    }
}

impl Drop for FakeCanvas {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path: Vec<String> = parts.uri.path().split('/').skip(1).map(decoded).collect();
    let asked = Asked {
        method: parts.method,
        path: path.iter().map(String::as_str).collect(),
        query: url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let call = asked.call();
    doors.inside.lock().unwrap().seen.push(Seen {
        call,
        target: parts.uri.to_string(),
        body: asked.body.clone(),
    });
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let is_known = header(header::AUTHORIZATION) == Some(&format!("Bearer {TOKEN}"));
    let wants_texts = header(header::ACCEPT) == Some("application/json+canvas-string-ids");
    let act = || {
        if !is_known {
            return bad_token();
        }
        let canned = act(&mut doors.inside.lock().unwrap(), &asked);
        if wants_texts {
            canned
        } else {
            with_numbers(canned)
        }
    };
    doors.stage.play(call, act).await
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// A request, taken apart.
pub struct Asked<'a> {
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(String, String)>,
    body: Value,
}

impl Asked<'_> {
    fn call(&self) -> &'static str {
        let below = self.path.strip_prefix(&["api", "v1"]);
        match (self.method.as_str(), below.unwrap_or_default()) {
            ("GET", ["users", "self"]) => "self",
            ("GET", ["users", _]) => "user",
            ("GET", ["users", _, "logins"]) => "logins",
            ("GET", ["accounts", _, "users"]) => "search",
            ("POST", ["accounts", _, "users"]) => "create",
            ("GET", ["accounts", _, "courses"]) => "courses",
            ("GET", ["accounts", _, "permissions"]) => "permissions",
            ("GET", ["courses", _]) => "course",
            ("GET", ["courses", _, "enrollments"]) => "enrolments",
            ("POST", ["courses", _, "enrollments"]) => "enrol",
            ("DELETE", ["courses", _, "enrollments", _]) => "end",
            ("PUT", ["courses", _, "enrollments", _, "reactivate"]) => "reactivate",
            _ => "other",
        }
    }

    pub fn all(&self, name: &str) -> BTreeSet<&str> {
        let named = self.query.iter().filter(|(own, _)| own == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn one(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }
}

fn act(inside: &mut Inside, asked: &Asked) -> Canned {
    let name = |place: usize| asked.path.get(place).copied().unwrap_or_default();
    let (first, second) = (name(3), name(5));
    let store = &mut inside.store;
    match asked.call() {
        "self" => store::ok(&json!({"id": "1", "name": "Bursar", "short_name": "Bursar"})),
        "user" => store
            .user(first)
            .map_or_else(absent, |user| store::ok(&user.json())),
        "logins" => store.logins(first),
        "create" => store.create(&asked.body),
        "permissions" => store.permissions(&asked.all("permissions[]")),
        "course" => store
            .course(first)
            .map_or_else(absent, |course| store::ok(&course.json())),
        "enrol" => store.enrol(first, &asked.body),
        "end" => store.end(first, second, asked.one("task")),
        "reactivate" => store.reactivate(first, second),
        "search" => paged(inside.store.search(asked.one("search_term")), inside, asked),
        "courses" => paged(inside.store.all_courses(), inside, asked),
        "enrolments" => match store.enrolments(first, asked) {
            Some(rows) => paged(rows, inside, asked),
            None => absent(),
        },
        _ => Canned::page(404, "<h1>Page Not Found</h1>"),
    }
}

/// `Link`, as Canvas writes it: the next page is a whole address.
fn paged(rows: Vec<Value>, inside: &Inside, asked: &Asked) -> Canned {
    let size = inside.rows_in_a_page;
    let page: usize = asked.one("page").parse().unwrap_or(1);
    let path = asked.path.join("/");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked.query.iter().filter(|(name, _)| name != "page") {
        query.append_pair(name, value);
    }
    let query = query.finish();
    let at = |page: usize| format!("<{}/{path}?{query}&page={page}>", inside.own_address);
    let mut links = vec![format!("{}; rel=\"current\"", at(page))];
    if rows.len() > page * size {
        links.push(format!("{}; rel=\"next\"", at(page + 1)));
    }
    links.push(format!("{}; rel=\"first\"", at(1)));
    let rows: Vec<Value> = rows
        .into_iter()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    Canned {
        header: Some(("Link".to_owned(), links.join(","))),
        ..store::ok(&json!(rows))
    }
}

fn bad_token() -> Canned {
    Canned {
        header: Some((
            "WWW-Authenticate".to_owned(),
            "Bearer realm=\"canvas-lms\"".to_owned(),
        )),
        ..Canned::json(
            401,
            &json!({"errors": [{"message": "Invalid access token."}]}),
        )
    }
}

/// As Canvas answers who does not ask for texts: ids are numbers, longer than a float is exact.
fn with_numbers(canned: Canned) -> Canned {
    let body: Value = serde_json::from_str(&canned.body).unwrap();
    let body = numbered(body).to_string();
    Canned { body, ..canned }
}

fn numbered(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(numbered).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
                let is_id = name == "id" || name.ends_with("_id");
                let value = number
                    .filter(|_| is_id)
                    .map_or_else(|| numbered(value), Value::from);
                (name, value)
            });
            Value::Object(fields.collect())
        }
        other => other,
    }
}
