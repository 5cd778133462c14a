//! Refunds of orders: by line and whole, sent by hand, called off, asked for twice.

use serde_json::{Value, json};

use super::{Desk, assert_problem, each, path_of, why};
use crate::harness::books;
use crate::harness::server::{self, Answer};

const REFUNDS: &str = "/api/v1/admin/refunds";

async fn paid(desk: &Desk, courses: &[&str], dong: i64) -> Value {
    let order = desk.server.order(courses).await;
    desk.server.pay(&order, dong).await;
    desk.server.drain().await;
    order
}

async fn refund(desk: &Desk, order: &Value, body: &Value) -> Answer {
    desk.post(&path_of(order, "/refunds"), body).await
}

async fn with_key(desk: &Desk, path: &str, key: &str, body: &Value) -> Answer {
    let request = desk.server.request("POST", path).bearer_auth(&desk.key);
    server::answer(request.header("Idempotency-Key", key).json(body)).await
}

fn below(refund: &Value, rest: &str) -> String {
    format!("{REFUNDS}/{}/{rest}", refund["id"].as_str().unwrap())
}

async fn grants(desk: &Desk, order: &Value) -> Vec<String> {
    let shown = desk.order(order).await;
    let grants = shown["grants"].as_array().unwrap();
    grants
        .iter()
        .map(|grant| grant["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_order_is_paid_back_by_hand_and_access_ends_with_the_decision() {
    each(async |desk| {
        let order = paid(&desk, &["photo"], 399_000).await;
        let answer = refund(&desk, &order, &why("changed his mind")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let asked = answer.json["refunds"][0].clone();
        assert_eq!(
            (&asked["state"], &asked["gateway"], &asked["amount"]),
            (&json!("asked"), &json!("hand"), &json!(399_000))
        );
        assert_eq!(desk.order(&order).await["paymentStatus"], "refunded");
        desk.server.drain().await;
        assert_eq!(grants(&desk, &order).await, ["revoked"]);
        let open = desk
            .list(&format!("{REFUNDS}?open=true&gateway=hand"))
            .await;
        assert_eq!(open[0]["id"], asked["id"]);
        let letters = desk.server.letters();
        let blank = desk
            .post(&below(&asked, "sent"), &json!({ "reference": "" }))
            .await;
        assert_problem(&blank, 422, "reference_needed");
        let reference = json!({ "reference": "FT26005777" });
        desk.moved(&below(&asked, "sent"), &reference).await;
        desk.server.drain().await;
        assert_eq!(desk.server.letters(), letters + 1, "the buyer hears of it");
        for (verb, body) in [("sent", reference), ("call-off", why("too late"))] {
            let again = desk.post(&below(&asked, verb), &body).await;
            assert_problem(&again, 409, "refund_not_waiting");
        }
        assert!(desk.list(&format!("{REFUNDS}?open=true")).await.is_empty());
        assert_eq!(desk.list(&format!("{REFUNDS}?state=done")).await.len(), 1);
        let again = refund(&desk, &order, &why("once more")).await;
        assert_problem(&again, 409, "order_not_paid");
        let audit = desk.list(&path_of(&order, "/audit")).await;
        let entry = audit
            .iter()
            .find(|entry| entry["why"] == "changed his mind");
        assert_eq!(entry.unwrap()["actor"], "operator:desk");
        books::agree(&desk.server.app.db).await;
    })
    .await;
}

#[tokio::test]
async fn one_course_of_two_is_paid_back_and_the_other_stays() {
    each(async |desk| {
        let order = paid(&desk, &["photo", "rust"], 900_000).await;
        let shown = desk.order(&order).await;
        let photo = shown["lines"].as_array().unwrap().iter();
        let photo = photo
            .clone()
            .find(|line| line["course"] == "photo")
            .unwrap();
        let body = json!({ "course": "photo", "why": "not for him", "reference": "FT1" });
        let refunds = refund(&desk, &order, &body).await.json["refunds"].clone();
        assert_eq!(
            (
                &refunds[0]["state"],
                &refunds[0]["lineId"],
                &refunds[0]["amount"]
            ),
            (&json!("done"), &photo["id"], &photo["price"])
        );
        desk.server.drain().await;
        let after = desk.order(&order).await;
        assert_eq!(after["paymentStatus"], "partially_refunded");
        for grant in after["grants"].as_array().unwrap() {
            let state = if grant["course"] == "photo" {
                "revoked"
            } else {
                "active"
            };
            assert_eq!(grant["state"], state);
        }
        let again = refund(&desk, &order, &body).await;
        assert_problem(&again, 409, "nothing_to_refund");
        let gone = json!({ "course": "books", "why": "x" });
        assert_problem(&refund(&desk, &order, &gone).await, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_was_not_sent_is_called_off_and_access_returns_without_an_alarm() {
    each(async |desk| {
        let order = paid(&desk, &["photo"], 399_000).await;
        let asked = refund(&desk, &order, &why("angry")).await.json["refunds"][0].clone();
        desk.server.drain().await;
        assert_eq!(grants(&desk, &order).await, ["revoked"]);
        let bare = desk.post(&below(&asked, "call-off"), &json!({})).await;
        assert_problem(&bare, 422, "invalid_input");
        desk.moved(&below(&asked, "call-off"), &why("calm again"))
            .await;
        desk.server.drain().await;
        assert_eq!(grants(&desk, &order).await, ["active"]);
        let shown = desk.order(&order).await;
        assert_eq!(
            (&shown["paymentStatus"], &shown["refunded"]),
            (&json!("paid"), &json!(0))
        );
        let failed = &desk.list(&format!("{REFUNDS}?state=failed")).await[0];
        assert_eq!(failed["fault"], "calm again");
        let alerts = desk.list("/api/v1/admin/alerts").await;
        assert!(alerts.is_empty(), "the person knows: {alerts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_concession_leaves_the_access_and_more_than_there_is_never_goes_back() {
    each(async |desk| {
        let unpaid = desk.server.order(&["photo"]).await;
        assert_problem(
            &refund(&desk, &unpaid, &why("x")).await,
            409,
            "order_not_paid",
        );
        let order = paid(&desk, &["photo"], 399_000).await;
        for amount in [0, -1, 399_001, i64::MAX] {
            let body = json!({ "amount": amount, "why": "x" });
            let answer = refund(&desk, &order, &body).await;
            assert_problem(&answer, 422, "refund_too_large");
            assert!(answer.json["detail"].as_str().unwrap().contains("399.000"));
        }
        assert_problem(
            &refund(&desk, &order, &json!({})).await,
            422,
            "invalid_input",
        );
        let body = json!({ "amount": 99_000, "keepAccess": true, "why": "the video was bad" });
        assert_eq!(refund(&desk, &order, &body).await.status, 200);
        desk.server.drain().await;
        assert_eq!(grants(&desk, &order).await, ["active"]);
        let shown = desk.order(&order).await;
        assert_eq!(
            (&shown["paymentStatus"], &shown["refunded"]),
            (&json!("partially_refunded"), &json!(99_000))
        );
        let of_order = format!("{REFUNDS}?order={}", order["orderCode"].as_str().unwrap());
        assert_eq!(desk.list(&of_order).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_refund_asked_for_twice_with_one_key_is_one_refund() {
    each(async |desk| {
        let order = paid(&desk, &["photo"], 399_000).await;
        let path = path_of(&order, "/refunds");
        let body = json!({ "amount": 100_000, "why": "half of the course" });
        let (one, twin) = tokio::join!(
            Box::pin(with_key(&desk, &path, "r-1", &body)),
            Box::pin(with_key(&desk, &path, "r-1", &body)),
        );
        assert_eq!(
            (one.status, twin.status),
            (200, 200),
            "{} {}",
            one.text,
            twin.text
        );
        assert_eq!(one.json, twin.json);
        let again = with_key(&desk, &path, "r-1", &body).await;
        assert_eq!(again.json["refunds"][0]["id"], one.json["refunds"][0]["id"]);
        assert_eq!(desk.order(&order).await["refunded"], 100_000);
        let other = json!({ "amount": 100_001, "why": "half of the course" });
        let answer = with_key(&desk, &path, "r-1", &other).await;
        assert_problem(&answer, 409, "idempotency_conflict");
        let elsewhere = paid(&desk, &["photo"], 399_000).await;
        let answer = with_key(&desk, &path_of(&elsewhere, "/refunds"), "r-1", &body).await;
        assert_problem(&answer, 409, "idempotency_conflict");
        let odd = with_key(&desk, &path, "two words", &body).await;
        assert_problem(&odd, 422, "invalid_input");
        let next = with_key(&desk, &path, "r-2", &body).await;
        assert_eq!(next.status, 200);
        assert_eq!(desk.order(&order).await["refunded"], 200_000);
    })
    .await;
}

#[tokio::test]
async fn a_key_whose_call_was_refused_is_free_again() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        let path = path_of(&order, "/refunds");
        let early = with_key(&desk, &path, "r-1", &why("x")).await;
        assert_problem(&early, 409, "order_not_paid");
        desk.server.pay(&order, 399_000).await;
        assert_eq!(with_key(&desk, &path, "r-1", &why("x")).await.status, 200);
    })
    .await;
}
