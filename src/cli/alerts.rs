//! `alerts`: what a person should see to, and `alerts clear`, when somebody has.

use std::fmt::Write;

use clap::{Args, Subcommand};

use super::{Counter, Place, in_words};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::fulfilment::intervene;
use crate::model::alert;

/// Print them, or clear one.
#[derive(Debug, Args)]
pub struct Alerts {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Say that one is seen to. Should it happen again, it is there again.
    Clear {
        /// Its kind, as the list has it.
        kind: String,
        /// What it is about, as the list has it.
        subject: String,
        /// Why, in a sentence that stays in the audit for good.
        #[arg(long, value_name = "REASON")]
        why: String,
    },
}

impl Alerts {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match &self.change {
            None => print(place).await,
            Some(Change::Clear { kind, subject, why }) => clear(place, (kind, subject), why).await,
        }
    }
}

async fn clear(place: &Place, (kind, subject): (&str, &str), why: &str) -> anyhow::Result<()> {
    let Counter { db, moment, .. } = place.to_decide().await?;
    let (kind, matter, why) = (kind.to_owned(), subject.to_owned(), why.to_owned());
    let cleared = db.write(move |tx| {
        Box::pin(async move { intervene::clear_alert(tx, &moment, (&kind, &matter), &why).await })
    });
    cleared.await.map_err(in_words)?;
    super::say(&format!("{subject} is seen to"));
    Ok(())
}

async fn print(place: &Place) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let open = db.read(|tx| Box::pin(alert::open(tx))).await;
    let time = |at: Timestamp| at.local(config.shop.utc_offset_minutes, "%Y-%m-%d %H:%M");
    let mut text = String::new();
    for alert in open.map_err(Error::into_anyhow)? {
        let (since, last) = (time(alert.raised_at), time(alert.last_at));
        let (kind, subject, why, times) = (alert.kind, alert.subject, alert.why, alert.times);
        writeln!(text, "{since}  {kind}  {subject}: {why}")?;
        if times > 1 {
            writeln!(text, "  {times} times, the last at {last}")?;
        }
    }
    super::print(&text)
}
