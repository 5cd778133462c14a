//! Gifts, money by hand, coupons, and what a person should see to.

use bursar::model::alert;
use bursar::model::audit::Actor;
use serde_json::{Value, json};

use super::{Desk, TRANSFERS, assert_problem, call, each, key, path_of, why};
use crate::harness::server::{self, Answer};
use bursar::model::api_key::Scope;

const GIFTS: &str = "/api/v1/admin/gifts";
const COUPONS: &str = "/api/v1/admin/coupons";
const ALERTS: &str = "/api/v1/admin/alerts";

async fn gift(desk: &Desk, secret: &str, body: &Value) -> Answer {
    let request = desk.server.request("POST", GIFTS).bearer_auth(secret);
    server::answer(request.header("Idempotency-Key", "g-1").json(body)).await
}

#[tokio::test]
async fn a_gift_is_given_once_for_one_key_and_delivered_as_every_order() {
    each(async |desk| {
        let body = json!({
            "email": "Hoa@Example.com", "name": "Hoa", "courses": ["photo"], "why": "a prize",
        });
        let given = gift(&desk, &desk.key, &body).await;
        assert_eq!(given.status, 200, "{}", given.text);
        assert_eq!(
            (
                &given.json["kind"],
                &given.json["total"],
                &given.json["paymentStatus"]
            ),
            (&json!("gift"), &json!(0), &json!("paid"))
        );
        assert_eq!(given.json["email"], "hoa@example.com");
        let again = gift(&desk, &desk.key, &body).await;
        assert_eq!(again.json["code"], given.json["code"]);
        assert_eq!(desk.list("/api/v1/admin/orders").await.len(), 1);
        desk.server.drain().await;
        let order = json!({ "orderCode": given.json["code"] });
        let shown = desk.order(&order).await;
        assert_eq!(shown["orderStatus"], "completed");
        assert_eq!(shown["grants"][0]["state"], "active");
        let audit = desk.list(&path_of(&order, "/audit")).await;
        let entry = audit.iter().find(|entry| entry["action"] == "order.given");
        let entry = entry.unwrap();
        assert_eq!(
            (&entry["actor"], &entry["why"]),
            (&json!("operator:desk"), &json!("a prize"))
        );
        let mut other = body.clone();
        other["courses"] = json!(["rust"]);
        let answer = gift(&desk, &desk.key, &other).await;
        assert_problem(&answer, 409, "idempotency_conflict");
        let colleague = key(&desk.server, "colleague", Scope::ALL).await;
        assert_eq!(
            gift(&desk, &colleague, &other).await.status,
            200,
            "another one's key"
        );
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_gift_is_said_and_nothing_is_stored() {
    each(async |desk| {
        for (body, code) in [
            (
                json!({ "email": "a@example.com", "courses": ["photo"] }),
                "invalid_input",
            ),
            (
                json!({ "email": "nobody", "courses": ["photo"], "why": "x" }),
                "invalid_input",
            ),
            (
                json!({ "email": "a@example.com", "courses": [], "why": "x" }),
                "invalid_input",
            ),
            (
                json!({ "email": "a@example.com", "courses": ["gone"], "why": "x" }),
                "unknown_course",
            ),
        ] {
            assert_problem(&desk.post(GIFTS, &body).await, 422, code);
        }
        assert!(desk.list("/api/v1/admin/orders").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn cash_is_written_down_once_and_a_reference_is_never_other_money() {
    each(async |desk| {
        let (order, other) = (
            desk.server.order(&["photo"]).await,
            desk.server.order(&["photo"]).await,
        );
        let path = path_of(&order, "/payments");
        let body = |amount: i64| json!({ "amount": amount, "reference": "PT-17", "why": "in cash" });
        let part = desk.post(&path, &body(100_000)).await;
        assert_eq!(part.status, 200, "{}", part.text);
        assert_eq!((&part.json["class"], &part.json["duplicate"]), (&json!("short"), &json!(false)));
        let again = desk.post(&path, &body(100_000)).await;
        assert_eq!(
            (&again.json["duplicate"], &again.json["order"]["received"]),
            (&json!(true), &json!(100_000))
        );
        for (path, amount) in [(&path, 299_000), (&path_of(&other, "/payments"), 100_000)] {
            assert_problem(&desk.post(path, &body(amount)).await, 409, "reference_taken");
        }
        for (field, value, code) in [
            ("amount", json!(0), "bad_amount"),
            ("amount", json!(-5), "bad_amount"),
            ("reference", json!(" "), "reference_needed"),
            ("why", json!(""), "invalid_input"),
            ("at", json!("yesterday"), "invalid_input"),
            ("at", json!("2026-01-06T00:00:00Z"), "invalid_input"),
        ] {
            let mut wrong = body(299_000);
            wrong["reference"] = json!("PT-18");
            wrong[field] = value;
            assert_problem(&desk.post(&path, &wrong).await, 422, code);
        }
        let rest = json!({
            "amount": 299_000, "reference": "PT-18", "at": "2026-01-04T10:00:00+07:00", "why": "in cash",
        });
        let paid = desk.post(&path, &rest).await.json;
        assert_eq!(
            (&paid["class"], &paid["order"]["paymentStatus"]),
            (&json!("combined"), &json!("paid"))
        );
        let stored = &desk.list(TRANSFERS).await[0];
        assert_eq!(
            (&stored["gateway"], &stored["bookedAt"]),
            (&json!("hand"), &json!("2026-01-04T03:00:00.000Z"))
        );
        desk.server.drain().await;
        assert_eq!(desk.order(&order).await["orderStatus"], "completed");
    })
    .await;
}

#[tokio::test]
async fn an_alert_is_shown_until_a_person_says_that_it_is_over() {
    each(async |desk| {
        let moment = desk.server.app.moment(Actor::Machine("test"));
        let raised = desk.server.app.db.write(move |tx| {
            Box::pin(async move {
                alert::raise(tx, &moment, (alert::WEBHOOK_SILENT, "sepay"), "look at it").await
            })
        });
        raised.await.unwrap();
        let open = desk.list(ALERTS).await;
        assert_eq!(
            (&open[0]["kind"], &open[0]["subject"], &open[0]["times"]),
            (&json!("webhook_silent"), &json!("sepay"), &json!(1))
        );
        let clear = format!("{ALERTS}/webhook_silent/sepay/clear");
        assert_problem(&desk.post(&clear, &json!({})).await, 422, "invalid_input");
        desk.moved(&clear, &why("the address was wrong")).await;
        assert!(desk.list(ALERTS).await.is_empty());
        assert_problem(&desk.post(&clear, &why("again")).await, 404, "not_found");
        let entry = &desk.list("/api/v1/admin/audit?subject=sepay").await[0];
        assert_eq!(
            (&entry["action"], &entry["actor"], &entry["why"]),
            (
                &json!("alert.cleared"),
                &json!("operator:desk"),
                &json!("the address was wrong")
            )
        );
        assert!(desk.list("/api/v1/admin/polls").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_coupon_is_made_used_shown_and_stopped() {
    each(async |desk| {
        let wish = json!({
            "code": "tet", "percent": 20, "onlyFor": ["photo"], "maxUses": 3,
            "until": "2026-02-01T00:00:00+07:00", "note": "for the meet-up",
        });
        assert_eq!(desk.moved(COUPONS, &wish).await, ["TET"]);
        assert_problem(&desk.post(COUPONS, &wish).await, 409, "coupon_taken");
        let order = json!({ "email": "an@example.com", "courses": ["photo"], "coupon": "Tet" });
        let placed = desk
            .server
            .post("/api/v1/payment/create-order", &order)
            .await;
        assert_eq!(placed.json["totalAmount"], 319_200, "{}", placed.text);
        let shown = desk.get(&format!("{COUPONS}/tet")).await.json;
        assert_eq!(
            (
                &shown["code"],
                &shown["reserved"],
                &shown["used"],
                &shown["active"]
            ),
            (&json!("TET"), &json!(1), &json!(0), &json!(true))
        );
        assert_eq!(shown["uses"][0]["orderCode"], placed.json["orderCode"]);
        assert_eq!(
            desk.list(COUPONS).await[0]["until"],
            "2026-01-31T17:00:00.000Z"
        );
        let stop = format!("{COUPONS}/TET/stop");
        let stopped = call(&desk.server, &desk.key, "POST", &stop, None).await;
        assert_eq!(stopped.status, 200, "{}", stopped.text);
        assert_problem(&desk.post(&stop, &json!({})).await, 409, "coupon_stopped");
        assert_eq!(desk.list(COUPONS).await[0]["active"], false);
        let answer = desk
            .server
            .post("/api/v1/payment/create-order", &order)
            .await;
        assert_problem(&answer, 422, "coupon_expired");
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_coupon_is_said_by_its_field() {
    each(async |desk| {
        for (change, field) in [
            (json!({}), "percent"),
            (json!({ "percent": 5, "amount": 5 }), "amount"),
            (json!({ "percent": 101 }), "value"),
            (json!({ "amount": 0 }), "value"),
            (json!({ "percent": 5, "maxUses": 0 }), "maxUses"),
            (json!({ "percent": 5, "perCustomer": -1 }), "perCustomer"),
            (json!({ "percent": 5, "minTotal": -1 }), "minTotal"),
            (json!({ "percent": 5, "from": "soon" }), "from"),
            (
                json!({ "percent": 5, "from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z" }),
                "until",
            ),
            (json!({ "percent": 5, "onlyFor": ["?"] }), "onlyFor[0]"),
            (json!({ "percent": 5, "note": "x".repeat(501) }), "note"),
        ] {
            let mut wish = json!({ "code": "NEW" });
            for (name, value) in change.as_object().unwrap() {
                wish[name] = value.clone();
            }
            let answer = desk.post(COUPONS, &wish).await;
            assert_problem(&answer, 422, "invalid_input");
            assert_eq!(answer.json["errors"][0]["field"], field, "{}", answer.text);
        }
        let unknown = json!({ "code": "NEW", "percent": 5, "onlyFor": ["gone"] });
        assert_problem(&desk.post(COUPONS, &unknown).await, 422, "coupon_for_unknown");
        assert_problem(&desk.get(&format!("{COUPONS}/NEW")).await, 404, "not_found");
        assert!(desk.list(COUPONS).await.is_empty());
    })
    .await;
}
