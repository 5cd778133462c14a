//! Links that cannot be forged, and file names that every browser saves.

use std::time::Duration;

use bursar::clock::Timestamp;
use bursar::connectors::destinations::links::{Claim, Landing, LinkFault, Links};
use bursar::id::GrantId;
use bursar::web::downloads::names;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const KEY: &[u8] = b"a key of thirty-two bytes, or so";
const OTHER_KEY: &[u8] = b"another key of thirty-two bytes.";

fn links() -> Links {
    Links::new(KEY, None).unwrap()
}

fn grant() -> GrantId {
    GrantId::from("gra_01")
}

fn later() -> Timestamp {
    NOW.plus(Duration::from_hours(1))
}

#[test]
fn a_link_says_what_was_signed_until_it_expires() {
    let token = links().mint(&grant(), "tài liệu/bài 1.mp4", later());
    let claim = Claim {
        grant: grant(),
        file: "tài liệu/bài 1.mp4".to_owned(),
        expires: later(),
    };
    assert_eq!(links().read(&token, NOW), Ok(claim));
    let last = later().minus(Duration::from_millis(1));
    assert!(links().read(&token, last).is_ok());
    assert_eq!(links().read(&token, later()), Err(LinkFault::Expired));
    let landing = links().mint_landing(&grant(), later());
    let expected = Landing {
        grant: grant(),
        expires: later(),
    };
    assert_eq!(links().read_landing(&landing, NOW), Ok(expected));
    assert_eq!(
        links().read_landing(&landing, later()),
        Err(LinkFault::Expired)
    );
}

#[test]
fn a_token_fits_into_a_url_as_it_is() {
    let token = links().mint(&grant(), "đ?&#%/ .mp4", later());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(token.chars().all(plain), "{token}");
}

#[test]
fn a_link_of_one_kind_is_not_a_link_of_the_other() {
    let (file, landing) = (
        links().mint(&grant(), "a", later()),
        links().mint_landing(&grant(), later()),
    );
    assert_eq!(links().read(&landing, NOW), Err(LinkFault::Forged));
    assert_eq!(links().read_landing(&file, NOW), Err(LinkFault::Forged));
}

#[test]
fn every_changed_character_makes_a_link_worthless() {
    let token = links().mint(&grant(), "a.mp4", later());
    for place in 0..token.len() {
        for other in ["A", "b", "7", "-", ".", ""] {
            let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            if changed != token {
                let read = links().read(&changed, NOW);
                assert_eq!(read, Err(LinkFault::Forged), "{changed}");
            }
        }
    }
}

#[test]
fn a_forged_link_is_called_forged_even_when_it_would_have_expired() {
    let stranger = Links::new(OTHER_KEY, None).unwrap();
    let token = stranger.mint(&grant(), "a", NOW);
    assert_eq!(links().read(&token, later()), Err(LinkFault::Forged));
    // The key's id is public: putting ours in front of a foreign signature helps nobody.
    let ours = links().mint(&grant(), "a", NOW);
    let (id, _) = ours.split_once('.').unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    assert_eq!(
        links().read(&format!("{id}.{rest}"), NOW),
        Err(LinkFault::Forged)
    );
    for noise in ["", ".", "..", "a.b.c", "đ", &"x".repeat(100_000)] {
        assert_eq!(links().read(noise, NOW), Err(LinkFault::Forged));
    }
}

#[test]
fn after_a_key_change_old_links_work_and_new_ones_use_the_new_key() {
    let old = links().mint(&grant(), "a", later());
    let rotated = Links::new(OTHER_KEY, Some(KEY)).unwrap();
    assert!(rotated.read(&old, NOW).is_ok());
    let new = rotated.mint(&grant(), "a", later());
    assert_eq!(links().read(&new, NOW), Err(LinkFault::Forged));
    let settled = Links::new(OTHER_KEY, None).unwrap();
    assert!(settled.read(&new, NOW).is_ok());
    assert_eq!(settled.read(&old, NOW), Err(LinkFault::Forged));
}

#[test]
fn a_key_that_can_be_guessed_does_not_start_and_no_key_is_ever_printed() {
    assert!(Links::new(b"", None).is_err());
    assert!(Links::new(KEY, Some(b"fifteen bytes..")).is_err());
    assert!(!format!("{:?}", links()).contains("thirty"));
}

proptest! {
    #[test]
    fn any_path_comes_back_as_it_was(grant in "\\PC*", file in "\\PC*", expires in 1_i64..i64::MAX) {
        let (grant, expires) = (GrantId(grant), Timestamp(expires));
        let token = links().mint(&grant, &file, expires);
        prop_assert_eq!(links().read(&token, Timestamp(0)), Ok(Claim { grant, file, expires }));
    }

    #[test]
    fn any_name_makes_a_header_with_a_name_that_can_be_saved(name in "\\PC*|[ -~]*") {
        let header = names::attachment(&name);
        let header = header.to_str().unwrap();
        let (_, rest) = header.split_once("filename=\"").unwrap();
        let (ascii, utf8) = rest.split_once("\"; filename*=UTF-8''").unwrap();
        prop_assert!(!ascii.is_empty() && !ascii.contains(['"', '\\', '/', '%']), "{}", header);
        prop_assert!(!utf8.is_empty() && !utf8.contains([' ', '"', '\'', '*', '/', '(']), "{}", header);
    }
}

// Names.

#[test]
fn a_vietnamese_name_is_sent_in_full_and_in_ascii_with_its_letters() {
    assert_eq!(
        names::attachment("bài giảng.mp4"),
        "attachment; filename=\"bai giang.mp4\"; filename*=UTF-8''b%C3%A0i%20gi%E1%BA%A3ng.mp4"
    );
    for (name, ascii) in [
        ("Đề cương đại số.pdf", "De cuong dai so.pdf"),
        ("Đề cương".nfd_text().as_str(), "De cuong"),
        ("课程.zip", "__.zip"),
        ("a\"b;c.txt", "a_b;c.txt"),
        ("100%.txt", "100_.txt"),
        ("\u{bbe}.mp4", "download.mp4"),
    ] {
        assert_eq!(names::ascii(&names::clean(name)), ascii);
    }
}

trait Decomposed {
    fn nfd_text(&self) -> String;
}

impl Decomposed for str {
    fn nfd_text(&self) -> String {
        unicode_normalization::UnicodeNormalization::nfd(self).collect()
    }
}

#[test]
fn a_name_keeps_no_path_no_control_no_trick_and_always_its_extension() {
    let long = format!("{}.mp4", "ệ".repeat(500));
    for (name, clean) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\bài.pdf", "bài.pdf"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("anh\u{202e}gpj.exe", "anhgpj.exe"),
        (".htaccess", "htaccess"),
        ("..", "download"),
        ("", "download"),
        (&long, &format!("{}.mp4", "ệ".repeat(65))),
    ] {
        assert_eq!(names::clean(name), clean);
    }
}
