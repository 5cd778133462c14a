//! What stands still besides grants: tasks, connections, messages that nobody can read.

use bursar::connectors::lms::fake::{Call, Mischief};
use serde_json::{Value, json};

use super::{Desk, assert_problem, each, each_stuck, stuck_order, why};

const TASKS: &str = "/api/v1/admin/tasks";
const EVENTS: &str = "/api/v1/admin/events";

/// A message of the gateway that cannot be understood, worked on until a person must.
async fn puzzle(desk: &Desk) -> Value {
    let odd = json!({ "id": 77, "transferType": "sideways" });
    assert_eq!(desk.server.webhook(&odd).await.status, 200);
    for _ in 0..8 {
        desk.server.drain().await;
        desk.server.wait(std::time::Duration::from_hours(2));
    }
    let open = desk.list(EVENTS).await;
    assert_eq!(open.len(), 1);
    open[0].clone()
}

fn below(path: &str, row: &Value, rest: &str) -> String {
    format!("{path}/{}/{rest}", row["id"].as_str().unwrap())
}

async fn task_states(desk: &Desk, query: &str) -> Vec<String> {
    let rows = desk.list(&format!("{TASKS}{query}")).await;
    rows.iter()
        .map(|row| row["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_dead_task_is_found_and_tried_again_with_what_it_works_on() {
    each_stuck(async |desk, platform| {
        let order = stuck_order(&desk).await;
        let dead = desk
            .list(&format!("{TASKS}?state=dead&kind=enrol&connection=lms"))
            .await;
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0]["subject"], order["grants"][0]["id"]);
        assert!(dead[0].get("lease").is_none());
        assert!(
            desk.list(&format!("{TASKS}?state=dead&kind=deliver"))
                .await
                .is_empty()
        );
        platform.behave();
        desk.moved(&below(TASKS, &dead[0], "retry"), &why("mended"))
            .await;
        let again = desk
            .post(&below(TASKS, &dead[0], "retry"), &json!({}))
            .await;
        assert_problem(&again, 409, "task_not_dead");
        desk.server.drain().await;
        assert_eq!(task_states(&desk, "?kind=enrol").await, ["done"]);
        let code = order["code"].as_str().unwrap();
        let order = desk.get(&format!("/api/v1/admin/orders/{code}")).await.json;
        assert_eq!(order["orderStatus"], "completed");
    })
    .await;
}

#[tokio::test]
async fn connections_are_listed_with_their_breakers_and_reasons() {
    each_stuck(async |desk, platform| {
        let quiet = desk.list("/api/v1/admin/connections").await;
        let names: Vec<&Value> = quiet.iter().map(|row| &row["name"]).collect();
        assert_eq!(names, ["files", "lms"]);
        assert!(quiet.iter().all(|row| row["breaker"] == "closed"));
        platform.misbehave_always(Call::Any, Mischief::BadCredentials);
        let order = desk.server.order(&["photo"]).await;
        desk.server.pay(&order, 399_000).await;
        desk.server.drain().await;
        let broken = &desk.list("/api/v1/admin/connections").await[1];
        assert_eq!(
            (&broken["name"], &broken["breaker"]),
            (&json!("lms"), &json!("open"))
        );
        assert_eq!(broken["configured"], true);
        assert!(broken["failures"].as_i64().unwrap() >= 5);
        assert!(!broken["why"].as_str().unwrap().is_empty());
        assert!(broken["probeAt"].is_string());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_nobody_understands_is_closed_with_a_reason_and_left_alone() {
    each(async |desk| {
        let event = puzzle(&desk).await;
        assert!(!event["why"].as_str().unwrap().is_empty());
        assert!(event.get("body").is_none());
        assert_eq!(task_states(&desk, "?kind=settle_event").await, ["dead"]);
        let close = below(EVENTS, &event, "close");
        assert_problem(&desk.post(&close, &json!({})).await, 422, "invalid_input");
        desk.moved(&close, &why("a test of the gateway's")).await;
        assert!(desk.list(EVENTS).await.is_empty());
        assert_problem(&desk.post(&close, &why("again")).await, 409, "event_closed");
        desk.server.drain().await;
        desk.server.sweep().await;
        desk.server.drain().await;
        assert_eq!(task_states(&desk, "?kind=settle_event").await, ["done"]);
        let audit = format!(
            "/api/v1/admin/audit?subject={}",
            event["id"].as_str().unwrap()
        );
        let entry = &desk.list(&audit).await[0];
        assert_eq!(
            (&entry["after"], &entry["actor"]),
            (&json!("closed"), &json!("operator:desk"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_closed_message_comes_back_when_a_person_has_it_read_again() {
    each(async |desk| {
        let event = puzzle(&desk).await;
        desk.moved(&below(EVENTS, &event, "close"), &why("by mistake"))
            .await;
        desk.server.drain().await;
        desk.moved(&below(EVENTS, &event, "replay"), &json!({}))
            .await;
        assert_eq!(task_states(&desk, "?kind=settle_event").await, ["ready"]);
        assert_eq!(desk.list(EVENTS).await[0]["id"], event["id"]);
        desk.server.drain().await;
        assert_eq!(
            desk.list(EVENTS).await.len(),
            1,
            "still nobody understands it"
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_in_the_books_is_neither_closed_nor_read_again() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        desk.server.pay(&order, 399_000).await;
        let settled = crate::harness::books::settled_event(&desk.server.app.db).await;
        for (verb, body) in [("replay", json!({})), ("close", why("x"))] {
            let answer = desk
                .post(&format!("{EVENTS}/{settled}/{verb}"), &body)
                .await;
            assert_problem(&answer, 409, "event_settled");
        }
    })
    .await;
}
