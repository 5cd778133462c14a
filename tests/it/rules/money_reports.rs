//! Money reports: our books against a gateway's list, difference by difference; the files.

use std::time::Duration;

use bursar::cli::report::csv::{self, Cell, Encoding};
use bursar::cli::report::span;
use bursar::clock::Timestamp;
use bursar::fact::{Direction, OrderName, TransferFact};
use bursar::fulfilment::report::{Difference, Kind, Sides, compare};
use bursar::id::TransferId;
use bursar::model::report::{Booked, Span};
use bursar::money::{Currency, Money};
use jiff::civil::date;

/// 2026-01-05 in Vietnam.
const SPAN: Span = Span {
    from: Timestamp(1_767_546_000_000),
    to: Timestamp(1_767_632_400_000),
    utc_offset_minutes: 420,
};
const HOUR: Duration = Duration::from_hours(1);

fn listed(id: &str, dong: i64) -> TransferFact {
    let at = SPAN.from.plus(HOUR * 10);
    TransferFact {
        gateway: "bank".to_owned(),
        provider_id: id.to_owned(),
        natural_key: Some(format!("key {id}")),
        account: "0123".to_owned(),
        sub_account: None,
        direction: Direction::In,
        amount: Money::vnd(dong),
        reference: format!("FT{id}"),
        order: None,
        memos: vec![],
        booked_at: Some(at),
    }
}

/// The same as our books have it.
fn booked(fact: &TransferFact) -> Booked {
    Booked {
        id: TransferId::from(format!("tr {}", fact.provider_id).as_str()),
        names: vec![(fact.gateway.clone(), fact.provider_id.clone())],
        gateway: fact.gateway.clone(),
        natural_key: fact.natural_key.clone(),
        account: fact.account.clone(),
        sub_account: fact.sub_account.clone(),
        direction: fact.direction,
        amount: fact.amount.minor,
        currency: "VND".to_owned(),
        reference: fact.reference.clone(),
        at: fact.booked_at.unwrap(),
    }
}

fn differences(listed: &[TransferFact], booked: &[Booked]) -> Vec<Difference> {
    of_account("", listed, booked)
}

fn of_account(account: &str, listed: &[TransferFact], booked: &[Booked]) -> Vec<Difference> {
    compare(&Sides {
        span: SPAN,
        account,
        known_accounts: &["0123".to_owned(), "V9".to_owned()],
        gateways: &["bank"],
        listed,
        booked,
    })
}

fn kinds(listed: &[TransferFact], booked: &[Booked]) -> Vec<Kind> {
    let found = differences(listed, booked);
    found
        .into_iter()
        .map(|difference| difference.kind)
        .collect()
}

#[test]
fn books_that_agree_have_no_difference_whatever_the_order() {
    let there = [listed("1", 500), listed("2", 600), listed("3", 500)];
    let here = [booked(&there[2]), booked(&there[0]), booked(&there[1])];
    assert_eq!(differences(&there, &here), []);
    assert_eq!(differences(&[], &[]), []);
}

#[test]
fn what_only_one_side_has_is_named_with_all_that_is_known() {
    let (there, here) = (listed("1", 500), listed("2", 600));
    let found = differences(std::slice::from_ref(&there), &[booked(&here)]);
    let expected = |kind, fact: &TransferFact| Difference {
        kind,
        gateway: "bank".to_owned(),
        provider_id: fact.provider_id.clone(),
        at: fact.booked_at,
        account: "0123".to_owned(),
        direction: Direction::In,
        amount: fact.amount.minor,
        currency: "VND".to_owned(),
        reference: fact.reference.clone(),
    };
    let only_there = expected(Kind::OnlyThere, &there);
    assert_eq!(found, [only_there, expected(Kind::OnlyHere, &here)]);
}

#[test]
fn another_amount_is_shown_beside_ours() {
    let there = listed("1", 500);
    let mut here = booked(&there);
    here.amount = 400;
    let found = differences(&[there], &[here]);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].kind, found[0].amount), (&Kind::Amount(400), 500));
}

#[test]
fn another_day_is_found_also_across_the_edge_of_the_span() {
    let there = listed("1", 500);
    let mut here = booked(&there);
    here.at = SPAN.from.minus(HOUR);
    assert_eq!(
        kinds(std::slice::from_ref(&there), &[here.clone()]),
        [Kind::Day("2026-01-04".to_owned())]
    );
    // The gateway has it a day early, we have it within.
    let mut early = there.clone();
    early.booked_at = Some(SPAN.from.minus(HOUR));
    here.at = SPAN.from.plus(HOUR);
    assert_eq!(
        kinds(&[early.clone()], &[here.clone()]),
        [Kind::Day("2026-01-05".to_owned())]
    );
    here.at = SPAN.from.minus(HOUR * 3);
    assert_eq!(kinds(&[early], &[here]), [], "outside on both sides");
}

#[test]
fn a_transfer_that_both_sides_have_outside_the_span_or_one_alone_is_no_difference() {
    let mut there = listed("1", 500);
    there.booked_at = Some(SPAN.to);
    let mut here = booked(&listed("2", 500));
    here.at = SPAN.from.minus(Duration::from_millis(1));
    assert_eq!(kinds(&[there], &[here]), []);
}

#[test]
fn the_same_transfer_under_another_id_is_found_by_its_natural_key() {
    let there = listed("1", 500);
    let mut here = booked(&there);
    here.names = vec![("bank".to_owned(), "another id".to_owned())];
    assert_eq!(kinds(&[there], &[here]), []);
}

