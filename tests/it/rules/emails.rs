//! E-mails: every sample in every language, complete, escaped, and with what matters in it.

use std::collections::BTreeSet;
use std::path::Path;

use bursar::clock::Timestamp;
use bursar::emails::{
    AccessKind, AccessLink, Completed, Ending, FailedCourse, Letterhead, NextStep, PayInto,
    PriceRule, PricedCourse, ReadyCourse, Receipt, Refunded, Rendered, Short, WayBack,
};
use bursar::money::Money;
use bursar::words::Locale;

/// Every e-mail there is, by the name of its folder.
fn samples(locale: Locale) -> Vec<(&'static str, Rendered)> {
    let whole = Completed::sample();
    let all = Completed {
        failed: Vec::new(),
        ..whole.clone()
    };
    let mut none = Completed {
        ready: Vec::new(),
        ..whole.clone()
    };
    none.failed[0].next = NextStep::AddressProblem;
    let receipt = Receipt::sample();
    let with = |rule| Receipt {
        rule,
        ..receipt.clone()
    };
    let mut nameless = receipt.clone();
    nameless.head.buyer.clear();
    nameless.received = nameless.total;
    let with_coupon = |off, total| Receipt {
        coupon: Some(("TET20".to_owned(), Money::vnd(off))),
        total: Money::vnd(total),
        received: Money::vnd(total),
        ..receipt.clone()
    };
    let whole_order = Refunded {
        course: None,
        way: WayBack::SameWay,
        ended: Vec::new(),
        ..Refunded::sample()
    };
    let no_account = Short {
        account: None,
        ..Short::sample()
    };
    vec![
        ("receipt", receipt.render(locale).unwrap()),
        (
            "receipt",
            with(PriceRule::Bundle("Trọn bộ".into()))
                .render(locale)
                .unwrap(),
        ),
        ("receipt", with(PriceRule::Other).render(locale).unwrap()),
        ("receipt", nameless.render(locale).unwrap()),
        (
            "receipt",
            with_coupon(198_000, 792_000).render(locale).unwrap(),
        ),
        ("receipt", with_coupon(990_000, 0).render(locale).unwrap()),
        ("completed", whole.render(locale).unwrap()),
        ("completed", all.render(locale).unwrap()),
        ("completed", none.render(locale).unwrap()),
        ("short", Short::sample().render(locale).unwrap()),
        ("short", no_account.render(locale).unwrap()),
        ("ending", Ending::sample().render(locale).unwrap()),
        ("refunded", Refunded::sample().render(locale).unwrap()),
        ("refunded", whole_order.render(locale).unwrap()),
    ]
}

fn templates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/emails")
}

#[test]
fn every_sample_renders_in_every_language() {
    for locale in Locale::ALL {
        for (name, mail) in samples(locale) {
            let place = format!("{name} in {}: {mail:#?}", locale.tag());
            assert!(
                !mail.subject.is_empty() && mail.subject.chars().count() <= 120,
                "{place}"
            );
            assert_eq!(mail.subject.lines().count(), 1, "{place}");
            for part in [&mail.subject, &mail.text, &mail.html] {
                assert!(!part.contains("%{"), "a value is missing in {place}");
                assert!(!part.contains("email."), "a word is missing in {place}");
                assert!(!part.contains("{{") && !part.contains("{%"), "{place}");
            }
            assert!(
                mail.html
                    .contains(&format!("<html lang=\"{}\"", locale.tag()))
            );
        }
    }
}

#[test]
fn every_folder_of_templates_belongs_to_an_email() {
    let folders: BTreeSet<String> = std::fs::read_dir(templates())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let known: BTreeSet<String> = samples(Locale::Vi)
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(folders, known);
    for folder in folders {
        for file in ["subject.txt", "body.txt", "body.html"] {
            assert!(
                templates().join(&folder).join(file).is_file(),
                "{folder}/{file}"
            );
        }
    }
}

