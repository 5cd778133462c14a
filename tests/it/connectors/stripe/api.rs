//! The API over real HTTP: checkouts, refunds, the list of events, and what `doctor` looks at.

use std::collections::HashSet;

use bursar::connectors::gateways::stripe::fake::{Call, Claim, Refunds};
use bursar::connectors::gateways::stripe::{API_VERSION, NEEDED_EVENTS, WEBHOOK_PATH};
use bursar::connectors::gateways::teller::Finding;
use bursar::fact::{CheckoutState, DisputeStage, OrderName, RefundProgress};
use bursar::money::Currency;

use super::*;

const HOUR: u64 = 60 * 60;

fn field(form: &[(String, String)], name: &str) -> Option<String> {
    let found = form.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone())
}

/// The form of the last session asked for.
fn last_form(fake: &FakeStripe) -> Vec<(String, String)> {
    let requests = fake.requests();
    let last = requests
        .iter()
        .rfind(|seen| seen.call == Call::SessionCreate);
    last.unwrap().form.clone()
}

fn states(facts: &[Fact]) -> Vec<CheckoutState> {
    let checkouts = facts.iter().filter_map(|fact| match fact {
        Fact::Checkout(checkout) => Some(checkout.state),
        _ => None,
    });
    checkouts.collect()
}

/// Amount and order of the money in these facts.
fn money(facts: &[Fact]) -> Vec<(i64, Option<OrderName>)> {
    let transfers = facts.iter().filter_map(|fact| match fact {
        Fact::Transfer(transfer) => Some((transfer.amount.minor, transfer.order.clone())),
        _ => None,
    });
    transfers.collect()
}

#[tokio::test]
async fn a_checkout_is_opened_with_our_names_on_the_session_and_on_the_payment() {
    let (fake, _, teller) = shop().await;
    let intent = intent(1);
    let opened = teller.open(&intent).await.unwrap();
    let session = the_session(&fake);
    assert_eq!(session["id"], opened.reference);
    assert_eq!(session["url"], opened.url);
    assert_eq!(session["amount_total"], 499_000);
    assert_eq!(session["currency"], "vnd");
    assert_eq!(session["client_reference_id"], ORDER);
    assert_eq!(session["customer_email"], "ada@example.com");
    assert_eq!(session["locale"], "vi");
    assert_eq!(session["adaptive_pricing"]["enabled"], false);
    assert_eq!(session["expires_at"], intent.until.unix_seconds());
    let payment = fake.pay(&opened.reference).unwrap();
    for id in [&opened.reference, &payment] {
        let metadata = &fake.object(id).unwrap()["metadata"];
        assert_eq!(metadata["order_id"], ORDER, "{id}");
        assert_eq!(metadata["order_code"], "DHHUAHBMPN", "{id}");
        assert_eq!(metadata["payment_id"], intent.payment, "{id}");
    }
    let seen = &fake.requests()[0];
    assert_eq!(seen.idempotency_key, Some(intent.payment));
    assert_eq!(seen.version.as_deref(), Some(API_VERSION));
}

#[tokio::test]
async fn the_same_intention_again_finds_the_same_checkout_whenever_it_is_asked() {
    let (fake, clock, teller) = shop().await;
    let first = teller.open(&intent(1)).await.unwrap();
    clock.advance(Duration::from_secs(5 * HOUR));
    assert_eq!(teller.open(&intent(1)).await.unwrap(), first);
    assert_eq!(fake.objects("checkout.session").len(), 1);
    let other = teller.open(&intent(2)).await.unwrap();
    assert_ne!(other.reference, first.reference);
}

#[tokio::test]
async fn another_cart_under_the_same_key_is_refused_and_not_sold() {
    let (fake, _, teller) = shop().await;
    teller.open(&intent(1)).await.unwrap();
    let changed = Intent {
        code: "DHAAAAAAAA".to_owned(),
        ..intent(1)
    };
    let fault = teller.open(&changed).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping");
    assert_fit_to_show(&fault);
    assert_eq!(fake.objects("checkout.session").len(), 1);
}

