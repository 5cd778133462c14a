//! `transfer list`: the inbox of transfers that wait for a person, and of messages that may be one.

use std::fmt::{self, Write};

use clap::Subcommand;

use super::Place;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::gateway_event::{self, Puzzle};
use crate::model::transfer::{self, Transfer as Stored};

/// Rows printed at most, of each kind.
const MOST: i64 = 500;

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum Transfer {
    /// Print the transfers that no order took, and the messages nobody could read, oldest first.
    List,
}

impl Transfer {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Self::List = self;
        let (config, db) = place.to_read().await?;
        let inbox = db.read(|tx| {
            Box::pin(async move {
                let waiting = transfer::waiting(tx, MOST).await?;
                Ok((waiting, gateway_event::not_settled(tx, None, MOST).await?))
            })
        });
        let (waiting, puzzles) = inbox.await.map_err(Error::into_anyhow)?;
        let offset = config.shop.utc_offset_minutes;
        let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M");
        let mut text = String::new();
        tell(&waiting, &puzzles, &time, &mut text)?;
        super::print(&text)
    }
}

fn tell(
    waiting: &[Stored],
    puzzles: &[Puzzle],
    time: &impl Fn(Timestamp) -> String,
    out: &mut String,
) -> fmt::Result {
    for transfer in waiting {
        let at = time(transfer.received_at);
        let (class, amount) = (transfer.class, transfer.amount);
        let (reference, id) = (&transfer.reference, &transfer.id);
        writeln!(out, "{at}  {amount:>12}  {class:<13}  {reference}  {id}")?;
    }
    for puzzle in puzzles {
        let at = time(puzzle.received_at);
        let why = puzzle.why.as_deref().unwrap_or("not settled yet");
        let (gateway, id) = (&puzzle.gateway, &puzzle.id);
        writeln!(
            out,
            "{at}  a message of {gateway} that is not booked: {why}  {id}"
        )?;
    }
    Ok(())
}
