//! Courses without a sale, and money that no gateway reports.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operator::{Operator, Refused};
use super::orders;
use super::sent::{self, Sent};
use super::story::OrderRow;
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::gift::{self, ByHand};
use crate::fulfilment::place;
use crate::id::OrderId;
use crate::model::api_key::Scope;
use crate::model::transfer::Class;
use crate::model::{order, request_key};
use crate::money::Money;
use crate::web::ordering::Form;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;
use crate::words::Locale;

/// Who gets what, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiftWish {
    /// Where access and letters go.
    email: String,
    /// The learner's name.
    name: Option<String>,
    /// `vi` or `en`; the shop's own language when missing.
    locale: Option<String>,
    /// Slugs of courses or bundles.
    courses: Vec<String>,
    /// In words, for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// Money that a person received.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyByHand {
    /// In minor units of the order's currency.
    amount: i64,
    /// What makes it this money and no other: a receipt's number.
    #[schema(max_length = 300)]
    reference: String,
    /// When, RFC 3339; now when missing.
    at: Option<String>,
    /// How it came, and why by hand; for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoneyTaken {
    /// This reference was written down before: nothing changed.
    duplicate: bool,
    /// One of the twelve classes; null with a duplicate.
    class: Option<&'static str>,
    /// Null with a duplicate.
    transfer_id: Option<String>,
    /// The order as it is now.
    order: OrderRow,
}

/// Give courses: an order that costs nothing and is delivered as every other.
#[utoipa::path(
    post,
    path = "/api/v1/admin/gifts",
    operation_id = "giveCourses",
    tag = "admin",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters: \
        the same call again gives nothing more and is answered with the order as it is now")),
    request_body = GiftWish,
    responses(
        (status = 200, body = OrderRow),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`idempotency_conflict`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`unknown_course`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["grants:write"])),
)]
pub async fn give(State(web): State<Web>, operator: Operator, sent: Sent) -> Response {
    let work = given(&web.app, &operator, sent);
    operator.answer(Scope::GrantsWrite, work).await
}

/// Write down money that no gateway reports. It is booked as every other; its reference makes a retry
/// harmless.
#[utoipa::path(
    post,
    path = "/api/v1/admin/orders/{code}/payments",
    operation_id = "receiveByHand",
    tag = "admin",
    params(("code" = String, Path, description = "The order's code")),
    request_body = MoneyByHand,
    responses(
        (status = 200, body = MoneyTaken),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`reference_taken`: with another amount, or for another order"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`bad_amount`, `reference_needed`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn receive(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
    sent: Sent,
) -> Response {
    let work = received(&web.app, &operator, &code, sent);
    operator.answer(Scope::TransfersWrite, work).await
}

async fn given(app: &App, operator: &Operator, sent: Sent) -> Result<OrderRow> {
    let (wish, key) = sent.json_once::<GiftWish>(operator, "gift").await?;
    let why = sent::needed(wish.why)?;
    let form = Form {
        email: wish.email,
        name: wish.name,
        locale: wish.locale,
        courses: wish.courses,
        ..Form::default()
    };
    let request = form.check(Locale::parse(&app.desk.shop.locale).unwrap_or(Locale::Vi))?;
    let catalogue = app.catalogue().await?;
    let (moment, policy) = (operator.moment(app), app.desk.policy.clone());
    let given = app.db.write(move |tx| {
        Box::pin(async move {
            let before = request_key::take(tx, &moment, key.as_ref()).await?;
            if let Some(id) = before.and_then(|mut made| made.pop()) {
                return order::get(tx, &OrderId::from(id)).await;
            }
            let basket = place::basket(&catalogue, &policy, &request.courses)?;
            let placed = gift::give(tx, &moment, &policy, &request, &basket, &why).await?;
            request_key::made(tx, key.as_ref(), &[&placed.order.id.0])?;
            Ok(placed.order)
        })
    });
    let order = given.await?;
    app.live.tell(&order.id);
    Ok(order.into())
}

async fn received(app: &App, operator: &Operator, code: &str, sent: Sent) -> Result<MoneyTaken> {
    let code = orders::parse(app, code)?;
    let wish: MoneyByHand = sent.json().await?;
    let (moment, policy) = (operator.moment(app), app.desk.policy.clone());
    let at = match &wish.at {
        None => moment.now,
        Some(text) => Timestamp::parse(text)
            .ok_or_else(|| Error::Invalid(vec![FieldFault::new("at", "bad_time")]))?,
    };
    let why = sent::needed(wish.why)?;
    let (minor, reference) = (wish.amount, wish.reference);
    let taken = app.db.write(move |tx| {
        Box::pin(async move {
            let order = orders::by_code(tx, &code).await?;
            let currency = order.total.currency;
            let money = ByHand {
                code,
                amount: Money { minor, currency },
                reference,
                at,
                why,
            };
            let settled = gift::received(tx, &moment, &policy, &money).await?;
            Ok((settled, order::get(tx, &order.id).await?))
        })
    });
    let (settled, order) = taken.await?;
    app.live.tell(&order.id);
    Ok(MoneyTaken {
        duplicate: settled.duplicate,
        class: settled.class.map(Class::as_str),
        transfer_id: settled.transfer.map(|transfer| transfer.0),
        order: order.into(),
    })
}
