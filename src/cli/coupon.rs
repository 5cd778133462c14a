//! `coupon add CODE …`, `list`, `show CODE`, `stop CODE`: each change is an audit entry, and works
//! beside a running server.

use std::fmt::{self, Write};

use anyhow::Context;
use clap::{ArgGroup, Args, Subcommand};
use jiff::civil;
use jiff::tz::Offset;

use super::Place;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::fulfilment::offer;
use crate::model::coupon::{self, Counted, CouponCode, CouponKind, Limits, NewCoupon, Use};
use crate::model::course::Slug;
use crate::money::{Currency, Money};

/// Coupons printed at most, and uses of one.
const MOST: i64 = 500;

/// What to do with coupons.
#[derive(Debug, Subcommand)]
pub enum Coupon {
    /// Make a coupon.
    Add(Box<Add>),
    /// Print all coupons with what became of their uses, the newest first.
    List,
    /// Print one coupon and its latest uses.
    Show {
        /// What buyers type.
        code: String,
    },
    /// Refuse it to new orders from now on. Orders that have it keep their price.
    Stop {
        /// What buyers type.
        code: String,
    },
}

/// A new coupon.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("worth").required(true).args(["percent", "amount"])))]
pub struct Add {
    /// What buyers type, in any case: 3 to 32 letters, digits, - and _.
    code: String,
    /// Per cent off what it covers, 1 to 100.
    #[arg(long, value_name = "N")]
    percent: Option<i64>,
    /// Dong off what it covers.
    #[arg(long, value_name = "DONG")]
    amount: Option<i64>,
    /// Only the first so many orders.
    #[arg(long, value_name = "N")]
    first: Option<i64>,
    /// Only so many orders of one customer.
    #[arg(long, value_name = "N")]
    per_customer: Option<i64>,
    /// Only for this course or bundle; give it several times for several.
    #[arg(long, value_name = "SLUG")]
    course: Vec<String>,
    /// Valid from this day or minute on, in the shop's time: 2026-01-31 or 2026-01-31T09:00.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Valid until the end of this day, or until this minute.
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Only for orders that cost so many dong before it.
    #[arg(long, value_name = "DONG", default_value_t = 0)]
    min_total: i64,
    /// What it is for; buyers never see it.
    #[arg(long, default_value = "")]
    note: String,
}

/// A day in the shop's time begins, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begin,
    End,
}

impl Coupon {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run(place).await,
            Self::List => list(place).await,
            Self::Show { code } => show(place, &parse(code)?).await,
            Self::Stop { code } => stop(place, parse(code)?).await,
        }
    }
}

impl Add {
    async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let (config, db) = place.beside().await?;
        let new = self.coupon(config.shop.utc_offset_minutes)?;
        let moment = super::moment(&db).await?;
        let code = new.code.clone();
        let made =
            db.write(move |tx| Box::pin(async move { offer::make(tx, &moment, &new).await }));
        made.await.map_err(super::in_words)?;
        super::print(&format!(
            "buyers can use {code} now; `bursar coupon show {code}` says how it goes\n"
        ))
    }

    fn coupon(&self, offset: i32) -> anyhow::Result<NewCoupon> {
        let (kind, value) = match (self.percent, self.amount) {
            (Some(percent), _) => (CouponKind::Percent, percent),
            (None, amount) => (CouponKind::Amount, amount.unwrap_or_default()),
        };
        let named = self.course.iter().map(|slug| {
            Slug::parse(slug).with_context(|| format!("{slug:?} is no course and no bundle"))
        });
        let at = |text: &Option<String>, edge| {
            let text = text.as_deref();
            text.map(|text| moment_of(text, offset, edge)).transpose()
        };
        Ok(NewCoupon {
            code: parse(&self.code)?,
            kind,
            value,
            currency: Currency::Vnd,
            only_for: named.collect::<anyhow::Result<_>>()?,
            limits: Limits {
                max_uses: self.first,
                per_customer: self.per_customer,
                min_total: self.min_total,
                from: at(&self.from, Edge::Begin)?,
                until: at(&self.until, Edge::End)?,
                active: true,
                note: self.note.clone(),
            },
        })
    }
}

async fn list(place: &Place) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let read = db.read(|tx| Box::pin(coupon::counted(tx, None, MOST)));
    let coupons = read.await.map_err(Error::into_anyhow)?;
    let mut text = String::new();
    for counted in &coupons {
        tell(counted, config.shop.utc_offset_minutes, &mut text)?;
    }
    super::print(&text)
}

