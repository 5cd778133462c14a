//! The ways in which real sites were seen to misbehave, and what they answered while they did.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

/// What a request asks the fake for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Any of them; used when nothing is planned for the call itself.
    Any,
    /// `ping`.
    Ping,
    /// `frappe.auth.get_logged_user`.
    WhoAmI,
    /// Learners, listed.
    UserList,
    /// One learner.
    UserGet,
    /// A learner made.
    UserCreate,
    /// A learner deleted.
    UserDelete,
    /// Courses, listed.
    CourseList,
    /// One course.
    CourseGet,
    /// Enrolments, listed.
    EnrolmentList,
    /// One enrolment.
    EnrolmentGet,
    /// An enrolment made.
    EnrolmentCreate,
    /// An enrolment deleted.
    EnrolmentDelete,
    /// Rows of batches, listed.
    BatchRowList,
    /// A learner put into a batch.
    BatchJoin,
    /// A learner's row of a batch deleted.
    BatchLeave,
    /// The shop-made confirmation method.
    Confirm,
    /// Anything else.
    Other,
}

/// One way to misbehave on one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mischief {
    /// 404 with a page of HTML: no such site on this host.
    WrongSite,
    /// 401.
    BadCredentials,
    /// 403: the role is missing.
    Forbidden,
    /// 404 JSON: the LMS app is not installed.
    AppMissing,
    /// 417 `LinkValidationError`: no such course.
    UnknownLink,
    /// 417 `ValidationError`: already enrolled, whether it is true or not.
    AlreadyEnrolled,
    /// 417 `ValidationError` with these words.
    Refused(String),
    /// 417: no such method.
    MissingMethod,
    /// 417 `TimestampMismatchError`: somebody else saved it first.
    EditConflict,
    /// 409 `DuplicateEntryError`.
    DuplicateEntry,
    /// Answers 200 and leaves two rows for the same learner and course.
    DuplicateRow,
    /// The learner's account vanishes; answers 200 and makes a row for nobody.
    Ghost,
    /// 500 with a page of HTML: the site's database is down.
    ServerErrorPage,
    /// 500 JSON with an exception of the application, traceback included.
    ServerError,
    /// 500 `QueryDeadlockError`.
    Deadlock,
    /// 503 `SessionStopped`: maintenance.
    Maintenance,
    /// 429 with `Retry-After` in seconds.
    Throttled(u64),
    /// 301 to this address.
    Redirect(String),
    /// 200 with a page of HTML.
    WebPage,
    /// 200 JSON of more than 1 MiB.
    Oversized,
    /// Exactly this answer.
    Answer(Canned),
    /// Never answers and does nothing.
    Hang,
    /// Does it, then never answers.
    HangAfterwards,
    /// Does it, then breaks the connection in the middle of the answer.
    CutAnswer,
    /// Does nothing, and breaks the connection in the middle of an answer.
    CutUndone,
    /// Answers 200 with a body that goes on and on.
    Endless,
    /// Takes this long, then behaves.
    Slow(Duration),
}

/// A ready-made answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canned {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// One more header.
    pub header: Option<(String, String)>,
    /// The body.
    pub body: String,
}

impl Canned {
    /// JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json".to_owned(),
            header: None,
            body: body.to_string(),
        }
    }

    /// HTML.
    #[must_use]
    pub fn page(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "text/html; charset=utf-8".to_owned(),
            header: None,
            body: body.to_owned(),
        }
    }

    fn with(mut self, header: &str, value: impl Into<String>) -> Self {
        self.header = Some((header.to_owned(), value.into()));
        self
    }
}

