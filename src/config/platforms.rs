//! Settings that only one kind of learning platform has, and their rules.

use serde::Deserialize;

use super::Secret;
use super::rules::Rules;

/// A Moodle site, beside `base_url` and `send_welcome_email`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Moodle {
    /// Token of the service user for the external service.
    pub token: Option<Secret>,
    /// The role that buyers get in a course: a number, because no function of Moodle finds it by name.
    pub role_id: u32,
    /// How accounts that Bursar makes sign in: the name of an authentication plugin of the site.
    pub auth: String,
}

impl Default for Moodle {
    /// 5 is Student on a site that was not changed.
    fn default() -> Self {
        Self {
            token: None,
            role_id: 5,
            auth: "manual".to_owned(),
        }
    }
}

/// A Canvas site, beside `base_url` and `send_welcome_email`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Canvas {
    /// Access token of the service user.
    pub token: Option<Secret>,
    /// The account in which learners are made and courses are listed.
    pub account_id: String,
}

impl Default for Canvas {
    /// `self` is Canvas's own word for the account of the site.
    fn default() -> Self {
        Self {
            token: None,
            account_id: "self".to_owned(),
        }
    }
}

impl Rules {
    pub(super) fn moodle(&mut self, at: &str, moodle: Option<&Moodle>) {
        let Some(moodle) = moodle else {
            let section = format!("Add a [{at}] section with the token of a service user");
            return self.say(at, "is missing; the kind moodle needs it", section);
        };
        self.required(&format!("{at}.token"), moodle.token.as_ref());
        self.range(&format!("{at}.role_id"), moodle.role_id, 1..=u32::MAX);
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if moodle.auth.is_empty() || !moodle.auth.bytes().all(letters) {
            self.say(
                &format!("{at}.auth"),
                "is not the name of an authentication plugin",
                "Use manual, or what the site's list of plugins shows, such as oauth2",
            );
        }
    }

    pub(super) fn canvas(&mut self, at: &str, canvas: Option<&Canvas>) {
        let Some(canvas) = canvas else {
            let section = format!("Add a [{at}] section with the token of a service user");
            return self.say(at, "is missing; the kind canvas needs it", section);
        };
        self.required(&format!("{at}.token"), canvas.token.as_ref());
        let account = canvas.account_id.as_str();
        let is_number = !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
        let is_sis = account
            .strip_prefix("sis_account_id:")
            .is_some_and(|id| !id.is_empty());
        if account != "self" && !is_number && !is_sis {
            self.say(
                &format!("{at}.account_id"),
                "is not an account of Canvas",
                "Use self, the number in the account's address, or sis_account_id:ID",
            );
        }
    }
}
