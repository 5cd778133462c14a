//! What a coupon does to a price: examples, and what holds for every price.

use bursar::clock::Timestamp;
use bursar::error::Error;
use bursar::fulfilment::price::{Applied, Quote, QuoteLine, Rule, coupon::apply};
use bursar::id::CouponId;
use bursar::model::coupon::{Coupon, CouponCode, CouponKind, Limits, NewCoupon};
use bursar::model::course::Slug;
use bursar::money::{Currency, Money};
use bursar::words::Locale;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000);

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

/// Lines `c0`, `c1`, … at these prices.
fn quote(prices: &[i64]) -> Quote {
    let lines = prices.iter().enumerate().map(|(at, &price)| QuoteLine {
        course: slug(&format!("c{at}")),
        list_price: Money::vnd(price),
        price: Money::vnd(price),
        bundle: None,
    });
    let total = Money::vnd(prices.iter().sum());
    Quote {
        lines: lines.collect(),
        list_total: total,
        total,
        rule: Rule::default(),
    }
}

fn limits() -> Limits {
    Limits {
        max_uses: None,
        per_customer: None,
        min_total: 0,
        from: None,
        until: None,
        active: true,
        note: String::new(),
    }
}

fn coupon(kind: CouponKind, value: i64) -> Coupon {
    Coupon {
        id: CouponId::from("cpn_1"),
        code: CouponCode::parse("TET").unwrap(),
        kind,
        value,
        currency: Currency::Vnd,
        only_for: Vec::new(),
        limits: limits(),
        taken: 0,
        created_at: NOW,
    }
}

fn percent(value: i64) -> Coupon {
    coupon(CouponKind::Percent, value)
}

fn prices(quote: &Quote) -> Vec<i64> {
    quote.lines.iter().map(|line| line.price.minor).collect()
}

#[track_caller]
fn assert_refused(answer: Result<Quote, Error>, code: &str) {
    match answer {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.code, code),
        other => panic!("{other:?} instead of {code}"),
    }
}

#[test]
fn per_cent_are_rounded_half_up_to_whole_dong() {
    for (price, per_cent, off) in [(1_000, 20, 200), (50, 1, 1), (49, 1, 0), (333, 50, 167)] {
        let with = apply(&quote(&[price]), &percent(per_cent), NOW).unwrap();
        assert_eq!(with.total.minor, price - off, "{per_cent} % of {price}");
    }
}

#[test]
fn an_amount_takes_off_no_more_than_there_is() {
    let with = apply(&quote(&[300, 100]), &coupon(CouponKind::Amount, 1_000), NOW).unwrap();
    assert_eq!((with.total.minor, prices(&with)), (0, vec![0, 0]));
    let Some(Applied::Coupon { off, percent, .. }) = with.rule.0.last() else {
        panic!("no coupon in {:?}", with.rule);
    };
    assert_eq!(
        (off.minor, *percent),
        (400, None),
        "what it took, not what it could"
    );
}

#[test]
fn only_the_lines_that_it_covers_get_cheaper() {
    let mut by_course = percent(50);
    by_course.only_for = vec![slug("c1"), slug("gone")];
    let with = apply(&quote(&[1_000, 600, 300]), &by_course, NOW).unwrap();
    assert_eq!(
        (with.total.minor, prices(&with)),
        (1_600, vec![1_000, 300, 300])
    );

    let mut by_bundle = percent(50);
    by_bundle.only_for = vec![slug("set")];
    let mut bundled = quote(&[1_000, 600, 300]);
    assert_refused(apply(&bundled, &by_bundle, NOW), "coupon_not_for_these");
    bundled.lines[0].bundle = Some(slug("set"));
    bundled.lines[2].bundle = Some(slug("set"));
    let with = apply(&bundled, &by_bundle, NOW).unwrap();
    assert_eq!(prices(&with), [500, 600, 150]);
}

#[test]
fn its_time_begins_with_the_first_moment_and_ends_before_the_last() {
    let mut timed = percent(10);
    timed.limits.from = Some(Timestamp(1_000));
    timed.limits.until = Some(Timestamp(2_000));
    let at = |now| apply(&quote(&[100]), &timed, Timestamp(now));
    assert_refused(at(999), "coupon_not_yet");
    assert!(at(1_000).is_ok() && at(1_999).is_ok());
    assert_refused(at(2_000), "coupon_expired");
    let mut stopped = percent(10);
    stopped.limits.active = false;
    assert_refused(apply(&quote(&[100]), &stopped, NOW), "coupon_expired");
}

#[test]
fn the_least_total_is_that_of_the_whole_order() {
    let mut least = percent(10);
    least.limits.min_total = 500;
    least.only_for = vec![slug("c0")];
    assert_refused(apply(&quote(&[300, 199]), &least, NOW), "coupon_minimum");
    assert_eq!(
        apply(&quote(&[300, 200]), &least, NOW).unwrap().total.minor,
        470
    );
}

