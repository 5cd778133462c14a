//! Refunds: decide that money of an order goes back, find those under way, say what became of one that
//! a person sends.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asked::{self, Asked};
use super::operator::{Operator, Refused};
use super::orders;
use super::page::{Moved, Page, identified};
use super::sent::{self, Because, Sent};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::fulfilment::refund as step;
use crate::id::RefundId;
use crate::model::api_key::Scope;
use crate::model::code::OrderCode;
use crate::model::refund::list::{self, Filter};
use crate::model::refund::{self, Refund, RefundState};
use crate::model::{order, request_key};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// A refund. Money is in minor units of `currency`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefundRow {
    id: String,
    /// `order`: of what paid one. `surplus`: of what no order needed.
    purpose: &'static str,
    order_id: Option<String>,
    /// Null: the order as a whole.
    line_id: Option<String>,
    transfer_id: Option<String>,
    /// Who carries it out; `hand` is a person.
    gateway: String,
    /// The gateway's id of it.
    provider_id: Option<String>,
    amount: i64,
    currency: &'static str,
    /// Access of the line ends with it, or of the order.
    ends_access: bool,
    /// `asked`, `sent`, `done` or `failed`.
    state: &'static str,
    /// The bank's reference of what a person sent.
    reference: Option<String>,
    why: String,
    /// Why it failed, or was called off.
    fault: Option<String>,
    created_at: String,
    done_at: Option<String>,
}

identified!(RefundRow);

/// What goes back of an order, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundWish {
    /// Slug of one course of it; the whole order when missing.
    course: Option<String>,
    /// In minor units; all that is left when missing.
    amount: Option<i64>,
    /// Leave the buyer the access. When all of the money goes back it ends all the same.
    #[serde(default)]
    keep_access: bool,
    /// The bank's reference, where a person has sent it already.
    #[schema(max_length = 300)]
    reference: Option<String>,
    /// In words, for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// What was decided: several, where several transfers had paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundsDecided {
    refunds: Vec<RefundRow>,
}

/// How a person sent it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SentWish {
    /// The bank's reference.
    #[schema(max_length = 300)]
    reference: String,
}

/// Refunds, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/refunds",
    operation_id = "listRefunds",
    tag = "admin",
    params(
        ("open" = Option<bool>, Query, description = "`true`: only those that the payer does not have yet"),
        ("state" = Option<String>, Query, description = "`asked`, `sent`, `done` or `failed`"),
        ("gateway" = Option<String>, Query, description = "Who carries it out; `hand` is a person"),
        ("order" = Option<String>, Query, description = "Code of an order"),
        ("from" = Option<String>, Query, description = "RFC 3339: decided not before"),
        ("to" = Option<String>, Query, description = "RFC 3339: decided before"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<RefundRow>), Refused),
    security(("adminKey" = ["transfers:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = found(&web.app, asked);
    operator.answer(Scope::TransfersRead, work).await
}

/// Decide that money of an order goes back. Access ends with the decision.
#[utoipa::path(
    post,
    path = "/api/v1/admin/orders/{code}/refunds",
    operation_id = "refundOrder",
    tag = "admin",
    params(
        ("code" = String, Path, description = "The order's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters: \
            the same call again refunds nothing more and is answered with the refunds as they are now"),
    ),
    request_body = RefundWish,
    responses(
        (status = 200, body = RefundsDecided),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such order, or no such course in it"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`order_not_paid`, `nothing_to_refund`, `idempotency_conflict`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`refund_too_large`, `reference_needed`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["refunds:write"])),
)]
pub async fn ask(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
    sent: Sent,
) -> Response {
    let work = pay_back(&web.app, &operator, &code, sent);
    operator.answer(Scope::RefundsWrite, work).await
}

/// Say that a refund which waited for a person was sent. Its payer gets a letter.
#[utoipa::path(
    post,
    path = "/api/v1/admin/refunds/{id}/sent",
    operation_id = "refundSent",
    tag = "admin",
    params(("id" = String, Path, description = "The refund's id")),
    request_body = SentWish,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`refund_not_waiting`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`reference_needed`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["refunds:write"])),
)]
pub async fn sent(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = written_down(&web.app, &operator, &id, sent);
    operator.answer(Scope::RefundsWrite, work).await
}

