//! How an enrolment stands on the platform: an invitation waits for the buyer, what we suspended is
//! restored with its progress, what somebody else suspended is left to the seller.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bursar::app::App;
use bursar::connectors::lms::Standing;
use bursar::db::Kind;
use bursar::fact::DisputeStage;
use bursar::model::grant::{Grant, GrantState};
use bursar::model::order::{Order, OrderStatus};
use bursar::outcome::Who;

use super::crash_everywhere::{buyer, drain, everywhere};
use crate::harness::academy::{Academy, INVITATION};
use crate::harness::databases::KINDS;
use crate::harness::shop::till::disputed;
use crate::harness::shop::{BUYER, Setup, Shop};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Sold here, taught at the academy.
const COURSE: &[&str] = &["elsewhere"];

/// A story on both databases, each with an academy of its own.
async fn each(story: impl AsyncFn(&Shop, &Academy)) {
    for kind in KINDS {
        eprintln!("on {kind:?}");
        let (shop, academy) = Box::pin(open(kind)).await;
        Box::pin(story(&shop, &academy)).await;
        shop.finish().await;
    }
}

async fn open(kind: Kind) -> (Shop, Arc<Academy>) {
    let academy = Arc::new(Academy::default());
    let mut setup = Setup::on(kind);
    setup.platforms.push(("other", academy.clone()));
    (Shop::set_up(setup).await, academy)
}

async fn bought(shop: &Shop) -> (Order, String) {
    let bought = shop.bought_by_card(COURSE).await;
    shop.drain().await;
    bought
}

async fn state(shop: &Shop, order: &Order) -> (GrantState, Option<Who>) {
    let grant = shop.grant(order).await;
    (grant.state, grant.who)
}

async fn dispute(shop: &Shop, order: &Order, pi: &str, stage: DisputeStage) {
    shop.tell(disputed("dp_1", pi, order.total.minor, stage))
        .await;
    shop.drain().await;
}

const ACTIVE: (GrantState, Option<Who>) = (GrantState::Active, None);
const FOR_THE_BUYER: (GrantState, Option<Who>) = (GrantState::ActionNeeded, Some(Who::Buyer));
const FOR_THE_SELLER: (GrantState, Option<Who>) = (GrantState::ActionNeeded, Some(Who::Seller));

#[tokio::test]
async fn an_invitation_waits_for_the_buyer_with_its_link_and_becomes_access_by_itself() {
    each(async |shop, academy| {
        academy.invites(true);
        let (order, _) = bought(shop).await;
        assert_eq!(state(shop, &order).await, FOR_THE_BUYER);
        let grant = shop.grant(&order).await;
        assert_eq!(grant.receipt.unwrap().0["link"], INVITATION);
        assert_eq!(grant.activated_at, None, "invited is not enrolled");
        shop.live(30 * MINUTE, MINUTE).await;
        assert_eq!(state(shop, &order).await, FOR_THE_BUYER);
        academy.set(BUYER, Standing::Active);
        shop.live(10 * MINUTE, MINUTE).await;
        shop.assert_completed(&order).await;
        assert_eq!(academy.calls("enrol"), 1, "it was only looked at");
    })
    .await;
}

