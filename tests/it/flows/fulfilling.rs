//! From paid to access: kept once, read back, counted once, told once; and what cannot be kept is
//! named, waits for the right person and never holds up the rest.

use std::time::Duration;

use bursar::connectors::lms::fake::{Call, Mischief};
use bursar::fulfilment::complete;
use bursar::model::grant::{Grant, GrantState};
use bursar::model::line::LineStatus;
use bursar::model::order::{Order, OrderStatus};
use bursar::outcome::{Receipt, Who};
use serde_json::json;

use crate::harness::books;
use crate::harness::databases::KINDS;
use crate::harness::shop::{BUYER, Setup, Shop, each, each_set_up};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_paid_order_ends_as_access_that_was_read_back_and_two_letters() {
    each(async |shop| {
        let order = shop.bought(&["enrol", "files", "month"]).await;
        shop.drain().await;
        shop.assert_completed(&order).await;
        let mut enrolled = shop.enrolled();
        enrolled.sort();
        assert_eq!(
            enrolled,
            [format!("c-enrol@{BUYER}"), format!("c-month@{BUYER}")]
        );
        for grant in shop.grants(&order).await {
            let receipt = grant.receipt.unwrap().0;
            assert!(receipt["read_back"] == true || receipt["files"] == 1);
            let ends = (grant.target == "c-month").then(|| shop.clock.now().plus(30 * DAY));
            assert!(ends.is_none() || grant.expires_at == ends);
        }
        let letters = shop.letters();
        assert_eq!(letters.len(), 2);
        let with = |word: &str| letters.iter().filter(|l| l.contains(word)).count();
        assert_eq!(with(order.code.as_str()), 2);
        assert_eq!(with("/lms/courses/c-enrol"), 1, "{letters:?}");
        assert_eq!(with("https://shop.example/f/"), 1);
        assert_eq!(
            with(&order.total.to_string()),
            1,
            "the receipt names the sum"
        );
    })
    .await;
}

