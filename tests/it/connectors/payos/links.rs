//! Payment links: opened once, looked at, closed, and every fault named.

use std::sync::Arc;

use bursar::clock::Timestamp;
use bursar::config::{Payments, Secret};
use bursar::connectors::Fault;
use bursar::connectors::gateways::teller::{Intent, Opened, Teller};
use bursar::connectors::gateways::{Gateways, payos, tellers};
use bursar::fact::{CheckoutState, Fact};
use bursar::money::{Currency, Money};
use bursar::words::Locale;
use serde_json::json;

use super::fake::{FakePayOs, Mood};
use super::settings;

/// The request whose signature is known.
const ORDER_CODE: &str = "123456";
const SIGNATURE: &str = "bce96de2406ee60d6c4a54efbe39a6a0d28b4b580f3968870444b9013eed1c8f";

fn teller_of(settings: &Payments) -> Arc<dyn Teller> {
    tellers(settings).unwrap()[payos::NAME].clone()
}

async fn payos() -> (FakePayOs, Arc<dyn Teller>) {
    let fake = FakePayOs::start().await;
    let teller = teller_of(&settings(&fake.url));
    (fake, teller)
}

fn intent(code: &str) -> Intent {
    Intent {
        payment: "pay_01".to_owned(),
        reference: Some(ORDER_CODE.to_owned()),
        order: "ord_01".to_owned(),
        code: code.to_owned(),
        amount: Money::vnd(50_000),
        lines: vec![("Rust".to_owned(), Money::vnd(50_000))],
        email: "an@example.com".to_owned(),
        locale: Locale::Vi,
        success_url: "https://e.x/r".to_owned(),
        cancel_url: "https://e.x/c".to_owned(),
        until: Timestamp(1_704_795_621_999),
    }
}

fn opened() -> Opened {
    Opened {
        reference: ORDER_CODE.to_owned(),
        url: format!("https://pay.payos.vn/web/{:032x}", 123_456),
    }
}

/// Amounts of the transfers, and the checkout's state.
fn told(facts: &[Fact]) -> (Vec<i64>, Option<CheckoutState>) {
    let mut amounts = Vec::new();
    let mut state = None;
    for fact in facts {
        match fact {
            Fact::Transfer(transfer) => amounts.push(transfer.amount.minor),
            Fact::Checkout(checkout) => {
                assert_eq!(checkout.reference, ORDER_CODE);
                state = Some(checkout.state);
            }
            other => panic!("{other:?}"),
        }
    }
    (amounts, state)
}

#[test]
fn there_is_no_teller_without_all_three_keys() {
    assert!(tellers(&Payments::default()).unwrap().is_empty());
    for missing in 0..3 {
        let mut settings = settings("");
        let payos = &mut settings.payos;
        let keys = [
            &mut payos.client_id,
            &mut payos.api_key,
            &mut payos.checksum_key,
        ];
        *keys.into_iter().nth(missing).unwrap() = Some(Secret::new(" "));
        assert!(tellers(&settings).unwrap().is_empty());
    }
    let mut unusable = settings("");
    unusable.payos.api_key = Some(Secret::new("two\nlines"));
    assert!(tellers(&unusable).is_err());
}

#[test]
fn references_are_large_integers_that_javascript_can_hold() {
    let teller = teller_of(&settings(""));
    let largest = 9_007_199_254_740_991;
    for (chance, reference) in [
        (0, 1_i64 << 52),
        (u64::MAX, largest),
        (1 << 12, (1 << 52) + 1),
    ] {
        assert_eq!(teller.reserve(chance), Some(reference.to_string()));
    }
}

#[test]
fn only_dong_within_the_limits_can_be_paid_here() {
    let teller = teller_of(&settings(""));
    for (dong, accepted) in [
        (-1, false),
        (0, false),
        (1_999, false),
        (2_000, true),
        (499_999_999, true),
        (500_000_000, false),
    ] {
        assert_eq!(teller.accepts(Money::vnd(dong)).is_ok(), accepted, "{dong}");
    }
    let dollars = Money {
        minor: 5_000,
        currency: Currency::Usd,
    };
    assert_eq!(teller.accepts(dollars), Err("currency_not_payable"));
}

#[tokio::test]
async fn a_link_is_asked_for_with_the_known_signature_and_nothing_about_the_buyer() {
    let (fake, teller) = payos().await;
    assert_eq!(teller.open(&intent("BSR7K2Q9")).await, Ok(opened()));
    let asked = json!({
        "orderCode": 123_456, "amount": 50_000, "description": "BSR7K2Q9", "signature": SIGNATURE,
        "cancelUrl": "https://e.x/c", "returnUrl": "https://e.x/r", "expiredAt": 1_704_795_621,
    });
    assert_eq!(
        fake.requests(),
        [("/v2/payment-requests".to_owned(), asked)]
    );
}

