//! `GET /api/v1/payment/check-status/{code}`: how far an order is, once as JSON or as a stream of
//! events. Whoever saw the code may ask, so it says nothing about the buyer and carries no links.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Error, Result};
use crate::id::OrderId;
use crate::model::code::OrderCode;
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, OrderStatus, PaymentStatus};
use crate::web::caller::Caller;
use crate::web::live;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// How far an order is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusAnswer {
    /// Always true.
    success: bool,
    /// The order's code.
    order_code: String,
    /// In one word: `orderStatus` once it is paid, else `paymentStatus`.
    status: &'static str,
    /// `pending`, `paid`, `partially_refunded`, `refunded`, `cancelled` or `expired`.
    payment_status: &'static str,
    /// `pending`, `processing`, `completed` or `failed`.
    order_status: &'static str,
    /// Its courses.
    tasks: Vec<TaskAnswer>,
}

/// One course of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskAnswer {
    /// Its id.
    id: String,
    /// The course's title.
    title: String,
    /// `pending`, `processing`, `enrolled`, `completed` or `failed`.
    status: &'static str,
}

/// How far an order is. With `Accept: text/event-stream`: an event `status` with the same object at
/// once and after each change, until the order is final (then close the stream); a comment every 15 seconds.
#[utoipa::path(
    get,
    path = "/api/v1/payment/check-status/{code}",
    operation_id = "checkStatus",
    tag = "orders",
    params(("code" = String, Path, description = "The order's code, in any case")),
    responses(
        (status = 200, content(
            (StatusAnswer = "application/json"),
            (StatusAnswer = "text/event-stream"),
        )),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json",
         description = "`rate_limited`: too many open streams"),
    ),
)]
pub async fn check(
    State(web): State<Web>,
    caller: Caller,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Response {
    match by_code(&web.app, &code).await {
        Err(e) => caller.problem(e).into_response(),
        Ok((order, _)) if wants_events(&headers) => live::events(states(web.app.clone(), order.id)),
        Ok((order, lines)) => {
            let answer = answer(&order, &lines);
            ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
        }
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter();
    accepted.any(|value| {
        value
            .to_str()
            .is_ok_and(|v| v.contains("text/event-stream"))
    })
}

async fn by_code(app: &App, code: &str) -> Result<(Order, Vec<Line>)> {
    let code = OrderCode::parse(code, &app.desk.policy.prefix).ok_or(Error::NotFound("order"))?;
    app.db
        .read(move |tx| {
            Box::pin(async move {
                let order = order::by_code(tx, &code).await?;
                let order = order.ok_or(Error::NotFound("order"))?;
                let lines = line::of_order(tx, &order.id).await?;
                Ok((order, lines))
            })
        })
        .await
}

async fn by_id(app: &App, id: OrderId) -> Result<(Order, Vec<Line>)> {
    app.db
        .read(move |tx| {
            Box::pin(
                async move { Ok((order::get(tx, &id).await?, line::of_order(tx, &id).await?)) },
            )
        })
        .await
}

/// An event per change; the last one is the final state.
fn states(
    app: Arc<App>,
    id: OrderId,
) -> impl Stream<Item = Result<Event, axum::Error>> + Send + 'static {
    let watch = live::Watch::over(app.clone(), id.clone());
    stream::unfold(Some((watch, app, id)), |watching| async move {
        let (mut watch, app, id) = watching?;
        watch.next().await?;
        let (order, lines) = match by_id(&app, id.clone()).await {
            Ok(found) => found,
            Err(e) => {
                tracing::warn!(order = %id, "a stream of statuses ends: {e}");
                return None;
            }
        };
        let event = Event::default()
            .event("status")
            .json_data(answer(&order, &lines));
        let more = (!is_final(&order)).then_some((watch, app, id));
        Some((event, more))
    })
}

fn answer(order: &Order, lines: &[Line]) -> StatusAnswer {
    StatusAnswer {
        success: true,
        order_code: order.code.to_string(),
        status: in_one_word(order),
        payment_status: order.payment_status.as_str(),
        order_status: order.order_status.as_str(),
        tasks: lines.iter().map(task).collect(),
    }
}

fn task(line: &Line) -> TaskAnswer {
    TaskAnswer {
        id: line.id.to_string(),
        title: line.title.clone(),
        status: line.status.as_str(),
    }
}

fn in_one_word(order: &Order) -> &'static str {
    match order.payment_status {
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded => order.order_status.as_str(),
        other => other.as_str(),
    }
}

/// Nothing more will happen by itself. A late transfer or a person may still move it on: whoever
/// wants to know asks again.
fn is_final(order: &Order) -> bool {
    let open = matches!(
        order.payment_status,
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded | PaymentStatus::Pending
    );
    !open
        || matches!(
            order.order_status,
            OrderStatus::Completed | OrderStatus::Failed
        )
}