impl Mischief {
    /// The answer given instead of doing anything, for those that do nothing.
    pub(super) fn instead(&self) -> Option<Canned> {
        Some(match self {
            Self::WrongSite => Canned::page(404, "<p>127.0.0.1 does not exist</p>"),
            Self::BadCredentials => bad_credentials(),
            Self::Forbidden => forbidden(),
            Self::AppMissing => {
                exception(404, "DoesNotExistError", "DocType LMS Enrollment not found")
            }
            Self::UnknownLink => unknown_link("Course", "no-such-course"),
            Self::AlreadyEnrolled => already_enrolled(),
            Self::Refused(words) => exception(417, "ValidationError", words),
            Self::MissingMethod => missing_method("lms.lms.no.such.method"),
            Self::EditConflict => exception(
                417,
                "TimestampMismatchError",
                "Document has been modified after you have opened it",
            ),
            Self::DuplicateEntry => duplicate_user("ada@example.com"),
            Self::ServerErrorPage => Canned::page(500, "<h1>Internal Server Error</h1>"),
            Self::ServerError => exception(500, "AttributeError", "'NoneType' has no attribute"),
            Self::Deadlock => exception(
                500,
                "QueryDeadlockError",
                "(1213, 'Deadlock found when trying to get lock; try restarting transaction')",
            ),
            Self::Maintenance => exception(
                503,
                "SessionStopped",
                "Updating <br> Please refresh in a moment",
            ),
            Self::Throttled(seconds) => exception(429, "TooManyRequestsError", "Too Many Requests")
                .with("Retry-After", seconds.to_string()),
            Self::Redirect(to) => Canned::page(301, "Moved").with("Location", to),
            Self::WebPage => Canned::page(200, "<!doctype html><title>Welcome</title>"),
            Self::Oversized => Canned::json(200, &json!({"data": [], "pad": "x".repeat(1 << 20)})),
            Self::Answer(canned) => canned.clone(),
            Self::DuplicateRow
            | Self::Ghost
            | Self::Hang
            | Self::HangAfterwards
            | Self::CutAnswer
            | Self::CutUndone
            | Self::Endless
            | Self::Slow(_) => return None,
        })
    }
}

/// An error as Frappe's REST v1 answers it while tracebacks are on, which is its default.
pub(super) fn exception(status: u16, kind: &str, text: &str) -> Canned {
    let message = json!({"message": text, "title": "Message", "indicator": "red"}).to_string();
    let trace = format!(
        "Traceback (most recent call last):\n  File \"apps/frappe/frappe/app.py\", line 114\nfrappe.exceptions.{kind}: {text}\n"
    );
    Canned::json(
        status,
        &json!({
            "exception": format!("frappe.exceptions.{kind}: {text}"),
            "exc_type": kind,
            "exc": json!([trace]).to_string(),
            "_server_messages": json!([message]).to_string(),
        }),
    )
}

pub(super) fn bad_credentials() -> Canned {
    exception(401, "AuthenticationError", "Authentication failed")
}

pub(super) fn forbidden() -> Canned {
    exception(
        403,
        "PermissionError",
        "You do not have enough permissions to complete the action",
    )
}

pub(super) fn missing_method(path: &str) -> Canned {
    exception(
        417,
        "ValidationError",
        &format!("Failed to get method for command {path} with No module named '{path}'"),
    )
}

pub(super) fn unknown_link(label: &str, id: &str) -> Canned {
    exception(
        417,
        "LinkValidationError",
        &format!("Could not find {label}: {id}"),
    )
}

pub(super) fn already_enrolled() -> Canned {
    exception(
        417,
        "ValidationError",
        "Student is already enrolled in this course.",
    )
}

pub(super) fn duplicate_user(email: &str) -> Canned {
    exception(
        409,
        "DuplicateEntryError",
        &format!("User <strong>{email}</strong> already exists"),
    )
}

/// What is still to be done wrong.
#[derive(Debug, Default)]
pub(super) struct Plan {
    queued: HashMap<Call, VecDeque<Mischief>>,
    standing: HashMap<Call, Mischief>,
}

impl Plan {
    pub fn queue(&mut self, call: Call, ways: impl IntoIterator<Item = Mischief>) {
        self.queued.entry(call).or_default().extend(ways);
    }

    pub fn always(&mut self, call: Call, way: Mischief) {
        self.standing.insert(call, way);
    }

    /// For this request: what is queued for the call, or for any; then what stands.
    pub fn next(&mut self, call: Call) -> Option<Mischief> {
        [call, Call::Any]
            .iter()
            .find_map(|call| self.queued.get_mut(call)?.pop_front())
            .or_else(|| {
                let standing = [call, Call::Any];
                standing
                    .iter()
                    .find_map(|call| self.standing.get(call).cloned())
            })
    }
}
