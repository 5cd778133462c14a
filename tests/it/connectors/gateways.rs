//! The conformance suite of gateways, and what is particular to SePay.

use std::time::Duration;

use bursar::clock::Timestamp;
use bursar::config::{Payments, Secret, Sepay};
use bursar::connectors::gateways::{Gateways, Message, NotAuthentic, sepay};
use bursar::fact::{Direction, Fact, TransferFact};
use bursar::money::Money;
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "sepay_test_secret";
const SIGNED_AT: Timestamp = Timestamp(1_700_000_000_000);
const SIGNATURE: &str = "sha256=11872c7d295fab4ae4719ae29bab7f8beb40248e2e18987baebc8b6239efde3c";

const DOCUMENTED: &str = include_str!("../../fixtures/sepay/documented.json");
const SIGNED: &str = include_str!("../../fixtures/sepay/signed.json");
const OVERLOOKED: &str = include_str!("../../fixtures/sepay/tpbank_code_overlooked.json");
const VIRTUAL: &str = include_str!("../../fixtures/sepay/virtual_account_amount_as_text.json");
const OUTGOING: &str = include_str!("../../fixtures/sepay/outgoing.json");
const RECORDED: [&str; 5] = [DOCUMENTED, SIGNED, OVERLOOKED, VIRTUAL, OUTGOING];

fn gateway(api_key: Option<&str>, hmac_secret: Option<&str>) -> Gateways {
    Gateways::new(&Payments {
        sepay: Sepay {
            api_key: api_key.map(Secret::new),
            hmac_secret: hmac_secret.map(Secret::new),
            ..Sepay::default()
        },
        ..Payments::default()
    })
}

type Verdict = Result<Option<String>, &'static str>;

/// Deliver `SIGNED` with these headers at this moment.
fn deliver(gateways: &Gateways, headers: &[(&str, &str)], received_at: Timestamp) -> Verdict {
    deliver_body(gateways, headers, received_at, SIGNED)
}

fn deliver_body(
    gateways: &Gateways,
    headers: &[(&str, &str)],
    received_at: Timestamp,
    body: &str,
) -> Verdict {
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let message = Message {
        header: &header,
        body: body.as_bytes(),
        received_at,
    };
    let verdict = gateways.get("sepay").unwrap().verify(&message);
    verdict
        .map(|authentic| authentic.note)
        .map_err(|NotAuthentic(why)| why)
}

fn transfer(body: &str) -> TransferFact {
    let gateways = gateway(None, None);
    let mut facts = gateways
        .get(sepay::NAME)
        .unwrap()
        .read(body.as_bytes())
        .unwrap();
    let Some(Fact::Transfer(transfer)) = facts.pop() else {
        panic!("a transfer was reported")
    };
    assert_eq!(facts, []);
    transfer
}

fn fault(body: &str) -> String {
    let gateways = gateway(None, None);
    gateways
        .get(sepay::NAME)
        .unwrap()
        .read(body.as_bytes())
        .unwrap_err()
        .0
}

fn event_key(body: &str) -> String {
    let gateways = gateway(None, None);
    gateways
        .get(sepay::NAME)
        .unwrap()
        .event_key(body.as_bytes())
}

/// The documented body with one field set to another JSON value, as text so that any number can be written.
fn with(field: &str, value: &str) -> String {
    let mut body: serde_json::Map<String, Value> = serde_json::from_str(DOCUMENTED).unwrap();
    body.remove(field);
    let rest = Value::Object(body).to_string();
    format!("{{\"{field}\":{value},{}", &rest[1..])
}

fn without(field: &str) -> String {
    let mut body: serde_json::Map<String, Value> = serde_json::from_str(DOCUMENTED).unwrap();
    body.remove(field).unwrap();
    Value::Object(body).to_string()
}

