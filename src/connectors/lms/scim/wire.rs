//! SCIM's bodies (RFC 7643, RFC 7644), as far as we read and write them.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::quirks::{Quirks, RemoveBy};
use crate::connectors::lms::{Learner, naming};
use crate::connectors::quote::quote;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The standard names no limit; this is below those we heard of.
const LONGEST_NAME: usize = 60;

/// Begins the `externalId` of an account that we made.
const OURS: &str = "bursar:";
/// Begins it while the account is deactivated by us: what somebody else deactivates keeps the other.
const FREED: &str = "bursar-freed:";

/// `GET /Users` and `GET /Groups`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing<T> {
    /// Left out by some when nothing matches.
    #[serde(rename = "Resources", default = "Vec::new")]
    pub resources: Vec<T>,
    #[serde(default)]
    pub total_results: u64,
}

/// A user, as far as it concerns us.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    #[serde(deserialize_with = "text")]
    pub id: String,
    #[serde(rename = "userName", default)]
    pub name: String,
    /// Left out, it is true.
    #[serde(default = "yes")]
    pub active: bool,
    external_id: Option<String>,
    /// The user's groups, read-only. Some never send it.
    #[serde(default)]
    pub groups: Vec<Reference>,
}

impl User {
    /// Checked again here, so that a platform that overlooks our filter cannot give us somebody else.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub fn is_ours(&self) -> bool {
        self.has_mark(OURS) || self.is_freed()
    }

    /// Deactivated by us, and by nobody else.
    pub fn is_freed(&self) -> bool {
        self.has_mark(FREED)
    }

    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|reference| reference.value == group)
    }

    fn has_mark(&self, mark: &str) -> bool {
        let id = self.external_id.as_deref();
        id.is_some_and(|id| id.starts_with(mark))
    }
}

/// A group, as far as it concerns us.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    #[serde(deserialize_with = "text")]
    pub id: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub members: Vec<Reference>,
    #[serde(default)]
    pub meta: Meta,
}

/// Who points at whom.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    #[serde(deserialize_with = "text")]
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta {
    /// The same as the `ETag` header, which some send only here.
    pub version: Option<String>,
}

/// `GET /ServiceProviderConfig`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Abilities {
    #[serde(default)]
    pub patch: Support,
    #[serde(default)]
    pub filter: Support,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Support {
    #[serde(default)]
    pub supported: bool,
}

fn yes() -> bool {
    true
}

/// Ids are text; some send numbers.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("expected an id")),
    }
}

/// A text in a filter: JSON's escapes (RFC 7644 section 3.4.2.2), so that no address can end the text
/// and go on as filter.
pub(super) fn quoted(value: &str) -> String {
    Value::from(value).to_string()
}

pub(super) fn new_user(email: &str, learner: &Learner) -> Value {
    let (given, family) = naming::split(&learner.name, email, LONGEST_NAME);
    // Some require both.
    let family = if family.is_empty() {
        "-".to_owned()
    } else {
        family
    };
    json!({
        "schemas": [USER],
        "userName": email,
        "externalId": mark(OURS, email),
        "name": {"givenName": given, "familyName": family},
        "emails": [{"value": email, "type": "work", "primary": true}],
        "active": true,
    })
}

/// The same for the same address, unique as the standard asks, and it tells nobody the address.
fn mark(state: &str, email: &str) -> String {
    let digest = hex::encode(Sha256::digest(email.as_bytes()));
    format!("{state}{}", &digest[..32])
}

/// Put this user into a group.
pub(super) fn add(user: &str, quirks: Quirks) -> Value {
    patch(&[operation("add", quirks, "members", Some(members(user)))])
}

/// Take this user out of a group.
pub(super) fn remove(user: &str, quirks: Quirks) -> Value {
    let operation = match quirks.remove_by {
        RemoveBy::Filter => {
            let path = format!("members[value eq {}]", quoted(user));
            operation("remove", quirks, &path, None)
        }
        RemoveBy::Value => operation("remove", quirks, "members", Some(members(user))),
    };
    patch(&[operation])
}

/// Deactivate an account of ours, or wake it; the mark says which of it was our doing. One PATCH is
/// all or nothing (RFC 7644 section 3.5.2).
pub(super) fn awake(email: &str, active: bool, quirks: Quirks) -> Value {
    let state = if active { OURS } else { FREED };
    patch(&[
        operation("replace", quirks, "active", Some(active.into())),
        operation(
            "replace",
            quirks,
            "externalId",
            Some(mark(state, email).into()),
        ),
    ])
}

fn members(user: &str) -> Value {
    json!([{"value": user}])
}

fn patch(operations: &[Value]) -> Value {
    json!({"schemas": [PATCH], "Operations": operations})
}

fn operation(op: &str, quirks: Quirks, path: &str, value: Option<Value>) -> Value {
    let op = if quirks.capital_ops {
        format!("{}{}", op[..1].to_ascii_uppercase(), &op[1..])
    } else {
        op.to_owned()
    };
    let mut operation = json!({"op": op, "path": path});
    if let Some(value) = value {
        operation["value"] = value;
    }
    operation
}

/// An error, which some send with status 200.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// By the standard it is text.
    pub status: Option<u16>,
    pub scim_type: String,
    detail: String,
    is_error: bool,
}

impl ErrorBody {
    /// Field by field: one of an odd type must not cost us the others.
    pub fn read(body: Option<&Value>) -> Self {
        let text = |field: &str| {
            let value = body.and_then(|body| body.get(field)?.as_str());
            value.unwrap_or_default().to_owned()
        };
        let schemas = body.and_then(|body| body.get("schemas")?.as_array());
        let number = body.and_then(|body| body.get("status")?.as_u64());
        Self {
            status: text("status")
                .parse()
                .ok()
                .or_else(|| number.and_then(|number| u16::try_from(number).ok())),
            scim_type: text("scimType"),
            detail: text("detail"),
            is_error: schemas.is_some_and(|all| all.iter().any(|schema| schema == ERROR)),
        }
    }

    /// The status, whatever the header says.
    pub fn inside(&self, status: u16) -> u16 {
        match self.status {
            Some(inside) if self.is_error && status < 300 && inside >= 400 => inside,
            None if self.is_error && status < 300 => 500,
            _ => status,
        }
    }

    /// No seat is left. There is no code for it: the word is all there is.
    pub fn names_licences(&self) -> bool {
        let detail = self.detail.to_lowercase();
        detail.contains("licen") || detail.contains("seat")
    }

    /// What the platform has to say to a person, made fit to stand before our full stop.
    pub fn words(&self, hide: &[&str]) -> String {
        [&self.detail, &self.scim_type]
            .into_iter()
            .map(|words| quote(words, hide).trim_end_matches('.').to_owned())
            .find(|words| !words.is_empty())
            .unwrap_or_else(|| "it gave no reason".to_owned())
    }
}
