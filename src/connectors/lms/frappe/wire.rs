//! Frappe's REST v1 bodies, as far as we read and write them. Version 1 and not 2: it is there on
//! more versions of the framework.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connectors::quote::quote;

/// `GET /api/resource/{DocType}`.
#[derive(Debug, Deserialize)]
pub(super) struct Listing<T> {
    pub data: Vec<T>,
}

/// `POST` or `GET` of one document.
#[derive(Debug, Deserialize)]
pub(super) struct Document<T> {
    pub data: T,
}

/// `GET /api/method/{path}`.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub message: String,
}

/// A document of which only the id matters.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct UserRow {
    pub name: String,
    /// 0 or 1, as databases without booleans have it.
    pub enabled: u8,
}

impl UserRow {
    pub const FIELDS: &'static [&'static str] = &["name", "enabled"];
}

#[derive(Debug, Deserialize)]
pub(super) struct EnrolmentRow {
    pub name: String,
    pub member: String,
    pub course: String,
    /// Naive and in the site's zone: good for comparing rows with each other, never with our clock.
    pub creation: String,
}

impl EnrolmentRow {
    pub const FIELDS: &'static [&'static str] = &["name", "member", "course", "creation"];

    /// Checked again here, so that a server that overlooks our filters cannot grant anything.
    pub fn concerns(&self, email: &str, course: &str) -> bool {
        self.member.eq_ignore_ascii_case(email) && self.course.eq_ignore_ascii_case(course)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CourseRow {
    pub name: String,
    pub title: String,
}

impl CourseRow {
    pub const FIELDS: &'static [&'static str] = &["name", "title"];
}

/// `first_name` is never absent nor without a letter: the LMS builds a user name from it in a loop
/// that ends only when the result is not empty, and pins a processor until somebody kills it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct NewUser<'a> {
    pub email: &'a str,
    pub first_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    pub send_welcome_email: u8,
}

/// `name` is ignored for the row's final id. It is there because the LMS's own check for a
/// duplicate compares with it, and finds nothing while it is absent.
#[derive(Debug, Serialize)]
pub(super) struct NewEnrolment<'a> {
    pub name: &'a str,
    pub member: &'a str,
    pub course: &'a str,
}

/// What Frappe sends with a status of 4xx or 5xx. The traceback in `exc` is never read.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// Empty when the answer is not one of Frappe's errors.
    pub exc_type: String,
    exception: String,
    server_messages: String,
    error_message: String,
}

impl ErrorBody {
    /// Field by field: one of an odd type must not cost us the others.
    pub fn read(body: Option<&Value>) -> Self {
        let text = |field: &str| {
            let value = body.and_then(|body| body.get(field)?.as_str());
            value.unwrap_or_default().to_owned()
        };
        Self {
            exc_type: text("exc_type"),
            exception: text("exception"),
            server_messages: text("_server_messages"),
            error_message: text("_error_message"),
        }
    }

    /// What Frappe has to say to a person, best first, made fit to stand before our full stop.
    pub fn words(&self, hide: &[&str]) -> String {
        let (_class, exception) = self.exception.split_once(": ").unwrap_or_default();
        let messages = server_messages(&self.server_messages);
        [&messages, &self.error_message, exception, &self.exc_type]
            .into_iter()
            .map(|words| quote(words, hide).trim_end_matches('.').to_owned())
            .find(|words| !words.is_empty())
            .unwrap_or_else(|| "it gave no reason".to_owned())
    }
}

/// JSON text of a list of JSON texts, each an object with a `message`.
fn server_messages(text: &str) -> String {
    let list: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let said: Vec<String> = list
        .iter()
        .filter_map(|item| serde_json::from_str::<Value>(item).ok())
        .filter_map(|item| Some(item.get("message")?.as_str()?.to_owned()))
        .collect();
    said.join(" ")
}