async fn show(place: &Place, code: &CouponCode) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let code = code.clone();
    let read = db.read(move |tx| {
        Box::pin(async move {
            let Some(counted) = coupon::counted(tx, Some(&code), 1).await?.pop() else {
                return Err(Error::NotFound("coupon"));
            };
            let uses = coupon::uses::latest(tx, &counted.coupon.id, MOST).await?;
            Ok((counted, uses))
        })
    });
    let (counted, uses) = read.await.map_err(Error::into_anyhow)?;
    let offset = config.shop.utc_offset_minutes;
    let mut text = String::new();
    tell(&counted, offset, &mut text)?;
    tell_more(&counted, &mut text)?;
    tell_uses(&uses, offset, &mut text)?;
    super::print(&text)
}

async fn stop(place: &Place, code: CouponCode) -> anyhow::Result<()> {
    let (_, db) = place.beside().await?;
    let moment = super::moment(&db).await?;
    let asked = code.clone();
    let stopped =
        db.write(move |tx| Box::pin(async move { offer::stop(tx, &moment, &asked).await }));
    stopped.await.map_err(super::in_words)?;
    super::print(&format!("{code} is refused to new orders from now on\n"))
}

fn parse(code: &str) -> anyhow::Result<CouponCode> {
    CouponCode::parse(code)
        .with_context(|| format!("{code:?} is no code: 3 to 32 letters, digits, - and _"))
}

/// A day ends where the next one begins.
fn moment_of(text: &str, offset: i32, edge: Edge) -> anyhow::Result<Timestamp> {
    let wrong =
        || format!("{text:?} is neither a day as 2026-01-31 nor a minute as 2026-01-31T09:00");
    let local = if text.len() > "2026-01-31".len() {
        text.parse::<civil::DateTime>().with_context(wrong)?
    } else {
        let day = text.parse::<civil::Date>().with_context(wrong)?;
        let day = match edge {
            Edge::Begin => day,
            Edge::End => day.tomorrow().with_context(wrong)?,
        };
        day.to_datetime(civil::Time::midnight())
    };
    let zone = Offset::from_seconds(offset * 60).with_context(wrong)?;
    let at = zone.to_timestamp(local).with_context(wrong)?;
    Ok(Timestamp(at.as_millisecond()))
}

fn tell(counted: &Counted, offset: i32, out: &mut String) -> fmt::Result {
    let coupon = &counted.coupon;
    let limits = &coupon.limits;
    let worth = match coupon.kind {
        CouponKind::Percent => format!("{} %", coupon.value),
        CouponKind::Amount => money(coupon.value, coupon.currency),
    };
    let of = limits
        .max_uses
        .map_or(String::new(), |most| format!(" of {most}"));
    write!(
        out,
        "{:<16} −{worth:<12} used {}, reserved {}{of}, {} taken off",
        coupon.code, counted.used, counted.reserved, counted.taken_off
    )?;
    let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M");
    if let Some(from) = limits.from {
        write!(out, ", from {}", time(from))?;
    }
    if let Some(until) = limits.until {
        write!(out, ", until {}", time(until))?;
    }
    writeln!(out, "{}", if limits.active { "" } else { ", stopped" })
}

fn tell_more(counted: &Counted, out: &mut String) -> fmt::Result {
    let coupon = &counted.coupon;
    if let Some(most) = coupon.limits.per_customer {
        writeln!(out, "  per customer  {most}")?;
    }
    if coupon.limits.min_total > 0 {
        let least = money(coupon.limits.min_total, coupon.currency);
        writeln!(out, "  least total   {least}")?;
    }
    if !coupon.only_for.is_empty() {
        let named: Vec<&str> = coupon.only_for.iter().map(Slug::as_str).collect();
        writeln!(out, "  only for      {}", named.join(", "))?;
    }
    if !coupon.limits.note.is_empty() {
        writeln!(out, "  note          {}", coupon.limits.note)?;
    }
    Ok(())
}

fn tell_uses(uses: &[Use], offset: i32, out: &mut String) -> fmt::Result {
    for use_ in uses {
        let at = use_.at.local(offset, "%Y-%m-%d %H:%M:%S");
        let (state, order, email) = (use_.state.as_str(), &use_.order, &use_.email);
        writeln!(
            out,
            "  {at}  {order:<13} {state:<9} −{}  {email}",
            use_.taken_off
        )?;
    }
    Ok(())
}

fn money(minor: i64, currency: Currency) -> String {
    Money { minor, currency }.to_string()
}
