//! `refund order`, `list`, `sent`, `call-off`: money on its way back. What a gateway can send it sends by
//! itself; a bank transfer is sent by a person, who says so here.

use std::fmt::{self, Write};

use clap::{Args, Subcommand};

use super::{Counter, Place, in_words, order_code};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::fulfilment::refund::{self as decide, Ask};
use crate::model::order;
use crate::model::refund::list::{self, Filter};
use crate::model::refund::{self, RefundState};

/// Rows printed at most.
const MOST: i64 = 500;

/// What to do with refunds. One is named by its id, a beginning of it, or its reference.
#[derive(Debug, Subcommand)]
pub enum Refund {
    /// Decide that money of an order goes back. Access ends with the decision.
    Order(Order),
    /// Print the refunds that the payer does not have yet, oldest first.
    List {
        /// Also those that are done or failed.
        #[arg(long)]
        all: bool,
    },
    /// Say that you have sent a refund that waited for you.
    Sent {
        /// The refund.
        id: String,
        /// The bank's reference of what you sent.
        #[arg(long)]
        reference: String,
    },
    /// Call off a refund that you have not sent: access returns.
    CallOff {
        /// The refund.
        id: String,
        /// Why, in a sentence that stays in the audit for good.
        #[arg(long, value_name = "REASON")]
        why: String,
    },
}

/// What goes back of an order.
#[derive(Debug, Args)]
pub struct Order {
    /// The order's code.
    code: String,
    /// Only this course of it; the whole order when missing.
    #[arg(long, value_name = "SLUG")]
    course: Option<String>,
    /// How much, in whole dong; all that is left when missing.
    #[arg(long)]
    amount: Option<i64>,
    /// Leave the buyer the access. When all of the money goes back it ends all the same.
    #[arg(long)]
    keep_access: bool,
    /// The bank's reference, if you have sent it already.
    #[arg(long)]
    reference: Option<String>,
    /// Why, in a sentence that stays in the audit for good.
    #[arg(long, value_name = "REASON")]
    why: String,
}

impl Refund {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Order(order) => order.run(place).await,
            Self::List { all } => list(place, *all).await,
            Self::Sent { id, reference } => sent(place, id.clone(), reference.clone()).await,
            Self::CallOff { id, why } => call_off(place, id.clone(), why.clone()).await,
        }
    }
}

impl Order {
    async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Counter {
            config,
            db,
            policy,
            moment,
        } = place.to_decide().await?;
        let code = order_code(&self.code, &config.shop.code_prefix).map_err(in_words)?;
        let ask = Ask {
            course: self.course.clone(),
            amount: self.amount,
            keep_access: self.keep_access,
            why: self.why.clone(),
            reference: self.reference.clone(),
        };
        let decided = db.write(move |tx| {
            Box::pin(async move {
                let order = order::by_code(tx, &code).await?;
                let order = order.ok_or(Error::NotFound("order"))?;
                decide::ask(tx, &moment, &policy, &order.id, &ask).await
            })
        });
        for refund in decided.await.map_err(in_words)? {
            crate::cli::say(&said(&refund));
        }
        Ok(())
    }
}

/// What is still to be done about a refund that was just decided.
fn said(refund: &refund::Refund) -> String {
    let (id, amount, gateway) = (&refund.id, refund.amount, &refund.gateway);
    match refund.state {
        RefundState::Asked if *gateway == refund::BY_HAND => {
            format!("{amount}: send it, then `bursar refund sent {id} --reference …`")
        }
        RefundState::Done => format!("{amount}: written down as sent  {id}"),
        _ => format!("{amount}: goes back through {gateway}  {id}"),
    }
}

async fn list(place: &Place, all: bool) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let filter = Filter {
        open: !all,
        ..Filter::default()
    };
    let read = db.read(move |tx| {
        Box::pin(async move {
            let mut rows = Vec::new();
            for refund in list::list(tx, &filter, None, MOST).await? {
                let order = match &refund.order {
                    Some(order) => order::get(tx, order).await?.code.to_string(),
                    None => "a surplus".to_owned(),
                };
                rows.push((refund, order));
            }
            Ok(rows)
        })
    });
    let mut rows = read.await.map_err(Error::into_anyhow)?;
    rows.reverse();
    let time = |at: Timestamp| at.local(config.shop.utc_offset_minutes, "%Y-%m-%d %H:%M");
    let mut text = String::new();
    for (refund, order) in &rows {
        tell(refund, order, &time, &mut text)?;
    }
    super::print(&text)
}

fn tell(
    refund: &refund::Refund,
    order: &str,
    time: &impl Fn(Timestamp) -> String,
    out: &mut String,
) -> fmt::Result {
    let (at, amount) = (time(refund.created_at), refund.amount.to_string());
    let (state, gateway, id) = (refund.state.as_str(), &refund.gateway, &refund.id);
    let reference = refund.reference.as_deref().unwrap_or("-");
    writeln!(
        out,
        "{at}  {amount:>14}  {state:<7} {gateway:<8} {order:<13} {reference}  {id}"
    )?;
    match &refund.fault {
        Some(fault) => writeln!(out, "  failed: {fault}"),
        None => Ok(()),
    }
}

async fn sent(place: &Place, id: String, reference: String) -> anyhow::Result<()> {
    let Counter { db, moment, .. } = place.to_decide().await?;
    let done = db.write(move |tx| {
        Box::pin(async move {
            let id = list::called(tx, &id).await?;
            decide::sent_by_hand(tx, &moment, &id, &reference).await
        })
    });
    let refund = done.await.map_err(in_words)?;
    crate::cli::say(&format!(
        "{} is written down as sent; its payer gets a letter",
        refund.amount
    ));
    Ok(())
}

async fn call_off(place: &Place, id: String, why: String) -> anyhow::Result<()> {
    let Counter {
        db, policy, moment, ..
    } = place.to_decide().await?;
    let done = db.write(move |tx| {
        Box::pin(async move {
            let id = list::called(tx, &id).await?;
            decide::call_off(tx, &moment, &policy, &id, &why).await
        })
    });
    let refund = done.await.map_err(in_words)?;
    crate::cli::say(&format!(
        "{} stays here; access returns within a minute",
        refund.amount
    ));
    Ok(())
}
