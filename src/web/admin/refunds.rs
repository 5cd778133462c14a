//! `/admin/refunds`: money on its way back, what a person has to send first. A person who has sent it
//! writes down the bank's reference; one who will not, says why.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;

use super::filled::Filled;
use super::operator::Operator;
use super::page::Room;
use super::words;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::refund as step;
use crate::id::RefundId;
use crate::model::api_key::Scope;
use crate::model::order::{self, Order};
use crate::model::refund::{self, BY_HAND, Refund, RefundState};
use crate::model::transfer::{self, Transfer};
use crate::web::frame::Frame;
use crate::web::icon::Icon;

/// Rows of the page, oldest first.
const MOST: i64 = 100;

/// A refund that its payer does not have yet.
#[derive(Debug, Clone)]
pub struct Row {
    /// As stored.
    pub refund: Refund,
    /// What it takes from.
    pub order: Option<Order>,
    /// The money that goes back: its account and texts say to whom.
    pub transfer: Option<Transfer>,
}

#[derive(Template)]
#[template(path = "pages/admin/refunds.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    rows: Vec<Row>,
    done: Option<Refund>,
}

/// `GET /admin/refunds`.
pub async fn show(operator: Operator) -> Response {
    operator.show(Scope::OrdersRead, open(&operator)).await
}

/// `POST /admin/refunds/{id}/sent`.
pub async fn sent(operator: Operator, Path(id): Path<String>, body: Body) -> Response {
    let done = decide(&operator, RefundId::from(id), body, true).await;
    operator.went_on(done).await
}

/// `POST /admin/refunds/{id}/call-off`.
pub async fn call_off(operator: Operator, Path(id): Path<String>, body: Body) -> Response {
    let done = decide(&operator, RefundId::from(id), body, false).await;
    operator.went_on(done).await
}

async fn open(operator: &Operator) -> Result<String> {
    let app = &operator.visit.app;
    let done = operator.visit.asked("done").next().map(RefundId::from);
    let read = app.db.read(move |tx| {
        Box::pin(async move {
            let done = match done {
                Some(id) => refund::get(tx, &id).await.ok(),
                None => None,
            };
            Ok((rows(tx).await?, done))
        })
    });
    let (rows, done) = read.await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        rows,
        done,
    };
    Ok(page.render()?)
}

async fn rows(tx: &mut Tx<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for refund in refund::waiting(tx, MOST).await? {
        let order = match &refund.order {
            Some(id) => Some(order::get(tx, id).await?),
            None => None,
        };
        let transfer = match &refund.transfer {
            Some(id) => Some(transfer::get(tx, id).await?),
            None => None,
        };
        rows.push(Row {
            refund,
            order,
            transfer,
        });
    }
    rows.sort_by_key(|row| !row.is_by_hand());
    Ok(rows)
}

async fn decide(operator: &Operator, id: RefundId, body: Body, is_sent: bool) -> Result<String> {
    operator.needs(Scope::RefundsWrite)?;
    let filled: Filled = operator.form(body).await?;
    let field = if is_sent { "reference" } else { "why" };
    let text = filled.text(field).to_owned();
    let app = &operator.visit.app;
    let (moment, policy) = (operator.moment(), app.desk.policy.clone());
    let decided = app.db.write(move |tx| {
        Box::pin(async move {
            if is_sent {
                step::sent_by_hand(tx, &moment, &id, &text).await
            } else {
                step::call_off(tx, &moment, &policy, &id, &text).await
            }
        })
    });
    let refund = decided.await?;
    if let Some(order) = &refund.order {
        app.live.tell(order);
    }
    Ok(format!("/admin/refunds?done={}", refund.id))
}

impl Row {
    /// A person has to send it.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        self.refund.gateway == BY_HAND && self.refund.state == RefundState::Asked
    }
}

impl Page<'_> {
    fn state(&self, refund: &Refund) -> String {
        words::word(self.frame, "refund", refund.state)
    }
}
