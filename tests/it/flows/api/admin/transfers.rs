//! Transfers as they are found and shown.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, TRANSFERS, assert_problem, code, each, money};

async fn classes(desk: &Desk, query: &str) -> Vec<String> {
    let rows = desk.list(&format!("{TRANSFERS}{query}")).await;
    rows.iter()
        .map(|row| row["class"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn transfers_are_found_by_state_class_account_order_and_time_newest_first() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        money(&desk, 399_000, code(&order)).await;
        money(&desk, 399_000, code(&order)).await;
        desk.server.wait(Duration::from_mins(1));
        let mut elsewhere = desk.server.transfer(10_000, "abc");
        elsewhere["accountNumber"] = json!("999");
        desk.server.webhook(&elsewhere).await;
        let of_order = format!("?order={}", code(&order));
        for (query, found) in [
            ("", &["wrong_account", "duplicate", "exact"][..]),
            ("?waiting=true", &["wrong_account", "duplicate"]),
            ("?waiting=false", &["wrong_account", "duplicate", "exact"]),
            ("?due=true", &["duplicate"]),
            ("?class=exact", &["exact"]),
            ("?class=exact&waiting=true", &[]),
            ("?account=999", &["wrong_account"]),
            ("?from=2026-01-05T03:01:00Z", &["wrong_account"]),
            ("?to=2026-01-05T03:01:00Z&limit=1", &["duplicate"]),
            (&of_order, &["duplicate", "exact"]),
            (&format!("{of_order}&waiting=true&account=1"), &[]),
        ] {
            assert_eq!(classes(&desk, query).await, found, "{query}");
        }
        for query in [
            "?class=odd",
            "?waiting=perhaps",
            "?clas=exact",
            "?order=DHK",
        ] {
            let answer = desk.get(&format!("{TRANSFERS}{query}")).await;
            assert_problem(&answer, 422, "invalid_input");
        }
        let first = desk.get(&format!("{TRANSFERS}?limit=2")).await.json;
        let next = first["next"].as_str().unwrap();
        assert_eq!(
            classes(&desk, &format!("?limit=2&after={next}")).await,
            ["exact"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_transfer_that_waits_is_shown_with_likely_orders_and_the_reasons_in_words() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        desk.server.order(&["rust"]).await;
        let waiting = money(&desk, 399_000, "AN chuyen tien").await;
        let path = format!("{TRANSFERS}/{}", waiting["id"].as_str().unwrap());
        let shown = desk.get(&format!("{path}?locale=en")).await.json;
        let best = &shown["suggestions"][0];
        assert_eq!(best["orderCode"], order["orderCode"], "{shown}");
        assert_eq!(
            (&best["effect"], &best["difference"], &best["owed"]),
            (&json!("pays"), &json!(0), &json!(399_000))
        );
        let reasons: Vec<&Value> = best["reasons"].as_array().unwrap().iter().collect();
        assert_eq!(
            reasons[0],
            &json!({ "code": "amount", "text": "the amount is exactly what it owes" })
        );
        let vietnamese = desk.get(&format!("{path}?locale=vi")).await.json;
        assert_eq!(
            vietnamese["suggestions"][0]["reasons"][0]["text"],
            "số tiền đúng bằng số còn thiếu"
        );
        assert!(shown["memo"].as_str().unwrap().contains("AN chuyen tien"));
        assert_eq!(shown["audit"][0]["why"], "waits in the inbox");
        let short = money(&desk, 395_000, code(&order)).await;
        assert_eq!(short["class"], "short");
        let gone = desk.get(&format!("{TRANSFERS}/trf_nobody")).await;
        assert_problem(&gone, 404, "not_found");
    })
    .await;
}
