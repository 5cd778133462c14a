//! Open edX's bodies, as far as we read and write them (openedx/edx-platform: `enrollments/views.py`,
//! `bulk_enroll/views.py`, `user_api/accounts/views.py`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connectors::quote::quote;

/// `POST /oauth2/access_token`.
#[derive(Deserialize)]
pub(super) struct Token {
    pub access_token: String,
    /// `JWT` as we ask for it; older sites answer `Bearer`.
    #[serde(default)]
    pub token_type: String,
}

/// `GET /api/user/v1/me`.
#[derive(Debug, Deserialize)]
pub(super) struct Me {
    pub username: String,
}

/// `GET /api/enrollment/v1/roles/`.
#[derive(Debug, Deserialize)]
pub(super) struct Roles {
    pub is_staff: bool,
}

/// One of `GET /api/user/v1/accounts?email=`.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub username: String,
    /// Only staff see it.
    pub email: Option<String>,
}

/// `GET /api/enrollment/v1/enrollment/{username},{course}`, and the answer to a change.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub is_active: bool,
    pub mode: String,
    pub course_details: Option<CourseName>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CourseName {
    pub course_id: String,
}

/// `GET /api/enrollment/v1/course/{course}`.
#[derive(Debug, Deserialize)]
pub(super) struct Course {
    #[serde(rename = "course_id")]
    pub id: String,
    #[serde(rename = "course_name", default)]
    pub name: Option<String>,
    #[serde(rename = "course_modes", default)]
    pub modes: Vec<Mode>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mode {
    pub slug: String,
}

/// `GET /api/courses/v1/courses/`.
#[derive(Debug, Deserialize)]
pub(super) struct Courses {
    pub results: Vec<Listed>,
    pub pagination: Pages,
}

#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub course_id: String,
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pages {
    /// Address of the next page; only whether there is one counts.
    pub next: Option<String>,
}

/// One of `GET /api/enrollment/v1/enrollment_allowed/?email=`: enrolled as soon as the learner signs up.
#[derive(Debug, Deserialize)]
pub(super) struct Allowed {
    pub email: String,
    pub course_id: String,
}

/// The change of one enrolment.
#[derive(Debug, Serialize)]
pub(super) struct Change<'a> {
    user: &'a str,
    course_details: Details<'a>,
    mode: &'a str,
    is_active: bool,
}

#[derive(Debug, Serialize)]
struct Details<'a> {
    course_id: &'a str,
}

impl<'a> Change<'a> {
    pub fn new(user: &'a str, course_id: &'a str, mode: &'a str, is_active: bool) -> Self {
        Self {
            user,
            course_details: Details { course_id },
            mode,
            is_active,
        }
    }
}

/// `POST /api/bulk_enroll/v1/bulk_enroll`. One address and one course: its results are then one.
#[derive(Debug, Serialize)]
pub(super) struct Bulk<'a> {
    pub identifiers: &'a str,
    pub courses: &'a str,
    pub action: &'static str,
    pub auto_enroll: bool,
    pub email_students: bool,
}

/// How an invitation ended, which status 200 does not say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invited {
    Done,
    BadAddress,
    Failed,
}

impl Invited {
    pub fn read(answer: &Value, course: &str) -> Self {
        let result = &answer["courses"][course]["results"][0];
        if result["invalidIdentifier"] == true {
            return Self::BadAddress;
        }
        let after = &result["after"];
        if after["allowed"] == true || after["enrollment"] == true {
            Self::Done
        } else {
            Self::Failed
        }
    }
}

/// `POST` and `DELETE /api/enrollment/v1/enrollment_allowed/`.
#[derive(Debug, Serialize)]
pub(super) struct Allow<'a> {
    pub email: &'a str,
    pub course_id: &'a str,
    pub auto_enroll: bool,
}

/// What Open edX sends with an error.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    said: String,
    /// The course is closed to the learner's country.
    pub is_embargo: bool,
}

impl ErrorBody {
    /// `message` is its own, `detail` the framework's, `error` the token's, and field errors have the
    /// field's name.
    pub fn read(body: Option<&Value>) -> Self {
        let Some(body) = body else {
            return Self::default();
        };
        let named = ["message", "detail", "error_description", "error"]
            .iter()
            .find_map(|field| body.get(field)?.as_str());
        let first = body.as_object().and_then(|fields| {
            let (field, value) = fields.iter().next()?;
            let said = value.as_str().or_else(|| value.get(0)?.as_str())?;
            Some(format!("{field}: {said}"))
        });
        Self {
            said: named.map(str::to_owned).or(first).unwrap_or_default(),
            is_embargo: body.get("user_message_url").is_some(),
        }
    }

    pub fn says(&self, words: &str) -> bool {
        self.said.contains(words)
    }

    /// Made fit to stand before our full stop.
    pub fn words(&self, hide: &[&str]) -> String {
        let words = quote(&self.said, hide);
        let words = words.trim_end_matches('.');
        if words.is_empty() {
            "it gave no reason".to_owned()
        } else {
            words.to_owned()
        }
    }
}
