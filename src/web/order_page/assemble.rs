//! The order page's view, made from the books as they are at one moment. It decides nothing: each
//! stored state has its words in the view, and an inside reason never gets there.

use sha2::{Digest, Sha256};

use super::books::Books;
use super::money::MoneyState;
use super::pretend::PretendView;
use super::view::{
    Access, BenefitKind, BenefitView, BuyerTask, Ended, LineView, MaskedEmail, Milestones, Offer,
    OrderView, Totals,
};
use crate::app::App;
use crate::clock::Timestamp;
use crate::fulfilment::access::{self, Right};
use crate::fulfilment::price::Rule;
use crate::fulfilment::reconcile;
use crate::model::catalogue::Catalogue;
use crate::model::course::Slug;
use crate::model::email::EmailState;
use crate::model::grant::{Benefit, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{Order, OrderKind};
use crate::model::refund::Refund;
use crate::money::Money;
use crate::outcome::Who;
use crate::web::frame::Frame;
use crate::web::shop::covers;

/// What the view is made from.
pub struct Scene<'a> {
    /// Settings and links.
    pub app: &'a App,
    /// For pictures only: titles and prices are the order's own.
    pub catalogue: &'a Catalogue,
    /// The order.
    pub books: &'a Books,
    /// The buyer has just come back from a gateway's page.
    pub back: bool,
    /// When it is looked at.
    pub now: Timestamp,
}

