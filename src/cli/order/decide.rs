//! `order cancel` and `order receive`: a person calls an order off, or writes down money that no
//! gateway reports. Each is an audit entry.

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::civil;
use jiff::tz::Offset;

use crate::cli::{Counter, Place, in_words, order_code};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::fulfilment::cancel;
use crate::fulfilment::gift::{self, ByHand};
use crate::model::order;
use crate::money::Money;

/// What to decide about an order.
#[derive(Debug, Subcommand)]
pub enum Decide {
    /// Call off an order that nothing was paid for. Money that comes for it later waits in the inbox.
    Cancel {
        /// The order's code.
        code: String,
        /// Why, in a sentence that stays in the audit for good.
        #[arg(long, value_name = "REASON")]
        why: String,
    },
    /// Write down money that no gateway reports: cash, or a transfer to another account.
    Receive(Receive),
}

/// Money that a person received.
#[derive(Debug, Args)]
pub struct Receive {
    /// The order's code.
    code: String,
    /// How much, in the smallest unit of the order's currency: whole dong.
    amount: i64,
    /// What makes it this money and no other, such as a receipt's number. A second time it changes nothing.
    #[arg(long)]
    reference: String,
    /// How it came, and why by hand.
    #[arg(long, value_name = "REASON")]
    why: String,
    /// When, in the shop's time: 2026-01-31 or 2026-01-31T09:00. Now when missing.
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
}

impl Decide {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Cancel { code, why } => call_off(place, code, why.clone()).await,
            Self::Receive(received) => received.run(place).await,
        }
    }
}

async fn call_off(place: &Place, code: &str, why: String) -> anyhow::Result<()> {
    let Counter {
        config,
        db,
        policy,
        moment,
    } = place.to_decide().await?;
    let code = order_code(code, &config.shop.code_prefix).map_err(in_words)?;
    let asked = code.clone();
    let done = db.write(move |tx| {
        Box::pin(async move {
            let order = order::by_code(tx, &asked).await?;
            let order = order.ok_or(Error::NotFound("order"))?;
            cancel::cancel(tx, &moment, &policy, &order.id, &why).await
        })
    });
    done.await.map_err(in_words)?;
    crate::cli::say(&format!(
        "{code} is cancelled; money that comes for it waits in the inbox"
    ));
    Ok(())
}

impl Receive {
    async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Counter {
            config,
            db,
            policy,
            moment,
        } = place.to_decide().await?;
        let code = order_code(&self.code, &config.shop.code_prefix).map_err(in_words)?;
        let at = match &self.at {
            Some(text) => moment_of(text, config.shop.utc_offset_minutes)?,
            None => moment.now,
        };
        let (minor, reference, why) = (self.amount, self.reference.clone(), self.why.clone());
        let done = db.write(move |tx| {
            Box::pin(async move {
                let order = order::by_code(tx, &code).await?;
                let order = order.ok_or(Error::NotFound("order"))?;
                let money = ByHand {
                    code,
                    amount: Money {
                        minor,
                        currency: order.total.currency,
                    },
                    reference,
                    at,
                    why,
                };
                let settled = gift::received(tx, &moment, &policy, &money).await?;
                Ok((settled, order::get(tx, &order.id).await?))
            })
        });
        let (settled, order) = done.await.map_err(in_words)?;
        let class = match settled.class {
            None => "was written down before; nothing changed".to_owned(),
            Some(class) => format!("is in the books as {class}"),
        };
        let (code, status, received, total) = (
            order.code,
            order.payment_status,
            order.received,
            order.total,
        );
        crate::cli::say(&format!(
            "the money {class}; {code} is {status} ({received} of {total})"
        ));
        Ok(())
    }
}

/// A day counts from its first minute.
fn moment_of(text: &str, offset: i32) -> anyhow::Result<Timestamp> {
    let wrong =
        || format!("{text:?} is neither a day as 2026-01-31 nor a minute as 2026-01-31T09:00");
    let local = match text.parse::<civil::Date>() {
        Ok(day) if text.len() == "2026-01-31".len() => day.to_datetime(civil::Time::midnight()),
        _ => text.parse::<civil::DateTime>().with_context(wrong)?,
    };
    let zone = Offset::from_seconds(offset * 60).with_context(wrong)?;
    let at = zone.to_timestamp(local).with_context(wrong)?;
    Ok(Timestamp(at.as_millisecond()))
}
