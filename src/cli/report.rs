//! `report money`: what moved per day and account, as a table or a file; with `--against-gateway`, our
//! books against the gateways' own lists, and a failure when they differ.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use jiff::tz::Offset;

use self::csv::{Cell, Encoding};
use self::listed::{Ask, Findings};
use super::Place;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::connectors::gateways;
use crate::db::Db;
use crate::error::Error;
use crate::fact::Direction;
use crate::fulfilment::report::{self, Difference, Kind, Line};
use crate::model::report::{Span, Tally};
use crate::money::{Currency, Money as Amount};

pub mod csv;
pub mod listed;

/// Days of one report at most.
const MOST_DAYS: i32 = 3_660;

/// What to sum up.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Print what was received, allocated, owed back and refunded, per day and account.
    Money(Money),
}

/// Which money, and where the report goes.
#[derive(Debug, clap::Args)]
pub struct Money {
    /// The first day, such as 2026-01-01, in the shop's time zone.
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The last day.
    #[arg(long, value_name = "DATE")]
    to: Date,
    /// Only this account, or this virtual account.
    #[arg(long, value_name = "NUMBER")]
    account: Option<String>,
    /// Write the report into this file, as comma-separated values.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Begin that file with the mark by which Excel knows Vietnamese letters.
    #[arg(long, requires = "csv")]
    excel: bool,
    /// Fetch the gateways' own lists and name every difference; any is a failure.
    #[arg(long)]
    against_gateway: bool,
}

impl Report {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Self::Money(money) = self;
        let (config, db) = place.to_read().await?;
        let span = span(money.from, money.to, config.shop.utc_offset_minutes)?;
        if money.against_gateway {
            money.compare(&config, &db, span).await
        } else {
            money.sum_up(&db, span).await
        }
    }
}

impl Money {
    async fn sum_up(&self, db: &Db, span: Span) -> anyhow::Result<()> {
        let account = self.account.clone().unwrap_or_default();
        let lines =
            db.read(move |tx| Box::pin(async move { report::money(tx, &span, &account).await }));
        let lines = lines.await.map_err(Error::into_anyhow)?;
        if let Some(file) = &self.csv {
            let rows: Vec<_> = lines.iter().map(row_of_line).collect();
            return self.write(file, &LINE_HEADER, &rows);
        }
        let mut text = String::new();
        tell_lines(&lines, &mut text)?;
        super::print(&text)
    }

    async fn compare(&self, config: &Config, db: &Db, span: Span) -> anyhow::Result<()> {
        let tellers = gateways::tellers(&config.payments)?;
        let ask = Ask {
            span,
            account: self.account.clone().unwrap_or_default(),
            known_accounts: config
                .payments
                .accounts
                .iter()
                .map(|a| a.number.clone())
                .collect(),
        };
        let bar = progress_bar();
        let seen = |gateway: &str, count: usize| {
            bar.set_message(format!("{gateway}: {count} entries"));
            bar.tick();
        };
        let findings = listed::compare(db, &tellers, &ask, seen).await?;
        bar.finish_and_clear();
        if let Some(file) = &self.csv {
            let rows = findings.differences.iter();
            let rows: Vec<_> = rows.map(|d| row_of_difference(d, &span)).collect();
            self.write(file, &DIFFERENCE_HEADER, &rows)?;
        }
        let mut text = String::new();
        tell_findings(&findings, &span, &mut text)?;
        super::print(&text)?;
        let count = findings.differences.len() + findings.unreadable.len();
        ensure!(count == 0, "{count} difference(s)");
        Ok(())
    }

    fn write(&self, file: &Path, header: &[&str], rows: &[Vec<Cell>]) -> anyhow::Result<()> {
        let encoding = if self.excel {
            Encoding::Marked
        } else {
            Encoding::Plain
        };
        let text = csv::write(header, rows, encoding);
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        super::print(&format!("{} row(s) in {}\n", rows.len(), file.display()))
    }
}

/// From the first moment of the one day to the last of the other, where the shop is.
pub fn span(from: Date, to: Date, utc_offset_minutes: i32) -> anyhow::Result<Span> {
    ensure!(from <= to, "--from is after --to");
    let days = (to - from).get_days();
    ensure!(
        days < MOST_DAYS,
        "one report covers {MOST_DAYS} days at most"
    );
    let offset = Offset::from_seconds(utc_offset_minutes * 60)?;
    let midnight = |day: Date| -> anyhow::Result<Timestamp> {
        let instant = offset.to_timestamp(day.at(0, 0, 0, 0))?;
        Ok(Timestamp(instant.as_millisecond()))
    };
    Ok(Span {
        from: midnight(from)?,
        to: midnight(to.tomorrow()?)?,
        utc_offset_minutes,
    })
}

/// Lists can be long and are read slowly; without a terminal nothing is drawn.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