impl Scene<'_> {
    /// The view of the order's page.
    #[must_use]
    pub fn view(&self, frame: Frame) -> OrderView {
        let Books { order, lines, .. } = self.books;
        let money = self.money(&frame);
        let mut view = OrderView {
            // Not the present yet: the version must not change with every second.
            now: order.created_at,
            version: String::new(),
            secret: order.secret.clone(),
            stream_url: format!("/o/{}/stream", order.secret),
            code: order.code.to_string(),
            email: MaskedEmail::of(&order.email),
            gift: order.kind == OrderKind::Gift,
            lines: lines.iter().map(|line| self.line(line, &money)).collect(),
            late: self.late(),
            surplus: self.surplus(),
            refunds: self.books.refunds.iter().map(|r| self.refund(r)).collect(),
            notice: None,
            pretend: self.app.is_demo().then(|| PretendView::of(order)),
            money,
            totals: self.totals(),
            times: self.times(),
            frame,
        };
        view.version = version(order, &view);
        view.now = self.now;
        view
    }

    fn line(&self, line: &Line, money: &MoneyState) -> LineView {
        let grants = self.books.grants_of(line);
        let kept = |grant: &Grant| BenefitView {
            kind: kind(grant.benefit, Some(grant)),
            access: self.access(grant, money),
            meanwhile: self.meanwhile(grant, money),
        };
        let promised = |promise: &line::Promise| BenefitView {
            kind: kind(promise.benefit, None),
            access: money.without_grant(),
            meanwhile: None,
        };
        let benefits: Vec<BenefitView> = if grants.is_empty() {
            line.promises.iter().map(promised).collect()
        } else {
            grants.iter().map(kept).collect()
        };
        LineView {
            title: line.title.clone(),
            cover: self.cover(line),
            price: Money {
                minor: line.list_price,
                currency: self.books.order.total.currency,
            },
            again: self.again(line, &benefits),
            benefits,
        }
    }

    /// Bought again, a course goes on; as long as it is on sale.
    fn again(&self, line: &Line, benefits: &[BenefitView]) -> Option<String> {
        let sensible = |benefit: &BenefitView| benefit.access.can_go_on();
        let slug = Slug::parse(&line.course).ok()?;
        let on_sale = self.catalogue.course(&slug).is_some();
        (on_sale && benefits.iter().any(sensible)).then(|| format!("/?course={slug}#order"))
    }

    fn cover(&self, line: &Line) -> Option<String> {
        let slug = Slug::parse(&line.course).ok()?;
        let cover = self.catalogue.course(&slug)?.cover.as_deref()?;
        covers::url(&self.app.config.shop, cover)
    }

    fn access(&self, grant: &Grant, money: &MoneyState) -> Access {
        let Books {
            order,
            refunds,
            claims,
            ..
        } = self.books;
        match access::right(order, refunds, claims, &grant.line) {
            Right::Over => self.paid_back(grant),
            Right::Rests if order.disputed && !grant.barred => Access::Paused {
                at: self.open_dispute(),
            },
            // The payment was taken back: as before it.
            Right::Rests if !order.disputed => money.without_grant(),
            Right::Rests | Right::Due => self.owed(grant),
        }
    }

    fn owed(&self, grant: &Grant) -> Access {
        match grant.state {
            GrantState::Waiting if grant.attempts > 0 => coming(grant),
            GrantState::Waiting => Access::Waiting,
            GrantState::Working => Access::Working,
            GrantState::Verifying => Access::Checking,
            GrantState::ActionNeeded => match grant.who {
                Some(Who::Buyer) if grant.says("invited") => {
                    let link = self.invitation(grant);
                    Access::NeedsYou(BuyerTask::AcceptInvitation { link })
                }
                // Why is known in the seller's words only; the buyer's are "write to us".
                Some(Who::Buyer) => Access::NeedsYou(BuyerTask::Write),
                Some(Who::Connection) => coming(grant),
                Some(Who::Seller) | None => Access::NeedsSeller,
            },
            GrantState::GaveUp => Access::Failed,
            // The sweep will end it; the page must not promise it until then.
            _ if grant.has_run_out(self.now) => Access::Revoked {
                at: grant.expires_at,
                why: Some(Ended::TimeUp),
            },
            GrantState::Active => Access::Yours {
                link: self.link(grant),
                until: grant.expires_at,
                ending: self.ends_soon(grant),
            },
            GrantState::Revoking | GrantState::Revoked | GrantState::Expired => Access::Revoked {
                at: grant.ended_at,
                why: Some(Ended::BySeller),
            },
        }
    }

    /// Its money went back, by a refund or by the payer's bank.
    fn paid_back(&self, grant: &Grant) -> Access {
        let own = |refund: &&Refund| refund.line.as_ref().is_none_or(|line| *line == grant.line);
        let last = self.books.refunds.iter().rfind(own);
        let (at, why) = match (last, self.lost_dispute()) {
            (Some(refund), _) => (Some(refund.created_at), Ended::Refunded),
            (None, Some(claim)) => (claim.dispute.closed_at, Ended::ChargedBack),
            (None, None) => (grant.ended_at, Ended::Refunded),
        };
        Access::Revoked { at, why: Some(why) }
    }

    /// So soon that buyers are warned; access that is short from the start is no surprise.
    fn ends_soon(&self, grant: &Grant) -> bool {
        let notice = reconcile::WARNING;
        let short = grant
            .access_days
            .is_some_and(|days| days.unsigned_abs() * 86_400 <= 2 * notice.as_secs());
        !short && grant.has_run_out(self.now.plus(notice))
    }

    fn link(&self, grant: &Grant) -> Option<String> {
        let desk = &self.app.desk;
        match grant.benefit {
            Benefit::Enrolment => desk.course_page(&grant.connection, &grant.target),
            Benefit::Files if grant.drive.is_none() => Some(self.landing(grant)),
            Benefit::Files | Benefit::WorkerFiles => {
                let link = grant.receipt.as_ref()?.0["link"].as_str()?;
                link.starts_with("https://").then(|| link.to_owned())
            }
        }
    }

    /// The platform's own link, else its page of the course: after signing in it is there too.
    fn invitation(&self, grant: &Grant) -> Option<String> {
        let link = grant.receipt.as_ref()?.0["link"].as_str();
        let is_link = |link: &&str| link.starts_with("https://") || link.starts_with("http://");
        let course = || self.app.desk.course_page(&grant.connection, &grant.target);
        link.filter(is_link).map(ToOwned::to_owned).or_else(course)
    }

    fn landing(&self, grant: &Grant) -> String {
        let desk = &self.app.desk;
        desk.landing_path(grant, &self.books.order)
    }

    /// Files that are on their way to a Drive are here already.
    fn meanwhile(&self, grant: &Grant, money: &MoneyState) -> Option<String> {
        let waits = grant.drive.is_some() && grant.state.is_owed();
        let is_due = matches!(
            self.access(grant, money),
            Access::Waiting
                | Access::Working
                | Access::Checking
                | Access::Retrying { .. }
                | Access::NeedsSeller
                | Access::NeedsYou(_)
        );
        (waits && is_due).then(|| self.landing(grant))
    }

    fn totals(&self) -> Totals {
        let order = &self.books.order;
        let rule = Rule::from_json(&order.price_rule).unwrap_or_default();
        let mut totals = Totals::of(order.list_total, order.total, rule);
        if order.kind == OrderKind::Gift {
            totals.offers = vec![Offer::Gift];
        }
        totals
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
