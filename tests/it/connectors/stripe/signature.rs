//! `Stripe-Signature`. The vectors were made by the vendor's own libraries.

use bursar::connectors::gateways::stripe::sign;
use bursar::connectors::gateways::{Message, NotAuthentic};

use super::*;

const SECRET: &str = "whsec_bursar_test_secret";
const AT: i64 = 1_700_000_000;

const S1: &str = r#"{"id":"evt_test_1","object":"event","type":"checkout.session.completed","created":1700000000,"data":{"object":{"id":"cs_test_1","object":"checkout.session","client_reference_id":"ord_1","payment_status":"paid","amount_total":499000,"currency":"vnd"}}}"#;
const S2: &str = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
const S3: &str = r#"{"name":"Khoá học Rust – nâng cao"}"#;
const VECTORS: [(&str, &str); 3] = [
    (
        S1,
        "62e12ea6840552f0f61c0f53eee2c66a9da99ed3475cc9728c8e29119913217a",
    ),
    (
        S2,
        "648039dc481a91e761c7c0939f1b96afaba2a5f70f0cdcb68265b340fd8542db",
    ),
    (
        S3,
        "fde9236ea863af8fba11ffe59404d78dcab0d692119d064fbd91a433b9df195f",
    ),
];

type Outcome = Result<Option<String>, &'static str>;

fn verify(secrets: &config::Stripe, header: Option<&str>, body: &str, at: i64) -> Outcome {
    let gateways = gateways(secrets);
    let header = |name: &str| {
        let right = name == "stripe-signature";
        header.filter(|_| right).map(str::to_owned)
    };
    let message = Message {
        header: &header,
        body: body.as_bytes(),
        received_at: Timestamp(at * 1000),
    };
    let verdict = gateways.get(NAME).unwrap().verify(&message);
    verdict
        .map(|authentic| authentic.note)
        .map_err(|NotAuthentic(why)| why)
}

fn one_secret() -> config::Stripe {
    config::Stripe {
        webhook_secret: Some(Secret::new(SECRET)),
        ..config::Stripe::default()
    }
}

fn presented(header: &str, body: &str, at: i64) -> Outcome {
    verify(&one_secret(), Some(header), body, at)
}

fn right(place: usize) -> String {
    format!("t={AT},v1={}", VECTORS[place].1)
}

#[test]
fn the_vendors_vectors_are_what_we_sign_and_what_we_accept() {
    for (place, (body, _)) in VECTORS.iter().enumerate() {
        let signed = sign(&Secret::new(SECRET), AT, body.as_bytes());
        assert_eq!(signed, right(place));
        assert_eq!(presented(&signed, body, AT + 100), Ok(None), "{body}");
    }
}

#[test]
fn a_signature_is_too_old_after_300_seconds_and_one_ahead_of_our_clock_is_noted() {
    let header = right(0);
    for (at, outcome) in [
        (AT + 300, Ok(None)),
        (AT + 301, Err("the signature is too old")),
        (AT + 86_400, Err("the signature is too old")),
        (AT - 300, Ok(None)),
        (
            AT - 301,
            Ok(Some("signature 301 s ahead of our clock".to_owned())),
        ),
    ] {
        assert_eq!(presented(&header, S1, at), outcome, "{at}");
    }
}

#[test]
fn any_right_signature_among_several_is_enough_and_other_schemes_do_not_count() {
    let digest = VECTORS[0].1;
    let wrong = "0".repeat(64);
    for header in [
        format!("t={AT},v1={wrong},v1={digest}"),
        format!("t={AT},v1={digest},v1={wrong}"),
        format!("v1={digest},t={AT}"),
        format!("t={AT}, v1={digest}"),
        format!("t={AT},v1=nohex,v0={wrong},v1={digest},v2=x"),
    ] {
        assert_eq!(presented(&header, S1, AT), Ok(None), "{header}");
    }
    let only_other = format!("t={AT},v0={digest}");
    assert_eq!(
        presented(&only_other, S1, AT),
        Err("there is no signature of the scheme v1")
    );
}

#[test]
fn a_changed_body_time_or_secret_is_refused() {
    let wrong = Err("the signature is wrong");
    let tampered = S1.replace("499000", "498000");
    assert_eq!(presented(&right(0), &tampered, AT), wrong);
    let later = right(0).replace("1700000000", "1700000001");
    assert_eq!(presented(&later, S1, AT), wrong);
    let zero = right(0).replace("t=1700000000", "t=01700000000");
    assert_eq!(presented(&zero, S1, AT), wrong);
    let other = sign(&Secret::new("bursar_test_secret"), AT, S1.as_bytes());
    assert_eq!(presented(&other, S1, AT), wrong, "whsec_ is a part of it");
    let cut = &right(0)[..right(0).len() - 2];
    assert_eq!(presented(cut, S1, AT), wrong);
}

#[test]
fn a_header_without_a_time_or_a_signature_is_refused() {
    let digest = VECTORS[0].1;
    for (header, why) in [
        (format!("v1={digest}"), "the signature has no time"),
        (format!("t={AT}"), "there is no signature of the scheme v1"),
        (format!("t=,v1={digest}"), "the signed time is not a number"),
        (
            format!("t=soon,v1={digest}"),
            "the signed time is not a number",
        ),
        (String::new(), "the signature has no time"),
        (digest.to_owned(), "the signature has no time"),
    ] {
        assert_eq!(presented(&header, S1, AT), Err(why), "{header}");
    }
    let none = verify(&one_secret(), None, S1, AT);
    assert_eq!(none, Err("there is no Stripe-Signature"));
}

#[test]
fn while_the_secret_is_changed_both_are_accepted() {
    let both = config::Stripe {
        webhook_secret: Some(Secret::new("whsec_new")),
        previous_webhook_secret: Some(Secret::new(SECRET)),
        ..config::Stripe::default()
    };
    for secret in ["whsec_new", SECRET] {
        let header = sign(&Secret::new(secret), AT, S3.as_bytes());
        assert_eq!(verify(&both, Some(&header), S3, AT), Ok(None), "{secret}");
    }
    let third = sign(&Secret::new("whsec_third"), AT, S3.as_bytes());
    assert_eq!(
        verify(&both, Some(&third), S3, AT),
        Err("the signature is wrong")
    );
}

#[test]
fn without_a_secret_nothing_is_accepted_not_even_what_an_empty_one_signed() {
    let empty = config::Stripe {
        webhook_secret: Some(Secret::new("")),
        previous_webhook_secret: Some(Secret::new("")),
        ..config::Stripe::default()
    };
    let header = sign(&Secret::new(""), AT, S1.as_bytes());
    for settings in [config::Stripe::default(), empty] {
        assert_eq!(
            verify(&settings, Some(&header), S1, AT),
            Err("no Stripe webhook secret is configured")
        );
    }
}
