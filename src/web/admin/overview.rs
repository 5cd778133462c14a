//! `/admin`: what needs a person now, each with the way there; and what a person should know, until
//! somebody says that it is seen to.

use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::response::Response;

use super::operator::Operator;
use super::page::{self, Room};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::intervene;
use crate::model::alert::{self, Alert};
use crate::model::api_key::Scope;
use crate::model::grant::list::{self as grants, Filter};
use crate::model::refund::{self, RefundState};
use crate::model::{figures, gateway_event, transfer};
use crate::money::Money;
use crate::web::frame::{Frame, Time};
use crate::web::icon::Icon;

/// What waits is counted up to here; more is "many".
const MOST: i64 = 500;

/// One kind of matter that waits.
#[derive(Debug, Clone)]
pub struct Matter {
    /// Its name in the locales.
    pub word: &'static str,
    /// Where it is dealt with.
    pub address: &'static str,
    /// How many.
    pub count: usize,
    /// There are more than were counted.
    pub more: bool,
    /// Since when the oldest waits.
    pub since: Option<Timestamp>,
    /// What it comes to, in each currency.
    pub sums: Vec<Money>,
}

#[derive(Template)]
#[template(path = "pages/admin/overview.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    now: Timestamp,
    matters: Vec<Matter>,
    alerts: Vec<Alert>,
}

/// `GET /admin`.
pub async fn show(operator: Operator) -> Response {
    match overview(&operator).await {
        Ok(html) => page::respond(&operator.visit, html),
        Err(error) => operator.visit.failed(&error),
    }
}

/// `POST /admin/alerts/clear`: an alert is seen to. Its kind and what it is about are in the form.
pub async fn clear(operator: Operator, body: Body) -> Response {
    let done = seen_to(&operator, body).await;
    operator.went_on(done).await
}

async fn seen_to(operator: &Operator, body: Body) -> Result<String> {
    operator.needs(Scope::TransfersWrite)?;
    let filled = operator.form(body).await?;
    let [kind, subject, why] = ["kind", "subject", "why"].map(|name| filled.text(name).to_owned());
    if why.is_empty() {
        return Err(Error::refused("reason_needed"));
    }
    let moment = operator.moment();
    let cleared = operator.visit.app.db.write(move |tx| {
        Box::pin(async move { intervene::clear_alert(tx, &moment, (&kind, &subject), &why).await })
    });
    cleared.await?;
    Ok("/admin".to_owned())
}

async fn overview(operator: &Operator) -> Result<String> {
    let app = &operator.visit.app;
    let (money, orders) = (
        operator.may(Scope::TransfersRead),
        operator.may(Scope::OrdersRead),
    );
    let read = app.db.read(move |tx| {
        Box::pin(async move {
            let mut matters = Vec::new();
            if money {
                matters.extend([waiting(tx).await?, dues(tx).await?]);
            }
            if orders {
                matters.extend([to_send(tx).await?, stuck(tx).await?]);
            }
            if money {
                matters.push(unread(tx).await?);
            }
            let alerts = if money || orders {
                alert::open(tx).await?
            } else {
                Vec::new()
            };
            Ok((matters, alerts))
        })
    });
    let (matters, alerts) = read.await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        now: app.clock.now(),
        matters,
        alerts,
    };
    Ok(page.render()?)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand every argument over by reference"
)]
impl Page<'_> {
    fn nothing_waits(&self) -> bool {
        self.alerts.is_empty() && self.matters.iter().all(|matter| matter.count == 0)
    }

    fn word(&self, matter: &Matter, part: &str) -> String {
        let key = format!("admin.overview.{}.{part}", matter.word);
        self.frame.say(&key).into_owned()
    }

    fn since(&self, at: &Timestamp) -> String {
        ago(self.frame, self.now.since(*at))
    }

    fn time(&self, at: &Timestamp) -> Time {
        self.frame.short(at)
    }

    fn kind(&self, alert: &Alert) -> String {
        super::words::word(self.frame, "alert", &alert.kind)
    }
}

impl Matter {
    fn new(word: &'static str, address: &'static str) -> Self {
        Self {
            word,
            address,
            count: 0,
            more: false,
            since: None,
            sums: Vec::new(),
        }
    }

    fn counting(mut self, count: usize, since: Option<Timestamp>) -> Self {
        self.more = i64::try_from(count).is_ok_and(|count| count >= MOST);
        (self.count, self.since) = (count, since);
        self
    }

    fn adding(mut self, amounts: impl Iterator<Item = Money>) -> Self {
        for amount in amounts {
            let known = self.sums.iter_mut();
            match known
                .into_iter()
                .find(|sum| sum.currency == amount.currency)
            {
                Some(sum) => sum.minor += amount.minor,
                None => self.sums.push(amount),
            }
        }
        self
    }
}

/// How long something waits, in its largest unit.
#[must_use]
pub fn ago(frame: &Frame, span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    let (unit, count) = match minutes {
        0..60 => ("minutes", minutes),
        60..2880 => ("hours", minutes / 60),
        _ => ("days", minutes / 1440),
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    frame.count(&format!("admin.ago.{unit}"), count)
}

async fn waiting(tx: &mut Tx<'_>) -> Result<Matter> {
    let counted = figures::waiting(tx).await?.into_iter();
    let count: i64 = counted.map(|(_, count)| count).sum();
    let oldest = transfer::waiting(tx, 1).await?.pop();
    let mut matter = Matter::new("transfers", "/admin/transfers");
    matter.count = usize::try_from(count).unwrap_or(0);
    matter.since = oldest.map(|oldest| oldest.received_at);
    Ok(matter)
}

async fn dues(tx: &mut Tx<'_>) -> Result<Matter> {
    let due = transfer::dues(tx, MOST).await?;
    let amounts = due.iter().map(|transfer| Money {
        minor: transfer.due(),
        currency: transfer.amount.currency,
    });
    let since = due.first().map(|transfer| transfer.received_at);
    let matter = Matter::new("dues", "/admin/transfers?due=yes");
    Ok(matter.counting(due.len(), since).adding(amounts))
}

async fn to_send(tx: &mut Tx<'_>) -> Result<Matter> {
    let open = refund::waiting(tx, MOST).await?.into_iter();
    let by_hand: Vec<_> = open
        .filter(|r| r.gateway == refund::BY_HAND && r.state == RefundState::Asked)
        .collect();
    let since = by_hand.first().map(|refund| refund.created_at);
    let matter = Matter::new("refunds", "/admin/refunds");
    let amounts = by_hand.iter().map(|refund| refund.amount);
    Ok(matter.counting(by_hand.len(), since).adding(amounts))
}

async fn stuck(tx: &mut Tx<'_>) -> Result<Matter> {
    let filter = Filter {
        stuck: true,
        ..Filter::default()
    };
    let found = grants::list(tx, &filter, None, MOST).await?;
    Ok(Matter::new("grants", "/admin/grants").counting(found.len(), None))
}

async fn unread(tx: &mut Tx<'_>) -> Result<Matter> {
    let found = gateway_event::not_settled(tx, None, MOST).await?;
    let since = found.first().map(|puzzle| puzzle.received_at);
    Ok(Matter::new("messages", "/admin/messages").counting(found.len(), since))
}
