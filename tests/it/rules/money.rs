//! Splitting amounts and writing them for people.

use bursar::money::{Currency, Money, share};
use proptest::prelude::*;

#[test]
fn dong_are_written_in_groups_of_three_with_points() {
    for (minor, written) in [
        (0, "0 ₫"),
        (999, "999 ₫"),
        (1_000, "1.000 ₫"),
        (499_000, "499.000 ₫"),
        (25_990_000, "25.990.000 ₫"),
        (-1_500, "-1.500 ₫"),
        (i64::MIN, "-9.223.372.036.854.775.808 ₫"),
    ] {
        assert_eq!(Money::vnd(minor).to_string(), written);
    }
}

#[test]
fn dollars_are_written_with_their_cents() {
    for (minor, written) in [
        (5, "$0.05"),
        (1_250, "$12.50"),
        (123_456_789, "$1,234,567.89"),
        (-50, "-$0.50"),
    ] {
        let currency = Currency::Usd;
        assert_eq!(Money { minor, currency }.to_string(), written);
    }
}

#[test]
fn a_currency_is_found_by_its_code_in_capitals_only() {
    assert_eq!(Currency::parse("VND"), Some(Currency::Vnd));
    assert_eq!(Currency::parse("vnd"), None);
    assert_eq!(Currency::parse("EUR"), None);
}

#[test]
fn what_rounding_leaves_goes_to_the_largest_remainders_and_earlier_ones_first() {
    assert_eq!(share(100, &[1, 1, 1]), [34, 33, 33]);
    assert_eq!(share(10, &[26, 39, 35]), [3, 4, 3]);
    assert_eq!(
        share(999_000, &[499_000, 399_000, 299_000]),
        [416_459, 333_000, 249_541]
    );
}

#[test]
fn without_weights_the_parts_are_equal_and_without_parts_there_are_none() {
    assert_eq!(share(10, &[0, 0, 0]), [4, 3, 3]);
    assert_eq!(share(10, &[]), Vec::<i64>::new());
    assert_eq!(share(10, &[-5, 5]), [0, 10]);
}

#[test]
fn the_largest_and_the_smallest_amounts_are_shared_too() {
    for total in [i64::MAX, i64::MIN] {
        let parts = share(total, &[i64::MAX, i64::MAX, 1]);
        assert_eq!(
            parts.iter().map(|p| i128::from(*p)).sum::<i128>(),
            i128::from(total)
        );
    }
}

/// A price list's worth of weights, some of them zero.
fn weights() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![1 => Just(0), 6 => 0..10_000_000_i64], 1..60)
}

proptest! {
    #[test]
    fn parts_add_up_to_the_total(total in any::<i64>(), weights in weights()) {
        let sum: i128 = share(total, &weights).into_iter().map(i128::from).sum();
        prop_assert_eq!(sum, i128::from(total));
    }

    #[test]
    fn parts_are_within_one_of_the_exact_proportion(total in 0..1_000_000_000_i64, weights in weights()) {
        let sum: i64 = weights.iter().sum();
        prop_assume!(sum > 0);
        for (part, weight) in share(total, &weights).into_iter().zip(weights) {
            let difference = i128::from(part) * i128::from(sum) - i128::from(total) * i128::from(weight);
            prop_assert!(difference.abs() < i128::from(sum));
            prop_assert!(part >= 0);
        }
    }

    #[test]
    fn a_larger_weight_never_gets_less_and_a_zero_weight_gets_nothing(
        total in 0..1_000_000_000_i64,
        weights in weights(),
    ) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let mut pairs: Vec<(i64, i64)> = weights.iter().copied().zip(share(total, &weights)).collect();
        prop_assert!(pairs.iter().all(|(weight, part)| *weight > 0 || *part == 0));
        pairs.sort_unstable();
        // Of two equal weights the earlier one may have one more; sorted by part they do not show.
        prop_assert!(pairs.windows(2).all(|two| two[0].1 <= two[1].1));
    }

    #[test]
    fn written_dong_read_back_as_the_same_number(minor in any::<i64>()) {
        let written = Money::vnd(minor).to_string();
        let digits: String = written.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
        prop_assert_eq!(digits.parse::<i64>().unwrap(), minor);
        let groups: Vec<&str> = written.trim_start_matches('-').trim_end_matches(" ₫").split('.').collect();
        prop_assert!((1..=3).contains(&groups[0].len()));
        prop_assert!(groups[1..].iter().all(|group| group.len() == 3));
    }
}
