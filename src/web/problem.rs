//! Errors as answers: RFC 9457 problem JSON. The person reads the message of a stable code in their
//! language; what went wrong inside goes to the log, once, under the request's id, which both know.
//! A page for browsers is made elsewhere from [`Problem::status`] and [`Problem::detail`].

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::caller::{RequestId, X_REQUEST_ID};
use crate::error::{Error, FieldFault};
use crate::words::Locale;

/// Codes with a status of their own; every other refusal is 422.
const STATUSES: [(&str, StatusCode); 43] = [
    ("invalid_json", StatusCode::BAD_REQUEST),
    ("body_cut", StatusCode::BAD_REQUEST),
    ("not_authentic", StatusCode::UNAUTHORIZED),
    ("stale_signature", StatusCode::UNAUTHORIZED),
    ("worker_calls_off", StatusCode::FORBIDDEN),
    ("missing_scope", StatusCode::FORBIDDEN),
    ("not_found", StatusCode::NOT_FOUND),
    ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
    ("body_too_slow", StatusCode::REQUEST_TIMEOUT),
    ("conflict", StatusCode::CONFLICT),
    ("idempotency_conflict", StatusCode::CONFLICT),
    ("lease_lost", StatusCode::CONFLICT),
    ("order_expired", StatusCode::CONFLICT),
    ("already_paid", StatusCode::CONFLICT),
    ("order_not_open", StatusCode::CONFLICT),
    ("order_partly_paid", StatusCode::CONFLICT),
    ("grant_not_waiting", StatusCode::CONFLICT),
    ("grant_not_active", StatusCode::CONFLICT),
    ("grant_not_revoking", StatusCode::CONFLICT),
    ("task_not_dead", StatusCode::CONFLICT),
    ("letter_not_failed", StatusCode::CONFLICT),
    ("event_settled", StatusCode::CONFLICT),
    ("event_closed", StatusCode::CONFLICT),
    ("refund_ended", StatusCode::CONFLICT),
    ("order_not_paid", StatusCode::CONFLICT),
    ("nothing_to_refund", StatusCode::CONFLICT),
    ("refund_not_waiting", StatusCode::CONFLICT),
    ("transfer_not_waiting", StatusCode::CONFLICT),
    ("order_not_payable", StatusCode::CONFLICT),
    ("order_takes_no_money", StatusCode::CONFLICT),
    ("money_went_back", StatusCode::CONFLICT),
    ("nothing_to_undo", StatusCode::CONFLICT),
    ("reference_taken", StatusCode::CONFLICT),
    ("coupon_taken", StatusCode::CONFLICT),
    ("coupon_stopped", StatusCode::CONFLICT),
    ("payment_closed", StatusCode::GONE),
    ("link_expired", StatusCode::GONE),
    ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
    ("wrong_content_type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ("invalid_input", StatusCode::UNPROCESSABLE_ENTITY),
    ("rate_limited", StatusCode::TOO_MANY_REQUESTS),
    ("internal", StatusCode::INTERNAL_SERVER_ERROR),
    ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
];

/// The longest value that a message repeats.
const LONGEST_VALUE: usize = 200;

/// An error on its way to a caller.
#[derive(Debug)]
pub struct Problem(pub Error, pub Locale, pub RequestId);

/// The body, as documented in the API description.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// `urn:problem-type:bursar:<code>`.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words, for developers.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable; what programs look at.
    code: &'static str,
    /// For people, in their language.
    detail: String,
    /// `urn:problem-instance:bursar:<request id>`.
    instance: String,
    /// The id under which the shop's log knows this request.
    request_id: String,
    /// Every fault of the input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// Always false, for callers of the older API.
    success: bool,
}

/// One fault of one field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// Where: `courses[3].url`; empty for the whole body.
    field: String,
    /// Stable.
    code: &'static str,
    /// For people, in their language.
    message: String,
}

