//! What a gateway answered or listed, on its way into the books: between act and record it travels
//! as the outcome's receipt, word for word. It is settled by the road that messages take.

use serde::{Deserialize, Serialize};

use crate::app::Desk;
use crate::connectors::Fault;
use crate::connectors::gateways::teller::Report;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::{plan, settle};
use crate::model::Moment;
use crate::model::gateway_event::{self, Arrival, Road};
use crate::outcome::{Outcome, Receipt};

/// A report without its facts: they are read from the body again where they are settled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Carried {
    key: String,
    body: String,
}

impl From<Report> for Carried {
    fn from(report: Report) -> Self {
        Self {
            key: report.key,
            body: String::from_utf8_lossy(&report.body).into_owned(),
        }
    }
}

impl Carried {
    fn arrival(&self, gateway: &str, road: Road) -> Arrival {
        Arrival {
            gateway: gateway.to_owned(),
            key: self.key.clone(),
            body: self.body.clone().into_bytes(),
            note: None,
            road,
        }
    }
}

/// A gateway's answer about one thing, as an outcome.
pub(super) fn outcome_of(answer: Result<Report, Fault>) -> Outcome {
    match answer {
        Err(fault) => super::keeping::outcome_of(fault),
        Ok(report) => match serde_json::to_value(Carried::from(report)) {
            Ok(carried) => Outcome::Done(Receipt(carried)),
            Err(e) => Outcome::Rejected { why: e.to_string() },
        },
    }
}

/// Settle a gateway's answer, in the transaction that ends its task.
pub(super) async fn settle_answer(
    tx: &mut Tx<'_>,
    moment: &Moment,
    desk: &Desk,
    gateway: &str,
    receipt: &Receipt,
) -> Result<()> {
    let carried: Carried = serde_json::from_value(receipt.0.clone())?;
    let arrival = carried.arrival(gateway, Road::Answer);
    let read = desk.gateways.get(gateway).map(|g| g.read(&arrival.body));
    match read {
        Some(Ok(facts)) => {
            settle::arrival(tx, moment, &desk.policy, &arrival, &facts).await?;
        }
        Some(Err(puzzle)) => store(tx, moment, &arrival, &puzzle.to_string()).await?,
        None => store(tx, moment, &arrival, "its gateway is not configured").await?,
    }
    Ok(())
}

/// Keep what a page of a list told: raw, each with a task of its own, so that one that cannot be
/// understood stops no other. How many were not known before.
pub(super) async fn store_listed(
    tx: &mut Tx<'_>,
    moment: &Moment,
    gateway: &str,
    listed: &[Carried],
    road: Road,
) -> Result<i64> {
    let mut news = 0;
    for report in listed {
        let arrival = report.arrival(gateway, road);
        let why = "listed by the gateway; a task settles it";
        if let Some(event) = gateway_event::store(tx, moment, &arrival, Some(why)).await? {
            plan::settle(tx, moment, &event).await?;
            news += 1;
        }
    }
    Ok(news)
}

async fn store(tx: &mut Tx<'_>, moment: &Moment, arrival: &Arrival, why: &str) -> Result<()> {
    if let Some(event) = gateway_event::store(tx, moment, arrival, Some(why)).await? {
        plan::settle(tx, moment, &event).await?;
    }
    Ok(())
}
