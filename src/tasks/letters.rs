//! Letters: what an e-mail says, read from the books at the moment it is sent.

use std::collections::BTreeMap;

use crate::app::Desk;
use crate::connectors::destinations::links::LANDING_LIFE;
use crate::db::Tx;
use crate::emails::{
    AccessKind, AccessLink, Completed, FailedCourse, Letterhead, NextStep, PriceRule, PricedCourse,
    ReadyCourse, Receipt, Rendered,
};
use crate::error::{Error, Result};
use crate::fulfilment::price::{Applied, Rule};
use crate::id::LineId;
use crate::model::email::{Email, Letter};
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order};
use crate::money::Money;
use crate::outcome::Who;

/// Write an e-mail, in its own language.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    desk: &Desk,
    email: &Email,
) -> Result<(Order, Rendered)> {
    let order = order::get(tx, &email.order).await?;
    let lines = line::of_order(tx, &order.id).await?;
    let rendered = match &email.letter {
        Letter::Receipt => receipt(desk, &order, &lines).render(email.locale)?,
        Letter::Completed => completed(tx, desk, &order, &lines)
            .await?
            .render(email.locale)?,
        Letter::Short | Letter::Ending(_) | Letter::Refunded(_) => {
            return Err(Error::Conflict("this letter is being written"));
        }
        Letter::Late(late) => {
            let only: Vec<Line> = lines.into_iter().filter(|line| line.id == *late).collect();
            completed(tx, desk, &order, &only)
                .await?
                .render(email.locale)?
        }
    };
    Ok((order, rendered))
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
    Receipt {
        head: head(desk, order),
        paid_at: order.paid_at.unwrap_or(order.created_at),
        courses: lines.iter().map(priced).collect(),
        rule: rule(order),
        total: order.total,
        received: order.received,
    }
}

fn rule(order: &Order) -> PriceRule {
    let applied = Rule::from_json(&order.price_rule)
        .map(|rule| rule.0)
        .unwrap_or_default();
    match applied.as_slice() {
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
        Benefit::Files => {
            let expires = order.created_at.plus(LANDING_LIFE);
            (AccessKind::Files, desk.landing_url(&grant.id, expires))
        }
        Benefit::WorkerFiles => {
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

fn head(desk: &Desk, order: &Order) -> Letterhead {
    Letterhead {
        shop: desk.shop.name.clone(),
        support: desk.shop.support_email.clone(),
        utc_offset_minutes: desk.shop.utc_offset_minutes,
        buyer: order.name.clone(),
        order_code: order.code.to_string(),
        order_url: desk.order_url(&order.secret),
    }
}
