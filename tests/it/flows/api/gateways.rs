//! One door for every gateway's messages: by its name, and each with its own proof.

use std::time::Duration;

use bursar::app::checkout;
use bursar::config::Secret;
use bursar::connectors::gateways::{payos, tellers};
use bursar::id::OrderId;
use serde_json::{Value, json};

use crate::connectors::payos::fake::FakePayOs;
use crate::connectors::payos::{CHECKSUM_KEY, DOCUMENTED, PAID, settings};
use crate::harness::books;
use crate::harness::databases::KINDS;
use crate::harness::server::{self, Answer, Options, Server};

const CALL: &str = "/api/v1/payment/payos/webhook";

fn with_payos(options: &mut Options) {
    options.config.payments.payos = settings("").payos;
}

async fn post(server: &Server, path: &str, body: &str) -> Answer {
    server::answer(server.request("POST", path).body(body.to_owned())).await
}

#[tokio::test]
async fn the_message_that_tries_an_address_succeeds_and_books_nothing() {
    server::each_with(with_payos, async |server| {
        for _ in 0..2 {
            let answer = post(&server, CALL, DOCUMENTED).await;
            assert_eq!(
                (answer.status, &answer.json["success"]),
                (200, &true.into())
            );
        }
        let [_, transfers, allocations, emails] = books::counts(&server.app.db).await;
        assert_eq!([transfers, allocations, emails], [0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn money_of_a_link_that_nobody_knows_is_kept_once() {
    server::each_with(with_payos, async |server| {
        for duplicate in [false, true] {
            let answer = post(&server, CALL, PAID).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["success"], true);
            assert_eq!(answer.json["duplicate"], duplicate);
        }
        let [events, transfers, allocations, _] = books::counts(&server.app.db).await;
        assert_eq!([events, transfers, allocations], [1, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_message_without_proof_is_refused_and_leaves_nothing() {
    server::each_with(with_payos, async |server| {
        let answer = post(&server, CALL, &PAID.replace("599000", "999000")).await;
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (401, &"not_authentic".into())
        );
        // Another gateway's door does not open to it.
        let answer = post(&server, "/api/v1/payment/sepay/webhook", PAID).await;
        assert_eq!(answer.status, 401);
        assert_eq!(books::counts(&server.app.db).await, [0; 4]);
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_nobody_knows_is_not_found() {
    server::each(async |server| {
        let answer = post(&server, "/api/v1/payment/paypal/webhook", PAID).await;
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (404, &"not_found".into())
        );
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_tries_our_address_reaches_it_and_finds_a_wrong_key() {
    for (key, sound) in [(CHECKSUM_KEY, true), ("another checksum key", false)] {
        let change = |options: &mut Options| {
            with_payos(options);
            options.config.payments.payos.checksum_key = Some(Secret::new(key));
        };
        server::each_with(change, async |server| {
            let fake = FakePayOs::start().await;
            let teller = tellers(&settings(&fake.url)).unwrap()[payos::NAME].clone();
            let address = server.url.replace("http://", "https://");
            let found = teller.register(&address).await.unwrap().unwrap();
            assert_eq!(found.sound, sound, "{}", found.what);
            assert!(found.what.contains(CALL));
        })
        .await;
    }
}

/// The webhook about a transfer for this link, rightly signed.
fn webhook(reference: &str, order_code: &str, dong: i64) -> String {
    let mut body: Value = serde_json::from_str(PAID).unwrap();
    let data = body["data"].as_object_mut().unwrap();
    data.insert(
        "orderCode".to_owned(),
        json!(order_code.parse::<i64>().unwrap()),
    );
    data.insert("amount".to_owned(), json!(dong));
    data.insert("reference".to_owned(), json!(reference));
    data.insert("description".to_owned(), json!("CSDHR4N2P"));
    let signature = payos::sign(&Secret::new(CHECKSUM_KEY), data);
    body["signature"] = json!(signature);
    body.to_string()
}

/// A server whose payOS is the fake; an order, and the order code of its open payment link.
async fn with_a_link(fake: &FakePayOs, server: &Server) -> (Value, String) {
    let order = server.order(&["rust"]).await;
    let id = OrderId::from(order["orderId"].as_str().unwrap());
    let page = checkout::begin(&server.app, &id, payos::NAME)
        .await
        .unwrap();
    assert!(page.starts_with("https://pay.payos.vn/web/"), "{page}");
    let again = checkout::begin(&server.app, &id, payos::NAME)
        .await
        .unwrap();
    assert_eq!(again, page, "clicked twice");
    let (_, asked) = fake.requests().pop().unwrap();
    (order, asked["orderCode"].to_string())
}

/// Chance is the same for each database, and so are order codes: each has a payOS of its own.
async fn each_with_fake(test: impl AsyncFn(&FakePayOs, &Server)) {
    for kind in KINDS {
        eprintln!("on {kind:?}");
        let fake = FakePayOs::start().await;
        let change =
            |options: &mut Options| options.config.payments.payos = settings(&fake.url).payos;
        test(&fake, &Server::start_with(kind, change).await).await;
    }
}

#[tokio::test]
async fn a_link_that_is_paid_pays_the_order_though_the_memo_holds_no_code() {
    each_with_fake(async |fake, server| {
        let (order, order_code) = with_a_link(fake, server).await;
        let answer = post(server, CALL, &webhook("FT1", &order_code, 599_000)).await;
        assert_eq!(answer.json["paymentStatus"], "paid", "{}", answer.text);
        assert_eq!(answer.json["orderCode"], order["orderCode"]);
    })
    .await;
}

#[tokio::test]
async fn a_link_paid_in_two_parts_pays_the_order_once() {
    each_with_fake(async |fake, server| {
        let (_, order_code) = with_a_link(fake, server).await;
        let first = post(server, CALL, &webhook("FT1", &order_code, 200_000)).await;
        assert_eq!(first.json["paymentStatus"], "pending", "{}", first.text);
        let second = post(server, CALL, &webhook("FT2", &order_code, 399_000)).await;
        assert_eq!(second.json["paymentStatus"], "paid", "{}", second.text);
        let [_, transfers, allocations, _] = books::counts(&server.app.db).await;
        assert_eq!([transfers, allocations], [2, 2]);
    })
    .await;
}

#[tokio::test]
async fn money_whose_message_was_lost_is_found_by_looking_and_counted_once() {
    each_with_fake(async |fake, server| {
        let (order, order_code) = with_a_link(fake, server).await;
        fake.pay(&order_code, 599_000);
        server.wait(Duration::from_hours(24));
        server.sweep().await;
        server.drain().await;
        let path = format!(
            "/api/v1/payment/check-status/{}",
            order["orderCode"].as_str().unwrap()
        );
        assert_eq!(server.get(&path).await.json["paymentStatus"], "paid");
        let late = webhook("FT24009614024000", &order_code, 599_000);
        assert_eq!(post(server, CALL, &late).await.json["duplicate"], true);
        let [_, transfers, allocations, _] = books::counts(&server.app.db).await;
        assert_eq!([transfers, allocations], [1, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_link_is_cancelled_when_the_order_was_paid_in_another_way() {
    each_with_fake(async |fake, server| {
        let (order, order_code) = with_a_link(fake, server).await;
        server.pay(&order, 599_000).await;
        server.drain().await;
        let cancelled = format!("/v2/payment-requests/{order_code}/cancel");
        let paths = fake.requests().into_iter().map(|(path, _)| path);
        assert_eq!(paths.filter(|path| *path == cancelled).count(), 1);
    })
    .await;
}
