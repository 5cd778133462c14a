//! One door for every gateway's messages: by its name, and each with its own proof.

use bursar::connectors::gateways::{payos, tellers};

use crate::connectors::payos::fake::FakePayOs;
use crate::connectors::payos::{CHECKSUM_KEY, DOCUMENTED, PAID, settings};
use crate::harness::books;
use crate::harness::server::{self, Answer, Options, Server};
use bursar::config::Secret;

const CALL: &str = "/api/v1/payment/payos/webhook";

fn with_payos(options: &mut Options) {
    options.config.payments.payos = settings("").payos;
}

async fn post(server: &Server, path: &str, body: &str) -> Answer {
    server::answer(server.request("POST", path).body(body.to_owned())).await
}

#[tokio::test]
async fn the_message_that_tries_an_address_succeeds_and_books_nothing() {
    server::each_with(with_payos, async |server| {
        for _ in 0..2 {
            let answer = post(&server, CALL, DOCUMENTED).await;
            assert_eq!(
                (answer.status, &answer.json["success"]),
                (200, &true.into())
            );
        }
        let [_, transfers, allocations, emails] = books::counts(&server.app.db).await;
        assert_eq!([transfers, allocations, emails], [0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn money_of_a_link_that_nobody_knows_is_kept_once() {
    server::each_with(with_payos, async |server| {
        for duplicate in [false, true] {
            let answer = post(&server, CALL, PAID).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["success"], true);
            assert_eq!(answer.json["duplicate"], duplicate);
        }
        let [events, transfers, allocations, _] = books::counts(&server.app.db).await;
        assert_eq!([events, transfers, allocations], [1, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_message_without_proof_is_refused_and_leaves_nothing() {
    server::each_with(with_payos, async |server| {
        let answer = post(&server, CALL, &PAID.replace("599000", "999000")).await;
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (401, &"not_authentic".into())
        );
        // Another gateway's door does not open to it.
        let answer = post(&server, "/api/v1/payment/sepay/webhook", PAID).await;
        assert_eq!(answer.status, 401);
        assert_eq!(books::counts(&server.app.db).await, [0; 4]);
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_nobody_knows_is_not_found() {
    server::each(async |server| {
        let answer = post(&server, "/api/v1/payment/paypal/webhook", PAID).await;
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (404, &"not_found".into())
        );
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_tries_our_address_reaches_it_and_finds_a_wrong_key() {
    for (key, sound) in [(CHECKSUM_KEY, true), ("another checksum key", false)] {
        let change = |options: &mut Options| {
            with_payos(options);
            options.config.payments.payos.checksum_key = Some(Secret::new(key));
        };
        server::each_with(change, async |server| {
            let fake = FakePayOs::start().await;
            let teller = tellers(&settings(&fake.url)).unwrap()[payos::NAME].clone();
            let address = server.url.replace("http://", "https://");
            let findings = teller.inspect(&address).await.unwrap();
            assert_eq!(findings.len(), 2);
            assert_eq!(findings[1].sound, sound, "{}", findings[1].what);
            assert!(findings[1].what.contains(CALL));
        })
        .await;
    }
}
