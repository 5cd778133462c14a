//! The public API over real HTTP: what each call answers, and what bad input gets.

use serde_json::Value;

use crate::harness::server::Answer;

pub mod admin;
mod coupons;
mod gateways;
mod operations;
mod orders;
mod status;
mod webhooks;
mod worker_example;
mod workers;

/// It is a problem with this status and code, for people and for callers of the older API.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.json["code"], code, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json["success"], false);
    assert!(!answer.json["detail"].as_str().unwrap().is_empty());
    assert_eq!(
        answer.headers["x-request-id"],
        answer.json["requestId"].as_str().unwrap()
    );
}

/// The code of the order that create-order answered with.
fn code(order: &Value) -> &str {
    order["orderCode"].as_str().unwrap()
}
