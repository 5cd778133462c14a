//! Who may call: keys, scopes, and what a key leaves behind.

use std::time::Duration;

use bursar::model::api_key::{self, Scope};
use bursar::model::audit::Actor;
use serde_json::json;

use super::{Desk, assert_problem, call, each, key};
use crate::harness::server::{self, Answer, Server};

/// Method, address and scope of every call that the description puts behind a key.
async fn calls(server: &Server) -> Vec<(String, String, String)> {
    let description = server.get("/api/openapi.json").await.json;
    let mut found = Vec::new();
    for (path, calls) in description["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            if let Some(scopes) = call["security"][0]["adminKey"].as_array() {
                assert_eq!(scopes.len(), 1, "{path}");
                let scope = scopes[0].as_str().unwrap().to_owned();
                found.push((method.to_uppercase(), path.clone(), scope));
            }
        }
    }
    assert!(found.len() >= 19, "{found:?}");
    found
}

async fn revoke(server: &Server, name: &'static str) {
    let moment = server.app.moment(Actor::Operator("test".to_owned()));
    let db = &server.app.db;
    db.write(move |tx| Box::pin(async move { api_key::revoke(tx, &moment, name).await }))
        .await
        .unwrap();
}

async fn last_use(server: &Server) -> Option<i64> {
    let keys = server.app.db.read(|tx| Box::pin(api_key::all(tx)));
    keys.await.unwrap()[0].last_used_at.map(|at| at.0)
}

#[tokio::test]
async fn every_admin_call_is_closed_to_who_shows_no_key_that_is_in_use() {
    server::each(async |server| {
        let revoked = key(&server, "old", Scope::ALL).await;
        revoke(&server, "old").await;
        let unknown = format!("bsr_{}", "0".repeat(64));
        for (method, path, _) in calls(&server).await {
            let none = server::answer(server.request(&method, &path)).await;
            assert_problem(&none, 401, "not_authentic");
            for wrong in ["", "bsr_", &unknown, &revoked] {
                let answer = call(&server, wrong, &method, &path, None).await;
                assert_problem(&answer, 401, "not_authentic");
            }
        }
        let other_scheme = server
            .request("GET", "/api/v1/admin/stats")
            .header("Authorization", format!("Apikey {revoked}"));
        assert_problem(&server::answer(other_scheme).await, 401, "not_authentic");
    })
    .await;
}

#[tokio::test]
async fn each_call_opens_to_the_scope_that_its_description_names_and_to_no_other() {
    server::each(async |server| {
        let mut keys = Vec::new();
        for (place, scope) in Scope::ALL.iter().enumerate() {
            let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|s| s != scope).collect();
            let with = key(&server, &format!("only-{place}"), &[*scope]).await;
            let without = key(&server, &format!("all-but-{place}"), &others).await;
            keys.push((scope.as_str(), with, without));
        }
        for (method, path, scope) in calls(&server).await {
            let named = keys.iter().find(|(word, ..)| *word == scope);
            let (_, with, without) = named.expect(&scope);
            let refused = call(&server, without, &method, &path, None).await;
            assert_problem(&refused, 403, "missing_scope");
            assert!(refused.text.contains(&scope), "{}", refused.text);
            let answer = call(&server, with, &method, &path, None).await;
            assert!(
                ![401, 403].contains(&answer.status),
                "{path}: {}",
                answer.text
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_of_the_admin_api_shows_every_call() {
    server::each(async |server| {
        let page = include_str!("../../../../../docs/admin-api.md");
        for (_, path, _) in calls(&server).await {
            // Up to the part to fill in, and what follows it.
            let shown = path.trim_start_matches("/api/v1/admin");
            for part in shown.split(['{', '}']).step_by(2) {
                assert!(page.contains(part), "{part} of {path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_wrong_keys_from_one_address_are_slowed_down_and_a_right_one_is_not() {
    server::each_with(
        |options| options.config.limits.failures_per_minute = 2,
        async |server| {
            let desk = Desk::over(server).await;
            let guess = async || -> Answer {
                call(
                    &desk.server,
                    "bsr_guess",
                    "GET",
                    "/api/v1/admin/stats",
                    None,
                )
                .await
            };
            let mut statuses = Vec::new();
            for _ in 0..5 {
                statuses.push(guess().await.status);
            }
            assert_eq!(statuses[..2], [401, 401]);
            assert_eq!(statuses[4], 429, "{statuses:?}");
            assert_eq!(desk.get("/api/v1/admin/stats").await.status, 200);
        },
    )
    .await;
}

#[tokio::test]
async fn the_last_use_of_a_key_is_written_at_most_once_a_minute() {
    each(async |desk| {
        let start = desk.server.app.clock.now().0;
        let mut seen = vec![last_use(&desk.server).await];
        for wait in [0, 59, 1, 3600] {
            desk.server.wait(Duration::from_secs(wait));
            desk.get("/api/v1/admin/stats").await;
            seen.push(last_use(&desk.server).await);
        }
        let after = |seconds: i64| Some(start + seconds * 1000);
        assert_eq!(seen, [None, after(0), after(0), after(60), after(3660)]);
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_found_nowhere_afterwards() {
    each(async |desk| {
        let secret = desk.key.strip_prefix("bsr_").unwrap();
        assert_eq!(secret.len(), 64);
        let keys = desk.server.app.db.read(|tx| Box::pin(api_key::all(tx)));
        let audit = desk.get("/api/v1/admin/audit").await.text;
        assert!(audit.contains("key.created"), "{audit}");
        for text in [format!("{:?}", keys.await.unwrap()), audit] {
            assert!(!text.contains(secret), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_name_is_used_once_and_only_if_the_audit_can_print_it() {
    server::each(async |server| {
        key(&server, "support", &[Scope::StatsRead]).await;
        revoke(&server, "support").await;
        for (name, fault) in [
            ("support", "key_name_taken"),
            ("", "bad_key_name"),
            ("a b", "bad_key_name"),
            ("x\u{1b}[31m", "bad_key_name"),
        ] {
            let moment = server.app.moment(Actor::Operator("test".to_owned()));
            let made = server.app.db.write(move |tx| {
                Box::pin(async move { api_key::create(tx, &moment, name, &[]).await })
            });
            let refused = made.await.unwrap_err().to_string();
            assert!(refused.contains(fault), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_call_does_not_know_is_refused_by_its_name() {
    each(async |desk| {
        let mistyped = desk
            .get("/api/v1/admin/orders?paymentStatus=payed&limit=0&form=x&from=yesterday")
            .await;
        assert_problem(&mistyped, 422, "invalid_input");
        let faults = mistyped.json["errors"].as_array().unwrap();
        let mut faults: Vec<(&str, &str)> = faults
            .iter()
            .map(|f| (f["field"].as_str().unwrap(), f["code"].as_str().unwrap()))
            .collect();
        faults.sort_unstable();
        let expected = [
            ("form", "unknown_field"),
            ("from", "bad_time"),
            ("limit", "wrong_value"),
            ("paymentStatus", "wrong_value"),
        ];
        assert_eq!(faults, expected);
        let body = json!({ "filter": { "sate": "waiting" } });
        let mistyped = desk.post("/api/v1/admin/grants/retry", &body).await;
        assert_problem(&mistyped, 422, "invalid_input");
        assert_eq!(mistyped.json["errors"][0]["code"], "unknown_field");
        for id in ["nobody", "gra_1%00", "ord_1", "gra_unknown"] {
            let path = format!("/api/v1/admin/grants/{id}/retry");
            let answer = desk.post(&path, &json!({})).await;
            assert_problem(&answer, 404, "not_found");
        }
    })
    .await;
}