#[tokio::test]
async fn the_end_is_brought_between_what_the_gateway_allows() {
    for (until, expected) in [
        (HOUR, HOUR),
        (60, 35 * 60),
        (0, 35 * 60),
        (720 * HOUR, 24 * HOUR - 300),
    ] {
        let (fake, _, teller) = shop().await;
        let intent = Intent {
            until: START.plus(Duration::from_secs(until)),
            ..intent(1)
        };
        teller.open(&intent).await.unwrap();
        let end = START.plus(Duration::from_secs(expected)).unix_seconds();
        assert_eq!(the_session(&fake)["expires_at"], end, "{until}");
    }
}

#[tokio::test]
async fn lines_are_shown_one_by_one_where_they_add_up_and_as_one_otherwise() {
    let (fake, _, teller) = shop().await;
    let priced = |prices: &[i64]| -> Vec<(String, Money)> {
        let prices = prices.iter().enumerate();
        prices
            .map(|(place, dong)| (format!("Course {place}"), Money::vnd(*dong)))
            .collect()
    };
    let hundred = vec![4_990; 100];
    let too_many = [vec![4_990; 99], vec![4_000, 990]].concat();
    for (seed, (prices, shown)) in [
        (priced(&[300_000, 199_000]), 2),
        (priced(&[499_000, 0]), 2),
        (priced(&hundred), 100),
        (priced(&too_many), 1),
        (priced(&[300_000, 200_000]), 1),
        (priced(&[599_000, -100_000]), 1),
        (priced(&[]), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let intent = Intent {
            lines: prices,
            ..intent(seed as u64)
        };
        teller.open(&intent).await.unwrap();
        let form = last_form(&fake);
        let names = form.iter().filter(|(name, _)| name.ends_with("[name]"));
        assert_eq!(names.count(), shown, "{seed}");
        let first = field(&form, "line_items[0][price_data][product_data][name]").unwrap();
        let whole = if shown == 1 {
            "Đơn hàng DHHUAHBMPN"
        } else {
            "Course 0"
        };
        assert_eq!(first, whole, "{seed}");
    }
    let totals = fake.objects("checkout.session");
    assert!(totals.iter().all(|s| s["amount_total"] == 499_000));
}

#[tokio::test]
async fn an_amount_is_refused_before_the_redirect_where_a_card_cannot_pay_it() {
    let (_, _, teller) = shop().await;
    for (dong, expected) in [
        (14_999, Err("card_amount_too_small")),
        (15_000, Ok(())),
        (99_999_999, Ok(())),
        (100_000_000, Err("card_amount_too_large")),
        (0, Err("card_amount_too_small")),
        (-1, Err("card_amount_too_small")),
    ] {
        assert_eq!(teller.accepts(Money::vnd(dong)), expected, "{dong}");
    }
    let dollars = |minor| Money {
        minor,
        currency: Currency::Usd,
    };
    assert_eq!(teller.accepts(dollars(49)), Err("card_amount_too_small"));
    assert_eq!(teller.accepts(dollars(50)), Ok(()));
}

#[tokio::test]
async fn what_is_accepted_at_the_edges_is_sold() {
    let (_fake, _, teller) = shop().await;
    for (seed, dong) in [(1, 15_000), (2, 99_999_999)] {
        let amount = Money::vnd(dong);
        let intent = Intent {
            amount,
            lines: vec![(String::new(), amount)],
            ..intent(seed)
        };
        teller.open(&intent).await.unwrap();
    }
}

#[tokio::test]
async fn a_look_tells_how_a_checkout_stands() {
    let (fake, clock, teller) = shop().await;
    let open = teller.open(&intent(1)).await.unwrap().reference;
    let paid = teller.open(&intent(2)).await.unwrap().reference;
    let late = teller.open(&intent(3)).await.unwrap().reference;
    fake.decline(&open).unwrap();
    fake.pay(&paid).unwrap();
    fake.pay_later(&late).unwrap();
    let look = async |reference: &str| teller.look(reference).await.unwrap().facts.unwrap();
    assert_eq!(states(&look(&open).await), [CheckoutState::Open]);
    let facts = look(&paid).await;
    assert_eq!(states(&facts), [CheckoutState::Complete]);
    let ours = Some(OrderName::Id(ORDER.to_owned()));
    assert_eq!(money(&facts), [(499_000, ours)]);
    let facts = look(&late).await;
    assert_eq!(states(&facts), [CheckoutState::Complete]);
    assert_eq!(money(&facts), [], "it is on its way");
    fake.settle_later(&late, false).unwrap();
    assert_eq!(states(&look(&late).await), [CheckoutState::Failed]);
    clock.advance(Duration::from_secs(24 * HOUR));
    assert_eq!(states(&look(&open).await), [CheckoutState::Expired]);
}

#[tokio::test]
async fn a_look_and_the_webhook_name_the_money_alike() {
    let (fake, _, teller) = shop().await;
    let opened = teller.open(&intent(1)).await.unwrap();
    let payment = fake.pay(&opened.reference).unwrap();
    let event = fake.events("checkout.session.completed").pop().unwrap();
    let told = fake.signed(&event).unwrap().body;
    let told = read(&gateways(&fake.settings()), told.as_bytes()).unwrap();
    let looked = teller.look(&opened.reference).await.unwrap();
    let names = |facts: &[Fact]| -> Vec<String> {
        let transfers = facts.iter().filter_map(|fact| match fact {
            Fact::Transfer(transfer) => Some(transfer.provider_id.clone()),
            _ => None,
        });
        transfers.collect()
    };
    assert_eq!(names(&told), [payment]);
    assert_eq!(names(&looked.facts.unwrap()), names(&told));
    let replayed = read(&gateways(&fake.settings()), &looked.body).unwrap();
    assert_eq!(names(&replayed), names(&told), "an operator's replay of it");
}

#[tokio::test]
async fn closing_ends_a_checkout_and_tells_what_became_of_one_that_had_ended() {
    let (fake, clock, teller) = shop().await;
    let open = teller.open(&intent(1)).await.unwrap().reference;
    let paid = teller.open(&intent(2)).await.unwrap().reference;
    let over = teller.open(&intent(3)).await.unwrap().reference;
    fake.pay(&paid).unwrap();
    let close = async |reference: &str| teller.close(reference).await.unwrap().facts.unwrap();
    assert_eq!(states(&close(&open).await), [CheckoutState::Expired]);
    assert!(fake.pay(&open).is_err(), "nobody pays there any more");
    assert_eq!(states(&close(&open).await), [CheckoutState::Expired]);
    let facts = close(&paid).await;
    assert_eq!(states(&facts), [CheckoutState::Complete]);
    assert_eq!(money(&facts).len(), 1, "it was paid before");
    clock.advance(Duration::from_secs(25 * HOUR));
    assert_eq!(states(&close(&over).await), [CheckoutState::Expired]);
}

#[tokio::test]
async fn a_checkout_that_the_gateway_does_not_know_is_no_outage() {
    let (fake, _, teller) = shop().await;
    for reference in [
        "cs_test_unknown",
        "",
        "../refunds",
        "pi_1",
        "cs_test_1/expire",
    ] {
        for asked in [teller.look(reference).await, teller.close(reference).await] {
            let fault = asked.unwrap_err();
            assert_eq!(kind(&fault), "mapping", "{reference}: {fault}");
        }
    }
    let lines: HashSet<String> = fake.requests().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines.len(), 2, "what is no id was not sent: {lines:?}");
}

