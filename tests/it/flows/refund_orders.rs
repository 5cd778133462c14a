//! Reports about money that went back, told in every order and more than once: the books end the same, and
//! access with them.

use bursar::db::Kind;
use bursar::fact::{DisputeStage, Fact, RefundProgress};
use bursar::model::order::PaymentStatus;

use crate::harness::books;
use crate::harness::databases::KINDS;
use crate::harness::shop::till::{disputed, refund, refunded};
use crate::harness::shop::{Setup, Shop};

use DisputeStage::{Inquiry, Lost, Open, Won};
use PaymentStatus::{Paid, PartiallyRefunded, Refunded};
use RefundProgress::{Failed, Pending, Succeeded};

/// What the payment was.
const TOTAL: i64 = 500_000;

/// Where an order ends.
#[derive(Debug, PartialEq, Eq)]
struct End {
    status: PaymentStatus,
    refunded: i64,
    disputed: bool,
    /// Every benefit of it is owed, or none is.
    owed: bool,
}

fn end(status: PaymentStatus, refunded: i64, owed: bool) -> End {
    End {
        status,
        refunded,
        disputed: false,
        owed,
    }
}

/// All orders of these.
fn orders_of<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = things.split_first() else {
        return vec![Vec::new()];
    };
    let mut orders = Vec::new();
    for shorter in orders_of(rest) {
        for place in 0..=shorter.len() {
            let mut order = shorter.clone();
            order.insert(place, first.clone());
            orders.push(order);
        }
    }
    orders
}

/// Tell of each order's payment in every order of these reports, again after that, and look where it ends. On
/// PostgreSQL, where nothing is decided otherwise, a sample of the longer ones.
async fn all_end(reports: fn(&str) -> Vec<Fact>, expected: End) {
    for kind in KINDS {
        let setup = Setup {
            in_memory: true,
            ..Setup::on(kind)
        };
        let shop = Box::pin(Shop::set_up(setup)).await;
        let count = reports("").len();
        let every: Vec<usize> = (0..count).collect();
        let step = if kind == Kind::Postgres && count > 4 {
            7
        } else {
            1
        };
        for order_told in orders_of(&every).into_iter().step_by(step) {
            let (order, pi) = shop.bought_by_card(&["files", "both"]).await;
            assert_eq!(order.total.minor, TOTAL);
            let facts = reports(&pi);
            let again = if count > 4 {
                &order_told[..1]
            } else {
                &order_told
            };
            for place in order_told.iter().chain(again) {
                shop.tell(facts[*place].clone()).await;
            }
            let now = shop.order_now(&order.id).await;
            let grants = shop.grants(&order).await;
            let owed = grants.iter().filter(|g| g.state.is_owed()).count();
            assert!(owed == 0 || owed == grants.len(), "{order_told:?}");
            let ended = End {
                status: now.payment_status,
                refunded: now.refunded.minor,
                disputed: now.disputed,
                owed: owed > 0,
            };
            assert_eq!(ended, expected, "on {kind:?}, told as {order_told:?}");
        }
        books::agree(&shop.app.db).await;
    }
}

/// Names are of one payment each: two payments do not share a refund.
fn named(what: &str, pi: &str) -> String {
    format!("{what}_{pi}")
}

#[tokio::test]
async fn single_refunds_and_running_sums_are_the_same_money() {
    let reports = |pi: &str| {
        vec![
            refund(&named("re_a", pi), pi, 100_000, Succeeded),
            refund(&named("re_b", pi), pi, 50_000, Pending),
            refunded(pi, 100_000),
            refunded(pi, 150_000),
        ]
    };
    all_end(reports, end(PartiallyRefunded, 150_000, true)).await;
}

/// A sum that was made before the refund failed may come after it.
#[tokio::test]
async fn a_refund_that_failed_is_in_no_sum_however_late_that_comes() {
    let reports = |pi: &str| {
        vec![
            refund(&named("re_a", pi), pi, 100_000, Succeeded),
            refund(&named("re_b", pi), pi, 50_000, Succeeded),
            refund(&named("re_b", pi), pi, 50_000, Failed),
            refunded(pi, 100_000),
            refunded(pi, 150_000),
        ]
    };
    all_end(reports, end(PartiallyRefunded, 100_000, true)).await;
}

#[tokio::test]
async fn access_returns_with_a_refund_that_failed_whatever_it_was_told_between() {
    let reports = |pi: &str| {
        vec![
            refund(&named("re", pi), pi, TOTAL, Pending),
            refund(&named("re", pi), pi, TOTAL, Succeeded),
            refund(&named("re", pi), pi, TOTAL, Failed),
            disputed(&named("dp", pi), pi, TOTAL, Open),
            disputed(&named("dp", pi), pi, TOTAL, Won),
        ]
    };
    all_end(reports, end(Paid, 0, true)).await;
}

#[tokio::test]
async fn a_lost_dispute_ends_access_also_when_the_refund_beside_it_failed() {
    let reports = |pi: &str| {
        vec![
            refund(&named("re", pi), pi, TOTAL, Succeeded),
            refund(&named("re", pi), pi, TOTAL, Failed),
            disputed(&named("dp", pi), pi, TOTAL, Open),
            disputed(&named("dp", pi), pi, TOTAL, Lost),
        ]
    };
    all_end(reports, end(Refunded, TOTAL, false)).await;
}

/// It names no course that could be kept: see `fulfilment::access::right`.
#[tokio::test]
async fn a_lost_dispute_about_a_part_ends_all_access_of_the_order() {
    let reports = |pi: &str| {
        vec![
            disputed(&named("dp", pi), pi, 100_000, Inquiry),
            disputed(&named("dp", pi), pi, 100_000, Open),
            disputed(&named("dp", pi), pi, 100_000, Lost),
        ]
    };
    all_end(reports, end(PartiallyRefunded, 100_000, false)).await;
}

#[tokio::test]
async fn an_appeal_that_is_won_brings_back_what_a_lost_dispute_took() {
    let reports = |pi: &str| {
        vec![
            disputed(&named("dp", pi), pi, TOTAL, Open),
            disputed(&named("dp", pi), pi, TOTAL, Lost),
            disputed(&named("dp", pi), pi, TOTAL, Won),
        ]
    };
    all_end(reports, end(Paid, 0, true)).await;
}