#[test]
fn every_gateway_without_secrets_refuses_every_message() {
    for (api_key, hmac_secret) in [(None, None), (Some(""), Some(""))] {
        let gateways = gateway(api_key, hmac_secret);
        for gateway in gateways.iter() {
            let header = |_: &str| Some("Apikey ".to_owned());
            let message = Message {
                header: &header,
                body: b"{}",
                received_at: SIGNED_AT,
            };
            assert!(gateway.verify(&message).is_err(), "{}", gateway.name());
        }
        let empty = sepay::sign(&Secret::new(""), 1_700_000_000, SIGNED.as_bytes());
        let headers = [
            ("x-sepay-signature", empty.as_str()),
            ("x-sepay-timestamp", "1700000000"),
        ];
        assert_eq!(
            deliver(&gateways, &headers, SIGNED_AT),
            Err("no SePay secret is configured")
        );
    }
    assert!(gateway(None, None).get("paypal").is_none());
}

#[test]
fn every_recorded_body_of_every_gateway_is_understood_and_named_by_its_id() {
    for body in RECORDED {
        let transfer = transfer(body);
        assert_eq!(transfer.gateway, "sepay");
        assert_eq!(event_key(body), transfer.provider_id);
    }
}

#[test]
fn the_right_api_key_is_accepted_whatever_the_case_of_its_scheme() {
    let gateways = gateway(Some("abc123DEF456"), None);
    for right in [
        "Apikey abc123DEF456",
        "apikey abc123DEF456",
        "APIKEY  abc123DEF456 ",
    ] {
        assert_eq!(
            deliver(&gateways, &[("authorization", right)], SIGNED_AT),
            Ok(None)
        );
    }
    for wrong in [
        "Apikey abc123def456",
        "Apikey abc123DEF45",
        "Apikey abc123DEF4567",
        "Apikey ",
    ] {
        assert!(
            deliver(&gateways, &[("authorization", wrong)], SIGNED_AT).is_err(),
            "{wrong}"
        );
    }
    for other in [
        "Bearer abc123DEF456",
        "abc123DEF456",
        "Apikeyabc123DEF456",
        "",
    ] {
        let verdict = deliver(&gateways, &[("authorization", other)], SIGNED_AT);
        assert_eq!(
            verdict,
            Err("no credential of a configured kind"),
            "{other}"
        );
    }
    assert_eq!(
        deliver(&gateways, &[], SIGNED_AT),
        Err("no credential of a configured kind")
    );
}

#[test]
fn the_known_signature_is_what_we_sign_and_what_we_accept() {
    let signature = sepay::sign(&Secret::new(SECRET), 1_700_000_000, SIGNED.as_bytes());
    assert_eq!(signature, SIGNATURE);
    let headers = [
        ("x-sepay-signature", SIGNATURE),
        ("x-sepay-timestamp", "1700000000"),
    ];
    assert_eq!(
        deliver(&gateway(None, Some(SECRET)), &headers, SIGNED_AT),
        Ok(None)
    );
}

#[test]
fn a_signature_over_anything_else_is_refused() {
    let gateways = gateway(None, Some(SECRET));
    let body_alone = sepay::sign(
        &Secret::new("other secret"),
        1_700_000_000,
        SIGNED.as_bytes(),
    );
    let upper = SIGNATURE.to_uppercase();
    for (signature, timestamp) in [
        (SIGNATURE, "1700000001"),
        (SIGNATURE, ""),
        (SIGNATURE, " 1700000000"),
        (&SIGNATURE[7..], "1700000000"),
        (&SIGNATURE[..69], "1700000000"),
        (&upper, "1700000000"),
        ("sha256=", "1700000000"),
        ("sha256=zz", "1700000000"),
        (&body_alone, "1700000000"),
    ] {
        let headers = [
            ("x-sepay-signature", signature),
            ("x-sepay-timestamp", timestamp),
        ];
        let verdict = deliver(&gateways, &headers, SIGNED_AT);
        assert_eq!(
            verdict,
            Err("the signature is wrong"),
            "{signature} {timestamp}"
        );
    }
    let headers = [
        ("x-sepay-signature", SIGNATURE),
        ("x-sepay-timestamp", "1700000000"),
    ];
    let tampered = SIGNED.replace("2277000", "9277000");
    assert!(deliver_body(&gateways, &headers, SIGNED_AT, &tampered).is_err());
}

