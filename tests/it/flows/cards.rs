//! An order paid by card, through the fake's own checkout and its signed webhooks: late, early, twice,
//! in any order.

use std::time::Duration;

use bursar::app::checkout;
use bursar::clock::{Clock, Timestamp};
use bursar::config::Secret;
use bursar::connectors::gateways::stripe::fake::{
    Call, Claim, FakeStripe, FakeStripeOptions, Mischief,
};
use bursar::connectors::gateways::stripe::{NAME, WEBHOOK_PATH, sign};
use bursar::id::OrderId;
use bursar::model::payment::{self, Payment, PaymentState};
use bursar::model::{audit, dispute};
use serde_json::{Value, json};

use crate::harness::server::{self, Answer, START, Server};

const SECRET: &str = "whsec_of_the_fake";

/// A shop with the fake behind it, on each kind of database.
async fn each(test: impl AsyncFn(Server, FakeStripe)) {
    for kind in crate::harness::databases::KINDS {
        eprintln!("on {kind:?}");
        let fake = FakeStripe::start(FakeStripeOptions {
            clock: Clock::still(START),
            ..FakeStripeOptions::default()
        })
        .await
        .unwrap();
        let settings = fake.settings();
        let server = Server::start_with(kind, |options| {
            options.config.payments.stripe = settings.clone();
        })
        .await;
        test(server, fake).await;
    }
}

fn id(order: &Value) -> OrderId {
    OrderId::from(order["orderId"].as_str().unwrap())
}

async fn status(server: &Server, order: &Value) -> String {
    let code = order["orderCode"].as_str().unwrap();
    let path = format!("/api/v1/payment/check-status/{code}");
    let answer = server.get(&path).await;
    answer.json["paymentStatus"].as_str().unwrap().to_owned()
}

/// The checkout that was opened last.
fn session(fake: &FakeStripe) -> String {
    let sessions = fake.objects("checkout.session");
    sessions.last().unwrap()["id"].as_str().unwrap().to_owned()
}

async fn deliver(server: &Server, fake: &FakeStripe, events: &[&str]) {
    let url = format!("{}{WEBHOOK_PATH}", server.url);
    let answers = fake.deliver(&url, events).await.unwrap();
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
}

/// Post a body signed at this moment of the server's clock, or seconds before.
async fn post(server: &Server, secret: &str, age: i64, body: String) -> Answer {
    let Timestamp(now) = server.app.clock.now();
    let signature = sign(&Secret::new(secret), now / 1000 - age, body.as_bytes());
    let request = server
        .request("POST", WEBHOOK_PATH)
        .header("Stripe-Signature", signature)
        .body(body);
    server::answer(request).await
}

#[tokio::test]
async fn a_paid_checkout_pays_its_order_once_however_often_it_is_told() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        let url = checkout::begin(&server.app, &id(&order), NAME)
            .await
            .unwrap();
        assert!(url.starts_with(&fake.base_url()), "{url}");
        fake.pay(&session(&fake)).unwrap();
        assert_eq!(status(&server, &order).await, "pending", "nobody told yet");
        let event = fake.events("checkout.session.completed").pop().unwrap();
        let twin = fake.twin(&event).unwrap();
        deliver(&server, &fake, &[&event, &event, &twin]).await;
        assert_eq!(status(&server, &order).await, "paid");
        let again = fake.signed(&twin).unwrap().body;
        let again = post(&server, SECRET, 0, again).await;
        assert_eq!(again.json["duplicate"], true);
        assert_eq!(again.json["orderId"], order["orderId"]);
        server.drain().await;
        assert_eq!(server.letters(), 2, "the receipt, and that it is done");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_here_before_our_own_call_returned_is_not_lost() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        fake.misbehave(Call::SessionCreate, [Mischief::CutAnswer]);
        let lost = checkout::begin(&server.app, &id(&order), NAME).await;
        assert!(lost.is_err(), "we do not know the checkout");
        fake.pay(&session(&fake)).unwrap();
        let event = fake.events("checkout.session.completed").pop().unwrap();
        deliver(&server, &fake, &[&event]).await;
        assert_eq!(status(&server, &order).await, "paid");
    })
    .await;
}

