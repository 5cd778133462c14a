//! The fake keeps to what is documented of the real one, says what it is, and its webhooks are taken
//! for real ones.

use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bursar::connectors;
use bursar::connectors::gateways::Message;
use bursar::connectors::gateways::stripe::fake::Claim;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::*;

/// A server that accepts what our verifier accepts, and remembers ids.
struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
    rings: Arc<Notify>,
}

#[derive(Clone)]
struct Door {
    gateways: Gateways,
    clock: Clock,
    seen: Arc<Mutex<Vec<String>>>,
    rings: Arc<Notify>,
}

async fn receive(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let message = Message {
        header: &header,
        body: &body,
        received_at: door.clock.now(),
    };
    let gateway = door.gateways.get(NAME).unwrap();
    if gateway.verify(&message).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    door.seen.lock().unwrap().push(gateway.event_key(&body));
    door.rings.notify_one();
    StatusCode::OK
}

async fn receiver(clock: &Clock) -> Receiver {
    let (seen, rings) = (Arc::default(), Arc::new(Notify::new()));
    let secret = FakeStripeOptions::default().webhook_secret;
    let door = Door {
        gateways: gateways(&config::Stripe {
            webhook_secret: Some(Secret::new(secret)),
            ..config::Stripe::default()
        }),
        clock: clock.clone(),
        seen: Arc::clone(&seen),
        rings: Arc::clone(&rings),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(receive)).with_state(door);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Receiver { url, seen, rings }
}

#[tokio::test]
async fn events_are_delivered_twice_and_in_any_order_each_with_a_fresh_signature() {
    let (fake, clock, teller) = shop().await;
    let receiver = receiver(&clock).await;
    let opened = teller.open(&intent(1)).await.unwrap();
    let payment = fake.pay(&opened.reference).unwrap();
    fake.dispute(&payment, Claim::Inquiry).unwrap();
    let paid = fake.events("checkout.session.completed").pop().unwrap();
    let disputed = fake.events("charge.dispute.created").pop().unwrap();
    let early = fake.signed(&paid).unwrap();
    clock.advance(Duration::from_hours(72));
    let order = [disputed.as_str(), &paid, &paid];
    let answers = fake.deliver(&receiver.url, &order).await.unwrap();
    assert_eq!(answers, [200, 200, 200]);
    assert_eq!(*receiver.seen.lock().unwrap(), order);
    let late = fake.signed(&paid).unwrap();
    assert_eq!(late.body, early.body, "an event never changes");
    assert_ne!(late.signature, early.signature);
}

#[tokio::test]
async fn events_go_by_themselves_where_the_fake_was_told_to_send_them() {
    let receiver = receiver(&Clock::still(START)).await;
    let (fake, _, teller) = shop_with(FakeStripeOptions {
        deliver_to: Some(receiver.url.clone()),
        ..FakeStripeOptions::default()
    })
    .await;
    let opened = teller.open(&intent(1)).await.unwrap();
    press(&opened.url, "pay").await;
    let completed = fake.events("checkout.session.completed");
    while !receiver.seen.lock().unwrap().ends_with(&completed) {
        receiver.rings.notified().await;
    }
    let happened = fake.objects("event").len();
    assert_eq!(receiver.seen.lock().unwrap().len(), happened, "each once");
}

