//! create-order: what a shop gets back, and what is refused.

use std::time::Duration;

use bursar::model::{catalogue, order};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{assert_problem, code};
use crate::harness::server::{self, Answer, Server};

const CALL: &str = "/api/v1/payment/create-order";

async fn orders(server: &Server) -> i64 {
    let counts = server.app.db.read(|tx| Box::pin(order::counts(tx)));
    counts.await.unwrap().iter().map(|(_, _, n)| n).sum()
}

async fn with_key(server: &Server, key: &str, body: &Value) -> Answer {
    let request = server.request("POST", CALL).header("Idempotency-Key", key);
    server::answer(request.json(body)).await
}

#[tokio::test]
async fn an_order_is_answered_with_all_that_a_shop_needs_to_show() {
    server::each(async |server| {
        let body = json!({
            "email": " An@Example.COM ", "name": "An", "phone": "+84 90-123", "locale": "en",
            "courses": [
                {"url": "https://shop.example/khoa-hoc/rust", "title": "Another", "price": 1},
                "photo",
            ],
            "totalAmount": 1,
        });
        let answer = server.post(CALL, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let order = &answer.json;
        assert_eq!(order["success"], true);
        assert!(order["orderId"].as_str().unwrap().starts_with("ord_"));
        assert!(code(order).starts_with("DH"));
        assert_eq!(
            order["totalAmount"], 900_000,
            "the combo, whatever the caller says"
        );
        assert_eq!(order["currency"], "VND");
        assert_eq!(order["paymentStatus"], "pending");
        let qr = format!("{}/api/v1/payment/qr/{}.svg", server.url, code(order));
        assert_eq!(order["qrCodeUrl"], qr);
        let page = order["statusUrl"].as_str().unwrap();
        assert!(page.starts_with(&format!("{}/o/", server.url)), "{page}");
        assert_eq!(order["expiresAt"], "2026-01-06T03:00:00.000Z");
        assert_eq!(order["courses"][0]["slug"], "rust");
        assert_eq!(order["courses"][0]["title"], "Rust cho người bán hàng");
        let prices = order["courses"].as_array().unwrap().iter();
        assert_eq!(
            prices.map(|c| c["price"].as_i64().unwrap()).sum::<i64>(),
            900_000
        );
        assert_eq!(order["priceRule"]["applied"][0]["kind"], "combo");
        assert_eq!(order["priceRule"]["applied"][0]["courses"], 2);
        let secret = page.rsplit('/').next().unwrap().to_owned();
        let stored = server
            .app
            .db
            .read(move |tx| Box::pin(async move { order::by_secret(tx, &secret).await }));
        assert_eq!(stored.await.unwrap().unwrap().email, "an@example.com");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_sold_is_refused_by_name_and_nothing_is_stored() {
    server::each(async |server| {
        let body = json!({ "email": "an@example.com", "courses": ["rust", "go", "https://elsewhere.example/x"] });
        let answer = server.post(&format!("{CALL}?locale=en"), &body).await;
        assert_problem(&answer, 422, "unknown_course");
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(detail.contains("go, https://elsewhere.example/x"), "{detail}");
        assert_eq!(orders(&server).await, 0);
    })
    .await;
}

/// A good order but for one field; `null` leaves it out.
fn order_with(field: &str, value: &Value) -> Value {
    let mut body = json!({ "email": "an@example.com", "courses": ["rust"] });
    body[field] = value.clone();
    if value.is_null() {
        body.as_object_mut().unwrap().remove(field);
    }
    body
}

#[tokio::test]
async fn bad_input_gets_a_clear_answer_for_the_field_that_is_wrong() {
    let many: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
    let (long_name, long_phone) = ("a".repeat(121), "1".repeat(33));
    let table = [
        ("courses", json!([]), "courses", "empty_courses"),
        (
            "courses",
            json!(["rust", "rust"]),
            "courses[1].url",
            "duplicate_course",
        ),
        ("courses", json!(many), "courses", "too_many_courses"),
        ("courses", json!(null), "courses", "missing"),
        ("courses", json!("rust"), "courses", "wrong_type"),
        ("courses", json!(["rust", 7]), "courses[1]", "wrong_type"),
        (
            "courses",
            json!(["rust", {"title": "x"}]),
            "courses[1].url",
            "missing",
        ),
        (
            "courses",
            json!([{"url": -1}]),
            "courses[0].url",
            "wrong_type",
        ),
        ("email", json!(null), "email", "missing"),
        ("email", json!(" "), "email", "missing"),
        ("email", json!(7), "email", "wrong_type"),
        ("name", json!(long_name), "name", "bad_name"),
        ("name", json!("a\u{0}b"), "name", "bad_name"),
        ("phone", json!("call me"), "phone", "bad_phone"),
        ("phone", json!(long_phone), "phone", "bad_phone"),
        ("locale", json!("fr"), "locale", "bad_locale"),
    ];
    server::each(async |server| {
        for (field, value, at, fault) in &table {
            let answer = server.post(CALL, &order_with(field, value)).await;
            assert_problem(&answer, 422, "invalid_input");
            assert_eq!(answer.json["errors"][0]["field"], *at, "{}", answer.text);
            assert_eq!(answer.json["errors"][0]["code"], *fault, "{}", answer.text);
        }
        assert_eq!(orders(&server).await, 0);
    })
    .await;
}

#[tokio::test]
async fn addresses_that_no_letter_reaches_are_refused() {
    let long = format!("an@{}example.com", "a.".repeat(130));
    let bad = [
        "an",
        "an@",
        "@example.com",
        "an@example",
        "a n@example.com",
        "an@@example.com",
        "an@example.com\r\nBcc: x@example.com",
        "an@-example.com",
        "an@127.0.0.1",
        "a..n@example.com",
        "ân@example.com",
        &long,
    ];
    server::each(async |server| {
        for email in bad {
            let answer = server.post(CALL, &order_with("email", &json!(email))).await;
            assert_problem(&answer, 422, "invalid_input");
            assert_eq!(answer.json["errors"][0]["code"], "bad_email", "{email:?}");
        }
        for email in ["a.n+shop@example.com", "o'an@sub.example.co.uk"] {
            let answer = server.post(CALL, &order_with("email", &json!(email))).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn every_fault_of_an_order_is_named_at_once() {
    server::each(async |server| {
        let body = json!({ "email": "an", "phone": "x", "locale": "fr", "courses": ["rust"] });
        let answer = server.post(CALL, &body).await;
        let faults = answer.json["errors"].as_array().unwrap().iter();
        let fields: Vec<_> = faults
            .map(|fault| fault["field"].as_str().unwrap())
            .collect();
        assert_eq!(fields, ["email", "phone", "locale"]);
    })
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_before_anything_else() {
    server::each(async |server| {
        let send = async |kind: &str, body: String| {
            let request = server.request("POST", CALL).header("Content-Type", kind);
            server::answer(request.body(body)).await
        };
        let good = r#"{"email":"an@example.com","courses":["rust"]}"#;
        assert_problem(
            &send("text/plain", good.to_owned()).await,
            415,
            "wrong_content_type",
        );
        assert_problem(
            &send("application/json", "{\"email\":".to_owned()).await,
            400,
            "invalid_json",
        );
        let large = format!("{good}{}", " ".repeat(64 * 1024));
        assert_problem(
            &send("application/json", large).await,
            413,
            "body_too_large",
        );
        assert_eq!(
            send("application/json; charset=utf-8", good.to_owned())
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn the_same_key_and_body_find_the_order_as_it_is_now() {
    server::each(async |server| {
        let body = json!({ "email": "an@example.com", "courses": ["rust"] });
        let first = with_key(&server, "key-1", &body).await;
        assert_eq!(first.status, 200, "{}", first.text);
        server.pay(&first.json, 599_000).await;
        // Not even the end of its sale changes what was ordered.
        let nothing = catalogue::Catalogue::default();
        let emptied = server
            .app
            .db
            .write(move |tx| Box::pin(async move { catalogue::replace(tx, &nothing).await }));
        emptied.await.unwrap();
        server.wait(Duration::from_secs(3));
        let again = with_key(&server, "key-1", &body).await;
        assert_eq!(again.json["orderId"], first.json["orderId"]);
        assert_eq!(again.json["courses"], first.json["courses"]);
        assert_eq!(again.json["paymentStatus"], "paid");
        assert_eq!(orders(&server).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_used_for_another_request_is_a_conflict() {
    server::each(async |server| {
        let body = |email: &str| json!({ "email": email, "courses": ["rust"] });
        assert_eq!(
            with_key(&server, "key-1", &body("an@example.com"))
                .await
                .status,
            200
        );
        let other = with_key(&server, "key-1", &body("binh@example.com")).await;
        assert_problem(&other, 409, "idempotency_conflict");
        assert!(!other.text.contains("an@example.com"));
        for bad in [" ", "two words", &"k".repeat(129)] {
            let answer = with_key(&server, bad, &body("an@example.com")).await;
            assert_problem(&answer, 422, "invalid_input");
            assert_eq!(answer.json["errors"][0]["code"], "bad_idempotency_key");
        }
    })
    .await;
}

#[tokio::test]
async fn twins_at_the_same_moment_place_one_order() {
    server::each(async |server| {
        let body = json!({ "email": "an@example.com", "courses": ["rust"] });
        let twins = (0..16).map(|_| with_key(&server, "key-1", &body));
        let answers = join_all(twins).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["orderId"], answers[0].json["orderId"]);
        }
        assert_eq!(orders(&server).await, 1);
    })
    .await;
}

#[tokio::test]
async fn one_address_may_not_order_without_end() {
    server::each_with(
        |options| options.config.limits.orders_per_minute = 2,
        async |server| {
            server.order(&["rust"]).await;
            server.order(&["rust"]).await;
            let body = json!({ "email": "an@example.com", "courses": ["rust"] });
            let third = server.post(CALL, &body).await;
            assert_problem(&third, 429, "rate_limited");
            assert!(third.headers.contains_key("retry-after"));
        },
    )
    .await;
}
