//! `GET audit`: who did what, when and why, over everything.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::Asked;
use super::operator::{Operator, Refused};
use super::page::{Page, identified};
use crate::app::App;
use crate::error::Result;
use crate::id::AuditId;
use crate::model::api_key::Scope;
use crate::model::audit::{self, Entry, Filter};
use crate::web::state::Web;

/// One change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    id: String,
    at: String,
    /// `operator:NAME`, `machine:STEP`, `gateway:NAME`, `buyer` or `worker`.
    actor: String,
    /// `noun.verb`.
    action: String,
    /// The id of what changed, or the name of a connection.
    subject: String,
    why: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

identified!(AuditRow);

impl From<Entry> for AuditRow {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.0,
            at: entry.at.rfc3339(),
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            why: entry.why,
            before: entry.before,
            after: entry.after,
        }
    }
}

/// Audit entries, newest first. A search by subject or actor is quick where `from` bounds it.
#[utoipa::path(
    get,
    path = "/api/v1/admin/audit",
    operation_id = "listAudit",
    tag = "admin",
    params(
        ("subject" = Option<String>, Query, description = "The id of what changed"),
        ("actor" = Option<String>, Query, description = "As stored: `operator:an`"),
        ("from" = Option<String>, Query, description = "RFC 3339, not before"),
        ("to" = Option<String>, Query, description = "RFC 3339, before"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<AuditRow>), Refused),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = entries(&web.app, asked);
    operator.answer(Scope::OrdersRead, work).await
}

async fn entries(app: &App, mut asked: Asked) -> Result<Page<AuditRow>> {
    let (from, to) = asked.span();
    let filter = Filter {
        subject: asked.text("subject"),
        actor: asked.text("actor"),
        from,
        to,
    };
    let window = asked.window::<AuditId>();
    asked.end()?;
    let (after, rows) = (window.after.clone(), window.rows());
    let found = app
        .db
        .read(move |tx| Box::pin(async move { audit::list(tx, &filter, after, rows).await }));
    Ok(window.page(found.await?, AuditRow::from))
}