#[tokio::test]
async fn an_invitation_that_nobody_accepts_is_not_given_up_and_not_asked_about_every_minute() {
    each(async |shop, academy| {
        academy.invites(true);
        let (order, _) = bought(shop).await;
        shop.live(6 * DAY, HOUR).await;
        let now = shop.order_now(&order.id).await;
        assert_eq!(now.order_status, OrderStatus::Processing);
        assert_eq!(state(shop, &order).await, FOR_THE_BUYER);
        let looks = shop.grant(&order).await.attempts;
        assert!(looks < 70, "{looks} looks in six days");
        shop.leaves(&["enrol:ready"]);
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_taken_back_with_its_money() {
    each(async |shop, academy| {
        academy.invites(true);
        let (order, _) = bought(shop).await;
        shop.pay_back(&order, None).await.unwrap();
        shop.live(HOUR, MINUTE).await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        assert_eq!(academy.standing(BUYER), Some(Standing::Suspended));
    })
    .await;
}

#[tokio::test]
async fn what_a_dispute_suspended_is_restored_when_it_is_won() {
    each(async |shop, academy| {
        let (order, pi) = bought(shop).await;
        let made = shop.grant(&order).await.enrolment().map(str::to_owned);
        dispute(shop, &order, &pi, DisputeStage::Open).await;
        assert_eq!(academy.standing(BUYER), Some(Standing::Suspended));
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        dispute(shop, &order, &pi, DisputeStage::Won).await;
        assert_eq!(state(shop, &order).await, ACTIVE);
        assert_eq!(academy.standing(BUYER), Some(Standing::Active));
        let grant = shop.grant(&order).await;
        assert_eq!(grant.enrolment().map(str::to_owned), made, "the same one");
        assert_eq!((academy.calls("enrol"), academy.calls("restore")), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn what_a_refund_suspended_is_restored_for_the_next_order_and_ends_with_it() {
    each(async |shop, academy| {
        let (first, _) = bought(shop).await;
        shop.pay_back(&first, None).await.unwrap();
        shop.drain().await;
        assert_eq!(academy.standing(BUYER), Some(Standing::Suspended));
        let (second, _) = bought(shop).await;
        assert_eq!(state(shop, &second).await, ACTIVE);
        assert_eq!((academy.calls("enrol"), academy.calls("restore")), (1, 1));
        shop.pay_back(&second, None).await.unwrap();
        shop.drain().await;
        assert_eq!(academy.standing(BUYER), Some(Standing::Suspended));
    })
    .await;
}

#[tokio::test]
async fn what_somebody_else_suspended_is_left_to_the_seller() {
    each(async |shop, academy| {
        academy.set(BUYER, Standing::Suspended);
        let (order, _) = bought(shop).await;
        assert_eq!(state(shop, &order).await, FOR_THE_SELLER);
        assert_eq!(academy.standing(BUYER), Some(Standing::Suspended));
        assert_eq!(academy.calls("restore") + academy.calls("enrol"), 0);
        academy.set(BUYER, Standing::Active);
        shop.retry(&shop.grant(&order).await.id).await.unwrap();
        shop.drain().await;
        assert_eq!(state(shop, &order).await, ACTIVE);
        // It was there before: it is not ours to take back.
        shop.pay_back(&order, None).await.unwrap();
        shop.drain().await;
        assert_eq!(academy.standing(BUYER), Some(Standing::Active));
    })
    .await;
}

/// What we suspended and opened again is history: who suspends it next is somebody else.
#[tokio::test]
async fn a_suspension_by_hand_after_ours_was_lifted_is_left_to_the_seller() {
    each(async |shop, academy| {
        let (order, pi) = bought(shop).await;
        dispute(shop, &order, &pi, DisputeStage::Open).await;
        dispute(shop, &order, &pi, DisputeStage::Won).await;
        academy.set(BUYER, Standing::Suspended);
        let (second, _) = bought(shop).await;
        assert_eq!(state(shop, &second).await, FOR_THE_SELLER);
        assert_eq!(academy.calls("restore"), 1);
        shop.leaves(&["enrol:dead"]);
    })
    .await;
}

/// It was suspended before our refund came to it: giving the money back again does not open it.
#[tokio::test]
async fn a_suspension_by_hand_before_ours_is_not_taken_for_ours() {
    each(async |shop, academy| {
        let (first, _) = bought(shop).await;
        academy.set(BUYER, Standing::Suspended);
        shop.pay_back(&first, None).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.grant(&first).await.state, GrantState::Revoked);
        assert_eq!(academy.calls("withdraw"), 0, "there is nothing to close");
        let (second, _) = bought(shop).await;
        assert_eq!(state(shop, &second).await, FOR_THE_SELLER);
        shop.leaves(&["enrol:dead"]);
    })
    .await;
}

#[tokio::test]
async fn lost_answers_to_suspending_and_restoring_are_settled_by_reading() {
    each(async |shop, academy| {
        let (order, pi) = bought(shop).await;
        academy.loses_answers(1);
        dispute(shop, &order, &pi, DisputeStage::Open).await;
        shop.live(HOUR, MINUTE).await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Revoked);
        academy.loses_answers(1);
        dispute(shop, &order, &pi, DisputeStage::Won).await;
        shop.live(HOUR, MINUTE).await;
        assert_eq!(state(shop, &order).await, ACTIVE);
        assert_eq!(academy.standing(BUYER), Some(Standing::Active));
    })
    .await;
}

/// The gateway's messages about a dispute of this order, with a process that may die at any commit.
async fn survives(stages: [DisputeStage; 2], ends: Standing, wanted: GrantState) {
    for kind in KINDS {
        let (shop, academy) = Box::pin(open(kind)).await;
        let orders = Mutex::new(Vec::new());
        let prepare = async |turn| {
            let (order, pi) = shop.bought_by_card_of(&buyer(turn), COURSE).await;
            shop.drain().await;
            let tell = async |stage| {
                let name = format!("dp_{turn}");
                shop.tell(disputed(&name, &pi, order.total.minor, stage))
                    .await;
            };
            if stages[0] != stages[1] {
                tell(stages[0]).await;
                shop.drain().await;
            }
            tell(stages[1]).await;
            orders.lock().unwrap().push((order, buyer(turn)));
        };
        let story = async |app: &Arc<App>, (): &()| drain(app).await;
        let commits = Box::pin(everywhere(&shop, prepare, story, async |(): &()| {})).await;
        assert!(commits >= 2, "{commits}");
        for (order, email) in &orders.into_inner().unwrap() {
            let grant: Grant = shop.grant(order).await;
            assert_eq!(grant.state, wanted);
            assert_eq!(academy.standing(email), Some(ends.clone()));
        }
        shop.finish().await;
    }
}

#[tokio::test]
async fn suspending_survives_a_death_at_any_commit() {
    let open = DisputeStage::Open;
    survives([open, open], Standing::Suspended, GrantState::Revoked).await;
}

#[tokio::test]
async fn restoring_survives_a_death_at_any_commit() {
    let stages = [DisputeStage::Open, DisputeStage::Won];
    survives(stages, Standing::Active, GrantState::Active).await;
}

/// The refund comes, and the money is back, before or after the process died while it suspended.
#[tokio::test]
async fn what_a_dying_process_suspended_is_still_known_to_be_ours() {
    for kind in KINDS {
        let (shop, academy) = Box::pin(open(kind)).await;
        let orders = Mutex::new(Vec::new());
        let prepare = async |turn| {
            let (order, pi) = shop.bought_by_card_of(&buyer(turn), COURSE).await;
            shop.drain().await;
            let total = order.total.minor;
            let name = format!("dp_{turn}");
            shop.tell(disputed(&name, &pi, total, DisputeStage::Open))
                .await;
            orders.lock().unwrap().push((order, buyer(turn)));
            disputed(&name, &pi, total, DisputeStage::Won)
        };
        let story = async |app: &Arc<App>, _: &bursar::fact::Fact| drain(app).await;
        let rest = async |won: &bursar::fact::Fact| {
            shop.tell(won.clone()).await;
        };
        Box::pin(everywhere(&shop, prepare, story, rest)).await;
        for (order, email) in &orders.into_inner().unwrap() {
            assert_eq!(state(&shop, order).await, ACTIVE);
            assert_eq!(academy.standing(email), Some(Standing::Active));
        }
        shop.finish().await;
    }
}
