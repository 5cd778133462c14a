//! A platform that knows no suspension: taking back what has progress is the seller's decision.

use std::time::Duration;

use bursar::db::Kind;
use bursar::fulfilment::revoke::{self, Parting};
use bursar::id::GrantId;
use bursar::model::grant::GrantState;
use bursar::model::order::Order;
use bursar::outcome::Who;

use crate::harness::shop::{BUYER, Setup, Shop, each, each_set_up};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Kept, and 37 % done.
async fn half_done(shop: &Shop) -> Order {
    let (order, _) = shop.bought_by_card(&["enrol"]).await;
    shop.drain().await;
    shop.assert_completed(&order).await;
    shop.lms.set_progress(BUYER, "c-enrol", 36.2);
    order
}

async fn refund(shop: &Shop, order: &Order) {
    shop.pay_back(order, None).await.unwrap();
    shop.live(HOUR, MINUTE).await;
}

async fn part(shop: &Shop, grant: &GrantId, parting: Parting) -> bursar::error::Result<()> {
    let grant = grant.clone();
    shop.step(move |tx, moment| {
        Box::pin(async move { revoke::part(tx, &moment, &grant, parting, "asked for").await })
    })
    .await
}

/// Asked once, and nothing is removed meanwhile.
async fn assert_asked(shop: &Shop, order: &Order) {
    let grant = shop.grant(order).await;
    assert_eq!(
        (grant.state, grant.who),
        (GrantState::Revoking, Some(Who::Seller))
    );
    let why = grant.why.unwrap();
    assert!(why.contains("37% of the course is done"), "{why}");
    assert!(why.contains("the buyer can still get in"), "{why}");
    assert_eq!(shop.enrolled().len(), 1, "the learner can still get in");
    let dead = shop.tasks().await;
    let dead: Vec<_> = dead.iter().filter(|task| task.state == "dead").collect();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].kind, "withdraw");
}

#[tokio::test]
async fn progress_is_not_deleted_before_the_seller_says_so() {
    each(async |shop| {
        let order = half_done(shop).await;
        refund(shop, &order).await;
        assert_asked(shop, &order).await;
        let grant = shop.grant(&order).await.id;
        part(shop, &grant, Parting::Anyway).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        assert!(shop.enrolled().is_empty());
        assert!(part(shop, &grant, Parting::Anyway).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn the_seller_may_leave_an_enrolment_where_it_is() {
    each(async |shop| {
        let order = half_done(shop).await;
        refund(shop, &order).await;
        assert_asked(shop, &order).await;
        let grant = shop.grant(&order).await.id;
        part(shop, &grant, Parting::Leave).await.unwrap();
        shop.live(HOUR, MINUTE).await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        assert_eq!(shop.enrolled().len(), 1);
        let audit = shop.audit(&order).await;
        let left = audit.iter().filter_map(|entry| entry.why.as_deref());
        assert!(left.into_iter().any(|why| why.contains("asked for")));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_where_nothing_is_lost() {
    each(async |shop| {
        let order = half_done(shop).await;
        shop.lms.set_progress(BUYER, "c-enrol", 0.0);
        refund(shop, &order).await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_seller_who_wants_no_questions_gets_none() {
    let removes = |kind: Kind| {
        let mut setup = Setup::on(kind);
        setup.change = std::sync::Arc::new(|config| {
            let connection = config.lms.get_mut("lms").unwrap();
            "remove".clone_into(&mut connection.frappe.withdraw);
        });
        setup
    };
    each_set_up(removes, async |shop| {
        let order = half_done(shop).await;
        refund(shop, &order).await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

#[tokio::test]
async fn days_that_are_over_end_without_a_question() {
    each(async |shop| {
        let (order, _) = shop.bought_by_card(&["month"]).await;
        shop.drain().await;
        shop.lms.set_progress(BUYER, "c-month", 90.0);
        shop.advance(31 * DAY);
        shop.sweep().await;
        shop.drain().await;
        for grant in shop.grants(&order).await {
            assert_eq!(grant.state, GrantState::Revoked);
        }
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

/// What asks is the removal alone: the order's page and its books have moved on.
#[tokio::test]
async fn access_that_comes_back_while_the_seller_is_asked_keeps_its_progress() {
    each(async |shop| {
        let order = half_done(shop).await;
        let pi = format!("pi_{}", order.id);
        let total = order.total.minor;
        for (stage, wanted) in [
            (bursar::fact::DisputeStage::Open, GrantState::Revoking),
            (bursar::fact::DisputeStage::Won, GrantState::Active),
        ] {
            let told = crate::harness::shop::till::disputed("dp_1", &pi, total, stage);
            shop.tell(told).await;
            shop.live(HOUR, MINUTE).await;
            assert_eq!(shop.grant(&order).await.state, wanted);
        }
        let rows = shop.lms.enrolments();
        assert_eq!(rows.len(), 1);
        assert!((rows[0].progress - 36.2).abs() < 0.01, "{rows:?}");
    })
    .await;
}
