//! VietQR payloads against the strings that other implementations, the specification and live services made.

use bursar::config::BankAccount;
use bursar::connectors::gateways::bank;
use bursar::connectors::gateways::vietqr::{self, Instruction, Service, Unfit, Unreadable};
use proptest::prelude::*;

fn to_account(bin: &str, account: &str, amount: Option<i64>, memo: &str) -> Instruction {
    Instruction {
        bin: bin.to_owned(),
        account: account.to_owned(),
        service: Service::ToAccount,
        amount,
        bill: None,
        memo: Some(memo.to_owned()).filter(|m| !m.is_empty()),
    }
}

/// BIN, account, amount (0: none), memo, and the payload that two or three independent
/// implementations agree on byte for byte.
const AGREED: &[(&str, &str, i64, &str, &str)] = &[
    (
        "970416",
        "257678859",
        0,
        "",
        "00020101021138530010A0000007270123000697041601092576788590208QRIBFTTA53037045802VN6304AE9F",
    ),
    (
        "970416",
        "257678859",
        10_000,
        "Chuyen tien",
        "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA53037045405100005802VN62150811Chuyen tien630453E6",
    ),
    (
        "970416",
        "257678859",
        0,
        "Chi memo",
        "00020101021138530010A0000007270123000697041601092576788590208QRIBFTTA53037045802VN62120808Chi memo6304A9CB",
    ),
    (
        "970416",
        "257678859",
        10_000,
        "",
        "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA53037045405100005802VN6304F615",
    ),
    (
        "970436",
        "0010000000355",
        100_000,
        "BSR7K2Q9",
        "00020101021238570010A00000072701270006970436011300100000003550208QRIBFTTA530370454061000005802VN62120808BSR7K2Q96304DFD9",
    ),
    (
        "970407",
        "19036299999999",
        2_500_000,
        "BSR1234567890123456789012",
        "00020101021238580010A000000727012800069704070114190362999999990208QRIBFTTA5303704540725000005802VN62290825BSR12345678901234567890126304883A",
    ),
    (
        "970415",
        "113366668888",
        9_999_999_999_999,
        "DH102969",
        "00020101021238560010A0000007270126000697041501121133666688880208QRIBFTTA5303704541399999999999995802VN62120808DH10296963048060",
    ),
    (
        "970422",
        "0359123123",
        1,
        "A",
        "00020101021238540010A00000072701240006970422011003591231230208QRIBFTTA5303704540115802VN62050801A6304F229",
    ),
    (
        "970425",
        "123456789",
        1_000_000,
        "V1TH1375842",
        "00020101021238530010A0000007270123000697042501091234567890208QRIBFTTA5303704540710000005802VN62150811V1TH137584263043158",
    ),
    (
        "970423",
        "0099999999",
        0,
        "",
        "00020101021138540010A00000072701240006970423011000999999990208QRIBFTTA53037045802VN6304CBB4",
    ),
    (
        "970422",
        "0023457923442",
        40_123,
        "test text string",
        "00020101021238570010A00000072701270006970422011300234579234420208QRIBFTTA53037045405401235802VN62200816test text string6304D9C6",
    ),
    (
        "970422",
        "0023457923442",
        40_123,
        "chuyển khoản",
        "00020101021238570010A00000072701270006970422011300234579234420208QRIBFTTA53037045405401235802VN62160812chuyen khoan6304722F",
    ),
];

/// The specification's own examples: static and dynamic, to an account and to a card.
const SPECIFIED: [&str; 4] = [
    "00020101021138570010A00000072701270006970403011300110123456780208QRIBFTTA53037045802VN63049E6F",
    "00020101021138600010A00000072701300006970403011697040311012345670208QRIBFTTC53037045802VN63044F52",
    "00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA530370454061800005802VN62340107NPS68690819thanh toan don hang63042E2E",
    "00020101021238600010A00000072701300006970403011697040311012345670208QRIBFTTC530370454061800005802VN62340107NPS68690819thanh toan don hang6304A203",
];

/// From live services: alphanumeric virtual accounts, a checksum that begins with zero.
const LIVE: [&str; 3] = [
    "00020101021238590010A000000727012900069704180115V3CAS88543591960208QRIBFTTA5303704540450005802VN62260822CSM1W5K8S37 Thanh Toan6304D35C",
    "00020101021238570010A000000727012700069704220113VQRQACYEK56060208QRIBFTTA5303704540468685802VN62300107NPS68690815Test VA Account6304BE01",
    "00020101021138620010A00000072701320006970454011899ZP24009M072482670208QRIBFTTA53037045802VN6304073C",
];

