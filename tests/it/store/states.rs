//! Stored states: their words are the table's own, and one table of moves is the only gate.

use bursar::args;
use bursar::error::Result;
use bursar::fact::{DisputeStage, Fact};
use bursar::model::dispute::{self, DisputeState};
use bursar::model::email::EmailState;
use bursar::model::gateway_event::{EventState, Road};
use bursar::model::grant::{Benefit, GrantState, Step};
use bursar::model::line::LineStatus;
use bursar::model::order::{OrderKind, OrderStatus, PaymentStatus};
use bursar::model::payment::{self, PaymentState};
use bursar::model::refund::{self, Purpose, RefundState};
use bursar::model::task::{Kind, TaskState};
use bursar::model::transfer::Class;
use bursar::model::{email, grant, line, order};

use crate::harness::books;
use crate::harness::databases::KINDS;
use crate::harness::shop::{Shop, till};

/// Every migration, the newest first.
const MIGRATIONS: [&str; 5] = [
    include_str!("../../../migrations/V5__api_keys.sql"),
    include_str!("../../../migrations/V4__coupons.sql"),
    include_str!("../../../migrations/V3__money.sql"),
    include_str!("../../../migrations/V2__catalogue.sql"),
    include_str!("../../../migrations/V1__spine.sql"),
];

/// The lists of `CHECK (column IN (...))` in the last migration that has any for the table, sorted: one
/// for each database, where they are written apart.
fn checked_words(table: &str, column: &str) -> Vec<Vec<String>> {
    let lists = MIGRATIONS.iter().map(|text| lists(text, table, column));
    let found = lists.into_iter().find(|lists| !lists.is_empty());
    found.unwrap_or_else(|| panic!("{table}.{column} has no CHECK"))
}

fn lists(migration: &str, table: &str, column: &str) -> Vec<Vec<String>> {
    let lines = migration.lines().map(|line| {
        let line = line
            .trim_start_matches("--pg ")
            .trim_start_matches("--lite ");
        line.split("--").next().unwrap()
    });
    let text: String = lines.collect::<Vec<_>>().join(" ");
    let mut lists = Vec::new();
    for statement in text.split(';') {
        let mut words = statement.split_whitespace();
        let named = words.find(|word| *word == "TABLE").and(words.next());
        let begin = format!("CHECK ({column} IN (");
        // A table that is written anew has that in its name until the old one is gone.
        if named.is_some_and(|name| name.trim_end_matches("_anew") == table)
            && let Some((_, list)) = statement.split_once(&begin)
        {
            let list = list.split(')').next().unwrap().split(',');
            let mut words: Vec<String> = list
                .map(|word| word.trim().trim_matches('\'').to_owned())
                .collect();
            words.sort_unstable();
            lists.push(words);
        }
    }
    lists
}