/// A paid checkout's payment.
async fn paid(fake: &FakeStripe, teller: &Arc<dyn Teller>) -> String {
    let opened = teller.open(&intent(1)).await.unwrap();
    fake.pay(&opened.reference).unwrap()
}

#[tokio::test]
async fn a_refund_is_made_once_however_often_and_late_it_is_asked_for() {
    let (fake, clock, teller) = shop().await;
    let payment = paid(&fake, &teller).await;
    let part = ask("rfd_1", &payment, 200_000);
    let first = teller.refund(&part).await.unwrap();
    assert_eq!(first.progress, RefundProgress::Succeeded);
    assert_eq!(first.transfer, payment);
    assert_eq!(first.amount, Money::vnd(200_000));
    assert_eq!(first.ours.as_deref(), Some("rfd_1"));
    assert_eq!(teller.refund(&part).await.unwrap(), first);
    // The idempotency key is forgotten by then.
    clock.advance(Duration::from_secs(48 * HOUR));
    assert_eq!(teller.refund(&part).await.unwrap(), first);
    assert_eq!(fake.objects("refund").len(), 1);
    let rest = teller
        .refund(&ask("rfd_2", &payment, 299_000))
        .await
        .unwrap();
    assert_ne!(rest.provider_id, first.provider_id);
    assert_eq!(fake.objects("refund").len(), 2);
}

