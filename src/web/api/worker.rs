//! The seller's own delivery workers, in any language: claim hand-overs, keep them, finish them.
//! What a hand-over means is in `tasks/hand_over.rs`; who may call is in `signature`.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::id::TaskId;
use crate::model::audit::Actor;
use crate::model::task::{self, Kind, TaskState};
use crate::tasks::hand_over::{self, Job, Report};
use crate::web::body;
use crate::web::caller::Caller;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

mod signature;
mod wire;

use wire::{
    ClaimAnswer, ClaimRequest, FinalizeAnswer, FinalizeRequest, HeartbeatAnswer, HeartbeatRequest,
    JobAnswer,
};

/// How long a claim holds without a heartbeat. With the sweep behind it, what a lost worker held is
/// back within a minute.
const LEASE: Duration = Duration::from_secs(45);
/// How often a worker should show that it lives: two may be lost.
const BEAT: Duration = Duration::from_secs(15);
const CLAIM_MAX: i64 = 20;
const TASK_ID_MAX: usize = 40;
const LINK_MAX: usize = 2000;
const FOLDER_MAX: usize = 255;
/// Characters of a worker's own words that are kept.
const REASON_MAX: usize = 300;

/// Claim hand-overs.
#[utoipa::path(
    post,
    path = "/api/v1/worker/claim",
    operation_id = "claimDelivery",
    tag = "workers",
    request_body = ClaimRequest,
    responses(
        (status = 200, body = ClaimAnswer),
        (status = 400, body = ProblemBody, content_type = "application/problem+json",
         description = "`invalid_json`"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_authentic`, `stale_signature`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json",
         description = "`worker_calls_off`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`invalid_input`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json",
         description = "`rate_limited`: too many failed authentications from this address"),
    ),
    security(("workerSignature" = [])),
)]
pub async fn claim(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = read(&web.app, &caller, &headers, body).await;
    let claimed = match asked {
        Ok(asked) => take(&web.app, &asked).await,
        Err(e) => Err(e),
    };
    answer(&caller, claimed)
}

/// Keep a claimed hand-over.
#[utoipa::path(
    post,
    path = "/api/v1/worker/heartbeat",
    operation_id = "keepDelivery",
    tag = "workers",
    request_body = HeartbeatRequest,
    responses(
        (status = 200, body = HeartbeatAnswer),
        (status = 401, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_authentic`, `stale_signature`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json",
         description = "`worker_calls_off`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such hand-over"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`lease_lost`: stop working on it"),
    ),
    security(("workerSignature" = [])),
)]
pub async fn heartbeat(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = read(&web.app, &caller, &headers, body).await;
    let kept = match asked {
        Ok(asked) => keep(&web.app, asked).await,
        Err(e) => Err(e),
    };
    answer(&caller, kept)
}

