//! Grants: what buyers are owed and have, having it tried again (one, or all that a filter finds),
//! and ending it.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asked::{self, Asked};
use super::operator::{Operator, Refused};
use super::page::{Moved, Page, Window};
use super::sent::{self, Because, Sent};
use super::story::GrantRow;
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::{complete, revoke};
use crate::id::GrantId;
use crate::model::api_key::Scope;
use crate::model::grant::list::{self, Filter, Listed};
use crate::model::grant::{self, GrantState};
use crate::outcome::Who;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// Grants that one call tries again.
const MOST_RETRIED: i64 = 500;
/// A year, in minutes.
const OLDEST: i64 = 525_600;

/// Which grants to try again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryWish {
    /// An empty one finds all that stand still.
    filter: GrantFilter,
    /// Say which, and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// For the audit.
    why: Option<String>,
    /// `next` of the answer before.
    after: Option<String>,
}

/// What grants must be like; what is missing does not matter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantFilter {
    /// `waiting`, `verifying`, `action_needed`, `gave_up` or `revoking`; when missing, those that
    /// stand still: `action_needed`, `gave_up`, and `revoking` where the seller must act.
    state: Option<String>,
    /// Who must act: `buyer`, `seller` or `connection`.
    who: Option<String>,
    /// Name of the platform or file source.
    connection: Option<String>,
    /// Slug.
    course: Option<String>,
    /// Planned longer ago than this.
    older_than_minutes: Option<i64>,
}

/// Which grants were tried again, or would have been.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retried {
    /// Ids. A grant that moved by itself meanwhile is not among them.
    pub(super) moved: Vec<String>,
    /// Nothing was changed.
    dry_run: bool,
    /// There are more: call again with this as `after`.
    pub(super) next: Option<String>,
}

/// Grants, those planned first come first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/grants",
    operation_id = "listGrants",
    tag = "admin",
    params(
        ("state" = Option<String>, Query, description = "Such as `action_needed`"),
        ("who" = Option<String>, Query, description = "Who must act: `buyer`, `seller` or `connection`"),
        ("connection" = Option<String>, Query, description = "Name of the platform or file source"),
        ("course" = Option<String>, Query, description = "Slug"),
        ("olderThanMinutes" = Option<i64>, Query, description = "Planned longer ago than this"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 when missing"),
    ),
    responses((status = 200, body = Page<GrantRow>), Refused),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = found(&web.app, asked);
    operator.answer(Scope::OrdersRead, work).await
}

/// Try one grant again now, with a new budget and a new time to be kept by.
#[utoipa::path(
    post,
    path = "/api/v1/admin/grants/{id}/retry",
    operation_id = "retryGrant",
    tag = "admin",
    params(("id" = String, Path, description = "The grant's id")),
    request_body = Option<Because>,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`grant_not_waiting`, `conflict`"),
        Refused,
    ),
    security(("adminKey" = ["grants:write"])),
)]
pub async fn retry(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = retry_one(&web.app, &operator, &id, sent);
    operator.answer(Scope::GrantsWrite, work).await
}

/// Try all grants again that a filter finds, at most 500 a call, each for itself.
#[utoipa::path(
    post,
    path = "/api/v1/admin/grants/retry",
    operation_id = "retryGrants",
    tag = "admin",
    request_body = RetryWish,
    responses((status = 200, body = Retried), Refused),
    security(("adminKey" = ["grants:write"])),
)]
pub async fn retry_many(State(web): State<Web>, operator: Operator, sent: Sent) -> Response {
    let work = async {
        let wish: RetryWish = sent.json().await?;
        let filter = wish.filter.read(web.app.clock.now())?;
        let window = Window {
            after: wish.after.map(|id| asked::id(&id, "grant")).transpose()?,
            limit: MOST_RETRIED,
        };
        let why = sent::checked(wish.why)?;
        let chosen = (filter, window, wish.dry_run);
        retry_found(&web.app, &operator, chosen, why.as_deref()).await
    };
    operator.answer(Scope::GrantsWrite, work).await
}

/// End access now; links are dead at once, the platform follows within a minute.
#[utoipa::path(
    post,
    path = "/api/v1/admin/grants/{id}/revoke",
    operation_id = "revokeGrant",
    tag = "admin",
    params(("id" = String, Path, description = "The grant's id")),
    request_body = Because,
    responses(
        (status = 200, body = Moved),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`grant_not_active`, `conflict`"),
        Refused,
    ),
    security(("adminKey" = ["grants:write"])),
)]
pub async fn revoke(
    State(web): State<Web>,
    operator: Operator,
    Path(id): Path<String>,
    sent: Sent,
) -> Response {
    let work = end(&web.app, &operator, &id, sent);
    operator.answer(Scope::GrantsWrite, work).await
}

