//! What a call sends along: read only once the operator is known, so that a stranger learns
//! nothing about what would be accepted. Fields that we do not know are faults here.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::operator::Operator;
use crate::error::{Error, FieldFault, Result};
use crate::model::request_key::RequestKey;
use crate::web::api::create_order;
use crate::web::{body, ordering};

/// Characters of a reason.
const LONGEST_WHY: usize = 300;

/// A body that nobody has looked at.
#[derive(Debug)]
pub struct Sent {
    headers: HeaderMap,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        Ok(Self { headers, body })
    }
}

impl Sent {
    /// A JSON object.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let bytes = body::read(&self.headers, self.body).await?;
        body::json(&self.headers, &bytes)
    }

    /// The same, for calls that can do without.
    pub async fn json_if_any<T: DeserializeOwned + Default>(self) -> Result<T> {
        let bytes = body::read(&self.headers, self.body).await?;
        if bytes.is_empty() {
            return Ok(T::default());
        }
        body::json(&self.headers, &bytes)
    }

    /// A JSON object of a call that makes something, with the key under which it makes it once.
    /// `call` says what else than the body makes two calls the same.
    pub async fn json_once<T: DeserializeOwned>(
        self,
        operator: &Operator,
        call: &str,
    ) -> Result<(T, Option<RequestKey>)> {
        let bytes = body::read(&self.headers, self.body).await?;
        let key = match create_order::key(&self.headers)? {
            None => None,
            Some(key) if !ordering::is_key(&key) => {
                let fault = FieldFault::new("Idempotency-Key", "bad_idempotency_key");
                return Err(Error::Invalid(vec![fault]));
            }
            Some(key) => Some(RequestKey {
                name: format!("{}/{key}", operator.key()),
                digest: digest(call, &bytes),
            }),
        };
        Ok((body::json(&self.headers, &bytes)?, key))
    }

    /// The reason that the call must give.
    pub async fn reason(self) -> Result<String> {
        let because: Because = self.json_if_any().await?;
        needed(because.why)
    }

    /// The reason, where the call gives one.
    pub async fn reason_if_any(self) -> Result<Option<String>> {
        let because: Because = self.json_if_any().await?;
        checked(because.why)
    }
}

/// A person's reason, for the audit.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// In words. It stays in the audit for good: no secrets, no personal data.
    #[schema(max_length = 300)]
    pub why: Option<String>,
}

/// A reason that must be there, as it goes into the audit.
pub fn needed(why: Option<String>) -> Result<String> {
    checked(why)?.ok_or_else(|| Error::Invalid(vec![FieldFault::new("why", "missing")]))
}

/// A reason as it goes into the audit; an empty one is none.
pub fn checked(why: Option<String>) -> Result<Option<String>> {
    let why = why.map(|why| why.trim().to_owned());
    let Some(why) = why.filter(|why| !why.is_empty()) else {
        return Ok(None);
    };
    if why.chars().count() > LONGEST_WHY {
        let mut fault = FieldFault::new("why", "too_long");
        fault.values = vec![("max", LONGEST_WHY.to_string())];
        return Err(Error::Invalid(vec![fault]));
    }
    if why.chars().any(char::is_control) {
        return Err(Error::Invalid(vec![FieldFault::new("why", "wrong_value")]));
    }
    Ok(Some(why))
}

fn digest(call: &str, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(call.as_bytes());
    digest.update([0]);
    digest.update(body);
    hex::encode(digest.finalize())
}
