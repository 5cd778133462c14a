//! The order page tells the truth, the shop keeps what was typed, and nobody writes into our markup.

use bursar::clock::Timestamp;
use bursar::money::Money;
use bursar::web::downloads::landing::{Closed, LandingView};
use bursar::web::error_page::Problem;
use bursar::web::frame::Frame;
use bursar::web::order_page::pay::LeaveView;
use bursar::web::order_page::samples::{self, samples};
use bursar::web::order_page::{Access, MaskedEmail, MoneyState, OrderView};
use bursar::web::shop::ShopView;
use bursar::words::Locale;

use super::gallery::{Picture, gallery};

const ACCESS_WORDS: [&str; 6] = [
    "Bạn đã có quyền",
    "You have access",
    "Của bạn</span>",
    "Yours</span>",
    "Vào học<",
    "Start learning<",
];

/// A state, and what its page says in Vietnamese and in English.
const WORDS: [(&str, &str, &str); 28] = [
    (
        "awaiting",
        "Mời bạn chuyển khoản",
        "Please make your transfer",
    ),
    (
        "partly_paid",
        "Còn thiếu 100.000\u{a0}₫",
        "100.000\u{a0}₫ still to pay",
    ),
    (
        "expired",
        "Đơn đã hết hạn thanh toán",
        "The time to pay has run out",
    ),
    ("cancelled", "Đơn đã hủy", "Order cancelled"),
    ("refunded", "Đã hoàn tiền", "Refunded"),
    (
        "partially_refunded",
        "Đã hoàn một phần tiền",
        "Partly refunded",
    ),
    (
        "waiting",
        "Khóa học sẽ được mở trong giây lát",
        "It will be opened in a moment",
    ),
    (
        "working",
        "Chúng tôi đang mở khóa học này",
        "We are opening this course",
    ),
    (
        "checking",
        "đang kiểm tra lại với họ",
        "we are checking with it",
    ),
    ("mixed", "Lần thử thứ 3 vào lúc", "Attempt 3 is at"),
    ("needs_you", "Cần bạn giúp một việc", "One thing needs you"),
    (
        "needs_seller",
        "Người bán đã được báo",
        "The seller has been told",
    ),
    (
        "some_failed",
        "Đã xong 2 trên 3 khóa học",
        "2 of 3 courses are ready",
    ),
    (
        "done",
        "Bạn đã có quyền truy cập đến hết ngày",
        "You have access until",
    ),
    ("revoked", "Quyền truy cập đã kết thúc", "Access has ended"),
    ("choice", "Thẻ quốc tế", "International card"),
    (
        "choice_of_many",
        "Số tiền này quá nhỏ để trả bằng thẻ",
        "This amount is too small to be paid by card",
    ),
    (
        "choice_refused",
        "Chưa mở được trang thanh toán",
        "The payment page cannot be opened right now",
    ),
    (
        "card_failed",
        "Lần thanh toán bằng thẻ vừa rồi không thành công",
        "The last card payment did not go through",
    ),
    (
        "confirming",
        "Đang chờ công ty thẻ xác nhận",
        "Waiting for the card company",
    ),
    (
        "reopened",
        "Chúng tôi đã mở lại đơn với đúng giá cũ",
        "We re-opened the order at the same price",
    ),
    (
        "paid_over",
        "Bạn đã chuyển dư 101.000\u{a0}₫",
        "You sent 101.000\u{a0}₫ more than the order needs",
    ),
    ("disputed", "Quyền học đang tạm dừng", "Access is paused"),
    (
        "charged_back",
        "Ngân hàng của bạn đã lấy lại 899.000\u{a0}₫",
        "Your bank took back 899.000\u{a0}₫",
    ),
    (
        "ending",
        "Mua lại trước lúc đó thì số ngày mới được cộng thêm",
        "Buy the course again before then",
    ),
    (
        "gift",
        "Quà tặng từ Học viện Mây",
        "A present from Học viện Mây",
    ),
    (
        "partially_refunded",
        "bằng chuyển khoản ngân hàng, mã giao dịch FT25325123456",
        "by bank transfer, with the reference FT25325123456",
    ),
    (
        "refunded",
        "về thẻ hoặc tài khoản bạn đã dùng để trả",
        "to the card or account that you paid with",
    ),
];

fn sample(locale: Locale, name: &str) -> OrderView {
    let found = samples(locale)
        .into_iter()
        .find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no sample {name}")).1
}

