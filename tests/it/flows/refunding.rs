//! Money that goes back, as gateways tell of it: in any order, twice, before the payment, failing later.
//! Named after the threads in which other shops got it wrong.

use bursar::fact::{DisputeStage, RefundProgress};
use bursar::model::grant::GrantState;
use bursar::model::order::{Order, PaymentStatus};

use crate::harness::shop::till::{charge, disputed, refund, refund_of_ours, refunded};
use crate::harness::shop::{Shop, each};

async fn money(shop: &Shop, order: &Order) -> (PaymentStatus, i64) {
    let now = shop.order_now(&order.id).await;
    (now.payment_status, now.refunded.minor)
}

async fn has(shop: &Shop, order: &Order) -> bool {
    let grants = shop.grants(order).await;
    grants.iter().all(|grant| grant.state == GrantState::Active)
}

#[tokio::test]
async fn a_sum_and_the_single_refund_tell_of_the_same_money_in_either_order_and_twice() {
    each(async |shop| {
        for sum_first in [true, false] {
            let buyer = if sum_first {
                "a@example.com"
            } else {
                "b@example.com"
            };
            let (order, pi) = shop.bought_by_card_of(buyer, &["files"]).await;
            let total = order.total.minor;
            let re = format!("re_{sum_first}");
            let one = refund(&re, &pi, total, RefundProgress::Succeeded);
            let sum = refunded(&pi, total);
            let told = if sum_first {
                [sum.clone(), one.clone(), sum, one]
            } else {
                [one.clone(), sum.clone(), one, sum]
            };
            for fact in told {
                shop.tell(fact).await;
            }
            assert_eq!(money(shop, &order).await, (PaymentStatus::Refunded, total));
            shop.drain().await;
            assert!(!has(shop, &order).await);
        }
    })
    .await;
}

/// statamic-cargo#190: what comes before its order's payment is not answered and forgotten.
#[tokio::test]
async fn a_refund_that_is_told_of_before_its_payment_waits_for_it() {
    each(async |shop| {
        let order = shop.order(&["files"]).await;
        let total = order.total.minor;
        shop.tell(refund(
            "re_early",
            "pi_early",
            total,
            RefundProgress::Succeeded,
        ))
        .await;
        shop.tell(charge(&order, "pi_early", total)).await;
        assert_eq!(money(shop, &order).await, (PaymentStatus::Paid, 0));
        shop.drain().await;
        assert_eq!(money(shop, &order).await, (PaymentStatus::Refunded, total));
        assert!(!has(shop, &order).await);
        assert_eq!(shop.refunds(&order).await.len(), 1);
        shop.tell(refunded("pi_early", total)).await;
        assert_eq!(money(shop, &order).await, (PaymentStatus::Refunded, total));
        shop.drain().await;
    })
    .await;
}

/// EDD#7758, moowoodle#166, sensei#3204: one course's refund leaves the others alone.
#[tokio::test]
async fn refunding_one_course_keeps_the_others() {
    each(async |shop| {
        let (order, _) = shop.bought_by_card(&["files", "enrol"]).await;
        shop.drain().await;
        shop.pay_back(&order, Some("files")).await.unwrap();
        shop.drain().await;
        let lines = shop.lines(&order).await;
        for grant in shop.grants(&order).await {
            let line = lines.iter().find(|line| line.id == grant.line).unwrap();
            let kept = grant.state == GrantState::Active;
            assert_eq!(kept, line.course == "enrol", "{}", line.course);
        }
        let status = shop.order_now(&order.id).await.payment_status;
        assert_eq!(status, PaymentStatus::PartiallyRefunded);
    })
    .await;
}

/// tutor#2346, lifterlms#1861: what another order paid for stays.
#[tokio::test]
async fn refunding_one_order_leaves_what_another_paid_for() {
    each(async |shop| {
        let (first, _) = shop.bought_by_card(&["enrol"]).await;
        shop.drain().await;
        let (second, _) = shop.bought_by_card(&["enrol"]).await;
        shop.drain().await;
        let before = shop.enrolled();
        shop.pay_back(&first, None).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.enrolled(), before, "the second order's reason is left");
        assert!(has(shop, &second).await);
        shop.pay_back(&second, None).await.unwrap();
        shop.drain().await;
        assert!(shop.enrolled().is_empty(), "and the last one takes it");
    })
    .await;
}

#[tokio::test]
async fn access_comes_back_with_a_refund_that_failed_and_with_a_dispute_that_was_won() {
    each(async |shop| {
        let (order, pi) = shop.bought_by_card(&["files"]).await;
        let total = order.total.minor;
        shop.drain().await;
        let asked = shop.pay_back(&order, None).await.unwrap().pop().unwrap();
        shop.drain().await;
        assert!(!has(shop, &order).await);
        shop.tell(refund_of_ours(
            "re_failing",
            &pi,
            &asked,
            RefundProgress::Failed,
        ))
        .await;
        shop.drain().await;
        assert!(has(shop, &order).await);
        assert_eq!(money(shop, &order).await, (PaymentStatus::Paid, 0));
        for (stage, kept) in [(DisputeStage::Open, false), (DisputeStage::Won, true)] {
            shop.tell(disputed("dp_1", &pi, total, stage)).await;
            shop.drain().await;
            assert_eq!(has(shop, &order).await, kept, "{stage:?}");
        }
        // Reports come in any order: an early stage that comes late changes nothing.
        shop.tell(disputed("dp_1", &pi, total, DisputeStage::Open))
            .await;
        assert!(has(shop, &order).await);
    })
    .await;
}
