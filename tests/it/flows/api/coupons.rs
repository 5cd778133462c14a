//! Coupons at create-order: what is answered, what is refused, and what guessing costs.

use bursar::model::order;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::assert_problem;
use crate::harness::coupons::{make, percent, uses};
use crate::harness::server::{self, Answer, Server};

const CALL: &str = "/api/v1/payment/create-order";

async fn order_with(server: &Server, courses: &[&str], coupon: &str) -> Answer {
    let body =
        json!({ "email": "an@example.com", "courses": courses, "coupon": coupon, "locale": "en" });
    server.post(CALL, &body).await
}

async fn orders(server: &Server) -> i64 {
    let counts = server.app.db.read(|tx| Box::pin(order::counts(tx)));
    counts.await.unwrap().iter().map(|(_, _, n)| n).sum()
}

#[tokio::test]
async fn the_price_with_a_coupon_comes_after_the_best_offer_and_says_how_it_came_about() {
    server::each(async |server| {
        make(&server.app, percent("TET2026", 20)).await;
        let answer = order_with(&server, &["rust", "photo"], " tet2026 ").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            answer.json["totalAmount"], 720_000,
            "a fifth off the combo's 900,000"
        );
        let rule = &answer.json["priceRule"];
        assert_eq!(rule["applied"][0]["kind"], "combo");
        let last = json!({ "kind": "coupon", "code": "TET2026", "percent": 20, "off": 180_000 });
        assert_eq!(rule["applied"][1], last);
        let text = rule["text"].as_str().unwrap();
        assert!(text.ends_with("Coupon TET2026 −20% (−180.000 ₫)"), "{text}");
        let courses = answer.json["courses"].as_array().unwrap().iter();
        let prices = courses.map(|course| course["price"].as_i64().unwrap());
        assert_eq!(prices.sum::<i64>(), 720_000);
        assert_eq!(
            server.pay(&answer.json, 720_000).await.json["paymentStatus"],
            "paid"
        );
    })
    .await;
}

#[tokio::test]
async fn a_blank_coupon_is_none() {
    server::each(async |server| {
        for blank in ["", "  "] {
            let answer = order_with(&server, &["rust"], blank).await;
            assert_eq!(answer.json["totalAmount"], 599_000, "{}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn every_refusal_has_its_own_code_and_no_order_is_made() {
    server::each(async |server| {
        let now = server.app.clock.now();
        let limited = |code: &str, change: &dyn Fn(&mut bursar::model::coupon::Limits)| {
            let mut new = percent(code, 10);
            change(&mut new.limits);
            new
        };
        let soon = now.plus(std::time::Duration::from_mins(1));
        make(&server.app, limited("SOON", &|l| l.from = Some(soon))).await;
        make(&server.app, limited("OVER", &|l| l.until = Some(now))).await;
        make(&server.app, limited("LARGE", &|l| l.min_total = 600_000)).await;
        make(&server.app, limited("FIRST", &|l| l.max_uses = Some(1))).await;
        make(&server.app, limited("ONCE", &|l| l.per_customer = Some(1))).await;
        let mut other = percent("OTHER", 10);
        other.only_for = vec![bursar::model::course::Slug::parse("photo").unwrap()];
        make(&server.app, other).await;
        for taken in ["FIRST", "ONCE"] {
            assert_eq!(order_with(&server, &["rust"], taken).await.status, 200);
        }
        for (code, why, said) in [
            ("NONE", "unknown_coupon", "There is no coupon “NONE”"),
            ("SOON", "coupon_not_yet", "not valid yet"),
            ("OVER", "coupon_expired", "is over"),
            ("LARGE", "coupon_minimum", "orders of 600.000 ₫ or more"),
            ("FIRST", "coupon_used_up", "used up"),
            (
                "ONCE",
                "coupon_customer_limit",
                "as often as one customer may",
            ),
            ("OTHER", "coupon_not_for_these", "not for these courses"),
        ] {
            let answer = order_with(&server, &["rust"], code).await;
            assert_problem(&answer, 422, why);
            assert!(answer.text.contains(said), "{said} in {}", answer.text);
        }
        assert_eq!(orders(&server).await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_can_be_no_code_is_a_fault_of_its_field_beside_the_others() {
    server::each(async |server| {
        for bad in ["TẾT", "A", &"X".repeat(33), "a b c"] {
            let body = json!({ "email": "an", "courses": ["rust"], "coupon": bad });
            let answer = server.post(CALL, &body).await;
            assert_problem(&answer, 422, "invalid_input");
            let faults = answer.json["errors"].as_array().unwrap().iter();
            let codes: Vec<_> = faults.map(|fault| fault["code"].clone()).collect();
            assert_eq!(codes, ["bad_email", "bad_coupon"], "{bad:?}");
        }
        let body = json!({ "email": "an@example.com", "courses": ["rust"], "coupon": 7 });
        assert_problem(&server.post(CALL, &body).await, 422, "invalid_input");
    })
    .await;
}

#[tokio::test]
async fn an_order_that_costs_nothing_is_answered_as_paid() {
    server::each(async |server| {
        make(&server.app, percent("GIFT", 100)).await;
        let answer = order_with(&server, &["rust"], "GIFT").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json["totalAmount"], 0);
        assert_eq!(answer.json["paymentStatus"], "paid");
        let code = answer.json["orderCode"].as_str().unwrap();
        let status = server
            .get(&format!("/api/v1/payment/check-status/{code}"))
            .await;
        assert_eq!(status.json["paymentStatus"], "paid", "{}", status.text);
        let page = answer.json["statusUrl"].as_str().unwrap();
        let page = server.get(page.strip_prefix(&server.url).unwrap()).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.text.contains("/api/v1/payment/qr/"),
            "nothing is left to pay"
        );
    })
    .await;
}

#[tokio::test]
async fn twins_with_one_key_share_the_last_use_of_a_coupon() {
    server::each(async |server| {
        let mut last = percent("LAST", 10);
        last.limits.max_uses = Some(1);
        make(&server.app, last).await;
        let body = json!({ "email": "an@example.com", "courses": ["rust"], "coupon": "LAST" });
        let send = async |body: &Value| {
            let request = server.request("POST", CALL).header("Idempotency-Key", "k1");
            server::answer(request.json(body)).await
        };
        let answers = join_all((0..8).map(|_| send(&body))).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["orderId"], answers[0].json["orderId"]);
        }
        assert_eq!(uses(&server.app, "LAST").await, [1, 0, 1]);
    })
    .await;
}

#[tokio::test]
async fn whoever_guesses_codes_is_stopped_and_a_right_guess_does_not_stand_out() {
    server::each_with(
        |options| options.config.limits.failures_per_minute = 3,
        async |server| {
            make(&server.app, percent("RIGHT", 20)).await;
            let mut refused = None;
            for guess in 0..5 {
                let answer = order_with(&server, &["rust"], &format!("GUESS{guess}")).await;
                if answer.status == 429 {
                    refused = Some(guess);
                    break;
                }
                assert_problem(&answer, 422, "unknown_coupon");
            }
            assert_eq!(refused, Some(4));
            let right = order_with(&server, &["rust"], "RIGHT").await;
            assert_problem(&right, 429, "rate_limited");
            assert!(right.headers.contains_key("retry-after"));
            server.order(&["rust"]).await;
        },
    )
    .await;
}
