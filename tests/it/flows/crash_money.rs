//! A process that dies at any commit while it talks to a gateway, or between the call and the record of it; two
//! attempts at once; every way in which a call can end. One session, one refund, one record; nothing is left.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bursar::app::{App, polling};
use bursar::clock::Timestamp;
use bursar::connectors::Fault;
use bursar::connectors::gateways::stripe::fake::Call;
use bursar::error::Result;
use bursar::fulfilment::cancel;
use bursar::fulfilment::refund::{self as refunds, Ask};
use bursar::model::audit::Actor;
use bursar::model::grant::GrantState;
use bursar::model::order::{Order, PaymentStatus};
use bursar::model::payment::PaymentState;
use bursar::model::refund::RefundState;
use bursar::model::task::{self, Appetite, Lane, Leased};
use bursar::tasks::{self, Attempt};

use super::crash_everywhere::{buyer, everywhere};
use crate::harness::cards::{Cards, LANE, LISTS, each};
use crate::harness::obstacles::Obstacle;
use crate::harness::shop::{LEASE, Shop};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What is due at a connection, for one attempt each.
async fn claim(app: &Arc<App>, lane: &str) -> Result<Vec<Leased>> {
    let moment = app.moment(Actor::Machine("claim"));
    let appetite = Appetite {
        lane: Lane::Connection(lane.to_owned()),
        limit: 10,
        lease: LEASE,
        watermark: Timestamp(0),
    };
    app.db
        .write(move |tx| Box::pin(async move { task::claim(tx, &moment, &appetite).await }))
        .await
}

/// Whatever the process could do of it before it died.
async fn attempt(app: &Arc<App>, lane: &str) {
    for task in claim(app, lane).await.unwrap_or_default() {
        drop(Box::pin(tasks::run(app, &task)).await);
    }
}

async fn pay_back(app: &Arc<App>, order: &Order) -> Result<()> {
    let ask = Ask {
        course: None,
        amount: None,
        keep_access: false,
        why: "asked for by the buyer".to_owned(),
        reference: None,
    };
    let (id, policy) = (order.id.clone(), app.desk.policy.clone());
    let moment = app.moment(Actor::Operator("test".to_owned()));
    let asking = app.db.write(move |tx| {
        Box::pin(async move { refunds::ask(tx, &moment, &policy, &id, &ask).await })
    });
    asking.await.map(drop)
}

async fn call_off(app: &Arc<App>, order: &Order) -> Result<()> {
    let (id, policy) = (order.id.clone(), app.desk.policy.clone());
    let moment = app.moment(Actor::Operator("test".to_owned()));
    app.db
        .write(move |tx| {
            Box::pin(async move { cancel::cancel(tx, &moment, &policy, &id, "by mistake").await })
        })
        .await
}

/// The orders of a story, as they are now.
async fn now(shop: &Shop, orders: &Mutex<Vec<Order>>) -> Vec<Order> {
    let placed = orders.lock().unwrap().clone();
    let mut now = Vec::with_capacity(placed.len());
    for order in placed {
        now.push(shop.order_now(&order.id).await);
    }
    now
}

/// Paid, delivered, and paid back once: at the gateway, in the books, and to the buyer.
async fn assert_paid_back(cards: &Cards, order: &Order) {
    let shop = &cards.shop;
    let known = shop.refunds(order).await;
    assert_eq!(known.len(), 1, "one record");
    assert_eq!(known[0].state, RefundState::Done);
    let ours = known[0].id.0.as_str();
    let made = cards.fake.objects("refund");
    let made = made.iter().filter(|r| r["metadata"]["refund_id"] == ours);
    assert_eq!(made.count(), 1, "one refund at the gateway");
    assert_eq!(order.payment_status, PaymentStatus::Refunded);
    assert_eq!(order.refunded, order.total);
    assert_eq!(shop.grant(order).await.state, GrantState::Revoked);
    assert_eq!(
        shop.sent(order).await,
        ["completed", "receipt", &format!("refunded:{ours}")]
    );
}