#[test]
fn a_right_signature_with_an_old_time_is_accepted_and_noted() {
    let gateways = gateway(None, Some(SECRET));
    let headers = [
        ("x-sepay-signature", SIGNATURE),
        ("x-sepay-timestamp", "1700000000"),
    ];
    for (after, note) in [
        (300, None),
        (301, Some("signature 301 s old")),
        (259_200, Some("signature 259200 s old")),
    ] {
        let received_at = SIGNED_AT.plus(Duration::from_secs(after));
        assert_eq!(
            deliver(&gateways, &headers, received_at),
            Ok(note.map(str::to_owned))
        );
    }
    let early = SIGNED_AT.minus(Duration::from_secs(500));
    let note = "signature 500 s ahead of our clock".to_owned();
    assert_eq!(deliver(&gateways, &headers, early), Ok(Some(note)));
}

#[test]
fn with_both_secrets_either_proof_is_enough() {
    let gateways = gateway(Some("abc123DEF456"), Some(SECRET));
    let key = ("authorization", "Apikey abc123DEF456");
    let wrong_key = ("authorization", "Apikey wrong");
    let time = ("x-sepay-timestamp", "1700000000");
    let signature = ("x-sepay-signature", SIGNATURE);
    assert_eq!(deliver(&gateways, &[key], SIGNED_AT), Ok(None));
    assert_eq!(deliver(&gateways, &[signature, time], SIGNED_AT), Ok(None));
    assert_eq!(
        deliver(&gateways, &[wrong_key, signature, time], SIGNED_AT),
        Ok(None)
    );
    assert_eq!(
        deliver(&gateways, &[wrong_key], SIGNED_AT),
        Err("the API key is wrong")
    );
    assert!(
        deliver(
            &gateways,
            &[wrong_key, ("x-sepay-signature", "sha256=00"), time],
            SIGNED_AT
        )
        .is_err()
    );
}

#[test]
fn the_documented_body_is_read_field_by_field() {
    let expected = TransferFact {
        gateway: "sepay".to_owned(),
        provider_id: "92704".to_owned(),
        natural_key: Some("0123499999|in|2277000|MBVCB.3278907687|2023-03-25 14:02:37".to_owned()),
        account: "0123499999".to_owned(),
        sub_account: None,
        direction: Direction::In,
        amount: Money::vnd(2_277_000),
        reference: "MBVCB.3278907687".to_owned(),
        order: None,
        memos: vec!["chuyen tien mua iphone".to_owned()],
        // 14:02:37 in Vietnam is 07:02:37 in Greenwich.
        booked_at: Some(Timestamp(1_679_727_757_000)),
    };
    assert_eq!(transfer(DOCUMENTED), expected);
}

#[test]
fn memos_are_the_code_then_the_memo_then_the_notification() {
    let memos = transfer(VIRTUAL).memos;
    assert_eq!(memos[0], "DH952915");
    assert!(memos[1].starts_with("103968932085-DH952915"));
    assert!(memos[2].starts_with("BankAPINotify Qaetep9929"));
    assert_eq!(transfer(OVERLOOKED).memos.len(), 2);
}

#[test]
fn a_virtual_account_and_a_large_id_as_text_are_kept_as_they_are() {
    let transfer = transfer(VIRTUAL);
    assert_eq!(transfer.account, "0011000123456");
    assert_eq!(transfer.sub_account.as_deref(), Some("96247SEPAYVA01"));
    assert_eq!(transfer.provider_id, "18446744073709551999");
    assert_eq!(transfer.amount, Money::vnd(25_990_000));
    assert_eq!(transfer.natural_key, None, "it has no bank reference");
}

#[test]
fn money_that_left_is_a_fact_too() {
    let transfer = transfer(OUTGOING);
    assert_eq!(transfer.direction, Direction::Out);
    assert_eq!(transfer.amount, Money::vnd(150_000));
    assert_eq!(
        self::transfer(&with("transferType", "\" IN \"")).direction,
        Direction::In
    );
}