const LINE_HEADER: [&str; 15] = [
    "day",
    "account",
    "currency",
    "received_count",
    "received",
    "allocated_count",
    "allocated",
    "to_pay_back_count",
    "to_pay_back",
    "waiting_count",
    "waiting",
    "refunded_count",
    "refunded",
    "sent_count",
    "sent",
];

fn row_of_line(line: &Line) -> Vec<Cell> {
    let place = &line.place;
    let mut row = vec![
        Cell::text(&place.day),
        Cell::text(&place.account),
        Cell::text(&place.currency),
    ];
    let currency = Currency::parse(&place.currency);
    for tally in tallies(line) {
        row.push(Cell::whole(tally.count));
        row.push(Cell::amount(tally.sum, currency));
    }
    row
}

fn tallies(line: &Line) -> [Tally; 6] {
    let moved = &line.moved;
    [
        moved.received,
        moved.allocated,
        moved.due,
        moved.waiting,
        line.refunded,
        moved.sent,
    ]
}

fn tell_lines(lines: &[Line], out: &mut String) -> fmt::Result {
    if lines.is_empty() {
        return writeln!(out, "No money moved on these days.");
    }
    let heads = [
        "received",
        "allocated",
        "to pay back",
        "waiting",
        "refunded",
        "sent",
    ];
    write!(out, "{:<10}  {:<20}", "day", "account")?;
    for head in heads {
        write!(out, "  {head:>22}")?;
    }
    writeln!(out)?;
    for line in lines {
        let place = &line.place;
        let account = if place.account.is_empty() {
            "(elsewhere)"
        } else {
            &place.account
        };
        write!(out, "{:<10}  {account:<20}", place.day)?;
        for tally in tallies(line) {
            let sum = shown(tally.sum, &place.currency);
            write!(out, "  {:>5} {sum:>16}", tally.count)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

const DIFFERENCE_HEADER: [&str; 11] = [
    "difference",
    "gateway",
    "day",
    "time",
    "account",
    "direction",
    "amount",
    "currency",
    "in_our_books",
    "reference",
    "id",
];

fn row_of_difference(difference: &Difference, span: &Span) -> Vec<Cell> {
    let currency = Currency::parse(&difference.currency);
    let at = |format| {
        let at = difference
            .at
            .map(|at| at.local(span.utc_offset_minutes, format));
        Cell::text(&at.unwrap_or_default())
    };
    let ours = match &difference.kind {
        Kind::Amount(ours) => Cell::amount(*ours, currency),
        Kind::Day(day) => Cell::text(day),
        Kind::OnlyThere | Kind::OnlyHere | Kind::UnknownAccount => Cell::text(""),
    };
    vec![
        Cell::text(difference.kind.words()),
        Cell::text(&difference.gateway),
        at("%Y-%m-%d"),
        at("%H:%M:%S"),
        Cell::text(&difference.account),
        Cell::text(way(difference.direction)),
        Cell::amount(difference.amount, currency),
        Cell::text(&difference.currency),
        ours,
        Cell::text(&difference.reference),
        Cell::text(&difference.provider_id),
    ]
}

fn tell_findings(findings: &Findings, span: &Span, out: &mut String) -> fmt::Result {
    for difference in &findings.differences {
        tell_difference(difference, span, out)?;
    }
    for (gateway, key, why) in &findings.unreadable {
        writeln!(out, "cannot be read: {why}  {gateway}  {key}")?;
    }
    for gateway in &findings.without_list {
        writeln!(
            out,
            "{gateway} keeps no list, so its transfers were not compared"
        )?;
    }
    let compared = findings.compared;
    writeln!(
        out,
        "{compared} transfer(s) in the gateways' lists were compared"
    )
}

fn tell_difference(difference: &Difference, span: &Span, out: &mut String) -> fmt::Result {
    let at = difference.at;
    let at = at.map(|at| at.local(span.utc_offset_minutes, "%Y-%m-%d %H:%M:%S"));
    let at = at.unwrap_or_else(|| "at no known time".to_owned());
    let amount = shown(difference.amount, &difference.currency);
    let ours = match &difference.kind {
        Kind::Amount(ours) => format!("  (ours: {})", shown(*ours, &difference.currency)),
        Kind::Day(day) => format!("  (ours: {day})"),
        Kind::OnlyThere | Kind::OnlyHere | Kind::UnknownAccount => String::new(),
    };
    let (what, way) = (difference.kind.words(), way(difference.direction));
    let (gateway, account) = (&difference.gateway, &difference.account);
    let (reference, id) = (&difference.reference, &difference.provider_id);
    writeln!(
        out,
        "{what}{ours}  {at}  {way:<3} {amount:>16}  {account}  {reference}  {gateway} {id}"
    )
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn shown(minor: i64, currency: &str) -> String {
    match Currency::parse(currency) {
        Some(currency) => Amount { minor, currency }.to_string(),
        None => format!("{minor} {currency}"),
    }
}