#[tokio::test]
async fn a_second_call_finds_the_link_of_the_first() {
    let (fake, teller) = payos().await;
    for _ in 0..3 {
        assert_eq!(teller.open(&intent("DHK7M2QX9A")).await, Ok(opened()));
    }
    assert_eq!(fake.links(), 1);
}

#[tokio::test]
async fn a_link_whose_answer_was_lost_is_found_again() {
    let (fake, teller) = payos().await;
    fake.mood(Mood {
        loses_answer: Some(502),
        ..Mood::default()
    });
    let lost = teller.open(&intent("DHK7M2QX9A")).await;
    assert!(matches!(lost, Err(Fault::Unknown { .. })), "{lost:?}");
    fake.mood(Mood::default());
    assert_eq!(teller.open(&intent("DHK7M2QX9A")).await, Ok(opened()));
    assert_eq!(fake.links(), 1);
}

#[tokio::test]
async fn a_link_of_somebody_elses_amount_is_not_taken_for_ours() {
    let (_fake, teller) = payos().await;
    teller.open(&intent("DHK7M2QX9A")).await.unwrap();
    let other = Intent {
        amount: Money::vnd(60_000),
        ..intent("DHK7M2QX9A")
    };
    let fault = teller.open(&other).await.unwrap_err();
    assert!(matches!(fault, Fault::MappingBroken { .. }), "{fault:?}");
}

#[tokio::test]
async fn a_bank_that_takes_nine_characters_gets_the_end_of_the_code() {
    let (fake, teller) = payos().await;
    fake.mood(Mood {
        is_unlinked: true,
        ..Mood::default()
    });
    assert_eq!(teller.open(&intent("SHOPSK7M2QX9A")).await, Ok(opened()));
    let sent: Vec<_> = fake
        .requests()
        .into_iter()
        .map(|(_, body)| body["description"].clone())
        .collect();
    assert_eq!(sent, [json!("SHOPSK7M2QX9A"), json!("SK7M2QX9A")]);
}

#[tokio::test]
async fn a_look_tells_every_transfer_and_how_the_link_stands() {
    let (fake, teller) = payos().await;
    teller.open(&intent("DHK7M2QX9A")).await.unwrap();
    let fresh = teller.look(ORDER_CODE).await.unwrap();
    assert_eq!(
        told(&fresh.facts.unwrap()),
        (vec![], Some(CheckoutState::Open))
    );
    fake.pay(ORDER_CODE, 20_000);
    let short = teller.look(ORDER_CODE).await.unwrap();
    assert_eq!(
        told(&short.facts.unwrap()),
        (vec![20_000], Some(CheckoutState::Open))
    );
    fake.pay(ORDER_CODE, 30_000);
    let paid = teller.look(ORDER_CODE).await.unwrap();
    let expected = (vec![20_000, 30_000], Some(CheckoutState::Complete));
    assert_eq!(told(paid.facts.as_ref().unwrap()), expected);
    assert_ne!(fresh.key, short.key);
    assert_ne!(short.key, paid.key);
    assert_eq!(teller.look(ORDER_CODE).await.unwrap().key, paid.key);
    let gateways = Gateways::new(&settings(""));
    let gateway = gateways.get(payos::NAME).unwrap();
    assert_eq!(
        gateway.read(&paid.body),
        paid.facts,
        "a task can read it again"
    );
    assert_eq!(gateway.event_key(&paid.body), paid.key);
}

#[tokio::test]
async fn nobody_can_pay_at_a_link_that_was_never_made() {
    let (_fake, teller) = payos().await;
    for report in [
        teller.look(ORDER_CODE).await,
        teller.close(ORDER_CODE).await,
    ] {
        let report = report.unwrap();
        let gateways = Gateways::new(&settings(""));
        let read = gateways.get(payos::NAME).unwrap().read(&report.body);
        assert_eq!(read, report.facts, "a task can read it again");
        let expired = (vec![], Some(CheckoutState::Expired));
        assert_eq!(told(&report.facts.unwrap()), expired);
    }
}

#[tokio::test]
async fn closing_ends_a_link_and_is_harmless_again() {
    let (_fake, teller) = payos().await;
    teller.open(&intent("DHK7M2QX9A")).await.unwrap();
    for _ in 0..2 {
        let report = teller.close(ORDER_CODE).await.unwrap();
        assert_eq!(
            told(&report.facts.unwrap()),
            (vec![], Some(CheckoutState::Expired))
        );
    }
}

#[tokio::test]
async fn closing_a_link_that_was_paid_meanwhile_brings_the_money() {
    let (fake, teller) = payos().await;
    teller.open(&intent("DHK7M2QX9A")).await.unwrap();
    fake.pay(ORDER_CODE, 50_000);
    let report = teller.close(ORDER_CODE).await.unwrap();
    let expected = (vec![50_000], Some(CheckoutState::Complete));
    assert_eq!(told(&report.facts.unwrap()), expected);
}

