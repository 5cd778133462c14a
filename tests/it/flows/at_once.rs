//! A gateway's reports, a person's decisions and attempts at the same moment, again and again, on several
//! threads: whoever comes first, nothing is booked twice, the books agree, and nobody waits for ever.

use std::sync::Arc;
use std::time::Duration;

use bursar::app::{App, intake};
use bursar::connectors::gateways::stripe::fake::Delivery;
use bursar::error::{Error, Result};
use bursar::fact::{DisputeStage, Fact, RefundProgress};
use bursar::fulfilment::inbox::{self, Share};
use bursar::fulfilment::refund::{self as refunds, Ask};
use bursar::fulfilment::{Policy, cancel};
use bursar::id::{OrderId, TransferId};
use bursar::model::Moment;
use bursar::model::audit::Actor;
use bursar::model::code::OrderCode;
use bursar::model::gateway_event::Arrival;
use bursar::model::grant::GrantState;
use bursar::model::order::PaymentStatus;
use bursar::model::refund::{self, Refund, RefundState};
use bursar::model::transfer::Class;
use bursar::queue;
use tokio::spawn;

use super::crash_everywhere::buyer;
use crate::harness::cards::{self, post};
use crate::harness::shop::till::{CARDS, charge, disputed, refund, refunded};
use crate::harness::shop::{Shop, arrive, each};

const ROUNDS: usize = 8;
const WHY: &str = "as the test says";

/// It was decided so, or declined because somebody else had been there. Nothing else may come of it.
fn was_decided<T>(result: Result<T>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::Refused(_) | Error::Conflict(_)) => false,
        Err(e) => panic!("{e}"),
    }
}

fn operator(app: &App) -> (Moment, Policy) {
    let moment = app.moment(Actor::Operator("test".to_owned()));
    (moment, app.desk.policy.clone())
}

async fn report(app: Arc<App>, (arrival, facts): (Arrival, Vec<Fact>)) {
    intake::accept(&app, arrival, Ok(facts)).await.unwrap();
}

async fn work(app: Arc<App>) {
    was_decided(Box::pin(queue::drain(&app)).await);
}

async fn assign(app: Arc<App>, transfer: TransferId, code: OrderCode) -> bool {
    let (moment, policy) = operator(&app);
    was_decided(
        app.db
            .write(move |tx| {
                Box::pin(
                    async move { inbox::assign(tx, &moment, &policy, &transfer, &code, WHY).await },
                )
            })
            .await,
    )
}

async fn give_back(app: Arc<App>, transfer: TransferId) -> bool {
    let (moment, policy) = operator(&app);
    was_decided(
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    let sent = Some("FT26001");
                    inbox::give_back(tx, &moment, &policy, &transfer, sent, WHY).await
                })
            })
            .await,
    )
}

async fn split(app: Arc<App>, transfer: TransferId, shares: Vec<Share>) -> bool {
    let (moment, policy) = operator(&app);
    was_decided(
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    inbox::split(tx, &moment, &policy, &transfer, &shares, WHY).await
                })
            })
            .await,
    )
}

async fn undo(app: Arc<App>, transfer: TransferId) -> bool {
    let (moment, policy) = operator(&app);
    was_decided(
        app.db
            .write(move |tx| {
                Box::pin(async move { inbox::undo(tx, &moment, &policy, &transfer, WHY).await })
            })
            .await,
    )
}

async fn pay_back(app: Arc<App>, order: OrderId) -> bool {
    let (moment, policy) = operator(&app);
    let ask = Ask {
        course: None,
        amount: None,
        keep_access: false,
        why: WHY.to_owned(),
        reference: Some("FT26002".to_owned()),
    };
    was_decided(
        app.db
            .write(move |tx| {
                Box::pin(async move { refunds::ask(tx, &moment, &policy, &order, &ask).await })
            })
            .await,
    )
}

async fn call_off(app: Arc<App>, order: OrderId) -> bool {
    let (moment, policy) = operator(&app);
    was_decided(
        app.db
            .write(move |tx| {
                Box::pin(async move { cancel::cancel(tx, &moment, &policy, &order, WHY).await })
            })
            .await,
    )
}

/// What is left to do, after a lease that an attempt may have left has ended.
async fn settle_down(shop: &Shop) {
    shop.advance(crate::harness::shop::LEASE * 2);
    shop.sweep().await;
    shop.drain().await;
}

