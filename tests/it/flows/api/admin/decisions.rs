//! What a person decides about transfers: each verb, what it refuses, its undoing, and two persons at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, TRANSFERS, assert_problem, code, each, money, path_of, why};
use crate::harness::books;

fn verb(transfer: &Value, verb: &str) -> String {
    format!("{TRANSFERS}/{}/{verb}", transfer["id"].as_str().unwrap())
}

fn to(order: &Value) -> Value {
    json!({ "order": code(order), "why": "the buyer called" })
}

async fn shown(desk: &Desk, transfer: &Value) -> Value {
    let answer = desk.get(verb(transfer, "").trim_end_matches('/')).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

async fn status(desk: &Desk, order: &Value) -> String {
    let shown = desk.order(order).await;
    shown["paymentStatus"].as_str().unwrap().to_owned()
}

/// Who decided last about a transfer, and why.
async fn last_word(desk: &Desk, transfer: &Value) -> (Value, Value, Value) {
    let story = shown(desk, transfer).await;
    let entry = story["audit"].as_array().unwrap().last().unwrap();
    let of = |field: &str| entry[field].clone();
    (of("action"), of("actor"), of("why"))
}

fn by_desk(action: &str, why: &str) -> (Value, Value, Value) {
    (json!(action), json!("operator:desk"), json!(why))
}

#[tokio::test]
async fn a_manual_assignment_sends_every_letter_that_a_payment_sends_as_in_pretix_6408() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        let waiting = money(&desk, 399_000, "hoc phi").await;
        assert_eq!(waiting["class"], "no_code");
        let moved = desk.moved(&verb(&waiting, "assign"), &to(&order)).await;
        assert_eq!(moved, [waiting["id"].clone(), order["orderId"].clone()]);
        let story = shown(&desk, &waiting).await;
        assert_eq!(
            (&story["class"], &story["left"]),
            (&json!("exact"), &json!(0))
        );
        assert_eq!(story["closedBy"], "operator:desk");
        let allocation = json!({ "orderCode": code(&order), "amount": 399_000 });
        assert_eq!(story["allocations"], json!([allocation]));
        let word = last_word(&desk, &waiting).await;
        assert_eq!(word, by_desk("transfer.closed", "the buyer called"));
        desk.server.drain().await;
        let done = desk.order(&order).await;
        assert_eq!(done["orderStatus"], "completed");
        let letters = done["emails"].as_array().unwrap();
        let mut kinds: Vec<&str> = letters
            .iter()
            .map(|l| l["kind"].as_str().unwrap())
            .collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["completed", "receipt"]);
        assert!(letters.iter().all(|letter| letter["state"] == "sent"));
        assert_eq!(desk.server.letters(), 2);
        books::agree(&desk.server.app.db).await;
    })
    .await;
}

#[tokio::test]
async fn ers_202_one_transfer_pays_many_orders() {
    each(async |desk| {
        let mut orders = Vec::new();
        for course in ["photo", "rust", "photo"] {
            orders.push(desk.server.order(&[course]).await);
        }
        let memo = format!("{} {}", code(&orders[0]), code(&orders[1]));
        let waiting = money(&desk, 1_400_000, &memo).await;
        assert_eq!(waiting["class"], "split");
        let share = |order: &Value| json!({ "order": code(order) });
        let wish = json!({
            "shares": [share(&orders[0]), share(&orders[1]),
                       { "order": code(&orders[2]), "amount": 399_000 }],
            "why": "a class of three",
        });
        desk.moved(&verb(&waiting, "split"), &wish).await;
        for order in &orders {
            assert_eq!(status(&desk, order).await, "paid");
        }
        let story = shown(&desk, &waiting).await;
        assert_eq!(story["allocations"].as_array().unwrap().len(), 3);
        assert_eq!(
            (&story["left"], &story["due"]),
            (&json!(3_000), &json!(3_000))
        );
        assert_eq!(story["closedAt"], Value::Null, "3.000 are still somebody's");
        let of_third = desk
            .list(&format!("{TRANSFERS}?order={}", code(&orders[2])))
            .await;
        assert_eq!(of_third.len(), 1, "found by every order that it pays");
        desk.server.drain().await;
        books::agree(&desk.server.app.db).await;
        desk.moved(&verb(&waiting, "undo"), &why("wrong class"))
            .await;
        for order in &orders {
            assert_eq!(status(&desk, order).await, "pending");
        }
        assert_eq!(shown(&desk, &waiting).await["left"], 1_400_000);
    })
    .await;
}

