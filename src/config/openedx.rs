//! Settings of the `openedx` kind of connection, and their rules.

use serde::Deserialize;

use super::rules::Rules;
use super::{LmsConnection, Secret};

const NEW_LEARNERS: [&str; 3] = ["invite", "allow", "refuse"];

/// An Open edX site.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenEdx {
    /// Client id of the site's OAuth application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// The enrolment mode that is sold.
    pub mode: String,
    /// Buyers without an account: `invite` by the site's mail, `allow` without one, or `refuse`.
    pub new_learners: String,
}

impl Default for OpenEdx {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_secret: None,
            mode: "audit".to_owned(),
            new_learners: "invite".to_owned(),
        }
    }
}

impl Rules {
    pub(super) fn openedx(&mut self, at: &str, connection: &LmsConnection) {
        self.address(&format!("{at}.base_url"), &connection.base_url);
        let at = format!("{at}.openedx");
        let Some(openedx) = &connection.openedx else {
            let section = format!("Add a [{at}] section with client_id and client_secret");
            return self.say(&at, "is missing; the kind openedx needs it", section);
        };
        self.line(&format!("{at}.client_id"), &openedx.client_id, 200);
        self.required(
            &format!("{at}.client_secret"),
            openedx.client_secret.as_ref(),
        );
        self.line(&format!("{at}.mode"), &openedx.mode, 50);
        self.one_of(
            &format!("{at}.new_learners"),
            &openedx.new_learners,
            &NEW_LEARNERS,
        );
    }
}
