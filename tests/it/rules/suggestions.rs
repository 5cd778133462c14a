//! What speaks for an order that a transfer may have been meant for, and what speaks louder.

use std::time::Duration;

use bursar::clock::Timestamp;
use bursar::fulfilment::suggest::{Clue, Reason, Suggestion, ranked};
use bursar::id::{CustomerId, Mint, OrderId};
use bursar::model::code::OrderCode;
use bursar::model::order::{NewOrder, Order, OrderKind};
use bursar::money::Money;
use bursar::words::Locale;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const HOUR: Duration = Duration::from_hours(1);
const TOLERANCE: i64 = 1000;

/// Orders of one shop, each with its own code.
struct Book(Mint);

impl Book {
    fn new() -> Self {
        Self(Mint::seeded(11))
    }

    /// An order for this much, placed so many hours before the transfer.
    fn order(&self, dong: i64, hours: u32) -> Order {
        let placed = NOW.minus(HOUR * hours);
        let new = NewOrder {
            id: &self.0.id::<OrderId>(placed),
            code: &OrderCode::mint("DH", &self.0),
            secret: "s",
            customer: &CustomerId::from("cus_1"),
            email: "x@example.com",
            name: "",
            locale: Locale::Vi,
            list_total: Money::vnd(dong),
            total: Money::vnd(dong),
            price_rule: "{}",
            lines: 1,
            idempotency: None,
            expires_at: placed.plus(HOUR * 24),
            kind: OrderKind::Sale,
        };
        new.stored(placed)
    }

    fn by(&self, name: &str, email: &str) -> Order {
        Order {
            name: name.to_owned(),
            email: email.to_owned(),
            ..self.order(77_000_000, 100)
        }
    }
}

fn clue(dong: i64, memo: &str) -> Clue {
    Clue {
        amount: Money::vnd(dong),
        memos: vec![memo.to_owned(), format!("BankAPINotify {memo}")],
        at: NOW,
    }
}

fn suggested(clue: &Clue, orders: &[&Order]) -> Vec<Suggestion> {
    ranked(
        TOLERANCE,
        clue,
        orders.iter().map(|o| (*o).clone()).collect(),
    )
}

/// The reasons that one order is suggested for; none when it is not.
fn reasons(clue: &Clue, order: &Order) -> Vec<Reason> {
    let suggestions = suggested(clue, &[order]);
    suggestions
        .first()
        .map_or(Vec::new(), |s| s.reasons.clone())
}

/// With its last character wrong.
fn mistyped(order: &Order) -> String {
    let code = order.code.as_str();
    format!("{}0", &code[..code.len() - 1])
}

#[test]
fn an_amount_is_exact_or_near_by_the_tolerance_or_two_per_cent_of_what_is_still_owed() {
    let book = Book::new();
    let mut order = book.order(500_000, 100);
    for (dong, expected) in [
        (500_000, vec![Reason::Amount]),
        (510_000, vec![Reason::NearAmount]),
        (490_000, vec![Reason::NearAmount]),
        (510_001, vec![]),
        (489_999, vec![]),
    ] {
        assert_eq!(reasons(&clue(dong, "ck"), &order), expected, "{dong}");
    }
    order.received = Money::vnd(480_000);
    assert_eq!(reasons(&clue(20_000, "ck"), &order), [Reason::Amount]);
    assert_eq!(reasons(&clue(21_000, "ck"), &order), [Reason::NearAmount]);
    assert_eq!(reasons(&clue(500_000, "ck"), &order), []);
    order.received = order.total;
    assert_eq!(reasons(&clue(0, "ck"), &order), [], "it owes nothing");
}