#[test]
fn a_transfer_that_another_gateway_told_of_first_is_not_missing() {
    let there = listed("1", 500);
    let mut here = booked(&there);
    here.gateway = "other".to_owned();
    assert_eq!(kinds(&[there], &[here.clone()]), []);
    assert_eq!(
        kinds(&[], &[here]),
        [],
        "nor is it looked for in this gateway's list"
    );
}

#[test]
fn without_a_key_the_reference_finds_it_and_the_right_amount_comes_first() {
    let bare = |id: &str, dong| TransferFact {
        natural_key: None,
        reference: "FT7".to_owned(),
        ..listed(id, dong)
    };
    let there = [bare("1", 500), bare("2", 600)];
    let mut here = [booked(&bare("x", 600)), booked(&bare("y", 500))];
    assert_eq!(kinds(&there, &here), []);
    here[1].amount = 501;
    assert_eq!(kinds(&there, &here), [Kind::Amount(501)]);
    here[1].direction = Direction::Out;
    assert_eq!(kinds(&there, &here), [Kind::OnlyThere, Kind::OnlyHere]);
}

#[test]
fn twins_without_a_reference_are_paired_one_by_one() {
    let bare = |id: &str| TransferFact {
        natural_key: None,
        reference: String::new(),
        ..listed(id, 500)
    };
    let here = [booked(&bare("x")), booked(&bare("y"))];
    assert_eq!(kinds(&[bare("1"), bare("2")], &here), []);
    assert_eq!(
        kinds(&[bare("1"), bare("2"), bare("3")], &here),
        [Kind::OnlyThere]
    );
    assert_eq!(kinds(&[bare("1")], &here), [Kind::OnlyHere]);
}

#[test]
fn an_entry_of_two_lists_is_one_entry() {
    let there = listed("1", 500);
    assert_eq!(kinds(&[there.clone(), there], &[]), [Kind::OnlyThere]);
}

#[test]
fn an_account_that_the_settings_do_not_name_is_a_difference_of_its_own() {
    let mut there = listed("1", 500);
    there.account = "9999".to_owned();
    let here = [booked(&there)];
    assert_eq!(
        kinds(std::slice::from_ref(&there), &here),
        [Kind::UnknownAccount]
    );
    assert_eq!(
        kinds(std::slice::from_ref(&there), &[]),
        [Kind::OnlyThere, Kind::UnknownAccount]
    );
    there.sub_account = Some("V9".to_owned());
    assert_eq!(kinds(std::slice::from_ref(&there), &here), []);
    there.sub_account = None;
    there.order = Some(OrderName::Checkout("c".to_owned()));
    assert_eq!(kinds(&[there], &here), [], "the gateway received it for us");
}

#[test]
fn one_account_alone_is_compared_when_asked() {
    let mut other = listed("2", 600);
    other.account = "V9".to_owned();
    let mut virtual_one = listed("3", 700);
    virtual_one.sub_account = Some("V9".to_owned());
    let there = [listed("1", 500), other, virtual_one];
    let ids = |found: Vec<Difference>| found.into_iter().map(|d| d.provider_id).collect::<Vec<_>>();
    assert_eq!(ids(of_account("V9", &there, &[])), ["2", "3"]);
    let here: Vec<Booked> = there.iter().map(booked).collect();
    assert_eq!(ids(of_account("V9", &[], &here)), ["2", "3"]);
}

#[test]
fn a_span_is_whole_days_where_the_shop_is() {
    let day = date(2026, 1, 5);
    assert_eq!(span(day, day, 420).unwrap(), SPAN);
    assert!(span(date(2026, 1, 6), day, 420).is_err());
    assert!(span(date(2016, 1, 1), date(2026, 1, 8), 420).is_err());
    assert_eq!(SPAN.day(SPAN.from), "2026-01-05");
    assert_eq!(SPAN.day(SPAN.to), "2026-01-06");
}

#[test]
fn a_file_is_rfc_4180() {
    let rows = vec![
        vec![
            Cell::text("plain"),
            Cell::text("a,b"),
            Cell::text("say \"hi\""),
        ],
        vec![
            Cell::text("two\r\nlines"),
            Cell::text(""),
            Cell::text("Nguyễn"),
        ],
    ];
    let expected = "x,y,z\r\nplain,\"a,b\",\"say \"\"hi\"\"\"\r\n\"two\r\nlines\",,Nguyễn\r\n";
    assert_eq!(
        csv::write(&["x", "y", "z"], &rows, Encoding::Plain),
        expected
    );
    let marked = csv::write(&["x", "y", "z"], &rows, Encoding::Marked);
    assert_eq!(marked.as_bytes()[..3], [0xEF, 0xBB, 0xBF]);
    assert_eq!(&marked[3..], expected);
}

#[test]
fn no_text_becomes_a_formula_and_numbers_stay_numbers() {
    for (text, written) in [
        ("=1+1", "'=1+1"),
        ("+84901", "'+84901"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("=a,b", "\"'=a,b\""),
        ("\r=1", "\"'\r=1\""),
        ("0123", "0123"),
    ] {
        let file = csv::write(&["h"], &[vec![Cell::text(text)]], Encoding::Plain);
        assert_eq!(file, format!("h\r\n{written}\r\n"));
    }
    for (cell, written) in [
        (Cell::whole(-5), "-5"),
        (Cell::amount(-599_000, Some(Currency::Vnd)), "-599000"),
        (Cell::amount(5, Some(Currency::Usd)), "0.05"),
        (Cell::amount(-1_250, Some(Currency::Usd)), "-12.50"),
        (Cell::amount(7, None), "7"),
    ] {
        let file = csv::write(&["h"], &[vec![cell]], Encoding::Plain);
        assert_eq!(file, format!("h\r\n{written}\r\n"));
    }
}
