//! Money that goes back, as gateways tell of it: in any order, twice, before the payment, failing later.
//! Named after the threads in which other shops got it wrong.

use std::sync::Arc;
use std::time::Duration;

use bursar::config::PartialRefund;
use bursar::fact::{DisputeStage, RefundProgress};
use bursar::fulfilment::refund::Ask;
use bursar::model::grant::GrantState;
use bursar::model::order::{Order, PaymentStatus};
use bursar::model::payment::PaymentState;
use bursar::model::transfer::Class;

use bursar::connectors::Fault;

use crate::harness::cards;
use crate::harness::obstacles::Obstacle;
use crate::harness::shop::till::{charge, disputed, refund, refund_of_ours, refunded};
use crate::harness::shop::{Setup, Shop, each, each_set_up};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

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

/// EDD#7758, moowoodle#166, sensei#3204, woocommerce#67008: one course's refund leaves the others alone.
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

/// woocommerce#67008: a part that names no course, decided here or at the gateway, ends what the seller said.
#[tokio::test]
async fn a_part_that_names_no_course_ends_access_only_where_the_seller_says_so() {
    for (setting, kept) in [(PartialRefund::Keep, true), (PartialRefund::Revoke, false)] {
        let setup = |kind| Setup {
            change: Arc::new(move |config| config.payments.partial_refund = setting),
            ..Setup::on(kind)
        };
        each_set_up(setup, async |shop| {
            let part = 100_000;
            let (decided, _) = shop.bought_by_card_of("a@example.com", &["files"]).await;
            let (told, pi) = shop.bought_by_card_of("b@example.com", &["files"]).await;
            shop.drain().await;
            let ask = Ask {
                course: None,
                amount: Some(part),
                keep_access: false,
                why: "a late start".to_owned(),
                reference: Some("FT26001".to_owned()),
            };
            shop.ask(&decided, ask).await.unwrap();
            shop.tell(refund("re_1", &pi, part, RefundProgress::Succeeded))
                .await;
            shop.drain().await;
            for order in [&decided, &told] {
                assert_eq!(has(shop, order).await, kept);
                let expected = (PaymentStatus::PartiallyRefunded, part);
                assert_eq!(money(shop, order).await, expected);
            }
        })
        .await;
    }
}

/// polar#4596: money that goes back without anybody's word here takes access with it, and it stays away.
#[tokio::test]
async fn a_refund_made_on_the_gateways_own_pages_ends_access_for_good() {
    each(async |shop| {
        let (order, pi) = shop.bought_by_card(&["enrol", "files"]).await;
        shop.drain().await;
        assert_eq!(shop.enrolled().len(), 1);
        let total = order.total.minor;
        shop.tell(refund("re_1", &pi, total, RefundProgress::Pending))
            .await;
        shop.live(HOUR, 10 * MINUTE).await;
        assert!(shop.enrolled().is_empty());
        for grant in shop.grants(&order).await {
            assert_eq!(grant.state, GrantState::Revoked);
            assert!(shop.retry(&grant.id).await.is_err(), "nor by a retry");
        }
    })
    .await;
}

/// sensei#2129: progress is lost where a platform's row is removed and made again, so that one is not touched
/// while there is a reason for it, not even for a moment.
#[tokio::test]
async fn what_another_order_paid_for_or_a_failed_refund_left_is_never_written_again() {
    each(async |shop| {
        let (first, pi) = shop.bought_by_card(&["enrol"]).await;
        shop.drain().await;
        let (second, _) = shop.bought_by_card(&["enrol"]).await;
        shop.drain().await;
        let (row, writes) = (shop.lms.enrolments(), shop.lms.writes_of("LMS Enrollment"));
        shop.pay_back(&second, None).await.unwrap();
        shop.drain().await;
        // The last reason rests, and is back before anything was removed.
        let total = first.total.minor;
        shop.tell(refund("re_1", &pi, total, RefundProgress::Pending))
            .await;
        shop.tell(refund("re_1", &pi, total, RefundProgress::Failed))
            .await;
        for stage in [DisputeStage::Open, DisputeStage::Won] {
            shop.tell(disputed("dp_1", &pi, total, stage)).await;
        }
        shop.live(10 * MINUTE, MINUTE).await;
        assert_eq!(shop.lms.enrolments(), row);
        assert_eq!(shop.lms.writes_of("LMS Enrollment"), writes);
        assert!(has(shop, &first).await);
    })
    .await;
}

/// TipiCode#29: without a word of whose it is, money pays nobody's order, be there only one and of its amount.
#[tokio::test]
async fn a_transfer_without_a_memo_pays_no_order() {
    each(async |shop| {
        let order = shop.order(&["files"]).await;
        for memo in ["", "chuyen tien"] {
            let body = shop.transfer(order.total.minor, memo);
            let settled = shop.webhook(&body).await.unwrap();
            assert_eq!(settled.class, Some(Class::NoCode), "{memo:?}");
        }
        assert_eq!(money(shop, &order).await, (PaymentStatus::Pending, 0));
        assert_eq!(shop.inbox().await.len(), 2);
    })
    .await;
}

/// mollie#143: the buyer paid by the older of two attempts, and the gateway says so after the newer one began.
#[tokio::test]
async fn money_for_an_older_attempt_pays_the_order_and_ends_the_newer_one() {
    cards::each(async |cards| {
        let shop = &cards.shop;
        let order = shop.order(&["files"]).await;
        let first = cards.begin(&shop.app, &order).await.unwrap();
        // So near its end that it is not handed out again.
        shop.advance((23 * 60 - 4) * MINUTE);
        cards.charge(&order).await;
        let second = cards.begin(&shop.app, &order).await.unwrap();
        assert_ne!(first, second);
        cards.deliver(&shop.app).await;
        shop.live(HOUR, 15 * MINUTE).await;
        shop.assert_completed(&order).await;
        let payments = cards.payments(&order).await;
        let states: Vec<PaymentState> = payments.iter().map(|p| p.state).collect();
        assert_eq!(states, [PaymentState::Paid, PaymentState::Closed]);
    })
    .await;
}

/// Our request was refused for good, and then the gateway tells that it carried out the one before, whose answer
/// was lost: what was decided about access holds.
#[tokio::test]
async fn a_refund_that_went_after_all_takes_what_it_was_decided_to_take() {
    cards::each(async |cards| {
        let shop = &cards.shop;
        let order = cards
            .bought(crate::harness::shop::BUYER, &["files", "enrol"])
            .await;
        shop.drain().await;
        let asked = shop
            .pay_back(&order, Some("files"))
            .await
            .unwrap()
            .remove(0);
        let why = || "as the test says".to_owned();
        for obstacle in [
            Obstacle::Afterwards(Fault::Unknown { why: why() }),
            Obstacle::Instead(Fault::MappingBroken { why: why() }),
        ] {
            cards.obstacles.plan(obstacle);
        }
        shop.live(HOUR, 10 * MINUTE).await;
        assert_eq!(money(shop, &order).await, (PaymentStatus::Paid, 0));
        assert!(has(shop, &order).await);
        cards.deliver(&shop.app).await;
        shop.drain().await;
        let expected = (PaymentStatus::PartiallyRefunded, asked.amount.minor);
        assert_eq!(money(shop, &order).await, expected);
        let lines = shop.lines(&order).await;
        for grant in shop.grants(&order).await {
            let line = lines.iter().find(|line| line.id == grant.line).unwrap();
            let kept = grant.state == GrantState::Active;
            assert_eq!(kept, line.course == "enrol", "{}", line.course);
        }
        shop.leaves(&["refund:dead"]);
    })
    .await;
}
