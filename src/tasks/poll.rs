//! Poll: read one page of a gateway's list. A round is page after page; between rounds the task rests.
//! All lists of a gateway take turns and keep its pace between any two calls. Each item takes the road
//! of a message; what is known already changes nothing. Whatever fails, it is tried again, for ever.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reports::{self, Carried};
use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::clock::Timestamp;
use crate::connectors::Connectors;
use crate::connectors::gateways::teller::{Listing, Wanted};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::plan;
use crate::model::gateway_event::Road;
use crate::model::poll::{self, Window};
use crate::model::task::{Finish, Leased};
use crate::model::{Moment, alert, connection, transfer};
use crate::outcome::{Outcome, Receipt};

/// No call takes longer. One that never came back, because its process died, blocks the next so long.
const LONGEST_CALL: Duration = Duration::from_mins(1);
/// By then a message has come, if it comes at all: a gateway that retries ends after 33 minutes.
const PATIENCE: Duration = Duration::from_mins(40);
/// What came in longer ago is no alarm any more.
const MEMORY: Duration = Duration::from_hours(24);

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll;

/// Which page.
pub(super) struct Request {
    gateway: String,
    listing: Listing,
    window: Window,
}

/// A page, between act and record.
#[derive(Serialize, Deserialize)]
struct Read {
    reports: Vec<Carried>,
    next: Option<String>,
}

impl Effect for Poll {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let Some((gateway, listing)) = desk.listing(&task.subject) else {
            return Ok(Prepared::Nothing);
        };
        let until = moment.now.plus(LONGEST_CALL);
        if !connection::take_turn(tx, moment, &plan::lists_of(gateway), until).await? {
            let at = moment.now.plus(listing.pace);
            let why = "another list of the gateway is being read".to_owned();
            return Ok(Prepared::Later { at, why });
        }
        let window = poll::window(tx, moment, &task.subject, listing.overlap).await?;
        Ok(Prepared::Act(Request {
            gateway: gateway.to_owned(),
            listing: *listing,
            window,
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let Some(teller) = world.tellers.get(request.gateway.as_str()) else {
            let why = format!("{} is not configured any more", request.gateway);
            return Outcome::Rejected { why };
        };
        let wanted = Wanted {
            listing: request.listing.name,
            from: request.window.from,
            to: request.window.to,
            cursor: request.window.cursor.clone(),
        };
        let page = match teller.page(&wanted).await {
            Ok(page) => page,
            Err(fault) => return keeping::outcome_of(fault),
        };
        let read = Read {
            reports: page.reports.into_iter().map(Carried::from).collect(),
            next: page.next,
        };
        match serde_json::to_value(read) {
            Ok(read) => Outcome::Done(Receipt(read)),
            Err(e) => Outcome::Rejected { why: e.to_string() },
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        keeping::breaker(tx, moment, task, outcome).await?;
        let Some((gateway, listing)) = desk.listing(&task.subject) else {
            return Ok(keeping::finish(moment, task, outcome));
        };
        // Asked for a pause, the gateway gets it from all its lists: it counts them together.
        let pause = asked_pause(outcome).max(listing.pace);
        let next_call = moment.now.plus(pause);
        connection::end_turn(tx, &plan::lists_of(gateway), next_call);
        let Outcome::Done(receipt) = outcome else {
            return failed(tx, moment, task, outcome).await;
        };
        let page: Read = serde_json::from_value(receipt.0.clone())?;
        let road = if listing.expects_messages {
            Road::List
        } else {
            Road::Answer
        };
        let items = i64::try_from(page.reports.len())?;
        let news = reports::store_listed(tx, moment, gateway, &page.reports, road).await?;
        let next = page.next.as_deref();
        poll::turn(tx, moment, &task.subject, (items, news), next).await?;
        if next.is_none() && listing.expects_messages {
            listen(tx, moment, gateway).await?;
        }
        let (at, why) = match next {
            Some(_) => (next_call, "more pages"),
            None => (moment.now.plus(listing.every), "the next round"),
        };
        Ok(again(at, why))
    }
}

/// The round goes on where it stopped, later and later; no failure is the last.
async fn failed(
    tx: &mut Tx<'_>,
    moment: &Moment,
    task: &Leased,
    outcome: &Outcome,
) -> Result<Finish> {
    let why = outcome.why().unwrap_or_default();
    let failures = poll::fail(tx, &task.subject, why).await?;
    let backoff = task.kind.backoff(failures, moment.mint.fraction());
    let pause = backoff.max(asked_pause(outcome));
    Ok(again(moment.now.plus(pause), why))
}

/// `Retry-After`, where it was given.
fn asked_pause(outcome: &Outcome) -> Duration {
    match outcome {
        Outcome::Retry { after, .. } => after.unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

fn again(at: Timestamp, why: &str) -> Finish {
    Finish::Again {
        at,
        why: why.to_owned(),
        rejected: false,
    }
}

/// What only lists told of, long after a message should have: the webhook does not work. The messages
/// that come later end the alarm, each for its own transfer.
async fn listen(tx: &mut Tx<'_>, moment: &Moment, gateway: &str) -> Result<()> {
    let (since, before) = (moment.now.minus(MEMORY), moment.now.minus(PATIENCE));
    let silent = transfer::unheard(tx, gateway, since, before).await?;
    let matter = (alert::WEBHOOK_SILENT, gateway);
    if silent == 0 {
        alert::clear(tx, moment, matter);
        return Ok(());
    }
    let why = format!(
        "{gateway} lists {silent} transfer(s) of the last 24 hours that its webhook never told of: look \
         at the webhook's log on the gateway's side, and at its address, secret and retries"
    );
    alert::raise(tx, moment, matter, &why).await
}