#[tokio::test]
async fn a_link_that_stays_open_is_never_called_closed() {
    let (fake, teller) = payos().await;
    teller.open(&intent("DHK7M2QX9A")).await.unwrap();
    fake.set_status(ORDER_CODE, "PROCESSING");
    let fault = teller.close(ORDER_CODE).await.unwrap_err();
    assert!(matches!(fault, Fault::Transient { .. }), "{fault:?}");
    fake.set_status(ORDER_CODE, "PENDING");
    fake.mood(Mood {
        loses_answer: Some(502),
        ..Mood::default()
    });
    let fault = teller.close(ORDER_CODE).await.unwrap_err();
    assert!(matches!(fault, Fault::Unknown { .. }), "{fault:?}");
}

#[tokio::test]
async fn each_way_of_failing_has_its_name_when_reading_and_when_writing() {
    let (fake, teller) = payos().await;
    let answer = |code: &str| json!({ "code": code, "desc": "Lỗi", "data": null }).to_string();
    for (status, body, reading, writing) in [
        (200, answer("214"), "broken", "broken"),
        (200, answer("401"), "broken", "broken"),
        (401, answer("x"), "broken", "broken"),
        (200, answer("201"), "broken", "broken"),
        (200, answer("429"), "transient", "transient"),
        (429, String::new(), "transient", "transient"),
        (500, answer("00"), "transient", "unknown"),
        (503, "<html>".to_owned(), "transient", "unknown"),
        (200, "<html>".to_owned(), "transient", "unknown"),
        (200, answer("00"), "transient", "unknown"),
        (200, answer(""), "transient", "unknown"),
        (404, "<html>".to_owned(), "broken", "broken"),
        (301, String::new(), "broken", "broken"),
        (200, answer("999"), "mapping", "mapping"),
        (400, answer("20"), "mapping", "mapping"),
    ] {
        fake.mood(Mood {
            says: Some((status, body.clone())),
            ..Mood::default()
        });
        let read = teller.look(ORDER_CODE).await.unwrap_err();
        let write = teller.open(&intent("DHK7M2QX9A")).await.unwrap_err();
        let named = (name(&read), name(&write));
        assert_eq!(named, (reading, writing), "{status} {body}: {read} {write}");
        assert!(read.to_string().contains("payOS") || read.to_string().contains("checksum_key"));
    }
}

fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Transient { .. } => "transient",
        Fault::ConnectionBroken { .. } => "broken",
        Fault::MappingBroken { .. } => "mapping",
        Fault::Unknown { .. } => "unknown",
        Fault::LearnerProblem { .. } => "learner",
    }
}

#[tokio::test]
async fn an_answer_signed_with_another_key_is_not_believed() {
    let (fake, teller) = payos().await;
    teller.open(&intent("DHK7M2QX9A")).await.unwrap();
    fake.pay(ORDER_CODE, 50_000);
    fake.mood(Mood {
        signs_wrong: true,
        ..Mood::default()
    });
    let fault = teller.look(ORDER_CODE).await.unwrap_err();
    assert!(fault.to_string().contains("checksum_key"), "{fault}");
}

#[tokio::test]
async fn keys_are_in_no_sentence() {
    let (fake, teller) = payos().await;
    let desc = format!(
        "{} and {} and {}",
        super::CLIENT_ID,
        super::API_KEY,
        super::CHECKSUM_KEY
    );
    let body = json!({ "code": "999", "desc": desc, "data": null }).to_string();
    fake.mood(Mood {
        says: Some((200, body)),
        ..Mood::default()
    });
    let said = teller.look(ORDER_CODE).await.unwrap_err().to_string();
    assert!(said.contains("*** and *** and ***"), "{said}");
}

#[tokio::test]
async fn a_server_that_is_away_is_a_passing_fault() {
    let (fake, teller) = payos().await;
    drop(fake);
    let fault = teller.look(ORDER_CODE).await.unwrap_err();
    assert_eq!(name(&fault), "transient");
}

#[tokio::test]
async fn inspecting_finds_wrong_keys_and_registers_nothing() {
    let (fake, teller) = payos().await;
    let findings = teller.inspect("https://shop.example").await.unwrap();
    assert!(findings.len() == 1 && findings[0].sound, "{findings:?}");
    assert_eq!(fake.requests().len(), 1, "no address was registered");
    let local = teller
        .register("http://127.0.0.1:8080")
        .await
        .unwrap()
        .unwrap();
    assert!(!local.sound, "{}", local.what);
    assert_eq!(fake.requests().len(), 1, "payOS could not reach it");
    let mut wrong = settings(&fake.url);
    wrong.payos.api_key = Some(Secret::new("another key"));
    let fault = teller_of(&wrong)
        .inspect("https://shop.example")
        .await
        .unwrap_err();
    assert_eq!(name(&fault), "broken");
}
