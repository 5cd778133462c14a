//! The webhook: authentic messages are always kept and answered with success.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bursar::config::Secret;
use bursar::connectors::gateways::sepay;
use bursar::db::Breaks;
use bursar::model::task::{self, Kind, TaskState};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{assert_problem, code};
use crate::harness::server::{self, API_KEY, Answer, HMAC_SECRET, Server};

const CALL: &str = "/api/v1/payment/webhook";

/// Post these very bytes with the right API key.
async fn raw(server: &Server, body: impl Into<String>) -> Answer {
    let request = server
        .request("POST", CALL)
        .header("Authorization", format!("Apikey {API_KEY}"));
    server::answer(request.body(body.into())).await
}

async fn payment_status(server: &Server, order: &Value) -> String {
    let path = format!("/api/v1/payment/check-status/{}", code(order));
    let answer = server.get(&path).await;
    answer.json["paymentStatus"].as_str().unwrap().to_owned()
}

/// Tasks that wait to understand a stored message.
async fn waiting_messages(server: &Server) -> i64 {
    let counts = server.app.db.read(|tx| Box::pin(task::counts(tx)));
    let counts = counts.await.unwrap();
    let waiting = counts
        .iter()
        .filter(|(kind, state, _)| (*kind, *state) == (Kind::SettleEvent, TaskState::Ready));
    waiting.map(|(_, _, n)| n).sum()
}

#[tokio::test]
async fn a_transfer_pays_its_order_and_starts_its_courses() {
    server::each(async |server| {
        let order = server.order(&["rust", "photo"]).await;
        let paid = server.pay(&order, 900_000).await;
        assert_eq!(paid.status, 200);
        let expected = json!({
            "success": true, "duplicate": false, "orderId": order["orderId"],
            "orderCode": order["orderCode"], "paymentStatus": "paid", "tasksUpdated": 2,
        });
        assert_eq!(paid.json, expected);
    })
    .await;
}

#[tokio::test]
async fn the_same_message_again_changes_nothing_and_says_so() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let body = server.transfer(599_000, code(&order));
        server.webhook(&body).await;
        let again = server.webhook(&body).await;
        assert_eq!(again.status, 200);
        assert_eq!(again.json["success"], true);
        assert_eq!(again.json["duplicate"], true);
        assert_eq!(again.json["orderId"], order["orderId"]);
        assert_eq!(again.json["paymentStatus"], "paid");
        assert_eq!(again.json["tasksUpdated"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_deliveries_at_once_are_one_transfer() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let body = server.transfer(599_000, code(&order));
        let answers = join_all((0..100).map(|_| server.webhook(&body))).await;
        assert!(
            answers
                .iter()
                .all(|a| a.status == 200 && a.json["success"] == true)
        );
        let first = answers.iter().filter(|a| a.json["duplicate"] == false);
        assert_eq!(first.count(), 1);
        assert_eq!(waiting_messages(&server).await, 0);
        server.drain().await;
        assert_eq!(server.letters(), 2, "the receipt, and that it is done");
    })
    .await;
}

#[tokio::test]
async fn money_that_matches_no_order_is_kept_and_answered_with_success() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let mut outgoing = server.transfer(599_000, code(&order));
        outgoing["transferType"] = json!("out");
        let mut elsewhere = server.transfer(599_000, code(&order));
        elsewhere["accountNumber"] = json!("99999");
        // A well-formed code that no order has: the letters of ours, moved on.
        let unknown = server.transfer(1000, "DHABCDEFGH DHAAAAAAAA");
        for body in [
            outgoing,
            elsewhere,
            unknown,
            server.transfer(1000, "no code at all"),
        ] {
            let answer = server.webhook(&body).await;
            assert_eq!(
                (answer.status, &answer.json["success"]),
                (200, &json!(true)),
                "{body}"
            );
            assert_eq!(answer.json["tasksUpdated"], 0);
            assert_eq!(server.webhook(&body).await.json["duplicate"], true);
        }
        assert_eq!(payment_status(&server, &order).await, "pending");
    })
    .await;
}

#[tokio::test]
async fn too_little_leaves_the_order_open_and_the_rest_pays_it() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        assert_eq!(
            server.pay(&order, 500_000).await.json["paymentStatus"],
            "pending"
        );
        assert_eq!(
            server.pay(&order, 99_000).await.json["paymentStatus"],
            "paid"
        );
    })
    .await;
}

#[tokio::test]
async fn an_expired_order_is_paid_by_a_late_transfer() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        server.wait(Duration::from_hours(25));
        server.sweep().await;
        assert_eq!(payment_status(&server, &order).await, "expired");
        assert_eq!(
            server.pay(&order, 599_000).await.json["paymentStatus"],
            "paid"
        );
    })
    .await;
}

#[tokio::test]
async fn an_amount_as_text_is_understood() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let mut body = server.transfer(599_000, code(&order));
        body["transferAmount"] = json!("599000.00");
        assert_eq!(server.webhook(&body).await.json["paymentStatus"], "paid");
    })
    .await;
}

