//! What gateways post. Bounded, verified, and on its way: `app/intake.rs` does the rest.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body;
use super::caller::Caller;
use super::problem::ProblemBody;
use super::state::Web;
use crate::app::{App, intake};
use crate::connectors::gateways::{Message, sepay, stripe};
use crate::error::{Error, Result};
use crate::fulfilment::settle::Settled;

/// What a gateway reads: that it need not send the message again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookAnswer {
    /// Always true: the message is kept.
    success: bool,
    /// It had come before; nothing changed.
    duplicate: bool,
    /// The order it concerns, where it named one.
    order_id: Option<String>,
    /// Its code.
    order_code: Option<String>,
    /// The money side of that order, as it is now.
    payment_status: Option<&'static str>,
    /// Courses that started with it.
    tasks_updated: usize,
}

/// Take in a message of SePay. Every authentic one is answered with success: also duplicates, money
/// that went out, and transfers that match no order.
#[utoipa::path(
    post,
    path = "/api/v1/payment/webhook",
    operation_id = "receiveSepayWebhook",
    tag = "gateways",
    request_body(content = Object, description = "As SePay sends it; at most 64 KiB"),
    responses(
        (status = 200, body = WebhookAnswer),
        (status = 401, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_authentic`"),
        (status = 413, body = ProblemBody, content_type = "application/problem+json",
         description = "`body_too_large`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json",
         description = "`rate_limited`: too many failed authentications from this address"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json",
         description = "`unavailable`: it was not stored; send it again"),
    ),
    security(("sepayApiKey" = []), ("sepaySignature" = [])),
)]
pub async fn sepay(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = body::read(&headers, body).await;
    answered(&web.app, sepay::NAME, &caller, &headers, body).await
}

/// An event of a dispute carries the seller's evidence, of up to 150,000 characters.
const LONGEST_EVENT: usize = 512 * 1024;

/// Take in an event of Stripe. Every authentic one is answered with success, also those of a kind
/// that we do not know. A signature older than 300 s is refused: the repetition has a fresh one.
#[utoipa::path(
    post,
    path = "/api/v1/payment/stripe/webhook",
    operation_id = "receiveStripeWebhook",
    tag = "gateways",
    request_body(content = Object, description = "As Stripe sends it; at most 512 KiB"),
    responses(
        (status = 200, body = WebhookAnswer),
        (status = 401, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_authentic`"),
        (status = 413, body = ProblemBody, content_type = "application/problem+json",
         description = "`body_too_large`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json",
         description = "`rate_limited`: too many failed authentications from this address"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json",
         description = "`unavailable`: it was not stored; send it again"),
    ),
    security(("stripeSignature" = [])),
)]
pub async fn stripe(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = body::read_up_to(LONGEST_EVENT, &headers, body).await;
    answered(&web.app, stripe::NAME, &caller, &headers, body).await
}

async fn answered(
    app: &App,
    gateway: &str,
    caller: &Caller,
    headers: &HeaderMap,
    body: Result<Bytes>,
) -> Response {
    let settled = match body {
        Ok(body) => deliver(app, gateway, caller, headers, &body).await,
        Err(e) => Err(e),
    };
    match settled {
        Ok(settled) => Json(answer(&settled)).into_response(),
        Err(e) => caller.problem(e).into_response(),
    }
}

async fn deliver(
    app: &App,
    gateway: &str,
    caller: &Caller,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Settled> {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let message = Message {
        header: &header,
        body,
        received_at: app.clock.now(),
    };
    let settled = intake::receive(app, gateway, &message).await;
    if let Err(Error::Forbidden(_)) = &settled {
        app.limits.failed(caller.address)?;
    }
    settled
}

fn answer(settled: &Settled) -> WebhookAnswer {
    let order = settled.order.as_ref();
    WebhookAnswer {
        success: true,
        duplicate: settled.duplicate,
        order_id: order.map(|order| order.id.to_string()),
        order_code: order.map(|order| order.code.to_string()),
        payment_status: order.map(|order| order.payment_status.as_str()),
        tasks_updated: settled.lines_started,
    }
}
