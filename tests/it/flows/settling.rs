//! Money into the books: every class of transfer, at every edge, once each, also at once.

use std::sync::Arc;
use std::time::Duration;

use bursar::connectors::gateways::{payos, sepay};
use bursar::fact::{Fact, OrderName, TransferFact};
use bursar::fulfilment::inbox;
use bursar::fulfilment::settle::{self, Settled};
use bursar::model::gateway_event::{self, Arrival, Road};
use bursar::model::order::{OrderStatus, PaymentStatus};
use bursar::model::transfer::Class;
use serde_json::json;

use crate::harness::books;
use crate::harness::shop::{ACCOUNT, Shop, arrive, each};

const DAY: Duration = Duration::from_hours(24);

async fn status(shop: &Shop, order: &bursar::model::order::Order) -> (PaymentStatus, i64) {
    let now = shop.order_now(&order.id).await;
    (now.payment_status, now.received.minor)
}

/// What one transfer of `dong` for an order of 500,000 is, and what the order then is.
async fn one_transfer(shop: &Shop, dong: i64) -> (Class, PaymentStatus) {
    let order = shop.order(&["enrol"]).await;
    let settled = shop.pay(&order, dong).await;
    let (payment, received) = status(shop, &order).await;
    let class = settled.class.unwrap();
    let surplus = if class == Class::Over {
        dong - order.total.minor
    } else {
        0
    };
    assert_eq!(received, dong - surplus, "what the order needs is on it");
    let transfer = shop.transfers(&order).await.pop().unwrap();
    assert_eq!(transfer.due(), surplus, "the rest belongs to the payer");
    (class, payment)
}

#[tokio::test]
async fn the_tolerance_holds_to_the_dong_on_both_sides() {
    each(async |shop| {
        use {
            Class::{Exact, Over, Short},
            PaymentStatus::{Paid, Pending},
        };
        for (dong, class, payment) in [
            (500_000, Exact, Paid),
            (499_000, Exact, Paid),
            (498_999, Short, Pending),
            (501_000, Exact, Paid),
            (501_001, Over, Paid),
            (1, Short, Pending),
            (5_000_000, Over, Paid),
        ] {
            assert_eq!(one_transfer(shop, dong).await, (class, payment), "{dong}");
        }
        shop.drain().await;
        assert_eq!(
            shop.inbox().await.len(),
            2,
            "both surpluses wait for a person"
        );
    })
    .await;
}

#[tokio::test]
async fn a_transfer_of_nothing_is_kept_and_pays_nothing() {
    each(async |shop| {
        assert_eq!(
            one_transfer(shop, 0).await,
            (Class::Short, PaymentStatus::Pending)
        );
    })
    .await;
}

