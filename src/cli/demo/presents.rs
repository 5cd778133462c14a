//! Less money, and none: a coupon, and a present of the seller's.

use anyhow::{Context, ensure};

use super::stage::{Buyer, Placed, Stage, chapter};
use crate::error::Error;
use crate::fulfilment::gift;
use crate::fulfilment::place::{self, Request};
use crate::model::coupon::{self, CouponCode, CouponKind, Limits, NewCoupon};
use crate::model::order::OrderKind;
use crate::money::Currency;
use crate::words::Locale;

const COURSE: &str = "rust-cho-nguoi-ban-hang";
const PERCENT: i64 = 20;
const WHY: &str = "won the quiz";

const DUNG: Buyer = Buyer {
    email: "dung.vo@example.com",
    name: "Võ Dung",
};
const GIANG: Buyer = Buyer {
    email: "giang.do@example.com",
    name: "Đỗ Giang",
};

pub(super) async fn tell(stage: &Stage<'_>) -> anyhow::Result<()> {
    chapter("A coupon");
    with_coupon(stage).await?;
    chapter("A present");
    present(stage).await
}

async fn with_coupon(stage: &Stage<'_>) -> anyhow::Result<()> {
    let code = make_coupon(stage).await?;
    let placed = stage.order(&DUNG, &[COURSE], Some(code.as_str())).await?;
    let listed = stage.booked(&placed).await?.list_total;
    let wanted = listed.minor - listed.minor * PERCENT / 100;
    ensure!(
        placed.total.minor == wanted,
        "the price is {}",
        placed.total
    );
    stage.step(&format!(
        "{code} takes {PERCENT} % off: {} instead of {listed}",
        placed.total
    ));
    stage.transfer(placed.total.minor, &placed.code).await?;
    stage.expect_payment(&placed, "paid").await?;
    let used = uses(stage, code.clone()).await?;
    ensure!(used == (0, 1), "the coupon counts {used:?}");
    stage.completed(&placed).await?;
    stage.step("paid: its one use is used up, the course is open");
    let refused = stage.refusal(&GIANG, &[COURSE], Some(code.as_str()));
    let refused = refused.await?;
    ensure!(refused == "coupon_used_up", "it is refused as {refused}");
    stage.step("a second order with it is refused");
    Ok(())
}

/// For the first order that names it.
async fn make_coupon(stage: &Stage<'_>) -> anyhow::Result<CouponCode> {
    // A folder may be used again, and a code cannot.
    let code = format!("CHAO{}", stage.app.mint.letters(4));
    let code = CouponCode::parse(&code).context("this is no coupon's code")?;
    let new = NewCoupon {
        code: code.clone(),
        kind: CouponKind::Percent,
        value: PERCENT,
        currency: Currency::Vnd,
        only_for: Vec::new(),
        limits: Limits {
            max_uses: Some(1),
            per_customer: None,
            min_total: 0,
            from: None,
            until: None,
            active: true,
            note: "made by the demo".to_owned(),
        },
    };
    stage
        .decide(move |tx, moment, _| {
            Box::pin(async move { coupon::create(tx, &moment, &new).await.map(drop) })
        })
        .await?;
    Ok(code)
}

/// How many orders have reserved a coupon, and how many have used it.
async fn uses(stage: &Stage<'_>, code: CouponCode) -> anyhow::Result<(i64, i64)> {
    let read = stage
        .app
        .db
        .read(move |tx| Box::pin(async move { coupon::counted(tx, Some(&code), 1).await }));
    let counted = read.await.map_err(Error::into_anyhow)?;
    let counted = counted.first().context("the coupon is gone")?;
    Ok((counted.reserved, counted.used))
}

async fn present(stage: &Stage<'_>) -> anyhow::Result<()> {
    let placed = give(stage).await?;
    ensure!(placed.total.minor == 0, "a present costs {}", placed.total);
    stage.completed(&placed).await?;
    stage.until_seat(&GIANG, COURSE, true).await?;
    let audit = stage.audit(&placed).await?;
    let given = audit.iter().find(|entry| entry.action == "order.given");
    let why = given.and_then(|entry| entry.why.as_deref());
    ensure!(why == Some(WHY), "the audit gives the reason {why:?}");
    stage.step(&format!(
        "the seller gave a course, and the audit says why ({WHY}): no money, the course is open"
    ));
    Ok(())
}

async fn give(stage: &Stage<'_>) -> anyhow::Result<Placed> {
    let courses = vec![COURSE.to_owned()];
    let request = Request {
        email: GIANG.email.to_owned(),
        name: GIANG.name.to_owned(),
        phone: None,
        locale: Locale::Vi,
        courses: courses.clone(),
        coupon: None,
        idempotency: None,
        kind: OrderKind::Gift,
    };
    let basket = place::basket(stage.catalogue, &stage.app.desk.policy, &courses);
    let basket = basket.map_err(crate::cli::in_words)?;
    let given = stage
        .decide(move |tx, moment, policy| {
            Box::pin(async move { gift::give(tx, &moment, &policy, &request, &basket, WHY).await })
        })
        .await?;
    let order = given.order;
    Ok(Placed {
        id: order.id,
        code: order.code.to_string(),
        total: order.total,
        page: stage.app.desk.order_url(&order.secret),
        titles: given.lines.into_iter().map(|line| line.title).collect(),
    })
}
