//! Letters: what an e-mail says, read from the books at the moment it is sent. One whose matter is
//! over by then is not written.

use std::collections::BTreeMap;

use crate::app::Desk;
use crate::clock::Timestamp;
use crate::connectors::gateways::bank;
use crate::db::Tx;
use crate::emails::{
    AccessKind, AccessLink, Completed, Ending, FailedCourse, Letterhead, NextStep, PayInto,
    PriceRule, PricedCourse, ReadyCourse, Receipt, Refunded, Rendered, Short, WayBack,
};
use crate::error::Result;
use crate::fulfilment::access::{self, Right};
use crate::fulfilment::price::{Applied, Rule};
use crate::id::{GrantId, LineId, RefundId};
use crate::model::dispute;
use crate::model::email::{Email, Letter};
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, OrderKind, PaymentStatus};
use crate::model::refund::{self, BY_HAND, RefundState};
use crate::money::Money;
use crate::outcome::Who;

/// Write an e-mail, in its own language. `None`: nobody needs to read it any more.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    now: Timestamp,
    desk: &Desk,
    email: &Email,
) -> Result<Option<(Order, Rendered)>> {
    let order = order::get(tx, &email.order).await?;
    let lines = line::of_order(tx, &order.id).await?;
    let l = email.locale;
    let rendered = match &email.letter {
        Letter::Receipt => Some(receipt(desk, &order, &lines).render(l)?),
        Letter::Completed => Some(completed(tx, desk, &order, &lines).await?.render(l)?),
        Letter::Late(late) => {
            let only: Vec<Line> = lines.into_iter().filter(|line| line.id == *late).collect();
            Some(completed(tx, desk, &order, &only).await?.render(l)?)
        }
        Letter::Short => {
            let short = short(desk, &order, now);
            short.map(|letter| letter.render(l)).transpose()?
        }
        Letter::Ending(grant) => {
            let ending = ending(tx, desk, &order, &lines, grant, now).await?;
            ending.map(|letter| letter.render(l)).transpose()?
        }
        Letter::Refunded(refund) => {
            let refunded = refunded(tx, desk, &order, &lines, refund).await?;
            refunded.map(|letter| letter.render(l)).transpose()?
        }
    };
    Ok(rendered.map(|rendered| (order, rendered)))
}

fn receipt(desk: &Desk, order: &Order, lines: &[Line]) -> Receipt {
    let currency = order.total.currency;
    let priced = |line: &Line| PricedCourse {
        title: line.title.clone(),
        price: Money {
            minor: line.list_price,
            currency,
        },
    };
    let (rule, coupon) = reductions(order);
    Receipt {
        head: head(desk, order),
        paid_at: order.paid_at.unwrap_or(order.created_at),
        courses: lines.iter().map(priced).collect(),
        rule,
        coupon,
        total: order.total,
        received: order.received,
    }
}

/// The offer and the coupon that gave the price.
fn reductions(order: &Order) -> (PriceRule, Option<(String, Money)>) {
    let applied = Rule::from_json(&order.price_rule)
        .map(|rule| rule.0)
        .unwrap_or_default();
    match applied.as_slice() {
        [offers @ .., Applied::Coupon { code, off, .. }] => {
            (offer(offers), Some((code.to_string(), *off)))
        }
        offers => (offer(offers), None),
    }
}

fn offer(applied: &[Applied]) -> PriceRule {
    match applied {
        [] => PriceRule::List,
        [Applied::Bundle { title, .. }] => PriceRule::Bundle(title.clone()),
        [
            Applied::Combo {
                courses, times: 1, ..
            },
        ] => PriceRule::Combo(*courses),
        _ => PriceRule::Other,
    }
}

async fn completed(
    tx: &mut Tx<'_>,
    desk: &Desk,
    order: &Order,
    lines: &[Line],
) -> Result<Completed> {
    let mut by_line: BTreeMap<LineId, Vec<Grant>> = BTreeMap::new();
    for grant in grant::of_order(tx, &order.id).await? {
        by_line.entry(grant.line.clone()).or_default().push(grant);
    }
    let mut letter = Completed {
        head: head(desk, order),
        buyer_email: order.email.clone(),
        ready: Vec::new(),
        failed: Vec::new(),
    };
    for line in lines {
        let grants = by_line.get(&line.id).map_or(&[][..], Vec::as_slice);
        let unkept = grants
            .iter()
            .find(|grant| grant.state != GrantState::Active);
        match unkept {
            None => letter.ready.push(ready(desk, order, line, grants)),
            Some(grant) => letter.failed.push(FailedCourse {
                title: line.title.clone(),
                next: next_step(grant),
            }),
        }
    }
    Ok(letter)
}

