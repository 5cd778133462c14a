//! Settings of the `scim` kind of connection, and their rules.

use serde::Deserialize;

use super::rules::Rules;
use super::{LmsConnection, Secret};

const QUIRKS: [&str; 3] = ["plain", "udemy", "entra"];
const REMOVE_BY: [&str; 2] = ["filter", "value"];
const CHECK_BY: [&str; 3] = ["members", "filter", "user"];

/// Seats of a platform for companies, over the standard SCIM 2.0. What is unset is as `quirks` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scim {
    /// The bearer token of the platform's provisioning page.
    pub token: Option<Secret>,
    /// Whose habits the platform has: `plain`, `udemy` or `entra`.
    pub quirks: String,
    /// Names of operations begin with a capital: `Add`.
    pub capital_ops: Option<bool>,
    /// How a member is named when removed: in the `filter` of the path, or as a `value`.
    pub remove_by: Option<String>,
    /// Where membership is read: the list of `members`, a `filter`, or the `user`.
    pub check_by: Option<String>,
    /// The platform itself mails new learners how to sign in.
    pub platform_mails: Option<bool>,
    /// Where learners sign in.
    pub sign_in_url: String,
    /// Deactivate an account that Bursar made when its last group goes, so that its seat is free.
    pub frees_seats: bool,
}

impl Default for Scim {
    fn default() -> Self {
        Self {
            token: None,
            quirks: "plain".to_owned(),
            capital_ops: None,
            remove_by: None,
            check_by: None,
            platform_mails: None,
            sign_in_url: String::new(),
            frees_seats: false,
        }
    }
}

impl Rules {
    pub(super) fn scim(&mut self, at: &str, connection: &LmsConnection) {
        self.address(&format!("{at}.base_url"), &connection.base_url);
        let at = format!("{at}.scim");
        let Some(scim) = &connection.scim else {
            let section = format!("Add a [{at}] section with token and sign_in_url");
            return self.say(&at, "is missing; the kind scim needs it", section);
        };
        self.required(&format!("{at}.token"), scim.token.as_ref());
        self.one_of(&format!("{at}.quirks"), &scim.quirks, &QUIRKS);
        if let Some(remove_by) = &scim.remove_by {
            self.one_of(&format!("{at}.remove_by"), remove_by, &REMOVE_BY);
        }
        if let Some(check_by) = &scim.check_by {
            self.one_of(&format!("{at}.check_by"), check_by, &CHECK_BY);
        }
        if !scim.sign_in_url.is_empty() {
            self.address(&format!("{at}.sign_in_url"), &scim.sign_in_url);
        } else if scim.platform_mails != Some(true) {
            self.say(
                &format!("{at}.sign_in_url"),
                "is missing, and the platform mails nobody, so learners would not know where to sign in",
                "Give the address where learners sign in, or say platform_mails = true",
            );
        }
    }
}