/// The text of an HTML part as a person sees it: tags out, entities back, spaces single.
fn seen(html: &str) -> String {
    let body = html.split_once("<body").unwrap().1;
    let text: String = body
        .split('<')
        .map(|piece| {
            piece
                .split_once('>')
                .map_or("", |(_, text)| text)
                .to_owned()
                + " "
        })
        .collect();
    let plain = text.replace("&#60;", "<").replace("&#62;", ">");
    let plain = plain
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Both parts must say it.
fn both_say(mail: &Rendered, what: &str) {
    assert!(
        mail.text.contains(what),
        "the text lacks {what:?}:\n{}",
        mail.text
    );
    assert!(
        seen(&mail.html).contains(what),
        "the HTML lacks {what:?}:\n{}",
        seen(&mail.html)
    );
}

fn both_are_silent_about(mail: &Rendered, what: &str) {
    assert!(
        !mail.text.contains(what) && !mail.html.contains(what),
        "{what:?} in {mail:#?}"
    );
}

#[test]
fn a_receipt_says_what_was_paid_for_what_and_why() {
    let mail = Receipt::sample().render(Locale::Vi).unwrap();
    assert_eq!(mail.subject, "Đã nhận thanh toán cho đơn hàng DH7K2M9QXA");
    for what in [
        "Chào bạn Nguyễn Thị Ánh,",
        "DH7K2M9QXA",
        "21:13 ngày 21/09/2026 (GMT+7)",
        "Lập trình Rust từ con số không",
        "499.000 ₫",
        "Ưu đãi combo 5 khóa học",
        "-805.000 ₫",
        "990.000 ₫",
        "1.000.000 ₫",
        "nhiều hơn giá đơn hàng 10.000 ₫",
        "Tiếp theo là gì?",
        "hotro@shop.example.vn",
    ] {
        both_say(&mail, what);
    }
    assert!(mail.text.contains("https://shop.example.vn/o/4be1c02f9a"));
    assert!(
        mail.html
            .contains("href=\"https://shop.example.vn/o/4be1c02f9a\"")
    );
}

#[test]
fn a_receipt_never_says_that_access_is_open() {
    let mail = Receipt::sample().render(Locale::En).unwrap();
    both_say(&mail, "We are now opening each course for you");
    both_are_silent_about(&mail, "nothing more you need to do");
    both_are_silent_about(&mail, "You have access");
}

#[test]
fn a_plain_receipt_has_no_reduction_and_no_surplus() {
    let receipt = Receipt {
        courses: vec![PricedCourse {
            title: "Rust".into(),
            price: Money::vnd(499_000),
        }],
        rule: PriceRule::List,
        total: Money::vnd(499_000),
        received: Money::vnd(498_500),
        ..Receipt::sample()
    };
    let mail = receipt.render(Locale::En).unwrap();
    both_say(&mail, "498.500 ₫");
    both_are_silent_about(&mail, "Reduction");
    both_are_silent_about(&mail, "more than the order costs");
    both_say(&mail, "There is nothing more you need to do.");
}

#[test]
fn a_bundle_is_named_as_the_reason_of_the_price() {
    let rule = PriceRule::Bundle("Trọn bộ văn phòng".into());
    let mail = Receipt {
        rule,
        ..Receipt::sample()
    }
    .render(Locale::Vi)
    .unwrap();
    both_say(&mail, "Ưu đãi trọn gói “Trọn bộ văn phòng”");
}

#[test]
fn the_last_email_lists_what_is_ready_and_what_happens_with_the_rest() {
    let mail = Completed::sample().render(Locale::En).unwrap();
    assert_eq!(mail.subject, "Order DH7K2M9QXA: 2 of 3 courses are ready");
    for what in [
        "Excel cho người đi làm",
        "Start learning",
        "Download the files",
        "Sign in with anh@example.com.",
        "You have access until 21 September 2027, 21:13 (GMT+7).",
        "Your access has no end date.",
        "Not open yet",
        "Nhiếp ảnh bằng điện thoại",
        "The seller has been told",
    ] {
        both_say(&mail, what);
    }
    for link in [
        "https://hoc.example.vn/courses/rust",
        "https://shop.example.vn/d/7f3a9c",
    ] {
        assert!(mail.text.contains(link) && mail.html.contains(&format!("href=\"{link}\"")));
    }
}

#[test]
fn the_last_email_is_honest_about_its_end() {
    let whole = Completed::sample();
    let all = Completed {
        failed: Vec::new(),
        ..whole.clone()
    }
    .render(Locale::Vi)
    .unwrap();
    assert_eq!(
        all.subject,
        "Khóa học của bạn đã sẵn sàng (đơn hàng DH7K2M9QXA)"
    );
    both_are_silent_about(&all, "Chưa mở được");
    let none = Completed {
        ready: Vec::new(),
        ..whole
    }
    .render(Locale::Vi)
    .unwrap();
    assert_eq!(
        none.subject,
        "Đơn hàng DH7K2M9QXA: chúng tôi chưa mở được khóa học cho bạn"
    );
    both_are_silent_about(&none, "sẵn sàng");
    both_say(&none, "Khoản thanh toán của bạn vẫn được ghi nhận");
}

#[test]
fn a_letter_about_a_shortfall_says_how_much_is_missing_and_where_exactly_it_goes() {
    for (locale, words) in [
        (
            Locale::Vi,
            [
                "Còn thiếu 100.000 ₫",
                "nhận được 890.000 ₫",
                "Chúng tôi giữ đơn đến 21:13 ngày 21/09/2026 (GMT+7)",
            ],
        ),
        (
            Locale::En,
            [
                "100.000 ₫ still to pay",
                "we received 890.000 ₫",
                "We keep the order until 21 September 2026, 21:13 (GMT+7)",
            ],
        ),
    ] {
        let mail = Short::sample().render(locale).unwrap();
        assert!(mail.subject.contains("DH7K2M9QXA") && mail.subject.contains("100.000 ₫"));
        for what in [
            "Vietcombank",
            "0011004567890",
            "CONG TY TRUONG SO",
            "DH7K2M9QXA",
        ] {
            both_say(&mail, what);
        }
        let heading = words[0];
        assert!(mail.subject.contains("100.000 ₫") && seen(&mail.html).contains(heading));
        for what in &words[1..] {
            both_say(&mail, what);
        }
        assert!(
            mail.html
                .contains("href=\"https://shop.example.vn/o/4be1c02f9a\"")
        );
    }
}

#[test]
fn a_letter_before_the_end_names_course_day_and_the_way_to_go_on() {
    let mail = Ending::sample().render(Locale::Vi).unwrap();
    assert_eq!(mail.subject, "Khóa học của bạn mở đến ngày 21/09/2027");
    both_say(
        &mail,
        "“Lập trình Rust từ con số không” đến 21:13 ngày 21/09/2027 (GMT+7).",
    );
    both_say(&mail, "số ngày mới được cộng thêm vào số ngày còn lại");
    let mail = Ending::sample().render(Locale::En).unwrap();
    assert_eq!(mail.subject, "Your course is open until 21 September 2027");
    both_say(&mail, "the new days are added to the days you have left");
    let link = "https://shop.example.vn/?course=rust#order";
    assert!(mail.text.contains(link) && mail.html.contains(&format!("href=\"{link}\"")));
}

#[test]
fn a_letter_about_a_refund_says_how_much_of_what_by_which_way_and_what_ends() {
    let mail = Refunded::sample().render(Locale::En).unwrap();
    assert_eq!(mail.subject, "Refund of 299.000 ₫ for order DH7K2M9QXA");
    both_say(
        &mail,
        "299.000 ₫ for the course “Excel cho người đi làm” in order DH7K2M9QXA",
    );
    both_say(&mail, "by bank transfer, with the reference FT26264123456");
    both_say(&mail, "The order no longer opens these courses");
    let concession = Refunded {
        course: None,
        way: WayBack::SameWay,
        ended: Vec::new(),
        ..Refunded::sample()
    };
    let mail = concession.render(Locale::Vi).unwrap();
    both_say(&mail, "299.000 ₫ cho đơn hàng DH7K2M9QXA");
    both_say(&mail, "đúng thẻ hoặc tài khoản bạn đã dùng");
    both_say(&mail, "không thay đổi quyền học của bạn");
    both_are_silent_about(&mail, "chuyển khoản ngân hàng");
    both_are_silent_about(&mail, "không còn mở");
}

/// A title or a name that tries to be markup and a header.
const HOSTILE: &str = "<script>alert(1)</script>\"'&\r\nX: <img src=x onerror=y>";

fn hostile_head() -> Letterhead {
    Letterhead {
        shop: HOSTILE.into(),
        buyer: HOSTILE.into(),
        ..Letterhead::sample()
    }
}

fn hostile_letters_about_courses() -> [Rendered; 2] {
    let receipt = Receipt {
        head: hostile_head(),
        courses: vec![PricedCourse {
            title: HOSTILE.into(),
            price: Money::vnd(1),
        }],
        rule: PriceRule::Bundle(HOSTILE.into()),
        ..Receipt::sample()
    };
    let completed = Completed {
        head: hostile_head(),
        buyer_email: "\"<b>\"@example.com".into(),
        ready: vec![ReadyCourse {
            title: HOSTILE.into(),
            links: vec![AccessLink {
                kind: AccessKind::Learn,
                url: "https://x.example/\"><script>".into(),
            }],
            until: Some(Timestamp(0)),
        }],
        failed: vec![FailedCourse {
            title: HOSTILE.into(),
            next: NextStep::SellerTold,
        }],
    };
    [
        receipt.render(Locale::En).unwrap(),
        completed.render(Locale::Vi).unwrap(),
    ]
}

fn hostile_letters_about_money() -> [Rendered; 3] {
    let refunded = Refunded {
        head: hostile_head(),
        course: Some(HOSTILE.into()),
        way: WayBack::Transfer(Some(HOSTILE.into())),
        ended: vec![HOSTILE.into()],
        ..Refunded::sample()
    };
    let ending = Ending {
        head: hostile_head(),
        course: HOSTILE.into(),
        shop_url: "https://x.example/\"><script>".into(),
        ..Ending::sample()
    };
    let account = PayInto {
        bank: HOSTILE.into(),
        number: HOSTILE.into(),
        holder: HOSTILE.into(),
    };
    let short = Short {
        head: hostile_head(),
        account: Some(account),
        ..Short::sample()
    };
    [
        refunded.render(Locale::Vi).unwrap(),
        ending.render(Locale::Vi).unwrap(),
        short.render(Locale::En).unwrap(),
    ]
}

#[test]
fn hostile_titles_and_names_are_text_and_nothing_else() {
    let letters = hostile_letters_about_courses()
        .into_iter()
        .chain(hostile_letters_about_money());
    for mail in letters {
        assert!(
            !mail.html.contains("<script") && !mail.html.contains("<img"),
            "{}",
            mail.html
        );
        assert!(
            !mail.html.contains("<b>") && !mail.html.contains("/\">"),
            "{}",
            mail.html
        );
        assert!(seen(&mail.html).contains("<script>alert(1)</script>\"'& X: <img"));
        assert!(
            !mail.text.contains("\nX:"),
            "a title stays on its line: {}",
            mail.text
        );
        assert_eq!(mail.subject.lines().count(), 1);
    }
}

/// Somebody may order in a stranger's name to have the shop send them a link.
#[test]
fn a_name_that_could_pass_for_a_link_is_not_repeated() {
    let greeting = |buyer: &str| {
        let head = Letterhead {
            buyer: buyer.into(),
            ..Letterhead::sample()
        };
        let mail = Receipt {
            head,
            ..Receipt::sample()
        }
        .render(Locale::En)
        .unwrap();
        mail.text.lines().next().unwrap().to_owned()
    };
    for name in [
        "see https://evil.example",
        "Free courses at evil.example now",
        "me@evil.example",
        "evil.example/path",
        "a very long sentence about money you have won and must collect today",
    ] {
        assert_eq!(greeting(name), "Hello,", "{name}");
    }
    assert_eq!(greeting("  Trần Văn A.  "), "Hello Trần Văn A.,");
}

#[test]
fn an_email_loads_nothing_and_follows_nobody() {
    for (_, mail) in samples(Locale::En) {
        for loads in [
            "<img", "src=", "url(", "@import", "<link", "<script", "<iframe", "<form",
        ] {
            assert!(!mail.html.contains(loads), "{loads} in {}", mail.html);
        }
        assert!(
            mail.html.len() < 60_000,
            "Gmail cuts messages off at 102 KB"
        );
    }
}

/// For looking at: `EMAILS_TO=/tmp/mails cargo test --test it emails`.
#[test]
fn the_samples_can_be_written_out_to_be_looked_at() {
    let spare = tempfile::tempdir().unwrap();
    let named = std::env::var_os("EMAILS_TO").map(std::path::PathBuf::from);
    let folder = named.unwrap_or_else(|| spare.path().to_owned());
    std::fs::create_dir_all(&folder).unwrap();
    for locale in Locale::ALL {
        for (place, (name, mail)) in samples(locale).into_iter().enumerate() {
            let file = folder.join(format!("{name}-{}-{place}", locale.tag()));
            std::fs::write(file.with_extension("html"), &mail.html).unwrap();
            std::fs::write(file.with_extension("txt"), &mail.text).unwrap();
        }
    }
    assert!(folder.join("receipt-vi-0.html").is_file());
}
