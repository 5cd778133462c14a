//! Orders: finding, showing, cancelling, and letters sent again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, assert_problem, code, each, path_of, why};
use crate::harness::server;
use crate::harness::smtp::{FakeSmtp, Script};

async fn codes(desk: &Desk, query: &str) -> Vec<String> {
    let rows = desk.list(&format!("/api/v1/admin/orders{query}")).await;
    rows.iter()
        .map(|row| row["code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn orders_are_found_by_state_buyer_code_and_time_newest_first() {
    each(async |desk| {
        let first = desk.server.order(&["rust"]).await;
        desk.server.pay(&first, 599_000).await;
        desk.server.wait(Duration::from_mins(1));
        let body = json!({ "email": "binh@example.com", "courses": ["photo"] });
        let second = desk
            .server
            .post("/api/v1/payment/create-order", &body)
            .await;
        let (first, second) = (code(&first), code(&second.json).to_owned());
        for (query, found) in [
            ("", vec![&*second, first]),
            ("?paymentStatus=paid", vec![first]),
            ("?orderStatus=pending", vec![&second]),
            ("?email=Binh@Example.com", vec![&second]),
            ("?email=nobody@example.com", vec![]),
            ("?from=2026-01-05T03:01:00Z", vec![&second]),
            ("?to=2026-01-05T03:01:00Z", vec![first]),
            ("?email=an@example.com&paymentStatus=pending", vec![]),
        ] {
            assert_eq!(codes(&desk, query).await, found, "{query}");
        }
        let by_code = codes(&desk, &format!("?code={}", first.to_lowercase())).await;
        assert_eq!(by_code, [first]);
        let not_his = codes(&desk, &format!("?code={first}&email=binh@example.com")).await;
        assert!(not_his.is_empty());
    })
    .await;
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_or_a_repetition() {
    each(async |desk| {
        let mut placed = Vec::new();
        for _ in 0..5 {
            placed.push(code(&desk.server.order(&["photo"]).await).to_owned());
        }
        placed.reverse();
        let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
        loop {
            let page = desk.get(&format!("/api/v1/admin/orders{query}")).await.json;
            for row in page["items"].as_array().unwrap() {
                seen.push(row["code"].as_str().unwrap().to_owned());
            }
            match page["next"].as_str() {
                Some(next) => query = format!("?limit=2&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, placed);
    })
    .await;
}

#[tokio::test]
async fn an_order_is_shown_with_all_its_parts_and_no_way_in() {
    each(async |desk| {
        let order = desk.server.order(&["rust"]).await;
        desk.server.pay(&order, 599_000).await;
        desk.server.drain().await;
        let answer = desk.get(&path_of(&order, "")).await;
        let shown = &answer.json;
        assert_eq!(shown["email"], "an@example.com");
        assert_eq!(
            (&shown["total"], &shown["received"]),
            (&json!(599_000), &json!(599_000))
        );
        assert_eq!(shown["orderStatus"], "completed", "{}", answer.text);
        assert_eq!(shown["lines"][0]["status"], "completed");
        assert_eq!(shown["payments"][0]["state"], "paid");
        assert_eq!(shown["transfers"][0]["class"], "exact");
        let grants = shown["grants"].as_array().unwrap();
        assert_eq!(grants.len(), 2);
        for grant in grants {
            assert_eq!(
                (&grant["state"], &grant["course"]),
                (&json!("active"), &json!("rust"))
            );
            assert_eq!(grant["attempts"], 1);
        }
        let mut letters: Vec<&Value> = shown["emails"].as_array().unwrap().iter().collect();
        letters.sort_by_key(|letter| letter["kind"].to_string());
        assert_eq!(
            (&letters[0]["kind"], &letters[0]["state"]),
            (&json!("completed"), &json!("sent"))
        );
        let page = order["statusUrl"].as_str().unwrap();
        let secret = page.rsplit('/').next().unwrap();
        for way_in in [secret, "http", "/f/", "receipt\":{"] {
            assert!(!answer.text.contains(way_in), "{way_in} in {}", answer.text);
        }
        assert_problem(
            &desk.get("/api/v1/admin/orders/DHKAAAAAAAA").await,
            404,
            "not_found",
        );
    })
    .await;
}

#[tokio::test]
async fn the_story_of_an_order_reads_from_its_beginning() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        desk.server.pay(&order, 399_000).await;
        desk.server.drain().await;
        let page = desk.get(&path_of(&order, "/audit?limit=2")).await.json;
        assert_eq!(page["items"][0]["action"], "order.placed");
        assert_eq!(page["items"][0]["actor"], "buyer");
        let next = page["next"].as_str().unwrap();
        let rest = desk
            .list(&path_of(&order, &format!("/audit?after={next}")))
            .await;
        assert!(rest.iter().any(|entry| entry["action"] == "order.finished"));
        assert!(
            rest.iter()
                .all(|entry| entry["id"].as_str().unwrap() > next)
        );
    })
    .await;
}

#[tokio::test]
async fn an_unpaid_order_is_called_off_with_a_reason_and_money_that_comes_later_waits() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        let cancel = path_of(&order, "/cancel");
        assert_problem(&desk.post(&cancel, &json!({})).await, 422, "invalid_input");
        let long = why(&"x".repeat(301));
        assert_problem(&desk.post(&cancel, &long).await, 422, "invalid_input");
        desk.moved(&cancel, &why("ordered twice")).await;
        assert_eq!(desk.order(&order).await["paymentStatus"], "cancelled");
        assert_problem(
            &desk.post(&cancel, &why("again")).await,
            409,
            "order_not_open",
        );
        let story = desk.list(&path_of(&order, "/audit")).await;
        let last = story.last().unwrap();
        assert_eq!(
            (&last["actor"], &last["why"]),
            (&json!("operator:desk"), &json!("ordered twice"))
        );
        desk.server.pay(&order, 399_000).await;
        let shown = desk.order(&order).await;
        assert_eq!(shown["paymentStatus"], "cancelled");
        assert_eq!(
            shown["transfers"][0]["closedAt"],
            Value::Null,
            "a person decides"
        );
    })
    .await;
}

