//! `gateway register NAME`: what has to be set on a gateway's side and can be set from here.

use anyhow::{Context, bail, ensure};
use clap::Subcommand;

use super::Place;
use crate::connectors::gateways;

/// What to do at a gateway.
#[derive(Debug, Subcommand)]
pub enum Gateway {
    /// Have it send its messages to this server, which must be running, and to no other.
    Register {
        /// Its name in the settings.
        gateway: String,
    },
}

impl Gateway {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Self::Register { gateway } = self;
        let config = place.settings()?;
        let tellers = gateways::tellers(&config.payments)?;
        let teller = tellers.get(gateway.as_str());
        let teller = teller
            .with_context(|| format!("the settings have no gateway {gateway} with an API"))?;
        let Some(found) = teller.register(&config.public_url).await? else {
            bail!(
                "where {gateway} sends its messages is set on its own pages, see docs/connect-{gateway}.md"
            );
        };
        ensure!(found.sound, "{}", found.what);
        super::say(&found.what);
        Ok(())
    }
}
