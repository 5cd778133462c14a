//! A person's decisions about a transfer that waits. Each is an audit entry, and can be undone as long
//! as no money went back. A retry changes nothing: the second one finds nothing that waits.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::asked;
use super::operator::{Operator, Refused};
use super::page::Moved;
use super::sent::{self, Because, Sent};
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::Policy;
use crate::fulfilment::inbox::{self, Share};
use crate::id::{OrderId, TransferId};
use crate::model::api_key::Scope;
use crate::model::code::OrderCode;
use crate::model::{Moment, allocation};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// Which order it pays, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignWish {
    /// The order's code.
    order: String,
    /// In words, for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// How it is divided, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitWish {
    /// 1 to 20, each order once.
    shares: Vec<ShareWish>,
    /// In words, for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// One order's part.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareWish {
    /// The order's code.
    order: String,
    /// In minor units; all that the order needs when missing.
    amount: Option<i64>,
}

/// Which order takes the wrong amount for right, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptWish {
    /// The order's code; the one that the transfer was matched with when missing.
    order: Option<String>,
    /// In words, for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// How it went back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveBackWish {
    /// The bank's reference of what a person has sent; missing where the gateway sends it.
    #[schema(max_length = 300)]
    reference: Option<String>,
    /// In words, for the audit.
    #[schema(max_length = 300)]
    why: Option<String>,
}

/// Put it on an order. What the order does not need stays with the transfer.
#[utoipa::path(
    post,
    path = "/api/v1/admin/transfers/{id}/assign",
    operation_id = "assignTransfer",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    request_body = AssignWish,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such transfer or order"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`transfer_not_waiting`, `order_takes_no_money`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`other_currency`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn assign(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = async {
        let wish: AssignWish = sent.json().await?;
        let verb = Verb::Assign(code(&web.app, "order", &wish.order)?);
        decide(&web.app, &operator, &id, wish.why, verb).await
    };
    operator.answer(Scope::TransfersWrite, work).await
}

/// Divide it over several orders.
#[utoipa::path(
    post,
    path = "/api/v1/admin/transfers/{id}/split",
    operation_id = "splitTransfer",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    request_body = SplitWish,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such transfer or order"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`transfer_not_waiting`, `order_takes_no_money`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`bad_shares`, `more_than_owed`, `other_currency`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn split(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = async {
        let wish: SplitWish = sent.json().await?;
        let verb = Verb::Split(shares(&web.app, &wish.shares)?);
        decide(&web.app, &operator, &id, wish.why, verb).await
    };
    operator.answer(Scope::TransfersWrite, work).await
}

/// Take the wrong amount for right: too little pays the order all the same, too much is kept.
#[utoipa::path(
    post,
    path = "/api/v1/admin/transfers/{id}/accept",
    operation_id = "acceptTransfer",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    request_body = AcceptWish,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such transfer or order"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`transfer_not_waiting`, `order_takes_no_money`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`order_needed`, `other_currency`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn accept(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = async {
        let wish: AcceptWish = sent.json().await?;
        let order = wish.order.map(|order| code(&web.app, "order", &order));
        let verb = Verb::Accept(order.transpose()?);
        decide(&web.app, &operator, &id, wish.why, verb).await
    };
    operator.answer(Scope::TransfersWrite, work).await
}

