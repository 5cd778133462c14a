//! Rules of the learning platforms whose settings have a section of their own.

use super::{LmsConnection, Rules};

const QUIRKS: [&str; 3] = ["plain", "udemy", "entra"];
const REMOVE_BY: [&str; 2] = ["filter", "value"];
const CHECK_BY: [&str; 3] = ["members", "filter", "user"];
const NEW_LEARNERS: [&str; 3] = ["invite", "allow", "refuse"];

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
