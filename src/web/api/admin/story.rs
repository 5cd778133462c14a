//! An order as the seller's programs see it: its money, courses, grants and letters. No links and
//! no secret of the buyer's page: who has them has the access.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::page::identified;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{GrantId, LineId};
use crate::model::code::OrderCode;
use crate::model::download::{self, Figures};
use crate::model::email::{self, Email};
use crate::model::grant::{self, Grant};
use crate::model::line::{self, Line};
use crate::model::order::Order;
use crate::model::payment::{self, Payment};
use crate::model::transfer::{self, Transfer};
use crate::outcome::Who;

/// An order, without its parts. Money is in minor units of `currency`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow {
    id: String,
    code: String,
    email: String,
    name: String,
    locale: &'static str,
    currency: &'static str,
    /// Before the price rule.
    list_total: i64,
    total: i64,
    /// Allocated so far.
    received: i64,
    /// Refunds and lost disputes.
    refunded: i64,
    /// A dispute is open: access rests.
    disputed: bool,
    /// `sale` or `gift`.
    kind: &'static str,
    /// `pending`, `paid`, `partially_refunded`, `refunded`, `cancelled` or `expired`.
    payment_status: &'static str,
    /// `pending`, `processing`, `completed` or `failed`.
    order_status: &'static str,
    created_at: String,
    expires_at: String,
    paid_at: Option<String>,
    finished_at: Option<String>,
}

/// An order with all its parts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderStory {
    #[serde(flatten)]
    order: OrderRow,
    lines: Vec<LineRow>,
    payments: Vec<PaymentRow>,
    transfers: Vec<TransferRow>,
    grants: Vec<GrantRow>,
    downloads: Vec<DownloadRow>,
    emails: Vec<EmailRow>,
}

/// One course of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineRow {
    id: String,
    /// Slug.
    course: String,
    title: String,
    list_price: i64,
    /// Its share of the total.
    price: i64,
    access_days: Option<i64>,
    /// `pending`, `processing`, `enrolled`, `completed` or `failed`.
    status: &'static str,
}

/// One intention to pay.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRow {
    id: String,
    gateway: String,
    /// Which one at this gateway, from 1.
    attempt: i64,
    /// What was owed when it was opened.
    amount: i64,
    /// `open`, `paid`, `closed` or `failed`.
    state: &'static str,
    /// The gateway's name of the checkout.
    reference: Option<String>,
    /// When the checkout ends.
    until: Option<String>,
    why: Option<String>,
}

/// Money that moved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferRow {
    id: String,
    gateway: String,
    amount: i64,
    currency: &'static str,
    /// What it turned out to be against the orders.
    class: &'static str,
    /// The bank's.
    reference: String,
    received_at: String,
    /// Null: it waits for a person.
    closed_at: Option<String>,
}

/// One benefit of one course.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantRow {
    pub(super) id: String,
    order_code: String,
    line_id: String,
    /// Slug.
    course: String,
    /// `enrolment`, `files` or `worker_files`.
    benefit: &'static str,
    connection: String,
    /// The course there, or the folder.
    target: String,
    learner: String,
    /// `waiting`, `working`, `verifying`, `active`, `action_needed`, `gave_up`, `revoking`,
    /// `revoked` or `expired`.
    state: &'static str,
    /// Who must act: `buyer`, `seller` or `connection`.
    who: Option<&'static str>,
    why: Option<String>,
    attempts: i64,
    next_at: Option<String>,
    give_up_at: String,
    activated_at: Option<String>,
    expires_at: Option<String>,
}

/// What was downloaded by the right of one grant; none where nothing was.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DownloadRow {
    grant_id: String,
    /// One file over 24 hours, however many requests it took.
    sessions: i64,
    /// Of all requests.
    bytes: u64,
    /// How many addresses they came from.
    addresses: i64,
    last_at: String,
}

/// One letter to the buyer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailRow {
    id: String,
    /// `receipt`, `completed`, or `late:` and a line's id.
    kind: String,
    /// `queued`, `sending`, `sent`, `unknown` or `bounced`.
    state: &'static str,
    why: Option<String>,
    created_at: String,
    sent_at: Option<String>,
}

identified!(OrderRow, GrantRow);

