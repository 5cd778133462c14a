//! `GET /api/v1/payment/qr/{code}.svg` and `.png`: the VietQR code for what an order still lacks,
//! drawn here. Whoever saw the code may ask: the picture holds the seller's account, the amount and the code.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::connectors::gateways::vietqr;
use crate::error::{Error, Result};
use crate::model::code::OrderCode;
use crate::model::order::{self, Order, PaymentStatus};
use crate::web::caller::Caller;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// What the picture is made as.
#[derive(Debug, Clone, Copy)]
enum Picture {
    Svg,
    Png,
}

/// The QR code that fills in the transfer for what the order still lacks.
#[utoipa::path(
    get,
    path = "/api/v1/payment/qr/{file}",
    operation_id = "drawQr",
    tag = "orders",
    params(("file" = String, Path, description = "The order's code, then `.svg` or `.png`")),
    responses(
        (status = 200, content(
            (String = "image/svg+xml"),
            (Vec<u8> = "image/png"),
        )),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such order, or another kind of picture"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`already_paid`"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json",
         description = "`payment_closed`: expired, cancelled or refunded"),
    ),
)]
pub async fn draw(State(web): State<Web>, caller: Caller, Path(file): Path<String>) -> Response {
    match picture(&web.app, &file).await {
        Ok((kind, bytes)) => {
            let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")];
            (headers, bytes).into_response()
        }
        Err(e) => caller.problem(e).into_response(),
    }
}

async fn picture(app: &App, file: &str) -> Result<(&'static str, Vec<u8>)> {
    let (code, picture) = asked(file).ok_or(Error::NotFound("picture"))?;
    let code = OrderCode::parse(code, &app.desk.policy.prefix).ok_or(Error::NotFound("order"))?;
    let found = app
        .db
        .read(move |tx| Box::pin(async move { order::by_code(tx, &code).await }));
    let order = found.await?.ok_or(Error::NotFound("order"))?;
    let payload = payload(app, &order, missing(&order)?)?;
    Ok(match picture {
        Picture::Svg => ("image/svg+xml", vietqr::svg(&payload)?.into_bytes()),
        Picture::Png => ("image/png", vietqr::png(&payload)?),
    })
}

fn asked(file: &str) -> Option<(&str, Picture)> {
    let (code, kind) = file.rsplit_once('.')?;
    match kind {
        "svg" => Some((code, Picture::Svg)),
        "png" => Some((code, Picture::Png)),
        _ => None,
    }
}

/// What is still to be paid. After the money there is nothing to scan: a second transfer would have
/// to be paid back.
fn missing(order: &Order) -> Result<i64> {
    match order.payment_status {
        PaymentStatus::Pending => Ok(order.total.minor - order.received.minor),
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded => {
            Err(Error::refused("already_paid"))
        }
        PaymentStatus::Expired | PaymentStatus::Cancelled | PaymentStatus::Refunded => {
            Err(Error::refused("payment_closed"))
        }
    }
}

fn payload(app: &App, order: &Order, dong: i64) -> Result<String> {
    let account = app.config.payments.accounts.first();
    let account = account.ok_or_else(|| anyhow::anyhow!("no bank account is configured"))?;
    Ok(vietqr::pay_into(account, dong, order.code.as_str())?)
}
