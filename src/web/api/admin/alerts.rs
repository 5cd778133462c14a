//! What a person should see to until it is over, and how far the gateways' own lists were read.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::operator::{Operator, Refused};
use super::page::{Moved, Page, identified};
use super::sent::{Because, Sent};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::fulfilment::intervene;
use crate::model::alert::{self, Alert};
use crate::model::api_key::Scope;
use crate::model::poll::{self, Poll};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// A matter that is not over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertRow {
    /// `webhook_silent`, `refund_failed`, `dispute`.
    kind: String,
    /// The gateway, refund or order that it is about.
    #[serde(rename = "subject")]
    id: String,
    /// What happened and what to do.
    why: String,
    times: i64,
    raised_at: String,
    last_at: String,
}

/// How far one list of a gateway was read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollRow {
    /// `GATEWAY/LIST`.
    #[serde(rename = "subject")]
    id: String,
    /// Everything before was in a complete round.
    covered_to: Option<String>,
    /// Seen in all rounds.
    items: i64,
    /// Of them not known before.
    news: i64,
    /// When a round was last complete.
    finished_at: Option<String>,
}

identified!(AlertRow, PollRow);

/// What a person should see to, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/alerts",
    operation_id = "listAlerts",
    tag = "admin",
    responses((status = 200, body = Page<AlertRow>), Refused),
    security(("adminKey" = ["transfers:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator) -> Response {
    operator.answer(Scope::TransfersRead, open(&web.app)).await
}

/// Say that a matter is over. Should it happen again, it is there again.
#[utoipa::path(
    post,
    path = "/api/v1/admin/alerts/{kind}/{subject}/clear",
    operation_id = "clearAlert",
    tag = "admin",
    params(
        ("kind" = String, Path, description = "As the list has it"),
        ("subject" = String, Path, description = "As the list has it"),
    ),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: it is over already"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn clear(
    State(web): State<Web>,
    operator: Operator,
    Path((kind, subject)): Path<(String, String)>,
    sent: Sent,
) -> Response {
    let work = over(&web.app, &operator, (kind, subject), sent);
    operator.answer(Scope::TransfersWrite, work).await
}

/// How far each list of each gateway was read.
#[utoipa::path(
    get,
    path = "/api/v1/admin/polls",
    operation_id = "listPolls",
    tag = "admin",
    responses((status = 200, body = Page<PollRow>), Refused),
    security(("adminKey" = ["transfers:read"])),
)]
pub async fn polls(State(web): State<Web>, operator: Operator) -> Response {
    operator.answer(Scope::TransfersRead, read(&web.app)).await
}

async fn open(app: &App) -> Result<Page<AlertRow>> {
    let open = app.db.read(|tx| Box::pin(alert::open(tx))).await?;
    Ok(Page {
        items: open.into_iter().map(AlertRow::from).collect(),
        next: None,
    })
}

async fn over(
    app: &App,
    operator: &Operator,
    (kind, subject): (String, String),
    sent: Sent,
) -> Result<Moved> {
    let why = sent.reason().await?;
    let moment = operator.moment(app);
    let matter = subject.clone();
    let cleared = app.db.write(move |tx| {
        Box::pin(async move { intervene::clear_alert(tx, &moment, (&kind, &matter), &why).await })
    });
    cleared.await?;
    Ok(Moved::one(subject))
}

async fn read(app: &App) -> Result<Page<PollRow>> {
    let polls = app.db.read(|tx| Box::pin(poll::all(tx))).await?;
    Ok(Page {
        items: polls.into_iter().map(PollRow::from).collect(),
        next: None,
    })
}

impl From<Alert> for AlertRow {
    fn from(alert: Alert) -> Self {
        Self {
            kind: alert.kind,
            id: alert.subject,
            why: alert.why,
            times: alert.times,
            raised_at: alert.raised_at.rfc3339(),
            last_at: alert.last_at.rfc3339(),
        }
    }
}

impl From<Poll> for PollRow {
    fn from(poll: Poll) -> Self {
        Self {
            id: poll.subject,
            covered_to: poll.covered_to.map(Timestamp::rfc3339),
            items: poll.items,
            news: poll.news,
            finished_at: poll.finished_at.map(Timestamp::rfc3339),
        }
    }
}
