//! What a call sends along: read only once the operator is known, so that a stranger learns
//! nothing about what would be accepted. Fields that we do not know are faults here.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::error::{Error, FieldFault, Result};
use crate::web::body;

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

    /// The reason that the call must give.
    pub async fn reason(self) -> Result<String> {
        let because: Because = self.json_if_any().await?;
        let why = checked(because.why)?;
        why.ok_or_else(|| Error::Invalid(vec![FieldFault::new("why", "missing")]))
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
