//! Who calls the admin API: the owner of a key that is in use. A wrong one counts as a failed proof
//! of its address; the key itself goes nowhere, only its name, into the audit.

use std::future::Future;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::error::{Error, Refusal, Result};
use crate::id::ApiKeyId;
use crate::model::Moment;
use crate::model::api_key::{self, ApiKey, Scope};
use crate::model::audit::Actor;
use crate::web::caller::Caller;
use crate::web::problem::{Problem, ProblemBody};
use crate::web::state::Web;
use crate::words::Locale;

/// Characters of a secret that are looked at; ours have 68.
const SECRET_MAX: usize = 128;

/// The owner of the key that came with a request.
#[derive(Debug)]
pub struct Operator {
    caller: Caller,
    key: ApiKey,
}

/// What every call of the admin API can answer instead, for its description.
#[derive(utoipa::IntoResponses)]
pub enum Refused {
    /// `not_authentic`: no key, or none that is in use
    #[response(status = 401, content_type = "application/problem+json")]
    Stranger(ProblemBody),
    /// `missing_scope`: the key may not do this
    #[response(status = 403, content_type = "application/problem+json")]
    Scope(ProblemBody),
    /// `invalid_input`, or a refusal with a code of its own
    #[response(status = 422, content_type = "application/problem+json")]
    Input(ProblemBody),
    /// `rate_limited`: too many failed authentications from this address
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemBody),
}

impl FromRequestParts<Web> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Problem> {
        let Ok(caller) = Caller::from_request_parts(parts, web).await;
        match authenticate(&web.app, &caller, &parts.headers).await {
            Ok(key) => Ok(Self { caller, key }),
            Err(e) => Err(caller.problem(e)),
        }
    }
}

impl Operator {
    /// Refuses what the key has no scope for.
    pub fn may(&self, scope: Scope) -> Result<()> {
        if self.key.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Error::Refused(Refusal {
            code: "missing_scope",
            values: vec![("scope", scope.to_string())],
        }))
    }

    /// The language to answer in.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.caller.locale
    }

    /// Whose key it is, for what must not be mixed up with another caller's.
    #[must_use]
    pub fn key(&self) -> &ApiKeyId {
        &self.key.id
    }

    /// Now, by this operator.
    #[must_use]
    pub fn moment(&self, app: &App) -> Moment {
        app.moment(Actor::Operator(self.key.name.clone()))
    }

    /// The answer to a call that needs this scope. Without it `work` does not begin.
    pub async fn answer<T: Serialize>(
        &self,
        scope: Scope,
        work: impl Future<Output = Result<T>>,
    ) -> Response {
        let worked = match self.may(scope) {
            Ok(()) => work.await,
            Err(e) => Err(e),
        };
        match worked {
            Ok(answer) => ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
            Err(e) => self.caller.problem(e).into_response(),
        }
    }
}

async fn authenticate(app: &App, caller: &Caller, headers: &HeaderMap) -> Result<ApiKey> {
    let found = match bearer(headers) {
        Some(secret) => key_of(app, secret).await?,
        None => None,
    };
    let Some(key) = found else {
        app.limits.failed(caller.address)?;
        return Err(Error::Forbidden(
            "an admin call without a key that is in use",
        ));
    };
    let now = app.clock.now();
    if key.is_long_unused(now) {
        let id = key.id.clone();
        app.db
            .write(move |tx| Box::pin(async move { api_key::used(tx, now, &id).await }))
            .await?;
    }
    Ok(key)
}

async fn key_of(app: &App, secret: &str) -> Result<Option<ApiKey>> {
    let secret = secret.to_owned();
    app.db
        .read(move |tx| Box::pin(async move { api_key::shown(tx, &secret).await }))
        .await
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && secret.len() <= SECRET_MAX).then_some(secret)
}
