//! One transfer in its three shapes: webhook, item of v1, item of v2.

use super::*;
use crate::harness::sepay_api::Order;

/// The webhook's body, v1's item and v2's item of one transfer.
async fn three_shapes(booking: Booking) -> (i64, [TransferFact; 3], [String; 3]) {
    let clock = Clock::still(NOW);
    let fake = FakeSepay::start(&clock).await;
    fake.order(Order::OldestIds);
    let id = fake.book(booking);
    let mut facts = Vec::new();
    let mut keys = Vec::new();
    let (key, fact) = replayed(fake.webhook(id).to_string().as_bytes());
    facts.push(fact);
    keys.push(key);
    for version in VERSIONS {
        let page = first_page(&payments(&fake, version), "recent")
            .await
            .unwrap();
        let report = &page.reports[0];
        let (key, fact) = replayed(&report.body);
        assert_eq!((&key, &fact), (&report.key, &transfer(report)));
        facts.push(fact);
        keys.push(key);
    }
    (id, facts.try_into().unwrap(), keys.try_into().unwrap())
}

fn complete() -> Booking {
    let memo = "MBVCB.3278907687.DHABCDEFGH.CT tu 0999 Nguyễn Văn A";
    let booking = Booking::incoming(ACCOUNT, 2_277_000, memo, NOW.minus(HOUR));
    Booking {
        sub_account: Some("96247VA01".to_owned()),
        code: Some("DHABCDEFGH".to_owned()),
        reference: "MBVCB.3278907687".to_owned(),
        ..booking
    }
}

#[tokio::test]
async fn the_three_shapes_of_a_transfer_differ_in_their_ids_and_in_nothing_that_joins_them() {
    let (id, facts, keys) = three_shapes(complete()).await;
    let uuid = FakeSepay::uuid(id);
    assert_eq!(
        keys,
        [id.to_string(), format!("v1:{id}"), format!("v2:{uuid}")]
    );
    assert_eq!(facts.each_ref().map(TransferFact::road), ["", "v1", "v2"]);
    let natural_key = "0123499999|in|2277000|MBVCB.3278907687|2026-01-05 09:00:00";
    for (fact, key) in facts.iter().zip(&keys) {
        assert_eq!(fact.provider_id, *key);
        assert_eq!(fact.natural_key.as_deref(), Some(natural_key));
        assert_eq!(fact.weak_key(), facts[0].weak_key());
        assert_eq!(fact.booked_at, Some(NOW.minus(HOUR)));
        assert_eq!(fact.amount.minor, 2_277_000);
        assert_eq!(fact.sub_account.as_deref(), Some("96247VA01"));
        assert_eq!(fact.memos[..2], facts[0].memos[..2]);
    }
    assert_eq!(
        facts[0].memos.len(),
        3,
        "only the webhook has the bank's notification"
    );
}

#[tokio::test]
async fn without_a_reference_the_weak_key_joins_the_three_shapes() {
    for code in [None, Some("DHABCDEFGH".to_owned())] {
        let booking = Booking {
            reference: String::new(),
            code,
            ..complete()
        };
        let (_, facts, _) = three_shapes(booking).await;
        let weak_key = facts[0].weak_key().unwrap();
        assert!(
            weak_key.starts_with("0123499999|in|2277000|1767578400|"),
            "{weak_key}"
        );
        for fact in &facts {
            assert_eq!(fact.natural_key, None);
            assert_eq!(fact.weak_key().as_ref(), Some(&weak_key));
        }
    }
}

#[tokio::test]
async fn the_weak_key_sees_the_memo_and_not_how_it_is_written() {
    let key = async |memo: &str, dong: i64| {
        let booking = Booking::incoming(ACCOUNT, dong, memo, NOW);
        three_shapes(booking).await.1[0].weak_key().unwrap()
    };
    let usual = key("DH-ABC nguyễn văn a", 5).await;
    assert_eq!(key("dhabc NGUYEN  VAN A.", 5).await, usual);
    assert_ne!(key("DHABD nguyen van a", 5).await, usual);
    assert_ne!(key("DH-ABC nguyễn văn a", 6).await, usual);
    let mut undated = three_shapes(complete()).await.1[0].clone();
    undated.booked_at = None;
    assert_eq!(undated.weak_key(), None);
}

#[tokio::test]
async fn money_that_left_says_so_in_every_shape() {
    let booking = Booking {
        incoming: false,
        ..complete()
    };
    let (_, facts, _) = three_shapes(booking).await;
    for fact in &facts {
        assert_eq!(fact.direction, bursar::fact::Direction::Out);
        assert_eq!(fact.amount.minor, 2_277_000);
        assert_eq!(fact.natural_key, facts[0].natural_key);
    }
}

#[test]
fn v2_dates_in_rfc_3339_are_the_same_second_and_the_same_keys() {
    let item = |date: &str| {
        let body = serde_json::json!({"id": "07ad3dc9-0000-0000-0000-0afffe87053b",
            "transaction_date": date, "account_number": ACCOUNT, "transfer_type": "in",
            "amount_in": 50000, "amount_out": 0, "reference_number": "SBCF"});
        replayed(body.to_string().as_bytes()).1
    };
    let local = item("2026-10-31 01:24:40");
    assert_eq!(
        local.natural_key.as_deref(),
        Some("0123499999|in|50000|SBCF|2026-10-31 01:24:40")
    );
    for date in ["2026-10-31T01:24:40+07:00", "2026-10-30T18:24:40.500Z"] {
        assert_eq!(item(date), local, "{date}");
    }
}

#[test]
fn an_item_that_cannot_be_understood_is_named_by_its_own_fields() {
    let gateways = Gateways::new(&Payments::default());
    let gateway = gateways.get(sepay::NAME).unwrap();
    for (body, key, said) in [
        (
            r#"{"id":"7","account_number":"1","amount_in":"1.00","amount_out":"2.00"}"#,
            "v1:7",
            "amount_in and amount_out do not say which way the money went",
        ),
        (
            r#"{"id":"7","account_number":"1","amount_in":"0.00","amount_out":null}"#,
            "v1:7",
            "amount_in and amount_out do not say which way the money went",
        ),
        (
            r#"{"id":"7","account_number":"1","transfer_type":"in","amount_out":5}"#,
            "v2:7",
            "amount_in is missing",
        ),
        (
            r#"{"id":"a-b","amount_in":5,"amount_out":0}"#,
            "v2:a-b",
            "account_number is missing",
        ),
    ] {
        assert_eq!(gateway.read(body.as_bytes()).unwrap_err().0, said);
        assert_eq!(gateway.event_key(body.as_bytes()), key);
    }
}