#[tokio::test]
async fn paying_answers_with_the_order_as_it_is_now_and_starts_every_line() {
    each(async |shop| {
        let order = shop.order(&["enrol", "files", "both"]).await;
        let settled = shop.pay(&order, order.total.minor).await;
        assert!(!settled.duplicate);
        assert_eq!(settled.lines_started, 3);
        let now = settled.order.unwrap();
        assert_eq!(now.payment_status, PaymentStatus::Paid);
        assert_eq!(now.order_status, OrderStatus::Processing);
        assert_eq!(shop.grants(&order).await.len(), 4);
        assert_eq!(shop.emails(&order).await.len(), 1);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn two_short_transfers_sum_up_to_paid_once() {
    each(async |shop| {
        let order = shop.order(&["enrol"]).await;
        assert_eq!(shop.pay(&order, 200_000).await.class, Some(Class::Short));
        assert_eq!(shop.pay(&order, 300_000).await.class, Some(Class::Combined));
        assert_eq!(status(shop, &order).await, (PaymentStatus::Paid, 500_000));
        assert_eq!(
            shop.pay(&order, 300_000).await.class,
            Some(Class::Duplicate)
        );
        assert_eq!(status(shop, &order).await, (PaymentStatus::Paid, 500_000));
        assert_eq!(shop.inbox().await.len(), 1);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn an_expired_order_is_opened_again_by_late_money_at_its_stored_price() {
    each(async |shop| {
        let (whole, parts) = (shop.order(&["enrol"]).await, shop.order(&["files"]).await);
        shop.advance(DAY);
        assert_eq!(shop.sweep().await.orders, 2);
        assert_eq!(status(shop, &whole).await, (PaymentStatus::Expired, 0));
        assert_eq!(shop.pay(&whole, 500_000).await.class, Some(Class::Late));
        assert_eq!(status(shop, &whole).await, (PaymentStatus::Paid, 500_000));
        assert_eq!(shop.pay(&parts, 50_000).await.class, Some(Class::Short));
        assert_eq!(status(shop, &parts).await, (PaymentStatus::Pending, 50_000));
        let reopened = shop.order_now(&parts.id).await;
        assert_eq!(
            reopened.expires_at,
            shop.clock.now().plus(DAY),
            "a day for the rest"
        );
        assert_eq!(shop.sweep().await.orders, 0);
        assert_eq!(shop.pay(&parts, 150_000).await.class, Some(Class::Combined));
        shop.drain().await;
        shop.assert_completed(&whole).await;
        shop.assert_completed(&parts).await;
    })
    .await;
}

#[tokio::test]
async fn what_names_no_order_waits_in_the_inbox_with_its_class() {
    each(async |shop| {
        let (a, b) = (shop.order(&["enrol"]).await, shop.order(&["files"]).await);
        let unknown = shop.restarted(None).await;
        let stranger = bursar::model::code::OrderCode::mint("DH", &unknown.mint);
        let both = format!("{} {}", a.code, b.code);
        let other_account = [("accountNumber", json!("99887766"))];
        let outgoing = [("transferType", json!("out"))];
        let bodies = [
            (shop.transfer(500_000, stranger.as_str()), Class::WrongCode),
            (shop.transfer(500_000, "chuyen tien hoc phi"), Class::NoCode),
            (shop.transfer(700_000, &both), Class::Split),
            (
                shop.transfer_with(500_000, a.code.as_str(), &other_account),
                Class::WrongAccount,
            ),
            (
                shop.transfer_with(500_000, a.code.as_str(), &outgoing),
                Class::Outgoing,
            ),
        ];
        for (body, class) in bodies {
            let settled = shop.webhook(&body).await.unwrap();
            assert_eq!(settled.class, Some(class));
        }
        for order in [&a, &b] {
            assert_eq!(status(shop, order).await, (PaymentStatus::Pending, 0));
        }
        let waiting: Vec<Class> = shop.inbox().await.iter().map(|t| t.class).collect();
        assert_eq!(waiting.len(), 4, "all but the outgoing one: {waiting:?}");
        assert_eq!(books::counts(&shop.app.db).await, [5, 5, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn the_same_code_in_every_field_is_one_code_and_a_virtual_account_is_ours() {
    each(async |shop| {
        let order = shop.order(&["enrol"]).await;
        let code = order.code.as_str();
        let fields = [
            ("code", json!(code)),
            ("accountNumber", json!("5550001")),
            ("subAccount", json!(ACCOUNT)),
        ];
        let body = shop.transfer_with(500_000, &format!("{code} {code}"), &fields);
        assert_eq!(shop.webhook(&body).await.unwrap().class, Some(Class::Exact));
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn the_same_webhook_a_thousand_times_at_once_is_one_of_everything() {
    each(async |shop| {
        let order = shop.order(&["files"]).await;
        let body: Arc<[u8]> = shop.transfer(200_000, order.code.as_str()).into();
        let mut arrivals = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let (app, body) = (shop.app.clone(), body.clone());
            arrivals
                .spawn(async move { arrive(&app, &body).await.map(|s| (s.duplicate, s.order)) });
        }
        let mut first = 0;
        while let Some(answer) = arrivals.join_next().await {
            let (duplicate, answered) = answer.unwrap().expect("each is answered with success");
            first += i32::from(!duplicate);
            assert_eq!(answered.unwrap().payment_status, PaymentStatus::Paid);
        }
        assert_eq!(first, 1);
        assert_eq!(books::counts(&shop.app.db).await, [1, 1, 1, 1]);
        shop.drain().await;
        shop.assert_completed(&order).await;
        assert_eq!(shop.letters().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn the_same_transfer_under_another_id_is_the_same_transfer_one_by_one_and_at_once() {
    each(async |shop| {
        let order = shop.order(&["files"]).await;
        let code = order.code.as_str();
        let same = [("referenceCode", json!("FT26325001"))];
        let bodies: Vec<Vec<u8>> = (0..20)
            .map(|_| shop.transfer_with(200_000, code, &same))
            .collect();
        let mut arrivals = tokio::task::JoinSet::new();
        for body in bodies {
            let app = shop.app.clone();
            arrivals
                .spawn(async move { arrive(&app, &body).await.map(|s| (s.duplicate, s.order)) });
        }
        let answers = arrivals.join_all().await;
        for answer in &answers {
            let (_, order) = answer.as_ref().unwrap();
            assert_eq!(order.as_ref().unwrap().payment_status, PaymentStatus::Paid);
        }
        let first = answers.iter().filter(|a| !a.as_ref().unwrap().0).count();
        assert_eq!(first, 1);
        let again = shop
            .webhook(&shop.transfer_with(200_000, code, &same))
            .await
            .unwrap();
        assert!(again.duplicate);
        assert_eq!(again.order.unwrap().id, order.id);
        assert_eq!(books::counts(&shop.app.db).await, [21, 1, 1, 1]);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn two_different_transfers_at_once_for_one_order_pay_it_once() {
    each(async |shop| {
        for _ in 0..10 {
            let order = shop.order(&["files"]).await;
            let bodies = [0, 1].map(|_| shop.transfer(200_000, order.code.as_str()));
            let (a, b) = tokio::join!(shop.webhook(&bodies[0]), shop.webhook(&bodies[1]));
            let mut classes = [a, b].map(|s| s.unwrap().class.unwrap());
            classes.sort_by_key(|class| class.as_str());
            assert_eq!(classes, [Class::Duplicate, Class::Exact]);
            assert_eq!(status(shop, &order).await, (PaymentStatus::Paid, 200_000));
        }
        shop.drain().await;
    })
    .await;
}

#[tokio::test]
async fn two_short_transfers_at_once_pay_exactly_once() {
    each(async |shop| {
        for _ in 0..10 {
            let order = shop.order(&["files"]).await;
            let bodies = [0, 1].map(|_| shop.transfer(100_000, order.code.as_str()));
            let (a, b) = tokio::join!(shop.webhook(&bodies[0]), shop.webhook(&bodies[1]));
            let mut classes = [a, b].map(|s| s.unwrap().class.unwrap());
            classes.sort_by_key(|class| class.as_str());
            assert_eq!(classes, [Class::Combined, Class::Short]);
            assert_eq!(status(shop, &order).await, (PaymentStatus::Paid, 200_000));
            shop.drain().await;
            assert_eq!(shop.sent(&order).await, ["completed", "receipt"]);
        }
    })
    .await;
}

#[tokio::test]
async fn two_transfers_at_once_that_name_two_orders_in_opposite_ways_are_both_kept() {
    each(async |shop| {
        for _ in 0..10 {
            let (a, b) = (shop.order(&["files"]).await, shop.order(&["files"]).await);
            let bodies = [
                shop.transfer(400_000, &format!("{} {}", a.code, b.code)),
                shop.transfer(400_000, &format!("{} {}", b.code, a.code)),
            ];
            let (one, other) = tokio::join!(shop.webhook(&bodies[0]), shop.webhook(&bodies[1]));
            for settled in [one, other] {
                assert_eq!(settled.unwrap().class, Some(Class::Split));
            }
        }
        assert_eq!(shop.inbox().await.len(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_is_kept_and_a_task_works_on_it_until_a_person_must() {
    each(async |shop| {
        let body = br#"{"id": 77, "transferType": "sideways"}"#;
        let settled = shop.webhook(body).await.unwrap();
        assert!(settled.class.is_none());
        shop.webhook(body).await.unwrap();
        assert_eq!(books::counts(&shop.app.db).await, [1, 0, 0, 0]);
        shop.live(DAY, Duration::from_mins(10)).await;
        let tasks = shop.tasks().await;
        assert_eq!(tasks.len(), 1);
        assert_eq!((tasks[0].state.as_str(), tasks[0].rejections), ("dead", 5));
        let inbox = &shop.app.db;
        let seen = inbox.read(|tx| Box::pin(gateway_event::not_settled(tx, None, 10)));
        let seen = seen.await.unwrap();
        assert_eq!(seen.len(), 1, "the person sees it");
        assert!(seen[0].why.is_some(), "{:?}", seen[0]);
        shop.leaves(&["settle_event:dead"]);
    })
    .await;
}

bursar::statements! {
    NO_RECEIPTS = "ALTER TABLE emails RENAME TO emails_away";
    RECEIPTS = "ALTER TABLE emails_away RENAME TO emails";
}

#[tokio::test]
async fn settling_that_fails_after_it_was_stored_does_not_poison_the_event() {
    each(async |shop| {
        let order = shop.order(&["files"]).await;
        let body = shop.transfer(200_000, order.code.as_str());
        books::exec(&shop.app.db, &NO_RECEIPTS, &[]).await;
        let settled = shop.webhook(&body).await.unwrap();
        assert!(
            settled.class.is_none(),
            "answered with success, and nothing is booked"
        );
        assert_eq!(status(shop, &order).await, (PaymentStatus::Pending, 0));
        books::exec(&shop.app.db, &RECEIPTS, &[]).await;
        shop.drain().await;
        assert_eq!(status(shop, &order).await, (PaymentStatus::Paid, 200_000));
        shop.assert_completed(&order).await;
        let again = shop.webhook(&body).await.unwrap();
        assert!(again.duplicate);
        assert_eq!(books::counts(&shop.app.db).await[..3], [1, 1, 1]);
    })
    .await;
}

/// The same money as a gateway tells of it that knows the order: one more name, the order's id.
fn named(shop: &Shop, body: &[u8], order: &bursar::model::order::Order) -> TransferFact {
    let gateway = shop.app.desk.gateways.get(sepay::NAME).unwrap();
    let facts = gateway.read(body).unwrap();
    let [Fact::Transfer(fact)] = facts.as_slice() else {
        panic!("one transfer: {facts:?}");
    };
    TransferFact {
        gateway: payos::NAME.to_owned(),
        provider_id: format!("link:{}", fact.reference),
        order: Some(OrderName::Id(order.id.0.clone())),
        ..fact.clone()
    }
}

async fn settle_fact(shop: &Shop, fact: TransferFact) -> Settled {
    let arrival = Arrival {
        gateway: fact.gateway.clone(),
        key: fact.provider_id.clone(),
        body: Vec::new(),
        note: None,
        road: Road::Message,
    };
    let policy = shop.app.desk.policy.clone();
    shop.step(move |tx, moment| {
        Box::pin(async move {
            settle::arrival(tx, &moment, &policy, &arrival, &[Fact::Transfer(fact)]).await
        })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn money_that_waits_without_an_order_pays_it_when_another_gateway_knows_it() {
    each(async |shop| {
        let order = shop.order(&["enrol"]).await;
        let body = shop.transfer(500_000, "no code");
        assert_eq!(
            shop.webhook(&body).await.unwrap().class,
            Some(Class::NoCode)
        );
        let settled = settle_fact(shop, named(shop, &body, &order)).await;
        assert_eq!(
            (settled.duplicate, settled.class),
            (false, Some(Class::Exact))
        );
        assert_eq!(settled.lines_started, 1);
        assert!(shop.inbox().await.is_empty());
        let transfers = shop.transfers(&order).await;
        let [transfer] = transfers.as_slice() else {
            panic!("one transfer: {transfers:?}");
        };
        assert_eq!(
            transfer.closed_why.as_deref(),
            Some("payos names its order")
        );
        let told = shop.audit(&order).await;
        let decided = told.iter().find(|entry| entry.action == "transfer.closed");
        assert_eq!(
            decided.unwrap().why.as_deref(),
            Some("payos names its order")
        );
        let again = settle_fact(shop, named(shop, &body, &order)).await;
        assert!(again.duplicate);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn the_other_way_round_the_second_report_is_a_duplicate() {
    each(async |shop| {
        let order = shop.order(&["enrol"]).await;
        let body = shop.transfer(500_000, "no code");
        let settled = settle_fact(shop, named(shop, &body, &order)).await;
        assert_eq!(settled.class, Some(Class::Exact));
        assert!(shop.webhook(&body).await.unwrap().duplicate);
        assert!(shop.inbox().await.is_empty());
        assert_eq!(shop.transfers(&order).await.len(), 1);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_names_a_paid_order_leaves_the_money_to_be_paid_back() {
    each(async |shop| {
        let order = shop.bought(&["enrol"]).await;
        let body = shop.transfer(500_000, "no code");
        shop.webhook(&body).await.unwrap();
        let settled = settle_fact(shop, named(shop, &body, &order)).await;
        assert_eq!(settled.class, Some(Class::Duplicate));
        let waiting = shop.inbox().await;
        assert_eq!(
            (waiting[0].class, waiting[0].due()),
            (Class::Duplicate, 500_000)
        );
        assert_eq!(status(shop, &order).await, (PaymentStatus::Paid, 500_000));
        shop.drain().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_person_took_back_stays_with_the_person() {
    each(async |shop| {
        let order = shop.order(&["enrol"]).await;
        let body = shop.transfer(500_000, "no code");
        shop.webhook(&body).await.unwrap();
        let (id, code) = (shop.inbox().await[0].id.clone(), order.code.clone());
        let policy = shop.app.desk.policy.clone();
        let (same, first) = (id.clone(), policy.clone());
        shop.step(move |tx, moment| {
            Box::pin(
                async move { inbox::assign(tx, &moment, &first, &same, &code, "found it").await },
            )
        })
        .await
        .unwrap();
        shop.step(move |tx, moment| {
            Box::pin(async move { inbox::undo(tx, &moment, &policy, &id, "it was not").await })
        })
        .await
        .unwrap();
        let settled = settle_fact(shop, named(shop, &body, &order)).await;
        assert!(settled.duplicate);
        assert_eq!(shop.inbox().await.len(), 1);
        assert_eq!(status(shop, &order).await, (PaymentStatus::Pending, 0));
        shop.drain().await;
    })
    .await;
}
