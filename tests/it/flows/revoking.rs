//! Taking access back: the right ends at once, the platform follows, and only when no reason is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bursar::connectors::Fault;
use bursar::connectors::lms::fake::{Call, Instant, Mischief};
use bursar::connectors::lms::{Capabilities, Enrolment, Learner, LearnerRef, Lms, RemoteCourse};
use bursar::model::grant::GrantState;
use bursar::model::order::Order;
use bursar::queue;
use tokio::sync::Notify;

use crate::harness::databases::KINDS;
use crate::harness::shop::{BUYER, Setup, Shop, each};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Bought and kept.
async fn kept(shop: &Shop, slug: &str) -> Order {
    let order = shop.bought(&[slug]).await;
    shop.drain().await;
    shop.assert_completed(&order).await;
    order
}

async fn revoke(shop: &Shop, order: &Order) {
    for grant in shop.grants(order).await {
        shop.revoke(&grant.id).await.unwrap();
    }
}

async fn states(shop: &Shop, order: &Order) -> Vec<GrantState> {
    let grants = shop.grants(order).await;
    grants.iter().map(|grant| grant.state).collect()
}

#[tokio::test]
async fn one_of_two_reasons_leaves_the_enrolment_and_the_last_one_takes_it_whichever_goes_first() {
    each(async |shop| {
        for first in [0, 1] {
            let orders = [kept(shop, "enrol").await, kept(shop, "enrol").await];
            assert_eq!(shop.enrolled().len(), 1);
            revoke(shop, &orders[first]).await;
            shop.drain().await;
            assert_eq!(states(shop, &orders[first]).await, [GrantState::Revoked]);
            assert_eq!(shop.enrolled().len(), 1, "the other order is a reason");
            revoke(shop, &orders[1 - first]).await;
            assert_eq!(
                states(shop, &orders[1 - first]).await,
                [GrantState::Revoking]
            );
            shop.drain().await;
            assert_eq!(
                states(shop, &orders[1 - first]).await,
                [GrantState::Revoked]
            );
            assert!(
                shop.enrolled().is_empty(),
                "no reason is left, {first} first"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn two_reasons_that_end_at_the_same_moment_leave_no_enrolment_behind() {
    each(async |shop| {
        for _ in 0..8 {
            let orders = [kept(shop, "enrol").await, kept(shop, "enrol").await];
            tokio::join!(revoke(shop, &orders[0]), revoke(shop, &orders[1]));
            shop.drain().await;
            assert!(shop.enrolled().is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_that_was_there_before_us_is_left_alone() {
    each(async |shop| {
        shop.lms.add_user(BUYER, true);
        shop.lms.add_enrolment(BUYER, "c-enrol");
        let order = kept(shop, "enrol").await;
        revoke(shop, &order).await;
        shop.drain().await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoked]);
        assert_eq!(shop.enrolled().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_made_by_hand_after_ours_was_taken_back_is_left_alone() {
    each(async |shop| {
        let ours = kept(shop, "enrol").await;
        revoke(shop, &ours).await;
        shop.drain().await;
        assert!(shop.enrolled().is_empty());
        shop.lms.add_enrolment(BUYER, "c-enrol");
        let order = kept(shop, "enrol").await;
        revoke(shop, &order).await;
        shop.drain().await;
        assert_eq!(shop.enrolled().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_revoked_is_not_given_again_by_a_late_retry() {
    each(async |shop| {
        let order = kept(shop, "enrol").await;
        revoke(shop, &order).await;
        let grant = shop.grant(&order).await;
        shop.retry(&grant.id)
            .await
            .expect("it only hurries the removal");
        assert!(shop.revoke(&grant.id).await.is_err(), "twice is refused");
        shop.drain().await;
        assert!(shop.retry(&grant.id).await.is_err());
        shop.live(HOUR, MINUTE).await;
        assert!(shop.enrolled().is_empty());
        assert_eq!(shop.lms.writes_of("LMS Enrollment"), 1);
    })
    .await;
}

#[tokio::test]
async fn files_are_taken_back_at_once_without_a_task() {
    each(async |shop| {
        let order = kept(shop, "files").await;
        revoke(shop, &order).await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoked]);
        assert_eq!(shop.drain().await, 0);
    })
    .await;
}

#[tokio::test]
async fn access_by_the_month_ends_with_its_days() {
    each(async |shop| {
        let order = kept(shop, "month").await;
        shop.advance(30 * DAY.saturating_sub(MINUTE / 30));
        assert_eq!(shop.sweep().await.expired, 0);
        shop.advance(MINUTE);
        assert_eq!(shop.sweep().await.expired, 2);
        shop.drain().await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoked; 2]);
        assert!(shop.enrolled().is_empty());
        let path: Vec<String> = shop
            .audit(&order)
            .await
            .into_iter()
            .filter(|entry| entry.action == "grant.state")
            .filter_map(|entry| entry.after)
            .collect();
        assert_eq!(path.iter().filter(|state| *state == "expired").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_platform_that_is_away_or_lies_is_asked_until_the_enrolment_is_gone() {
    each(async |shop| {
        let order = kept(shop, "enrol").await;
        shop.lms.misbehave(
            Call::EnrolmentDelete,
            [Mischief::Maintenance, Mischief::CutAnswer],
        );
        shop.lms
            .misbehave(Call::EnrolmentList, [Mischief::ServerErrorPage]);
        revoke(shop, &order).await;
        shop.drain().await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoking]);
        shop.live(HOUR, MINUTE).await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoked]);
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_platforms_own_duplicate_rows_all_go() {
    each(async |shop| {
        shop.lms
            .misbehave(Call::EnrolmentCreate, [Mischief::DuplicateRow]);
        let order = kept(shop, "enrol").await;
        assert_eq!(shop.enrolled().len(), 2);
        revoke(shop, &order).await;
        shop.live(HOUR, MINUTE).await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoked]);
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_only_a_person_can_make_is_asked_for_once_and_not_tried_for_ever() {
    each(async |shop| {
        let order = kept(shop, "enrol").await;
        let no = Mischief::Refused("has certificates".to_owned());
        shop.lms.misbehave_always(Call::EnrolmentDelete, no);
        revoke(shop, &order).await;
        shop.live(HOUR, MINUTE).await;
        assert_eq!(shop.lms.calls(Call::EnrolmentDelete), 1);
        assert_eq!(states(shop, &order).await, [GrantState::Revoking]);
        assert_eq!(shop.tasks().await.last().unwrap().state.as_str(), "dead");

        shop.lms.behave();
        let grant = shop.grant(&order).await;
        shop.retry(&grant.id).await.unwrap();
        shop.drain().await;
        assert_eq!(states(shop, &order).await, [GrantState::Revoked]);
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

/// Takes its time over a removal: it happens when it is let go.
#[derive(Default)]
struct SlowRemoval {
    inside: Instant,
    asked: Notify,
    go: Notify,
    rows: AtomicUsize,
}

#[async_trait]
impl Lms for SlowRemoval {
    fn capabilities(&self) -> Capabilities {
        self.inside.capabilities()
    }

    async fn ping(&self) -> Result<String, Fault> {
        self.inside.ping().await
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        self.inside.find_course(course).await
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        self.inside.ensure_learner(learner).await
    }

    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        self.inside.read_enrolment(learner, course).await
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        self.rows.store(1, Ordering::SeqCst);
        self.inside.enrol(learner, course, key).await
    }

    async fn withdraw(&self, learner: &Learner, course: &str, id: &str) -> Result<(), Fault> {
        self.asked.notify_one();
        self.go.notified().await;
        self.rows.store(0, Ordering::SeqCst);
        self.inside.withdraw(learner, course, id).await
    }
}

#[tokio::test]
async fn a_new_order_paid_while_the_enrolment_is_being_removed_is_enrolled_after_it() {
    for kind in KINDS {
        let platform = Arc::new(SlowRemoval::default());
        let mut setup = Setup::on(kind);
        setup.platforms.push(("other", platform.clone()));
        let shop = Shop::set_up(setup).await;
        let old = kept(&shop, "elsewhere").await;
        revoke(&shop, &old).await;
        let app = shop.app.clone();
        let removing = tokio::spawn(async move { queue::drain(&app).await });
        platform.asked.notified().await;
        let new = shop.bought(&["elsewhere"]).await;
        shop.drain().await;
        platform.go.notify_one();
        removing.await.unwrap().unwrap();
        shop.live(HOUR, MINUTE).await;
        shop.assert_completed(&new).await;
        assert_eq!(
            platform.rows.load(Ordering::SeqCst),
            1,
            "what is active is there"
        );
        shop.finish().await;
    }
}