async fn found(app: &App, mut asked: Asked) -> Result<Page<GrantRow>> {
    let minutes = |text: &str| text.parse().ok().filter(|m| (0..=OLDEST).contains(m));
    let older_than = asked.word("olderThanMinutes", minutes);
    let filter = Filter {
        state: asked.word("state", GrantState::parse),
        who: asked.word("who", Who::parse),
        connection: asked.text("connection"),
        course: asked.text("course"),
        planned_before: older_than.map(|minutes| before(app.clock.now(), minutes)),
        ..Filter::default()
    };
    let window = asked.window::<GrantId>();
    asked.end()?;
    let found = listed(app, filter, &window).await?;
    Ok(window.page(found, |l| GrantRow::new(l.grant, &l.order_code, l.course)))
}

async fn listed(app: &App, filter: Filter, window: &Window<GrantId>) -> Result<Vec<Listed>> {
    let (after, rows) = (window.after.clone(), window.rows());
    app.db
        .read(move |tx| {
            Box::pin(async move { list::list(tx, &filter, after.as_ref(), rows).await })
        })
        .await
}

async fn retry_one(app: &App, operator: &Operator, id: &str, sent: Sent) -> Result<Moved> {
    let grant = asked::id::<GrantId>(id, "grant")?;
    let why = sent.reason_if_any().await?;
    try_again(app, operator, &grant, why.as_deref()).await?;
    Ok(Moved::one(id))
}

/// Each in a transaction of its own: rows of many orders locked in one would meet others halfway.
pub(super) async fn retry_found(
    app: &App,
    operator: &Operator,
    (filter, window, dry_run): (Filter, Window<GrantId>, bool),
    why: Option<&str>,
) -> Result<Retried> {
    let found = listed(app, filter, &window).await?;
    let page = window.page(found, |l| GrantRow::new(l.grant, &l.order_code, l.course));
    let mut moved = Vec::new();
    for row in page.items {
        if dry_run || still_waits(try_again(app, operator, &row.grant_id(), why).await)? {
            moved.push(row.id);
        }
    }
    Ok(Retried {
        moved,
        dry_run,
        next: page.next,
    })
}

/// One that moved by itself since it was found is no failure of the call.
fn still_waits(retried: Result<()>) -> Result<bool> {
    match retried {
        Ok(()) => Ok(true),
        Err(Error::Refused(_) | Error::Conflict(_)) => Ok(false),
        Err(e) => Err(e),
    }
}

pub(super) async fn try_again(
    app: &App,
    operator: &Operator,
    grant: &GrantId,
    why: Option<&str>,
) -> Result<()> {
    let (grant, why) = (grant.clone(), why.map(str::to_owned));
    let (moment, time) = (operator.moment(app), app.desk.policy.give_up_after);
    let order = app.db.write(move |tx| {
        Box::pin(async move {
            complete::retry(tx, &moment, &grant, time, why.as_deref()).await?;
            Ok(grant::get(tx, &grant).await?.order)
        })
    });
    app.live.tell(&order.await?);
    Ok(())
}

async fn end(app: &App, operator: &Operator, id: &str, sent: Sent) -> Result<Moved> {
    let grant = asked::id::<GrantId>(id, "grant")?;
    let why = sent.reason().await?;
    let moment = operator.moment(app);
    let order = app.db.write(move |tx| {
        Box::pin(async move {
            revoke::revoke(tx, &moment, &grant, &why).await?;
            Ok(grant::get(tx, &grant).await?.order)
        })
    });
    app.live.tell(&order.await?);
    Ok(Moved::one(id))
}

impl GrantFilter {
    /// Every fault at once.
    fn read(self, now: Timestamp) -> Result<Filter> {
        let state = self.state.as_deref().map(retryable);
        let who = self.who.as_deref().map(Who::parse);
        let minutes = self.older_than_minutes;
        let sound = |text: &Option<String>| {
            text.as_ref()
                .is_none_or(|text| text.len() <= 200 && !text.chars().any(char::is_control))
        };
        let checks = [
            ("filter.state", state != Some(None)),
            ("filter.who", who != Some(None)),
            ("filter.connection", sound(&self.connection)),
            ("filter.course", sound(&self.course)),
            (
                "filter.olderThanMinutes",
                minutes.is_none_or(|m| (0..=OLDEST).contains(&m)),
            ),
        ];
        let faults = checks.into_iter().filter(|(_, fine)| !fine);
        let faults: Vec<FieldFault> = faults
            .map(|(field, _)| FieldFault::new(field, "wrong_value"))
            .collect();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        Ok(Filter {
            state: state.flatten(),
            stuck: state.is_none(),
            who: who.flatten(),
            connection: self.connection,
            course: self.course,
            planned_before: minutes.map(|minutes| before(now, minutes)),
            ..Filter::default()
        })
    }
}

/// A state in which trying again means something.
fn retryable(word: &str) -> Option<GrantState> {
    use GrantState::{ActionNeeded, GaveUp, Revoking, Verifying, Waiting};
    let state = GrantState::parse(word)?;
    matches!(
        state,
        Waiting | Verifying | ActionNeeded | GaveUp | Revoking
    )
    .then_some(state)
}

fn before(now: Timestamp, minutes: i64) -> Timestamp {
    Timestamp(now.0.saturating_sub(minutes.saturating_mul(60_000)))
}
