//! Settings of one Google Drive that course files are delivered to.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;
use super::rules::Rules;

/// One Drive: a service account on a shared drive, or the seller's own by OAuth.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drive {
    /// Service account: the JSON file with its key.
    pub key_file: PathBuf,
    /// Service account: the text of that file instead, for an environment without files.
    pub key: Option<Secret>,
    /// Service account: the user of the Workspace as whom it acts. Empty: as itself.
    pub act_as: String,
    /// The seller's own: which OAuth client.
    pub client_id: Option<Secret>,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// What the seller's consent gave.
    pub refresh_token: Option<Secret>,
    /// Id of the shared drive. Empty: the account's own My Drive.
    pub shared_drive: String,
    /// Id of the folder below which Bursar makes its folders. Empty: the top.
    pub folder: String,
    /// Buyers who share one folder; the next ones get a copy of it.
    pub people_per_folder: u32,
    /// Let Google mail buyers who have no Google account, who then read as visitors.
    pub invite_by_mail: bool,
    /// Also set Google's own end of access, where the Drive allows it.
    pub set_expiry: bool,
    /// Where the API is; empty is its usual address.
    pub api_url: String,
    /// Where tokens are given out; empty is what the key says, or the usual address.
    pub token_url: String,
}

impl Default for Drive {
    fn default() -> Self {
        Self {
            key_file: PathBuf::new(),
            key: None,
            act_as: String::new(),
            client_id: None,
            client_secret: None,
            refresh_token: None,
            shared_drive: String::new(),
            folder: String::new(),
            people_per_folder: 200,
            invite_by_mail: false,
            set_expiry: false,
            api_url: String::new(),
            token_url: String::new(),
        }
    }
}

impl Drive {
    /// It signs in with the key of a service account.
    #[must_use]
    pub fn has_service_account(&self) -> bool {
        self.key.is_some() || !self.key_file.as_os_str().is_empty()
    }
}

impl Rules {
    /// One way to sign in, whole.
    pub(super) fn drive(&mut self, at: &str, drive: &Drive) {
        let place = |name: &str| format!("{at}.{name}");
        let client = [
            ("client_id", &drive.client_id),
            ("client_secret", &drive.client_secret),
            ("refresh_token", &drive.refresh_token),
        ];
        for (name, secret) in client {
            self.secret(&place(name), secret.as_ref(), 8);
        }
        let given = client.iter().filter(|(_, secret)| secret.is_some()).count();
        match (drive.has_service_account(), given) {
            (true, 0) | (false, 3) => {}
            (true, _) => self.say(
                &place("client_id"),
                "stands beside the key of a service account",
                "Keep one way to sign in: the key, or client_id, client_secret and refresh_token",
            ),
            (false, _) => self.say(
                &place("key_file"),
                "is missing, and so is a part of the other way to sign in",
                "Name the service account's JSON file, or set client_id, client_secret and refresh_token",
            ),
        }
        if drive.has_service_account() && drive.shared_drive.is_empty() && drive.act_as.is_empty() {
            self.say(
                &place("shared_drive"),
                "is missing: a service account has no storage of its own",
                "Give the id of a shared drive on which it is Manager, or set act_as",
            );
        }
        for (name, id) in [
            ("shared_drive", &drive.shared_drive),
            ("folder", &drive.folder),
        ] {
            let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
            if !id.bytes().all(plain) || id.len() > 100 {
                self.say(
                    &place(name),
                    "is not an id of Google Drive",
                    "Give the last part of the folder's address, letters, digits, - and _ only",
                );
            }
        }
        self.range(
            &place("people_per_folder"),
            drive.people_per_folder,
            1..=500,
        );
        self.optional_address(&place("api_url"), &drive.api_url);
        self.optional_address(&place("token_url"), &drive.token_url);
    }
}
