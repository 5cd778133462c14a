//! Is the process alive, and can it work?

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::web::caller::Caller;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// A database that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process lives. It says nothing about the database: a restart would not mend that.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "isAlive",
    tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub async fn lives() -> &'static str {
    "ok"
}

/// It can work: the database takes a write. It was migrated before the server listened.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "isReady",
    tag = "operations",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json",
         description = "`unavailable`"),
    ),
)]
pub async fn ready(State(web): State<Web>, caller: Caller) -> Response {
    let why = match tokio::time::timeout(PATIENCE, web.app.db.ping()).await {
        Ok(Ok(())) => return "ready".into_response(),
        Ok(Err(e)) => e.to_string(),
        Err(_) => format!(
            "the database did not answer within {} s",
            PATIENCE.as_secs()
        ),
    };
    tracing::error!("not ready: {why}");
    caller
        .problem(Error::refused("unavailable"))
        .into_response()
}
