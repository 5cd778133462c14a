//! A code in a memo but for one typing mistake, held to the list of all such mistakes.

use std::collections::BTreeSet;

use bursar::id::Mint;
use bursar::model::code::{OrderCode, is_near};
use proptest::prelude::*;

const TYPED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn code(seed: u64) -> OrderCode {
    OrderCode::mint("DH", &Mint::seeded(seed))
}

/// Every text that is one edit away from this one.
fn edits(code: &str) -> BTreeSet<String> {
    let mut edits = BTreeSet::new();
    for place in 0..=code.len() {
        let (head, tail) = code.split_at(place);
        for typed in TYPED.iter().map(|letter| char::from(*letter)) {
            edits.insert(format!("{head}{typed}{tail}"));
            if let Some(rest) = tail.get(1..) {
                edits.insert(format!("{head}{typed}{rest}"));
            }
        }
        if let Some(rest) = tail.get(1..) {
            edits.insert(format!("{head}{rest}"));
        }
        if let (Some(two), Some(rest)) = (tail.get(..2), tail.get(2..)) {
            edits.insert(format!("{head}{}{}{rest}", &two[1..], &two[..1]));
        }
    }
    edits.remove(code);
    edits
}

#[test]
fn every_single_mistake_is_near_and_the_code_itself_is_not() {
    for seed in 0..20 {
        let code = code(seed);
        for typed in edits(code.as_str()) {
            let expected = !typed.contains(code.as_str());
            for memo in [
                typed.clone(),
                format!("MBVCB.123.{}.CT tu 0123", typed.to_lowercase()),
                format!("MUAHANG{typed}99"),
                format!("chuyen tien {} - {}", &typed[..4], &typed[4..]),
            ] {
                // The rest of the memo may mend what is missing at an end.
                let squeezed = memo.replace(|c: char| !c.is_ascii_alphanumeric(), "");
                let mended = squeezed.to_uppercase().contains(code.as_str());
                assert_eq!(
                    is_near(&[&memo], &code),
                    expected && !mended,
                    "{memo} {code}"
                );
            }
        }
    }
}

#[test]
fn two_mistakes_are_not_near() {
    let code = code(3);
    let (head, tail) = code.as_str().split_at(5);
    for typed in [
        format!("{}{}", &head[1..], &tail[1..]),
        format!("0{}0{}", &head[1..], &tail[1..]),
        format!("{head}00{tail}"),
        head.to_owned(),
        tail.to_owned(),
        String::new(),
    ] {
        assert!(!is_near(&[&typed], &code), "{typed} {code}");
    }
}

#[test]
fn the_intact_code_in_any_memo_is_not_near_whatever_the_others_hold() {
    let code = code(4);
    let typed = code.as_str().replacen("DH", "DHX", 1);
    assert!(is_near(&[&typed], &code));
    assert!(!is_near(&[typed.as_str(), code.as_str()], &code));
    assert!(!is_near(&[code.as_str(), &typed], &code));
    let none: [&str; 0] = [];
    assert!(!is_near(&none, &code));
}

/// By the list, the slow way.
fn is_near_by_list(memo: &str, code: &str) -> bool {
    !memo.contains(code) && edits(code).iter().any(|edit| memo.contains(edit))
}

proptest! {
    #[test]
    fn any_text_of_a_codes_own_letters_is_near_exactly_when_the_list_says_so(
        seed in 0..50_u64,
        places in proptest::collection::vec(0..10_usize, 0..40),
        cut in 0..11_usize,
        again in 0..11_usize,
    ) {
        let code = code(seed);
        let text = code.as_str();
        let noise: String = places.iter().map(|place| &text[*place..=*place]).collect();
        let memo = format!("{noise}{}{}{noise}", &text[..cut.min(text.len())], &text[again.min(text.len())..]);
        prop_assert_eq!(is_near(&[&memo], &code), is_near_by_list(&memo, text), "{} {}", memo, code);
    }
}
