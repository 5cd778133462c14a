//! Where the buyer gets files: Bursar's own download server, reached by signed links (the server
//! itself is a door, `web/downloads`), and the seller's own Google Drive.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::Config;

pub mod drive;
pub mod links;

/// Every Drive of the settings. Keys are read, nothing is sent.
pub fn drives(
    config: &Config,
    clock: &Clock,
) -> anyhow::Result<BTreeMap<String, Arc<drive::Drive>>> {
    let drives = config.drives.iter().map(|(name, settings)| {
        let connected = drive::Drive::connect(settings, clock.clone());
        let connected = connected.with_context(|| format!("drive {name:?}"))?;
        Ok((name.clone(), Arc::new(connected)))
    });
    drives.collect()
}