#[test]
fn amounts_come_as_numbers_or_text_with_or_without_a_zero_fraction() {
    for (written, dong) in [
        ("0", 0),
        ("2277000", 2_277_000),
        ("2277000.0", 2_277_000),
        ("2.277e6", 2_277_000),
        ("2277E3", 2_277_000),
        ("\"25990000.00\"", 25_990_000),
        ("\" 25990000 \"", 25_990_000),
        ("\"0025\"", 25),
        ("10000000000000", 10_000_000_000_000),
    ] {
        assert_eq!(
            transfer(&with("transferAmount", written)).amount,
            Money::vnd(dong),
            "{written}"
        );
    }
}

#[test]
fn an_amount_that_is_no_money_is_named_and_said_why() {
    for (written, why) in [
        ("-1", "is negative"),
        ("\"-2277000.00\"", "is negative"),
        ("2277000.5", "has a fraction"),
        ("\"0.01\"", "has a fraction"),
        ("1e-3", "has a fraction"),
        ("10000000000001", "is absurdly large"),
        ("99999999999999999999999999", "is absurdly large"),
        ("1e300", "is absurdly large"),
        ("1e999", "is absurdly large"),
        ("\"NaN\"", "is not a number"),
        ("\"1e\"", "is not a number"),
        ("\"infe\"", "is not a number"),
        ("\"2,277,000\"", "is not a number"),
        ("\"2.277.000\"", "is not a number"),
        ("\"2277000 VND\"", "is not a number"),
        ("\"٢٢٧٧\"", "is not a number"),
        ("\".5\"", "is not a number"),
        ("\"\"", "is missing"),
        ("null", "is missing"),
        ("true", "is neither text nor a number"),
        ("[2277000]", "is neither text nor a number"),
    ] {
        let fault = fault(&with("transferAmount", written));
        assert!(
            fault.starts_with("transferAmount ") && fault.contains(why),
            "{written}: {fault}"
        );
    }
    assert_eq!(
        fault(&without("transferAmount")),
        "transferAmount is missing"
    );
}

#[test]
fn ids_keep_every_digit_and_are_the_same_as_number_and_as_text() {
    for (written, id) in [
        ("92704", "92704"),
        ("\"92704\"", "92704"),
        (
            "99999999999999999999999999999999",
            "99999999999999999999999999999999",
        ),
        ("\"a1b2-c3\"", "a1b2-c3"),
    ] {
        assert_eq!(transfer(&with("id", written)).provider_id, id);
        assert_eq!(event_key(&with("id", written)), id);
    }
}