#[test]
fn a_payload_is_byte_for_byte_what_other_implementations_make() {
    for (bin, account, amount, memo, expected) in AGREED {
        let amount = Some(*amount).filter(|dong| *dong > 0);
        let made = vietqr::payload(&to_account(bin, account, amount, memo)).unwrap();
        assert_eq!(made, *expected);
    }
}

#[test]
fn specified_and_live_payloads_are_read_and_made_again_unchanged() {
    let agreed = AGREED.iter().map(|row| row.4);
    for payload in SPECIFIED.into_iter().chain(LIVE).chain(agreed) {
        let read = vietqr::parse(payload).unwrap();
        assert_eq!(vietqr::payload(&read).unwrap(), payload);
    }
}

#[test]
fn a_payload_to_a_card_with_bill_and_memo_is_understood_part_by_part() {
    let expected = Instruction {
        bin: "970403".to_owned(),
        account: "9704031101234567".to_owned(),
        service: Service::ToCard,
        amount: Some(180_000),
        bill: Some("NPS6869".to_owned()),
        memo: Some("thanh toan don hang".to_owned()),
    };
    assert_eq!(vietqr::parse(SPECIFIED[3]), Ok(expected));
}

#[test]
fn changing_any_one_character_is_noticed() {
    let sound = SPECIFIED[0];
    for place in 0..sound.len() {
        for other in "0123456789AF"
            .chars()
            .filter(|c| !sound[place..].starts_with(*c))
        {
            let damaged = format!("{}{other}{}", &sound[..place], &sound[place + 1..]);
            assert!(vietqr::parse(&damaged).is_err(), "{damaged}");
        }
    }
    let wrong_crc = format!("{}FFFF", &sound[..sound.len() - 4]);
    assert_eq!(vietqr::parse(&wrong_crc), Err(Unreadable::Checksum));
}

#[test]
fn diacritics_are_folded_and_only_25_plain_characters_fit_the_memo() {
    let memo = |text: &str| {
        let made = vietqr::payload(&to_account("970422", "0023457923442", None, text));
        made.map(|payload| vietqr::parse(&payload).unwrap().memo)
    };
    assert_eq!(memo("chuyển khoản"), Ok(Some("chuyen khoan".to_owned())));
    assert_eq!(
        memo("Đơn hàng\n đặt:  DH2"),
        Ok(Some("Don hang dat: DH2".to_owned()))
    );
    assert_eq!(memo("e\u{301}🙂e"), Ok(Some("e e".to_owned())));
    assert_eq!(memo(" 🙂 "), Ok(None));
    assert_eq!(memo(&"đ".repeat(25)), Ok(Some("d".repeat(25))));
    assert_eq!(memo(&"d".repeat(26)), Err(Unfit::Memo));
}

#[test]
fn amounts_accounts_and_banks_that_cannot_be_paid_are_refused() {
    for (bin, account, amount, fault) in [
        ("970422", "0359123123", Some(0), Unfit::Amount),
        ("970422", "0359123123", Some(-1), Unfit::Amount),
        (
            "970422",
            "0359123123",
            Some(10_000_000_000_000),
            Unfit::Amount,
        ),
        ("970422", "", None, Unfit::Account),
        ("970422", "12345678901234567890", None, Unfit::Account),
        ("970422", "0359 123123", None, Unfit::Account),
        ("97042", "0359123123", None, Unfit::Bank),
        ("97042A", "0359123123", None, Unfit::Bank),
    ] {
        assert_eq!(
            vietqr::payload(&to_account(bin, account, amount, "A")),
            Err(fault)
        );
    }
}

#[test]
fn an_account_of_the_settings_is_paid_by_the_name_of_its_bank() {
    let account = BankAccount {
        bank: "vietcombank".to_owned(),
        number: "0010000000355".to_owned(),
        holder: "NGUYEN VAN A".to_owned(),
    };
    let made = vietqr::pay_into(&account, 100_000, "BSR7K2Q9");
    assert_eq!(made.as_deref(), Ok(AGREED[4].4));
    let unknown = BankAccount {
        bank: "Gringotts".to_owned(),
        ..account
    };
    assert_eq!(
        vietqr::pay_into(&unknown, 100_000, "BSR7K2Q9"),
        Err(Unfit::Bank)
    );
}

