//! The seller's own delivery worker.

use std::time::Duration;

use bursar::config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{assert_problem, code};
use crate::harness::server::{self, Answer, Server, WORKER_SECRET};

const CLAIM: &str = "/api/v1/worker/claim";
const HEARTBEAT: &str = "/api/v1/worker/heartbeat";
const FINALIZE: &str = "/api/v1/webhook/finalize";

fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("{timestamp}.{body}"));
    hex::encode(mac.finalize().into_bytes())
}

/// Signed with this secret, this many seconds ago.
async fn signed(server: &Server, path: &str, body: &Value, secret: &str, ago: i64) -> Answer {
    let body = body.to_string();
    let timestamp = server.app.clock.now().unix_seconds() - ago;
    let request = server
        .request("POST", path)
        .header("Content-Type", "application/json")
        .header("X-Timestamp", timestamp)
        .header("X-Signature", signature(secret, timestamp, &body));
    server::answer(request.body(body)).await
}

async fn call(server: &Server, path: &str, body: &Value) -> Answer {
    signed(server, path, body, WORKER_SECRET, 0).await
}

/// A paid order for files of the worker, and the claimed job.
async fn claimed(server: &Server) -> (Value, Value) {
    let order = server.order(&["books"]).await;
    server.pay(&order, 499_000).await;
    let claimed = call(server, CLAIM, &json!({})).await;
    assert_eq!(claimed.status, 200, "{}", claimed.text);
    let job = claimed.json["tasks"][0].clone();
    assert_eq!(job["orderCode"], order["orderCode"], "{}", claimed.text);
    (order, job)
}

async fn status(server: &Server, order: &Value) -> Value {
    let path = format!("/api/v1/payment/check-status/{}", code(order));
    server.get(&path).await.json["status"].clone()
}

#[tokio::test]
async fn a_worker_claims_keeps_and_finishes_a_hand_over() {
    server::each(async |server| {
        let (order, job) = claimed(&server).await;
        assert_eq!(job["folder"], "books");
        assert_eq!(job["email"], "an@example.com");
        assert_eq!(job["heartbeatSeconds"], 15);
        assert_eq!(job["leaseUntil"], "2026-01-05T03:00:45.000Z");
        let none_left = call(&server, CLAIM, &json!({ "limit": 5 })).await;
        assert_eq!(none_left.json["tasks"], json!([]));
        server.wait(Duration::from_secs(40));
        let beat = json!({ "task_id": job["taskId"], "lease": job["lease"] });
        let kept = call(&server, HEARTBEAT, &beat).await;
        assert_eq!(kept.json["leaseUntil"], "2026-01-05T03:01:25.000Z", "{}", kept.text);
        server.wait(Duration::from_secs(40));
        server.sweep().await;
        let report = json!({ "task_id": job["taskId"], "drive_link": "https://drive.example/x" });
        let finished = call(&server, FINALIZE, &report).await;
        let expected = json!({
            "success": true, "orderId": order["orderId"], "taskId": job["taskId"], "duplicate": false,
        });
        assert_eq!(finished.json, expected, "{}", finished.text);
        assert_eq!(status(&server, &order).await, "completed");
        let again = call(&server, FINALIZE, &report).await;
        assert_eq!(again.json["success"], true);
        assert_eq!(again.json["duplicate"], true);
    })
    .await;
}

#[tokio::test]
async fn a_lost_claim_can_neither_be_kept_nor_finished() {
    server::each(async |server| {
        let (order, job) = claimed(&server).await;
        // Within a minute: the lease, and the few seconds between two sweeps.
        server.wait(Duration::from_secs(46));
        server.sweep().await;
        let (beat, report) = (
            json!({ "task_id": job["taskId"], "lease": job["lease"] }),
            json!({ "task_id": job["taskId"], "lease": job["lease"], "folder_name": "An" }),
        );
        assert_problem(&call(&server, HEARTBEAT, &beat).await, 409, "lease_lost");
        assert_problem(&call(&server, FINALIZE, &report).await, 409, "lease_lost");
        let second = call(&server, CLAIM, &json!({})).await.json["tasks"][0].clone();
        assert_eq!(second["taskId"], job["taskId"]);
        assert_problem(&call(&server, FINALIZE, &report).await, 409, "lease_lost");
        let report =
            json!({ "taskId": second["taskId"], "lease": second["lease"], "folderName": "An" });
        assert_eq!(call(&server, FINALIZE, &report).await.status, 200);
        assert_eq!(status(&server, &order).await, "completed");
    })
    .await;
}

