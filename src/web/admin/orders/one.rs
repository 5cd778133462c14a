//! `/admin/orders/{code}`: an order as the seller sees it: its courses with what is promised and kept,
//! its money in and out, its letters, its story; and what a person can do about each.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::model::allocation;
use crate::model::api_key::Scope;
use crate::model::audit::{self, Entry};
use crate::model::code::OrderCode;
use crate::model::dispute::{self, Claim};
use crate::model::download::{self, Figures};
use crate::model::email::{self, Email, EmailState, Letter};
use crate::model::grant::{self, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, Refund, RefundState};
use crate::model::transfer::{self, Transfer};
use crate::money::Money;
use crate::web::admin::filled;
use crate::web::admin::operator::Operator;
use crate::web::admin::page::Room;
use crate::web::admin::words::{self, Told};
use crate::web::frame::Frame;
use crate::web::icon::Icon;

/// Everything about an order.
#[derive(Debug, Clone)]
pub struct Whole {
    /// As stored.
    pub order: Order,
    /// Its courses, each with what was promised.
    pub lines: Vec<(Line, Vec<Grant>)>,
    /// What pays it: the transfer and how much of it.
    pub parts: Vec<(Transfer, Money)>,
    /// Transfers that were matched with it and pay nothing of it.
    pub others: Vec<Transfer>,
    /// What went back, or is on its way.
    pub refunds: Vec<Refund>,
    /// What payers dispute.
    pub disputes: Vec<Claim>,
    /// What the buyer downloaded.
    pub downloads: Vec<Figures>,
    /// Letters to the buyer.
    pub emails: Vec<Email>,
    /// What happened, oldest first.
    pub story: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "pages/admin/order.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    whole: &'a Whole,
    order: &'a Order,
    story: Vec<Told>,
    /// Makes a gift that is sent twice one gift.
    once: String,
}

/// `GET /admin/orders/{code}`.
pub async fn show(operator: Operator, Path(code): Path<String>) -> Response {
    operator
        .show(Scope::OrdersRead, one(&operator, &code))
        .await
}

async fn one(operator: &Operator, code: &str) -> Result<String> {
    let app = &operator.visit.app;
    let code = filled::code(code, &app.desk.policy.prefix)?;
    let read = app
        .db
        .read(move |tx| Box::pin(async move { whole(tx, &code).await }));
    let whole = read.await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        story: words::story(&room.frame, &whole.story),
        order: &whole.order,
        whole: &whole,
        once: app.mint.secret(),
    };
    Ok(page.render()?)
}

async fn whole(tx: &mut Tx<'_>, code: &OrderCode) -> Result<Whole> {
    let order = order::by_code(tx, code).await?;
    let order = order.ok_or(Error::NotFound("order"))?;
    let mut grants = grant::of_order(tx, &order.id).await?;
    let mut lines = Vec::new();
    for line in line::of_order(tx, &order.id).await? {
        let (own, rest) = grants.into_iter().partition(|grant| grant.line == line.id);
        grants = rest;
        lines.push((line, own));
    }
    let parts = parts(tx, &order).await?;
    let mut others = transfer::of_order(tx, &order.id).await?;
    others.retain(|other| parts.iter().all(|(part, _)| part.id != other.id));
    Ok(Whole {
        lines,
        parts,
        others,
        refunds: refund::of_order(tx, &order.id).await?,
        disputes: dispute::of_order(tx, &order.id).await?,
        downloads: download::of_order(tx, &order.id).await?,
        emails: email::of_order(tx, &order.id).await?,
        story: audit::of_order(tx, &order.id).await?,
        order,
    })
}

async fn parts(tx: &mut Tx<'_>, order: &Order) -> Result<Vec<(Transfer, Money)>> {
    let mut parts = Vec::new();
    for part in allocation::of_order(tx, &order.id).await? {
        let amount = Money {
            minor: part.amount,
            currency: order.total.currency,
        };
        parts.push((transfer::get(tx, &part.transfer).await?, amount));
    }
    Ok(parts)
}