impl Problem {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.0 {
            Error::NotFound(_) => "not_found",
            Error::Refused(refusal) => refusal.code,
            Error::Invalid(_) => "invalid_input",
            Error::Conflict(word) => conflict(word),
            Error::Forbidden(_) => "not_authentic",
            Error::TooMany(_) => "rate_limited",
            Error::Internal(_) => "internal",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        status(self.code()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// The message for the person. A single fault of the input speaks for itself.
    #[must_use]
    pub fn detail(&self) -> String {
        match &self.0 {
            Error::Refused(refusal) => self.message(refusal.code, &refusal.values),
            Error::Invalid(faults) if faults.len() == 1 => self.field_message(&faults[0]),
            Error::TooMany(after) => {
                self.message("rate_limited", &[("seconds", seconds(*after).to_string())])
            }
            _ => self.message(self.code(), &[]),
        }
    }

    fn message(&self, code: &str, values: &[(&str, String)]) -> String {
        let known = filled(self.1, &format!("error.{code}"), values)
            .or_else(|| filled(self.1, &format!("error.field.{code}"), values));
        known.unwrap_or_else(|| self.1.say("error.refused").into_owned())
    }

    fn field_message(&self, fault: &FieldFault) -> String {
        filled(
            self.1,
            &format!("error.field.{}", fault.code),
            &fault.values,
        )
        .unwrap_or_else(|| self.1.say("error.field.wrong_value").into_owned())
    }

    fn errors(&self) -> Vec<FieldProblem> {
        let Error::Invalid(faults) = &self.0 else {
            return Vec::new();
        };
        let described = faults.iter().map(|fault| FieldProblem {
            field: clipped(&fault.field).into_owned(),
            code: fault.code,
            message: self.field_message(fault),
        });
        described.collect()
    }

    fn body(&self) -> ProblemBody {
        let (code, RequestId(request)) = (self.code(), &self.2);
        ProblemBody {
            kind: format!("urn:problem-type:bursar:{code}"),
            title: title(code),
            status: self.status().as_u16(),
            code,
            detail: self.detail(),
            instance: format!("urn:problem-instance:bursar:{request}"),
            request_id: request.clone(),
            errors: self.errors(),
            success: false,
        }
    }

    /// Ours is an error of the log; a failed proof is worth a line; a caller's mistake is not.
    fn log(&self) {
        let request = self.2.0.as_str();
        match &self.0 {
            Error::Internal(inside) => {
                tracing::error!(request, "request {request} failed: {inside:#}");
            }
            Error::Forbidden(why) => {
                tracing::warn!(request, "request {request} was not authentic: {why}");
            }
            _ => {}
        }
    }

    fn describe(&self, headers: &mut HeaderMap) {
        let problem_json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, problem_json);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(&self.2.0) {
            headers.insert(X_REQUEST_ID, id);
        }
        if let Error::TooMany(after) = &self.0 {
            headers.insert(RETRY_AFTER, seconds(*after).into());
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110 wants a challenge; a scheme of our own opens no password box in browsers.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bursar"));
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.status(), axum::Json(self.body())).into_response();
        self.describe(response.headers_mut());
        response
    }
}

/// A conflict's word is its code where we have said what it means.
fn conflict(word: &'static str) -> &'static str {
    match status(word) {
        Some(StatusCode::CONFLICT) => word,
        _ => "conflict",
    }
}

fn status(code: &str) -> Option<StatusCode> {
    let known = STATUSES.iter().find(|(known, _)| *known == code);
    known.map(|(_, status)| *status)
}

/// What a refusal without values says to a person, for pages.
#[must_use]
pub fn sentence(code: &str, locale: Locale) -> String {
    filled(locale, &format!("error.{code}"), &[])
        .unwrap_or_else(|| locale.say("error.refused").into_owned())
}

/// `wrong_content_type` is `Wrong content type`.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The text of a key in this language or the fallback, if there is one.
fn filled(locale: Locale, key: &str, values: &[(&str, String)]) -> Option<String> {
    crate::_rust_i18n_try_translate(locale.tag(), key)?;
    let short: Vec<_> = values
        .iter()
        .map(|(name, value)| (*name, clipped(value)))
        .collect();
    let named: Vec<_> = short
        .iter()
        .map(|(name, value)| (*name, value.as_ref()))
        .collect();
    Some(locale.fill(key, &named))
}

fn clipped(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(LONGEST_VALUE) {
        None => Cow::Borrowed(value),
        Some((end, _)) => Cow::Owned(format!("{}…", &value[..end])),
    }
}

/// Whole seconds, rounded up: "again in 0 seconds" would be an invitation to be refused again.
fn seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0 || after.is_zero())
}
