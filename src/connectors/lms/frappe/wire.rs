//! Frappe's REST v1 bodies, as far as we read and write them. Version 1 and not 2: it is there on
//! more versions of the framework.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::connectors::lms::RemoteCourse;
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

/// The user behind our key.
#[derive(Debug, Deserialize)]
pub(super) struct OwnRoles {
    #[serde(default)]
    pub roles: Vec<HeldRole>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HeldRole {
    pub role: String,
}

/// A row of either kind of enrolment.
#[derive(Debug, Deserialize)]
pub(super) struct EnrolmentRow {
    pub name: String,
    pub member: String,
    #[serde(alias = "batch")]
    pub course: String,
    /// Naive and in the site's zone: good for comparing rows with each other, never with our clock.
    pub creation: String,
}

impl EnrolmentRow {
    /// Checked again here, so that a server that overlooks our filters cannot grant anything.
    pub fn concerns(&self, email: &str, target: Target<'_>) -> bool {
        self.member.eq_ignore_ascii_case(email) && self.course.eq_ignore_ascii_case(target.id())
    }
}

/// How far a learner has come in a course.
#[derive(Debug, Deserialize)]
pub(super) struct ProgressRow {
    pub name: String,
    /// Percent; older rows have none.
    #[serde(default)]
    pub progress: Option<f64>,
}

impl ProgressRow {
    pub const FIELDS: &'static [&'static str] = &["name", "progress"];

    /// Whole percent; the beginning of a course is at least one.
    pub fn percent(&self) -> u8 {
        let done = self.progress.unwrap_or_default().clamp(0.0, 100.0).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 100"
        )]
        let percent = done as u8;
        percent
    }
}

/// What an id of the catalogue names: a course, or a batch with `batch:` before its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Course(&'a str),
    Batch(&'a str),
}

impl<'a> Target<'a> {
    pub fn of(course: &'a str) -> Self {
        course
            .strip_prefix(BATCH)
            .map_or(Self::Course(course), Self::Batch)
    }

    pub fn id(self) -> &'a str {
        match self {
            Self::Course(id) | Self::Batch(id) => id,
        }
    }

    /// The kind of document that it is.
    pub fn doctype(self) -> &'static str {
        match self {
            Self::Course(_) => "LMS Course",
            Self::Batch(_) => "LMS Batch",
        }
    }

    /// The kind of document that enrols in it.
    pub fn enrolment(self) -> &'static str {
        match self {
            Self::Course(_) => "LMS Enrollment",
            Self::Batch(_) => "LMS Batch Enrollment",
        }
    }

    /// That document's field for it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Course(_) => "course",
            Self::Batch(_) => "batch",
        }
    }
}

/// Before the name of a batch.
pub(super) const BATCH: &str = "batch:";

#[derive(Debug, Deserialize)]
pub(super) struct CourseRow {
    pub name: String,
    pub title: String,
}

impl CourseRow {
    pub const FIELDS: &'static [&'static str] = &["name", "title"];

    /// Under the id that the catalogue uses for this kind.
    pub fn listed(self, kind: Target<'_>) -> RemoteCourse {
        RemoteCourse {
            id: match kind {
                Target::Course(_) => self.name,
                Target::Batch(_) => format!("{BATCH}{}", self.name),
            },
            title: self.title,
        }
    }
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
pub(super) fn new_enrolment(name: &str, member: &str, target: Target<'_>) -> Value {
    json!({ "name": name, "member": member, target.field(): target.id() })
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