#[tokio::test]
async fn money_that_comes_later_pays_when_it_comes() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        checkout::begin(&server.app, &id(&order), NAME)
            .await
            .unwrap();
        fake.pay_later(&session(&fake)).unwrap();
        let completed = fake.events("checkout.session.completed").pop().unwrap();
        deliver(&server, &fake, &[&completed]).await;
        assert_eq!(status(&server, &order).await, "pending");
        fake.settle_later(&session(&fake), true).unwrap();
        let came = fake.events("checkout.session.async_payment_succeeded");
        deliver(&server, &fake, &[&came[0], &completed]).await;
        assert_eq!(status(&server, &order).await, "paid");
    })
    .await;
}

#[tokio::test]
async fn a_dispute_that_is_told_before_its_payment_waits_for_it() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        checkout::begin(&server.app, &id(&order), NAME)
            .await
            .unwrap();
        let payment = fake.pay(&session(&fake)).unwrap();
        fake.dispute(&payment, Claim::Chargeback).unwrap();
        let paid = fake.events("checkout.session.completed").pop().unwrap();
        let disputed = fake.events("charge.dispute.created").pop().unwrap();
        let withdrawn = fake.events("charge.dispute.funds_withdrawn").pop().unwrap();
        deliver(&server, &fake, &[&withdrawn, &disputed, &paid]).await;
        server.drain().await;
        let order = id(&order);
        let read = server
            .app
            .db
            .read(|tx| Box::pin(async move { dispute::of_order(tx, &order).await }));
        let booked = read.await.unwrap();
        assert_eq!(booked.len(), 1, "told twice, it is one");
        assert_eq!(booked[0].amount, 599_000);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_signed_with_our_secret_or_too_old_is_refused_and_not_stored() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        checkout::begin(&server.app, &id(&order), NAME)
            .await
            .unwrap();
        fake.pay(&session(&fake)).unwrap();
        let event = fake.events("checkout.session.completed").pop().unwrap();
        let body = fake.signed(&event).unwrap().body;
        for (secret, age) in [("whsec_of_somebody", 0), (SECRET, 301)] {
            let refused = post(&server, secret, age, body.clone()).await;
            assert_eq!(refused.status, 401, "{secret} {age}");
            assert_eq!(refused.json["code"], "not_authentic");
        }
        let path = server.request("POST", WEBHOOK_PATH).body(body.clone());
        assert_eq!(server::answer(path).await.status, 401, "no signature");
        assert_eq!(status(&server, &order).await, "pending");
        // The repetition of what was too old is signed anew.
        let fresh = post(&server, SECRET, 300, body).await;
        assert_eq!(fresh.json["duplicate"], false, "nothing was kept before");
        assert_eq!(status(&server, &order).await, "paid");
    })
    .await;
}

#[tokio::test]
async fn every_authentic_event_is_kept_also_a_long_one_and_one_of_tomorrow() {
    each(async |server, _fake| {
        let unheard_of = json!({"id": "evt_1", "object": "event", "type": "moon.risen"});
        let evidence = "x".repeat(300 * 1024);
        let long = json!({"id": "evt_2", "object": "event", "type": "charge.dispute.updated",
            "data": {"object": {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1",
                "amount": 1000, "currency": "vnd", "status": "under_review",
                "evidence": {"uncategorized_text": evidence}}}});
        for event in [unheard_of, long] {
            let kept = post(&server, SECRET, 0, event.to_string()).await;
            assert_eq!(kept.status, 200, "{}", kept.text);
            let again = post(&server, SECRET, 0, event.to_string()).await;
            assert_eq!(again.json["duplicate"], true);
        }
        let endless = "x".repeat(513 * 1024);
        assert_eq!(post(&server, SECRET, 0, endless).await.status, 413);
    })
    .await;
}

#[tokio::test]
async fn when_the_bank_transfer_lands_first_the_checkout_is_ended() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        checkout::begin(&server.app, &id(&order), NAME)
            .await
            .unwrap();
        assert_eq!(
            server.pay(&order, 599_000).await.json["paymentStatus"],
            "paid"
        );
        server.wait(Duration::from_mins(1));
        server.drain().await;
        let session = fake.object(&session(&fake)).unwrap();
        assert_eq!(session["status"], "expired");
    })
    .await;
}

async fn attempts(server: &Server, order: &Value) -> Vec<Payment> {
    let id = id(order);
    let read = server
        .app
        .db
        .read(move |tx| Box::pin(async move { payment::of_order(tx, &id).await }));
    let all = read.await.unwrap().into_iter();
    all.filter(|payment| payment.gateway == NAME).collect()
}

