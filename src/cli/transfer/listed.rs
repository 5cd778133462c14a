//! `transfer list`: the inbox, or any other choice of transfers, for people or as JSON.

use std::fmt::{self, Write};

use clap::Args;

use crate::cli::{self, Place};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::gateway_event::{self, Puzzle};
use crate::model::transfer::list::{self, Filter};
use crate::model::transfer::{Class, Transfer};
use crate::web::api::admin::transfers::TransferLine;

/// Rows printed at most, of each kind: the newest of those.
const MOST: i64 = 500;

/// Which transfers.
#[derive(Debug, Args)]
pub struct List {
    /// Also those that nobody has to decide about.
    #[arg(long)]
    all: bool,
    /// Only this class, closed or not, such as `no_code`.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<Class>,
    /// Only those of which something is still to be paid back.
    #[arg(long)]
    due: bool,
    /// For programs: what the admin API would answer.
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let (config, db) = place.to_read().await?;
        let filter = self.filter();
        let with_puzzles = filter.waiting && !self.json;
        let inbox = db.read(move |tx| {
            Box::pin(async move {
                let found = list::list(tx, &filter, None, MOST).await?;
                let puzzles = if with_puzzles {
                    gateway_event::not_settled(tx, None, MOST).await?
                } else {
                    Vec::new()
                };
                Ok((found, puzzles))
            })
        });
        let (mut found, puzzles) = inbox.await.map_err(Error::into_anyhow)?;
        if i64::try_from(found.len()).is_ok_and(|rows| rows == MOST) {
            cli::remark(&format!(
                "only the newest {MOST}; the admin API has them all"
            ));
        }
        found.reverse();
        let mut text = String::new();
        if self.json {
            let items: Vec<TransferLine> = found.into_iter().map(TransferLine::from).collect();
            text = serde_json::to_string_pretty(&items)?;
            text.push('\n');
        } else {
            let offset = config.shop.utc_offset_minutes;
            let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M");
            tell(&found, &puzzles, &time, &mut text)?;
        }
        cli::print(&text)
    }

    /// What is asked for by name is wanted whether it is closed or not.
    fn filter(&self) -> Filter {
        Filter {
            waiting: !self.all && !self.due && self.class.is_none(),
            due: self.due,
            class: self.class,
            ..Filter::default()
        }
    }
}

fn class(word: &str) -> Result<Class, String> {
    let known = || Class::ALL.iter().map(|class| class.as_str());
    Class::parse(word).ok_or_else(|| format!("one of {}", known().collect::<Vec<_>>().join(", ")))
}

fn tell(
    found: &[Transfer],
    puzzles: &[Puzzle],
    time: &impl Fn(Timestamp) -> String,
    out: &mut String,
) -> fmt::Result {
    for transfer in found {
        let at = time(transfer.received_at);
        let (class, amount) = (transfer.class.as_str(), transfer.amount.to_string());
        let (reference, id) = (&transfer.reference, &transfer.id);
        let state = match (transfer.closed_at, transfer.due()) {
            (Some(_), _) => "closed",
            (None, due) if due > 0 => "waits, due",
            (None, _) => "waits",
        };
        writeln!(
            out,
            "{at}  {amount:>14}  {class:<13} {state:<10}  {reference}  {id}"
        )?;
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
