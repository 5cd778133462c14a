//! The fake's HTTP side. Every request to the API takes the same road: noted, perhaps spoilt,
//! authenticated, looked up under its idempotency key, acted on under one short lock, answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{any, get};
use base64::Engine as _;
use serde_json::{Value, json};

use super::answers::{Canned, absent, invalid, no_such_call, ok, other_parameters, wrong_key};
use super::form::Form;
use super::mischief::{Call, Mischief, strew};
use super::store::{Before, Seen, Store};
use super::{Site, courier, desk, page};

const SERVER: &str = "Bursar-fake-Stripe (a fake for demos and tests, no money moves)";
const LONGEST_BODY: usize = 256 * 1024;
const MOST_TYPES: usize = 20;
const HORIZON: Duration = Duration::from_hours(720);

pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(desk::show).post(desk::press))
        .route("/c/pay/{session}", get(page::show).post(page::press))
        .fallback(any(call))
        .with_state(site)
}

async fn call(State(site): State<Arc<Site>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, LONGEST_BODY).await;
    let form = match parts.method.as_str() {
        "POST" => Form::parse(&bytes.unwrap_or_default()),
        _ => Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
    };
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        form,
        key: header(&parts.headers, "idempotency-key"),
    };
    let call = asked.call();
    site.with_store(|store| {
        store.note(Seen {
            call,
            line: asked.line(),
            form: asked.form.pairs().to_vec(),
            idempotency_key: asked.key.clone(),
            version: header(&parts.headers, "stripe-version"),
        });
    });
    let mischief = site.with_plan(|plan| plan.next(call));
    if mischief == Some(Mischief::Hang) {
        return std::future::pending().await;
    }
    if let Err(refused) = is_ours(&site, &parts.headers) {
        return respond(&refused);
    }
    let answer = site.with_store(|store| answered(store, &asked, mischief.as_ref()));
    courier::send_news(&site);
    match mischief {
        Some(Mischief::HangAfterwards) => std::future::pending().await,
        Some(Mischief::CutAnswer) => cut_off(&answer),
        _ => respond(&answer),
    }
}

/// What acting needs to know of a request.
struct Asked {
    method: String,
    path: String,
    form: Form,
    key: Option<String>,
}