async fn refunds_of(shop: &Shop, transfer: &TransferId) -> Vec<Refund> {
    let id = transfer.clone();
    let read = shop
        .app
        .db
        .read(move |tx| Box::pin(async move { refund::of_transfer(tx, &id).await }));
    let mut refunds = read.await.unwrap();
    refunds.retain(|refund| refund.state != RefundState::Failed);
    refunds
}

/// One refund at the gateway, of which its own message and that of the sum tell at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_single_refund_and_its_sum_told_at_one_moment_are_one() {
    each(async |shop| {
        for round in 0..ROUNDS {
            let (order, pi) = shop.bought_by_card_of(&buyer(round), &["files"]).await;
            let total = order.total.minor;
            let name = format!("re_{round}");
            let single = refund(&name, &pi, total, RefundProgress::Succeeded);
            let told = [&single, &refunded(&pi, total), &single].map(|fact| shop.message(fact));
            let told = told.map(|message| spawn(report(shop.app.clone(), message)));
            futures_util::future::join_all(told).await;
            settle_down(shop).await;
            let known = shop.refunds(&order).await;
            assert_eq!(known.len(), 1, "{known:?}");
            assert_eq!(known[0].provider_id.as_deref(), Some(name.as_str()));
            let now = shop.order_now(&order.id).await;
            assert_eq!(
                (now.refunded.minor, now.payment_status),
                (total, PaymentStatus::Refunded)
            );
        }
    })
    .await;
}

