//! Moodle's web service bodies, as far as we read and write them (REST protocol, JSON format; Moodle
//! 4.3 as recorded, current sources as read). PHP is careless about numbers, texts and truth: each is
//! taken in every form it comes in, unknown fields and `warnings` are left alone.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::connectors::quote::quote;

/// Parameters as PHP nests them: `enrolments[0][userid]` = `5`.
pub(super) type Form = Vec<(String, String)>;

/// The fields of the only entry of a list parameter.
pub(super) fn single(list: &str, fields: &[(&str, &str)]) -> Form {
    fields
        .iter()
        .map(|(field, value)| (format!("{list}[0][{field}]"), (*value).to_owned()))
        .collect()
}

/// `core_webservice_get_site_info`.
#[derive(Debug, Deserialize)]
pub(super) struct SiteInfo {
    #[serde(deserialize_with = "number")]
    pub userid: u64,
    #[serde(default, deserialize_with = "text")]
    pub username: String,
    #[serde(default, deserialize_with = "text")]
    pub sitename: String,
    #[serde(default, deserialize_with = "text")]
    pub release: String,
    /// What the token's service may call.
    pub functions: Vec<Function>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub name: String,
}

/// `core_user_get_users_by_field`.
#[derive(Debug, Deserialize)]
pub(super) struct UserRow {
    #[serde(deserialize_with = "number")]
    pub id: u64,
    /// Absent: we may not see it, and then may not look for it either.
    pub email: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    pub suspended: bool,
    /// Absent for most callers.
    #[serde(default = "yes", deserialize_with = "truth")]
    pub confirmed: bool,
}

impl UserRow {
    /// Checked again here, so that a server that overlooks what we ask for cannot grant anything.
    pub fn has_address(&self, email: &str) -> bool {
        let own = self.email.as_deref().unwrap_or_default();
        own.trim().to_lowercase() == email
    }
}

/// `core_user_create_users`.
#[derive(Debug, Deserialize)]
pub(super) struct MadeUser {
    #[serde(deserialize_with = "number")]
    pub id: u64,
}

/// `core_course_get_courses_by_field`.
#[derive(Debug, Deserialize)]
pub(super) struct Courses {
    pub courses: Vec<CourseRow>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CourseRow {
    #[serde(deserialize_with = "number")]
    pub id: u64,
    #[serde(default, deserialize_with = "text")]
    pub fullname: String,
    #[serde(default, deserialize_with = "text")]
    pub idnumber: String,
    #[serde(default, deserialize_with = "text")]
    pub shortname: String,
    /// Absent: the course is known to us, but we may not enter it.
    #[serde(default, deserialize_with = "maybe_truth")]
    pub visible: Option<bool>,
    /// The enrolment methods that are switched on in it.
    pub enrollmentmethods: Option<Vec<String>>,
}

/// `core_enrol_get_users_courses` and `core_enrol_get_enrolled_users`, of which only the id matters.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    #[serde(deserialize_with = "number")]
    pub id: u64,
}

/// What Moodle sends instead of an answer, with status 200. `debuginfo` and `backtrace`, which a site
/// in debug mode adds, are never read.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// PHP class.
    pub exception: String,
    /// A word, and for a weak password a piece of HTML.
    pub code: String,
    message: String,
}

impl ErrorBody {
    /// `None`: it is an answer.
    pub fn read(body: &Value) -> Option<Self> {
        let text = |field: &str| Some(body.get(field)?.as_str()?.to_owned());
        let (exception, code) = (text("exception"), text("errorcode"));
        let (message, error) = (text("message"), text("error"));
        if exception.is_none() && code.is_none() {
            return None;
        }
        Some(Self {
            exception: exception.unwrap_or_default(),
            code: code.unwrap_or_default(),
            message: message.or(error).unwrap_or_default(),
        })
    }

    /// What Moodle has to say to a person, made fit to stand before our full stop.
    pub fn words(&self, hide: &[&str]) -> String {
        [&self.message, &self.code, &self.exception]
            .into_iter()
            .map(|words| quote(words, hide).trim_end_matches('.').to_owned())
            .find(|words| !words.is_empty())
            .unwrap_or_else(|| "it gave no reason".to_owned())
    }

    /// The message names a table in every language.
    pub fn names_table(&self, table: &str) -> bool {
        self.message.contains(table)
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let found = match &value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| serde::de::Error::custom("not a whole number"))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(maybe_truth(deserializer)?.unwrap_or_default())
}

fn maybe_truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(truth) => Some(truth),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => Some(!matches!(text.trim(), "" | "0" | "false")),
        _ => None,
    })
}

fn yes() -> bool {
    true
}
