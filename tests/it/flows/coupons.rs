//! Coupons through an order's life: reserved, used, released, taken again; never oversold.

use std::time::Duration;

use bursar::error::{Error, Result};
use bursar::fulfilment::place::Placed;
use bursar::model::coupon::{self, CouponKind, Limits, NewCoupon};
use bursar::model::course::Slug;
use bursar::model::order::{self, Order, OrderStatus, PaymentStatus};
use bursar::model::transfer::Class;
use bursar::words::Locale;
use futures_util::future::join_all;

use crate::harness::coupons::{counted, make, percent, uses};
use crate::harness::shop::{BUYER, START, Shop, each};

const DAY: Duration = Duration::from_hours(24);

fn first(count: i64, mut new: NewCoupon) -> NewCoupon {
    new.limits.max_uses = Some(count);
    new
}

async fn order(shop: &Shop, slugs: &[&str], code: &str) -> Order {
    let placed = shop.order_with(BUYER, slugs, Some(code)).await;
    placed.unwrap().order
}

#[track_caller]
fn assert_refused(answer: Result<Placed>, code: &str) {
    match answer {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.code, code),
        other => panic!("{other:?} instead of {code}"),
    }
}

async fn orders(shop: &Shop) -> i64 {
    let counts = shop.app.db.read(|tx| Box::pin(order::counts(tx)));
    counts.await.unwrap().iter().map(|(_, _, n)| n).sum()
}

