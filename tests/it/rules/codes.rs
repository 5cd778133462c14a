//! Order codes, and finding them in what banks make of a memo.

use std::collections::HashMap;

use bursar::db::{Arg, FromArg};
use bursar::id::{Mint, UNAMBIGUOUS};
use bursar::model::code::{OrderCode, check_prefix, find_codes};
use proptest::prelude::*;

use crate::corpus::{self, Known, corpus};

fn mint() -> Mint {
    Mint::seeded(7)
}

/// What is found, as text.
fn found(memos: &[&str], prefix: &str) -> Vec<String> {
    let codes = find_codes(memos, prefix);
    codes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_minted_code_is_the_prefix_and_eight_unambiguous_characters_and_parses() {
    let mint = mint();
    for prefix in ["DH", "KHOA", "OLIOL"] {
        for _ in 0..200 {
            let code = OrderCode::mint(prefix, &mint);
            let body = code.as_str().strip_prefix(prefix).unwrap();
            assert_eq!(body.len(), 8);
            assert!(body.bytes().all(|c| UNAMBIGUOUS.contains(&c)));
            assert_eq!(OrderCode::parse(code.as_str(), prefix), Some(code));
        }
    }
}

#[test]
fn a_code_is_parsed_in_any_case_with_blanks_around_it_and_nothing_else() {
    let code = OrderCode::mint("DH", &mint());
    let text = code.to_string();
    for written in [text.to_lowercase(), format!("  {text}\n")] {
        assert_eq!(OrderCode::parse(&written, "DH").as_ref(), Some(&code));
    }
    let split = format!("{} {}", &text[..5], &text[5..]);
    for other in [
        split.as_str(),
        &text[2..],
        &text[..9],
        &format!("{text}A"),
        "",
        "DH",
        "ĐH234",
    ] {
        assert_eq!(OrderCode::parse(other, "DH"), None, "{other}");
    }
    assert_eq!(OrderCode::parse(&text, "KH"), None);
}

#[test]
fn a_code_goes_into_the_database_and_comes_back_only_when_it_is_one() {
    let code = OrderCode::mint("DH", &mint());
    let stored = Arg::from(&code);
    assert_eq!(stored, Arg::Text(code.to_string()));
    assert_eq!(OrderCode::from_arg(&stored).unwrap(), code);
    for other in ["", "DH", "ĐĐĐĐĐĐ", "dh234567", "DH00000000"] {
        assert!(OrderCode::from_arg(&Arg::from(other)).is_err(), "{other}");
    }
    assert!(OrderCode::from_arg(&Arg::Int(1)).is_err());
}

/// The characters that may stand at a place of a code with a prefix of this length.
fn alphabet(place: usize, prefix: usize) -> Vec<u8> {
    if place < prefix {
        (b'A'..=b'Z').collect()
    } else {
        UNAMBIGUOUS.to_vec()
    }
}

/// Sound under the prefix it then has.
fn is_sound(code: &[u8], prefix: usize) -> bool {
    let text = std::str::from_utf8(code).unwrap();
    OrderCode::parse(text, &text[..prefix]).is_some()
}

#[test]
fn every_single_wrong_character_is_caught() {
    let mint = mint();
    for prefix in ["DH", "ILO", "ZYXW", "OLIOL"] {
        for _ in 0..40 {
            let code = OrderCode::mint(prefix, &mint).to_string().into_bytes();
            for place in 0..code.len() {
                for other in alphabet(place, prefix.len()) {
                    let mut wrong = code.clone();
                    wrong[place] = other;
                    assert_eq!(is_sound(&wrong, prefix.len()), wrong == code);
                }
            }
        }
    }
}

#[test]
fn every_exchange_of_two_characters_is_caught_neighbours_or_not() {
    let mint = mint();
    for prefix in ["DH", "HELP", "OLIOL"] {
        for _ in 0..300 {
            let code = OrderCode::mint(prefix, &mint).to_string().into_bytes();
            for (one, two) in (0..code.len()).flat_map(|one| (0..one).map(move |two| (one, two))) {
                let mut wrong = code.clone();
                wrong.swap(one, two);
                assert_eq!(is_sound(&wrong, prefix.len()), wrong == code);
            }
        }
    }
}

#[test]
fn words_that_banks_write_into_memos_are_no_prefixes() {
    for word in [
        "FT", "MBVCB", "IBFT", "CT", "MOMO", "OQCH", "ND", "TK", "GD", "SEPAY", "ZALO", "VNPAY",
        "QR", "CK", "VND", "NAPAS", "VCB", "BIDV",
    ] {
        assert!(check_prefix(word).unwrap_err().contains("banks"), "{word}");
    }
    for malformed in ["", "D", "DHDHDH", "dh", "D1", "ĐH", "D H"] {
        assert!(
            check_prefix(malformed).unwrap_err().contains("2 to 5"),
            "{malformed}"
        );
    }
    for fine in ["DH", "KH", "BSR", "KHOA", "HOCVN"] {
        assert_eq!(check_prefix(fine), Ok(()));
    }
}

#[test]
fn the_memos_banks_are_known_to_write_give_up_their_code() {
    let code = OrderCode::mint("TBC", &mint());
    let text = code.as_str();
    let (head, tail) = text.split_at(6);
    for memo in [
        format!(
            "MBVCB.16220089552.6268BFTVGL1LMZNM.{text}.CT tu 0123456789 NGUYEN VAN A toi 0987654321 CUA HANG tai TPBANK"
        ),
        format!(
            "MBVCB.12625223638.943148.{text}.CT tu 0721000000 toi 0888000000 tai MB- Ma GD ACSP/ ih943148"
        ),
        format!("103968932085-{text}-CHUYEN TIEN-OQCH0002sFyH-MOMO103968932085MOMO"),
        format!("BankAPINotify Qaetep9929  SEPAY6747 1  103968932085-{text}-CHUYEN TIEN"),
        format!(
            "CT DEN:123 NAP AB23CD chuyen tien | IBFT TBQ20824761 | MUAHANG{text} - Ma giao dich/ Trace 587293 | QR - chuyen khoan nhanh qua Zalo"
        ),
        text.to_lowercase(),
        format!("{text}CT"),
        format!("{head} {tail}"),
        format!("{head}\r\n{tail}"),
        format!("{head}_{tail}"),
        format!("{head} - {tail}"),
        spaced(text, " "),
        format!("T.B/C:{}", &text[3..]),
        format!("t*b+c {}", &text[3..].to_lowercase()),
        format!("Chuyển khoản học phí {text}ạ"),
        format!("TBTBTBC{}", &text[3..]),
        // Full-width letters from a phone's keyboard, and a zero-width space.
        text.chars()
            .map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap())
            .collect(),
        format!("{head}\u{200b}{tail}"),
    ] {
        assert_eq!(found(&[&memo], "TBC"), [text], "{memo}");
    }
}

