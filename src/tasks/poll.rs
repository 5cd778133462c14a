//! Poll: read one page of a gateway's list. A round is page after page at the listing's pace; between
//! rounds the task rests. Each item takes the road of a message; what is known already changes nothing.

use serde::{Deserialize, Serialize};

use super::reports::{self, Carried};
use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::Connectors;
use crate::connectors::gateways::teller::{Listing, Wanted};
use crate::db::Tx;
use crate::error::Result;
use crate::model::gateway_event::Road;
use crate::model::poll::{self, Window};
use crate::model::task::{Finish, Leased};
use crate::model::{Moment, alert};
use crate::outcome::{Outcome, Receipt};

/// An alarm ends after so long without anything new to alarm about.
const QUIET: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

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
        let (Outcome::Done(receipt), Some((gateway, listing))) =
            (outcome, desk.listing(&task.subject))
        else {
            return Ok(keeping::finish(moment, task, outcome));
        };
        let read: Read = serde_json::from_value(receipt.0.clone())?;
        let road = if listing.expects_messages {
            Road::List
        } else {
            Road::Answer
        };
        let items = i64::try_from(read.reports.len())?;
        let news = reports::store_listed(tx, moment, gateway, &read.reports, road).await?;
        let next = read.next.as_deref();
        poll::turn(tx, moment, &task.subject, (items, news), next).await?;
        if next.is_none() {
            let matter = (alert::WEBHOOK_SILENT, gateway);
            alert::clear_quiet(tx, moment, matter, moment.now.minus(QUIET));
        }
        let (pause, why) = match next {
            Some(_) => (listing.pace, "more pages"),
            None => (listing.every, "the next round"),
        };
        Ok(Finish::Again {
            at: moment.now.plus(pause),
            why: why.to_owned(),
            rejected: false,
        })
    }
}
