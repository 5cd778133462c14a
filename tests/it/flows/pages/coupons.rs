//! Coupons on the shop's own pages, as a browser without scripts sees them.

use bursar::db::Kind;
use bursar::model::order;
use bursar::words::Locale;

use super::stand::{Stand, each, header, text};
use crate::harness::coupons::{make, percent, uses};

const WHO: (&str, &str) = ("email", "an@example.com");
const PRICE: (&str, &str) = ("step", "price");

#[tokio::test]
async fn apply_shows_the_price_before_ordering_and_orders_nothing() {
    each(async |stand| {
        make(&stand.app, percent("TET20", 20)).await;
        for locale in Locale::ALL {
            let fields = [
                ("course", "learn"),
                ("course", "read"),
                ("coupon", "tet20"),
                ("name", "An"),
                ("locale", locale.tag()),
                PRICE,
            ];
            let page = text(stand.order_form(&fields).await, 200).await;
            for wanted in ["700.000 ₫", "−150.000 ₫", "−110.000 ₫", "440.000 ₫"] {
                assert!(page.contains(wanted), "{wanted} in {page}");
            }
            let coupon = locale.fill("order.summary.coupon", &[("code", "TET20")]);
            assert!(page.contains(&coupon), "{coupon}");
            assert!(page.contains("value=\"tet20\"") && page.contains("value=\"An\""));
            assert_eq!(page.matches(" checked").count(), 2, "what was ticked stays");
            assert!(
                !page.contains("id=\"faults\""),
                "no address is asked for yet"
            );
        }
        let orders = stand.write(|tx, _| Box::pin(order::counts(tx)));
        assert_eq!(orders.await, []);
        assert_eq!(uses(&stand.app, "TET20").await, [0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn without_a_coupon_apply_shows_the_price_with_the_best_offer() {
    let stand = Stand::sqlite().await;
    let fields = [("course", "learn"), ("coupon", ""), ("locale", "en"), PRICE];
    let page = text(stand.order_form(&fields).await, 200).await;
    assert!(
        page.contains("class=\"price-now\"") && !page.contains("−"),
        "{page}"
    );
    let page = text(stand.order_form(&[PRICE]).await, 422).await;
    assert!(page.contains("id=\"fault-course\""), "{page}");
}

#[tokio::test]
async fn the_order_is_placed_at_that_price_and_its_page_shows_the_coupon() {
    each(async |stand| {
        make(&stand.app, percent("TET20", 20)).await;
        let fields = [
            ("course", "learn"),
            ("course", "read"),
            ("coupon", "TET20"),
            WHO,
            ("locale", "en"),
        ];
        let answer = stand.order_form(&fields).await;
        let place = header(&answer, "location");
        text(answer, 303).await;
        let page = stand.page(&place).await;
        for wanted in [
            "Any 2 courses",
            "−150.000 ₫",
            "Coupon TET20",
            "−110.000 ₫",
            "440.000 ₫",
        ] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        assert!(
            page.contains("amount=440000"),
            "the QR asks for the reduced price"
        );
        assert_eq!(uses(&stand.app, "TET20").await, [1, 0, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_coupon_that_is_refused_says_why_beside_its_field_at_both_buttons() {
    each(async |stand| {
        let mut spent = percent("SPENT", 20);
        spent.limits.max_uses = Some(1);
        make(&stand.app, spent).await;
        let mut once = percent("ONCE", 20);
        once.limits.per_customer = Some(1);
        make(&stand.app, once).await;
        for code in ["SPENT", "ONCE"] {
            let taken = [("course", "learn"), ("coupon", code), WHO];
            text(stand.order_form(&taken).await, 303).await;
        }
        let cases = [
            ("NONE", "error.unknown_coupon"),
            ("SPENT", "error.coupon_used_up"),
            ("ONCE", "error.coupon_customer_limit"),
            ("TẾT", "error.field.bad_coupon"),
        ];
        for locale in Locale::ALL {
            for (typed, key) in cases {
                let said = locale.fill(key, &[("coupon", typed)]);
                for step in ["price", "order"] {
                    let fields = [
                        ("course", "learn"),
                        ("coupon", typed),
                        WHO,
                        ("locale", locale.tag()),
                        ("step", step),
                    ];
                    let page = text(stand.order_form(&fields).await, 422).await;
                    let place = format!("id=\"fault-coupon\">{said}");
                    assert!(page.contains(&place), "{place} in {page}");
                    assert!(page.contains(&format!("value=\"{typed}\"")));
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_form_has_the_field_in_both_languages_and_enter_orders() {
    let stand = Stand::sqlite().await;
    for locale in Locale::ALL {
        let page = stand
            .page(&format!("/?lang={}&coupon=TET20", locale.tag()))
            .await;
        assert!(page.contains(locale.say("shop.coupon.label").as_ref()));
        assert!(page.contains("name=\"coupon\"") && page.contains("value=\"TET20\""));
        let form = page.split("<form").nth(1).unwrap();
        let buttons: Vec<&str> = form.split("<button").skip(1).collect();
        let prices = |button: &&str| {
            button
                .split('>')
                .next()
                .unwrap()
                .contains("value=\"price\"")
        };
        assert!(!prices(&buttons[0]), "Enter presses the first one");
        assert_eq!(buttons.iter().filter(|button| prices(button)).count(), 1);
    }
}

#[tokio::test]
async fn guessing_on_the_form_is_stopped_too() {
    let stand = Stand::open(Kind::Sqlite, |config| {
        config.limits.failures_per_minute = 2;
    })
    .await;
    make(&stand.app, percent("RIGHT", 20)).await;
    let fields = |code| [("course", "learn"), ("coupon", code), PRICE];
    for _ in 0..3 {
        text(stand.order_form(&fields("WRONG")).await, 422).await;
    }
    let answer = stand.order_form(&fields("RIGHT")).await;
    assert!(!header(&answer, "retry-after").is_empty());
    let page = text(answer, 429).await;
    assert!(!page.contains("price-now"));
    text(stand.order_form(&fields("")).await, 200).await;
}