#[test]
fn the_prefix_with_a_stroke_is_the_same_prefix() {
    let code = OrderCode::mint("DH", &mint());
    let memo = format!("đh{}", &code.as_str()[2..]);
    assert_eq!(find_codes(&[memo], "DH"), [code]);
}

#[test]
fn memos_without_a_code_of_ours_give_none() {
    for memo in [
        "",
        "DH",
        "78706985528-MAI NGUYEN DUY KHANH chuyen tien qua MoMo-CHUYEN TIEN-OQCH56930575-MOMO78706985528MOMO",
        "103968932085-DH95295F-CHUYEN TIEN-OQCH0002sFyH-MOMO103968932085MOMO",
        "chuyen tien mua iphone",
        "DH 0123456789 DH10101010",
    ] {
        assert_eq!(found(&[memo], "DH"), Vec::<String>::new(), "{memo}");
    }
}

#[test]
fn a_code_with_a_typing_error_is_not_guessed() {
    let code = OrderCode::mint("DH", &mint()).to_string();
    let last = if code.ends_with('A') { "B" } else { "A" };
    let typed = format!("{}{last}", &code[..9]);
    assert_eq!(found(&[&typed], "DH"), Vec::<String>::new());
}

#[test]
fn two_codes_are_both_found_and_the_one_that_stands_alone_comes_first() {
    let mint = mint();
    let [one, two] = [(); 2].map(|()| OrderCode::mint("DH", &mint));
    assert_eq!(
        find_codes(&[format!("{one} {two}")], "DH"),
        [one.clone(), two.clone()]
    );
    assert_eq!(
        find_codes(&[format!("{one}{two}")], "DH"),
        [one.clone(), two.clone()]
    );
    let glued_first = format!("MBVCB{one}CT, {two}");
    assert_eq!(find_codes(&[glued_first], "DH"), [two.clone(), one.clone()]);
    let broken_first = format!("{} {} {two}X", &one.as_str()[..4], &one.as_str()[4..]);
    assert_eq!(find_codes(&[broken_first], "DH"), [two, one]);
}