#[tokio::test]
async fn a_late_report_is_refused_after_another_worker_has_finished_too() {
    server::each(async |server| {
        let (order, lost) = claimed(&server).await;
        server.wait(Duration::from_secs(46));
        server.sweep().await;
        let present = call(&server, CLAIM, &json!({})).await.json["tasks"][0].clone();
        let report = |job: &Value, name: &str| json!({ "taskId": job["taskId"], "lease": job["lease"], "folderName": name });
        assert_eq!(call(&server, FINALIZE, &report(&present, "second")).await.status, 200);
        let late = call(&server, FINALIZE, &report(&lost, "first")).await;
        assert_problem(&late, 409, "lease_lost");
        let again = call(&server, FINALIZE, &report(&present, "second")).await;
        assert_eq!((again.status, &again.json["duplicate"]), (200, &json!(true)), "{}", again.text);
        assert_eq!(again.json["orderId"], order["orderId"]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_is_reported_twice_is_one_failure() {
    server::each(async |server| {
        let (_, job) = claimed(&server).await;
        let report =
            json!({ "taskId": job["taskId"], "lease": job["lease"], "error": "the disk is full" });
        for duplicate in [false, true] {
            let answer = call(&server, FINALIZE, &report).await;
            assert_eq!(
                (answer.status, &answer.json["duplicate"]),
                (200, &json!(duplicate)),
                "{}",
                answer.text
            );
        }
        server.wait(Duration::from_mins(1));
        let next = call(&server, CLAIM, &json!({})).await.json["tasks"][0].clone();
        // Known still while another attempt runs, which it does not disturb.
        let answer = call(&server, FINALIZE, &report).await;
        assert_eq!(answer.json["duplicate"], true, "{}", answer.text);
        let beat = json!({ "taskId": next["taskId"], "lease": next["lease"] });
        assert_eq!(call(&server, HEARTBEAT, &beat).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_later() {
    server::each(async |server| {
        let (order, job) = claimed(&server).await;
        let report = json!({ "task_id": job["taskId"], "error": "the disk is full", "drive_link": "https://drive.example/x" });
        assert_eq!(call(&server, FINALIZE, &report).await.status, 200);
        assert_eq!(status(&server, &order).await, "processing");
        assert_eq!(call(&server, CLAIM, &json!({})).await.json["tasks"], json!([]));
        server.wait(Duration::from_mins(1));
        let again = call(&server, CLAIM, &json!({})).await;
        assert_eq!(again.json["tasks"][0]["taskId"], job["taskId"]);
    })
    .await;
}

#[tokio::test]
async fn only_who_knows_the_secret_may_call() {
    server::each(async |server| {
        let body = json!({});
        for path in [CLAIM, HEARTBEAT, FINALIZE] {
            assert_problem(&server.post(path, &body).await, 401, "not_authentic");
            assert_problem(
                &signed(&server, path, &body, "guess", 0).await,
                401,
                "not_authentic",
            );
            for ago in [301, -301] {
                let stale = signed(&server, path, &body, WORKER_SECRET, ago).await;
                assert_problem(&stale, 401, "stale_signature");
            }
        }
        let older = json!({ "secret_key": WORKER_SECRET });
        assert_problem(&server.post(CLAIM, &older).await, 401, "not_authentic");
        assert_eq!(
            signed(&server, CLAIM, &body, WORKER_SECRET, 299)
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn the_older_form_works_only_where_it_is_switched_on() {
    server::each_with(
        |options| options.config.worker.accept_secret_in_body = true,
        async |server| {
            let older = json!({ "secret_key": WORKER_SECRET });
            assert_eq!(server.post(CLAIM, &older).await.status, 200);
            let wrong = json!({ "secret_key": "guess" });
            assert_problem(&server.post(CLAIM, &wrong).await, 401, "not_authentic");
        },
    )
    .await;
}

#[tokio::test]
async fn without_a_secret_the_worker_calls_are_off() {
    for none in [None, Some(Secret::new(""))] {
        server::each_with(
            |options| options.config.worker.secret = none.clone(),
            async |server| {
                for path in [CLAIM, HEARTBEAT, FINALIZE] {
                    let answer = signed(&server, path, &json!({}), "", 0).await;
                    assert_problem(&answer, 403, "worker_calls_off");
                }
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_bad_report_is_refused_and_the_claim_stays() {
    server::each(async |server| {
        let (order, job) = claimed(&server).await;
        let long_link = format!("https://drive.example/{}", "a".repeat(2000));
        let cases = [
            (json!({}), "drive_link", "missing"),
            (
                json!({ "drive_link": "http://drive.example/x" }),
                "drive_link",
                "bad_link",
            ),
            (
                json!({ "drive_link": "javascript:alert(1)" }),
                "drive_link",
                "bad_link",
            ),
            (
                json!({ "drive_link": "https://user:pass@drive.example/x" }),
                "drive_link",
                "bad_link",
            ),
            (
                json!({ "drive_link": "https://drive.example/\u{0}" }),
                "drive_link",
                "bad_link",
            ),
            (json!({ "drive_link": long_link }), "drive_link", "too_long"),
            (
                json!({ "folder_name": "a".repeat(256) }),
                "folder_name",
                "too_long",
            ),
            (
                json!({ "folder_name": "a\nb" }),
                "folder_name",
                "wrong_value",
            ),
        ];
        for (mut report, field, fault) in cases {
            report["task_id"] = job["taskId"].clone();
            let answer = call(&server, FINALIZE, &report).await;
            assert_problem(&answer, 422, "invalid_input");
            assert_eq!(answer.json["errors"][0]["field"], field);
            assert_eq!(answer.json["errors"][0]["code"], fault);
        }
        for limit in [0, -1, 21] {
            let answer = call(&server, CLAIM, &json!({ "limit": limit })).await;
            assert_problem(&answer, 422, "invalid_input");
        }
        let report = json!({ "task_id": job["taskId"], "folder_name": "An" });
        assert_eq!(call(&server, FINALIZE, &report).await.status, 200);
        assert_eq!(status(&server, &order).await, "completed");
    })
    .await;
}

#[tokio::test]
async fn tasks_of_our_own_are_not_for_workers() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        server.pay(&order, 599_000).await;
        assert_eq!(
            call(&server, CLAIM, &json!({ "limit": 20 })).await.json["tasks"],
            json!([])
        );
        for task in ["tsk_unknown", "", "\u{0}", "DH' OR 1=1"] {
            let body = json!({ "task_id": task, "folder_name": "An" });
            assert_problem(&call(&server, HEARTBEAT, &body).await, 404, "not_found");
            assert_problem(&call(&server, FINALIZE, &body).await, 404, "not_found");
        }
    })
    .await;
}
