//! `transfer list`: the inbox of transfers that wait for a person.

use clap::Subcommand;

use super::Place;
use crate::error::Error;
use crate::model::transfer;

/// Rows printed at most.
const MOST: i64 = 500;

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum Transfer {
    /// Print the transfers that no order took, oldest first.
    List,
}

impl Transfer {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Self::List = self;
        let (config, db) = place.to_read().await?;
        let waiting = db.read(|tx| Box::pin(transfer::waiting(tx, MOST))).await;
        for transfer in waiting.map_err(Error::into_anyhow)? {
            let at = transfer
                .received_at
                .local(config.shop.utc_offset_minutes, "%Y-%m-%d %H:%M");
            let (class, amount) = (transfer.class, transfer.amount);
            println!(
                "{at}  {amount:>12}  {class:<13}  {}  {}",
                transfer.reference, transfer.id
            );
        }
        Ok(())
    }
}