#[test]
fn the_same_code_in_every_memo_counts_once_with_its_best_place() {
    let mint = mint();
    let [one, two] = [(); 2].map(|()| OrderCode::mint("DH", &mint));
    let swallowed = format!("{one}CTTU");
    let content = format!("{two}.{one}.CT tu 0123");
    let memos = [swallowed.as_str(), &content, &content];
    assert_eq!(find_codes(&memos, "DH"), [one, two]);
}

#[test]
fn no_more_than_five_candidates_and_a_thousand_characters_are_looked_at() {
    let mint = mint();
    let codes: Vec<String> = (0..9)
        .map(|_| OrderCode::mint("DH", &mint).to_string())
        .collect();
    assert_eq!(found(&[&codes.join(" ")], "DH"), codes[..5]);
    let within = format!("{} {}", "đ".repeat(989), codes[0]);
    let beyond = format!("{} {}", "đ".repeat(990), codes[0]);
    assert_eq!(found(&[&within], "DH"), codes[..1]);
    assert_eq!(found(&[&beyond], "DH"), Vec::<String>::new());
    assert_eq!(found(&[&codes[0]], "D1"), Vec::<String>::new());
}

#[test]
fn a_last_or_first_letter_is_not_borrowed_from_the_word_beside_the_code() {
    let code = OrderCode::mint("DH", &mint()).to_string();
    let (typed, last) = code.split_at(9);
    for memo in [
        format!("{typed} {last}HUYEN TIEN"),
        format!("{typed}.{last}9.CT"),
        format!("THANHTOAND {}", &code[1..]),
    ] {
        assert_eq!(found(&[&memo], "DH"), Vec::<String>::new(), "{memo}");
    }
    for memo in [
        format!("{typed} {last} CHUYEN TIEN"),
        format!("{typed}{last}HUYEN TIEN"),
        format!("THANHTOAN D {}", &code[1..]),
        format!("THANHTOAN{} {}C", &code[..8], &code[8..]),
        format!("THANHTOAN{}CT", spaced(&code, " ")),
    ] {
        assert_eq!(found(&[&memo], "DH"), [code.as_str()], "{memo}");
    }
}

#[test]
fn of_a_code_that_stands_alone_and_one_across_it_both_are_found_that_one_first() {
    let mint = mint();
    let alone = std::iter::repeat_with(|| format!("DH{}DH", mint.letters(6)))
        .find_map(|text| OrderCode::parse(&text, "DH"))
        .unwrap();
    let across = OrderCode::mint("DH", &mint);
    let rest = &across.as_str()[2..];
    for memo in [
        format!("CK {alone} {rest} CT"),
        format!("CK {alone} {rest}"),
    ] {
        assert_eq!(find_codes(&[memo], "DH"), [alone.clone(), across.clone()]);
    }
}

fn spaced(code: &str, separator: &str) -> String {
    let letters: Vec<String> = code.chars().map(String::from).collect();
    letters.join(separator)
}