impl Asked {
    fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn segments(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    fn call(&self) -> Call {
        match (self.method.as_str(), self.segments().as_slice()) {
            ("POST", ["v1", "checkout", "sessions"]) => Call::SessionCreate,
            ("GET", ["v1", "checkout", "sessions", _]) => Call::SessionGet,
            ("POST", ["v1", "checkout", "sessions", _, "expire"]) => Call::SessionExpire,
            ("POST", ["v1", "refunds"]) => Call::RefundCreate,
            ("GET", ["v1", "refunds"]) => Call::RefundList,
            ("GET", ["v1", "events"]) => Call::EventList,
            ("GET", ["v1", "webhook_endpoints"]) => Call::EndpointList,
            ("GET", ["v1", "account"]) => Call::Account,
            _ => Call::Other,
        }
    }
}

/// Under an idempotency key the first answer is given again, unless nothing was begun for it.
fn answered(store: &mut Store, asked: &Asked, mischief: Option<&Mischief>) -> Canned {
    let key = asked.key.as_deref().filter(|_| asked.method == "POST");
    match key.map(|key| store.before(key, &asked.line(), &asked.form)) {
        Some(Before::Same(answer)) => return answer,
        Some(Before::Other) => return other_parameters(),
        Some(Before::Nothing) | None => {}
    }
    let instead = mischief.and_then(Mischief::instead);
    let done = match instead {
        Some(canned) => Err(canned),
        None => act(store, asked),
    };
    let began = done.is_ok() || mischief.is_some_and(Mischief::is_kept);
    let mut answer = done.unwrap_or_else(|refused| refused);
    match mischief {
        Some(Mischief::FailureAfterwards) => answer = super::answers::failure(),
        Some(Mischief::UnknownFields) => {
            let mut object: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            strew(&mut object);
            answer.body = object.to_string();
        }
        _ => {}
    }
    if let (true, Some(key)) = (began, key) {
        store.keep(key, &asked.line(), &asked.form, &answer);
    }
    answer
}

fn act(store: &mut Store, asked: &Asked) -> Result<Canned, Canned> {
    let form = &asked.form;
    let segments = asked.segments();
    match (asked.method.as_str(), segments.as_slice()) {
        ("POST", ["v1", "checkout", "sessions"]) => store.create_session(form),
        ("GET", ["v1", "checkout", "sessions", id]) => store.read_session(id, form),
        ("POST", ["v1", "checkout", "sessions", id, "expire"]) => store.expire_session(id, form),
        ("POST", ["v1", "refunds"]) => store.create_refund(form),
        ("GET", ["v1", "refunds"]) => {
            let of = form.get("payment_intent");
            list(store, "refund", form, |refund| {
                of.is_none_or(|payment| refund["payment_intent"] == payment)
            })
        }
        ("GET", ["v1", "events"]) => events(store, form),
        ("GET", ["v1", "webhook_endpoints"]) => list(store, "webhook_endpoint", form, |_| true),
        ("GET", ["v1", "account"]) => Ok(ok(&json!({
            "id": "acct_fake", "object": "account", "country": "SG", "default_currency": "sgd",
            "charges_enabled": store.charges_enabled, "payouts_enabled": store.charges_enabled,
        }))),
        ("GET", ["v1", plural, id]) => one(store, plural, id, asked),
        _ => Err(no_such_call(&asked.method, &asked.path)),
    }
}

fn one(store: &Store, plural: &str, id: &str, asked: &Asked) -> Result<Canned, Canned> {
    let kind = match plural {
        "payment_intents" => "payment_intent",
        "charges" => "charge",
        "refunds" => "refund",
        "disputes" => "dispute",
        "events" => "event",
        _ => return Err(no_such_call(&asked.method, &asked.path)),
    };
    let found = store.get(id).filter(|object| object["object"] == kind);
    found
        .map(|_| ok(&store.rendered(id)))
        .ok_or_else(|| absent(kind, id))
}

/// The last 30 days, of at most twenty types.
fn events(store: &Store, form: &Form) -> Result<Canned, Canned> {
    let types = form.list("types");
    if types.len() > MOST_TYPES {
        let message = "You may only specify up to 20 event types.";
        return Err(invalid("types", "parameter_invalid", message));
    }
    let bound = |name: &str| form.get(name).and_then(|at| at.parse::<i64>().ok());
    let least = store.now.minus(HORIZON).unix_seconds();
    let least = bound("created[gte]").unwrap_or(least).max(least);
    let most = bound("created[lte]").unwrap_or(i64::MAX);
    list(store, "event", form, |event| {
        let created = event["created"].as_i64().unwrap_or_default();
        let wanted = types.is_empty() || types.iter().any(|kind| event["type"] == *kind);
        wanted && (least..=most).contains(&created)
    })
}

/// Newest first; `starting_after` goes on to older ones, `ending_before` back to newer ones.
fn list(
    store: &Store,
    kind: &str,
    form: &Form,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Canned, Canned> {
    let limit = form.get("limit").map_or(Ok(10), str::parse);
    let limit: usize = limit.unwrap_or_default();
    if !(1..=100).contains(&limit) {
        let message = "Invalid integer: limit must be between 1 and 100";
        return Err(invalid("limit", "parameter_invalid_integer", message));
    }
    let rows: Vec<&Value> = store.of(kind).rev().filter(|row| wanted(row)).collect();
    let place = |id: &str| {
        let found = rows.iter().position(|row| row["id"] == id);
        found.ok_or_else(|| absent(kind, id))
    };
    let page: &[&Value] = if let Some(id) = form.get("ending_before") {
        let end = place(id)?;
        &rows[end.saturating_sub(limit)..end]
    } else {
        let begin = match form.get("starting_after") {
            Some(id) => place(id)? + 1,
            None => 0,
        };
        &rows[begin..rows.len().min(begin + limit)]
    };
    let has_more = if form.get("ending_before").is_some() {
        page.first() != rows.first() && !page.is_empty()
    } else {
        page.last() != rows.last() && !page.is_empty()
    };
    let url = format!("/v1/{kind}s");
    Ok(ok(
        &json!({"object": "list", "url": url, "data": page, "has_more": has_more}),
    ))
}

/// The key as a bearer's, or as the user of Basic.
fn is_ours(site: &Site, headers: &HeaderMap) -> Result<(), Canned> {
    let given = header(headers, "authorization").unwrap_or_default();
    let key = &site.options.secret_key;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{key}:"));
    let right = given == format!("Bearer {key}") || given == format!("Basic {basic}");
    right.then_some(()).ok_or_else(|| wrong_key(&given))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn respond(canned: &Canned) -> Response {
    built(canned, Body::from(canned.body.clone()))
}

/// Half of the body, then the connection breaks.
fn cut_off(canned: &Canned) -> Response {
    let half = Bytes::copy_from_slice(&canned.body.as_bytes()[..canned.body.len() / 2]);
    let pieces = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut off"))]);
    built(canned, Body::from_stream(pieces))
}

fn built(canned: &Canned, body: Body) -> Response {
    let mut response = Response::builder()
        .status(canned.status)
        .header(header::SERVER, SERVER)
        .header("Request-Id", "req_fake")
        .header(header::CONTENT_TYPE, canned.content_type);
    if let Some((name, value)) = &canned.header {
        response = response.header(*name, value);
    }
    response.body(body).unwrap_or_default()
}