macro_rules! assert_words {
    ($($table:literal $column:literal = $state:ty;)+) => {$({
        let mut words: Vec<&str> = <$state>::ALL.iter().map(|state| state.as_str()).collect();
        words.sort_unstable();
        for list in checked_words($table, $column) {
            assert_eq!(words, list, "{}.{}", $table, $column);
        }
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
        "orders" "kind" = OrderKind;
        "gateway_events" "road" = Road;
        "payments" "state" = PaymentState;
        "refunds" "state" = RefundState;
        "refunds" "purpose" = Purpose;
        "disputes" "state" = DisputeState;
    }
}

#[test]
fn the_words_of_a_table_that_was_written_anew_are_the_newest_on_both_databases() {
    let kinds = checked_words("tasks", "kind");
    assert_eq!(kinds.len(), 2, "one for each database");
    let spine = lists(MIGRATIONS[4], "tasks", "kind");
    assert!(spine[0].len() < kinds[0].len());
}

bursar::statements! {
    SET_ORDER = "UPDATE orders SET payment_status = $2 WHERE id = $1";
    SET_LINE = "UPDATE lines SET status = $2 WHERE id = $1";
    SET_GRANT = "UPDATE grants SET state = $2 WHERE id = $1";
    SET_EMAIL = "UPDATE emails SET state = $2 WHERE id = $1";
    SET_PAYMENT = "UPDATE payments SET state = $2 WHERE id = $1";
    SET_REFUND = "UPDATE refunds SET state = $2 WHERE id = $1";
    SET_DISPUTE = "UPDATE disputes SET state = $2 WHERE provider_id = $1";
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

/// One move of a table that answers a forbidden move with false: a gateway's reports come in any order.
async fn each_quiet_pair<S: Copy + std::fmt::Display + PartialEq>(
    all: &[S],
    attempt: impl AsyncFn(S, S) -> Moved,
) {
    for &from in all {
        for &to in all {
            let moved = attempt(from, to).await;
            let what = format!("{from} to {to}");
            assert_eq!(moved.answer.unwrap(), moved.allowed, "{what}");
            assert!(
                if moved.allowed {
                    moved.arrived
                } else {
                    moved.stayed
                },
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn a_payment_makes_only_the_moves_of_its_table() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let placed = shop.order(&["files"]).await;
        let read = async || {
            let id = placed.id.clone();
            let read = shop
                .app
                .db
                .read(move |tx| Box::pin(async move { payment::of_order(tx, &id).await }));
            read.await.unwrap().remove(0)
        };
        let attempt = async |from: PaymentState, to: PaymentState| {
            let id = read().await.id;
            books::exec(&shop.app.db, &SET_PAYMENT, args![&id, from]).await;
            let before = read().await;
            let answer = shop
                .step(move |tx, _| {
                    Box::pin(async move { payment::advance(tx, &before, to, Some("test")).await })
                })
                .await;
            let now = read().await.state;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_quiet_pair(PaymentState::ALL, attempt).await;
    }
}

#[tokio::test]
async fn a_refund_makes_only_the_moves_of_its_table() {
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let bought = shop.bought(&["files"]).await;
        let id = shop.pay_back(&bought, None).await.unwrap().remove(0).id;
        let attempt = async |from: RefundState, to: RefundState| {
            books::exec(&shop.app.db, &SET_REFUND, args![&id, from]).await;
            let read = shop.refunds(&bought).await.remove(0);
            let answer = shop
                .step(move |tx, moment| {
                    Box::pin(async move {
                        refund::advance(tx, &moment, &read, to, refund::Step::default()).await
                    })
                })
                .await;
            let now = shop.refunds(&bought).await[0].state;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_quiet_pair(RefundState::ALL, attempt).await;
    }
}

#[tokio::test]
async fn a_dispute_makes_only_the_moves_of_its_table() {
    use DisputeStage::{Inquiry, Lost, Open, Won};
    for kind in KINDS {
        let shop = Shop::open(kind).await;
        let (bought, paid) = shop.bought_by_card(&["files"]).await;
        shop.tell(till::disputed("dp_1", &paid, 1000, Inquiry))
            .await;
        let attempt = async |from: DisputeState, to: DisputeState| {
            books::exec(&shop.app.db, &SET_DISPUTE, args!["dp_1", from]).await;
            let stage = [Inquiry, Open, Won, Lost];
            let stage = stage.into_iter().find(|s| DisputeState::from(*s) == to);
            let Fact::Dispute(fact) = till::disputed("dp_1", &paid, 1000, stage.unwrap()) else {
                unreachable!("it is a dispute")
            };
            let transfer = shop.transfers(&bought).await.remove(0).id;
            let answer = shop
                .step(move |tx, moment| {
                    Box::pin(async move {
                        let taken = dispute::take(tx, &moment, &fact, &transfer, None).await?;
                        Ok(taken == Some(to))
                    })
                })
                .await;
            let now = shop.disputes(&bought).await[0].dispute.state;
            Moved {
                answer,
                allowed: from.may_become(to),
                stayed: now == from,
                arrived: now == to,
            }
        };
        each_quiet_pair(DisputeState::ALL, attempt).await;
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