#[tokio::test]
async fn ers_520_two_transfers_pay_one_order() {
    each(async |desk| {
        let order = desk.server.order(&["rust"]).await;
        let first = money(&desk, 300_000, "dot 1").await;
        let second = money(&desk, 299_000, "dot 2").await;
        desk.moved(&verb(&first, "assign"), &to(&order)).await;
        assert_eq!(status(&desk, &order).await, "pending");
        assert_eq!(shown(&desk, &first).await["class"], "short");
        desk.moved(&verb(&second, "assign"), &to(&order)).await;
        assert_eq!(shown(&desk, &second).await["class"], "combined");
        assert_eq!(status(&desk, &order).await, "paid");
        desk.server.drain().await;
        assert_eq!(desk.order(&order).await["orderStatus"], "completed");
        books::agree(&desk.server.app.db).await;
        desk.moved(&verb(&first, "undo"), &why("not his")).await;
        let after = desk.order(&order).await;
        assert_eq!(
            (&after["paymentStatus"], &after["received"]),
            (&json!("pending"), &json!(299_000))
        );
    })
    .await;
}

#[tokio::test]
async fn ers_522_121_paid_for_120_is_accepted_with_a_comment() {
    each(async |desk| {
        let order = desk.server.order(&["rust"]).await;
        let waiting = money(&desk, 604_000, code(&order)).await;
        assert_eq!(
            (&waiting["class"], &waiting["due"]),
            (&json!("over"), &json!(5_000))
        );
        assert_eq!(
            status(&desk, &order).await,
            "paid",
            "the order does not wait for it"
        );
        let comment = json!({ "why": "he said: keep it" });
        desk.moved(&verb(&waiting, "accept"), &comment).await;
        let story = shown(&desk, &waiting).await;
        assert_eq!(
            (&story["due"], &story["closedWhy"]),
            (&json!(0), &json!("he said: keep it"))
        );
        let again = desk.post(&verb(&waiting, "discard"), &comment).await;
        assert_problem(&again, 409, "transfer_not_waiting");
        desk.moved(&verb(&waiting, "undo"), &why("he did not"))
            .await;
        assert_eq!(shown(&desk, &waiting).await["left"], 604_000);
        assert_eq!(status(&desk, &order).await, "pending");
    })
    .await;
}

#[tokio::test]
async fn too_little_is_enough_by_a_persons_word_before_and_after_it_was_booked() {
    each(async |desk| {
        let (booked, waits) = (
            desk.server.order(&["photo"]).await,
            desk.server.order(&["photo"]).await,
        );
        let short = money(&desk, 350_000, code(&booked)).await;
        assert_eq!(short["class"], "short");
        desk.moved(&verb(&short, "accept"), &why("an old friend"))
            .await;
        let nameless = money(&desk, 340_000, "hoc phi").await;
        let lost = desk.post(&verb(&nameless, "accept"), &why("which?")).await;
        assert_problem(&lost, 422, "order_needed");
        desk.moved(&verb(&nameless, "accept"), &to(&waits)).await;
        desk.server.drain().await;
        for order in [&booked, &waits] {
            let shown = desk.order(order).await;
            assert_eq!(
                (&shown["paymentStatus"], &shown["orderStatus"]),
                (&json!("paid"), &json!("completed"))
            );
            let payments = shown["payments"].as_array().unwrap();
            let sepay = payments
                .iter()
                .find(|payment| payment["gateway"] == "sepay");
            assert_eq!(sepay.unwrap()["state"], "paid");
        }
        let story = desk.list(&path_of(&booked, "/audit")).await;
        let word = story.iter().find(|entry| entry["why"] == "an old friend");
        assert_eq!(word.unwrap()["actor"], "operator:desk");
        desk.moved(&verb(&short, "undo"), &why("no friend")).await;
        assert_eq!(status(&desk, &booked).await, "pending");
        desk.server.drain().await;
        let after = desk.order(&booked).await;
        assert_eq!(after["grants"][0]["state"], "revoked", "{after}");
    })
    .await;
}

#[tokio::test]
async fn what_no_order_needs_goes_back_with_its_reference_and_then_nothing_is_undone() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        desk.server.pay(&order, 399_000).await;
        let twice = money(&desk, 399_000, code(&order)).await;
        assert_eq!(twice["class"], "duplicate");
        let due = desk.list(&format!("{TRANSFERS}?due=true")).await;
        assert_eq!(due.len(), 1);
        let back = verb(&twice, "give-back");
        assert_problem(
            &desk.post(&back, &why("paid twice")).await,
            422,
            "reference_needed",
        );
        let blank = json!({ "why": "paid twice", "reference": " " });
        assert_problem(&desk.post(&back, &blank).await, 422, "reference_needed");
        let sent = json!({ "why": "paid twice", "reference": "FT26005123" });
        let moved = desk.moved(&back, &sent).await;
        let refund = desk.list("/api/v1/admin/refunds").await;
        assert_eq!(moved[1], refund[0]["id"]);
        assert_eq!(
            (&refund[0]["state"], &refund[0]["reference"]),
            (&json!("done"), &json!("FT26005123"))
        );
        let story = shown(&desk, &twice).await;
        assert_eq!(
            (&story["due"], &story["returned"]),
            (&json!(0), &json!(399_000))
        );
        assert!(story["closedAt"].is_string());
        assert_problem(&desk.post(&back, &sent).await, 409, "transfer_not_waiting");
        let undo = desk.post(&verb(&twice, "undo"), &why("oh")).await;
        assert_problem(&undo, 409, "money_went_back");
        assert_eq!(
            status(&desk, &order).await,
            "paid",
            "the order is as it was"
        );
    })
    .await;
}

