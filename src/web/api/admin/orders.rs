//! Orders: find them, look at one with all its parts, read its story, cancel it, send a letter again.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::asked::Asked;
use super::audit::AuditRow;
use super::operator::{Operator, Refused};
use super::page::{Moved, Page};
use super::sent::{Because, Sent};
use super::story::{self, OrderRow, OrderStory};
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::{cancel, intervene};
use crate::id::{AuditId, OrderId};
use crate::model::api_key::Scope;
use crate::model::audit;
use crate::model::code::OrderCode;
use crate::model::email::Letter;
use crate::model::order::list::Filter;
use crate::model::order::{self, Order, OrderStatus, PaymentStatus};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// Which letter to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterWish {
    /// As `emails` of the order names it: `receipt`, `completed`, or `late:` and a line's id.
    kind: String,
}

/// Orders, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/orders",
    operation_id = "listOrders",
    tag = "admin",
    params(
        ("paymentStatus" = Option<String>, Query, description = "Such as `paid`"),
        ("orderStatus" = Option<String>, Query, description = "Such as `processing`"),
        ("email" = Option<String>, Query, description = "The buyer's whole address, in any case"),
        ("code" = Option<String>, Query, description = "The order's code"),
        ("from" = Option<String>, Query, description = "RFC 3339: placed not before"),
        ("to" = Option<String>, Query, description = "RFC 3339: placed before"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<OrderRow>), Refused),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = found(&web.app, asked);
    operator.answer(Scope::OrdersRead, work).await
}

/// One order with its courses, payments, transfers, grants and letters.
#[utoipa::path(
    get,
    path = "/api/v1/admin/orders/{code}",
    operation_id = "showOrder",
    tag = "admin",
    params(("code" = String, Path, description = "The order's code")),
    responses(
        (status = 200, body = OrderStory),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        Refused,
    ),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn show(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
) -> Response {
    let work = whole(&web.app, &code);
    operator.answer(Scope::OrdersRead, work).await
}

/// Everything that ever happened to an order, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/orders/{code}/audit",
    operation_id = "listAuditOfOrder",
    tag = "admin",
    params(
        ("code" = String, Path, description = "The order's code"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses(
        (status = 200, body = Page<AuditRow>),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        Refused,
    ),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn audit(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
    asked: Asked,
) -> Response {
    let work = entries(&web.app, &code, asked);
    operator.answer(Scope::OrdersRead, work).await
}

/// Call an order off that nothing was paid for yet.
#[utoipa::path(
    post,
    path = "/api/v1/admin/orders/{code}/cancel",
    operation_id = "cancelOrder",
    tag = "admin",
    params(("code" = String, Path, description = "The order's code")),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`order_not_open`, `order_partly_paid`"),
        Refused,
    ),
    security(("adminKey" = ["orders:write"])),
)]
pub async fn cancel(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
    sent: Sent,
) -> Response {
    let work = call_off(&web.app, &operator, &code, sent);
    operator.answer(Scope::OrdersWrite, work).await
}

/// Send a letter again that was refused, or that nobody knows to have arrived.
#[utoipa::path(
    post,
    path = "/api/v1/admin/orders/{code}/email",
    operation_id = "sendLetterAgain",
    tag = "admin",
    params(("code" = String, Path, description = "The order's code")),
    request_body = LetterWish,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such order, or it never had this letter"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`letter_not_failed`: it was sent, or is on its way"),
        Refused,
    ),
    security(("adminKey" = ["orders:write"])),
)]
pub async fn email(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
    sent: Sent,
) -> Response {
    let work = send_again(&web.app, &operator, &code, sent);
    operator.answer(Scope::OrdersWrite, work).await
}

async fn found(app: &App, mut asked: Asked) -> Result<Page<OrderRow>> {
    let (from, to) = asked.span();
    let prefix = &app.desk.policy.prefix;
    let filter = Filter {
        payment_status: asked.word("paymentStatus", PaymentStatus::parse),
        order_status: asked.word("orderStatus", OrderStatus::parse),
        email: asked.text("email").map(|email| email.to_lowercase()),
        code: asked.word("code", |code| OrderCode::parse(code, prefix)),
        from,
        to,
    };
    let window = asked.window::<OrderId>();
    asked.end()?;
    let (after, rows) = (window.after.clone(), window.rows());
    let found = app
        .db
        .read(move |tx| Box::pin(async move { order::list::list(tx, &filter, after, rows).await }));
    Ok(window.page(found.await?, OrderRow::from))
}

async fn whole(app: &App, code: &str) -> Result<OrderStory> {
    let code = parse(app, code)?;
    app.db
        .read(move |tx| {
            Box::pin(async move {
                let order = by_code(tx, &code).await?;
                story::read(tx, order).await
            })
        })
        .await
}

async fn entries(app: &App, code: &str, mut asked: Asked) -> Result<Page<AuditRow>> {
    let code = parse(app, code)?;
    let window = asked.window::<AuditId>();
    asked.end()?;
    let (after, rows) = (window.after.clone(), window.rows());
    let found = app.db.read(move |tx| {
        Box::pin(async move {
            let order = by_code(tx, &code).await?;
            audit::page_of_order(tx, &order.id, after.as_ref(), rows).await
        })
    });
    Ok(window.page(found.await?, AuditRow::from))
}

async fn call_off(app: &App, operator: &Operator, code: &str, sent: Sent) -> Result<Moved> {
    let code = parse(app, code)?;
    let why = sent.reason().await?;
    let (moment, policy) = (operator.moment(app), app.desk.policy.clone());
    let cancelled = app.db.write(move |tx| {
        Box::pin(async move {
            let order = by_code(tx, &code).await?.id;
            cancel::cancel(tx, &moment, &policy, &order, &why).await?;
            Ok(order)
        })
    });
    let order = cancelled.await?;
    app.live.tell(&order);
    Ok(Moved::one(order.0))
}

async fn send_again(app: &App, operator: &Operator, code: &str, sent: Sent) -> Result<Moved> {
    let code = parse(app, code)?;
    let wish: LetterWish = sent.json().await?;
    let letter = Letter::parse(&wish.kind)
        .ok_or_else(|| Error::Invalid(vec![FieldFault::new("kind", "wrong_value")]))?;
    let moment = operator.moment(app);
    let queued = app.db.write(move |tx| {
        Box::pin(async move {
            let order = by_code(tx, &code).await?.id;
            intervene::send_again(tx, &moment, &order, &letter).await
        })
    });
    Ok(Moved::one(queued.await?.0))
}

/// The code in an address.
pub(super) fn parse(app: &App, code: &str) -> Result<OrderCode> {
    OrderCode::parse(code, &app.desk.policy.prefix).ok_or(Error::NotFound("order"))
}

/// The order of this code.
pub(super) async fn by_code(tx: &mut Tx<'_>, code: &OrderCode) -> Result<Order> {
    let order = order::by_code(tx, code).await?;
    order.ok_or(Error::NotFound("order"))
}
