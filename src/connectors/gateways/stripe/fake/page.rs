//! The page where a buyer would give a card number. This one asks for none: it says in large letters
//! what it is, and has a button for each thing that can happen.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use super::{Site, courier};
use crate::money::{Currency, Money};
use crate::words::Locale;

/// How long after the payer the message of a slow payment reaches the shop.
const SLOW: Duration = Duration::from_secs(10);

#[derive(Template)]
#[template(path = "pages/fake_checkout.html")]
struct Page {
    locale: Locale,
    total: String,
    lines: Vec<(String, String)>,
    open: bool,
    declined: bool,
}

impl Page {
    fn say<'k>(&self, key: &'k str) -> std::borrow::Cow<'k, str> {
        self.locale.say(key)
    }
}

/// `GET /c/pay/{session}`, in the language of the checkout.
pub(super) async fn show(State(site): State<Arc<Site>>, Path(session): Path<String>) -> Response {
    render(&site, &session, false)
}

#[derive(Deserialize)]
pub(super) struct Pressed {
    deed: Deed,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Deed {
    Pay,
    Slow,
    Decline,
    Later,
    Cancel,
}

/// `POST /c/pay/{session}`: a button was pressed.
pub(super) async fn press(
    State(site): State<Arc<Site>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    Form(pressed): Form<Pressed>,
) -> Response {
    if !is_our_form(&site, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let done = site.with_store(|store| match pressed.deed {
        Deed::Pay | Deed::Slow => store.pay(&session).map(drop),
        Deed::Decline => store.decline(&session),
        Deed::Later => store.pay_later(&session).map(drop),
        Deed::Cancel => Ok(()),
    });
    match pressed.deed {
        Deed::Slow => courier::send_news_late(&site, SLOW),
        _ => courier::bring_news(&site).await,
    }
    let goes_to = match pressed.deed {
        Deed::Pay | Deed::Slow | Deed::Later => "success_url",
        Deed::Cancel => "cancel_url",
        Deed::Decline => "",
    };
    let found = site.with_store(|store| store.page_of(&session));
    let target = found.as_ref().and_then(|found| found[goes_to].as_str());
    match (done, target) {
        (Ok(()), Some(target)) => {
            Redirect::to(&target.replace("{CHECKOUT_SESSION_ID}", &session)).into_response()
        }
        _ => render(&site, &session, pressed.deed == Deed::Decline),
    }
}

/// Another site's form cannot press the buttons: browsers say where a form came from.
pub(super) fn is_our_form(site: &Site, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|o| o.to_str().ok());
    origin.is_none_or(|origin| origin == site.base_url || origin == "null")
}

/// An amount of the API's for people.
pub(super) fn money(minor: &Value, currency: &Value) -> String {
    let code = currency.as_str().unwrap_or_default().to_uppercase();
    let currency = Currency::parse(&code).unwrap_or(Currency::Vnd);
    let minor = minor.as_i64().unwrap_or_default();
    Money { minor, currency }.to_string()
}

fn render(site: &Site, session: &str, declined: bool) -> Response {
    let Some(found) = site.with_store(|store| store.page_of(session)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let amount = |value: &Value| money(value, &found["currency"]);
    let lines = found["fake_only"]["lines"].as_array();
    let lines = lines.into_iter().flatten().map(|line| {
        let name = line[0].as_str().unwrap_or_default().to_owned();
        (name, amount(&line[1]))
    });
    let page = Page {
        locale: found["locale"]
            .as_str()
            .and_then(Locale::parse)
            .unwrap_or(Locale::Vi),
        total: amount(&found["amount_total"]),
        lines: lines.collect(),
        open: found["status"] == "open",
        declined,
    };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