#[tokio::test]
async fn private_money_is_discarded_and_a_discarding_is_taken_back() {
    each(async |desk| {
        let private = money(&desk, 50_000, "me gui tien cho").await;
        desk.moved(&verb(&private, "discard"), &why("from my mother"))
            .await;
        assert!(
            desk.list(&format!("{TRANSFERS}?waiting=true"))
                .await
                .is_empty()
        );
        let word = last_word(&desk, &private).await;
        assert_eq!(word, by_desk("transfer.closed", "from my mother"));
        desk.moved(&verb(&private, "undo"), &why("it was not"))
            .await;
        let word = last_word(&desk, &private).await;
        assert_eq!(word, by_desk("transfer.reopened", "it was not"));
        assert_eq!(
            desk.list(&format!("{TRANSFERS}?waiting=true")).await.len(),
            1
        );
        let nothing = desk.post(&verb(&private, "undo"), &why("again")).await;
        assert_problem(&nothing, 409, "nothing_to_undo");
    })
    .await;
}

#[tokio::test]
async fn undoing_a_booked_payment_ends_access_and_assigning_it_again_brings_it_back() {
    each(async |desk| {
        let (wrong, right) = (
            desk.server.order(&["photo"]).await,
            desk.server.order(&["photo"]).await,
        );
        let paid = money(&desk, 399_000, code(&wrong)).await;
        assert_eq!(paid["class"], "exact");
        desk.server.drain().await;
        desk.moved(&verb(&paid, "undo"), &why("she typed his code"))
            .await;
        desk.server.drain().await;
        assert_eq!(desk.order(&wrong).await["grants"][0]["state"], "revoked");
        desk.moved(&verb(&paid, "assign"), &to(&right)).await;
        desk.server.drain().await;
        assert_eq!(desk.order(&right).await["orderStatus"], "completed");
        desk.moved(&verb(&paid, "undo"), &why("she did not")).await;
        desk.moved(&verb(&paid, "assign"), &to(&wrong)).await;
        desk.server.drain().await;
        // The other order's removal is under way at the platform; the enrolment waits for it.
        desk.server.wait(Duration::from_mins(2));
        desk.server.drain().await;
        let back = desk.order(&wrong).await;
        assert_eq!(
            (&back["paymentStatus"], &back["grants"][0]["state"]),
            (&json!("paid"), &json!("active")),
            "{back}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_over_after_one_order_pays_another_and_stays_matched_with_the_first() {
    each(async |desk| {
        let (first, second) = (
            desk.server.order(&["rust"]).await,
            desk.server.order(&["photo"]).await,
        );
        let both = money(&desk, 998_000, code(&first)).await;
        assert_eq!(both["class"], "over");
        desk.moved(&verb(&both, "assign"), &to(&second)).await;
        let story = shown(&desk, &both).await;
        assert_eq!(
            (&story["class"], &story["orderCode"]),
            (&json!("split"), &first["orderCode"])
        );
        assert_eq!((&story["left"], &story["due"]), (&json!(0), &json!(0)));
        for order in [&first, &second] {
            assert_eq!(status(&desk, order).await, "paid");
        }
        desk.server.drain().await;
        books::agree(&desk.server.app.db).await;
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_order_takes_money_only_if_it_is_enough() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        desk.moved(&path_of(&order, "/cancel"), &why("ordered twice"))
            .await;
        let part = money(&desk, 100_000, "hoc phi").await;
        let answer = desk.post(&verb(&part, "assign"), &to(&order)).await;
        assert_problem(&answer, 409, "order_takes_no_money");
        let late = money(&desk, 399_000, code(&order)).await;
        assert_eq!(late["class"], "after_refund");
        desk.moved(&verb(&late, "assign"), &to(&order)).await;
        assert_eq!(shown(&desk, &late).await["class"], "late");
        assert_eq!(status(&desk, &order).await, "paid");
    })
    .await;
}

/// Send each to a transfer: what it does, with which body, and the refusal.
async fn refuses(desk: &Desk, transfer: &Value, tries: &[(&str, Value, u16, &str)]) {
    let before = shown(desk, transfer).await;
    for (does, body, status, code) in tries {
        let answer = desk.post(&verb(transfer, does), body).await;
        assert_problem(&answer, *status, code);
    }
    assert_eq!(shown(desk, transfer).await, before, "nothing has changed");
}

#[tokio::test]
async fn every_refusal_of_a_decision_has_its_code_and_changes_nothing() {
    each(async |desk| {
        let (open, paid) = (
            desk.server.order(&["photo"]).await,
            desk.server.order(&["photo"]).await,
        );
        let closed = money(&desk, 399_000, code(&paid)).await;
        let waiting = money(&desk, 450_000, "hoc phi").await;
        let back = json!({ "reference": "a", "why": "x" });
        let over = "transfer_not_waiting";
        let tries = [
            ("assign", to(&open), 409, over),
            ("accept", to(&open), 409, over),
            ("give-back", back, 409, over),
            ("discard", why("x"), 409, over),
        ];
        refuses(&desk, &closed, &tries).await;
        let unknown = json!({ "order": code(&open), "why": "x", "amount": 1 });
        let tries = [
            ("assign", to(&paid), 409, "order_takes_no_money"),
            ("accept", to(&paid), 409, "order_takes_no_money"),
            (
                "assign",
                json!({ "order": "DHK", "why": "x" }),
                422,
                "invalid_input",
            ),
            (
                "assign",
                json!({ "order": code(&open) }),
                422,
                "invalid_input",
            ),
            ("assign", unknown, 422, "invalid_input"),
            ("undo", why("x"), 409, "nothing_to_undo"),
        ];
        refuses(&desk, &waiting, &tries).await;
        let gone = format!("{TRANSFERS}/trf_nobody/discard");
        assert_problem(&desk.post(&gone, &why("x")).await, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_division_that_does_not_add_up_is_refused_whole() {
    each(async |desk| {
        let open = desk.server.order(&["photo"]).await;
        let waiting = money(&desk, 450_000, "hoc phi").await;
        let open = code(&open);
        let split = |shares: Value| json!({ "shares": shares, "why": "x" });
        let one = |amount: i64| split(json!([{ "order": open, "amount": amount }]));
        let twice = split(json!([{ "order": open }, { "order": open }]));
        let tries = [
            ("split", split(json!([])), 422, "bad_shares"),
            ("split", one(0), 422, "bad_shares"),
            ("split", one(-5), 422, "bad_shares"),
            ("split", one(450_001), 422, "bad_shares"),
            ("split", one(i64::MAX), 422, "bad_shares"),
            ("split", one(440_000), 422, "more_than_owed"),
            ("split", twice, 422, "bad_shares"),
        ];
        refuses(&desk, &waiting, &tries).await;
    })
    .await;
}

#[tokio::test]
async fn money_that_left_the_account_is_nothing_to_decide_about() {
    each(async |desk| {
        let mut out = desk.server.transfer(70_000, "tra tien dien");
        out["transferType"] = json!("out");
        desk.server.webhook(&out).await;
        let out = desk.list(TRANSFERS).await[0].clone();
        assert_eq!(
            (&out["class"], &out["direction"]),
            (&json!("outgoing"), &json!("out"))
        );
        let undo = desk.post(&verb(&out, "undo"), &why("x")).await;
        assert_problem(&undo, 409, "nothing_to_undo");
    })
    .await;
}

#[tokio::test]
async fn two_persons_who_decide_at_once_about_one_transfer_do_not_both_succeed() {
    each(async |desk| {
        for _ in 0..4 {
            let (one, other) = (
                desk.server.order(&["photo"]).await,
                desk.server.order(&["photo"]).await,
            );
            let waiting = money(&desk, 399_000, "hoc phi").await;
            let assign = verb(&waiting, "assign");
            let (to_one, to_other) = (to(&one), to(&other));
            let (a, b) = tokio::join!(
                Box::pin(desk.post(&assign, &to_one)),
                Box::pin(desk.post(&assign, &to_other)),
            );
            let mut answers = [a.status, b.status];
            answers.sort_unstable();
            assert_eq!(answers, [200, 409], "{} {}", a.text, b.text);
            let mut paid = [status(&desk, &one).await, status(&desk, &other).await];
            paid.sort_unstable();
            assert_eq!(paid, ["paid", "pending"]);
            let undo = verb(&waiting, "undo");
            let reason = why("whose was it");
            let (a, b) = tokio::join!(
                Box::pin(desk.post(&undo, &reason)),
                Box::pin(desk.post(&undo, &reason)),
            );
            let mut answers = [a.status, b.status];
            answers.sort_unstable();
            assert_eq!(answers, [200, 409], "{} {}", a.text, b.text);
            assert_eq!(shown(&desk, &waiting).await["left"], 399_000);
            desk.moved(&verb(&waiting, "discard"), &reason).await;
        }
        desk.server.drain().await;
    })
    .await;
}
