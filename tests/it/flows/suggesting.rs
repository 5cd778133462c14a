//! Which orders are looked at for a transfer that waits, on both databases.

use std::time::Duration;

use bursar::fulfilment::suggest::{self, Clue, Reason, Suggestion};
use bursar::id::OrderId;
use bursar::model::order::{self, Order, PaymentStatus};
use bursar::money::Money;

use crate::harness::databases::KINDS;
use crate::harness::shop::{Shop, each};

const DAY: Duration = Duration::from_hours(24);

async fn suggest(shop: &Shop, dong: i64, memo: &str) -> Vec<Suggestion> {
    let clue = Clue {
        amount: Money::vnd(dong),
        memos: vec![memo.to_owned()],
        at: shop.clock.now(),
    };
    let policy = shop.app.desk.policy.clone();
    let suggesting = shop
        .app
        .db
        .read(move |tx| Box::pin(async move { suggest::suggest(tx, &policy, &clue).await }));
    suggesting.await.unwrap()
}

fn ids(suggestions: &[Suggestion]) -> Vec<&OrderId> {
    suggestions.iter().map(|s| &s.order.id).collect()
}

/// With its last character wrong.
fn mistyped(order: &Order) -> String {
    let code = order.code.as_str();
    format!("{}0", &code[..code.len() - 1])
}

#[tokio::test]
async fn an_open_order_is_suggested_by_what_it_still_owes() {
    // The letter that asks for the rest is not this test's matter, so it may be left over.
    for kind in KINDS {
        let shop = Box::pin(Shop::open(kind)).await;
        let (whole, part) = (shop.order(&["enrol"]).await, shop.order(&["enrol"]).await);
        shop.order(&["files"]).await;
        shop.pay(&part, 100_000).await;
        assert_eq!(ids(&suggest(&shop, 500_000, "ck").await), [&whole.id]);
        let best = suggest(&shop, 400_000, "ck").await;
        assert_eq!(ids(&best), [&part.id]);
        assert_eq!(best[0].reasons, [Reason::Amount, Reason::Time]);
        assert_eq!(best[0].order.received, Money::vnd(100_000));
    }
}

#[tokio::test]
async fn an_expired_order_is_suggested_for_thirty_days_and_by_its_code_for_ever() {
    each(async |shop| {
        let order = shop.order(&["enrol"]).await;
        shop.advance(DAY);
        assert_eq!(shop.sweep().await.orders, 1);
        shop.advance(DAY * 30);
        assert_eq!(ids(&suggest(shop, 500_000, "ck").await), [&order.id]);
        shop.advance(DAY);
        assert_eq!(suggest(shop, 500_000, "ck").await.len(), 0);
        assert_eq!(suggest(shop, 500_000, &mistyped(&order)).await.len(), 0);
        let best = suggest(shop, 500_000, order.code.as_str()).await;
        assert_eq!(ids(&best), [&order.id]);
        assert_eq!(best[0].reasons, [Reason::Code, Reason::Amount]);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_paid_or_cancelled_is_suggested_only_by_its_code() {
    each(async |shop| {
        let (paid, cancelled) = (shop.bought(&["enrol"]).await, shop.order(&["enrol"]).await);
        let id = cancelled.id.clone();
        let cancelling = shop.step(move |tx, moment| {
            Box::pin(async move {
                let moves = (PaymentStatus::Pending, PaymentStatus::Cancelled);
                order::close_or_reopen(tx, &moment, &id, moves, moment.now, "test").await
            })
        });
        assert!(cancelling.await.unwrap());
        assert_eq!(suggest(shop, 500_000, "NGUYEN AN").await.len(), 0);
        for order in [&paid, &cancelled] {
            assert_eq!(suggest(shop, 500_000, &mistyped(order)).await.len(), 0);
            let best = suggest(shop, 500_000, order.code.as_str()).await;
            assert_eq!(ids(&best), [&order.id]);
        }
        shop.drain().await;
    })
    .await;
}

#[tokio::test]
async fn the_order_that_was_mistyped_is_found_among_many_of_the_same_amount_and_of_others() {
    each(async |shop| {
        let meant = shop.order(&["files"]).await;
        for _ in 0..20 {
            shop.order(&["files"]).await;
            shop.order(&["enrol"]).await;
        }
        let best = suggest(shop, 200_000, &mistyped(&meant)).await;
        assert_eq!(best.len(), 5);
        assert_eq!(best[0].order.id, meant.id);
        assert!(best[0].reasons.contains(&Reason::NearCode));
        let other_amount = suggest(shop, 1, &mistyped(&meant)).await;
        assert_eq!(ids(&other_amount), [&meant.id]);
    })
    .await;
}

#[tokio::test]
async fn of_more_than_are_looked_at_the_nearest_amounts_and_the_newest_are_kept() {
    each(async |shop| {
        let (oldest, near) = (shop.order(&["enrol"]).await, shop.order(&["both"]).await);
        for _ in 0..260 {
            shop.advance(Duration::from_secs(1));
            shop.order(&["files"]).await;
        }
        let code = mistyped(&oldest);
        assert_eq!(
            suggest(shop, 500_000, &code).await[0].order.id,
            oldest.id,
            "by its amount"
        );
        let others = suggest(shop, 200_000, &code).await;
        assert_eq!(others.len(), 5);
        assert!(!ids(&others).contains(&&oldest.id), "neither near nor new");
        let newest = shop.order(&["month"]).await;
        let code = mistyped(&newest);
        assert_eq!(
            ids(&suggest(shop, 1_000_000_000, &code).await),
            [&newest.id]
        );
        assert_eq!(ids(&suggest(shop, 300_000, "ck").await)[0], &near.id);
    })
    .await;
}
