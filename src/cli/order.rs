//! `order show CODE`: the whole story of an order, from the books; and what a person decides about one.

use std::fmt::{self, Write};

use anyhow::bail;
use clap::Subcommand;

use super::Place;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::price::Rule;
use crate::model::audit::{self, Entry};
use crate::model::code::OrderCode;
use crate::model::email::{self, Email};
use crate::model::grant::{self, Grant};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order as Stored};
use crate::model::transfer::{self, Transfer};
use crate::words::Locale;

mod decide;

/// What to do with orders.
#[derive(Debug, Subcommand)]
pub enum Order {
    /// Print an order with its money, courses, e-mails, and everything that ever happened to it.
    Show {
        /// The order's code, such as DHK7M2QX9A.
        code: String,
    },
    #[command(flatten)]
    Decide(decide::Decide),
}

/// All that is known of an order.
struct Story {
    order: Stored,
    lines: Vec<Line>,
    grants: Vec<Grant>,
    transfers: Vec<Transfer>,
    emails: Vec<Email>,
    entries: Vec<Entry>,
}

impl Order {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Show { code } => show(place, code).await,
            Self::Decide(decision) => decision.run(place).await,
        }
    }
}

async fn show(place: &Place, code: &str) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let code = super::order_code(code, &config.shop.code_prefix).map_err(super::in_words)?;
    let story = db
        .read(move |tx| Box::pin(async move { story(tx, &code).await }))
        .await;
    let Some(story) = story.map_err(Error::into_anyhow)? else {
        bail!("no order has this code");
    };
    let mut text = String::new();
    story.tell(config.shop.utc_offset_minutes, &mut text)?;
    super::print(&text)
}

async fn story(tx: &mut Tx<'_>, code: &OrderCode) -> Result<Option<Story>> {
    let Some(order) = order::by_code(tx, code).await? else {
        return Ok(None);
    };
    Ok(Some(Story {
        lines: line::of_order(tx, &order.id).await?,
        grants: grant::of_order(tx, &order.id).await?,
        transfers: transfer::of_order(tx, &order.id).await?,
        emails: email::of_order(tx, &order.id).await?,
        entries: audit::of_order(tx, &order.id).await?,
        order,
    }))
}

impl Story {
    fn tell(&self, offset: i32, out: &mut String) -> fmt::Result {
        let order = &self.order;
        let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M:%S");
        writeln!(out, "Order {}  ({})", order.code, order.id)?;
        writeln!(
            out,
            "  placed    {}  by {}",
            time(order.created_at),
            order.email
        )?;
        writeln!(
            out,
            "  payment   {}  ({} of {})",
            order.payment_status, order.received, order.total
        )?;
        writeln!(out, "  delivery  {}", order.order_status)?;
        if let Ok(rule) = Rule::from_json(&order.price_rule) {
            writeln!(out, "  price     {}", rule.say(Locale::En))?;
        }
        self.tell_money(&time, out)?;
        self.tell_lines(&time, out)?;
        for email in &self.emails {
            writeln!(out, "E-mail {:<10} {}", email.letter.word(), email.state)?;
        }
        writeln!(out, "\nWhat happened")?;
        for entry in &self.entries {
            tell_entry(entry, &time, out)?;
        }
        Ok(())
    }

    fn tell_money(&self, time: &impl Fn(Timestamp) -> String, out: &mut String) -> fmt::Result {
        for transfer in &self.transfers {
            let state = if transfer.closed_at.is_some() {
                "booked"
            } else {
                "waits for a person"
            };
            writeln!(
                out,
                "Transfer  {}  {} {}  {}  {state}",
                time(transfer.received_at),
                transfer.amount,
                self.order.total.currency.code(),
                transfer.class,
            )?;
        }
        Ok(())
    }

    fn tell_lines(&self, time: &impl Fn(Timestamp) -> String, out: &mut String) -> fmt::Result {
        for line in &self.lines {
            writeln!(out, "Course  {}  {}", line.title, line.status)?;
            for grant in self.grants.iter().filter(|grant| grant.line == line.id) {
                let who = grant.who.map(|who| format!(", needs the {}", who.as_str()));
                let why = grant.why.as_ref().map(|why| format!(": {why}"));
                let until = grant.expires_at.map(|at| format!(", until {}", time(at)));
                writeln!(
                    out,
                    "  {} {} at {} ({})  {}{}{}{}",
                    grant.id,
                    grant.benefit,
                    grant.connection,
                    grant.target,
                    grant.state,
                    who.unwrap_or_default(),
                    why.unwrap_or_default(),
                    until.unwrap_or_default(),
                )?;
            }
        }
        Ok(())
    }
}

/// A line of an order's story, or of a transfer's.
pub(super) fn tell_entry(
    entry: &Entry,
    time: &impl Fn(Timestamp) -> String,
    out: &mut String,
) -> fmt::Result {
    let change = match (&entry.before, &entry.after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (None, Some(after)) => after.clone(),
        _ => String::new(),
    };
    let why = entry
        .why
        .as_ref()
        .map(|why| format!("  ({why})"))
        .unwrap_or_default();
    writeln!(
        out,
        "  {}.{:03}  {:<20} {:<18} {change}{why}",
        time(entry.at),
        entry.at.0.rem_euclid(1000),
        entry.actor,
        entry.action
    )
}
