//! What gateways post. Bounded, verified, and on its way: `app/intake.rs` does the rest.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body;
use super::caller::Caller;
use super::problem::ProblemBody;
use super::state::Web;
use crate::app::{App, intake};
use crate::connectors::gateways::{Message, sepay};
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
    taken_in(&web.app, sepay::NAME, &caller, &headers, body).await
}

/// Take in a message of any gateway, by its name in the registry; each proves itself in its own way.
#[utoipa::path(
    post,
    path = "/api/v1/payment/{gateway}/webhook",
    operation_id = "receiveGatewayWebhook",
    tag = "gateways",
    params(("gateway" = String, Path, description = "The gateway's name")),
    request_body(content = Object, description = "As the gateway sends it; at most 64 KiB, 512 KiB for Stripe"),
    responses(
        (status = 200, body = WebhookAnswer),
        (status = 401, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_authentic`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no gateway has this name"),
        (status = 413, body = ProblemBody, content_type = "application/problem+json",
         description = "`body_too_large`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json",
         description = "`rate_limited`: too many failed authentications from this address"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json",
         description = "`unavailable`: it was not stored; send it again"),
    ),
    security(("stripeSignature" = []), ()),
)]
pub async fn gateway(
    State(web): State<Web>,
    Path(gateway): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    taken_in(&web.app, &gateway, &caller, &headers, body).await
}

/// The answer has one form for all: gateways look at the status, and at `success` at most.
async fn taken_in(
    app: &App,
    gateway: &str,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    match deliver(app, gateway, caller, headers, body).await {
        Ok(settled) => Json(answer(&settled)).into_response(),
        Err(e) => caller.problem(e).into_response(),
    }
}

async fn deliver(
    app: &App,
    gateway: &str,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<Settled> {
    let known = app.desk.gateways.get(gateway);
    let longest = known.ok_or(Error::NotFound("gateway"))?.longest_message();
    let body = body::read_up_to(longest, headers, body).await?;
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let message = Message {
        header: &header,
        body: &body,
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
