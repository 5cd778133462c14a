//! Stored states: their words are the table's own, and one table of moves is the only gate.

use bursar::args;
use bursar::error::Result;
use bursar::model::email::EmailState;
use bursar::model::gateway_event::EventState;
use bursar::model::grant::{Benefit, GrantState, Step};
use bursar::model::line::LineStatus;
use bursar::model::order::{OrderStatus, PaymentStatus};
use bursar::model::task::{Kind, TaskState};
use bursar::model::transfer::Class;
use bursar::model::{email, grant, line, order};

use crate::harness::books;
use crate::harness::databases::KINDS;
use crate::harness::shop::Shop;

const SPINE: &str = include_str!("../../../migrations/V1__spine.sql");

/// The words of `CHECK (column IN (...))` in the table's definition, sorted.
fn checked_words(table: &str, column: &str) -> Vec<&'static str> {
    let begin = format!("CREATE TABLE {table} (");
    let from = SPINE.find(&begin).expect(table);
    let definition = &SPINE[from..][..SPINE[from..].find("\n);").unwrap()];
    let begin = format!("CHECK ({column} IN (");
    let from = definition.find(&begin).expect(column) + begin.len();
    let list = &definition[from..][..definition[from..].find(')').unwrap()];
    let mut words: Vec<&str> = list
        .split(',')
        .map(|word| word.trim().trim_matches('\''))
        .collect();
    words.sort_unstable();
    words
}

macro_rules! assert_words {
    ($($table:literal $column:literal = $state:ty;)+) => {$({
        let mut words: Vec<&str> = <$state>::ALL.iter().map(|state| state.as_str()).collect();
        words.sort_unstable();
        assert_eq!(words, checked_words($table, $column), "{}.{}", $table, $column);
    })+};
}

#[test]
fn the_words_of_every_state_are_those_of_its_tables_check() {
    assert_words! {
        "orders" "payment_status" = PaymentStatus;
        "orders" "order_status" = OrderStatus;
        "lines" "status" = LineStatus;
        "gateway_events" "state" = EventState;
        "transfers" "class" = Class;
        "grants" "kind" = Benefit;
        "grants" "state" = GrantState;
        "tasks" "kind" = Kind;
        "tasks" "state" = TaskState;
        "emails" "state" = EmailState;
    }
}

bursar::statements! {
    SET_ORDER = "UPDATE orders SET payment_status = $2 WHERE id = $1";
    SET_LINE = "UPDATE lines SET status = $2 WHERE id = $1";
    SET_GRANT = "UPDATE grants SET state = $2 WHERE id = $1";
    SET_EMAIL = "UPDATE emails SET state = $2 WHERE id = $1";
}

/// One move, as it went.
struct Moved {
    answer: Result<bool>,
    allowed: bool,
    /// The row is where it was before.
    stayed: bool,
    arrived: bool,
}

impl Moved {
    /// Of a row that stands where the caller read it.
    fn assert_gated(&self, what: &str) {
        match (&self.answer, self.allowed) {
            (Ok(true), true) => assert!(self.arrived, "{what}: moved, and is not there"),
            (Err(_), false) => assert!(self.stayed, "{what}: refused, and moved"),
            (answer, _) => panic!("{what}: {answer:?}, allowed: {}", self.allowed),
        }
    }
}

async fn each_pair<S: Copy + std::fmt::Display>(all: &[S], attempt: impl AsyncFn(S, S) -> Moved) {
    for &from in all {
        for &to in all {
            attempt(from, to)
                .await
                .assert_gated(&format!("{from} to {to}"));
        }
    }
}

#[tokio::test]
async fn an_order_makes_only_the_moves_of_its_table() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let placed = shop.order(&["files"]).await;
        let attempt = async |from: PaymentStatus, to: PaymentStatus| {
            books::exec(&shop.app.db, &SET_ORDER, args![&placed.id, from]).await;
            let (id, until) = (placed.id.clone(), placed.expires_at);
            let answer = shop
                .step(move |tx, moment| {
                    Box::pin(async move {
                        order::close_or_reopen(tx, &moment, &id, (from, to), until, "test").await
                    })
                })
                .await;
            let now = shop.order_now(&placed.id).await.payment_status;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_pair(PaymentStatus::ALL, attempt).await;
    }
}

#[tokio::test]
async fn a_line_makes_only_the_moves_of_its_table() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let placed = shop.order(&["files"]).await;
        let id = shop.lines(&placed).await[0].id.clone();
        let attempt = async |from: LineStatus, to: LineStatus| {
            books::exec(&shop.app.db, &SET_LINE, args![&id, from]).await;
            let (order, line) = (placed.id.clone(), id.clone());
            let answer = shop
                .step(move |tx, moment| {
                    Box::pin(
                        async move { line::advance(tx, &moment, (&order, &line), from, to).await },
                    )
                })
                .await;
            let now = shop.lines(&placed).await[0].status;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_pair(LineStatus::ALL, attempt).await;
    }
}

#[tokio::test]
async fn a_grant_makes_only_the_moves_of_its_table() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let bought = shop.bought(&["files"]).await;
        let id = shop.grant(&bought).await.id;
        let attempt = async |from: GrantState, to: GrantState| {
            books::exec(&shop.app.db, &SET_GRANT, args![&id, from]).await;
            let read = shop.grant(&bought).await;
            let answer = shop
                .step(move |tx, moment| {
                    Box::pin(async move {
                        grant::advance(tx, &moment, &read, to, Step::default()).await
                    })
                })
                .await;
            let now = shop.grant(&bought).await.state;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_pair(GrantState::ALL, attempt).await;
    }
}

#[tokio::test]
async fn an_e_mail_makes_only_the_moves_of_its_table() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let bought = shop.bought(&["files"]).await;
        let id = shop.emails(&bought).await[0].id.clone();
        let attempt = async |from: EmailState, to: EmailState| {
            books::exec(&shop.app.db, &SET_EMAIL, args![&id, from]).await;
            let read = shop.emails(&bought).await.remove(0);
            let answer = shop
                .step(move |tx, moment| {
                    Box::pin(async move { email::advance(tx, &moment, &read, to, None).await })
                })
                .await;
            let now = shop.emails(&bought).await[0].state;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_pair(EmailState::ALL, attempt).await;
    }
}

#[tokio::test]
async fn a_row_that_somebody_else_moved_stays_where_they_put_it() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let bought = shop.bought(&["files"]).await;
        let read = shop.grant(&bought).await;
        assert_eq!(read.state, GrantState::Waiting);
        books::exec(
            &shop.app.db,
            &SET_GRANT,
            args![&read.id, GrantState::GaveUp],
        )
        .await;
        let before = shop.audit(&bought).await.len();
        let moved = shop
            .step(move |tx, moment| {
                Box::pin(async move {
                    grant::advance(tx, &moment, &read, GrantState::Working, Step::default()).await
                })
            })
            .await;
        assert!(!moved.unwrap());
        assert_eq!(shop.grant(&bought).await.state, GrantState::GaveUp);
        assert_eq!(
            shop.audit(&bought).await.len(),
            before,
            "and no entry says otherwise"
        );
    }
}