#[test]
fn the_page_says_you_have_access_only_where_a_benefit_is_yours() {
    for locale in Locale::ALL {
        for (name, view) in samples(locale) {
            let html = view.page().unwrap();
            let yours = view
                .lines
                .iter()
                .flat_map(|line| &line.benefits)
                .any(|benefit| benefit.access.is_yours());
            if !yours {
                for words in ACCESS_WORDS {
                    assert!(!html.contains(words), "{name} in {locale:?} says {words}");
                }
            }
        }
    }
}

#[test]
fn a_course_half_opened_is_not_called_yours() {
    let view = sample(Locale::En, "half_a_course");
    let html = view.fragment().unwrap();
    assert!(!html.contains("You have access"));
    assert!(html.contains("Attempt 3 is at"));
    assert!(html.contains("Start learning"));
    assert!(html.contains("3 files: Trying again"));
    assert_eq!(view.ready(), 0);
}

#[test]
fn every_state_has_its_words_in_both_languages() {
    for (name, vi, en) in WORDS {
        for (locale, words) in [(Locale::Vi, vi), (Locale::En, en)] {
            let html = sample(locale, name).page().unwrap();
            assert!(html.contains(words), "{name} in {locale:?} lacks {words}");
            assert!(html.contains(&format!("<html lang=\"{}\"", locale.tag())));
        }
    }
}

#[test]
fn the_next_attempt_is_told_in_local_time_and_as_iso() {
    let html = sample(Locale::Vi, "mixed").fragment().unwrap();
    let time = r#"<time datetime="2025-11-21T07:09:20.000Z">14:09</time>"#;
    assert!(html.contains(time));
}

#[test]
fn the_pay_part_shows_bank_account_amount_and_memo_as_text_that_can_be_copied() {
    let html = sample(Locale::En, "awaiting").fragment().unwrap();
    for text in [
        "Vietcombank",
        "0011004567890",
        "CONG TY HOC VIEN MAY",
        "DHK7M2QX9A",
    ] {
        assert!(html.contains(&format!(">{text}</span>")), "{text}");
        assert!(html.contains(&format!("data-copy=\"{text}\"")), "{text}");
    }
    assert!(html.contains(">899.000 ₫</span>"));
    assert!(
        html.contains("data-copy=\"899000\""),
        "digits alone go to the bank app"
    );
    assert!(html.contains("data-seconds=\"86335\""));
}

#[test]
fn a_buyer_who_has_to_write_gets_a_link_that_names_the_order() {
    let letter = r#"href="mailto:hotro@hocvienmay.example?subject=DHK7M2QX9A""#;
    for (name, letters) in [
        ("needs_you", 1),
        ("needs_you_otherwise", 2),
        ("some_failed", 1),
        ("needs_seller", 0),
        ("done", 0),
    ] {
        let html = sample(Locale::Vi, name).page().unwrap();
        assert_eq!(html.matches(letter).count(), letters, "{name}");
    }
}

#[test]
fn before_payment_a_promise_stands_as_the_money_does() {
    assert_eq!(MoneyState::Paid.without_grant(), Access::Waiting);
    let expired = sample(Locale::En, "expired");
    assert_eq!(expired.money.without_grant(), Access::NotPaid);
    let html = expired.page().unwrap();
    assert!(html.contains("Not paid"));
    assert!(
        !html.contains("Opens as soon as"),
        "nobody should pay it now"
    );
}

#[test]
fn money_is_asked_for_only_while_it_is_awaited() {
    for (name, view) in samples(Locale::Vi) {
        let html = view.page().unwrap();
        let transfer = view.pay().and_then(|pay| pay.transfer.as_ref());
        assert_eq!(html.contains("class=\"qr\""), transfer.is_some(), "{name}");
    }
    assert!(sample(Locale::Vi, "expired").pay().is_none());
    assert!(sample(Locale::Vi, "partly_paid").pay().is_some());
}