#[test]
fn an_event_without_a_readable_id_is_named_by_the_digest_of_its_body() {
    for written in [
        "null",
        "\"\"",
        "-4",
        "1.5",
        "1e3",
        "{}",
        "\"two words\"",
        &format!("\"{}\"", "9".repeat(65)),
    ] {
        let body = with("id", written);
        assert!(fault(&body).starts_with("id "), "{written}");
        assert!(event_key(&body).starts_with("sha256:"), "{written}");
    }
    assert_eq!(
        event_key(""),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn the_id_names_an_event_whose_rest_cannot_be_understood() {
    assert_eq!(event_key(&with("transferAmount", "-1")), "92704");
}

#[test]
fn an_account_number_keeps_its_leading_zeros_and_may_come_as_a_number() {
    assert_eq!(transfer(DOCUMENTED).account, "0123499999");
    assert_eq!(
        transfer(&with("accountNumber", "19036299999999000111")).account,
        "19036299999999000111"
    );
    assert_eq!(
        transfer(&with("subAccount", "962470001"))
            .sub_account
            .as_deref(),
        Some("962470001")
    );
    assert_eq!(
        fault(&with("accountNumber", "1.9e13")),
        "accountNumber is not a whole number"
    );
    assert_eq!(fault(&without("accountNumber")), "accountNumber is missing");
}

#[test]
fn a_date_that_cannot_be_read_is_no_reason_to_lose_the_money() {
    for written in [
        "null",
        "\"\"",
        "\"25/03/2023 14:02\"",
        "\"2023-02-30 00:00:00\"",
        "\"2023-03-25\"",
        "0",
    ] {
        let transfer = transfer(&with("transactionDate", written));
        assert_eq!(
            (transfer.booked_at, transfer.natural_key),
            (None, None),
            "{written}"
        );
        assert_eq!(transfer.amount, Money::vnd(2_277_000));
    }
}

#[test]
fn fields_we_do_not_know_or_do_not_need_may_be_anything() {
    for field in ["brandNew", "gateway", "accumulated"] {
        for written in ["null", "-1.5e9", "\"x\"", "{\"a\":[1,{}]}"] {
            assert_eq!(transfer(&with(field, written)).provider_id, "92704");
        }
    }
}

#[test]
fn fields_of_the_wrong_kind_are_named() {
    for (field, written, said) in [
        (
            "transferType",
            "\"refund\"",
            "transferType is neither \"in\" nor \"out\"",
        ),
        ("transferType", "null", "transferType is missing"),
        ("content", "{}", "content is neither text nor a number"),
        (
            "referenceCode",
            "true",
            "referenceCode is neither text nor a number",
        ),
        (
            "description",
            r#""\ud800""#,
            "description is not readable text",
        ),
    ] {
        assert_eq!(fault(&with(field, written)), said);
    }
    assert_eq!(
        transfer(&with("content", "\"a\\u0000b\"")).memos,
        ["a b"],
        "PostgreSQL stores no NUL"
    );
    assert_eq!(transfer(&with("content", "123456")).memos, ["123456"]);
}

#[test]
fn a_web_form_is_refused_with_the_setting_that_mends_it() {
    let form = "id=92704&gateway=Vietcombank&transferType=in&transferAmount=2277000";
    let multipart =
        "--boundary\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n92704\r\n--boundary--";
    for body in [form, multipart] {
        assert!(fault(body).contains("set the webhook's content type to application/json"));
    }
}

#[test]
fn bodies_that_are_no_object_are_refused_as_such() {
    let nested = "[".repeat(100_000);
    for body in [
        "",
        " ",
        "null",
        "[]",
        "\"id\"",
        "{",
        "{\"id\":1,\"id\":2}",
        &nested,
    ] {
        assert!(
            fault(body).starts_with("body is not a JSON object"),
            "{body:.20}"
        );
    }
    assert_eq!(
        transfer(&format!("\u{feff}{DOCUMENTED}")).provider_id,
        "92704"
    );
    let gateways = gateway(None, None);
    let not_utf8 = gateways.get("sepay").unwrap().read(b"{\"id\":\"\xff\"}");
    assert!(not_utf8.is_err());
}

#[test]
fn the_sample_is_read_as_the_transfer_it_was_made_of() {
    let booked_at = Timestamp(1_679_727_757_000);
    let amount = Money::vnd(499_000);
    let sample = sepay::sample_webhook(7, "0123499999", amount, "DHABCDEFGH", booked_at);
    let transfer = transfer(&sample.to_string());
    assert_eq!(transfer.booked_at, Some(booked_at));
    assert_eq!(
        (transfer.amount, transfer.account.as_str()),
        (amount, "0123499999")
    );
    assert_eq!(transfer.memos, ["DHABCDEFGH", "BankAPINotify DHABCDEFGH"]);
    let keys = |text: &str| {
        let object: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
        object
            .into_iter()
            .map(|(key, _)| key)
            .collect::<Vec<String>>()
    };
    assert_eq!(
        keys(&sample.to_string()),
        keys(DOCUMENTED),
        "the same fields as the real one"
    );
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_crash(body in prop::collection::vec(any::<u8>(), 0..300), field in 0..12_usize, value in ".{0,40}") {
        let gateways = gateway(None, None);
        let sepay = gateways.get("sepay").unwrap();
        prop_assert!(sepay.read(&body).is_err());
        let name = ["id", "transactionDate", "accountNumber", "subAccount", "code", "content", "description",
            "transferType", "transferAmount", "referenceCode", "gateway", "accumulated"][field];
        let text = with(name, &json!(value).to_string());
        let _ = sepay.read(text.as_bytes());
        prop_assert!(!sepay.event_key(text.as_bytes()).is_empty());
    }
}
