//! Answers as Stripe gives them: objects, lists and errors (docs.stripe.com/api/errors).

use serde_json::{Value, json};

/// A ready-made answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canned {
    pub status: u16,
    pub content_type: &'static str,
    pub header: Option<(&'static str, String)>,
    pub body: String,
}

impl Canned {
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            header: None,
            body: body.to_string(),
        }
    }

    pub fn page(status: u16, body: &str) -> Self {
        Self {
            content_type: "text/html; charset=utf-8",
            body: body.to_owned(),
            ..Self::json(status, &Value::Null)
        }
    }

    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.header = Some((header, value.into()));
        self
    }
}

pub(super) fn ok(object: &Value) -> Canned {
    Canned::json(200, object)
}

/// 400: a parameter is wrong.
pub(super) fn invalid(param: &str, code: &str, message: &str) -> Canned {
    let error =
        json!({"type": "invalid_request_error", "code": code, "message": message, "param": param});
    Canned::json(400, &json!({"error": error}))
}

/// 400: the state of an object forbids it.
pub(super) fn forbidden_now(code: Option<&str>, message: &str) -> Canned {
    let mut error = json!({"type": "invalid_request_error", "message": message});
    if let Some(code) = code {
        error["code"] = json!(code);
    }
    Canned::json(400, &json!({"error": error}))
}

pub(super) fn absent(kind: &str, id: &str) -> Canned {
    let message = format!("No such {}: '{id}'", kind.replace('.', " "));
    let error = json!({"type": "invalid_request_error", "code": "resource_missing", "message": message, "param": "id"});
    Canned::json(404, &json!({"error": error}))
}

pub(super) fn no_such_call(method: &str, path: &str) -> Canned {
    let message = format!("Unrecognized request URL ({method}: {path}).");
    Canned::json(
        404,
        &json!({"error": {"type": "invalid_request_error", "message": message}}),
    )
}

/// 401, with a part of the key in it, as Stripe has.
pub(super) fn wrong_key(key: &str) -> Canned {
    let end = key.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    let message = format!("Invalid API Key provided: sk_test_********{}", &key[end..]);
    Canned::json(
        401,
        &json!({"error": {"type": "invalid_request_error", "message": message}}),
    )
}

/// 403, with a part of the key in it, as Stripe has.
pub(super) fn lacks_permission() -> Canned {
    let message = "The provided key 'rk_test_*********wxyz' does not have the required permissions for this endpoint.";
    Canned::json(
        403,
        &json!({"error": {"type": "invalid_request_error", "message": message}}),
    )
}

pub(super) fn other_parameters() -> Canned {
    let message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
    Canned::json(
        400,
        &json!({"error": {"type": "idempotency_error", "message": message}}),
    )
}

pub(super) fn key_in_use() -> Canned {
    let message = "There is currently another in-progress request using this Idempotent Key.";
    Canned::json(
        409,
        &json!({"error": {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": message}}),
    )
}

pub(super) fn failure() -> Canned {
    let message = "An unknown error occurred";
    Canned::json(
        500,
        &json!({"error": {"type": "api_error", "message": message}}),
    )
}

pub(super) fn throttled(seconds: u64) -> Canned {
    let error = json!({"type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded."});
    Canned::json(429, &json!({"error": error})).with("Retry-After", seconds.to_string())
}
