//! Stripe on a bad day: lost answers, foreign answers, failures that are remembered. What is asked
//! again is found, and never done twice.

use bursar::connectors::gateways::stripe::fake::{Call, Mischief};
use bursar::fact::RefundProgress;

use super::*;

/// Ways to lose an answer after the work was done.
const DONE: [Mischief; 3] = [
    Mischief::HangAfterwards,
    Mischief::CutAnswer,
    Mischief::FailureAfterwards,
];

/// A connector for this way to be treated.
fn fit(fake: &FakeStripe, patient: &Arc<dyn Teller>, way: &Mischief) -> Arc<dyn Teller> {
    match way {
        Mischief::Hang | Mischief::HangAfterwards => impatient(fake),
        _ => Arc::clone(patient),
    }
}

async fn spoilt_opening(way: Mischief) -> (Fault, FakeStripe, Arc<dyn Teller>) {
    let (fake, _, patient) = shop().await;
    let teller = fit(&fake, &patient, &way);
    fake.misbehave(Call::SessionCreate, [way]);
    let fault = teller.open(&intent(1)).await.unwrap_err();
    assert_fit_to_show(&fault);
    assert_eq!(fake.calls(Call::SessionCreate), 1, "one call, one write");
    (fault, fake, patient)
}

#[tokio::test]
async fn an_opening_whose_answer_was_lost_is_unknown_and_a_repetition_finds_it() {
    for way in [Mischief::HangAfterwards, Mischief::CutAnswer] {
        let (fault, fake, teller) = spoilt_opening(way.clone()).await;
        assert_eq!(kind(&fault), "unknown", "{way:?}");
        let again = teller.open(&intent(1)).await.unwrap();
        assert_eq!(the_session(&fake)["id"], again.reference, "{way:?}");
    }
}

#[tokio::test]
async fn an_opening_that_never_arrived_is_unknown_too_and_a_repetition_opens_it() {
    for way in [Mischief::Hang, Mischief::BadGateway, Mischief::WebPage] {
        let (fault, fake, teller) = spoilt_opening(way.clone()).await;
        assert_eq!(kind(&fault), "unknown", "{way:?}");
        assert_eq!(fake.objects("checkout.session").len(), 0);
        teller.open(&intent(1)).await.unwrap();
        assert_eq!(fake.objects("checkout.session").len(), 1);
    }
}

#[tokio::test]
async fn a_failure_that_is_kept_under_the_key_stays_unknown_until_the_key_is_forgotten() {
    for way in [Mischief::Failure, Mischief::FailureAfterwards] {
        let (_, fake, teller) = spoilt_opening(way.clone()).await;
        let fault = teller.open(&intent(1)).await.unwrap_err();
        assert_eq!(kind(&fault), "unknown", "{way:?}");
        // A new payment of the same order is a new key.
        teller.open(&intent(2)).await.unwrap();
        fake.behave();
    }
}