#[test]
fn time_alone_suggests_nothing_and_speaks_for_orders_of_the_last_day_only() {
    let book = Book::new();
    let order = |hours| book.order(500_000, hours);
    assert_eq!(reasons(&clue(1, "ck"), &order(1)), []);
    let exact = clue(500_000, "ck");
    for (hours, expected) in [
        (0, vec![Reason::Amount, Reason::Time]),
        (24, vec![Reason::Amount, Reason::Time]),
        (25, vec![Reason::Amount]),
    ] {
        assert_eq!(reasons(&exact, &order(hours)), expected, "{hours}");
    }
    let later = Order {
        created_at: NOW.plus(HOUR),
        ..order(0)
    };
    assert_eq!(reasons(&exact, &later), [Reason::Amount]);
}

#[test]
fn a_name_counts_when_all_its_words_are_in_the_memo_and_it_is_not_one_short_word() {
    let book = Book::new();
    for (name, memo, counts) in [
        ("Nguyễn Văn An", "NGUYEN VAN AN chuyen tien", true),
        ("nguyễn an", "MBVCB.1.NGUYEN VAN AN.CT tu", true),
        ("Đỗ Hường", "do thi huong ck", true),
        ("Hường", "do thi huong ck", true),
        ("An", "NGUYEN VAN AN", false),
        ("Nguyễn Bình", "NGUYEN VAN AN", false),
        ("Nguyễn An", "NGUYENVANAN", false),
        ("", "NGUYEN VAN AN", false),
        ("Hoa", "hoa hoc", false),
    ] {
        let found = reasons(&clue(9, memo), &book.by(name, "x@example.com"));
        assert_eq!(found == [Reason::Name], counts, "{name} in {memo}");
    }
}

#[test]
fn an_address_counts_by_what_is_before_the_at_without_its_dots_and_tags() {
    let book = Book::new();
    for (email, memo, counts) in [
        ("an.nguyen_88@example.com", "ck annguyen88 hoc phi", true),
        ("an.nguyen88+shop@example.com", "AN NGUYEN 88", true),
        ("lan@example.com", "lan lan lan", false),
        ("anna9@example.com", "anna 8", false),
        ("@example.com", "anything", false),
    ] {
        let found = reasons(&clue(9, memo), &book.by("", email));
        assert_eq!(found == [Reason::Email], counts, "{email} in {memo}");
    }
}

#[test]
fn one_typing_mistake_in_an_order_of_the_amount_goes_before_everything_but_a_code() {
    let book = Book::new();
    let typed = book.order(500_000, 500);
    let all_else = Order {
        name: "Nguyễn Văn An".to_owned(),
        email: "nguyenvanan@example.com".to_owned(),
        ..book.order(500_000, 1)
    };
    let named = book.order(77_000, 700);
    let memo = format!(
        "{} NGUYEN VAN AN nguyenvanan {}",
        mistyped(&typed),
        named.code
    );
    let best = suggested(&clue(500_000, &memo), &[&all_else, &typed, &named]);
    let ids: Vec<&OrderId> = best.iter().map(|s| &s.order.id).collect();
    assert_eq!(ids, [&named.id, &typed.id, &all_else.id]);
    assert_eq!(best[0].reasons, [Reason::Code]);
    assert_eq!(best[1].reasons, [Reason::NearCode, Reason::Amount]);
    let rest = [Reason::Amount, Reason::Name, Reason::Email, Reason::Time];
    assert_eq!(best[2].reasons, rest);
}

#[test]
fn at_most_five_are_suggested_the_nearest_in_time_first_and_always_the_same_ones() {
    let book = Book::new();
    let orders: Vec<Order> = (1..=8)
        .map(|hours| book.order(500_000, hours * 2))
        .collect();
    let clue = clue(500_000, "ck");
    let forwards: Vec<&Order> = orders.iter().collect();
    let backwards: Vec<&Order> = orders.iter().rev().collect();
    let expected: Vec<&OrderId> = orders[..5].iter().map(|o| &o.id).collect();
    for given in [forwards, backwards] {
        let best = suggested(&clue, &given);
        let ids: Vec<&OrderId> = best.iter().map(|s| &s.order.id).collect();
        assert_eq!(ids, expected);
    }
}
