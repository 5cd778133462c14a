//! `grant retry ID`, `grant revoke ID --why …`, `grant withdraw ID --anyway`: a person's decisions, each an audit entry.

use std::time::Duration;

use clap::Subcommand;

use super::Place;
use crate::fulfilment::complete;
use crate::fulfilment::revoke::{self, Parting};
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
    /// Decide about an enrolment whose removal would delete the learner's progress.
    Withdraw {
        /// The grant's id, `gra_…`.
        id: String,
        /// Remove it all the same.
        #[arg(long, conflicts_with = "leave", required_unless_present = "leave")]
        anyway: bool,
        /// Leave it on the platform: the learner can still get in there.
        #[arg(long)]
        leave: bool,
        /// Why, for the audit.
        #[arg(long)]
        why: String,
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
                let time = Duration::from_hours(1) * hours;
                let (id, why) = (GrantId::from(id.as_str()), why.clone());
                db.write(move |tx| {
                    Box::pin(async move {
                        complete::retry(tx, &moment, &id, time, why.as_deref()).await
                    })
                })
                .await
            }
            Self::Withdraw { id, leave, why, .. } => {
                let (id, why) = (GrantId::from(id.as_str()), why.clone());
                let parting = if *leave {
                    Parting::Leave
                } else {
                    Parting::Anyway
                };
                db.write(move |tx| {
                    Box::pin(async move { revoke::part(tx, &moment, &id, parting, &why).await })
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