/// Give back what is left of it: through its gateway where that can, else a person has sent it.
#[utoipa::path(
    post,
    path = "/api/v1/admin/transfers/{id}/give-back",
    operation_id = "giveTransferBack",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    request_body = GiveBackWish,
    responses(
        (status = 200, body = Moved, description = "`moved` has the refund's id too"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`transfer_not_waiting`, `nothing_to_refund`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`reference_needed`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn give_back(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = async {
        let wish: GiveBackWish = sent.json().await?;
        let verb = Verb::GiveBack(wish.reference);
        decide(&web.app, &operator, &id, wish.why, verb).await
    };
    operator.answer(Scope::TransfersWrite, work).await
}

/// It needs nothing: private money, or a surplus that the payer gave up.
#[utoipa::path(
    post,
    path = "/api/v1/admin/transfers/{id}/discard",
    operation_id = "discardTransfer",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`transfer_not_waiting`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn discard(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = async {
        let why = Some(sent.reason().await?);
        decide(&web.app, &operator, &id, why, Verb::Discard).await
    };
    operator.answer(Scope::TransfersWrite, work).await
}

/// Take back what was decided, by a person or by Bursar: it waits again, and what it had paid is unpaid.
#[utoipa::path(
    post,
    path = "/api/v1/admin/transfers/{id}/undo",
    operation_id = "undoTransfer",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`nothing_to_undo`, `money_went_back`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn undo(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = async {
        let why = Some(sent.reason().await?);
        decide(&web.app, &operator, &id, why, Verb::Undo).await
    };
    operator.answer(Scope::TransfersWrite, work).await
}

/// What is decided.
#[derive(Clone)]
enum Verb {
    Assign(OrderCode),
    Split(Vec<Share>),
    Accept(Option<OrderCode>),
    GiveBack(Option<String>),
    Discard,
    Undo,
}

async fn decide(
    app: &App,
    operator: &Operator,
    id: &str,
    why: Option<String>,
    verb: Verb,
) -> Result<Moved> {
    let id = asked::id::<TransferId>(id, "transfer")?;
    let why = sent::needed(why)?;
    let (moment, policy) = (operator.moment(app), app.desk.policy.clone());
    let transfer = id.clone();
    let decided = app.db.write(move |tx| {
        Box::pin(async move {
            verb.carry_out(tx, &moment, &policy, (&transfer, &why))
                .await
        })
    });
    let (orders, refund) = decided.await?;
    for order in &orders {
        app.live.tell(order);
    }
    let mut moved = vec![id.0];
    moved.extend(orders.into_iter().map(|order| order.0));
    moved.extend(refund);
    Ok(Moved { moved })
}

impl Verb {
    /// The orders that it touched, and the refund that it made.
    async fn carry_out(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        policy: &Policy,
        (id, why): (&TransferId, &str),
    ) -> Result<(Vec<OrderId>, Option<String>)> {
        let orders = match self {
            Self::Assign(code) => {
                vec![inbox::assign(tx, moment, policy, id, &code, why).await?]
            }
            Self::Split(shares) => inbox::split(tx, moment, policy, id, &shares, why).await?,
            Self::Accept(code) => {
                vec![inbox::accept(tx, moment, policy, id, code.as_ref(), why).await?]
            }
            Self::GiveBack(reference) => {
                let reference = reference.as_deref();
                let refund = inbox::give_back(tx, moment, policy, id, reference, why).await?;
                return Ok((Vec::new(), Some(refund.id.0)));
            }
            Self::Discard => {
                inbox::discard(tx, moment, id, why).await?;
                Vec::new()
            }
            Self::Undo => {
                let paid = allocation::of_transfer(tx, id).await?;
                inbox::undo(tx, moment, policy, id, why).await?;
                return Ok((paid.into_iter().map(|part| part.order).collect(), None));
            }
        };
        Ok((orders.into_iter().map(|order| order.id).collect(), None))
    }
}

fn shares(app: &App, wishes: &[ShareWish]) -> Result<Vec<Share>> {
    let shares = wishes.iter().enumerate().map(|(place, wish)| {
        let field = format!("shares[{place}].order");
        Ok(Share {
            code: code(app, &field, &wish.order)?,
            amount: wish.amount,
        })
    });
    shares.collect()
}

fn code(app: &App, field: &str, text: &str) -> Result<OrderCode> {
    let wrong = || Error::Invalid(vec![FieldFault::new(field, "bad_code")]);
    OrderCode::parse(text, &app.desk.policy.prefix).ok_or_else(wrong)
}
