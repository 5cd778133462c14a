//! What is around every call: ids, headers, other origins, methods, health, numbers, description.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use bursar::app::polling;
use bursar::clock::Clock;
use bursar::model::alert;
use bursar::model::audit::Actor;
use bursar::web::around;
use bursar::web::state::Web;
use serde_json::Value;
use tower::ServiceExt;

use super::{assert_problem, code};
use crate::harness::sepay_api::FakeSepay;
use crate::harness::server::{self, Answer, START, Server};

async fn preflight(server: &Server, path: &str, method: &str) -> Answer {
    let request = server
        .request("OPTIONS", path)
        .header("Origin", "https://shop.example")
        .header("Access-Control-Request-Method", method)
        .header(
            "Access-Control-Request-Headers",
            "content-type,idempotency-key",
        );
    server::answer(request).await
}

#[tokio::test]
async fn unknown_addresses_are_problems_for_programs_and_pages_for_people() {
    server::each(async |server| {
        for path in ["/api/v1/nothing", "/api/", "/api/v1/payment/create-order/x"] {
            assert_problem(&server.get(path).await, 404, "not_found");
            assert_problem(&server.post(path, &Value::Null).await, 404, "not_found");
        }
        let page = server.get("/nothing").await;
        assert_eq!(page.status, 404);
        assert!(
            page.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    })
    .await;
}

#[tokio::test]
async fn every_answer_has_an_id_and_closes_what_browsers_leave_open() {
    server::each(async |server| {
        for path in [
            "/healthz",
            "/nothing",
            "/api/v1/nothing",
            "/assets/base.css",
        ] {
            let answer = server.get(path).await;
            assert!(
                answer.headers["x-request-id"]
                    .to_str()
                    .unwrap()
                    .starts_with("req_"),
                "{path}"
            );
            assert_eq!(
                answer.headers["x-content-type-options"], "nosniff",
                "{path}"
            );
            assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
            let policy = answer.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{path}");
            assert!(
                !answer.headers.contains_key("strict-transport-security"),
                "{path}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn over_https_browsers_are_told_to_stay_there() {
    server::each_with(
        |options| options.config.public_url = "https://pay.example".to_owned(),
        async |server| {
            let answer = server.get("/healthz").await;
            assert!(answer.headers.contains_key("strict-transport-security"));
        },
    )
    .await;
}

#[tokio::test]
async fn other_origins_may_make_the_three_calls_of_a_front_end_and_no_other() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let (status, qr) = (
            format!("/api/v1/payment/check-status/{}", code(&order)),
            format!("/api/v1/payment/qr/{}.svg", code(&order)),
        );
        let create = "/api/v1/payment/create-order";
        for (path, method) in [(create, "POST"), (&*status, "GET"), (&*qr, "GET")] {
            let allowed = preflight(&server, path, method).await;
            assert_eq!(allowed.status, 200, "{path}");
            assert_eq!(
                allowed.headers["access-control-allow-origin"], "*",
                "{path}"
            );
            let methods = allowed.headers["access-control-allow-methods"]
                .to_str()
                .unwrap();
            assert!(methods.contains(method), "{path}: {methods}");
            assert!(
                !allowed
                    .headers
                    .contains_key("access-control-allow-credentials"),
                "{path}"
            );
            let answer = server::answer(
                server
                    .request(method, path)
                    .header("Origin", "https://shop.example"),
            );
            // A refusal too must be readable by the page that called.
            assert_eq!(
                answer.await.headers["access-control-allow-origin"],
                "*",
                "{path}"
            );
        }
        for path in [
            "/api/v1/payment/webhook",
            "/api/v1/worker/claim",
            "/api/v1/webhook/finalize",
        ] {
            let refused = preflight(&server, path, "POST").await;
            assert_problem(&refused, 405, "method_not_allowed");
            assert!(
                !refused.headers.contains_key("access-control-allow-origin"),
                "{path}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_answered_and_says_nothing() {
    server::each(async |server| {
        let web = Web::new(server.app.clone());
        let boom = async || -> &'static str { panic!("a secret inside") };
        let router = Router::new()
            .route("/boom", get(boom))
            .layer(from_fn_with_state(web.clone(), around::every_request))
            .with_state(web);
        let response = router
            .oneshot(Request::get("/boom").body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 500);
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("secret inside"));
    })
    .await;
}

#[tokio::test]
async fn health_says_that_the_process_lives_and_that_the_database_takes_writes() {
    server::each(async |server| {
        assert_eq!(server.get("/healthz").await.text, "ok");
        assert_eq!(server.get("/readyz").await.text, "ready");
    })
    .await;
}

#[tokio::test]
async fn the_numbers_are_there_and_name_nobody() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        server.pay(&order, 599_000).await;
        server.wait(Duration::from_secs(90));
        let numbers = server.get("/metrics").await;
        assert_eq!(numbers.status, 200);
        for line in [
            "bursar_orders{payment_status=\"paid\",order_status=\"processing\"} 1",
            "bursar_tasks{kind=\"enrol\",state=\"ready\"} 1",
            "bursar_grants{state=\"waiting\"} 2",
            "bursar_oldest_ready_task_age_seconds 90",
            "bursar_live_streams 0",
            "# TYPE bursar_db_writes_total counter",
        ] {
            assert!(
                numbers.text.lines().any(|l| l == line),
                "{line} in\n{}",
                numbers.text
            );
        }
        for private in ["example", code(&order)] {
            assert!(!numbers.text.contains(private), "{}", numbers.text);
        }
    })
    .await;
}

#[tokio::test]
async fn the_numbers_say_how_lists_alerts_and_open_money_are() {
    let fake = FakeSepay::start(&Clock::still(START)).await;
    let listed = |options: &mut server::Options| {
        let sepay = &mut options.config.payments.sepay;
        sepay.api_token = fake.settings("v2").api_token;
        sepay.api_url = fake.settings("v2").api_url;
    };
    server::each_with(listed, async |server| {
        polling::start(&server.app).await.unwrap();
        server.drain().await;
        let order = server.order(&["rust"]).await;
        server.pay(&order, 649_000).await;
        server.webhook(&server.transfer(5_000, "no code")).await;
        let moment = server.app.moment(Actor::Machine("test"));
        let raised = server.app.db.write(move |tx| {
            let matter = (alert::DISPUTE, "somebody");
            Box::pin(async move { alert::raise(tx, &moment, matter, "why").await })
        });
        raised.await.unwrap();
        server.wait(Duration::from_secs(90));
        let numbers = server.get("/metrics").await.text;
        for line in [
            "bursar_list_round_timestamp_seconds{list=\"sepay/recent\"} 1767582000",
            "bursar_list_covered_timestamp_seconds{list=\"sepay/recent\"} 1767582000",
            "bursar_list_items_total{list=\"sepay/recent\"} 0",
            "bursar_list_news_total{list=\"sepay/recent\"} 0",
            "bursar_list_failures{list=\"sepay/recent\"} 0",
            "bursar_connection_open{connection=\"gateway:sepay/lists\"} 0",
            "bursar_alerts{kind=\"dispute\"} 1",
            "bursar_transfers_waiting{class=\"no_code\"} 1",
            "bursar_transfers_waiting_age_seconds{class=\"no_code\"} 90",
            "bursar_transfers_waiting{class=\"over\"} 1",
            "bursar_surplus_due{currency=\"VND\"} 50000",
            "# TYPE bursar_refunds_waiting gauge",
        ] {
            assert!(numbers.lines().any(|l| l == line), "{line} in\n{numbers}");
        }
    })
    .await;
}

#[tokio::test]
async fn strangers_are_not_told_the_numbers() {
    server::each_with(
        |options| options.config.limits.behind_proxy = true,
        async |server| {
            let from = async |address: &str| {
                let request = server
                    .request("GET", "/metrics")
                    .header("X-Forwarded-For", address);
                server::answer(request).await
            };
            assert_problem(&from("203.0.113.7").await, 404, "not_found");
            assert_eq!(from("10.0.0.7").await.status, 200);
        },
    )
    .await;
}

/// `POST /api/…` of every route that programs call, read from the one page that has them all.
fn routes() -> BTreeSet<String> {
    let page = include_str!("../../../../src/web/router.rs");
    let mut found = BTreeSet::new();
    for route in page.split(".route(").skip(1) {
        let mut parts = route.split('"');
        let (path, handlers) = (parts.nth(1).unwrap(), parts.next().unwrap());
        let for_programs =
            path.starts_with("/api/") || ["/healthz", "/readyz", "/metrics"].contains(&path);
        for method in ["get", "post"] {
            let handled = [" ", "."].map(|before| format!("{before}{method}("));
            if for_programs && handled.iter().any(|call| handlers.contains(call)) {
                found.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    found
}

#[tokio::test]
async fn the_description_has_every_call_and_no_other() {
    server::each(async |server| {
        let answer = server.get("/api/openapi.json").await;
        assert_eq!(answer.headers["content-type"], "application/json");
        let description = answer.json;
        assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
        let (mut described, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (path, calls) in description["paths"].as_object().unwrap() {
            for (method, call) in calls.as_object().unwrap() {
                described.insert(format!("{} {path}", method.to_uppercase()));
                let name = call["operationId"].as_str().unwrap();
                assert!(names.insert(name), "{name} names two calls");
            }
        }
        assert!(described.len() >= 11, "{described:?}");
        assert_eq!(described, routes());
        for call in &described {
            let (_, path) = call.split_once(' ').unwrap();
            let answer = server::answer(server.request("PATCH", path)).await;
            assert_problem(&answer, 405, "method_not_allowed");
        }
        let schemes = description["components"]["securitySchemes"]
            .as_object()
            .unwrap();
        let names: Vec<_> = schemes.keys().collect();
        assert_eq!(
            names,
            [
                "adminKey",
                "sepayApiKey",
                "sepaySignature",
                "stripeSignature",
                "workerSignature"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn every_reference_of_the_description_leads_somewhere() {
    server::each(async |server| {
        let text = server.get("/api/openapi.json").await.text;
        let description: Value = serde_json::from_str(&text).unwrap();
        let mut references = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(description.pointer(pointer).is_some(), "{pointer}");
            references += 1;
        }
        assert!(references > 20);
    })
    .await;
}
