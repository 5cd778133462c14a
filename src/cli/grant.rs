//! `grant retry ID`, `grant revoke ID --why …`: a person's decisions, each an audit entry.

use std::time::Duration;

use clap::Subcommand;

use super::Place;
use crate::fulfilment::{complete, revoke};
use crate::id::GrantId;

/// What to do with a grant; `order show` prints their ids.
#[derive(Debug, Subcommand)]
pub enum Grant {
    /// Try again now, with a new budget and a new time to be kept by.
    Retry {
        /// The grant's id, `gra_…`.
        id: String,
        /// Why, for the audit.
        #[arg(long)]
        why: Option<String>,
    },
    /// End access now; the learning platform follows within a minute.
    Revoke {
        /// The grant's id, `gra_…`.
        id: String,
        /// Why, for the audit.
        #[arg(long)]
        why: String,
    },
}

impl Grant {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let (config, db) = place.beside().await?;
        let moment = super::moment(&db).await?;
        let hours = config.fulfilment.give_up_after_hours;
        let written = match self {
            Self::Retry { id, why } => {
                let time = Duration::from_secs(3600) * hours;
                let (id, why) = (GrantId::from(id.as_str()), why.clone());
                db.write(move |tx| {
                    Box::pin(async move {
                        complete::retry(tx, &moment, &id, time, why.as_deref()).await
                    })
                })
                .await
            }
            Self::Revoke { id, why } => {
                let (id, why) = (GrantId::from(id.as_str()), why.clone());
                db.write(move |tx| {
                    Box::pin(async move { revoke::revoke(tx, &moment, &id, &why).await })
                })
                .await
            }
        };
        written.map_err(super::in_words)?;
        super::print("written down; a running server acts on it within seconds\n")
    }
}