fn ready(desk: &Desk, order: &Order, line: &Line, grants: &[Grant]) -> ReadyCourse {
    ReadyCourse {
        title: line.title.clone(),
        links: grants
            .iter()
            .filter_map(|grant| link(desk, order, grant))
            .collect(),
        until: grants.iter().filter_map(|grant| grant.expires_at).min(),
    }
}

fn link(desk: &Desk, order: &Order, grant: &Grant) -> Option<AccessLink> {
    let (kind, url) = match grant.benefit {
        Benefit::Enrolment => (
            AccessKind::Learn,
            desk.course_page(&grant.connection, &grant.target)?,
        ),
        Benefit::Files if grant.drive.is_none() => {
            (AccessKind::Files, desk.landing_url(grant, order))
        }
        Benefit::Files | Benefit::WorkerFiles => {
            let receipt = grant.receipt.as_ref()?;
            (AccessKind::Files, receipt.0["link"].as_str()?.to_owned())
        }
    };
    Some(AccessLink { kind, url })
}

fn next_step(grant: &Grant) -> NextStep {
    if grant.who == Some(Who::Buyer) {
        NextStep::AddressProblem
    } else {
        NextStep::SellerTold
    }
}

/// Asked for only while it would help: the order is open, and something is missing.
fn short(desk: &Desk, order: &Order, now: Timestamp) -> Option<Short> {
    let open = order.payment_status == PaymentStatus::Pending && order.expires_at > now;
    if !open || order.owed() == 0 {
        return None;
    }
    let account = desk.accounts.first().map(|account| PayInto {
        bank: bank::name_of(&account.bank),
        number: account.number.clone(),
        holder: account.holder.clone(),
    });
    Some(Short {
        head: head(desk, order),
        received: order.received,
        missing: Money {
            minor: order.owed(),
            currency: order.total.currency,
        },
        account,
        until: order.expires_at,
    })
}

/// Told only of access that is there and really ends.
async fn ending(
    tx: &mut Tx<'_>,
    desk: &Desk,
    order: &Order,
    lines: &[Line],
    grant: &GrantId,
    now: Timestamp,
) -> Result<Option<Ending>> {
    let grant = grant::get(tx, grant).await?;
    let line = lines.iter().find(|line| line.id == grant.line);
    let (Some(at), Some(line), GrantState::Active) = (grant.expires_at, line, grant.state) else {
        return Ok(None);
    };
    let bought_again = grant::ends_last(tx, &grant).await?;
    if at <= now || bought_again.is_some_and(|end| end > at) {
        return Ok(None);
    }
    Ok(Some(Ending {
        head: head(desk, order),
        course: line.title.clone(),
        at,
        shop_url: desk.course_in_shop(&line.course),
    }))
}

/// Told only of money that has not come back.
async fn refunded(
    tx: &mut Tx<'_>,
    desk: &Desk,
    order: &Order,
    lines: &[Line],
    refund: &RefundId,
) -> Result<Option<Refunded>> {
    let refunds = refund::of_order(tx, &order.id).await?;
    let found = refunds.iter().find(|known| known.id == *refund);
    let Some(refund) = found.filter(|refund| refund.state != RefundState::Failed) else {
        return Ok(None);
    };
    let concerned = |line: &&Line| refund.line.as_ref().is_none_or(|only| *only == line.id);
    let claims = dispute::of_order(tx, &order.id).await?;
    let over = |line: &&Line| access::right(order, &refunds, &claims, &line.id) == Right::Over;
    let title = |line: &Line| line.title.clone();
    let of_line = refund.line.as_ref();
    Ok(Some(Refunded {
        head: head(desk, order),
        amount: refund.amount,
        course: of_line.and_then(|id| lines.iter().find(|l| l.id == *id).map(title)),
        way: if refund.gateway == BY_HAND {
            WayBack::Transfer(refund.reference.clone())
        } else {
            WayBack::SameWay
        },
        ended: lines
            .iter()
            .filter(concerned)
            .filter(over)
            .map(title)
            .collect(),
    }))
}

fn head(desk: &Desk, order: &Order) -> Letterhead {
    Letterhead {
        shop: desk.shop.name.clone(),
        support: desk.shop.support_email.clone(),
        utc_offset_minutes: desk.shop.utc_offset_minutes,
        buyer: order.name.clone(),
        order_code: order.code.to_string(),
        order_url: desk.order_url(&order.secret),
        gift: order.kind == OrderKind::Gift,
    }
}
