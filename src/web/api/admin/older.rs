//! The address at which an older system's tools have enrolments tried again. Nothing of its own:
//! the same step as `grants`, in the older words.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asked::{self, Asked};
use super::grants;
use super::operator::{Operator, Refused};
use super::page::Window;
use super::sent::Sent;
use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::id::GrantId;
use crate::model::api_key::Scope;
use crate::model::grant::Benefit;
use crate::model::grant::list::Filter;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// Enrolments that one call tries again.
const MOST: i64 = 500;

/// One, or all that stand still.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentWish {
    /// A grant's id.
    enrollment_id: Option<String>,
    /// All that stand still until a person acts.
    #[serde(default)]
    retry_all: bool,
}

/// What was tried again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentsRetried {
    /// Always true.
    success: bool,
    /// Ids of grants.
    retried: Vec<String>,
    /// There are more: call again.
    more: bool,
}

/// Try an enrolment again, or all that stand still: `POST /api/v1/admin/grants/retry` in older words.
#[utoipa::path(
    get,
    path = "/api/admin/retry-frappe-sync",
    operation_id = "retryEnrolmentsByAddress",
    tag = "admin",
    params(
        ("enrollmentId" = Option<String>, Query, description = "A grant's id"),
        ("retryAll" = Option<bool>, Query, description = "All that stand still"),
    ),
    responses(
        (status = 200, body = EnrolmentsRetried),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        Refused,
    ),
    security(("adminKey" = ["grants:write"])),
)]
pub async fn by_address(State(web): State<Web>, operator: Operator, asked: Asked) -> Response {
    let work = async {
        let wish = wish(asked)?;
        retry(&web.app, &operator, wish).await
    };
    operator.answer(Scope::GrantsWrite, work).await
}

/// The same with a body.
#[utoipa::path(
    post,
    path = "/api/admin/retry-frappe-sync",
    operation_id = "retryEnrolments",
    tag = "admin",
    request_body = EnrolmentWish,
    responses(
        (status = 200, body = EnrolmentsRetried),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        Refused,
    ),
    security(("adminKey" = ["grants:write"])),
)]
pub async fn by_body(State(web): State<Web>, operator: Operator, sent: Sent) -> Response {
    let work = async {
        let wish = sent.json_if_any().await?;
        retry(&web.app, &operator, wish).await
    };
    operator.answer(Scope::GrantsWrite, work).await
}

fn wish(mut asked: Asked) -> Result<EnrolmentWish> {
    let wish = EnrolmentWish {
        enrollment_id: asked.text("enrollmentId"),
        retry_all: asked.word("retryAll", |word| word.parse().ok()) == Some(true),
    };
    asked.end()?;
    Ok(wish)
}

async fn retry(app: &App, operator: &Operator, wish: EnrolmentWish) -> Result<EnrolmentsRetried> {
    match (wish.enrollment_id, wish.retry_all) {
        (Some(id), false) => {
            let grant = asked::id::<GrantId>(&id, "grant")?;
            grants::try_again(app, operator, &grant, None).await?;
            Ok(retried(vec![id], false))
        }
        (None, true) => retry_all(app, operator).await,
        _ => Err(Error::Invalid(vec![FieldFault::new(
            "enrollmentId",
            "missing",
        )])),
    }
}

async fn retry_all(app: &App, operator: &Operator) -> Result<EnrolmentsRetried> {
    let filter = Filter {
        stuck: true,
        benefit: Some(Benefit::Enrolment),
        ..Filter::default()
    };
    let window = Window {
        after: None,
        limit: MOST,
    };
    let done = grants::retry_found(app, operator, (filter, window, false), None).await?;
    Ok(retried(done.moved, done.next.is_some()))
}

fn retried(retried: Vec<String>, more: bool) -> EnrolmentsRetried {
    EnrolmentsRetried {
        success: true,
        retried,
        more,
    }
}
