//! Transfers: find them, look at one with all that is needed to decide about it. The decisions are in
//! [`super::decisions`].

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{self, Asked};
use super::audit::AuditRow;
use super::operator::{Operator, Refused};
use super::page::{Page, identified};
use super::refunds::RefundRow;
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::fulfilment::inbox::{self, Fit, Look, Proposal};
use crate::fulfilment::suggest::Reason;
use crate::id::TransferId;
use crate::model::api_key::Scope;
use crate::model::code::OrderCode;
use crate::model::order;
use crate::model::transfer::list::{self, Filter};
use crate::model::transfer::{Class, Transfer};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;
use crate::words::Locale;

/// A transfer. Money is in minor units of `currency`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferLine {
    id: String,
    gateway: String,
    /// The gateway's id of it.
    provider_id: String,
    account: String,
    sub_account: Option<String>,
    /// `in` or `out`.
    direction: &'static str,
    amount: i64,
    currency: &'static str,
    /// The bank's reference.
    reference: String,
    /// Its texts, a line each. They may name the payer.
    memo: String,
    /// One of the twelve classes.
    class: &'static str,
    /// The order that it was matched with.
    order_id: Option<String>,
    /// What no order needs.
    surplus: i64,
    /// How much of that went back, or is on its way.
    returned: i64,
    /// What is still to be paid back.
    due: i64,
    booked_at: Option<String>,
    received_at: String,
    /// Null: it waits for a person.
    closed_at: Option<String>,
    closed_by: Option<String>,
    closed_why: Option<String>,
}

identified!(TransferLine);

/// A transfer with all that is needed to decide about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferStory {
    #[serde(flatten)]
    transfer: TransferLine,
    /// The order that it was matched with.
    order_code: Option<String>,
    /// What of it neither pays an order nor went back.
    left: i64,
    /// What it pays.
    allocations: Vec<AllocationRow>,
    refunds: Vec<RefundRow>,
    /// What was decided about it, oldest first.
    audit: Vec<AuditRow>,
    /// While it waits: likely orders, best first.
    suggestions: Vec<SuggestionRow>,
}

/// A part of a transfer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllocationRow {
    order_code: String,
    amount: i64,
}

/// An order that a transfer may have been meant for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestionRow {
    order_code: String,
    payment_status: &'static str,
    email: String,
    name: String,
    /// What the order still owes.
    owed: i64,
    /// Only good for comparing.
    score: i64,
    /// The strongest first.
    reasons: Vec<ReasonRow>,
    /// What assigning would do: `pays`, `short`, or `none` where the order takes no money now.
    effect: &'static str,
    /// With `pays`, what would be over; with `short`, what would still be owed.
    difference: i64,
}

/// Why an order is suggested.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonRow {
    /// Stable.
    code: &'static str,
    /// In the caller's language.
    text: String,
}

/// Transfers, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/transfers",
    operation_id = "listTransfers",
    tag = "admin",
    params(
        ("waiting" = Option<bool>, Query, description = "`true`: only those that wait for a person"),
        ("due" = Option<bool>, Query, description = "`true`: only those of which something is to be paid back"),
        ("class" = Option<String>, Query, description = "Such as `no_code`"),
        ("account" = Option<String>, Query, description = "Number of the account, or the virtual account"),
        ("order" = Option<String>, Query, description = "Code of an order that it was matched with or pays"),
        ("from" = Option<String>, Query, description = "RFC 3339: came in not before"),
        ("to" = Option<String>, Query, description = "RFC 3339: came in before"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<TransferLine>), Refused),
    security(("adminKey" = ["transfers:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = found(&web.app, asked);
    operator.answer(Scope::TransfersRead, work).await
}

/// One transfer: what it pays, what went back, what was decided, and the likely orders.
#[utoipa::path(
    get,
    path = "/api/v1/admin/transfers/{id}",
    operation_id = "showTransfer",
    tag = "admin",
    params(("id" = String, Path, description = "The transfer's id")),
    responses(
        (status = 200, body = TransferStory),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:read"])),
)]
pub async fn show(State(web): State<Web>, operator: Operator, Path(id): Path<String>) -> Response {
    let work = whole(&web.app, operator.locale(), &id);
    operator.answer(Scope::TransfersRead, work).await
}

async fn found(app: &App, mut asked: Asked) -> Result<Page<TransferLine>> {
    let (from, to) = asked.span();
    let prefix = &app.desk.policy.prefix;
    let order = asked.word("order", |code| OrderCode::parse(code, prefix));
    let filter = Filter {
        waiting: asked.yes("waiting"),
        due: asked.yes("due"),
        class: asked.word("class", Class::parse),
        account: asked.text("account"),
        order: None,
        from,
        to,
    };
    let window = asked.window::<TransferId>();
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
    Ok(window.page(found.await?, TransferLine::from))
}

async fn whole(app: &App, locale: Locale, id: &str) -> Result<TransferStory> {
    let id = asked::id::<TransferId>(id, "transfer")?;
    let policy = app.desk.policy.clone();
    let look = app
        .db
        .read(move |tx| Box::pin(async move { inbox::look(tx, &policy, &id).await }));
    Ok(story(look.await?, locale))
}

fn story(look: Look, locale: Locale) -> TransferStory {
    let allocations = look.parts.into_iter().map(|(order, amount)| AllocationRow {
        order_code: order.to_string(),
        amount,
    });
    let suggestions = look.proposals.into_iter();
    TransferStory {
        order_code: look.matched.map(|code| code.to_string()),
        left: look.left,
        allocations: allocations.collect(),
        refunds: look.refunds.into_iter().map(RefundRow::from).collect(),
        audit: look.story.into_iter().map(AuditRow::from).collect(),
        suggestions: suggestions.map(|p| suggestion(p, locale)).collect(),
        transfer: look.transfer.into(),
    }
}

fn suggestion(proposal: Proposal, locale: Locale) -> SuggestionRow {
    let (effect, difference) = match proposal.fit {
        Fit::Pays { over } => ("pays", over),
        Fit::Short { missing } => ("short", missing),
        Fit::No => ("none", 0),
    };
    let in_words = |reason: &Reason| ReasonRow {
        code: reason.as_str(),
        text: locale.say(reason.key()).into_owned(),
    };
    let suggestion = proposal.suggestion;
    let order = suggestion.order;
    SuggestionRow {
        owed: order.owed(),
        order_code: order.code.to_string(),
        payment_status: order.payment_status.as_str(),
        email: order.email,
        name: order.name,
        score: suggestion.score,
        reasons: suggestion.reasons.iter().map(in_words).collect(),
        effect,
        difference,
    }
}

impl From<Transfer> for TransferLine {
    fn from(transfer: Transfer) -> Self {
        Self {
            due: transfer.due(),
            id: transfer.id.0,
            gateway: transfer.gateway,
            provider_id: transfer.provider_id,
            account: transfer.account,
            sub_account: transfer.sub_account,
            direction: transfer.direction.as_str(),
            amount: transfer.amount.minor,
            currency: transfer.amount.currency.code(),
            reference: transfer.reference,
            memo: transfer.memo,
            class: transfer.class.as_str(),
            order_id: transfer.order.map(|order| order.0),
            surplus: transfer.surplus,
            returned: transfer.returned,
            booked_at: transfer.booked_at.map(Timestamp::rfc3339),
            received_at: transfer.received_at.rfc3339(),
            closed_at: transfer.closed_at.map(Timestamp::rfc3339),
            closed_by: transfer.closed_by,
            closed_why: transfer.closed_why,
        }
    }
}
