//! Answers as the Drive API gives them.

use serde_json::{Value, json};

/// A ready-made answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canned {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Canned {
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json; charset=UTF-8",
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    pub fn page(status: u16, body: &str) -> Self {
        Self {
            content_type: "text/html; charset=utf-8",
            body: body.as_bytes().to_vec(),
            ..Self::json(status, &Value::Null)
        }
    }

    pub fn bytes(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body,
        }
    }

    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

pub(super) fn ok(object: &Value) -> Canned {
    Canned::json(200, object)
}

/// 204, as deletions answer.
pub(super) fn gone() -> Canned {
    Canned::bytes(204, "text/html", Vec::new())
}

/// An error with its reason.
pub(super) fn refused(status: u16, reason: &str, message: &str) -> Canned {
    let domain = if status == 429 || reason.ends_with("LimitExceeded") {
        "usageLimits"
    } else {
        "global"
    };
    let error = json!({"error": {
        "code": status,
        "message": message,
        "errors": [{"domain": domain, "reason": reason, "message": message}],
    }});
    Canned::json(status, &error)
}

pub(super) fn absent(what: &str) -> Canned {
    refused(404, "notFound", &format!("File not found: {what}."))
}

pub(super) fn invalid(message: &str) -> Canned {
    refused(400, "invalid", message)
}

pub(super) fn taken() -> Canned {
    refused(
        409,
        "fileIdInUse",
        "A file already exists with the provided ID.",
    )
}

pub(super) fn no_token() -> Canned {
    let message = "Request had invalid authentication credentials.";
    refused(401, "authError", message)
}

pub(super) fn failure() -> Canned {
    refused(503, "backendError", "Transient failure.")
}
