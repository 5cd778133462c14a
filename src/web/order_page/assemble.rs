//! The order page's view, made from the books as they are at one moment. It decides nothing: each
//! stored state has its words in the view, and an inside reason never gets there.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::view::{
    Access, BenefitKind, BenefitView, BuyerTask, LineView, MaskedEmail, Milestones, MoneyState,
    OrderView, PayView, Totals,
};
use crate::app::App;
use crate::clock::Timestamp;
use crate::connectors::gateways::bank;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::fulfilment::price::Rule;
use crate::id::LineId;
use crate::model::catalogue::Catalogue;
use crate::model::course::Slug;
use crate::model::email::{self, Email, EmailState, Letter};
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, PaymentStatus};
use crate::money::Money;
use crate::outcome::Who;
use crate::web::frame::Frame;
use crate::web::shop::covers;

/// Where the configuration names no bank account to pay into.
const NOT_CONFIGURED: &str = "—";

/// Everything about one order that its page shows, from one snapshot.
#[derive(Debug, Clone)]
pub struct Books {
    /// The order.
    pub order: Order,
    lines: Vec<Line>,
    grants: HashMap<LineId, Vec<Grant>>,
    letter: Option<Email>,
}

/// The books of the order whose page has this secret, if there is one.
pub async fn find(db: &Db, secret: &str) -> Result<Option<Books>> {
    // What no secret looks like is not worth asking for; PostgreSQL would refuse some of it.
    if secret.len() > 100 || !secret.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let secret = secret.to_owned();
    db.read(move |tx| Box::pin(async move { read(tx, &secret).await }))
        .await
}

async fn read(tx: &mut Tx<'_>, secret: &str) -> Result<Option<Books>> {
    let Some(order) = order::by_secret(tx, secret).await? else {
        return Ok(None);
    };
    let mut grants: HashMap<LineId, Vec<Grant>> = HashMap::new();
    for grant in grant::of_order(tx, &order.id).await? {
        grants.entry(grant.line.clone()).or_default().push(grant);
    }
    let letters = email::of_order(tx, &order.id).await?;
    Ok(Some(Books {
        lines: line::of_order(tx, &order.id).await?,
        letter: letters.into_iter().find(|e| e.letter == Letter::Completed),
        grants,
        order,
    }))
}

/// What the view is made from.
pub struct Scene<'a> {
    /// Settings and links.
    pub app: &'a App,
    /// For pictures only: titles and prices are the order's own.
    pub catalogue: &'a Catalogue,
    /// The order.
    pub books: &'a Books,
    /// When it is looked at.
    pub now: Timestamp,
}

