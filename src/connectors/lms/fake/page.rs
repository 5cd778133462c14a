//! What somebody sees who follows a course link into the fake: a page that says plainly what it is,
//! and who is enrolled.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::Site;
use crate::words::Locale;

#[derive(Template)]
#[template(path = "pages/fake_platform.html")]
struct Page {
    locale: Locale,
    title: String,
    learners: Vec<String>,
}

impl Page {
    fn say<'k>(&self, key: &'k str) -> std::borrow::Cow<'k, str> {
        self.locale.say(key)
    }
}

/// `GET /lms/courses/{course}`, in the browser's language.
pub(super) async fn course(
    State(site): State<Arc<Site>>,
    Path(course): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = site.with_store(|store| {
        let title = store.course(&course)?["title"].as_str()?.to_owned();
        let rows = store.all_enrolments().into_iter();
        let learners = rows
            .filter(|row| row.course == course)
            .map(|row| row.member);
        Some((title, learners.collect()))
    });
    let Some((title, learners)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let locale = asked.and_then(Locale::parse).unwrap_or(Locale::Vi);
    match (Page {
        locale,
        title,
        learners,
    })
    .render()
    {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
