//! What is around every request: its id, headers that close what browsers leave open, an answer
//! even after a panic, and a line of the log by the route's pattern, because paths hold secrets.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower_http::cors::{Any, CorsLayer};

use super::caller::{Caller, RequestId, X_REQUEST_ID};
use super::frame;
use super::state::Web;
use crate::error::Error;

/// How long a browser may remember that it may call us.
const PREFLIGHT_AGE: Duration = Duration::from_hours(24);

/// The outermost layer.
pub async fn every_request(
    State(web): State<Web>,
    caller: Caller,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(caller.clone());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        // The panic hook has logged where and why.
        let inside = Error::Internal(anyhow::anyhow!("the request panicked"));
        caller.problem(inside).into_response()
    });
    close_what_browsers_leave_open(response.headers_mut(), web.app.config.public_url.as_str());
    name_it(response.headers_mut(), &caller.request_id);
    log(&caller, &method, route.as_ref(), &response, started);
    response
}

/// For the calls that the shop's front end makes from another origin: anybody may, nobody's
/// cookies come along.
pub fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(Any)
        .expose_headers([X_REQUEST_ID, RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

/// A known path with another method.
pub async fn method_not_allowed(caller: Caller) -> Response {
    let problem = caller.problem(Error::refused("method_not_allowed"));
    problem.into_response()
}

/// An address of the API that does not exist.
pub async fn no_such_call(caller: Caller) -> Response {
    caller.problem(Error::NotFound("call")).into_response()
}

/// Only what a door has not said itself. Addresses of orders are secrets: no `Referer` to anybody.
fn close_what_browsers_leave_open(headers: &mut HeaderMap, public_url: &str) {
    let mut say = |name: HeaderName, value: &'static str| {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    };
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(REFERRER_POLICY, "no-referrer");
    say(CONTENT_SECURITY_POLICY, frame::CONTENT_SECURITY_POLICY);
    if public_url.starts_with("https://") {
        say(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

fn name_it(headers: &mut HeaderMap, RequestId(id): &RequestId) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
}

fn log(
    caller: &Caller,
    method: &Method,
    route: Option<&MatchedPath>,
    response: &Response,
    started: Instant,
) {
    tracing::debug!(
        request = caller.request_id.0,
        route = route.map_or("none", MatchedPath::as_str),
        status = response.status().as_u16(),
        took_us = started.elapsed().as_micros(),
        "{method} {}: {}",
        route.map_or("none", MatchedPath::as_str),
        response.status().as_u16(),
    );
}
