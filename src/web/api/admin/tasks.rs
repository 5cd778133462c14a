//! Tasks: what is under way, what stands still, and having one tried again.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{self, Asked};
use super::operator::{Operator, Refused};
use super::page::{Moved, Page, identified};
use super::sent::{Because, Sent};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::fulfilment::intervene;
use crate::id::TaskId;
use crate::model::api_key::Scope;
use crate::model::task::list::{self, Filter, Listed};
use crate::model::task::{Kind, TaskState};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// One task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskRow {
    id: String,
    /// Which effect.
    kind: &'static str,
    /// `ready`, `leased`, `done` or `dead`.
    state: &'static str,
    order_id: Option<String>,
    /// The grant, e-mail or event it works on.
    subject: String,
    connection: Option<String>,
    /// Times it was tried.
    attempts: i64,
    /// Refusals for good; only these use up its budget.
    rejections: i64,
    /// Why it is not done.
    why: Option<String>,
    run_at: String,
    created_at: String,
    finished_at: Option<String>,
}

identified!(TaskRow);

/// Tasks, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tasks",
    operation_id = "listTasks",
    tag = "admin",
    params(
        ("state" = Option<String>, Query, description = "`ready`, `leased`, `done` or `dead`"),
        ("kind" = Option<String>, Query, description = "Such as `enrol` or `send_email`"),
        ("connection" = Option<String>, Query, description = "Its name"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<TaskRow>), Refused),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = found(&web.app, asked);
    operator.answer(Scope::OrdersRead, work).await
}

/// Try a dead task again, with a new budget; what it works on is set going with it.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tasks/{id}/retry",
    operation_id = "retryTask",
    tag = "admin",
    params(("id" = String, Path, description = "The task's id")),
    request_body = Option<Because>,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`task_not_dead`, `grant_not_waiting`, `letter_not_failed`, `event_settled`, \
                        `refund_ended`"),
        Refused,
    ),
    security(("adminKey" = ["tasks:write"])),
)]
pub async fn retry(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = try_again(&web.app, &operator, &id, sent);
    operator.answer(Scope::TasksWrite, work).await
}

async fn found(app: &App, mut asked: Asked) -> Result<Page<TaskRow>> {
    let filter = Filter {
        state: asked.word("state", TaskState::parse),
        kind: asked.word("kind", Kind::parse),
        connection: asked.text("connection"),
    };
    let window = asked.window::<TaskId>();
    asked.end()?;
    let (after, rows) = (window.after.clone(), window.rows());
    let found = app.db.read(move |tx| {
        Box::pin(async move { list::list(tx, &filter, after.as_ref(), rows).await })
    });
    Ok(window.page(found.await?, row))
}

async fn try_again(app: &App, operator: &Operator, id: &str, sent: Sent) -> Result<Moved> {
    let task = asked::id::<TaskId>(id, "task")?;
    let why = sent.reason_if_any().await?;
    let (moment, time) = (operator.moment(app), app.desk.policy.give_up_after);
    let retried = app.db.write(move |tx| {
        Box::pin(async move { intervene::retry(tx, &moment, &task, time, why.as_deref()).await })
    });
    if let Some(order) = retried.await? {
        app.live.tell(&order);
    }
    Ok(Moved::one(id))
}

fn row(task: Listed) -> TaskRow {
    TaskRow {
        id: task.id.0,
        kind: task.kind.as_str(),
        state: task.state.as_str(),
        order_id: task.order.map(|order| order.0),
        subject: task.subject,
        connection: task.connection,
        attempts: task.attempts,
        rejections: task.rejections,
        why: task.why,
        run_at: task.due.rfc3339(),
        created_at: task.created_at.rfc3339(),
        finished_at: task.finished_at.map(Timestamp::rfc3339),
    }
}