/// Call off a refund that a person has not sent: access returns.
#[utoipa::path(
    post,
    path = "/api/v1/admin/refunds/{id}/call-off",
    operation_id = "callRefundOff",
    tag = "admin",
    params(("id" = String, Path, description = "The refund's id")),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`refund_not_waiting`"),
        Refused,
    ),
    security(("adminKey" = ["refunds:write"])),
)]
pub async fn call_off(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = kept(&web.app, &operator, &id, sent);
    operator.answer(Scope::RefundsWrite, work).await
}

async fn found(app: &App, mut asked: Asked) -> Result<Page<RefundRow>> {
    let (from, to) = asked.span();
    let prefix = &app.desk.policy.prefix;
    let order = asked.word("order", |code| OrderCode::parse(code, prefix));
    let filter = Filter {
        open: asked.yes("open"),
        state: asked.word("state", RefundState::parse),
        gateway: asked.text("gateway"),
        order: None,
        from,
        to,
    };
    let window = asked.window::<RefundId>();
    asked.end()?;
    let (after, rows) = (window.after.clone(), window.rows());
    let found = app.db.read(move |tx| {
        Box::pin(async move {
            let mut filter = filter;
            if let Some(code) = order {
                let order = order::by_code(tx, &code).await?;
                filter.order = Some(order.ok_or(Error::NotFound("order"))?.id);
            }
            list::list(tx, &filter, after, rows).await
        })
    });
    Ok(window.page(found.await?, RefundRow::from))
}

async fn pay_back(
    app: &App,
    operator: &Operator,
    code: &str,
    sent: Sent,
) -> Result<RefundsDecided> {
    let code = orders::parse(app, code)?;
    let call = format!("refund {code}");
    let (wish, key) = sent.json_once::<RefundWish>(operator, &call).await?;
    let ask = step::Ask {
        course: wish.course,
        amount: wish.amount,
        keep_access: wish.keep_access,
        why: sent::needed(wish.why)?,
        reference: wish.reference,
    };
    let (moment, policy) = (operator.moment(app), app.desk.policy.clone());
    let decided = app.db.write(move |tx| {
        Box::pin(async move {
            let order = orders::by_code(tx, &code).await?.id;
            if let Some(before) = request_key::take(tx, &moment, key.as_ref()).await? {
                let mut refunds = Vec::with_capacity(before.len());
                for id in before {
                    refunds.push(refund::get(tx, &RefundId::from(id)).await?);
                }
                return Ok((order, refunds));
            }
            let refunds = step::ask(tx, &moment, &policy, &order, &ask).await?;
            let ids: Vec<&str> = refunds.iter().map(|refund| refund.id.0.as_str()).collect();
            request_key::made(tx, key.as_ref(), &ids)?;
            Ok((order, refunds))
        })
    });
    let (order, refunds) = decided.await?;
    app.live.tell(&order);
    Ok(RefundsDecided {
        refunds: refunds.into_iter().map(RefundRow::from).collect(),
    })
}

async fn written_down(app: &App, operator: &Operator, id: &str, sent: Sent) -> Result<Moved> {
    let id = asked::id::<RefundId>(id, "refund")?;
    let wish: SentWish = sent.json().await?;
    let moment = operator.moment(app);
    let done = app.db.write(move |tx| {
        Box::pin(async move { step::sent_by_hand(tx, &moment, &id, &wish.reference).await })
    });
    Ok(moved(app, done.await?))
}

async fn kept(app: &App, operator: &Operator, id: &str, sent: Sent) -> Result<Moved> {
    let id = asked::id::<RefundId>(id, "refund")?;
    let why = sent.reason().await?;
    let (moment, policy) = (operator.moment(app), app.desk.policy.clone());
    let done = app.db.write(move |tx| {
        Box::pin(async move { step::call_off(tx, &moment, &policy, &id, &why).await })
    });
    Ok(moved(app, done.await?))
}

fn moved(app: &App, refund: Refund) -> Moved {
    if let Some(order) = &refund.order {
        app.live.tell(order);
    }
    Moved::one(refund.id.0)
}

impl From<Refund> for RefundRow {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id.0,
            purpose: refund.purpose.as_str(),
            order_id: refund.order.map(|order| order.0),
            line_id: refund.line.map(|line| line.0),
            transfer_id: refund.transfer.map(|transfer| transfer.0),
            gateway: refund.gateway,
            provider_id: refund.provider_id,
            amount: refund.amount.minor,
            currency: refund.amount.currency.code(),
            ends_access: refund.ends_access,
            state: refund.state.as_str(),
            reference: refund.reference,
            why: refund.why,
            fault: refund.fault,
            created_at: refund.created_at.rfc3339(),
            done_at: refund.done_at.map(Timestamp::rfc3339),
        }
    }
}
