//! What payOS posts: proven by the signature in the body, and read as transfers.

use bursar::clock::Timestamp;
use bursar::config::{Payments, Payos, Secret};
use bursar::connectors::gateways::{Gateways, Message, NotAuthentic, payos};
use bursar::fact::{CheckoutFact, CheckoutState, Direction, Fact, OrderName, TransferFact};
use bursar::money::Money;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{DOCUMENTED, LINK_PAID, LINK_PENDING, PAID, settings};

/// 2024-01-09T10:20:21Z, which is 17:20:21 in Vietnam.
const BOOKED: Timestamp = Timestamp(1_704_795_621_000);

fn gateways() -> Gateways {
    Gateways::new(&settings(""))
}

fn verify(gateways: &Gateways, body: &str) -> Result<Option<String>, &'static str> {
    let message = Message {
        header: &|_| None,
        body: body.as_bytes(),
        received_at: BOOKED,
    };
    let verdict = gateways.get(payos::NAME).unwrap().verify(&message);
    verdict
        .map(|authentic| authentic.note)
        .map_err(|NotAuthentic(why)| why)
}

fn read(body: &str) -> Vec<Fact> {
    let gateways = gateways();
    let payos = gateways.get(payos::NAME).unwrap();
    payos.read(body.as_bytes()).unwrap()
}

fn fault(body: &str) -> String {
    let gateways = gateways();
    let payos = gateways.get(payos::NAME).unwrap();
    payos.read(body.as_bytes()).unwrap_err().0
}

fn event_key(body: &str) -> String {
    let gateways = gateways();
    gateways
        .get(payos::NAME)
        .unwrap()
        .event_key(body.as_bytes())
}

fn transfer(body: &str) -> TransferFact {
    match read(body).as_slice() {
        [Fact::Transfer(transfer)] => transfer.clone(),
        other => panic!("one transfer, not {other:?}"),
    }
}

fn data(body: &str) -> Map<String, Value> {
    let body: Value = serde_json::from_str(body).unwrap();
    body["data"].as_object().unwrap().clone()
}

/// A webhook with this data, rightly signed.
fn signed(data: &Map<String, Value>) -> String {
    let key = Secret::new(super::CHECKSUM_KEY);
    let signature = payos::sign(&key, data);
    json!({ "code": "00", "desc": "success", "success": true, "data": data, "signature": signature })
        .to_string()
}

/// The paid webhook with one field of its data changed, and signed anew.
fn with(field: &str, value: Value) -> String {
    let mut data = data(PAID);
    data.insert(field.to_owned(), value);
    signed(&data)
}

fn without(field: &str) -> String {
    let mut data = data(PAID);
    data.remove(field).unwrap();
    signed(&data)
}

#[test]
fn what_the_vendors_own_library_signed_is_authentic() {
    for body in [DOCUMENTED, PAID, LINK_PAID, LINK_PENDING] {
        assert_eq!(verify(&gateways(), body), Ok(None), "{body}");
    }
}

#[test]
fn we_sign_as_the_vendors_own_library_does() {
    let key = Secret::new(super::CHECKSUM_KEY);
    for body in [DOCUMENTED, PAID, LINK_PAID, LINK_PENDING] {
        let whole: Value = serde_json::from_str(body).unwrap();
        assert_eq!(payos::sign(&key, &data(body)), whole["signature"], "{body}");
    }
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    let gateways = gateways();
    for (from, to) in [
        ("599000", "999000"),
        ("\"V3CAS0123499999\"", "null"),
        (
            "\"code\": \"00\",\n    \"desc\"",
            "\"more\": 1, \"code\": \"00\",\n    \"desc\"",
        ),
    ] {
        let changed = PAID.replace(from, to);
        assert_ne!(changed, PAID, "{from}");
        assert_eq!(verify(&gateways, &changed), Err("the signature is wrong"));
    }
    let changed = LINK_PAID.replace("FT24009614024000", "FT24009614024001");
    assert_eq!(verify(&gateways, &changed), Err("the signature is wrong"));
}

#[test]
fn a_message_without_whole_proof_is_refused() {
    let gateways = gateways();
    for (field, value) in [
        ("signature", Value::Null),
        ("signature", json!("")),
        ("data", Value::Null),
    ] {
        let mut body: Value = serde_json::from_str(PAID).unwrap();
        body[field] = value;
        let verdict = verify(&gateways, &body.to_string());
        assert_eq!(verdict, Err("the body carries no signed data"), "{field}");
    }
    for signature in ["zz", "00", "6a06f7dc8e455ebf4188339dd39422d1"] {
        let mut body: Value = serde_json::from_str(PAID).unwrap();
        body["signature"] = json!(signature);
        let verdict = verify(&gateways, &body.to_string());
        assert_eq!(verdict, Err("the signature is wrong"), "{signature}");
    }
    for body in ["", "[]", "null", "{", "{\"data\":[]}", "id=1&amount=2"] {
        assert_eq!(
            verify(&gateways, body),
            Err("the body is not payOS's"),
            "{body}"
        );
    }
}

