//! Grants: finding those that stand still, trying them again, ending them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, assert_problem, call, each, each_stuck, stuck_order, why};

const GRANTS: &str = "/api/v1/admin/grants";
const RETRY: &str = "/api/v1/admin/grants/retry";
const OLDER: &str = "/api/admin/retry-frappe-sync";

fn id_of(order: &Value) -> &str {
    order["grants"][0]["id"].as_str().unwrap()
}

async fn states(desk: &Desk) -> Vec<String> {
    let rows = desk.list(GRANTS).await;
    rows.iter()
        .map(|row| row["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn grants_are_found_by_what_they_wait_for() {
    each_stuck(async |desk, _platform| {
        let order = stuck_order(&desk).await;
        desk.server.wait(Duration::from_mins(10));
        for (query, found) in [
            ("", 1),
            ("?state=action_needed", 1),
            ("?state=active", 0),
            ("?who=seller&connection=lms&course=photo", 1),
            ("?who=buyer", 0),
            ("?connection=other", 0),
            ("?course=rust", 0),
            ("?olderThanMinutes=9", 1),
            ("?olderThanMinutes=11", 0),
        ] {
            let rows = desk.list(&format!("{GRANTS}{query}")).await;
            assert_eq!(rows.len(), found, "{query}");
        }
        let row = &desk.list(GRANTS).await[0];
        assert_eq!(row["orderCode"], order["code"]);
        assert!(!row["why"].as_str().unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn one_grant_is_tried_again_by_name_and_the_audit_says_who_and_why() {
    each_stuck(async |desk, platform| {
        let order = stuck_order(&desk).await;
        platform.behave();
        let path = format!("{GRANTS}/{}/retry", id_of(&order));
        let moved = desk.moved(&path, &why("the course is back")).await;
        assert_eq!(moved, [id_of(&order)]);
        let audit = format!("/api/v1/admin/audit?subject={}", id_of(&order));
        let entry = &desk.list(&audit).await[0];
        assert_eq!(
            (&entry["actor"], &entry["why"]),
            (&json!("operator:desk"), &json!("the course is back"))
        );
        assert_eq!(entry["after"], "waiting");
        desk.server.drain().await;
        assert_eq!(states(&desk).await, ["active"]);
        let refused = desk.post(&path, &json!({})).await;
        assert_problem(&refused, 409, "grant_not_waiting");
    })
    .await;
}

#[tokio::test]
async fn a_rehearsal_names_what_a_filter_finds_and_moves_nothing() {
    each_stuck(async |desk, platform| {
        let orders = [stuck_order(&desk).await, stuck_order(&desk).await];
        platform.behave();
        let rehearsed = json!({ "filter": { "course": "photo" }, "dryRun": true });
        let found = desk.moved(RETRY, &rehearsed).await;
        assert_eq!(found, [id_of(&orders[0]), id_of(&orders[1])]);
        assert_eq!(states(&desk).await, ["action_needed", "action_needed"]);
        let elsewhere = json!({ "filter": { "course": "rust" } });
        assert!(desk.moved(RETRY, &elsewhere).await.is_empty());
        let all = json!({ "filter": {}, "why": "mended" });
        assert_eq!(desk.moved(RETRY, &all).await, found);
        desk.server.drain().await;
        assert_eq!(states(&desk).await, ["active", "active"]);
        assert!(desk.moved(RETRY, &all).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_filter_that_means_nothing_is_refused_whole() {
    each(async |desk| {
        for filter in [
            json!({ "state": "active" }),
            json!({ "state": "sleepy" }),
            json!({ "who": "me" }),
            json!({ "olderThanMinutes": -1 }),
            json!({ "course": "a\u{0}" }),
        ] {
            let answer = desk.post(RETRY, &json!({ "filter": filter })).await;
            assert_problem(&answer, 422, "invalid_input");
        }
        assert_problem(&desk.post(RETRY, &json!({})).await, 422, "invalid_input");
    })
    .await;
}

#[tokio::test]
async fn access_ends_with_a_reason_and_the_platform_follows() {
    each_stuck(async |desk, platform| {
        platform.behave();
        let order = desk.server.order(&["photo"]).await;
        desk.server.pay(&order, 399_000).await;
        desk.server.drain().await;
        assert_eq!(platform.enrolments().len(), 1);
        let grant = desk.order(&order).await;
        let path = format!("{GRANTS}/{}/revoke", id_of(&grant));
        assert_problem(&desk.post(&path, &json!({})).await, 422, "invalid_input");
        desk.moved(&path, &why("shared the account")).await;
        assert_eq!(states(&desk).await, ["revoking"]);
        desk.server.drain().await;
        assert_eq!(states(&desk).await, ["revoked"]);
        assert_eq!(platform.enrolments().len(), 0);
        let again = desk.post(&path, &why("again")).await;
        assert_problem(&again, 409, "grant_not_active");
    })
    .await;
}

#[tokio::test]
async fn the_older_address_takes_one_enrolment_or_all_by_query_and_by_body() {
    each_stuck(async |desk, platform| {
        let [one, two, three] = [
            stuck_order(&desk).await,
            stuck_order(&desk).await,
            stuck_order(&desk).await,
        ];
        platform.behave();
        let by_query = format!("{OLDER}?enrollmentId={}", id_of(&one));
        let answer = desk.get(&by_query).await;
        assert_eq!(
            answer.json,
            json!({ "success": true, "retried": [id_of(&one)], "more": false })
        );
        let by_body = json!({ "enrollmentId": id_of(&two) });
        assert_eq!(
            desk.post(OLDER, &by_body).await.json["retried"],
            json!([id_of(&two)])
        );
        let all = desk.post(OLDER, &json!({ "retryAll": true })).await;
        assert_eq!(all.json["retried"], json!([id_of(&three)]));
        desk.server.drain().await;
        assert_eq!(states(&desk).await, ["active", "active", "active"]);
        let both = json!({ "enrollmentId": id_of(&one), "retryAll": true });
        for nothing in [json!({}), json!({ "retryAll": false }), both] {
            assert_problem(&desk.post(OLDER, &nothing).await, 422, "invalid_input");
        }
        let none = call(&desk.server, &desk.key, "GET", OLDER, None).await;
        assert_problem(&none, 422, "invalid_input");
    })
    .await;
}