/// Paid twice: one wants the second payment for another order, one sends it back, and the gateway tells that
/// it went back there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_no_order_needed_is_decided_about_once() {
    each(async |shop| {
        for round in 0..ROUNDS {
            let (order, _) = shop.bought_by_card_of(&buyer(round), &["files"]).await;
            let (total, pi) = (order.total.minor, format!("pi_twice_{round}"));
            let settled = shop.tell(charge(&order, &pi, total)).await;
            assert_eq!(settled.class, Some(Class::Duplicate));
            let transfer = settled.transfer.unwrap();
            let other = shop.order_by(&buyer(round), &["files"]).await.order;
            let name = format!("re_twice_{round}");
            let single = shop.message(&refund(&name, &pi, total, RefundProgress::Succeeded));
            let sum = shop.message(&refunded(&pi, total));
            let app = || shop.app.clone();
            let (assigned, given, ..) = tokio::join!(
                spawn(assign(app(), transfer.clone(), other.code.clone())),
                spawn(give_back(app(), transfer.clone())),
                spawn(report(app(), single)),
                spawn(report(app(), sum)),
                spawn(work(app())),
            );
            settle_down(shop).await;
            let (assigned, given) = (assigned.unwrap(), given.unwrap());
            assert!(!(assigned && given), "the same money twice");
            let known = refunds_of(shop, &transfer).await;
            let (by_gateway, by_hand): (Vec<_>, Vec<_>) =
                known.iter().partition(|refund| refund.gateway == CARDS);
            assert_eq!(
                by_gateway.iter().map(|r| r.amount.minor).sum::<i64>(),
                total
            );
            assert_eq!(by_hand.len(), usize::from(given));
            let other = shop.order_now(&other.id).await.payment_status;
            let expected = if assigned {
                PaymentStatus::Refunded
            } else {
                PaymentStatus::Pending
            };
            assert_eq!(other, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refund_a_dispute_and_the_attempts_of_an_order() {
    each(async |shop| {
        for round in 0..ROUNDS {
            let (order, pi) = shop
                .bought_by_card_of(&buyer(round), &["files", "enrol"])
                .await;
            let total = order.total.minor;
            if round % 2 == 1 {
                shop.drain().await;
            }
            let (re, dp) = (format!("re_{round}"), format!("dp_{round}"));
            let facts = [
                refund(&re, &pi, 100_000, RefundProgress::Succeeded),
                refunded(&pi, 100_000),
                disputed(&dp, &pi, total, DisputeStage::Open),
                disputed(&dp, &pi, total, DisputeStage::Won),
            ];
            let told = facts.map(|fact| spawn(report(shop.app.clone(), shop.message(&fact))));
            let decided = spawn(pay_back(shop.app.clone(), order.id.clone()));
            let worked = spawn(work(shop.app.clone()));
            futures_util::future::join_all(told).await;
            worked.await.unwrap();
            let decided = decided.await.unwrap();
            settle_down(shop).await;
            if !decided {
                shop.pay_back(&order, None).await.unwrap();
                settle_down(shop).await;
            }
            let now = shop.order_now(&order.id).await;
            assert_eq!(now.payment_status, PaymentStatus::Refunded);
            assert_eq!((now.refunded, now.disputed), (now.total, false));
            for grant in shop.grants(&order).await {
                assert_eq!(grant.state, GrantState::Revoked);
            }
        }
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

/// Two transfers over the same two orders, divided and taken back by several persons, while grants are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_transfers_over_the_same_orders() {
    each(async |shop| {
        let mut transfers = Vec::new();
        for _ in 0..2 {
            let settled = shop.webhook(&shop.transfer(400_000, "tien hoc")).await;
            transfers.push(settled.unwrap().transfer.unwrap());
        }
        let mut orders = Vec::new();
        for turn in 0..2 {
            orders.push(shop.order_by(&buyer(turn), &["worker"]).await.order);
        }
        let half = |place: usize| Share {
            code: orders[place].code.clone(),
            amount: Some(200_000),
        };
        let app = || shop.app.clone();
        for _ in 0..ROUNDS {
            let (first, second) = (transfers[0].clone(), transfers[1].clone());
            let (one, two, three, four, five) = tokio::join!(
                spawn(split(app(), first.clone(), vec![half(0), half(1)])),
                spawn(split(app(), second.clone(), vec![half(1), half(0)])),
                spawn(undo(app(), first)),
                spawn(undo(app(), second)),
                spawn(work(app())),
            );
            for done in [one, two, three, four] {
                done.unwrap();
            }
            five.unwrap();
            settle_down(shop).await;
            crate::harness::books::agree(&shop.app.db).await;
        }
        for transfer in transfers {
            undo(app(), transfer).await;
        }
        settle_down(shop).await;
        for order in &orders {
            let now = shop.order_now(&order.id).await;
            assert_eq!(now.received.minor, 0, "everything was taken back");
            for grant in shop.grants(order).await {
                assert_eq!(grant.state, GrantState::Revoked);
            }
        }
        let waiting = shop
            .tasks()
            .await
            .into_iter()
            .filter(|task| task.state == "ready");
        let waiting: Vec<String> = waiting.map(|t| format!("{}:{}", t.kind, t.state)).collect();
        let known: Vec<&str> = waiting.iter().map(String::as_str).collect();
        assert!(
            known.iter().all(|task| *task == "hand_over:ready"),
            "{known:?}"
        );
        shop.leaves(&known);
    })
    .await;
}

async fn delivered(app: Arc<App>, delivery: Delivery) {
    post(&app, &delivery).await.unwrap();
}

async fn transferred(app: Arc<App>, body: Vec<u8>) {
    arrive(&app, &body).await.unwrap();
}

/// Paid by card and by transfer, and called off, while its checkout is being ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_payments_a_person_and_the_end_of_a_checkout() {
    cards::each(async |cards| {
        let shop = &cards.shop;
        for round in 0..ROUNDS {
            let order = shop.order_by(&buyer(round), &["files"]).await.order;
            cards.begin(&shop.app, &order).await.unwrap();
            cards.charge(&order).await;
            shop.advance(Duration::from_mins(11));
            let paid = cards
                .fake
                .events("checkout.session.completed")
                .pop()
                .unwrap();
            let delivery = cards.fake.signed(&paid).unwrap();
            let body = shop.transfer(order.total.minor, order.code.as_str());
            let app = || shop.app.clone();
            let (card, bank, called_off, worked) = tokio::join!(
                spawn(delivered(app(), delivery)),
                spawn(transferred(app(), body)),
                spawn(call_off(app(), order.id.clone())),
                spawn(work(app())),
            );
            card.unwrap();
            bank.unwrap();
            worked.unwrap();
            settle_down(shop).await;
            let now = shop.order_now(&order.id).await;
            let transfers = shop.transfers(&order).await;
            assert_eq!(transfers.len(), 2, "each is in the books");
            let to_be_paid_back = transfers.iter().map(|t| t.surplus).sum::<i64>();
            if called_off.unwrap() {
                assert_eq!(now.payment_status, PaymentStatus::Cancelled);
                assert_eq!(to_be_paid_back, 2 * now.total.minor);
            } else {
                shop.assert_completed(&now).await;
                assert_eq!(to_be_paid_back, now.total.minor);
            }
        }
    })
    .await;
}