#[test]
fn without_a_key_nothing_is_authentic() {
    for checksum_key in [None, Some(""), Some("  ")] {
        let payos = Payos {
            checksum_key: checksum_key.map(Secret::new),
            ..Payos::default()
        };
        let gateways = Gateways::new(&Payments {
            payos,
            ..Payments::default()
        });
        let verdict = verify(&gateways, PAID);
        assert_eq!(verdict, Err("no payOS checksum key is configured"));
    }
}

#[test]
fn a_webhook_is_one_transfer_for_the_order_that_its_link_was_made_for() {
    let expected = TransferFact {
        gateway: "payos".to_owned(),
        provider_id: "ac7eef1937a041749078b793840dbd79:FT24009614024000".to_owned(),
        natural_key: Some("0123499999|in|599000|FT24009614024000|2024-01-09 17:20:21".to_owned()),
        account: "0123499999".to_owned(),
        sub_account: Some("V3CAS0123499999".to_owned()),
        direction: Direction::In,
        amount: Money::vnd(599_000),
        reference: "FT24009614024000".to_owned(),
        order: Some(OrderName::Checkout("6755399441055744".to_owned())),
        memos: vec!["CSDHR4N2P DHK7M2QX9A".to_owned()],
        booked_at: Some(BOOKED),
    };
    assert_eq!(transfer(PAID), expected);
    let key = "ac7eef1937a041749078b793840dbd79:FT24009614024000:00";
    assert_eq!(event_key(PAID), key);
}

#[test]
fn a_look_at_the_link_tells_of_the_very_same_transfer_and_of_the_checkout() {
    let checkout = |state| {
        Fact::Checkout(CheckoutFact {
            gateway: "payos".to_owned(),
            reference: "6755399441055744".to_owned(),
            payment: None,
            state,
        })
    };
    let paid = [
        Fact::Transfer(transfer(PAID)),
        checkout(CheckoutState::Complete),
    ];
    assert_eq!(read(LINK_PAID), paid);
    assert_eq!(read(LINK_PENDING), [checkout(CheckoutState::Open)]);
}

#[test]
fn every_state_of_a_link_has_its_meaning_and_an_unknown_one_has_none() {
    for (word, state) in [
        ("PENDING", Some(CheckoutState::Open)),
        ("PROCESSING", Some(CheckoutState::Open)),
        ("UNDERPAID", Some(CheckoutState::Open)),
        ("PAID", Some(CheckoutState::Complete)),
        ("CANCELLED", Some(CheckoutState::Expired)),
        ("EXPIRED", Some(CheckoutState::Expired)),
        ("FAILED", Some(CheckoutState::Failed)),
        ("PONDERING", None),
    ] {
        let body = LINK_PENDING.replace("PENDING", word);
        let found = read(&body).into_iter().map(|fact| match fact {
            Fact::Checkout(checkout) => checkout.state,
            other => panic!("{other:?}"),
        });
        assert_eq!(found.collect::<Vec<_>>(), Vec::from_iter(state), "{word}");
    }
}

#[test]
fn the_message_that_tries_our_address_is_authentic_and_changes_nothing() {
    assert_eq!(verify(&gateways(), DOCUMENTED), Ok(None));
    assert_eq!(read(DOCUMENTED), []);
    assert_eq!(
        read(&DOCUMENTED.replace("VQRIO123", "Ma giao dich thu nghiem")),
        []
    );
}

#[test]
fn a_payer_cannot_make_money_vanish_with_the_memo_of_a_trial() {
    for memo in ["VQRIO123", "Ma giao dich thu nghiem"] {
        let transfer = transfer(&with("description", json!(memo)));
        assert_eq!(transfer.amount, Money::vnd(599_000), "{memo}");
    }
    let amount = transfer(&DOCUMENTED.replace("VQRIO123", "DHK7M2QX9A")).amount;
    assert_eq!(
        amount,
        Money::vnd(3_000),
        "a payment of another site on the channel"
    );
}

#[test]
fn a_transfer_that_failed_moved_no_money_and_does_not_hide_the_one_that_worked() {
    let failed = with("code", json!("99"));
    assert_eq!(read(&failed), []);
    assert_ne!(event_key(&failed), event_key(PAID));
}