fn open_sessions(fake: &FakeStripe) -> usize {
    let sessions = fake.objects("checkout.session").into_iter();
    sessions.filter(|s| s["status"] == "open").count()
}

#[tokio::test]
async fn a_failure_that_the_gateway_keeps_under_its_key_is_left_behind_for_a_new_attempt() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        fake.misbehave(Call::SessionCreate, [Mischief::Failure]);
        assert!(
            checkout::begin(&server.app, &id(&order), NAME)
                .await
                .is_err()
        );
        let first = attempts(&server, &order).await.remove(0);
        assert_eq!(first.state, PaymentState::Closed);
        assert!(first.why.is_some_and(|why| why.contains("500")));

        let url = checkout::begin(&server.app, &id(&order), NAME).await;
        assert!(url.unwrap().starts_with(&fake.base_url()), "the next click");
        assert_eq!(attempts(&server, &order).await.len(), 2);
        let (order_id, first) = (id(&order), first.id.0);
        let story = server
            .app
            .db
            .read(move |tx| Box::pin(async move { audit::of_order(tx, &order_id).await }));
        let story = story.await.unwrap();
        let left = story.iter().find(|entry| entry.action == "payment.left");
        assert_eq!(left.map(|entry| &entry.subject), Some(&first));

        fake.pay(&session(&fake)).unwrap();
        let event = fake.events("checkout.session.completed").pop().unwrap();
        deliver(&server, &fake, &[&event]).await;
        assert_eq!(status(&server, &order).await, "paid");
        server.wait(Duration::from_mins(1));
        server.drain().await;
    })
    .await;
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_under_the_same_key() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        for passing in [
            Mischief::KeyInUse,
            Mischief::Throttled(1),
            Mischief::WrongKey,
        ] {
            fake.misbehave(Call::SessionCreate, [passing]);
            assert!(
                checkout::begin(&server.app, &id(&order), NAME)
                    .await
                    .is_err()
            );
        }
        checkout::begin(&server.app, &id(&order), NAME)
            .await
            .unwrap();
        assert_eq!(attempts(&server, &order).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_message_about_an_attempt_that_was_left_behind_never_touches_the_next() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        fake.misbehave(
            Call::SessionCreate,
            [Mischief::CutAnswer, Mischief::Failure],
        );
        assert!(
            checkout::begin(&server.app, &id(&order), NAME)
                .await
                .is_err()
        );
        let lost = session(&fake);
        // The second attempt has no name either, as long as its call has not returned.
        assert!(
            checkout::begin(&server.app, &id(&order), NAME)
                .await
                .is_err()
        );
        fake.pay(&lost).unwrap();
        let event = fake.events("checkout.session.completed").pop().unwrap();
        deliver(&server, &fake, &[&event]).await;
        assert_eq!(status(&server, &order).await, "paid");
        let attempts = attempts(&server, &order).await;
        let seen = attempts.iter().map(|a| (a.state, a.reference.as_deref()));
        let expected = [
            (PaymentState::Paid, Some(lost.as_str())),
            (PaymentState::Closed, None),
        ];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
        server.drain().await;
    })
    .await;
}

#[tokio::test]
async fn two_clicks_at_once_of_which_one_is_lost_leave_one_page_at_most_to_pay_on() {
    each(async |server, fake| {
        let order = server.order(&["rust"]).await;
        let id = id(&order);
        fake.misbehave(Call::SessionCreate, [Mischief::CutAnswer]);
        let clicks = tokio::join!(
            checkout::begin(&server.app, &id, NAME),
            checkout::begin(&server.app, &id, NAME)
        );
        let page = match clicks {
            (Ok(page), _) | (_, Ok(page)) => page,
            _ => checkout::begin(&server.app, &id, NAME).await.unwrap(),
        };
        server.drain().await;
        let named: Vec<Payment> = attempts(&server, &order).await;
        let open: Vec<&Payment> = named.iter().filter(|a| a.url.is_some()).collect();
        assert_eq!(open.len(), 1, "{named:?}");
        assert_eq!(open[0].url.as_deref(), Some(page.as_str()));
        // Of what was left behind, nobody has the page; what has a name is ended.
        let unnamed = named.iter().filter(|a| a.reference.is_none()).count();
        assert!(open_sessions(&fake) <= 1 + unnamed, "{named:?}");
    })
    .await;
}