#[test]
fn each_other_way_is_a_form_that_posts_and_a_closed_one_has_a_reason_and_no_button() {
    for (name, buttons, closed) in [
        ("awaiting", 0, 0),
        ("choice", 1, 0),
        ("choice_of_many", 2, 1),
        ("card_only", 1, 0),
        ("confirming", 0, 0),
        ("done", 0, 0),
    ] {
        let html = sample(Locale::En, name).page().unwrap();
        let forms = html.matches(r#"<form method="post" action="/o/"#).count();
        assert_eq!(forms, buttons, "{name}");
        assert_eq!(
            html.matches("class=\"way closed\"").count(),
            closed,
            "{name}"
        );
    }
}

#[test]
fn somebody_who_may_have_paid_is_not_asked_for_money_but_can_go_back() {
    let view = sample(Locale::En, "confirming");
    let html = view.page().unwrap();
    assert!(!html.contains("class=\"qr\"") && !html.contains("0011004567890"));
    assert!(html.contains(r#"<a href="/o/3f9a1c77d0e24b5a9c61">You have not paid?"#));
    assert!(html.contains("data-confirming=\"true\"") && !view.is_final());
}

#[test]
fn nobody_pays_for_a_present() {
    let html = sample(Locale::Vi, "gift").page().unwrap();
    assert_eq!(html.matches("<li class=\"step ").count(), 3);
    assert!(html.contains("−997.000 ₫") && html.contains(">0 ₫<"));
    assert!(!html.contains("Trả tiền lúc"));
    assert!(sample(Locale::Vi, "gift").is_final());
}

#[test]
fn the_page_between_leads_on_by_itself_and_by_a_link() {
    let hostile = "https://pay.example/\"><script>alert(1)</script>";
    let mut view = LeaveView::sample(samples::frame(Locale::En, "/o/secret"));
    let html = view.page().unwrap();
    assert!(html.contains(r#"content="0; url=https://pay.example/c/pay/cs_9f3a1c""#));
    assert!(html.contains(r#"href="https://pay.example/c/pay/cs_9f3a1c""#));
    assert!(html.contains(r#"<a href="/o/secret">Back to the order"#));
    hostile.clone_into(&mut view.url);
    assert!(!view.page().unwrap().contains("<script>"));
}

#[test]
fn the_simulated_transfer_exists_in_demo_mode_only_and_is_labelled() {
    for (name, view) in samples(Locale::En) {
        let html = view.page().unwrap();
        assert_eq!(
            html.contains("class=\"simulate\""),
            name == "awaiting_demo",
            "{name}"
        );
        assert_eq!(
            html.contains("Demo only."),
            name == "awaiting_demo",
            "{name}"
        );
    }
}

#[test]
fn a_page_that_will_change_reloads_itself_without_scripts_and_a_final_one_does_not() {
    let refresh = r#"<noscript><meta http-equiv="refresh" content="10"></noscript>"#;
    for (name, view) in samples(Locale::Vi) {
        let html = view.page().unwrap();
        assert_eq!(html.contains(refresh), !view.is_final(), "{name}");
        let told = format!("data-final=\"{}\"", view.is_final());
        assert!(html.contains(&told), "{name}");
    }
    assert!(sample(Locale::Vi, "done").is_final());
    assert!(
        !sample(Locale::Vi, "expired").is_final(),
        "late money re-opens it"
    );
    assert!(!sample(Locale::Vi, "needs_seller").is_final());
}

#[test]
fn the_fragment_is_the_main_part_of_the_page_and_nothing_else() {
    for (name, view) in samples(Locale::Vi) {
        let fragment = view.fragment().unwrap();
        assert!(fragment.starts_with("<main id=\"order\""), "{name}");
        assert!(fragment.trim_end().ends_with("</main>"), "{name}");
        assert!(view.page().unwrap().contains(fragment.trim()), "{name}");
    }
}

#[test]
fn what_people_typed_cannot_become_markup() {
    let hostile = r#"<script>alert("1")</script>'"&<img src=x onerror=y>"#;
    let mut order = sample(Locale::Vi, "partly_paid");
    order.lines[0].title = hostile.to_owned();
    order.lines[0].cover = Some(hostile.to_owned());
    order.email = MaskedEmail::of(hostile);
    order.code = hostile.to_owned();
    order.frame.shop_name = hostile.to_owned();
    order.frame.support_email = hostile.to_owned();
    order.frame.path = hostile.to_owned();
    if let MoneyState::PartlyPaid { pay, .. } = &mut order.money {
        let transfer = pay.transfer.as_mut().unwrap();
        transfer.holder = hostile.to_owned();
        transfer.memo = hostile.to_owned();
    }
    let mut shop = ShopView::samples(&order.frame).remove(0).1;
    shop.courses[0].summary = hostile.to_owned();
    shop.form.email = hostile.to_owned();
    let mut files = LandingView::samples(&order.frame).remove(0).1;
    files.files[0].name = hostile.to_owned();
    for html in [
        order.page().unwrap(),
        order.fragment().unwrap(),
        shop.page().unwrap(),
        files.page().unwrap(),
    ] {
        assert!(!html.contains("<script>"));
        assert!(!html.contains("<img src=x"));
        assert!(!html.contains("alert(\"1\")"));
        assert!(html.contains("alert(&#34;1&#34;)"));
    }
}

#[test]
fn an_address_is_masked_to_its_first_letter_and_host() {
    for (address, shown) in [
        ("bich.tran@gmail.com", "b***@gmail.com"),
        ("đào@thư.vn", "đ***@thư.vn"),
        ("a@b@c.vn", "a***@c.vn"),
        ("", "***@"),
    ] {
        assert_eq!(MaskedEmail::of(address).to_string(), shown);
    }
    for Picture { name, html } in gallery() {
        assert!(!html.contains("bich.tran@"), "{name}");
    }
}

#[test]
fn a_course_is_shown_in_the_state_that_most_wants_attention() {
    let mut view = sample(Locale::Vi, "done");
    let line = &mut view.lines[0];
    assert!(line.access().is_yours());
    line.benefits[1].access = Access::Working;
    assert_eq!(*line.access(), Access::Working);
    line.benefits[0].access = Access::NeedsSeller;
    assert_eq!(*line.access(), Access::NeedsSeller);
    assert_eq!(view.ready(), 2);
}

#[test]
fn the_offer_that_gave_the_price_is_named_with_what_it_saves() {
    let html = sample(Locale::En, "done").fragment().unwrap();
    assert!(html.contains("Bundle “Kỹ năng văn phòng”"));
    assert!(html.contains("−98.000 ₫"));
    let mut plain = sample(Locale::En, "done");
    plain.totals.list = Money::vnd(899_000);
    assert!(!plain.fragment().unwrap().contains("Sum of list prices"));
}

#[test]
fn a_refused_order_form_keeps_what_was_typed_and_points_at_each_fault() {
    let frame = samples::frame(Locale::En, "/");
    let (_, view) = ShopView::samples(&frame).remove(1);
    let html = view.page().unwrap();
    assert!(html.contains(r#"value="bich.gmail.com""#));
    assert!(html.contains(r#"value="Trần Thị Bích""#));
    assert!(html.contains(r#"value="excel" data-price="299000" checked"#));
    assert!(html.contains(r##"<a href="#field-email">E-mail: This address has no @.</a>"##));
    assert!(html.contains(r#"aria-invalid="true" aria-describedby="fault-email hint-email""#));
}

#[test]
fn a_bundle_is_chosen_by_a_link_that_works_without_scripts() {
    let frame = samples::frame(Locale::En, "/");
    let html = ShopView::samples(&frame).remove(0).1.page().unwrap();
    assert!(html.contains("/?course=excel&#38;course=photo&#38;course=english#order"));
}

#[test]
fn sizes_and_zones_are_written_as_people_of_the_language_write_them() {
    let (vi, en) = (
        samples::frame(Locale::Vi, "/"),
        samples::frame(Locale::En, "/"),
    );
    for (bytes, in_vi, in_en) in [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1_000, "1 KB", "1 KB"),
        (82_400, "82,4 KB", "82.4 KB"),
        (999_999, "999 KB", "999 KB"),
        (4_310_000, "4,3 MB", "4.3 MB"),
        (1_248_000_000, "1,2 GB", "1.2 GB"),
        (5_000_000_000_000_000, "5000 TB", "5000 TB"),
    ] {
        assert_eq!(vi.size(&bytes), in_vi);
        assert_eq!(en.size(&bytes), in_en);
    }
    assert_eq!(vi.zone(), "UTC+7");
    let odd = Frame {
        utc_offset_minutes: -210,
        ..vi
    };
    assert_eq!(odd.zone(), "UTC-3:30");
    let at = Timestamp(1_763_708_720_000);
    assert!(
        en.long(&at)
            .to_string()
            .contains(">14:05, 21 November 2025<")
    );
}

#[test]
fn each_closed_link_and_problem_has_its_status() {
    assert_eq!(Closed::Expired { fresh: None }.status(), 410);
    assert_eq!(Closed::AccessEnded.status(), 403);
    assert_eq!(Closed::NotWhole.status(), 403);
    for (problem, status) in [
        (Problem::Forbidden, 403),
        (Problem::NotFound, 404),
        (Problem::Gone, 410),
        (Problem::TooMany(std::time::Duration::ZERO), 429),
        (Problem::Internal, 500),
    ] {
        assert_eq!(problem.status(), status);
    }
}
