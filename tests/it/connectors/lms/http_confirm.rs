//! A shop-made endpoint: errors inside a 200, no way to look.

use bursar::connectors::lms::fake::{Call, Canned, Mischief};
use serde_json::json;

use super::*;

async fn shop() -> (FakeLms, Arc<dyn Lms>) {
    let fake = FakeLms::start(FakeLmsOptions {
        shop_method: true,
        ..options()
    })
    .await
    .unwrap();
    fake.add_user("ada@example.com", true);
    let lms = connect_within(&endpoint(&fake.base_url()), Limits::default()).unwrap();
    (fake, lms)
}

async fn confirmed_with(way: Mischief) -> Result<Option<String>, Fault> {
    let (fake, mut lms) = shop().await;
    if matches!(way, Mischief::Hang | Mischief::HangAfterwards) {
        lms = impatient(&endpoint(&fake.base_url()));
    }
    fake.misbehave(Call::Confirm, [way]);
    lms.enrol(&ada(), COURSE, KEY).await
}

#[tokio::test]
async fn the_body_is_the_template_filled_and_nothing_of_the_buyers_becomes_structure() {
    let (fake, lms) = shop().await;
    let learner = Learner {
        email: "Ada@Example.com".to_owned(),
        name: "\"A\\da\", \"paid_status\": false, {{key}}".to_owned(),
    };
    lms.enrol(&learner, COURSE, KEY).await.unwrap();
    let sent = fake.requests().pop().unwrap();
    assert_eq!(
        sent.body.unwrap(),
        json!({"user_email": "ada@example.com", "course_id": COURSE, "paid_status": true,
            "payment_id": KEY, "note": format!("{} / {KEY}", learner.name)})
    );
}

#[tokio::test]
async fn a_200_with_a_refusal_inside_is_a_refusal_in_the_endpoints_words() {
    let (fake, lms) = shop().await;
    fake.remove_user("ada@example.com");
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken");
    assert!(fault.to_string().contains("User not found"), "{fault}");
}

#[tokio::test]
async fn the_already_predicate_is_success() {
    let (fake, lms) = shop().await;
    fake.add_enrolment("ada@example.com", COURSE);
    assert_eq!(lms.enrol(&ada(), COURSE, KEY).await, Ok(None));
    let conflict = Canned::json(
        409,
        &json!({"message": {"error": "ALREADY ENROLLED, thanks"}}),
    );
    assert_eq!(confirmed_with(Mischief::Answer(conflict)).await, Ok(None));
}

#[tokio::test]
async fn stock_frappe_has_no_such_method_and_that_breaks_the_connection() {
    let fake = site(Framework::V15).await;
    let mut connection = endpoint(&fake.base_url());
    let confirm = connection.confirm.as_mut().unwrap();
    confirm.auth = "token".to_owned();
    confirm.credential = Some(Secret::new(format!("{API_KEY}:{API_SECRET}")));
    let lms = connect_within(&connection, Limits::default()).unwrap();
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert!(fault.to_string().contains("no such method"), "{fault}");
    let lms = connect_within(&endpoint(&fake.base_url()), Limits::default()).unwrap();
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert!(
        fault.to_string().contains("credential"),
        "Bearer is refused: {fault}"
    );
}

#[tokio::test]
async fn every_answer_has_its_meaning() {
    let refusal = Canned::json(422, &json!({"error": "seats are sold out", "code": 7}));
    let wordless = Canned::json(200, &json!({"message": {"success": "true"}}));
    for (way, meaning, says) in [
        (Mischief::Hang, "unknown", "took too long"),
        (Mischief::HangAfterwards, "unknown", "took too long"),
        (Mischief::CutAnswer, "unknown", "no whole answer"),
        (Mischief::Oversized, "unknown", "longer"),
        (Mischief::ServerErrorPage, "unknown", "500"),
        (Mischief::ServerError, "unknown", "500"),
        (Mischief::WebPage, "unknown", "200"),
        (Mischief::Maintenance, "transient", "503"),
        (Mischief::Throttled(9), "transient", "429"),
        (Mischief::BadCredentials, "connection_broken", "credential"),
        (Mischief::Forbidden, "connection_broken", "credential"),
        (Mischief::WrongSite, "connection_broken", "404"),
        (
            Mischief::MissingMethod,
            "connection_broken",
            "no such method",
        ),
        (
            Mischief::Redirect("https://x.example/?k=1".to_owned()),
            "connection_broken",
            "https://x.example:",
        ),
        (
            Mischief::Refused("closed".to_owned()),
            "mapping_broken",
            "closed",
        ),
        (Mischief::Answer(refusal), "mapping_broken", "sold out"),
        (
            Mischief::Answer(wordless),
            "mapping_broken",
            "without words",
        ),
    ] {
        let fault = confirmed_with(way.clone()).await.unwrap_err();
        assert_eq!(kind(&fault), meaning, "{way:?}: {fault}");
        assert!(fault.to_string().contains(says), "{way:?}: {fault}");
        assert_fit_to_show(&fault);
    }
}

#[tokio::test]
async fn throttling_says_how_long() {
    let fault = confirmed_with(Mischief::Throttled(9)).await.unwrap_err();
    let Fault::Transient { after, .. } = fault else {
        panic!("{fault:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn it_says_that_it_cannot_read_and_repeats_only_where_declared_safe() {
    let (_fake, lms) = shop().await;
    let can = lms.capabilities();
    assert!(!can.reads_back && !can.repeat_is_safe && !can.withdraws);
    let mut connection = endpoint("https://shop.example");
    connection.confirm.as_mut().unwrap().repeat_is_safe = true;
    let lms = connect_within(&connection, Limits::default()).unwrap();
    assert!(lms.capabilities().repeat_is_safe);
}

#[tokio::test]
async fn ping_looks_without_posting_and_without_the_credential() {
    let (fake, lms) = shop().await;
    // Wrong credentials would be refused by the fake with 401.
    assert!(lms.ping().await.unwrap().contains(&fake.base_url()));
    let seen = fake.requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("HEAD", "/")
    );
}

#[tokio::test]
async fn each_style_of_authentication_is_sent_as_named() {
    let fake = FakeLms::start(FakeLmsOptions {
        shop_method: true,
        ..options()
    })
    .await
    .unwrap();
    fake.add_user("ada@example.com", true);
    let pair = format!("{API_KEY}:{API_SECRET}");
    for (style, credential, accepted) in [
        ("token", pair.as_str(), true),
        ("basic", pair.as_str(), true),
        ("bearer", API_KEY, true),
        ("bearer", "another", false),
    ] {
        let mut connection = endpoint(&fake.base_url());
        let confirm = connection.confirm.as_mut().unwrap();
        confirm.auth = style.to_owned();
        confirm.credential = Some(Secret::new(credential));
        let lms = connect_within(&connection, Limits::default()).unwrap();
        assert_eq!(
            lms.enrol(&ada(), COURSE, KEY).await.is_ok(),
            accepted,
            "{style}"
        );
    }
}
