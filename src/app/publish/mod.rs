//! Publish a course's folder as a version: each file is read once, summed while it is sent, and read
//! back; what was interrupted goes on where it was; what an older version has is not sent again.
//! It runs in the process of a command, holds a claim so that no two do, and keeps a page of rows and the
//! list of names in memory, no more.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;

use crate::clock::{Clock, Timestamp};
use crate::connectors::Fault;
use crate::connectors::stores::{Store, Stores};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::id::{Mint, VersionId};
use crate::model::Moment;
use crate::model::audit::Actor;
use crate::model::content::{self, Begun, Plan, Version};

mod carry;
mod listing;
mod sums;
mod work;

pub use sums::Summing;

/// What publishing needs of a running Bursar.
pub struct Press {
    /// The database.
    pub db: Db,
    /// Sources, and where versions are kept.
    pub stores: Stores,
    /// The time.
    pub clock: Clock,
    /// Where ids come from.
    pub mint: Mint,
    /// Who publishes.
    pub actor: Actor,
    /// How long to wait before a file is tried again after a fault that passes: one for each time.
    pub pauses: Vec<Duration>,
}

/// How a file came to be in a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its bytes were sent.
    Sent,
    /// An older version has them.
    Reused,
    /// An interrupted run had sent them.
    Found,
}

/// Who looks on. Called often; must not wait.
pub trait Watcher: Send + Sync {
    /// The source was listed: so many files and bytes in all, of which so many bytes are done.
    fn listed(&self, files: u64, bytes: u64, done: u64);
    /// So many bytes were read.
    fn read(&self, bytes: u64);
    /// So many bytes are to be read once more.
    fn again(&self, bytes: u64);
    /// A file is done.
    fn done(&self, path: &str, way: Way);
    /// A file is tried again after a pause.
    fn waits(&self, why: &str, pause: Duration);
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// Buyers have it from now on.
    Ready(Version),
    /// The newest version is this very content: no other was made.
    Same(Version),
}

/// Why there is no new version. What was stored is kept, and the next run goes on with it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A claim is held by another process, or by one that died a moment ago.
    #[error("it is being published by another process, or was until a moment ago")]
    Held {
        /// When the claim runs out.
        until: Timestamp,
    },
    /// The source is not what it was when it was listed.
    #[error("the source changed while it was published ({0}); run it again when it is at rest")]
    Changed(String),
    /// Cannot be published as it is.
    #[error("{0}")]
    Refused(String),
    /// A store failed.
    #[error("{0}")]
    Store(#[from] Fault),
    /// The database failed, or we did.
    #[error("{0}")]
    Inside(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Conflict(why) => Self::Refused(why.to_owned()),
            other => Self::Inside(other),
        }
    }
}

/// Publish as planned. May be called again after any end, also of the process.
pub async fn publish(
    press: &Press,
    plan: &Plan,
    watcher: &Arc<dyn Watcher>,
) -> Result<Published, Trouble> {
    let source = press.store(&plan.source)?;
    // Before anything is written: what cannot be published leaves no trace.
    let listing = listing::of(source, &plan.folder).await?;
    let claim = hex::encode(&press.mint.key()[..16]);
    let version = begin(press, plan, &claim).await?;
    let job = work::Job::new(press, version, claim, source).await?;
    let ended = tokio::select! {
        ended = job.run(&listing, watcher) => ended,
        lost = job.keep_claim() => Err(lost),
    };
    job.let_go().await;
    ended
}

async fn begin(press: &Press, plan: &Plan, claim: &str) -> Result<Version, Trouble> {
    press.store(&plan.store)?;
    let (moment, plan, claim) = (press.moment(), plan.clone(), claim.to_owned());
    let begun = press
        .db
        .write(move |tx| Box::pin(async move { content::begin(tx, &moment, &plan, &claim).await }));
    match begun.await? {
        Begun::Ours(version) => Ok(version),
        Begun::Held(until) => Err(Trouble::Held { until }),
    }
}

impl Press {
    fn moment(&self) -> Moment {
        Moment {
            now: self.clock.now(),
            mint: self.mint.clone(),
            actor: self.actor.clone(),
        }
    }

    fn store(&self, name: &str) -> Result<&dyn Store, Trouble> {
        let store = self.stores.get(name);
        let store = store.ok_or_else(|| anyhow!("no store called {name:?} is configured"));
        Ok(store.map_err(Error::Internal)?.as_ref())
    }
}

/// Where a version's own bytes are in its store. Plain letters, whatever the course's files are called,
/// and no folder of more than a thousand.
fn stored_as(version: &VersionId, serial: i64) -> String {
    format!("{}{:03}/{serial:06}", own_folder(version), serial / 1000)
}

fn own_folder(version: &VersionId) -> String {
    format!("{version}/")
}