/// Everything about an order but its audit.
pub(super) async fn read(tx: &mut Tx<'_>, order: Order) -> Result<OrderStory> {
    let lines = line::of_order(tx, &order.id).await?;
    let courses: BTreeMap<LineId, String> = lines
        .iter()
        .map(|line| (line.id.clone(), line.course.clone()))
        .collect();
    let grants = grant::of_order(tx, &order.id).await?.into_iter();
    let grants = grants.map(|grant| {
        let course = courses.get(&grant.line).cloned().unwrap_or_default();
        GrantRow::new(grant, &order.code, course)
    });
    Ok(OrderStory {
        grants: grants.collect(),
        lines: lines.into_iter().map(LineRow::from).collect(),
        payments: rows(payment::of_order(tx, &order.id).await?),
        transfers: rows(transfer::of_order(tx, &order.id).await?),
        downloads: rows(download::of_order(tx, &order.id).await?),
        emails: rows(email::of_order(tx, &order.id).await?),
        order: order.into(),
    })
}

fn rows<T, R: From<T>>(stored: Vec<T>) -> Vec<R> {
    stored.into_iter().map(R::from).collect()
}

impl From<Order> for OrderRow {
    fn from(order: Order) -> Self {
        Self {
            id: order.id.0,
            code: order.code.to_string(),
            email: order.email,
            name: order.name,
            locale: order.locale.tag(),
            currency: order.total.currency.code(),
            list_total: order.list_total.minor,
            total: order.total.minor,
            received: order.received.minor,
            refunded: order.refunded.minor,
            disputed: order.disputed,
            kind: order.kind.as_str(),
            payment_status: order.payment_status.as_str(),
            order_status: order.order_status.as_str(),
            created_at: order.created_at.rfc3339(),
            expires_at: order.expires_at.rfc3339(),
            paid_at: order.paid_at.map(Timestamp::rfc3339),
            finished_at: order.finished_at.map(Timestamp::rfc3339),
        }
    }
}

impl From<Line> for LineRow {
    fn from(line: Line) -> Self {
        Self {
            id: line.id.0,
            course: line.course,
            title: line.title,
            list_price: line.list_price,
            price: line.price,
            access_days: line.access_days,
            status: line.status.as_str(),
        }
    }
}

impl From<Payment> for PaymentRow {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id.0,
            gateway: payment.gateway,
            attempt: payment.attempt,
            amount: payment.amount,
            state: payment.state.as_str(),
            reference: payment.reference,
            until: payment.until.map(Timestamp::rfc3339),
            why: payment.why,
        }
    }
}

impl From<Transfer> for TransferRow {
    fn from(transfer: Transfer) -> Self {
        Self {
            id: transfer.id.0,
            gateway: transfer.gateway,
            amount: transfer.amount.minor,
            currency: transfer.amount.currency.code(),
            class: transfer.class.as_str(),
            reference: transfer.reference,
            received_at: transfer.received_at.rfc3339(),
            closed_at: transfer.closed_at.map(Timestamp::rfc3339),
        }
    }
}

impl GrantRow {
    pub(super) fn new(grant: Grant, order: &OrderCode, course: String) -> Self {
        Self {
            id: grant.id.0,
            order_code: order.to_string(),
            line_id: grant.line.0,
            course,
            benefit: grant.benefit.as_str(),
            connection: grant.connection,
            target: grant.target,
            learner: grant.learner,
            state: grant.state.as_str(),
            who: grant.who.map(Who::as_str),
            why: grant.why,
            attempts: grant.attempts,
            next_at: grant.next_at.map(Timestamp::rfc3339),
            give_up_at: grant.give_up_at.rfc3339(),
            activated_at: grant.activated_at.map(Timestamp::rfc3339),
            expires_at: grant.expires_at.map(Timestamp::rfc3339),
        }
    }

    pub(super) fn grant_id(&self) -> GrantId {
        GrantId::from(self.id.as_str())
    }
}

impl From<Figures> for DownloadRow {
    fn from(figures: Figures) -> Self {
        Self {
            grant_id: figures.grant.0,
            sessions: figures.sessions,
            bytes: figures.bytes,
            addresses: figures.addresses,
            last_at: figures.last_at.rfc3339(),
        }
    }
}

impl From<Email> for EmailRow {
    fn from(email: Email) -> Self {
        Self {
            id: email.id.0,
            kind: email.letter.word(),
            state: email.state.as_str(),
            why: email.why,
            created_at: email.created_at.rfc3339(),
            sent_at: email.sent_at.map(Timestamp::rfc3339),
        }
    }
}