#[tokio::test]
async fn a_line_with_files_left_to_deliver_is_enrolled_first() {
    each(async |shop| {
        let order = shop.bought(&["both"]).await;
        let grants = shop.grants(&order).await;
        keep(shop, &grants[0]).await;
        assert_eq!(shop.lines(&order).await[0].status, LineStatus::Enrolled);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

/// An attempt that went well, by hand: begun and kept in transactions of their own.
async fn keep(shop: &Shop, grant: &Grant) {
    begin(shop, grant).await;
    kept(shop, grant).await;
}

async fn begin(shop: &Shop, grant: &Grant) {
    let id = grant.id.clone();
    shop.step(move |tx, moment| {
        Box::pin(async move { complete::begin(tx, &moment, &id).await.map(drop) })
    })
    .await
    .unwrap();
}

async fn kept(shop: &Shop, grant: &Grant) {
    let id = grant.id.clone();
    let receipt = Receipt(json!({ "by": "hand" }));
    shop.step(move |tx, moment| {
        Box::pin(async move { complete::keep(tx, &moment, &id, receipt).await })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn last_grants_that_finish_at_the_same_moment_complete_the_order_once() {
    each(async |shop| {
        for _ in 0..12 {
            let order = shop.bought(&["enrol", "both", "month"]).await;
            let grants = shop.grants(&order).await;
            assert_eq!(grants.len(), 5);
            for grant in &grants {
                begin(shop, grant).await;
            }
            let together = grants.iter().map(|grant| kept(shop, grant));
            futures_util::future::join_all(together).await;
            let now = shop.order_now(&order.id).await;
            assert_eq!(
                (now.order_status, now.remaining),
                (OrderStatus::Completed, 0)
            );
            assert_eq!(shop.emails(&order).await.len(), 2);
        }
        shop.drain().await;
    })
    .await;
}

/// A line given up, its other benefit kept, and the given-up one kept late, at the same moment.
#[tokio::test]
async fn a_grant_kept_late_and_the_lines_last_grant_at_the_same_moment_complete_the_line() {
    each(async |shop| {
        for _ in 0..12 {
            let order = shop.bought(&["both"]).await;
            let grants = shop.grants(&order).await;
            let late = grants[0].clone();
            shop.step(move |tx, moment| {
                Box::pin(async move { complete::give_up(tx, &moment, &late, "by hand").await })
            })
            .await
            .unwrap();
            shop.retry(&grants[0].id).await.unwrap();
            begin(shop, &grants[0]).await;
            begin(shop, &grants[1]).await;
            tokio::join!(kept(shop, &grants[0]), kept(shop, &grants[1]));
            let now = shop.order_now(&order.id).await;
            assert_eq!(now.order_status, OrderStatus::Completed);
            assert_eq!(shop.lines(&order).await[0].status, LineStatus::Completed);
        }
        shop.drain().await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_mapping_waits_for_the_seller_fails_its_line_alone_and_can_be_mended_later() {
    each(async |shop| {
        let order = shop.bought(&["enrol", "unmapped"]).await;
        shop.drain().await;
        let [kept, broken] = grants_of_two(shop, &order).await;
        assert_eq!(kept.state, GrantState::Active);
        assert_eq!(broken.state, GrantState::ActionNeeded);
        assert_eq!(broken.who, Some(Who::Seller));
        let now = shop.order_now(&order.id).await;
        assert_eq!(
            (now.order_status, now.remaining),
            (OrderStatus::Processing, 1)
        );
        shop.advance(72 * HOUR);
        assert_eq!(shop.sweep().await.given_up, 1);
        shop.drain().await;
        let now = shop.order_now(&order.id).await;
        assert_eq!(
            (now.order_status, now.remaining),
            (OrderStatus::Completed, 0)
        );
        assert_eq!(shop.lines(&order).await[1].status, LineStatus::Failed);
        assert_eq!(shop.sent(&order).await, ["completed", "receipt"]);
        let letters = shop.letters();
        assert!(
            letters.iter().any(|l| l.contains("Nối sai")
                && l.contains("Chỉ ghi danh")
                && l.contains("1 of 2")),
            "{letters:?}"
        );
        mend(shop, &order, &broken).await;
    })
    .await;
}

async fn grants_of_two(shop: &Shop, order: &Order) -> [Grant; 2] {
    let lines = shop.lines(order).await;
    let mut grants = shop.grants(order).await;
    grants.sort_by_key(|grant| lines.iter().position(|line| line.id == grant.line));
    grants.try_into().unwrap()
}

/// The seller enrols by hand on the platform and presses "retry": a read is enough.
async fn mend(shop: &Shop, order: &Order, broken: &Grant) {
    shop.lms.add_enrolment(BUYER, &broken.target);
    shop.retry(&broken.id).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.lines(order).await[1].status, LineStatus::Completed);
    let late = format!("late:{}", broken.line);
    assert_eq!(shop.sent(order).await, ["completed", &late, "receipt"]);
    assert_eq!(shop.letters().len(), 3);
}

#[tokio::test]
async fn an_order_of_which_nothing_was_kept_is_failed_and_completes_when_one_line_is_kept_late() {
    each(async |shop| {
        let order = shop.bought(&["unmapped"]).await;
        shop.live(73 * HOUR, HOUR).await;
        assert_eq!(
            shop.order_now(&order.id).await.order_status,
            OrderStatus::Failed
        );
        assert_eq!(shop.sent(&order).await, ["completed", "receipt"]);
        let grant = shop.grant(&order).await;
        shop.lms.add_enrolment(BUYER, "c-unmapped");
        shop.retry(&grant.id).await.unwrap();
        shop.drain().await;
        assert_eq!(
            shop.order_now(&order.id).await.order_status,
            OrderStatus::Completed
        );
        assert_eq!(shop.letters().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_a_day_uses_up_nothing_tells_the_seller_once_and_everything_finishes_after() {
    each(async |shop| {
        shop.lms.misbehave_always(Call::Any, Mischief::Maintenance);
        let mut orders = Vec::new();
        for n in 0..6 {
            let buyer = format!("b{n}@example.com");
            let order = shop.order_by(&buyer, &["both", "elsewhere"]).await.order;
            shop.pay(&order, order.total.minor).await;
            orders.push(order);
        }
        shop.live(DAY, 10 * MINUTE).await;
        assert_eq!(books::alerts(&shop.app.db).await, 1);
        for task in shop.tasks().await {
            assert_eq!(task.rejections, 0);
        }
        for order in &orders {
            let elsewhere = &shop.lines(order).await[1];
            assert_eq!(
                elsewhere.status,
                LineStatus::Completed,
                "another platform goes on"
            );
        }
        let asked = shop.lms.calls(Call::Any);
        assert!(asked < 2000, "{asked} requests in a day of outage");
        shop.lms.behave();
        shop.live(HOUR, MINUTE).await;
        for order in &orders {
            shop.assert_completed(order).await;
        }
        assert_eq!(shop.enrolled().len(), 6);
        assert_eq!(shop.letters().len(), 12);
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_open_the_breaker_at_once_and_release_everything_when_mended() {
    each(async |shop| {
        shop.lms
            .misbehave_always(Call::Any, Mischief::BadCredentials);
        let order = shop.bought(&["enrol"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(grant.state, GrantState::ActionNeeded);
        assert_eq!(grant.who, Some(Who::Connection));
        assert_eq!(books::alerts(&shop.app.db).await, 1);
        shop.lms.behave();
        shop.advance(MINUTE);
        shop.advance(MINUTE);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_disabled_learner_waits_for_the_buyer() {
    each(async |shop| {
        shop.lms.add_user(BUYER, false);
        let order = shop.bought(&["enrol"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(
            (grant.state, grant.who),
            (GrantState::ActionNeeded, Some(Who::Buyer))
        );
        assert!(shop.enrolled().is_empty());
        shop.lms.add_user(BUYER, true);
        shop.retry(&grant.id).await.unwrap();
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_settled_by_reading_and_not_by_writing_again() {
    each(async |shop| {
        // The write happens, its answer is lost; the read after it fails too.
        shop.lms
            .misbehave(Call::EnrolmentCreate, [Mischief::CutAnswer]);
        shop.lms.misbehave(
            Call::EnrolmentList,
            [Mischief::Slow(Duration::ZERO), Mischief::ServerErrorPage],
        );
        let order = shop.bought(&["enrol"]).await;
        shop.drain().await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Verifying);
        shop.advance(MINUTE);
        shop.drain().await;
        shop.assert_completed(&order).await;
        assert_eq!(shop.lms.writes_of("LMS Enrollment"), 1);
        assert_eq!(shop.enrolled().len(), 1);
        assert_eq!(shop.grant(&order).await.receipt.unwrap().0["created"], true);
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_that_was_accepted_but_is_not_there_is_not_believed() {
    each(async |shop| {
        shop.lms.misbehave(Call::EnrolmentCreate, [Mischief::Ghost]);
        let order = shop.bought(&["enrol"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_ne!(grant.state, GrantState::Active);
        assert!(shop.order_now(&order.id).await.finished_at.is_none());
        shop.live(HOUR, MINUTE).await;
        shop.assert_completed(&order).await;
        assert_eq!(shop.lms.users().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn one_buyer_with_two_orders_for_one_course_is_enrolled_once_one_after_the_other() {
    each(async |shop| {
        let (a, b) = (shop.bought(&["enrol"]).await, shop.bought(&["enrol"]).await);
        let first = shop.grant(&a).await;
        begin(shop, &first).await;
        shop.drain().await;
        let waiting = shop.grant(&b).await;
        assert_eq!(
            waiting.state,
            GrantState::Active,
            "the first finished in the same drain"
        );
        shop.assert_completed(&a).await;
        shop.assert_completed(&b).await;
        assert_eq!(shop.enrolled().len(), 1);
        assert_eq!(shop.lms.writes_of("LMS Enrollment"), 1);
    })
    .await;
}

#[tokio::test]
async fn two_orders_for_one_course_that_begin_at_the_same_moment_take_turns() {
    let real = |kind| Setup {
        real_time: true,
        concurrency: 8,
        ..Setup::on(kind)
    };
    each_set_up(real, async |shop| {
        let mut orders = Vec::new();
        for _ in 0..2 {
            orders.push(shop.bought(&["enrol"]).await);
        }
        let running = bursar::queue::start(&shop.app);
        for order in &orders {
            until(shop, order, OrderStatus::Completed).await;
        }
        quiet(shop).await;
        running.stop().await;
        assert_eq!(shop.lms.writes_of("LMS Enrollment"), 1);
        for order in &orders {
            shop.assert_completed(order).await;
        }
    })
    .await;
}

/// Wait on the books, with a deadline, looking whenever something may have changed.
async fn until(shop: &Shop, order: &Order, status: OrderStatus) {
    let reached = async {
        while shop.order_now(&order.id).await.order_status != status {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), reached).await;
    waited.unwrap_or_else(|_| panic!("{} did not become {status}", order.id));
}

async fn quiet(shop: &Shop) {
    let reached = async {
        while shop.tasks().await.iter().any(|task| task.state != "done") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_promise_of_files_that_are_not_there_waits_for_the_seller() {
    each(async |shop| {
        let folder = shop.folder.path().join("source/files");
        let away = shop.folder.path().join("away");
        std::fs::rename(&folder, &away).unwrap();
        let order = shop.bought(&["files"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(
            (grant.state, grant.who),
            (GrantState::ActionNeeded, Some(Who::Seller))
        );
        std::fs::rename(&away, &folder).unwrap();
        shop.retry(&grant.id).await.unwrap();
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_grant_that_needs_nobody_cannot_be_tried_again_by_a_person() {
    each(async |shop| {
        let order = shop.bought(&["files"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert!(shop.retry(&grant.id).await.is_err());
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_retry_by_a_person_and_by_the_machine_at_once_leave_one_task() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        shop.lms
            .misbehave(Call::EnrolmentList, [Mischief::Maintenance]);
        let order = shop.bought(&["enrol"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(grant.state, GrantState::Waiting);
        let (one, other) = tokio::join!(shop.retry(&grant.id), shop.retry(&grant.id));
        assert!(one.is_ok() || other.is_ok());
        shop.drain().await;
        shop.assert_completed(&order).await;
        assert_eq!(
            shop.tasks()
                .await
                .iter()
                .filter(|t| t.kind == "enrol")
                .count(),
            1
        );
        shop.finish().await;
    }
}
