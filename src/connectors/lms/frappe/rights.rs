//! The canary: what the user behind our key may see and do, proved by looking. A missing right can
//! make lists look empty, so what must be there is looked for.

use reqwest::Method;
use serde_json::Value;

use super::verdict::Call;
use super::wire::{Document, Named, OwnRoles};
use super::{Frappe, settled, understood};
use crate::connectors::Fault;
use crate::connectors::lms::Lms as _;

/// Any of these is enough to create learners and to enrol others.
const ROLES: [&str; 2] = ["Moderator", "System Manager"];

/// What is listed, and what to say when not one of it can be seen.
const MUST_SHOW: [(&str, Option<&str>); 3] = [
    (
        "User",
        Some(
            "The LMS user behind our API key cannot see learners, itself included: give it the \
             role Moderator, and no user permissions that narrow it down.",
        ),
    ),
    (
        "LMS Course",
        Some(
            "The LMS user behind our API key sees no course: give it the role Moderator, or make \
             the first course.",
        ),
    ),
    // A new site has none.
    ("LMS Enrollment", None),
];

impl Frappe {
    pub(super) async fn look_for_missing_rights(&self) -> Result<Vec<String>, Fault> {
        let me = self.ping().await?;
        let mut missing = Vec::new();
        for (doctype, absent) in MUST_SHOW {
            match (self.first_of(doctype).await, absent) {
                (Ok(true), _) | (Ok(false), None) => {}
                (Ok(false), Some(words)) => missing.push(words.to_owned()),
                (Err(Fault::ConnectionBroken { why }), _) => missing.push(why),
                (Err(fault), _) => return Err(fault),
            }
        }
        if !self.holds_a_role(&me).await? {
            missing.push(format!(
                "The LMS user behind our API key has none of the roles {}: it cannot enrol others.",
                ROLES.join(", ")
            ));
        }
        Ok(missing)
    }

    /// Whether one can be seen.
    async fn first_of(&self, doctype: &str) -> Result<bool, Fault> {
        let mut url = self.url(&["api", "resource", doctype]);
        url.query_pairs_mut().append_pair("limit_page_length", "1");
        let rows: Vec<Named> = self.listing(url).await?;
        Ok(rows.iter().any(|row| !row.name.is_empty()))
    }

    /// A user may always read its own document; one that cannot be read says nothing of its roles.
    async fn holds_a_role(&self, me: &str) -> Result<bool, Fault> {
        let url = self.url(&["api", "resource", "User", me]);
        let read: Result<Value, _> = self.call(Call::Read, Method::GET, url, None).await;
        let own: Document<OwnRoles> = match read.map_err(settled) {
            Ok(value) => understood(Call::Read, value)?,
            Err(Fault::ConnectionBroken { .. }) => return Ok(false),
            Err(fault) => return Err(fault),
        };
        // The administrator holds every role without a row for it.
        Ok(me == "Administrator"
            || own
                .data
                .roles
                .iter()
                .any(|held| ROLES.contains(&held.role.as_str())))
    }
}