impl Scene<'_> {
    /// The view of the order's page.
    #[must_use]
    pub fn view(&self, frame: Frame) -> OrderView {
        let Books { order, lines, .. } = self.books;
        let money = self.money();
        let mut view = OrderView {
            frame,
            // Not the present yet: the version must not change with every second.
            now: order.created_at,
            version: String::new(),
            stream_url: format!("/o/{}/stream", order.secret),
            code: order.code.to_string(),
            email: MaskedEmail::of(&order.email),
            lines: lines.iter().map(|line| self.line(line, &money)).collect(),
            money,
            totals: self.totals(),
            times: self.times(),
        };
        view.version = version(order, &view);
        view.now = self.now;
        view
    }

    fn money(&self) -> MoneyState {
        let order = &self.books.order;
        let at = order.expires_at;
        match order.payment_status {
            // The sweep will say so soon; the page must not ask for money until then.
            PaymentStatus::Pending if at <= self.now => MoneyState::Expired { at },
            PaymentStatus::Pending if order.received.minor > 0 => MoneyState::PartlyPaid {
                received: order.received,
                pay: self.pay(),
            },
            PaymentStatus::Pending => MoneyState::Awaiting(self.pay()),
            PaymentStatus::Paid => MoneyState::Paid,
            PaymentStatus::Expired => MoneyState::Expired { at },
            PaymentStatus::Cancelled => MoneyState::Cancelled { at },
            PaymentStatus::Refunded => MoneyState::Refunded {
                amount: order.received,
            },
            PaymentStatus::PartiallyRefunded => MoneyState::PartiallyRefunded {
                amount: self.refunded(),
            },
        }
    }

    fn pay(&self) -> PayView {
        let order = &self.books.order;
        let amount = missing(order);
        let account = self.app.desk.accounts.first();
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NOT_CONFIGURED.to_owned());
        let qr = |ending: &str| {
            let (code, dong) = (&order.code, amount.minor);
            format!("/api/v1/payment/qr/{code}.{ending}?amount={dong}")
        };
        let simulate = format!("/o/{}/simulate", order.secret);
        PayView {
            bank: or_none(account.map(|a| bank::name_of(&a.bank))),
            account: or_none(account.map(|a| a.number.clone())),
            holder: or_none(account.map(|a| a.holder.clone())),
            amount,
            memo: order.code.to_string(),
            qr_src: qr("svg"),
            qr_png: qr("png"),
            expires_at: order.expires_at,
            simulate: self.app.is_demo().then_some(simulate),
        }
    }

    /// The shares of the courses that were taken back whole: refunds go by line.
    fn refunded(&self) -> Money {
        let order = &self.books.order;
        let lines = self.books.lines.iter();
        let taken_back = lines.filter(|line| {
            let grants = self.books.grants_of(line);
            let ended = |g: &Grant| matches!(g.state, GrantState::Revoking | GrantState::Revoked);
            !grants.is_empty() && grants.iter().all(ended)
        });
        Money {
            minor: taken_back.map(|line| line.price).sum(),
            currency: order.total.currency,
        }
    }

    fn line(&self, line: &Line, money: &MoneyState) -> LineView {
        let grants = self.books.grants_of(line);
        let kept = |grant: &Grant| BenefitView {
            kind: kind(grant.benefit, Some(grant)),
            access: self.access(grant),
        };
        let promised = |promise: &line::Promise| BenefitView {
            kind: kind(promise.benefit, None),
            access: money.without_grant(),
        };
        LineView {
            title: line.title.clone(),
            cover: self.cover(line),
            price: Money {
                minor: line.list_price,
                currency: self.books.order.total.currency,
            },
            benefits: if grants.is_empty() {
                line.promises.iter().map(promised).collect()
            } else {
                grants.iter().map(kept).collect()
            },
        }
    }

    fn cover(&self, line: &Line) -> Option<String> {
        let slug = Slug::parse(&line.course).ok()?;
        let cover = self.catalogue.course(&slug)?.cover.as_deref()?;
        covers::url(&self.app.config.shop, cover)
    }

    fn access(&self, grant: &Grant) -> Access {
        match grant.state {
            _ if self.books.order.payment_status == PaymentStatus::Refunded => self.ended(grant),
            GrantState::Waiting if grant.attempts > 0 => coming(grant),
            GrantState::Waiting => Access::Waiting,
            GrantState::Working => Access::Working,
            GrantState::Verifying => Access::Checking,
            GrantState::ActionNeeded => match grant.who {
                // Why is known in the seller's words only; the buyer's are "write to us".
                Some(Who::Buyer) => Access::NeedsYou(BuyerTask::Write),
                Some(Who::Connection) => coming(grant),
                Some(Who::Seller) | None => Access::NeedsSeller,
            },
            GrantState::GaveUp => Access::Failed,
            // The sweep will end it; the page must not promise it until then.
            GrantState::Active if grant.has_run_out(self.now) => self.ended(grant),
            GrantState::Active => Access::Yours {
                link: self.link(grant),
                until: grant.expires_at,
            },
            GrantState::Revoking | GrantState::Revoked | GrantState::Expired => self.ended(grant),
        }
    }

    fn ended(&self, grant: &Grant) -> Access {
        Access::Revoked {
            at: grant.expires_at.filter(|at| *at <= self.now),
        }
    }

    fn link(&self, grant: &Grant) -> Option<String> {
        let desk = &self.app.desk;
        match grant.benefit {
            Benefit::Enrolment => desk.course_page(&grant.connection, &grant.target),
            Benefit::Files => Some(desk.landing_path(grant, &self.books.order)),
            Benefit::WorkerFiles => {
                let link = grant.receipt.as_ref()?.0["link"].as_str()?;
                link.starts_with("https://").then(|| link.to_owned())
            }
        }
    }

    fn totals(&self) -> Totals {
        let order = &self.books.order;
        let rule = Rule::from_json(&order.price_rule).unwrap_or_default();
        Totals::of(order.list_total, order.total, rule)
    }

    fn times(&self) -> Milestones {
        let order = &self.books.order;
        Milestones {
            ordered: order.created_at,
            paid: order.paid_at,
            granted: order.finished_at,
            done: order.finished_at.and_then(|finished| {
                let letter = self.books.letter.as_ref()?;
                match letter.state {
                    EmailState::Queued | EmailState::Sending => None,
                    EmailState::Sent => Some(letter.sent_at.unwrap_or(finished)),
                    // Nothing more comes by itself.
                    EmailState::Unknown | EmailState::Bounced => Some(finished),
                }
            }),
        }
    }
}

impl Books {
    fn grants_of(&self, line: &Line) -> &[Grant] {
        self.grants.get(&line.id).map_or(&[], Vec::as_slice)
    }
}

/// What is still to be paid.
#[must_use]
pub fn missing(order: &Order) -> Money {
    Money {
        minor: (order.total.minor - order.received.minor).max(0),
        currency: order.total.currency,
    }
}

/// A next attempt, with its time where that is known.
fn coming(grant: &Grant) -> Access {
    match grant.next_at {
        Some(next_at) => Access::Retrying {
            attempt: u32::try_from(grant.attempts).map_or(u32::MAX, |past| past.saturating_add(1)),
            next_at,
        },
        None => Access::Waiting,
    }
}

/// How many files there are is known once they were made ready.
fn kind(benefit: Benefit, grant: Option<&Grant>) -> BenefitKind {
    let counted = || {
        let receipt = grant?.receipt.as_ref()?;
        usize::try_from(receipt.0["files"].as_u64()?).ok()
    };
    match benefit {
        Benefit::Enrolment => BenefitKind::Enrolment,
        Benefit::Files | Benefit::WorkerFiles => BenefitKind::Files(counted().unwrap_or(0)),
    }
}

/// The order's own version, and a digest of all that the page says: the language, the settings, the
/// time that ran out and the next release change pages too.
fn version(order: &Order, view: &OrderView) -> String {
    let said = format!("{}{view:?}", env!("CARGO_PKG_VERSION"));
    let digest = Sha256::digest(said);
    format!("{}-{}", order.version, hex::encode(&digest[..6]))
}