#[tokio::test]
async fn each_refusal_of_the_road_has_its_own_name() {
    for (way, expected) in [
        (Mischief::WrongKey, "connection"),
        (Mischief::LacksPermission, "connection"),
        (Mischief::KeyInUse, "transient"),
        (Mischief::Throttled(7), "transient"),
        (
            Mischief::Redirect("https://elsewhere.example/x?k=1".to_owned()),
            "connection",
        ),
    ] {
        let (fault, fake, teller) = spoilt_opening(way.clone()).await;
        assert_eq!(kind(&fault), expected, "{way:?}: {fault}");
        if let (Mischief::Throttled(_), Fault::Transient { after, .. }) = (&way, &fault) {
            assert_eq!(*after, Some(Duration::from_secs(7)));
        }
        teller.open(&intent(1)).await.unwrap();
        assert_eq!(fake.objects("checkout.session").len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_question_may_simply_be_asked_again() {
    for (way, expected) in [
        (Mischief::Hang, "transient"),
        (Mischief::CutAnswer, "transient"),
        (Mischief::Failure, "transient"),
        (Mischief::BadGateway, "transient"),
        (Mischief::Throttled(1), "transient"),
        (Mischief::WebPage, "connection"),
        (Mischief::Oversized, "connection"),
        (Mischief::WrongKey, "connection"),
    ] {
        let (fake, clock, patient) = shop().await;
        let opened = patient.open(&intent(1)).await.unwrap();
        let teller = fit(&fake, &patient, &way);
        fake.misbehave(Call::SessionGet, [way.clone()]);
        let fault = teller.look(&opened.reference).await.unwrap_err();
        assert_eq!(kind(&fault), expected, "{way:?}: {fault}");
        assert_fit_to_show(&fault);
        fake.misbehave(Call::EventList, [way.clone()]);
        let fault = teller.page(&wanted(&clock)).await.unwrap_err();
        assert_eq!(kind(&fault), expected, "{way:?}: {fault}");
        patient.look(&opened.reference).await.unwrap();
        patient.page(&wanted(&clock)).await.unwrap();
    }
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_and_not_made_again() {
    for way in DONE {
        let (fake, _, patient) = shop().await;
        let opened = patient.open(&intent(1)).await.unwrap();
        let payment = fake.pay(&opened.reference).unwrap();
        let teller = fit(&fake, &patient, &way);
        fake.misbehave(Call::RefundCreate, [way.clone()]);
        let part = ask("rfd_1", &payment, 200_000);
        let fault = teller.refund(&part).await.unwrap_err();
        assert_eq!(kind(&fault), "unknown", "{way:?}");
        assert_fit_to_show(&fault);
        let found = patient.refund(&part).await.unwrap();
        assert_eq!(found.progress, RefundProgress::Succeeded, "{way:?}");
        assert_eq!(fake.objects("refund").len(), 1, "{way:?}");
    }
}

#[tokio::test]
async fn without_a_look_at_what_was_refunded_nothing_is_refunded() {
    let (fake, _, teller) = shop().await;
    let opened = teller.open(&intent(1)).await.unwrap();
    let payment = fake.pay(&opened.reference).unwrap();
    fake.misbehave(Call::RefundList, [Mischief::Failure, Mischief::WebPage]);
    for expected in ["transient", "connection"] {
        let fault = teller.refund(&ask("rfd_1", &payment, 1_000)).await;
        assert_eq!(kind(&fault.unwrap_err()), expected);
    }
    assert_eq!(fake.calls(Call::RefundCreate), 0);
}

#[tokio::test]
async fn an_ending_whose_answer_was_lost_is_unknown_and_a_repetition_tells() {
    for way in DONE {
        let (fake, _, patient) = shop().await;
        let opened = patient.open(&intent(1)).await.unwrap();
        let teller = fit(&fake, &patient, &way);
        fake.misbehave(Call::SessionExpire, [way.clone()]);
        let fault = teller.close(&opened.reference).await.unwrap_err();
        assert_eq!(kind(&fault), "unknown", "{way:?}");
        let facts = patient.close(&opened.reference).await.unwrap().facts;
        assert_eq!(facts.unwrap().len(), 1, "{way:?}");
    }
}

#[tokio::test]
async fn fields_of_tomorrow_in_every_answer_do_not_matter() {
    let (fake, clock, teller) = shop().await;
    let strange = || vec![Mischief::UnknownFields; 9];
    fake.misbehave(Call::Any, strange());
    let opened = teller.open(&intent(1)).await.unwrap();
    let payment = fake.pay(&opened.reference).unwrap();
    let looked = teller.look(&opened.reference).await.unwrap().facts.unwrap();
    assert_eq!(looked.len(), 2);
    let refund = teller.refund(&ask("rfd_1", &payment, 1_000)).await.unwrap();
    assert_eq!(refund.amount, Money::vnd(1_000));
    let page = teller.page(&wanted(&clock)).await.unwrap();
    assert!(page.reports.iter().all(|report| report.facts.is_ok()));
    teller.inspect("https://shop.example").await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_named_without_showing_a_part_of_it() {
    let (fake, _, _) = shop().await;
    let settings = config::Stripe {
        secret_key: Some(Secret::new("sk_test_another_that_must_not_show")),
        ..fake.settings()
    };
    let teller = teller(&settings).unwrap().unwrap();
    let fault = teller.inspect("https://shop.example").await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "Stripe does not accept payments.stripe.secret_key."
    );
    assert_eq!(kind(&fault), "connection");
}

#[tokio::test]
async fn a_key_without_the_right_to_look_is_a_finding_and_no_fault() {
    let (fake, _, teller) = shop().await;
    fake.misbehave(Call::Account, [Mischief::LacksPermission]);
    fake.misbehave(Call::EndpointList, [Mischief::LacksPermission]);
    let findings = teller.inspect("https://shop.example").await.unwrap();
    assert_eq!(findings.len(), 2);
    for finding in findings {
        assert!(!finding.sound);
        assert!(!finding.what.contains("wxyz"), "{}", finding.what);
    }
}

#[tokio::test]
async fn a_server_that_is_away_was_asked_nothing() {
    let (fake, _, _) = shop().await;
    let settings = fake.settings();
    drop(fake);
    let teller = teller(&settings).unwrap().unwrap();
    let fault = loop {
        // The listener goes with its task, which may take a moment to end.
        match teller.open(&intent(1)).await.unwrap_err() {
            Fault::Unknown { .. } => {}
            fault => break fault,
        }
    };
    assert_eq!(kind(&fault), "transient", "{fault}");
}

#[test]
fn without_a_key_there_is_no_teller_and_a_spoilt_one_does_not_start() {
    assert!(teller(&config::Stripe::default()).unwrap().is_none());
    assert!(teller(&settings(" ")).unwrap().is_none());
    for spoilt in [
        settings("sk_test_\u{7}"),
        config::Stripe {
            api_url: "stripe".to_owned(),
            ..settings("sk_test_1")
        },
    ] {
        assert!(teller(&spoilt).is_err());
    }
}
