//! Stripe's library for Node: signer, verifier, and client of the fake (`tests/peers/stripe/check.mjs`).

use std::process::Command;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bursar::clock::Clock;
use bursar::config::Payments;
use bursar::connectors;
use bursar::connectors::gateways::stripe::NAME;
use bursar::connectors::gateways::stripe::fake::{FakeStripe, FakeStripeOptions};
use bursar::connectors::gateways::{Gateways, Message};
use serde_json::json;
use tokio::net::TcpListener;

/// The library measures the age of signatures by the machine's clock.
fn clock() -> Clock {
    Clock::system()
}

async fn hook(State(gateways): State<Gateways>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let message = Message {
        header: &header,
        body: &body,
        received_at: clock().now(),
    };
    match gateways.get(NAME).unwrap().verify(&message) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

/// The address of our verifier as a door.
async fn verifier(fake: &FakeStripe) -> String {
    let gateways = Gateways::new(&Payments {
        stripe: fake.settings(),
        ..Payments::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/hook", post(hook))
        .with_state(gateways);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A paid checkout's event, signed by us.
async fn signed(fake: &FakeStripe) -> String {
    let form = [
        ("mode", "payment"),
        ("success_url", "https://shop.example/"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "vnd"),
        ("line_items[0][price_data][unit_amount]", "499000"),
        ("line_items[0][price_data][product_data][name]", "Rust"),
    ];
    let request = connectors::http()
        .unwrap()
        .post(format!("{}/v1/checkout/sessions", fake.base_url()))
        .bearer_auth(fake.settings().secret_key.unwrap().expose())
        .form(&form);
    let made: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    fake.pay(made["id"].as_str().unwrap()).unwrap();
    let event = fake.events("checkout.session.completed").pop().unwrap();
    let delivery = fake.signed(&event).unwrap();
    json!({"signature": delivery.signature, "body": delivery.body}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and the library of tests/peers/stripe: ./test --peers"]
async fn the_vendors_own_library_agrees_with_our_signatures_and_takes_the_fake_for_stripe() {
    let fake = FakeStripe::start(FakeStripeOptions {
        clock: clock(),
        ..FakeStripeOptions::default()
    })
    .await
    .unwrap();
    let settings = fake.settings();
    let base = fake.base_url();
    let mut peer = Command::new("node");
    peer.arg("check.mjs")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/stripe"))
        .env("FAKE_PORT", base.rsplit(':').next().unwrap())
        .env("SECRET_KEY", settings.secret_key.unwrap().expose())
        .env("WEBHOOK_SECRET", settings.webhook_secret.unwrap().expose())
        .env("HOOK", verifier(&fake).await)
        .env("SIGNED", signed(&fake).await);
    let ended = tokio::task::spawn_blocking(move || peer.status()).await;
    assert!(ended.unwrap().unwrap().success());
}
