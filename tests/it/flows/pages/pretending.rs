//! The demo's panel: each of its buttons makes the transfer that it names, told through the real webhook.

use bursar::config::Mode;
use bursar::db::Kind;
use bursar::fulfilment::suggest::{self, Clue, Reason};
use bursar::model::order::{Order, PaymentStatus};
use bursar::model::transfer::{self, Class, Transfer};
use bursar::words::Locale;

use super::stand::{START, Stand, text};

async fn demo() -> Stand {
    Stand::open(Kind::Sqlite, |config| config.mode = Mode::Demo).await
}

async fn press(stand: &Stand, order: &Order, what: &str) -> u16 {
    let request = stand.post(&format!("/o/{}/simulate", order.secret));
    let answer = request.form(&[("what", what)]).send().await.unwrap();
    answer.status().as_u16()
}

/// All that came, oldest first.
async fn came(stand: &Stand) -> Vec<Transfer> {
    let read = stand
        .app
        .db
        .read(|tx| Box::pin(transfer::recent(tx, START, 100)));
    let mut transfers = read.await.unwrap();
    transfers.reverse();
    transfers
}

async fn classes(stand: &Stand) -> Vec<Class> {
    came(stand).await.iter().map(|t| t.class).collect()
}

#[tokio::test]
async fn each_button_makes_the_transfer_that_it_names() {
    for (what, class, dong) in [
        ("exact", Class::Exact, 550_000),
        ("less", Class::Short, 450_000),
        ("more", Class::Over, 650_000),
        ("mistyped", Class::NoCode, 550_000),
        ("stranger", Class::WrongCode, 550_000),
        ("no_code", Class::NoCode, 550_000),
    ] {
        let stand = demo().await;
        let order = stand.order(&["learn", "read"]).await;
        assert_eq!(press(&stand, &order, what).await, 303, "{what}");
        let transfers = came(&stand).await;
        assert_eq!(transfers.len(), 1, "{what}");
        assert_eq!(transfers[0].class, class, "{what}");
        assert_eq!(transfers[0].amount.minor, dong, "{what}");
    }
}

#[tokio::test]
async fn a_mistyped_code_is_suggested_as_one_typing_mistake() {
    let stand = demo().await;
    let order = stand.order(&["learn", "read"]).await;
    press(&stand, &order, "mistyped").await;
    let transfer = came(&stand).await.pop().unwrap();
    let clue = Clue {
        amount: transfer.amount,
        memos: transfer.memo.lines().map(str::to_owned).collect(),
        at: transfer.received_at,
    };
    let policy = stand.app.desk.policy.clone();
    let read = stand
        .app
        .db
        .read(move |tx| Box::pin(async move { suggest::suggest(tx, &policy, &clue).await }));
    let best = read.await.unwrap().remove(0);
    assert_eq!(best.order.id, order.id);
    assert!(best.reasons.contains(&Reason::NearCode));
}

#[tokio::test]
async fn money_that_comes_late_and_money_that_comes_twice_can_be_pretended() {
    let stand = demo().await;
    let order = stand.order(&["learn"]).await;
    press(&stand, &order, "time_up").await;
    let expired = stand.order_page(&order, Locale::En).await;
    assert!(!expired.contains("value=\"time_up\"") && expired.contains("value=\"exact\""));
    press(&stand, &order, "exact").await;
    let paid = stand.order_page(&order, Locale::En).await;
    assert!(!paid.contains("value=\"exact\"") && paid.contains("value=\"again\""));
    press(&stand, &order, "again").await;
    assert_eq!(classes(&stand).await, [Class::Late, Class::Duplicate]);
}

#[tokio::test]
async fn a_button_of_an_old_page_and_an_unknown_one_change_nothing() {
    let stand = demo().await;
    let order = stand.order(&["learn"]).await;
    assert_eq!(press(&stand, &order, "again").await, 303);
    assert_eq!(press(&stand, &order, "everything").await, 404);
    press(&stand, &order, "exact").await;
    for old in ["exact", "more", "mistyped", "time_up"] {
        assert_eq!(press(&stand, &order, old).await, 303, "{old}");
    }
    assert_eq!(classes(&stand).await, [Class::Exact]);
}

#[tokio::test]
async fn in_a_real_shop_no_time_runs_out_by_a_button() {
    let stand = Stand::sqlite().await;
    let order = stand.order(&["learn"]).await;
    let path = format!("/o/{}/simulate", order.secret);
    let request = stand.post(&path).form(&[("what", "time_up")]);
    text(request.send().await.unwrap(), 404).await;
    let id = order.id.clone();
    let read = stand
        .app
        .db
        .read(move |tx| Box::pin(async move { bursar::model::order::get(tx, &id).await }));
    let now = read.await.unwrap();
    assert_eq!(now.payment_status, PaymentStatus::Pending);
}
