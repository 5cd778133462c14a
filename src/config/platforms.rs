//! Settings that only one kind of learning platform has, and their rules.

use serde::Deserialize;

use super::rules::Rules;
use super::{LmsConnection, Secret};

/// A Moodle site, beside `base_url` and `send_welcome_email`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Moodle {
    /// Token of the service user for the external service. Unset: `api_key` is the token.
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
    /// Access token of the service user. Unset: `api_key` is the token.
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

impl LmsConnection {
    /// Where a platform knows one token, it may be given in the platform's own section or as `api_key`,
    /// as one environment variable has it.
    #[must_use]
    pub fn token(&self) -> Option<&Secret> {
        let own = match self.kind.as_str() {
            "moodle" => self.moodle.as_ref().and_then(|own| own.token.as_ref()),
            "canvas" => self.canvas.as_ref().and_then(|own| own.token.as_ref()),
            _ => None,
        };
        own.or(self.api_key.as_ref())
    }
}

impl Rules {
    pub(super) fn moodle(&mut self, at: &str, connection: &LmsConnection) {
        self.required(&format!("{at}.moodle.token"), connection.token());
        let moodle = connection.moodle.clone().unwrap_or_default();
        self.range(
            &format!("{at}.moodle.role_id"),
            moodle.role_id,
            1..=u32::MAX,
        );
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if moodle.auth.is_empty() || !moodle.auth.bytes().all(letters) {
            self.say(
                &format!("{at}.moodle.auth"),
                "is not the name of an authentication plugin",
                "Use manual, or what the site's list of plugins shows, such as oauth2",
            );
        }
    }

    pub(super) fn canvas(&mut self, at: &str, connection: &LmsConnection) {
        self.required(&format!("{at}.canvas.token"), connection.token());
        let canvas = connection.canvas.clone().unwrap_or_default();
        let account = canvas.account_id.as_str();
        let is_number = !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
        let is_sis = account
            .strip_prefix("sis_account_id:")
            .is_some_and(|id| !id.is_empty());
        if account != "self" && !is_number && !is_sis {
            self.say(
                &format!("{at}.canvas.account_id"),
                "is not an account of Canvas",
                "Use self, the number in the account's address, or sis_account_id:ID",
            );
        }
    }
}
