//! Messages of gateways that are kept raw and are not in the books: look, have one read again, close
//! one with a reason. Their bodies stay inside.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{self, Asked};
use super::operator::{Operator, Refused};
use super::page::{Moved, Page, identified};
use super::sent::{Because, Sent};
use crate::app::App;
use crate::error::Result;
use crate::fulfilment::intervene;
use crate::id::EventId;
use crate::model::api_key::Scope;
use crate::model::gateway_event::{self, Puzzle};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// One message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    id: String,
    gateway: String,
    /// Why it is not in the books.
    why: Option<String>,
    received_at: String,
}

identified!(EventRow);

/// Messages that are not in the books and not closed, oldest first. There may be money in them.
#[utoipa::path(
    get,
    path = "/api/v1/admin/events",
    operation_id = "listEvents",
    tag = "admin",
    params(
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<EventRow>), Refused),
    security(("adminKey" = ["transfers:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = open(&web.app, asked);
    operator.answer(Scope::TransfersRead, work).await
}

/// Have a message read again, as after an update; one that was closed is open again.
#[utoipa::path(
    post,
    path = "/api/v1/admin/events/{id}/replay",
    operation_id = "replayEvent",
    tag = "admin",
    params(("id" = String, Path, description = "The message's id")),
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`event_settled`: it is in the books"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn replay(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
) -> Response {
    let work = read_again(&web.app, &operator, &id);
    operator.answer(Scope::TransfersWrite, work).await
}

/// Close a message that nobody will ever understand: nothing works on it any more.
#[utoipa::path(
    post,
    path = "/api/v1/admin/events/{id}/close",
    operation_id = "closeEvent",
    tag = "admin",
    params(("id" = String, Path, description = "The message's id")),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`event_settled`, `event_closed`"),
        Refused,
    ),
    security(("adminKey" = ["transfers:write"])),
)]
pub async fn close(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = put_away(&web.app, &operator, &id, sent);
    operator.answer(Scope::TransfersWrite, work).await
}

async fn open(app: &App, mut asked: Asked) -> Result<Page<EventRow>> {
    let window = asked.window::<EventId>();
    asked.end()?;
    let (after, rows) = (window.after.clone(), window.rows());
    let found = app.db.read(move |tx| {
        Box::pin(async move { gateway_event::not_settled(tx, after.as_ref(), rows).await })
    });
    Ok(window.page(found.await?, row))
}

async fn read_again(app: &App, operator: &Operator, id: &str) -> Result<Moved> {
    let (event, moment) = (asked::id::<EventId>(id, "event")?, operator.moment(app));
    app.db
        .write(move |tx| Box::pin(async move { intervene::replay(tx, &moment, &event).await }))
        .await?;
    Ok(Moved::one(id))
}

async fn put_away(app: &App, operator: &Operator, id: &str, sent: Sent) -> Result<Moved> {
    let event = asked::id::<EventId>(id, "event")?;
    let why = sent.reason().await?;
    let moment = operator.moment(app);
    app.db
        .write(move |tx| Box::pin(async move { intervene::close(tx, &moment, &event, &why).await }))
        .await?;
    Ok(Moved::one(id))
}

fn row(puzzle: Puzzle) -> EventRow {
    EventRow {
        id: puzzle.id.0,
        gateway: puzzle.gateway,
        why: puzzle.why,
        received_at: puzzle.received_at.rfc3339(),
    }
}