#[tokio::test]
async fn more_than_was_paid_does_not_go_back() {
    let (fake, _, teller) = shop().await;
    let payment = paid(&fake, &teller).await;
    let all = teller.refund(&ask("rfd_1", &payment, 499_000)).await;
    assert_eq!(all.unwrap().progress, RefundProgress::Succeeded);
    for (payment, dong) in [
        (payment.as_str(), 1_000),
        ("pi_unknown", 1_000),
        ("cs_test_1", 1_000),
    ] {
        let fault = teller
            .refund(&ask("rfd_2", payment, dong))
            .await
            .unwrap_err();
        assert_eq!(kind(&fault), "mapping", "{fault}");
        assert_fit_to_show(&fault);
    }
    assert_eq!(fake.objects("refund").len(), 1);
}

#[tokio::test]
async fn a_refund_may_be_on_its_way_and_fail_later() {
    let (fake, _, teller) = shop().await;
    let payment = paid(&fake, &teller).await;
    fake.refunds_are(Refunds::Pending);
    let part = ask("rfd_1", &payment, 200_000);
    let asked = teller.refund(&part).await.unwrap();
    assert_eq!(asked.progress, RefundProgress::Pending);
    fake.finish_refund(&asked.provider_id, Err("expired_or_canceled_card"))
        .unwrap();
    let event = fake.events("refund.failed").pop().unwrap();
    let body = fake.signed(&event).unwrap().body;
    let told = read(&gateways(&fake.settings()), body.as_bytes()).unwrap();
    let again = teller.refund(&part).await.unwrap();
    assert_eq!(again.progress, RefundProgress::Failed);
    assert_eq!(again.why.as_deref(), Some("expired_or_canceled_card"));
    assert_eq!(told, [Fact::Refund(again)]);
}

#[tokio::test]
async fn our_refund_is_found_among_many_of_the_dashboard() {
    let (fake, _, teller) = shop().await;
    let payment = paid(&fake, &teller).await;
    let ours = teller.refund(&ask("rfd_1", &payment, 1_000)).await.unwrap();
    for _ in 0..150 {
        fake.refund(&payment, 1_000).unwrap();
    }
    let again = teller.refund(&ask("rfd_1", &payment, 1_000)).await.unwrap();
    assert_eq!(again, ours);
    assert_eq!(fake.objects("refund").len(), 151);
}

