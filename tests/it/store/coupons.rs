//! Coupons as stored: their words are the table's own, and a use makes only the moves of its table.

use bursar::args;
use bursar::db::Arg;
use bursar::model::coupon::{CouponKind, UseState};

use crate::harness::books;
use crate::harness::coupons::{self, counted, percent};
use crate::harness::databases::KINDS;
use crate::harness::shop::{BUYER, Shop};

const TABLES: &str = include_str!("../../../migrations/V4__coupons.sql");

bursar::statements! {
    SET = "UPDATE coupon_uses SET state = $2 WHERE order_id = $1";
    SET_TAKEN = "UPDATE coupons SET taken = $1";
}

fn assert_checked(column: &str, words: &[&str]) {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let check = format!("CHECK ({column} IN ({}))", quoted.join(", "));
    assert_eq!(TABLES.matches(&check).count(), 1, "{check}");
}

#[test]
fn the_words_of_coupons_are_those_of_their_tables_checks() {
    let kinds: Vec<&str> = CouponKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_checked("kind", &kinds);
    let states: Vec<&str> = UseState::ALL.iter().map(|state| state.as_str()).collect();
    assert_checked("state", &states);
}

#[tokio::test]
async fn a_use_makes_only_the_moves_of_its_table_and_is_counted_with_them() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        coupons::make(&shop.app, percent("TET", 20)).await;
        let placed = shop.order_with(BUYER, &["files"], Some("TET")).await;
        let order = placed.unwrap().order.id;
        for &from in UseState::ALL {
            for &to in UseState::ALL {
                books::exec(&shop.app.db, &SET, args![&order, from]).await;
                books::exec(&shop.app.db, &SET_TAKEN, args![i64::from(from.counts())]).await;
                let moved = coupons::advance(&shop, &order, to).await;
                let now = counted(&shop.app, "TET").await;
                let stands = if moved.is_ok() { to } else { from };
                assert_eq!(
                    moved.is_ok(),
                    from == to || from.may_become(to),
                    "{from} to {to}"
                );
                let expected = [UseState::Reserved, UseState::Used].map(|s| i64::from(s == stands));
                assert_eq!([now.reserved, now.used], expected, "{from} to {to}");
                assert_eq!(
                    now.coupon.taken,
                    i64::from(stands.counts()),
                    "{from} to {to}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_table_refuses_what_no_command_would_store() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        coupons::make(&shop.app, percent("TET", 20)).await;
        let placed = shop.order_with(BUYER, &["files"], Some("TET")).await;
        let order = placed.unwrap().order.id;
        let write = shop.step(move |tx, _| {
            Box::pin(async move {
                let values: &[Arg] = args![&order, "spent"];
                tx.exec(&SET, values).await
            })
        });
        assert!(write.await.is_err());
    }
}