#[tokio::test]
async fn an_order_that_money_lies_on_is_not_called_off() {
    each(async |desk| {
        let paid = desk.server.order(&["photo"]).await;
        desk.server.pay(&paid, 399_000).await;
        let answer = desk.post(&path_of(&paid, "/cancel"), &why("x")).await;
        assert_problem(&answer, 409, "order_not_open");
        let part = desk.server.order(&["photo"]).await;
        desk.server.pay(&part, 100_000).await;
        let answer = desk.post(&path_of(&part, "/cancel"), &why("x")).await;
        assert_problem(&answer, 409, "order_partly_paid");
        assert_eq!(desk.order(&part).await["paymentStatus"], "pending");
    })
    .await;
}

#[tokio::test]
async fn a_letter_that_was_refused_is_sent_again_and_one_that_arrived_is_not() {
    let refusing = FakeSmtp::start(Script {
        recipient: "550 5.1.1 No such user",
        ..Script::default()
    })
    .await;
    server::each_with(
        |options| {
            let mail = &mut options.config.mail;
            (mail.transport, mail.security) = ("smtp".to_owned(), "none".to_owned());
            (mail.host, mail.port) = ("127.0.0.1".to_owned(), refusing.port);
            mail.from = "Shop <shop@shop.example>".to_owned();
        },
        async |server| {
            let desk = Desk::over(server).await;
            let order = desk.server.order(&["photo"]).await;
            let again = path_of(&order, "/email");
            let receipt = json!({ "kind": "receipt" });
            assert_problem(&desk.post(&again, &receipt).await, 404, "not_found");
            desk.server.pay(&order, 399_000).await;
            assert_problem(&desk.post(&again, &receipt).await, 409, "letter_not_failed");
            desk.server.drain().await;
            let before = refusing.seen().connections;
            assert_eq!(state_of(&desk, &order, "receipt").await, "bounced");
            desk.moved(&again, &receipt).await;
            assert_eq!(state_of(&desk, &order, "receipt").await, "queued");
            desk.server.drain().await;
            assert!(refusing.seen().connections > before, "it was tried again");
            assert_eq!(state_of(&desk, &order, "receipt").await, "bounced");
            let odd = json!({ "kind": "postcard" });
            assert_problem(&desk.post(&again, &odd).await, 422, "invalid_input");
        },
    )
    .await;
}

async fn state_of(desk: &Desk, order: &Value, kind: &str) -> String {
    let shown = desk.order(order).await;
    let letters = shown["emails"].as_array().unwrap();
    let letter = letters.iter().find(|letter| letter["kind"] == kind);
    letter.unwrap()["state"].as_str().unwrap().to_owned()
}
