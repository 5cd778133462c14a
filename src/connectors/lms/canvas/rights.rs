//! What the token's user must be allowed in the account, as Canvas itself answers.

use std::collections::BTreeMap;

use super::Canvas;
use super::verdict::{Verdict, not_json};
use crate::connectors::Fault;
use crate::connectors::http::Aim;

/// What we need, and the permissions of which each is enough: Canvas split the older ones.
const NEEDED: [(&str, &[&str]); 4] = [
    ("make accounts", &["manage_user_logins"]),
    ("see who is enrolled", &["read_roster"]),
    (
        "enrol students",
        &["add_student_to_course", "manage_students"],
    ),
    (
        "suspend and restore enrolments",
        &["remove_student_from_course", "manage_students"],
    ),
];

impl Canvas {
    pub(super) async fn missing(&self) -> Result<Vec<String>, Fault> {
        let mut url = self.url(&["accounts", &self.account, "permissions"]);
        for permission in NEEDED.iter().flat_map(|(_, enough)| *enough) {
            url.query_pairs_mut()
                .append_pair("permissions[]", permission);
        }
        let asked = self.send(Aim::Read, reqwest::Method::GET, url, None).await;
        let granted: BTreeMap<String, bool> = match asked {
            Ok((_, value)) => serde_json::from_value(value).map_err(|_| not_json(Aim::Read))?,
            Err(Verdict::Absent) => {
                return Ok(vec![
                    "The LMS has no account as account_id names it, or hides it from the token's user."
                        .to_owned(),
                ]);
            }
            Err(Verdict::Forbidden(why)) => return Ok(vec![why]),
            Err(verdict) => return Err(verdict.settled()),
        };
        let is_granted = |permission: &&str| granted.get(*permission) == Some(&true);
        Ok(NEEDED
            .iter()
            .filter(|(_, enough)| !enough.iter().any(is_granted))
            .map(|(what, enough)| {
                format!(
                    "The token's user may not {what} in this account: give its role {}.",
                    enough.join(" or ")
                )
            })
            .collect())
    }
}