async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn press(url: &str, deed: &str) -> reqwest::Response {
    let request = connectors::http()
        .unwrap()
        .post(url)
        .form(&[("deed", deed)]);
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_payment_page_says_that_it_is_a_fake_and_its_buttons_work() {
    let (fake, _, teller) = shop().await;
    let opened = teller.open(&intent(1)).await.unwrap();
    let (status, page) = get(&opened.url).await;
    assert_eq!(status, 200);
    assert!(page.contains("TRANG GIẢ LẬP: không có tiền nào được chuyển"));
    assert!(page.contains("499.000 ₫") && page.contains("Rust for shops"));
    let declined = press(&opened.url, "decline").await;
    assert!(
        declined
            .text()
            .await
            .unwrap()
            .contains("Thẻ bị từ chối. Đơn")
    );
    for deed in ["cancel", "pay"] {
        let answer = press(&opened.url, deed).await;
        assert_eq!(answer.status(), 303, "{deed}");
        assert_eq!(
            answer.headers()["location"],
            "https://shop.example/o/s3cret"
        );
    }
    assert_eq!(the_session(&fake)["payment_status"], "paid");
    let (_, over) = get(&opened.url).await;
    assert!(over.contains("Trang thanh toán này đã đóng.") && !over.contains("<button"));
    let nowhere = opened.url.replace(&opened.reference, "cs_test_none");
    assert_eq!(get(&nowhere).await.0, 404);
}

#[tokio::test]
async fn the_payment_page_takes_no_form_of_another_site() {
    let (fake, _, teller) = shop().await;
    let opened = teller.open(&intent(1)).await.unwrap();
    let request = connectors::http()
        .unwrap()
        .post(&opened.url)
        .header("origin", "https://elsewhere.example")
        .form(&[("deed", "pay")]);
    assert_eq!(request.send().await.unwrap().status(), 403);
    assert_eq!(the_session(&fake)["payment_status"], "unpaid");
}

/// A payment through the fake's own page; its id.
async fn paid(fake: &FakeStripe, teller: &Arc<dyn Teller>, seed: u64, deed: &str) -> String {
    let opened = teller.open(&intent(seed)).await.unwrap();
    press(&opened.url, deed).await;
    let payments = fake.objects("payment_intent");
    payments.last().unwrap()["id"].as_str().unwrap().to_owned()
}

async fn at_the_desk(fake: &FakeStripe, payment: &str, deed: &str) -> u16 {
    let request = connectors::http()
        .unwrap()
        .post(fake.base_url())
        .form(&[("payment", payment), ("deed", deed)]);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_page_of_payments_says_that_it_is_a_fake_and_its_buttons_do_what_they_say() {
    let (fake, _, teller) = shop().await;
    let (_, empty) = get(&fake.base_url()).await;
    assert!(empty.contains("TRANG GIẢ LẬP") && !empty.contains("<button"));

    let returned = paid(&fake, &teller, 1, "pay").await;
    assert_eq!(at_the_desk(&fake, &returned, "refund_half").await, 303);
    let (_, page) = get(&fake.base_url()).await;
    assert!(page.contains("DHHUAHBMPN · 499.000 ₫") && page.contains("đã hoàn 249.500 ₫"));
    assert_eq!(at_the_desk(&fake, &returned, "refund_rest").await, 303);
    assert_eq!(fake.objects("charge")[0]["amount_refunded"], 499_000);
    assert_eq!(at_the_desk(&fake, &returned, "refund_rest").await, 409);

    for (seed, decision, status) in [(2, "win", "won"), (3, "lose", "lost")] {
        let disputed = paid(&fake, &teller, seed, "pay").await;
        assert_eq!(at_the_desk(&fake, &disputed, decision).await, 409);
        assert_eq!(at_the_desk(&fake, &disputed, "dispute").await, 303);
        assert_eq!(at_the_desk(&fake, &disputed, decision).await, 303);
        let told = fake.objects("dispute");
        assert_eq!(told.last().unwrap()["status"], status);
    }

    for (seed, end, status) in [
        (4, "arrive", "succeeded"),
        (5, "fail", "requires_payment_method"),
    ] {
        let slow = paid(&fake, &teller, seed, "later").await;
        assert_eq!(at_the_desk(&fake, &slow, end).await, 303);
        assert_eq!(fake.object(&slow).unwrap()["status"], status);
    }
}

#[tokio::test]
async fn the_page_of_payments_takes_no_form_of_another_site() {
    let (fake, _, teller) = shop().await;
    let payment = paid(&fake, &teller, 1, "pay").await;
    let request = connectors::http()
        .unwrap()
        .post(fake.base_url())
        .header("origin", "https://elsewhere.example")
        .form(&[("payment", payment.as_str()), ("deed", "refund_rest")]);
    assert_eq!(request.send().await.unwrap().status(), 403);
    assert_eq!(fake.objects("refund").len(), 0);
}

#[tokio::test]
async fn a_payer_is_led_back_once_the_shop_has_heard_or_long_before() {
    for (deed, heard) in [("pay", true), ("slow", false)] {
        let receiver = receiver(&Clock::still(START)).await;
        let (fake, _, teller) = shop_with(FakeStripeOptions {
            deliver_to: Some(receiver.url.clone()),
            ..FakeStripeOptions::default()
        })
        .await;
        paid(&fake, &teller, 1, deed).await;
        let completed = fake.events("checkout.session.completed").remove(0);
        let known = receiver.seen.lock().unwrap().contains(&completed);
        assert_eq!(known, heard, "{deed}");
    }
}

/// A form of a session, with one parameter put in, changed, or (empty) taken out.
async fn create(fake: &FakeStripe, name: &str, value: &str) -> (u16, Value) {
    let mut form = vec![
        ("mode", "payment"),
        ("success_url", "https://shop.example/"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "vnd"),
        ("line_items[0][price_data][unit_amount]", "499000"),
        ("line_items[0][price_data][product_data][name]", "Rust"),
    ];
    form.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        form.push((name, value));
    }
    let request = connectors::http()
        .unwrap()
        .post(format!("{}/v1/checkout/sessions", fake.base_url()))
        .bearer_auth(KEY)
        .form(&form);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_fake_refuses_what_is_documented_to_be_refused() {
    let (fake, _, _) = shop().await;
    let now = START.unix_seconds();
    assert_eq!(create(&fake, "locale", "vi").await.0, 200);
    for (name, value) in [
        ("mode", ""),
        ("success_url", "shop.example"),
        ("line_items[0][price_data][product_data][name]", ""),
        ("line_items[0][price_data][unit_amount]", "4990.5"),
        ("line_items[0][price_data][unit_amount]", "10000"),
        ("line_items[0][price_data][unit_amount]", "100000000"),
        ("customer_email", "ada"),
        ("client_reference_id", &"x".repeat(201)),
        ("expires_at", &(now + 29 * 60).to_string()),
        ("expires_at", &(now + 25 * 60 * 60).to_string()),
        ("exprires_at", "1"),
    ] {
        let (status, error) = create(&fake, name, value).await;
        assert_eq!(status, 400, "{name}={value}");
        assert_eq!(error["error"]["type"], "invalid_request_error");
    }
    assert_eq!(fake.objects("checkout.session").len(), 1);
}

#[tokio::test]
async fn the_fakes_own_notes_are_never_shown() {
    let (fake, _, teller) = shop().await;
    let opened = teller.open(&intent(1)).await.unwrap();
    fake.pay(&opened.reference).unwrap();
    let looked = teller.look(&opened.reference).await.unwrap();
    let body = String::from_utf8(looked.body).unwrap();
    assert!(!body.contains("fake_only"), "{body}");
    let events = serde_json::to_string(&fake.objects("event")).unwrap();
    assert!(!events.contains("fake_only"));
}

#[tokio::test]
async fn an_older_version_embeds_the_refunds_in_the_charge() {
    let (fake, _, teller) = shop_with(FakeStripeOptions {
        embeds_refunds: true,
        ..FakeStripeOptions::default()
    })
    .await;
    let opened = teller.open(&intent(1)).await.unwrap();
    let payment = fake.pay(&opened.reference).unwrap();
    fake.refund(&payment, 100_000).unwrap();
    let event = fake.events("charge.refunded").pop().unwrap();
    let body = fake.signed(&event).unwrap().body;
    let facts = read(&gateways(&fake.settings()), body.as_bytes()).unwrap();
    assert!(
        matches!(&facts[..], [Fact::Refund(_), Fact::Refunded(_)]),
        "{facts:?}"
    );
}
