//! Canvas's REST bodies, as far as we read and write them. Ids may have more digits than a float
//! holds exactly (sites of one cloud share them), so they are texts here, in whatever form they come.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::connectors::quote::quote;

/// `GET /users/self`, and users wherever they are listed.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default)]
    pub name: Option<String>,
    /// Both are shown only to some.
    #[serde(default)]
    pub login_id: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
}

impl User {
    pub fn signs_in_as(&self, email: &str) -> bool {
        is_same(self.login_id.as_ref(), email)
    }

    /// Canvas's search finds parts of names too.
    pub fn is_reached_at(&self, email: &str) -> bool {
        self.signs_in_as(email) || is_same(self.email.as_ref(), email)
    }
}

fn is_same(own: Option<&String>, email: &str) -> bool {
    own.is_some_and(|own| own.trim().to_lowercase() == email)
}

/// `GET /users/{id}/logins`.
#[derive(Debug, Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    pub workflow_state: Option<String>,
}

/// `GET /courses/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct Course {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub workflow_state: Option<String>,
}

/// `/courses/{id}/enrollments`.
#[derive(Debug, Deserialize)]
pub(super) struct EnrolmentRow {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(deserialize_with = "id")]
    pub user_id: String,
    #[serde(rename = "type", default)]
    pub role: Option<String>,
    pub enrollment_state: String,
}

/// `POST /accounts/{id}/users`.
#[derive(Debug, Serialize)]
pub(super) struct NewUser<'a> {
    pub user: Person<'a>,
    pub pseudonym: Pseudonym<'a>,
    pub communication_channel: Channel<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Person<'a> {
    pub name: &'a str,
    /// The account is usable at once, without the learner having to register it.
    pub skip_registration: bool,
    pub terms_of_use: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Pseudonym<'a> {
    pub unique_id: &'a str,
    pub send_confirmation: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Channel<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub address: &'a str,
    pub skip_confirmation: bool,
}

/// `POST /courses/{id}/enrollments`.
#[derive(Debug, Serialize)]
pub(super) struct NewEnrolment<'a> {
    pub enrollment: Seat<'a>,
}

/// Without a state, Canvas sends an invitation that the learner has to accept.
#[derive(Debug, Serialize)]
pub(super) struct Seat<'a> {
    pub user_id: &'a str,
    #[serde(rename = "type")]
    pub role: &'a str,
    pub enrollment_state: &'a str,
    pub notify: bool,
}

/// What Canvas sends with a status of 4xx or 5xx, in one of several shapes.
#[derive(Debug)]
pub(super) struct ErrorBody<'a>(Option<&'a Value>);

impl<'a> ErrorBody<'a> {
    pub fn read(body: Option<&'a Value>) -> Self {
        Self(body)
    }

    /// Other programs do not call it so.
    pub fn is_canvas(&self) -> bool {
        self.0.is_some_and(|body| body.get("errors").is_some())
    }

    /// 401 has two meanings: a token that is not accepted, and one that may not do this.
    pub fn says_not_permitted(&self) -> bool {
        let status = self.0.and_then(|body| body.get("status")?.as_str());
        status == Some("unauthorized")
    }

    /// What Canvas has to say to a person, made fit to stand before our full stop.
    pub fn words(&self, hide: &[&str]) -> String {
        let mut said = Vec::new();
        if let Some(body) = self.0 {
            collect(body, &mut said);
        }
        let said = quote(&said.join(" "), hide);
        match said.trim_end_matches('.') {
            "" => "it gave no reason".to_owned(),
            said => said.to_owned(),
        }
    }
}

/// `{"errors":[{"message":…}]}`, `{"errors":{"pseudonym":{"unique_id":[{"message":…}]}}}`,
/// `{"message":…}`, `{"error":…}`.
fn collect(body: &Value, said: &mut Vec<String>) {
    match body {
        Value::Array(list) => list.iter().for_each(|item| collect(item, said)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "message" || name == "error" => {
                        said.push(text.to_owned());
                    }
                    Some(_) => {}
                    None => collect(value, said),
                }
            }
        }
        _ => {}
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("not an id")),
    }
}