/// Finish a claimed hand-over. A second report of a finished one changes nothing and says so.
#[utoipa::path(
    post,
    path = "/api/v1/webhook/finalize",
    operation_id = "finalizeDelivery",
    tag = "workers",
    request_body = FinalizeRequest,
    responses(
        (status = 200, body = FinalizeAnswer),
        (status = 401, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_authentic`, `stale_signature`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json",
         description = "`worker_calls_off`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: no such hand-over"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`lease_lost`: another claim has it; nothing was recorded"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`invalid_input`"),
    ),
    security(("workerSignature" = [])),
)]
pub async fn finalize(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = read(&web.app, &caller, &headers, body).await;
    let finished = match asked {
        Ok(asked) => finish(&web.app, asked).await,
        Err(e) => Err(e),
    };
    answer(&caller, finished)
}

/// Prove first, then parse: a stranger learns nothing about what would be accepted.
async fn read<T: DeserializeOwned>(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<T> {
    signature::check_switched_on(app)?;
    let body = body::read(headers, body).await?;
    let proof = signature::check(&app.config.worker, app.clock.now(), headers, &body);
    if let Err(Error::Forbidden(_)) = &proof {
        app.limits.failed(caller.address)?;
    }
    proof?;
    body::json(headers, &body)
}

fn answer<T: Serialize>(caller: &Caller, result: Result<T>) -> Response {
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(e) => caller.problem(e).into_response(),
    }
}

async fn take(app: &App, asked: &ClaimRequest) -> Result<ClaimAnswer> {
    let limit = asked.limit.unwrap_or(1);
    if !(1..=CLAIM_MAX).contains(&limit) {
        let mut fault = FieldFault::new("limit", "bad_limit");
        fault.values = vec![("max", CLAIM_MAX.to_string())];
        return Err(Error::Invalid(vec![fault]));
    }
    let moment = app.moment(Actor::Worker);
    let claimed = app.db.write(move |tx| {
        Box::pin(async move { hand_over::claim(tx, &moment, limit, LEASE).await })
    });
    let jobs = claimed.await?;
    for job in &jobs {
        app.live.tell(&job.order);
    }
    Ok(ClaimAnswer {
        success: true,
        tasks: jobs.into_iter().map(job).collect(),
    })
}

fn job(job: Job) -> JobAnswer {
    JobAnswer {
        task_id: job.task.to_string(),
        lease: job.lease,
        lease_until: job.until.rfc3339(),
        heartbeat_seconds: BEAT.as_secs(),
        order_id: job.order.to_string(),
        order_code: job.order_code,
        line_id: job.line.to_string(),
        course: job.course,
        title: job.title,
        folder: job.folder,
        email: job.email,
    }
}

async fn keep(app: &App, asked: HeartbeatRequest) -> Result<HeartbeatAnswer> {
    let id = task_id(&asked.task_id)?;
    let until = app.clock.now().plus(LEASE);
    let kept = app.db.write(move |tx| {
        Box::pin(async move {
            let found = task::get(tx, &id).await?;
            let hand_over = found.filter(|(task, _)| task.kind == Kind::HandOver);
            let (task, state) = hand_over.ok_or(Error::NotFound("task"))?;
            let shown = asked.lease.is_none_or(|shown| shown == task.lease);
            let held = shown && state == TaskState::Leased;
            Ok(held && task::beat(tx, &id, &task.lease, until).await?)
        })
    });
    if !kept.await? {
        return Err(Error::refused("lease_lost"));
    }
    Ok(HeartbeatAnswer {
        success: true,
        task_id: asked.task_id,
        lease_until: until.rfc3339(),
    })
}

async fn finish(app: &App, asked: FinalizeRequest) -> Result<FinalizeAnswer> {
    let report = report(&asked)?;
    let (id, moment) = (task_id(&asked.task_id)?, app.moment(Actor::Worker));
    let finished = app.db.write(move |tx| {
        let lease = asked.lease;
        Box::pin(
            async move { hand_over::finalize(tx, &moment, &id, lease.as_deref(), &report).await },
        )
    });
    let (order, duplicate) = finished.await?;
    if let Some(order) = &order {
        app.live.tell(order);
    }
    Ok(FinalizeAnswer {
        success: true,
        order_id: order.map(|order| order.to_string()),
        task_id: asked.task_id,
        duplicate,
    })
}

/// Nothing but an id of ours goes to the database.
fn task_id(text: &str) -> Result<TaskId> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    if text.len() <= TASK_ID_MAX && text.bytes().all(fits) {
        Ok(TaskId::from(text))
    } else {
        Err(Error::NotFound("task"))
    }
}

/// An error outweighs a link that came with it: access is never promised on a doubtful report.
fn report(asked: &FinalizeRequest) -> Result<Report> {
    let given = |text: &Option<String>| {
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        (!text.is_empty()).then(|| text.to_owned())
    };
    if let Some(error) = given(&asked.error) {
        let words = error.chars().filter(|c| !c.is_control());
        let why = words.take(REASON_MAX).collect();
        return Ok(Report::Failed { why });
    }
    let (link, folder) = (given(&asked.drive_link), given(&asked.folder_name));
    let mut faults = Vec::new();
    if link.is_none() && folder.is_none() {
        faults.push(FieldFault::new("drive_link", "missing"));
    }
    faults.extend(link.as_deref().and_then(link_fault));
    faults.extend(folder.as_deref().and_then(folder_fault));
    if faults.is_empty() {
        Ok(Report::Delivered { link, folder })
    } else {
        Err(Error::Invalid(faults))
    }
}

/// Buyers will follow it: https, a host, and no password in it.
fn link_fault(link: &str) -> Option<FieldFault> {
    if link.len() > LINK_MAX {
        return Some(too_long("drive_link", LINK_MAX));
    }
    let odd = link.chars().any(|c| c.is_control() || c.is_whitespace());
    let sound = !odd
        && Url::parse(link).is_ok_and(|url| {
            let bare = url.username().is_empty() && url.password().is_none();
            url.scheme() == "https" && url.has_host() && bare
        });
    (!sound).then(|| FieldFault::new("drive_link", "bad_link"))
}

fn folder_fault(folder: &str) -> Option<FieldFault> {
    if folder.chars().count() > FOLDER_MAX {
        return Some(too_long("folder_name", FOLDER_MAX));
    }
    let odd = folder.chars().any(char::is_control);
    odd.then(|| FieldFault::new("folder_name", "wrong_value"))
}

fn too_long(field: &str, most: usize) -> FieldFault {
    let mut fault = FieldFault::new(field, "too_long");
    fault.values = vec![("max", most.to_string())];
    fault
}