impl Whole {
    /// What can still be paid back.
    #[must_use]
    pub fn refundable(&self) -> Option<Money> {
        let paid = matches!(
            self.order.payment_status,
            PaymentStatus::Paid | PaymentStatus::PartiallyRefunded
        );
        let minor = self.order.received.minor - self.order.refunded.minor;
        let currency = self.order.total.currency;
        (paid && minor > 0).then_some(Money { minor, currency })
    }

    /// What was downloaded by a grant's right; `None` where nothing was.
    #[must_use]
    pub fn downloaded(&self, grant: &Grant) -> Option<&Figures> {
        self.downloads.iter().find(|known| known.grant == grant.id)
    }

    /// It can be called off.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.order.payment_status == PaymentStatus::Pending && self.order.received.minor == 0
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand every argument over by reference"
)]
impl Page<'_> {
    fn money(&self, minor: &i64) -> Money {
        Money {
            minor: *minor,
            currency: self.order.total.currency,
        }
    }

    fn word(&self, group: &str, stored: &dyn std::fmt::Display) -> String {
        words::word(self.frame, group, stored)
    }

    fn owed(&self) -> Option<Money> {
        let minor = self.order.owed();
        let waits = matches!(
            self.order.payment_status,
            PaymentStatus::Pending | PaymentStatus::Expired
        );
        (waits && minor > 0).then(|| self.money(&minor))
    }

    fn downloads(&self, figures: &Figures) -> String {
        let bytes = self.frame.size(&figures.bytes);
        let values = [
            ("sessions", figures.sessions.to_string()),
            ("bytes", bytes),
            ("addresses", figures.addresses.to_string()),
        ];
        let values = values
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.frame.locale.fill("admin.one.downloads", &values)
    }

    fn line_of(&self, refund: &Refund) -> Option<String> {
        let line = refund.line.as_ref()?;
        let lines = self.whole.lines.iter();
        let mut of_line = lines.filter(|(known, _)| known.id == *line);
        of_line.next().map(|(line, _)| line.title.clone())
    }

    fn who(&self, grant: &Grant) -> Option<String> {
        let who = grant.who?;
        Some(words::word(self.frame, "must", who.as_str()))
    }

    fn letter(&self, email: &Email) -> String {
        let word = match &email.letter {
            Letter::Receipt => "receipt",
            Letter::Short => "short",
            Letter::Completed => "completed",
            Letter::Ending(_) => "ending",
            Letter::Refunded(_) => "refunded",
            Letter::Late(_) => "late",
        };
        words::word(self.frame, "letter", word)
    }
}

fn is_by_hand(refund: &Refund) -> bool {
    refund.gateway == refund::BY_HAND && refund.state == RefundState::Asked
}

fn may_retry(grant: &Grant) -> bool {
    matches!(
        grant.state,
        GrantState::Waiting
            | GrantState::Verifying
            | GrantState::ActionNeeded
            | GrantState::GaveUp
            | GrantState::Revoking
    )
}

fn may_revoke(grant: &Grant) -> bool {
    matches!(grant.state, GrantState::Active | GrantState::Expired)
}

/// Its access has ended, and a gift would bring it back.
fn is_gone(grants: &[Grant]) -> bool {
    let away = |grant: &Grant| matches!(grant.state, GrantState::Revoked | GrantState::Revoking);
    !grants.is_empty() && grants.iter().all(away)
}

fn mood(grant: &Grant) -> &'static str {
    match grant.state {
        GrantState::Active => "good",
        GrantState::Waiting | GrantState::Working | GrantState::Verifying => "busy",
        GrantState::ActionNeeded | GrantState::GaveUp => "attention",
        GrantState::Revoking | GrantState::Revoked | GrantState::Expired => "quiet",
    }
}

fn may_send_again(email: &Email) -> bool {
    matches!(email.state, EmailState::Unknown | EmailState::Bounced)
}