#[test]
fn a_coupon_in_another_currency_covers_nothing() {
    let mut foreign = percent(10);
    foreign.currency = Currency::Usd;
    assert_refused(apply(&quote(&[100]), &foreign, NOW), "coupon_not_for_these");
}

#[test]
fn the_rule_is_kept_beside_the_others_and_says_itself_in_both_languages() {
    let mut bundled = quote(&[600, 400]);
    bundled.rule.0.push(Applied::Bundle {
        slug: slug("set"),
        title: "Trọn bộ".to_owned(),
        price: Money::vnd(1_000),
    });
    let with = apply(&bundled, &percent(20), NOW).unwrap();
    let stored = with.rule.to_json().unwrap();
    assert_eq!(Rule::from_json(&stored).unwrap(), with.rule);
    assert_eq!(
        with.rule.say(Locale::En),
        "Bundle “Trọn bộ” 1.000 ₫ + Coupon TET −20% (−200 ₫)"
    );
    let amount = apply(&quote(&[600]), &coupon(CouponKind::Amount, 100), NOW).unwrap();
    assert_eq!(amount.rule.say(Locale::Vi), "Mã giảm giá TET (−100 ₫)");
}

#[test]
fn a_code_is_found_in_any_case_and_blanks_around_it() {
    assert_eq!(
        CouponCode::parse(" tet-20_x ").unwrap().as_str(),
        "TET-20_X"
    );
    let long = "A".repeat(33);
    for bad in ["", "AB", "TẾT", "A B C", "TET%", "TET\0", &long] {
        assert!(CouponCode::parse(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn a_coupon_that_makes_no_sense_is_not_made() {
    let new = |kind, value, limits| NewCoupon {
        code: CouponCode::parse("TET").unwrap(),
        kind,
        value,
        currency: Currency::Vnd,
        only_for: Vec::new(),
        limits,
    };
    let of = |change: fn(&mut Limits)| {
        let mut limits = limits();
        change(&mut limits);
        new(CouponKind::Percent, 20, limits)
    };
    assert!(new(CouponKind::Percent, 100, limits()).check().is_ok());
    assert!(new(CouponKind::Amount, 101, limits()).check().is_ok());
    let bad = [
        new(CouponKind::Percent, 101, limits()),
        new(CouponKind::Percent, 0, limits()),
        new(CouponKind::Amount, -1, limits()),
        of(|limits| limits.max_uses = Some(0)),
        of(|limits| limits.per_customer = Some(0)),
        of(|limits| limits.min_total = -1),
        of(|limits| (limits.from, limits.until) = (Some(NOW), Some(NOW))),
        of(|limits| limits.note = "x".repeat(501)),
    ];
    for coupon in bad {
        assert!(coupon.check().is_err(), "{coupon:?}");
    }
}

proptest! {
    #[test]
    fn lines_sum_to_the_total_and_nothing_is_dearer_or_below_zero(
        prices in prop::collection::vec((1_i64..5_000_000, any::<bool>()), 1..12),
        is_percent in any::<bool>(),
        value in 1_i64..=100,
        dong in 1_i64..20_000_000,
    ) {
        let before = quote(&prices.iter().map(|(price, _)| *price).collect::<Vec<_>>());
        let mut coupon = if is_percent { percent(value) } else { coupon(CouponKind::Amount, dong) };
        let named = prices.iter().enumerate().filter(|(_, (_, named))| *named);
        coupon.only_for = named.map(|(at, _)| slug(&format!("c{at}"))).collect();
        let covers = |at: usize| coupon.only_for.is_empty() || prices[at].1;
        let after = apply(&before, &coupon, NOW).unwrap();
        prop_assert_eq!(after.lines.iter().map(|l| l.price.minor).sum::<i64>(), after.total.minor);
        prop_assert!(after.total.minor >= 0);
        for (at, (old, new)) in before.lines.iter().zip(&after.lines).enumerate() {
            prop_assert!(0 <= new.price.minor && new.price.minor <= old.price.minor);
            prop_assert!(covers(at) || new.price == old.price, "line {} is not covered", at);
        }
        let covered: i64 = (0..prices.len()).filter(|&at| covers(at)).map(|at| prices[at].0).sum();
        let off = before.total.minor - after.total.minor;
        if is_percent {
            // Half-up, told without a division: within half a dong, and the half counts as a whole.
            let twice = 2 * (100 * off - covered * value);
            prop_assert!(-100 < twice && twice <= 100, "{} off {} at {} %", off, covered, value);
        } else {
            prop_assert_eq!(off, dong.min(covered));
        }
    }
}