#[tokio::test]
async fn the_list_of_events_brings_all_that_webhooks_would_have_told() {
    let (fake, clock, teller) = shop().await;
    let mut payments = Vec::new();
    for seed in 0..120 {
        let opened = teller.open(&intent(seed)).await.unwrap();
        payments.push(fake.pay(&opened.reference).unwrap());
    }
    fake.refund(&payments[0], 100_000).unwrap();
    fake.dispute(&payments[1], Claim::Chargeback).unwrap();
    let mut wanted = wanted(&clock);
    let (mut keys, mut facts, mut pages) = (HashSet::new(), Vec::new(), 0);
    loop {
        let page = teller.page(&wanted).await.unwrap();
        pages += 1;
        for report in page.reports {
            assert!(keys.insert(report.key), "twice");
            assert!(report.body.starts_with(b"{"));
            facts.extend(report.facts.unwrap());
        }
        wanted.cursor = page.next;
        if wanted.cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, 2);
    // 120 payments; a refund told twice; a dispute told twice. What we need not know was not asked for.
    assert_eq!(keys.len(), 124);
    assert_eq!(money(&facts).len(), 120);
    let disputes = facts.iter().filter(
        |fact| matches!(fact, Fact::Dispute(dispute) if dispute.stage == DisputeStage::Open),
    );
    assert_eq!(disputes.count(), 2);
}

#[tokio::test]
async fn the_list_of_events_keeps_to_the_time_that_is_wanted() {
    let (fake, clock, teller) = shop().await;
    paid(&fake, &teller).await;
    clock.advance(Duration::from_secs(3 * HOUR));
    let later = teller.page(&wanted(&clock)).await.unwrap();
    assert_eq!(later.reports.len(), 0);
    let before = Wanted {
        from: START,
        to: START.plus(Duration::from_secs(HOUR)),
        ..wanted(&clock)
    };
    assert_eq!(teller.page(&before).await.unwrap().reports.len(), 1);
}

#[tokio::test]
async fn two_event_objects_for_one_change_are_two_reports_of_the_same_facts() {
    let (fake, clock, teller) = shop().await;
    paid(&fake, &teller).await;
    let event = fake.events("checkout.session.completed").pop().unwrap();
    fake.twin(&event).unwrap();
    let reports = teller.page(&wanted(&clock)).await.unwrap().reports;
    assert_eq!(reports.len(), 2);
    assert_ne!(reports[0].key, reports[1].key);
    assert_eq!(reports[0].facts, reports[1].facts);
}

async fn inspected(fake: &FakeStripe) -> Vec<Finding> {
    let teller = teller(&fake.settings()).unwrap().unwrap();
    teller.inspect("https://shop.example/").await.unwrap()
}

fn wrong(findings: &[Finding]) -> Vec<&str> {
    let wrong = findings.iter().filter(|finding| !finding.sound);
    wrong.map(|finding| finding.what.as_str()).collect()
}

const ENDPOINT: &str = "https://shop.example/api/v1/payment/stripe/webhook";

#[tokio::test]
async fn the_doctor_finds_a_sound_endpoint_sound() {
    for events in [&NEEDED_EVENTS[..], &["*"]] {
        let (fake, _, _) = shop().await;
        fake.add_endpoint("https://elsewhere.example/hook", None, &[], false);
        fake.add_endpoint(ENDPOINT, Some(API_VERSION), events, true);
        let findings = inspected(&fake).await;
        assert_eq!(wrong(&findings), [""; 0]);
        assert!(findings[0].what.contains("a test key"), "{findings:?}");
        assert_eq!(findings.len(), 4);
    }
    assert!(ENDPOINT.ends_with(WEBHOOK_PATH));
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong_on_the_other_side() {
    let (fake, _, _) = shop().await;
    let missing = inspected(&fake).await;
    assert_eq!(
        wrong(&missing),
        [
            "Stripe has no webhook endpoint https://shop.example/api/v1/payment/stripe/webhook: \
          add it as docs/connect-stripe.md says."
        ]
    );
    fake.set_charges_enabled(false);
    fake.add_endpoint(ENDPOINT, None, &NEEDED_EVENTS[..11], false);
    let findings = inspected(&fake).await;
    let wrong = wrong(&findings);
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong[0].contains("may not charge cards"));
    assert!(wrong[1].contains("is switched off"));
    assert!(
        wrong[2]
            .contains("charge.dispute.funds_withdrawn, charge.dispute.funds_reinstated: tick them")
    );
    assert!(wrong[3].contains("no API version of its own"));
}
