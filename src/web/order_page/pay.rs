//! The way from the order's page to a gateway's own, by one click. The answer to the click is a page
//! that leads there by itself: browsers hold the redirects of a form to `form-action`, and which hosts
//! a gateway uses is not ours to know. What stands in the way is told on the order's page.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use super::door::books;
use crate::app::checkout;
use crate::error::{Error, Refusal, Result};
use crate::web::frame::Frame;
use crate::web::problem;
use crate::web::visit::{Privacy, Visit};
use crate::words::Locale;

/// The page between.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "pages/order/leave.html")]
pub struct LeaveView {
    /// The surroundings; `frame.path` is the order's page.
    pub frame: Frame,
    /// The gateway's page.
    pub url: String,
}

impl LeaveView {
    /// An example.
    #[must_use]
    pub fn sample(frame: Frame) -> Self {
        let url = "https://pay.example/c/pay/cs_9f3a1c".to_owned();
        Self { frame, url }
    }

    /// The whole page.
    pub fn page(&self) -> Result<String> {
        Ok(self.render()?)
    }
}

/// `POST /o/{secret}/pay/{gateway}`: to the gateway's page. Sent from a page that tells nobody where it
/// is, so it carries no origin; the secret is enough.
pub async fn pay(visit: Visit, Path((secret, gateway)): Path<(String, String)>) -> Response {
    match go(&visit, &secret, &gateway).await {
        Ok(answer) => answer,
        Err(Error::Refused(Refusal { code, .. })) => {
            Redirect::to(&format!("/o/{secret}?refused={code}")).into_response()
        }
        Err(error) => visit.failed(&error),
    }
}

/// `GET` of the same: somebody reloaded or kept the address of a click.
pub async fn astray(Path((secret, _)): Path<(String, String)>) -> Response {
    Redirect::to(&format!("/o/{secret}")).into_response()
}

/// What the page says to a click that led nowhere. Why an amount cannot be paid some way stands beside
/// that way; what else comes with the address is nobody's word.
pub(super) fn notice(visit: &Visit, locale: Locale) -> Option<String> {
    let code = visit.asked("refused").next()?;
    let known = [
        "order_not_payable",
        "checkout_refused",
        "checkout_unavailable",
    ];
    known
        .contains(&code.as_str())
        .then(|| problem::sentence(&code, locale))
}

async fn go(visit: &Visit, secret: &str, gateway: &str) -> Result<Response> {
    let order = books(visit, secret).await?.order;
    visit.app.limits.check_checkout(visit.caller.address)?;
    let url = checkout::begin(&visit.app, &order.id, gateway).await?;
    // Whatever a gateway answers, a browser is led to a page of the web and to nothing else.
    let url = Url::parse(&url).map_err(anyhow::Error::from)?;
    if !matches!(url.scheme(), "https" | "http") {
        let odd =
            anyhow::anyhow!("{gateway} answered a checkout's address that is none of the web");
        return Err(odd.into());
    }
    let mut frame = visit.frame(visit.chosen_locale().unwrap_or(order.locale));
    frame.path = format!("/o/{secret}");
    let url = url.to_string();
    let html = LeaveView { frame, url }.page()?;
    Ok(visit.page(StatusCode::OK, html, Privacy::Fleeting))
}