#[tokio::test]
async fn a_checkout_that_is_opened() {
    each(async |cards| {
        let (shop, orders) = (&cards.shop, Mutex::new(Vec::new()));
        let prepare = async |turn| {
            let order = shop.order_by(&buyer(turn), &["files"]).await.order;
            orders.lock().unwrap().push(order.clone());
            order
        };
        let story = async |app: &Arc<App>, order: &Order| drop(cards.begin(app, order).await);
        let rest = async |order: &Order| {
            let pages = [
                cards.begin(&shop.app, order).await.unwrap(),
                cards.begin(&shop.app, order).await.unwrap(),
            ];
            assert_eq!(pages[0], pages[1]);
        };
        let commits = Box::pin(everywhere(shop, prepare, story, rest)).await;
        assert_eq!(commits, 2, "before the call and behind it");
        // Nobody pays: both sides let it go.
        shop.live(26 * HOUR, HOUR).await;
        let orders = now(shop, &orders).await;
        for order in &orders {
            let payments = cards.payments(order).await;
            assert_eq!(payments.len(), 1);
            assert_eq!(payments[0].state, PaymentState::Closed);
        }
        assert_eq!(cards.fake.objects("checkout.session").len(), orders.len());
    })
    .await;
}

#[tokio::test]
async fn a_checkout_that_is_ended_with_its_order() {
    each(async |cards| {
        let (shop, orders) = (&cards.shop, Mutex::new(Vec::new()));
        let prepare = async |turn| {
            let order = shop.order_by(&buyer(turn), &["files"]).await.order;
            cards.begin(&shop.app, &order).await.unwrap();
            orders.lock().unwrap().push(order.clone());
            order
        };
        let story = async |app: &Arc<App>, order: &Order| {
            drop(call_off(app, order).await);
            attempt(app, LANE).await;
        };
        // The person sees that nothing happened, or presses twice.
        let rest = async |order: &Order| drop(call_off(&shop.app, order).await);
        let commits = Box::pin(everywhere(shop, prepare, story, rest)).await;
        assert!(commits >= 4, "decide, claim, prepare, record: {commits}");
        for order in now(shop, &orders).await {
            assert_eq!(order.payment_status, PaymentStatus::Cancelled);
            assert_eq!(cards.payments(&order).await[0].state, PaymentState::Closed);
        }
        let sessions = cards.fake.objects("checkout.session");
        assert!(
            sessions
                .iter()
                .all(|session| session["status"] == "expired")
        );
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_no_message_tells_of_and_the_look_at_its_checkout_finds() {
    each(async |cards| {
        let (shop, orders) = (&cards.shop, Mutex::new(Vec::new()));
        let prepare = async |turn| {
            let order = shop.order_by(&buyer(turn), &["files"]).await.order;
            cards.begin(&shop.app, &order).await.unwrap();
            cards.charge(&order).await;
            shop.advance(11 * MINUTE);
            orders.lock().unwrap().push(order);
        };
        let story = async |app: &Arc<App>, (): &()| attempt(app, LANE).await;
        let commits = Box::pin(everywhere(shop, prepare, story, async |(): &()| ())).await;
        assert_eq!(commits, 3, "claim, prepare, record");
        for order in now(shop, &orders).await {
            shop.assert_completed(&order).await;
            assert_eq!(shop.transfers(&order).await.len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_only_the_list_of_events_tells_of() {
    each(async |cards| {
        let (shop, orders) = (&cards.shop, Mutex::new(Vec::new()));
        polling::start(&shop.app).await.unwrap();
        shop.drain().await;
        let prepare = async |turn| {
            let order = shop.order_by(&buyer(turn), &["files"]).await.order;
            cards.begin(&shop.app, &order).await.unwrap();
            cards.charge(&order).await;
            shop.advance(11 * MINUTE);
            orders.lock().unwrap().push(order);
        };
        let story = async |app: &Arc<App>, (): &()| attempt(app, LISTS).await;
        let commits = Box::pin(everywhere(shop, prepare, story, async |(): &()| ())).await;
        assert_eq!(commits, 3, "claim, prepare, record");
        // The messages come in the end: none is news.
        cards.deliver(&shop.app).await;
        shop.drain().await;
        for order in now(shop, &orders).await {
            shop.assert_completed(&order).await;
            assert_eq!(shop.transfers(&order).await.len(), 1);
        }
        shop.leaves(&["poll:ready"]);
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_the_gateway_carries_out() {
    each(async |cards| {
        let (shop, orders) = (&cards.shop, Mutex::new(Vec::new()));
        let prepare = async |turn| {
            let order = cards.bought(&buyer(turn), &["files"]).await;
            shop.drain().await;
            orders.lock().unwrap().push(order.clone());
            order
        };
        let story = async |app: &Arc<App>, order: &Order| {
            drop(pay_back(app, order).await);
            attempt(app, LANE).await;
        };
        let rest = async |order: &Order| {
            drop(pay_back(&shop.app, order).await);
            shop.drain().await;
            cards.deliver(&shop.app).await;
        };
        let commits = Box::pin(everywhere(shop, prepare, story, rest)).await;
        assert_eq!(commits, 4, "decide, claim, prepare, record");
        let orders = now(shop, &orders).await;
        for order in &orders {
            assert_paid_back(cards, order).await;
        }
        assert_eq!(cards.fake.objects("refund").len(), orders.len());
        // Who finds it done does not ask again.
        assert_eq!(cards.fake.calls(Call::RefundCreate), orders.len());
    })
    .await;
}

/// The first attempt has had its effect, and is held; the lease ends, and another does it again and records it.
async fn overtaken(cards: &Cards, lane: &str) {
    let shop = &cards.shop;
    let first = claim(&shop.app, lane).await.unwrap().pop().unwrap();
    cards.obstacles.plan(Obstacle::Held);
    let (app, task) = (shop.app.clone(), first.clone());
    let frozen = tokio::spawn(async move { tasks::run(&app, &task).await });
    cards.obstacles.held.notified().await;
    shop.advance(LEASE + Duration::from_secs(1));
    assert_eq!(shop.sweep().await.leases, 1);
    shop.drain().await;
    let before = shop.tasks().await;
    cards.obstacles.release.notify_one();
    assert_eq!(frozen.await.unwrap().unwrap(), Attempt::Lost);
    let after = shop.tasks().await;
    let story = |tasks: &[crate::harness::books::TaskRow]| {
        let of = tasks
            .iter()
            .find(|task| task.subject == first.subject)
            .unwrap();
        (of.state.clone(), of.attempts)
    };
    assert_eq!(story(&after), story(&before));
    assert!(story(&after).1 > first.attempts, "another attempt ran");
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_while_it_acted_changes_nothing() {
    each(async |cards| {
        let shop = &cards.shop;
        let back = cards.bought("back@example.com", &["files"]).await;
        shop.drain().await;
        pay_back(&shop.app, &back).await.unwrap();
        overtaken(cards, LANE).await;
        let back = shop.order_now(&back.id).await;
        assert_paid_back(cards, &back).await;
        assert_eq!(cards.fake.calls(Call::RefundCreate), 1);
        shop.live(12 * MINUTE, 3 * MINUTE).await;

        let looked = shop.order_by("looked@example.com", &["files"]).await.order;
        cards.begin(&shop.app, &looked).await.unwrap();
        cards.charge(&looked).await;
        shop.advance(11 * MINUTE);
        overtaken(cards, LANE).await;
        shop.assert_completed(&looked).await;

        let listed = shop.order_by("listed@example.com", &["files"]).await.order;
        cards.begin(&shop.app, &listed).await.unwrap();
        cards.charge(&listed).await;
        polling::start(&shop.app).await.unwrap();
        overtaken(cards, LISTS).await;
        shop.assert_completed(&listed).await;
        for order in [&looked, &listed] {
            assert_eq!(shop.transfers(order).await.len(), 1);
        }
        shop.live(12 * MINUTE, 3 * MINUTE).await;
        shop.leaves(&["poll:ready"]);
    })
    .await;
}

fn faults() -> [Fault; 5] {
    let why = || "as the test says".to_owned();
    [
        Fault::Transient {
            why: why(),
            after: Some(Duration::from_secs(7)),
        },
        Fault::Unknown { why: why() },
        Fault::ConnectionBroken { why: why() },
        Fault::MappingBroken { why: why() },
        Fault::LearnerProblem { why: why() },
    ]
}

/// Nobody but a person can do something about it.
fn is_final(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::MappingBroken { .. } | Fault::LearnerProblem { .. }
    )
}

async fn stands(shop: &Shop, subject: &str) -> String {
    let tasks = shop.tasks().await;
    let task = tasks.into_iter().find(|task| task.subject == subject);
    task.unwrap().state
}

#[tokio::test]
async fn every_way_in_which_a_refund_can_end_leaves_it_where_somebody_moves_it_on() {
    each(async |cards| {
        let shop = &cards.shop;
        for (turn, fault) in faults().into_iter().enumerate() {
            let order = cards.bought(&buyer(turn), &["files"]).await;
            shop.drain().await;
            pay_back(&shop.app, &order).await.unwrap();
            cards.obstacles.plan(Obstacle::Instead(fault.clone()));
            attempt(&shop.app, LANE).await;
            let refund = shop.refunds(&order).await.remove(0);
            if is_final(&fault) {
                assert_eq!(refund.state, RefundState::Failed, "{fault:?}");
                assert_eq!(stands(shop, &refund.id.0).await, "dead");
                shop.leaves(&["refund:dead"]);
                shop.drain().await;
                let now = shop.order_now(&order.id).await;
                assert_eq!(now.payment_status, PaymentStatus::Paid);
                assert_eq!(shop.grant(&order).await.state, GrantState::Active);
                continue;
            }
            assert_eq!(refund.state, RefundState::Asked, "{fault:?}");
            assert_eq!(stands(shop, &refund.id.0).await, "ready");
            // Once more it is done, and nobody hears of it.
            cards.obstacles.plan(Obstacle::Afterwards(Fault::Unknown {
                why: "cut off".to_owned(),
            }));
            shop.live(2 * HOUR, 5 * MINUTE).await;
            assert_paid_back(cards, &shop.order_now(&order.id).await).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_way_in_which_a_look_at_a_checkout_can_end_leaves_it_where_somebody_moves_it_on() {
    each(async |cards| {
        let shop = &cards.shop;
        for (turn, fault) in faults().into_iter().enumerate() {
            let order = shop.order_by(&buyer(turn), &["files"]).await.order;
            cards.begin(&shop.app, &order).await.unwrap();
            cards.charge(&order).await;
            shop.advance(11 * MINUTE);
            cards.obstacles.plan(Obstacle::Instead(fault.clone()));
            attempt(&shop.app, LANE).await;
            let payment = cards.payments(&order).await.remove(0);
            assert_eq!(payment.state, PaymentState::Open, "{fault:?}");
            if is_final(&fault) {
                assert_eq!(stands(shop, &payment.id.0).await, "dead");
                // Its message comes in the end, and leaves nothing to look at.
                cards.deliver(&shop.app).await;
            } else {
                assert_eq!(stands(shop, &payment.id.0).await, "ready");
            }
            shop.live(2 * HOUR, 5 * MINUTE).await;
            shop.assert_completed(&order).await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_way_in_which_a_list_can_end_is_the_last() {
    each(async |cards| {
        let shop = &cards.shop;
        polling::start(&shop.app).await.unwrap();
        shop.drain().await;
        for (turn, fault) in faults().into_iter().enumerate() {
            let order = shop.order_by(&buyer(turn), &["files"]).await.order;
            cards.begin(&shop.app, &order).await.unwrap();
            cards.charge(&order).await;
            shop.advance(11 * MINUTE);
            cards.obstacles.plan(Obstacle::Instead(fault.clone()));
            attempt(&shop.app, LISTS).await;
            assert_eq!(stands(shop, "stripe/events").await, "ready", "{fault:?}");
            shop.live(2 * HOUR, 5 * MINUTE).await;
            shop.assert_completed(&order).await;
            assert_eq!(shop.transfers(&order).await.len(), 1);
        }
        shop.leaves(&["poll:ready"]);
    })
    .await;
}