/// How a bank may disfigure a code; `n` chooses.
fn mangled(code: &str, n: usize) -> String {
    let (head, tail) = code.split_at(1 + n % (code.len() - 1));
    let separator = [" ", ".", "_", "-", "/", ":", "*", "+", "\n", "  ", " - "][n % 11];
    match n % 7 {
        0 => code.to_owned(),
        1 => code.to_lowercase(),
        2 => format!("{head}{separator}{tail}"),
        3 => format!("MBVCB.{}.{code}", 16_220_089_552_usize + n),
        4 => spaced(code, separator),
        5 => format!("HOCPHI{code}"),
        _ => format!("{code}CT tu 0123456789"),
    }
}

/// What banks write around it; the code goes where the braces are.
const AROUND: [&str; 8] = [
    "{}",
    "MBVCB.16220089552.6268BFTVGL1LMZNM.{}.CT tu 0123456789 NGUYEN VAN A toi 0987654321 CUA HANG",
    "IBFT {} chuyen tien",
    "103968932085-{}-CHUYEN TIEN-OQCH0002sFyH-MOMO103968932085MOMO",
    "Đặng Đức Hạnh thanh toán khoá học {} ạ",
    "CT DEN:123 NAP AB23CD | IBFT TBQ20824761 | {} - Ma giao dich/ Trace 587293 | QR",
    "DHDH {} DH",
    "KH DH2345 dat hang, ma {}",
];

#[test]
fn of_three_thousand_mangled_memos_every_one_yields_its_own_order_and_no_other() {
    let mint = mint();
    let orders: Vec<OrderCode> = (0..3080).map(|_| OrderCode::mint("DH", &mint)).collect();
    let mut led = 0;
    for (n, code) in orders.iter().enumerate() {
        let mangled = mangled(code.as_str(), n / AROUND.len());
        let memo = AROUND[n % AROUND.len()].replace("{}", &mangled);
        let codes = find_codes(&[&memo], "DH");
        led += usize::from(codes.first() == Some(code));
        // Others pass the check by chance; they are nobody's.
        let known: Vec<&OrderCode> = codes.iter().filter(|c| orders.contains(c)).collect();
        assert_eq!(known, [code], "{memo}");
    }
    assert!(led > 3000, "{led} of them in the first place");
}

#[test]
fn a_run_of_eight_characters_passes_by_chance_once_in_thirty_one() {
    let mint = mint();
    let tries = 31_000;
    let passed =
        (0..tries).filter(|_| !found(&[&format!("DH{}", mint.letters(8))], "DH").is_empty());
    let passed = passed.count();
    assert!((850..1150).contains(&passed), "{passed} of {tries}");
}

/// What the codes alone decide about every case of a corpus; the orders of all cases are known.
fn decide(cases: &[corpus::Case], prefix: &str) {
    let orders = cases.iter().flat_map(|case| &case.orders);
    let orders: HashMap<&OrderCode, &Known> = orders.map(|order| (&order.code, order)).collect();
    for case in cases {
        let codes = find_codes(&case.memo.texts(), prefix);
        let decided = corpus::decided(&codes, |code| orders.get(code).copied(), case.amount);
        let decided = decided.map(|order| &order.code);
        assert_eq!(decided, case.truth.as_ref(), "{}: {case:#?}", case.class);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_corpus_of_any_seed_is_decided_otherwise_than_it_knows(seed: u64) {
        for prefix in ["DH", "TBC", "KHOA", "OLIOL"] {
            decide(&corpus(seed, prefix), prefix);
        }
    }
}

proptest! {
    #[test]
    fn any_text_around_a_code_that_stands_alone_leaves_it_to_be_found(before in ".{0,80}", after in ".{0,80}", seed: u64) {
        let code = OrderCode::mint("DH", &Mint::seeded(seed));
        let memo = format!("{before} {code} {after}");
        prop_assert!(find_codes(&[memo], "DH").contains(&code));
    }

    #[test]
    fn whatever_is_found_is_sound(memo in "[DH2-9A-Z ĐđHh.-]{0,400}") {
        for code in find_codes(&[memo], "DH") {
            prop_assert_eq!(OrderCode::parse(code.as_str(), "DH"), Some(code));
        }
    }
}