#[test]
fn only_what_is_signed_counts() {
    let mut body: Value = serde_json::from_str(PAID).unwrap();
    body["code"] = json!("77");
    body["success"] = json!(false);
    let body = body.to_string();
    assert_eq!(verify(&gateways(), &body), Ok(None));
    assert_eq!(transfer(&body), transfer(PAID));
}

#[test]
fn a_reference_of_payos_own_making_joins_nothing() {
    let transfer = transfer(&with("reference", json!("TF240109172021")));
    assert_eq!(transfer.natural_key, None);
    let id = "ac7eef1937a041749078b793840dbd79:TF240109172021";
    assert_eq!(transfer.provider_id, id);
    for of_a_bank in [
        "TF24010917202",
        "TF2401091720210",
        "TF24010917202A",
        "FT240109172021",
    ] {
        let body = with("reference", json!(of_a_bank));
        assert!(self::transfer(&body).natural_key.is_some(), "{of_a_bank}");
    }
}

#[test]
fn a_transfer_without_reference_or_time_is_kept_and_joins_nothing() {
    let nameless = transfer(&with("reference", json!("")));
    assert_eq!(nameless.natural_key, None);
    let id = "ac7eef1937a041749078b793840dbd79:599000@2024-01-09 17:20:21";
    assert_eq!(nameless.provider_id, id);
    assert!(event_key(&with("reference", Value::Null)).starts_with("sha256:"));
    for time in [json!(null), json!("09/01/2024"), json!(1_704_795_621)] {
        let transfer = transfer(&with("transactionDateTime", time));
        assert_eq!((transfer.natural_key, transfer.booked_at), (None, None));
        assert_eq!(transfer.amount, Money::vnd(599_000));
    }
}

#[test]
fn numbers_may_come_as_text_and_what_is_none_is_named() {
    for amount in [json!(599_000), json!("599000"), json!(599_000.0)] {
        assert_eq!(
            transfer(&with("amount", amount)).amount,
            Money::vnd(599_000)
        );
    }
    for (field, value, said) in [
        ("amount", json!(-1), "amount is negative"),
        ("amount", json!(0.5), "amount is not a whole number"),
        ("amount", json!("1e6"), "amount is not a whole number"),
        (
            "amount",
            json!(10_000_000_000_001_i64),
            "amount is absurdly large",
        ),
        ("amount", json!(null), "amount is missing"),
        ("amount", json!([1]), "amount is neither text nor a number"),
        ("orderCode", json!("DH1"), "orderCode is not a whole number"),
        ("orderCode", json!(1e300), "orderCode is not a whole number"),
        ("currency", json!("USD"), "currency is not VND"),
        (
            "accountNumber",
            json!("01 23"),
            "accountNumber is not a name we can keep",
        ),
        ("reference", json!("F".repeat(129)), "reference is too long"),
        (
            "description",
            json!({}),
            "description is neither text nor a number",
        ),
    ] {
        assert_eq!(fault(&with(field, value)), said);
    }
    for field in [
        "orderCode",
        "amount",
        "paymentLinkId",
        "accountNumber",
        "code",
    ] {
        assert_eq!(fault(&without(field)), format!("{field} is missing"));
    }
    assert_eq!(fault("{\"code\":\"00\"}"), "data is missing");
    assert!(fault("[]").starts_with("body is not a JSON object"));
}

#[test]
fn numbers_and_lists_are_signed_as_javascript_writes_them() {
    let key = Secret::new("k");
    let data = |json: &str| serde_json::from_str::<Map<String, Value>>(json).unwrap();
    for (one, same) in [
        (r#"{"a":3000.0}"#, r#"{"a":3000}"#),
        (r#"{"b":1,"a":null}"#, r#"{"a":"undefined","b":"1"}"#),
        (
            r#"{"a":[{"y":1.0,"x":"é"}]}"#,
            r#"{"a":"[{\"x\":\"é\",\"y\":1}]"}"#,
        ),
        (r#"{"a":true}"#, r#"{"a":"true"}"#),
    ] {
        let [one, same] = [one, same].map(|text| payos::sign(&key, &data(text)));
        assert_eq!(one, same);
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_crash(body in prop::collection::vec(any::<u8>(), 0..300), field in 0..8_usize, value in ".{0,40}") {
        let gateways = gateways();
        let payos = gateways.get(payos::NAME).unwrap();
        prop_assert!(payos.read(&body).is_err());
        let name = ["orderCode", "amount", "description", "accountNumber", "reference",
            "transactionDateTime", "paymentLinkId", "code"][field];
        let text = with(name, json!(value));
        let _ = payos.read(text.as_bytes());
        prop_assert!(!payos.event_key(text.as_bytes()).is_empty());
        prop_assert_eq!(verify(&gateways, &text), Ok(None));
    }
}