#[tokio::test]
async fn of_twenty_orders_at_once_the_first_three_get_the_coupon_and_the_others_are_not_stored() {
    each(async |shop| {
        make(&shop.app, first(3, percent("EARLY", 20))).await;
        let emails: Vec<String> = (0..20).map(|n| format!("buyer{n}@example.com")).collect();
        let at_once = emails
            .iter()
            .map(|email| shop.order_with(email, &["files"], Some("EARLY")));
        let (mut placed, mut refused) = (Vec::new(), 0);
        for answer in join_all(at_once).await {
            match answer {
                Ok(order) => placed.push(order.order),
                Err(Error::Refused(refusal)) => {
                    assert_eq!(refusal.code, "coupon_used_up");
                    refused += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((placed.len(), refused), (3, 17));
        assert!(placed.iter().all(|order| order.total.minor == 160_000));
        assert_eq!(orders(shop).await, 3);
        assert_eq!(uses(&shop.app, "EARLY").await, [3, 0, 3]);
    })
    .await;
}

#[tokio::test]
async fn one_customer_at_many_doors_at_once_gets_no_more_than_one_customer_may() {
    each(async |shop| {
        let mut once = percent("ONCE", 20);
        once.limits.per_customer = Some(1);
        make(&shop.app, once).await;
        // A tag makes another customer's row, so that only the coupon stands between them.
        let emails: Vec<String> = (0..8).map(|n| format!("an+{n}@example.com")).collect();
        let at_once = emails
            .iter()
            .map(|email| shop.order_with(email, &["files"], Some("ONCE")));
        let answers = join_all(at_once).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for answer in answers.into_iter().filter(Result::is_err) {
            assert_refused(answer, "coupon_customer_limit");
        }
        let other = shop.order_with("binh@example.com", &["files"], Some("ONCE"));
        assert!(other.await.is_ok());
        assert_eq!(uses(&shop.app, "ONCE").await, [2, 0, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_paid_order_has_used_its_coupon_and_the_price_was_the_reduced_one() {
    each(async |shop| {
        make(&shop.app, percent("TET", 20)).await;
        let placed = order(shop, &["enrol", "files"], "tet").await;
        assert_eq!(
            (placed.list_total.minor, placed.total.minor),
            (700_000, 560_000)
        );
        let lines = shop.lines(&placed).await;
        let prices: Vec<i64> = lines.iter().map(|line| line.price).collect();
        assert_eq!(prices, [400_000, 160_000]);
        assert_eq!(uses(&shop.app, "TET").await, [1, 0, 1]);
        let settled = shop.pay(&placed, 560_000).await;
        assert_eq!(settled.class, Some(Class::Exact));
        shop.drain().await;
        shop.assert_completed(&placed).await;
        assert_eq!(uses(&shop.app, "TET").await, [0, 1, 1]);
        assert_eq!(counted(&shop.app, "TET").await.taken_off.minor, 140_000);
        let receipt = shop
            .letters()
            .into_iter()
            .find(|l| l.contains("Coupon TET"));
        assert!(receipt.unwrap().contains("-140.000 ₫"));
        let story = shop.audit(&placed).await;
        let moves = story.iter().filter(|entry| entry.action == "coupon.use");
        let states: Vec<_> = moves.map(|entry| entry.after.clone().unwrap()).collect();
        assert_eq!(states, ["reserved", "used"]);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_expires_gives_its_use_to_the_next() {
    each(async |shop| {
        make(&shop.app, first(2, percent("TWO", 20))).await;
        // Two of one sweep: both must be given back.
        for email in ["a@example.com", "b@example.com"] {
            let placed = shop.order_with(email, &["files"], Some("TWO")).await;
            placed.unwrap();
        }
        let refused = shop.order_with(BUYER, &["files"], Some("TWO")).await;
        assert_refused(refused, "coupon_used_up");
        shop.advance(DAY);
        assert_eq!(shop.sweep().await.orders, 2);
        assert_eq!(uses(&shop.app, "TWO").await, [0, 0, 0]);
        order(shop, &["files"], "TWO").await;
        assert_eq!(uses(&shop.app, "TWO").await, [1, 0, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_late_transfer_pays_the_stored_price_though_the_coupon_is_used_up() {
    each(async |shop| {
        make(&shop.app, first(1, percent("ONE", 20))).await;
        let late = order(shop, &["files"], "ONE").await;
        shop.advance(DAY);
        shop.sweep().await;
        let second = shop
            .order_with("b@example.com", &["files"], Some("ONE"))
            .await;
        assert_eq!(second.unwrap().order.total.minor, 160_000);
        let settled = shop.pay(&late, 160_000).await;
        assert_eq!(settled.class, Some(Class::Late));
        assert_eq!(
            uses(&shop.app, "ONE").await,
            [1, 1, 2],
            "one more than its limit"
        );
        let story = shop.audit(&late).await;
        let beyond = story
            .iter()
            .rfind(|entry| entry.action == "coupon.use")
            .unwrap();
        assert!(
            beyond
                .why
                .as_ref()
                .unwrap()
                .contains("beyond the coupon's limit")
        );
        let third = shop
            .order_with("c@example.com", &["files"], Some("ONE"))
            .await;
        assert_refused(third, "coupon_used_up");
        shop.drain().await;
        shop.assert_completed(&late).await;
    })
    .await;
}

#[tokio::test]
async fn a_late_part_payment_opens_the_order_and_takes_the_use_back() {
    each(async |shop| {
        make(&shop.app, first(1, percent("ONE", 20))).await;
        let late = order(shop, &["files"], "ONE").await;
        shop.advance(DAY);
        shop.sweep().await;
        assert_eq!(uses(&shop.app, "ONE").await, [0, 0, 0]);
        assert_eq!(shop.pay(&late, 100_000).await.class, Some(Class::Short));
        assert_eq!(
            shop.order_now(&late.id).await.payment_status,
            PaymentStatus::Pending
        );
        assert_eq!(uses(&shop.app, "ONE").await, [1, 0, 1]);
        assert_eq!(shop.pay(&late, 60_000).await.class, Some(Class::Combined));
        assert_eq!(uses(&shop.app, "ONE").await, [0, 1, 1]);
        shop.drain().await;
        shop.assert_completed(&late).await;
    })
    .await;
}

#[tokio::test]
async fn a_coupon_that_cannot_be_used_is_refused_by_its_reason_and_nothing_is_stored() {
    each(async |shop| {
        let limited = |code: &str, change: fn(&mut Limits)| {
            let mut new = percent(code, 10);
            change(&mut new.limits);
            new
        };
        make(
            &shop.app,
            limited("EARLY", |l| l.from = Some(START.plus(DAY))),
        )
        .await;
        make(&shop.app, limited("OVER", |l| l.until = Some(START))).await;
        make(&shop.app, limited("LARGE", |l| l.min_total = 200_001)).await;
        let mut other = percent("OTHER", 10);
        other.only_for = vec![Slug::parse("enrol").unwrap()];
        make(&shop.app, other).await;
        for (code, why) in [
            ("NONE", "unknown_coupon"),
            ("EARLY", "coupon_not_yet"),
            ("OVER", "coupon_expired"),
            ("LARGE", "coupon_minimum"),
            ("OTHER", "coupon_not_for_these"),
        ] {
            let answer = shop.order_with(BUYER, &["files"], Some(code)).await;
            assert_refused(answer, why);
        }
        assert_eq!(orders(shop).await, 0);
        let both = order(shop, &["enrol", "files"], "OTHER").await;
        let prices: Vec<i64> = shop.lines(&both).await.iter().map(|l| l.price).collect();
        assert_eq!(prices, [450_000, 200_000], "only what it names is cheaper");
    })
    .await;
}

#[tokio::test]
async fn a_stopped_coupon_is_refused_and_orders_that_have_it_keep_it() {
    each(async |shop| {
        make(&shop.app, percent("TET", 20)).await;
        let placed = order(shop, &["files"], "TET").await;
        let coupon = counted(&shop.app, "TET").await.coupon;
        let limits = Limits {
            active: false,
            ..coupon.limits.clone()
        };
        let stopping = shop.step(move |tx, moment| {
            Box::pin(async move { coupon::change(tx, &moment, &coupon, &limits).await })
        });
        stopping.await.unwrap();
        let answer = shop.order_with(BUYER, &["files"], Some("TET")).await;
        assert_refused(answer, "coupon_expired");
        assert_eq!(shop.pay(&placed, 160_000).await.class, Some(Class::Exact));
        shop.drain().await;
        shop.assert_completed(&placed).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_that_costs_nothing_is_paid_at_once_and_delivered_like_any_other() {
    each(async |shop| {
        make(&shop.app, percent("GIFT", 100)).await;
        let placed = shop
            .order_with(BUYER, &["both"], Some("GIFT"))
            .await
            .unwrap();
        assert_eq!(placed.order.total.minor, 0);
        assert_eq!(placed.order.payment_status, PaymentStatus::Paid);
        assert_eq!(placed.order.order_status, OrderStatus::Processing);
        assert_eq!(shop.grants(&placed.order).await.len(), 2);
        assert_eq!(uses(&shop.app, "GIFT").await, [0, 1, 1]);
        shop.drain().await;
        shop.assert_completed(&placed.order).await;
        let letters = shop.letters();
        let code = placed.order.code.as_str();
        let wanted = Locale::En.fill("email.receipt.free_subject", &[("code", code)]);
        assert!(
            letters.iter().any(|letter| letter.contains(&wanted)),
            "{letters:#?}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_amount_larger_than_the_price_makes_an_order_that_costs_nothing() {
    each(async |shop| {
        let mut new = percent("BIG", 1);
        (new.kind, new.value) = (CouponKind::Amount, 1_000_000);
        make(&shop.app, new).await;
        let placed = order(shop, &["files"], "BIG").await;
        assert_eq!(placed.payment_status, PaymentStatus::Paid);
        shop.drain().await;
        shop.assert_completed(&placed).await;
        assert_eq!(counted(&shop.app, "BIG").await.taken_off.minor, 200_000);
    })
    .await;
}