#[tokio::test]
async fn an_authentic_message_that_cannot_be_understood_is_kept_for_a_task() {
    server::each(async |server| {
        let mut waiting = 0;
        for amount in [
            json!(-5),
            json!("1e999"),
            json!(99_999_999_999_999_i64),
            json!(null),
        ] {
            let mut body = server.transfer(1, "DH");
            body["transferAmount"] = amount;
            let answer = server.webhook(&body).await;
            assert_eq!(
                (answer.status, &answer.json["success"]),
                (200, &json!(true)),
                "{body}"
            );
            waiting += 1;
            assert_eq!(waiting_messages(&server).await, waiting, "{body}");
            assert_eq!(server.webhook(&body).await.json["duplicate"], true);
        }
        for body in ["{", "[]", "", "content=x&id=", "\u{0}"] {
            let answer = raw(&server, body).await;
            assert_eq!(
                (answer.status, &answer.json["success"]),
                (200, &json!(true)),
                "{body:?}"
            );
            assert_eq!(answer.json["orderId"], Value::Null);
        }
        assert_eq!(waiting_messages(&server).await, waiting + 5);
    })
    .await;
}

#[tokio::test]
async fn without_the_right_key_nothing_is_taken_in() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let body = server.transfer(599_000, code(&order));
        for (name, value) in [
            ("Authorization", "Apikey wrong"),
            ("Authorization", API_KEY),
            ("X-SePay-Signature", "sha256=00"),
            ("X-Nothing", ""),
        ] {
            let request = server.request("POST", CALL).header(name, value);
            let answer = server::answer(request.json(&body)).await;
            assert_problem(&answer, 401, "not_authentic");
        }
        assert_eq!(payment_status(&server, &order).await, "pending");
        assert_eq!(server.webhook(&body).await.json["duplicate"], false);
    })
    .await;
}

#[tokio::test]
async fn a_signature_is_enough_and_a_stale_one_loses_no_order() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let body = server.transfer(599_000, code(&order)).to_string();
        let hours_ago = server.app.clock.now().unix_seconds() - 7200;
        let signed = |key: &str| {
            let signature = sepay::sign(&Secret::new(key), hours_ago, body.as_bytes());
            let request = server
                .request("POST", CALL)
                .header("X-SePay-Signature", signature);
            request
                .header("X-SePay-Timestamp", hours_ago)
                .body(body.clone())
        };
        assert_problem(
            &server::answer(signed("another")).await,
            401,
            "not_authentic",
        );
        let answer = server::answer(signed(HMAC_SECRET)).await;
        assert_eq!(answer.json["paymentStatus"], "paid", "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn one_address_may_not_guess_without_end() {
    server::each_with(
        |options| options.config.limits.failures_per_minute = 2,
        async |server| {
            let guess = async || {
                let request = server
                    .request("POST", CALL)
                    .header("Authorization", "Apikey guess");
                server::answer(request.body("{}")).await
            };
            for _ in 0..3 {
                assert_problem(&guess().await, 401, "not_authentic");
            }
            assert_problem(&guess().await, 429, "rate_limited");
        },
    )
    .await;
}

#[tokio::test]
async fn large_bodies_and_other_methods_are_refused() {
    server::each(async |server| {
        assert_problem(
            &raw(&server, " ".repeat(64 * 1024 + 1)).await,
            413,
            "body_too_large",
        );
        let get = server.get(CALL).await;
        assert_problem(&get, 405, "method_not_allowed");
        assert_eq!(get.headers["allow"], "POST");
    })
    .await;
}

/// The next so many writes die before their commit.
#[derive(Default)]
struct Dying(AtomicI64);

impl Breaks for Dying {
    fn before_commit(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) > 0
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_booked_is_kept_and_a_task_books_it() {
    let dying = Arc::new(Dying::default());
    let given = dying.clone();
    server::each_with(
        move |options| options.breaks = Some(given.clone()),
        async |server| {
            let order = server.order(&["rust"]).await;
            dying.0.store(1, Ordering::SeqCst);
            let answer = server.pay(&order, 599_000).await;
            assert_eq!(
                (answer.status, &answer.json["success"]),
                (200, &json!(true))
            );
            assert_eq!(payment_status(&server, &order).await, "pending");
            server.drain().await;
            assert_eq!(payment_status(&server, &order).await, "paid");
        },
    )
    .await;
}

#[tokio::test]
async fn a_message_that_cannot_be_stored_is_asked_for_again() {
    let dying = Arc::new(Dying::default());
    let given = dying.clone();
    server::each_with(
        move |options| options.breaks = Some(given.clone()),
        async |server| {
            let order = server.order(&["rust"]).await;
            let body = server.transfer(599_000, code(&order));
            dying.0.store(2, Ordering::SeqCst);
            assert_problem(&server.webhook(&body).await, 503, "unavailable");
            assert_eq!(server.webhook(&body).await.json["paymentStatus"], "paid");
        },
    )
    .await;
}
