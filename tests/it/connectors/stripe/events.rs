//! What events say, from bodies in the documented shape, of this version and of older ones.

use bursar::fact::{
    CheckoutFact, CheckoutState, Direction, DisputeFact, DisputeStage, OrderName, RefundFact,
    RefundProgress, RefundedFact, TransferFact,
};
use serde_json::json;

use super::*;

const SESSION: &str = "cs_live_a1Vn8Qw2Er4Ty6Ui8Op0As2Df4Gh6Jk8Lz1Xc3Vb5Nm7";
/// Our own payment, as the session repeats it.
const OURS: &str = "pay_01kb3v60c4h8e5a2w7y3d9g1zt";
const PAYMENT: &str = "pi_3Sx4KbLkdIwHu7ix0a1b2c3d";
/// `created` of the recorded events.
const TOLD_AT: Timestamp = Timestamp(1_767_582_420_000);

fn fixture(name: &str) -> Value {
    let path = format!(
        "{}/tests/fixtures/stripe/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn live() -> Gateways {
    gateways(&settings("sk_live_1"))
}

fn facts(name: &str) -> Vec<Fact> {
    read(&live(), fixture(name).to_string().as_bytes()).unwrap()
}

fn puzzle(event: &Value) -> String {
    read(&live(), event.to_string().as_bytes()).unwrap_err().0
}

fn paid() -> Fact {
    Fact::Transfer(TransferFact {
        gateway: "stripe".to_owned(),
        provider_id: PAYMENT.to_owned(),
        natural_key: Some(format!("stripe|{SESSION}")),
        account: "stripe".to_owned(),
        sub_account: None,
        direction: Direction::In,
        amount: Money::vnd(499_000),
        reference: SESSION.to_owned(),
        order: Some(OrderName::Id(ORDER.to_owned())),
        memos: vec!["DHHUAHBMPN".to_owned()],
        booked_at: Some(TOLD_AT),
    })
}

fn checkout(state: CheckoutState) -> Fact {
    Fact::Checkout(CheckoutFact {
        gateway: "stripe".to_owned(),
        reference: SESSION.to_owned(),
        payment: Some(OURS.to_owned()),
        state,
    })
}

fn refund(id: &str, dong: i64, progress: RefundProgress, why: Option<&str>) -> RefundFact {
    RefundFact {
        gateway: "stripe".to_owned(),
        provider_id: id.to_owned(),
        transfer: PAYMENT.to_owned(),
        amount: Money::vnd(dong),
        progress,
        ours: None,
        why: why.map(str::to_owned),
    }
}

#[test]
fn a_checkout_that_was_paid_is_a_transfer_and_complete_whenever_the_money_came() {
    let told = vec![paid(), checkout(CheckoutState::Complete)];
    assert_eq!(facts("session_completed_paid"), told);
    assert_eq!(facts("session_async_payment_succeeded"), told);
    assert_eq!(
        facts("session_completed_payment_whole"),
        told,
        "an older version"
    );
}

#[test]
fn a_checkout_that_is_not_paid_yet_or_any_more_moves_no_money() {
    for (name, state) in [
        ("session_completed_unpaid", CheckoutState::Complete),
        ("session_async_payment_failed", CheckoutState::Failed),
        ("session_expired", CheckoutState::Expired),
    ] {
        assert_eq!(facts(name), [checkout(state)], "{name}");
    }
}

#[test]
fn a_checkout_of_nothing_is_a_transfer_of_nothing_named_by_the_session() {
    let facts = facts("session_completed_nothing_to_pay");
    let Fact::Transfer(transfer) = &facts[0] else {
        panic!("{facts:?}")
    };
    assert_eq!(transfer.amount, Money::vnd(0));
    assert_eq!(transfer.provider_id, SESSION);
}

#[test]
fn dong_are_not_divided_cents_are_cents_and_another_currency_is_named() {
    let Fact::Transfer(dollars) = &facts("session_completed_in_dollars")[0] else {
        panic!("a transfer")
    };
    assert_eq!(dollars.amount.to_string(), "$19.99");
    assert_eq!(
        puzzle(&fixture("session_completed_in_euros")),
        "session.currency is \"eur\", and only VND and USD can be booked"
    );
}

#[test]
fn sessions_that_others_made_on_the_account_say_nothing_to_us() {
    for name in [
        "session_completed_of_another_shop",
        "session_completed_of_a_payment_link",
    ] {
        assert_eq!(facts(name), [], "{name}");
    }
}

#[test]
fn the_order_is_found_by_the_client_reference_where_the_metadata_were_wiped() {
    let mut event = fixture("session_completed_paid");
    event["data"]["object"]["metadata"] = json!({});
    let facts = read(&live(), event.to_string().as_bytes()).unwrap();
    let Fact::Transfer(transfer) = &facts[0] else {
        panic!("{facts:?}")
    };
    assert_eq!(transfer.order, Some(OrderName::Id(ORDER.to_owned())));
    assert_eq!(transfer.memos, [""; 0]);
}

#[test]
fn pretended_money_pays_nothing_in_a_shop_that_sells() {
    let event = fixture("session_completed_in_test_mode").to_string();
    for key in ["sk_live_1", "rk_live_1", ""] {
        let told = read(&gateways(&settings(key)), event.as_bytes());
        assert_eq!(told, Ok(vec![]), "{key}");
    }
    for key in ["sk_test_1", "rk_test_1"] {
        let told = read(&gateways(&settings(key)), event.as_bytes()).unwrap();
        assert_eq!(told.len(), 2, "{key}");
    }
}

#[test]
fn real_money_in_a_shop_that_pretends_waits_for_a_person() {
    let event = fixture("session_completed_paid").to_string();
    let told = read(&gateways(&settings("sk_test_1")), event.as_bytes()).unwrap_err();
    assert!(told.0.starts_with("livemode is true, but"), "{told}");
    for other in ["early_fraud_warning", "session_completed_of_another_shop"] {
        let event = fixture(other).to_string();
        let told = read(&gateways(&settings("sk_test_1")), event.as_bytes());
        assert_eq!(told, Ok(vec![]), "{other} is no money of ours");
    }
}

#[test]
fn a_refunded_charge_tells_the_sum_and_each_refund_it_embeds() {
    let total = |dong| {
        Fact::Refunded(RefundedFact {
            gateway: "stripe".to_owned(),
            transfer: PAYMENT.to_owned(),
            total: Money::vnd(dong),
        })
    };
    assert_eq!(facts("charge_refunded"), [total(199_000)]);
    let succeeded = RefundProgress::Succeeded;
    let first = refund("re_3Sx4KbLkdIwHu7ix0Qw3rTyU", 199_000, succeeded, None);
    let why = Some("requested_by_customer");
    let pending = RefundProgress::Pending;
    let second = refund("re_3Sx4KbLkdIwHu7ix0EaRlIeR", 100_000, pending, why);
    assert_eq!(
        facts("charge_refunded_embedding"),
        [Fact::Refund(first), Fact::Refund(second), total(299_000)]
    );
    assert_eq!(facts("charge_refunded_without_payment"), []);
}

#[test]
fn refunds_go_on_their_way_arrive_and_fail_also_late() {
    let id = "re_3Sx4KbLkdIwHu7ix0Qw3rTyU";
    let (pending, succeeded, failed) = (
        RefundProgress::Pending,
        RefundProgress::Succeeded,
        RefundProgress::Failed,
    );
    let ours = RefundFact {
        ours: Some("rfd_01kb3w".to_owned()),
        ..refund(id, 199_000, pending, None)
    };
    assert_eq!(facts("refund_created"), [Fact::Refund(ours)]);
    for (name, progress, why) in [
        ("refund_updated", succeeded, "requested_by_customer"),
        ("refund_failed", failed, "lost_or_stolen_card"),
        ("charge_refund_updated", failed, "canceled"),
    ] {
        let told = refund(id, 199_000, progress, Some(why));
        assert_eq!(facts(name), [Fact::Refund(told)], "{name}");
    }
}

fn stage(event: &Value) -> DisputeStage {
    let facts = read(&live(), event.to_string().as_bytes()).unwrap();
    let [Fact::Dispute(dispute)] = &facts[..] else {
        panic!("{facts:?}")
    };
    let expected = DisputeFact {
        gateway: "stripe".to_owned(),
        provider_id: "dp_1Sy8QqLkdIwHu7ixHjKlZxCv".to_owned(),
        transfer: PAYMENT.to_owned(),
        amount: Money::vnd(499_000),
        stage: dispute.stage,
        why: Some("fraudulent".to_owned()),
    };
    assert_eq!(*dispute, expected);
    dispute.stage
}

#[test]
fn disputes_are_asked_opened_won_and_lost() {
    for (name, expected) in [
        ("dispute_created", DisputeStage::Open),
        ("dispute_funds_withdrawn", DisputeStage::Open),
        ("dispute_updated", DisputeStage::Open),
        ("dispute_inquiry", DisputeStage::Inquiry),
        ("dispute_inquiry_closed", DisputeStage::Inquiry),
        ("dispute_closed_won", DisputeStage::Won),
        ("dispute_funds_reinstated", DisputeStage::Won),
        ("dispute_closed_lost", DisputeStage::Lost),
    ] {
        assert_eq!(stage(&fixture(name)), expected, "{name}");
    }
}

#[test]
fn every_documented_status_of_a_dispute_has_its_stage_and_another_is_named() {
    let mut event = fixture("dispute_created");
    for (status, case, expected) in [
        ("warning_under_review", "inquiry", DisputeStage::Inquiry),
        ("appeal_needs_response", "chargeback", DisputeStage::Open),
        ("appeal_under_review", "chargeback", DisputeStage::Open),
        ("prevented", "resolution", DisputeStage::Lost),
        ("prevented", "block", DisputeStage::Inquiry),
    ] {
        event["data"]["object"]["status"] = json!(status);
        event["data"]["object"]["payment_method_details"]["card"]["case_type"] = json!(case);
        assert_eq!(stage(&event), expected, "{status} {case}");
    }
    event["data"]["object"]["status"] = json!("thrown_out");
    assert_eq!(
        puzzle(&event),
        "dispute.status is \"thrown_out\", which is unknown"
    );
}

#[test]
fn other_events_are_kept_and_say_nothing() {
    for name in [
        "early_fraud_warning",
        "payment_intent_succeeded",
        "thin_event",
    ] {
        assert_eq!(facts(name), [], "{name}");
    }
    let unheard_of = json!({"id": "evt_1", "object": "event", "type": "moon.risen"});
    assert_eq!(read(&live(), unheard_of.to_string().as_bytes()), Ok(vec![]));
}

/// Every field of every object goes once: facts stay the same, or the sentence names the field.
#[test]
fn a_missing_field_changes_nothing_or_is_named() {
    for name in [
        "session_completed_paid",
        "session_expired",
        "charge_refunded",
        "refund_failed",
        "dispute_created",
    ] {
        let whole = fixture(name);
        let fields = whole["data"]["object"].as_object().unwrap();
        let before = facts(name);
        for field in fields.keys() {
            let mut event = whole.clone();
            let object = event["data"]["object"].as_object_mut().unwrap();
            object.remove(field);
            match read(&live(), event.to_string().as_bytes()) {
                Err(puzzle) => {
                    let named = puzzle.0.ends_with(&format!(".{field} is missing"));
                    assert!(named, "{name} without {field}: {puzzle}");
                }
                Ok(told) => {
                    let still = told.len() == before.len();
                    assert!(still, "{name} without {field}: {told:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_needed_and_missing_is_named() {
    for (name, field) in [
        ("session_completed_paid", "id"),
        ("session_completed_paid", "payment_status"),
        ("session_completed_paid", "amount_total"),
        ("session_completed_paid", "currency"),
        ("charge_refunded", "amount_refunded"),
        ("refund_failed", "status"),
        ("refund_failed", "payment_intent"),
        ("dispute_created", "payment_intent"),
        ("dispute_created", "status"),
    ] {
        let mut event = fixture(name);
        let object = event["data"]["object"].as_object_mut().unwrap();
        object.remove(field);
        let puzzle = puzzle(&event);
        let named = puzzle.ends_with(&format!(".{field} is missing"));
        assert!(named, "{name}: {puzzle}");
    }
}

#[test]
fn fields_of_tomorrow_do_not_matter() {
    for name in [
        "session_completed_paid",
        "charge_refunded_embedding",
        "dispute_created",
    ] {
        let mut event = fixture(name);
        event["data"]["object"]["of_tomorrow"] = json!({"a": [1, null]});
        event["data"]["previous_attributes"] = json!({"status": 7});
        event["context"] = json!("acct_1");
        let told = read(&live(), event.to_string().as_bytes()).unwrap();
        assert_eq!(told, facts(name), "{name}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_named_and_never_guessed() {
    for (field, value, why) in [
        ("amount_total", json!("499000"), "is not a whole number"),
        ("amount_total", json!(4990.5), "is not a whole number"),
        ("amount_total", json!(-1), "is negative or absurdly large"),
        ("id", json!(7), "is not text"),
        ("id", json!("cs live"), "is not an id"),
        ("payment_intent", json!(7), "is neither an id nor an object"),
        ("payment_intent", json!({"object": "x"}), "has no id"),
        ("currency", json!("v\u{0}nd"), "has a NUL in it"),
    ] {
        let mut event = fixture("session_completed_paid");
        event["data"]["object"][field] = value.clone();
        assert_eq!(puzzle(&event), format!("session.{field} {why}"), "{value}");
    }
    for body in ["", "[]", "7", "null", "{\"id\":", "{}", "{\"type\":7}"] {
        assert!(read(&live(), body.as_bytes()).is_err(), "{body}");
    }
}

fn key(body: &str) -> String {
    live().get(NAME).unwrap().event_key(body.as_bytes())
}

#[test]
fn an_event_is_named_by_its_id_and_what_has_none_by_its_digest() {
    let event = fixture("session_completed_paid");
    assert_eq!(key(&event.to_string()), event["id"].as_str().unwrap());
    let digest = key("{}");
    assert!(digest.starts_with("sha256:"), "{digest}");
    assert_ne!(digest, key("{ }"));
}

#[test]
fn a_bare_session_is_read_as_it_stands_and_named_by_how_it_stands() {
    let mut session = fixture("session_completed_paid")["data"]["object"].clone();
    let bare = |session: &Value| read(&live(), session.to_string().as_bytes()).unwrap();
    let mut paid_some_time = paid();
    if let Fact::Transfer(transfer) = &mut paid_some_time {
        transfer.booked_at = None;
    }
    let complete = checkout(CheckoutState::Complete);
    assert_eq!(bare(&session), [paid_some_time, complete]);
    let mut keys = vec![key(&session.to_string())];
    session["payment_status"] = json!("unpaid");
    session["payment_intent"] = json!({"id": PAYMENT, "status": "processing"});
    assert_eq!(bare(&session), [checkout(CheckoutState::Complete)]);
    keys.push(key(&session.to_string()));
    session["payment_intent"]["status"] = json!("requires_payment_method");
    assert_eq!(bare(&session), [checkout(CheckoutState::Failed)]);
    keys.push(key(&session.to_string()));
    for (status, state) in [
        ("open", CheckoutState::Open),
        ("expired", CheckoutState::Expired),
    ] {
        session["status"] = json!(status);
        session["payment_intent"] = Value::Null;
        assert_eq!(bare(&session), [checkout(state)]);
        keys.push(key(&session.to_string()));
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5, "{keys:?}");
}