#[test]
fn a_bank_is_found_by_bin_by_name_in_any_case_and_by_its_former_name() {
    for asked in ["970422", "MBBank", "mb bank", " MB-BANK "] {
        assert_eq!(bank::find(asked).unwrap().name, "MBBank");
    }
    let lpbank = bank::find("LienVietPostBank").unwrap();
    assert_eq!(
        (lpbank.bin.as_str(), lpbank.name.as_str()),
        ("970449", "LPBank")
    );
    assert_eq!(lpbank.full_name, "Ngân hàng TMCP Lộc Phát Việt Nam");
    assert_eq!(bank::find("123456").unwrap().name, "123456");
    for unknown in ["", "-", "Gringotts", "12345", "1234567"] {
        assert_eq!(bank::find(unknown), None, "{unknown:?}");
    }
}

#[test]
fn no_two_banks_of_the_table_share_a_bin_or_a_name() {
    let banks: Vec<bank::Bank> = bank::all().collect();
    for bank in &banks {
        assert_eq!(bank::find(&bank.bin).as_ref(), Some(bank));
        assert_eq!(bank::find(&bank.name).as_ref(), Some(bank));
    }
    assert!(banks.len() >= 60);
}

#[test]
fn the_svg_is_one_small_element_that_a_reader_decodes_to_the_payload() {
    let payload = vietqr::payload(&to_account(
        "970407",
        &"9".repeat(19),
        Some(9_999_999_999_999),
        &"W".repeat(25),
    ))
    .unwrap();
    let svg = vietqr::svg(&payload).unwrap();
    assert!(svg.len() < 30_000, "{} bytes", svg.len());
    assert!(svg.starts_with("<svg xmlns=") && svg.contains("shape-rendering=\"crispEdges\""));
    assert_eq!(decode(&picture_of(&svg)), payload);
}

#[test]
fn the_png_is_decoded_to_the_payload_too() {
    let payload = SPECIFIED[2];
    let file = vietqr::png(payload).unwrap();
    let picture = image::load_from_memory(&file).unwrap().into_luma8();
    assert_eq!(
        picture.get_pixel(39, 39)[0],
        255,
        "four modules of quiet zone"
    );
    assert_eq!(picture.get_pixel(40, 40)[0], 0);
    assert_eq!(decode(&picture), payload);
}

/// Draw what our SVG's dark path says, four pixels to a module.
fn picture_of(svg: &str) -> image::GrayImage {
    let side: u32 = svg
        .split("viewBox=\"0 0 ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let dark = svg
        .split("<path fill=\"#000\" d=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut picture = image::GrayImage::from_pixel(side * 4, side * 4, image::Luma([255]));
    for run in dark.split_terminator('z') {
        let numbers: Vec<u32> = run
            .split(['M', ' ', 'h', 'v', '-'])
            .filter_map(|n| n.parse().ok())
            .collect();
        let [column, row, length, 1, back] = numbers[..] else {
            panic!("{run}")
        };
        assert_eq!(length, back);
        for x in column * 4..(column + length) * 4 {
            for y in row * 4..row * 4 + 4 {
                picture.put_pixel(x, y, image::Luma([0]));
            }
        }
    }
    picture
}

fn decode(picture: &image::GrayImage) -> String {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixel = |x: usize, y: usize| picture.as_raw()[y * width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
    let [grid] = &prepared.detect_grids()[..] else {
        panic!("one code is to be seen")
    };
    let (meta, text) = grid.decode().unwrap();
    assert_eq!(meta.ecc_level, 0, "error correction M");
    text
}

proptest! {
    #[test]
    fn what_can_be_made_can_be_read(
        account in "[0-9A-Za-z]{1,19}",
        amount in prop::option::of(1..=9_999_999_999_999_i64),
        memo in "[ -~]{0,25}",
    ) {
        let made = vietqr::payload(&to_account("970415", &account, amount, &memo)).unwrap();
        let read = vietqr::parse(&made).unwrap();
        prop_assert_eq!((read.account, read.amount), (account, amount));
        let words: Vec<&str> = memo.split_whitespace().collect();
        prop_assert_eq!(read.memo.unwrap_or_default(), words.join(" "));
    }

    #[test]
    fn any_text_at_all_is_read_or_refused_without_a_crash(text in ".{0,120}") {
        let _ = vietqr::parse(&text);
        let mut body = text.clone();
        body.retain(|c| c.is_ascii());
        prop_assert!(vietqr::parse(&body).is_err());
    }
}
