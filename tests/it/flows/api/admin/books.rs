//! The audit as a whole, and the shop in figures.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, each, each_stuck, path_of, stuck_order, why};

const HOUR: Duration = Duration::from_hours(1);

async fn stats(desk: &Desk) -> Value {
    let answer = desk.get("/api/v1/admin/stats").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

#[tokio::test]
async fn the_audit_is_read_by_subject_actor_and_time_newest_first() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        desk.server.wait(HOUR);
        desk.moved(&path_of(&order, "/cancel"), &why("x")).await;
        let id = order["orderId"].as_str().unwrap();
        for (query, actions) in [
            (
                format!("?subject={id}"),
                vec!["order.payment", "order.placed"],
            ),
            ("?actor=operator:desk".to_owned(), vec!["order.payment"]),
            (
                "?from=2026-01-05T04:00:00Z".to_owned(),
                vec!["order.payment"],
            ),
            (
                format!("?subject={id}&to=2026-01-05T04:00:00Z"),
                vec!["order.placed"],
            ),
            ("?subject=nothing".to_owned(), vec![]),
        ] {
            let rows = desk.list(&format!("/api/v1/admin/audit{query}")).await;
            let found: Vec<&Value> = rows.iter().map(|row| &row["action"]).collect();
            assert_eq!(found, actions, "{query}");
        }
        let first = desk
            .get(&format!("/api/v1/admin/audit?subject={id}&limit=1"))
            .await
            .json;
        let next = first["next"].as_str().unwrap();
        let second = desk
            .list(&format!("/api/v1/admin/audit?subject={id}&after={next}"))
            .await;
        assert_eq!(second.len(), 1);
        assert_eq!(second[0]["action"], "order.placed");
    })
    .await;
}

#[tokio::test]
async fn money_is_counted_by_the_shops_own_days() {
    each(async |desk| {
        // The stories begin at 10:00 in the shop.
        let pay = async |dong: i64| {
            desk.server
                .webhook(&desk.server.transfer(dong, "no code"))
                .await;
        };
        pay(1).await;
        desk.server.wait(24 * 23 * HOUR);
        pay(10).await;
        desk.server.wait(24 * 6 * HOUR);
        pay(100).await;
        desk.server.wait(13 * HOUR + Duration::from_secs(3599));
        pay(1_000).await;
        let amounts = async || {
            let received = stats(&desk).await["received"].clone();
            ["today", "last7Days", "last30Days"].map(|span| received[span][0]["amount"].clone())
        };
        assert_eq!(amounts().await, [json!(1_100), json!(1_110), json!(1_111)]);
        desk.server.wait(Duration::from_secs(1));
        pay(10_000).await;
        assert_eq!(
            amounts().await,
            [json!(10_000), json!(11_100), json!(11_110)]
        );
    })
    .await;
}

#[tokio::test]
async fn the_figures_say_how_long_buyers_waited_and_what_waits_now() {
    each(async |desk| {
        let empty = stats(&desk).await["paidToFinished"].clone();
        assert_eq!(
            empty,
            json!({ "orders": 0, "medianSeconds": null, "p95Seconds": null })
        );
        for seconds in [1, 2, 90] {
            let order = desk.server.order(&["photo"]).await;
            desk.server.pay(&order, 399_000).await;
            desk.server.wait(Duration::from_secs(seconds));
            desk.server.drain().await;
        }
        desk.server
            .webhook(&desk.server.transfer(5, "no code"))
            .await;
        let now = stats(&desk).await;
        let pace = json!({ "orders": 3, "medianSeconds": 2.0, "p95Seconds": 90.0 });
        assert_eq!(now["paidToFinished"], pace);
        assert_eq!(
            now["waitingTransfers"],
            json!([{ "class": "no_code", "count": 1 }])
        );
        let counted = json!([{ "paymentStatus": "paid", "orderStatus": "completed", "count": 3 }]);
        assert_eq!(now["orders"], counted);
        assert_eq!(now["grants"], json!([{ "state": "active", "count": 3 }]));
        desk.server.wait(25 * HOUR);
        assert_eq!(stats(&desk).await["paidToFinished"]["orders"], 0);
    })
    .await;
}

#[tokio::test]
async fn tasks_that_stand_still_are_in_the_figures() {
    each_stuck(async |desk, _platform| {
        stuck_order(&desk).await;
        let counted = json!([{ "kind": "enrol", "state": "dead", "count": 1 }]);
        assert_eq!(stats(&desk).await["tasks"], counted);
    })
    .await;
}
