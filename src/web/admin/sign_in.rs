//! The door: an admin API key is shown once and becomes a session. Small on purpose, and the only
//! place that knows how a person proves who they are: another proof replaces this file.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::filled::Filled;
use super::operator::Operator;
use super::session;
use crate::error::{Error, Result};
use crate::model::api_key::{self, ApiKey};
use crate::model::audit::Actor;
use crate::web::frame::Frame;
use crate::web::icon::Icon;
use crate::web::state::Web;
use crate::web::visit::{Privacy, Visit};

/// Characters of a key that are looked at; ours have 68.
const LONGEST: usize = 128;

#[derive(Template)]
#[template(path = "pages/admin/sign_in.html")]
struct Page<'a> {
    frame: &'a Frame,
    next: &'a str,
    fault: Option<String>,
}

/// `GET /admin/sign-in`.
pub async fn show(visit: Visit) -> Response {
    let next = visit.asked("next").next().unwrap_or_default();
    page(&visit, &next, None)
}

/// `POST /admin/sign-in`: a key for a session.
pub async fn enter(State(web): State<Web>, visit: Visit, body: Body) -> Response {
    if visit.is_foreign() {
        return visit.failed(&Error::Forbidden("a sign-in on another site"));
    }
    let filled = match Filled::read(&visit.headers, body).await {
        Ok(filled) => filled,
        Err(error) => return page(&visit, "", Some(&error)),
    };
    match admitted(&web, &visit, filled.text("key")).await {
        Ok(cookie) => {
            let onward = Redirect::to(inside(filled.text("next")));
            ([(SET_COOKIE, cookie)], onward).into_response()
        }
        Err(error @ Error::Internal(_)) => visit.failed(&error),
        Err(error) => page(&visit, filled.text("next"), Some(&error)),
    }
}

/// `POST /admin/sign-out`: the browser forgets the session.
pub async fn leave(operator: Operator, body: Body) -> Response {
    if let Err(error) = operator.form(body).await {
        return operator.went_on(Err(error)).await;
    }
    match session::ended(&operator.visit.app) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/admin/sign-in")).into_response(),
        Err(error) => operator.visit.failed(&error),
    }
}

async fn admitted(web: &Web, visit: &Visit, shown: &str) -> Result<HeaderValue> {
    let app = &web.app;
    let found = if shown.len() <= LONGEST {
        find(web, shown).await?
    } else {
        None
    };
    let Some(key) = found else {
        app.limits.failed(visit.caller.address)?;
        return Err(Error::Forbidden("a sign-in without a key that is in use"));
    };
    let moment = app.moment(Actor::Operator(key.name.clone()));
    let id = key.id.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                api_key::signed_in(tx, &moment, &id);
                api_key::used(tx, moment.now, &id).await
            })
        })
        .await?;
    let (_, cookie) = web.sessions.begin(app, &key.id).await?;
    Ok(cookie)
}

async fn find(web: &Web, shown: &str) -> Result<Option<ApiKey>> {
    let shown = shown.to_owned();
    let db = &web.app.db;
    db.read(move |tx| Box::pin(async move { api_key::shown(tx, &shown).await }))
        .await
}

fn page(visit: &Visit, next: &str, fault: Option<&Error>) -> Response {
    let frame = visit.frame(visit.locale());
    let (status, text) = match fault {
        None => (StatusCode::OK, None),
        Some(Error::TooMany(after)) => {
            let seconds = after.as_secs().max(1);
            let text = frame.with("admin.sign_in.too_many", "seconds", seconds);
            (StatusCode::TOO_MANY_REQUESTS, Some(text))
        }
        Some(_) => {
            let text = frame.say("admin.sign_in.wrong").into_owned();
            (StatusCode::UNAUTHORIZED, Some(text))
        }
    };
    let page = Page {
        frame: &frame,
        next: inside(next),
        fault: text,
    };
    let mut response = match page.render() {
        Ok(html) => visit.page(status, html, Privacy::Inside),
        Err(error) => visit.failed(&error.into()),
    };
    if let Some(Error::TooMany(after)) = fault {
        let seconds = after.as_secs().max(1);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A page of ours, whatever the address says: nobody is led elsewhere.
fn inside(next: &str) -> &str {
    let ours = next == "/admin" || next.starts_with("/admin/") || next.starts_with("/admin?");
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours && plain { next } else { "/admin" }
}
