//! Google Drive by its API v3: the seller's own files into the seller's own Drive, and readers on the
//! folders. A thin client: one call is one exchange, nothing is tried twice but a call whose token had
//! run out. Nothing is found by its name, except in [`Drive::folders_named`], for older workers.
//! Facts about the API: developers.google.com/workspace/drive/api (guides and reference of v3).

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;

use crate::clock::Clock;
use crate::config;
use crate::connectors::http::{Limits, absolute, client};

mod auth;
mod call;
pub mod fake;
mod files;
mod inspect;
mod people;
mod trouble;
mod upload;
mod wire;

pub use files::{FOLDER, NewFile, NewFolder};
pub use inspect::{Access, Finding};
pub use people::{Invitation, Shared};
pub use trouble::{Pace, Trouble};
pub use upload::{Begun, Session, Source, Stretch, Stride, Upload};
pub use wire::{About, Person, RemoteFile, SharedDrive};

use auth::Auth;

const USUAL_ADDRESS: &str = "https://www.googleapis.com";

/// A page of a thousand files is some 400 KiB.
pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_mins(1),
    body: 4 * 1024 * 1024,
};

/// One Drive under one identity.
pub struct Drive {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    auth: Auth,
    settings: config::Drive,
}

impl Drive {
    /// Reads the key and checks the settings' form; sends nothing.
    pub fn connect(settings: &config::Drive, clock: Clock) -> anyhow::Result<Self> {
        Self::connect_within(settings, clock, LIMITS)
    }

    /// The same with limits of its own.
    pub fn connect_within(
        settings: &config::Drive,
        clock: Clock,
        limits: Limits,
    ) -> anyhow::Result<Self> {
        let address = match settings.api_url.trim() {
            "" => USUAL_ADDRESS,
            given => given,
        };
        let base = absolute(address).context("api_url")?;
        let client = client(limits)?;
        Ok(Self {
            auth: Auth::new(settings, client.clone(), clock, limits)?,
            client,
            limits,
            base,
            settings: settings.clone(),
        })
    }

    /// Below which folder everything is made.
    #[must_use]
    pub fn top(&self) -> &str {
        let settings = &self.settings;
        let places = [settings.folder.as_str(), settings.shared_drive.as_str()];
        places
            .into_iter()
            .find(|id| !id.is_empty())
            .unwrap_or("root")
    }

    /// Buyers who share one folder.
    #[must_use]
    pub fn people_per_folder(&self) -> u32 {
        self.settings.people_per_folder
    }
}

/// It names its place, never its key.
impl std::fmt::Debug for Drive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drive")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
