//! The order's page.

use std::time::Duration;

use bursar::clock::Timestamp;
use bursar::config::Mode;
use bursar::db::Kind;
use bursar::model::grant::{GrantState, Step};
use bursar::model::order::{Order, PaymentStatus};
use bursar::outcome::{Receipt, Who};
use bursar::queue;
use bursar::words::Locale;
use futures_util::StreamExt;
use serde_json::json;

use super::stand::{START, Stand, each, header, links, text};

const HOUR: Duration = Duration::from_hours(1);

/// Said only of access that was read back.
const ACCESS_WORDS: [&str; 4] = [
    "Bạn đã có quyền",
    "You have access",
    "Vào học<",
    "Start learning<",
];

/// The page says this text, in both languages.
async fn says(stand: &Stand, order: &Order, key: &str) {
    for locale in Locale::ALL {
        let page = stand.order_page(order, locale).await;
        let wanted = locale.say(key);
        assert!(page.contains(&*wanted), "{key} in {locale:?}: {page}");
    }
}

async fn never_says_access(stand: &Stand, order: &Order) {
    for locale in Locale::ALL {
        let page = stand.order_page(order, locale).await;
        for words in ACCESS_WORDS {
            assert!(!page.contains(words), "{words} in {locale:?}");
        }
    }
}

#[tokio::test]
async fn an_unpaid_order_says_how_to_pay_and_what_for() {
    each(async |stand| {
        let order = stand.order(&["learn", "read"]).await;
        let page = stand.order_page(&order, Locale::En).await;
        let (code, total) = (order.code.as_str(), "550.000 ₫");
        for wanted in [
            "Vietcombank",
            "0011223344",
            "NGUYEN AN",
            total,
            &format!("/api/v1/payment/qr/{code}.svg?amount=550000"),
            "Học &#38; hành &#60;1&#62;",
            "a***@example.com",
            "Any 2 courses",
            "Course files",
            "/covers/b%C3%ACa%201.svg",
            "https://pictures.example/read.png",
        ] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        assert!(!page.contains("an.nguyen"));
        assert!(!page.contains("/simulate"));
        says(stand, &order, "order.state.unpaid").await;
        never_says_access(stand, &order).await;
    })
    .await;
}

#[tokio::test]
async fn a_short_transfer_leaves_exactly_the_rest_to_pay() {
    each(async |stand| {
        let order = stand.order(&["learn"]).await;
        stand.pay(&order, 123_456).await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("123.456 ₫ received"), "{page}");
        let page = stand.order_page(&order, Locale::Vi).await;
        assert!(
            page.contains("123.456 ₫") && page.contains("376.544 ₫"),
            "{page}"
        );
        assert!(page.contains(".svg?amount=376544") && page.contains(".png?amount=376544"));
        stand.pay(&order, 376_544).await;
        let page = stand.order_page(&order, Locale::Vi).await;
        assert!(!page.contains("/api/v1/payment/qr/"));
        says(stand, &order, "order.state.waiting").await;
    })
    .await;
}

#[tokio::test]
async fn every_end_of_the_money_is_on_the_page() {
    each(async |stand| {
        let expired = stand.order(&["learn"]).await;
        stand.clock.advance(HOUR * 25);
        // The sweep has not come by yet.
        says(stand, &expired, "order.headline.expired.title").await;
        let moves = (PaymentStatus::Pending, PaymentStatus::Expired);
        stand.move_money(&expired, moves).await;
        says(stand, &expired, "order.headline.expired.title").await;
        assert!(
            !stand
                .order_page(&expired, Locale::En)
                .await
                .contains("/qr/")
        );

        let cancelled = stand.order(&["learn"]).await;
        let moves = (PaymentStatus::Pending, PaymentStatus::Cancelled);
        stand.move_money(&cancelled, moves).await;
        says(stand, &cancelled, "order.headline.cancelled.title").await;

        let refunded = stand.bought(&["learn"]).await;
        active(stand, &refunded).await;
        let moves = (PaymentStatus::Paid, PaymentStatus::Refunded);
        stand.move_money(&refunded, moves).await;
        says(stand, &refunded, "order.headline.refunded.title").await;
        let page = stand.order_page(&refunded, Locale::En).await;
        assert!(page.contains("500.000 ₫"));
        // The grant is still active in the books; its right is not.
        never_says_access(stand, &refunded).await;

        let partly = stand.bought(&["learn", "fetch"]).await;
        let moves = (PaymentStatus::Paid, PaymentStatus::PartiallyRefunded);
        stand.move_money(&partly, moves).await;
        says(stand, &partly, "order.headline.part_refunded.title").await;
    })
    .await;
}

async fn active(stand: &Stand, order: &Order) {
    let step = Step {
        receipt: Some(Receipt(json!({ "enrolment": "E-1", "read_back": true }))),
        ..Step::default()
    };
    stand
        .advance(order, GrantState::Working, Step::default())
        .await;
    stand.advance(order, GrantState::Active, step).await;
}

fn stuck(who: Who, next_at: Option<Timestamp>) -> Step {
    Step {
        who: Some(who),
        why: Some("an inside reason".to_owned()),
        next_at,
        ..Step::default()
    }
}

/// A state that the page has words for, and the moves of a grant that lead there.
type Story = (&'static str, Vec<(GrantState, Step)>);

fn stories_without_access() -> Vec<Story> {
    use GrantState::{
        ActionNeeded, Active, Expired, GaveUp, Revoked, Revoking, Verifying, Working,
    };
    let plain = |states: &[GrantState]| -> Vec<(GrantState, Step)> {
        states.iter().map(|to| (*to, Step::default())).collect()
    };
    let needs = |who, next_at| {
        vec![
            (Working, Step::default()),
            (ActionNeeded, stuck(who, next_at)),
        ]
    };
    vec![
        ("waiting", vec![]),
        ("working", plain(&[Working])),
        ("checking", plain(&[Working, Verifying])),
        ("needs_you", needs(Who::Buyer, None)),
        ("needs_seller", needs(Who::Seller, None)),
        ("retrying", needs(Who::Connection, Some(START.plus(HOUR)))),
        ("waiting", needs(Who::Connection, None)),
        ("failed", plain(&[GaveUp])),
        ("revoked", plain(&[Working, Active, Expired])),
        ("revoked", plain(&[Working, Active, Revoking])),
        ("revoked", plain(&[Working, Active, Revoking, Revoked])),
    ]
}

#[tokio::test]
async fn every_state_of_a_grant_has_its_words_and_only_one_says_access() {
    each(async |stand| {
        for (key, story) in stories_without_access() {
            let order = stand.bought(&["learn"]).await;
            for (to, step) in story {
                stand.advance(&order, to, step).await;
            }
            says(stand, &order, &format!("order.state.{key}")).await;
            never_says_access(stand, &order).await;
            let page = stand.order_page(&order, Locale::En).await;
            assert!(!page.contains("inside reason"), "{key}");
        }
        let order = stand.bought(&["learn"]).await;
        active(stand, &order).await;
        says(stand, &order, "order.state.yours").await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("You have access"), "{page}");
        assert_eq!(
            links(&page, "https://hoc.example"),
            ["https://hoc.example/lms/courses/kh%C3%B3a-1"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_second_attempt_says_its_number_and_its_time() {
    let stand = Stand::sqlite().await;
    let order = stand.bought(&["learn"]).await;
    for attempt in 2..=3 {
        stand
            .advance(&order, GrantState::Working, Step::default())
            .await;
        let step = Step {
            why: Some("the platform is away".to_owned()),
            next_at: Some(START.plus(HOUR * attempt)),
            ..Step::default()
        };
        stand.advance(&order, GrantState::Waiting, step).await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains(&format!("Attempt {attempt} is at")), "{page}");
        let at = START.plus(HOUR * attempt).local(420, "%H:%M");
        assert!(page.contains(&at), "{at}");
        never_says_access(&stand, &order).await;
    }
}

#[tokio::test]
async fn access_that_ran_out_is_not_yours_even_before_the_sweep() {
    let stand = Stand::sqlite().await;
    let order = stand.bought(&["learn"]).await;
    stand
        .advance(&order, GrantState::Working, Step::default())
        .await;
    let step = Step {
        expires_at: Some(START.plus(HOUR * 48)),
        ..Step::default()
    };
    stand.advance(&order, GrantState::Active, step).await;
    let before = stand
        .get(&format!("/o/{}", order.secret))
        .send()
        .await
        .unwrap();
    let before = header(&before, "etag");
    says(&stand, &order, "order.state.ending").await;
    stand.clock.advance(HOUR * 48);
    never_says_access(&stand, &order).await;
    says(&stand, &order, "order.state.revoked").await;
    let request = stand.get(&format!("/o/{}", order.secret));
    let answer = request
        .header("if-none-match", before)
        .send()
        .await
        .unwrap();
    text(answer, 200).await;
}

#[tokio::test]
async fn files_of_a_worker_are_linked_over_https_only() {
    let stand = Stand::sqlite().await;
    for (link, shown) in [("https://drive.example/x", 1), ("javascript:alert(1)", 0)] {
        let order = stand.bought(&["fetch"]).await;
        stand
            .advance(&order, GrantState::Working, Step::default())
            .await;
        let step = Step {
            receipt: Some(Receipt(json!({ "link": link, "by": "worker" }))),
            ..Step::default()
        };
        stand.advance(&order, GrantState::Active, step).await;
        let page = stand.order_page(&order, Locale::En).await;
        assert_eq!(page.matches(link).count(), shown, "{link}");
        assert!(!page.contains("0 files"), "{page}");
    }
}

#[tokio::test]
async fn a_page_that_is_still_the_same_is_not_sent_again() {
    each(async |stand| {
        let order = stand.order(&["learn"]).await;
        for query in ["", "?fragment=1"] {
            let path = format!("/o/{}{query}", order.secret);
            let first = stand.get(&path).send().await.unwrap();
            let etag = header(&first, "etag");
            assert_eq!(header(&first, "cache-control"), "private, no-cache");
            assert_eq!(header(&first, "referrer-policy"), "no-referrer");
            let html = text(first, 200).await;
            assert_eq!(html.contains("<!doctype html>"), query.is_empty());
            assert!(html.contains("<main id=\"order\""));

            // Time alone changes nothing but the countdown, which counts by itself.
            stand.clock.advance(Duration::from_secs(5));
            let again = || stand.get(&path).header("if-none-match", &etag);
            let same = again().send().await.unwrap();
            assert_eq!(header(&same, "etag"), etag);
            assert_eq!(text(same, 304).await, "");
            let english = again().header("cookie", "lang=en").send().await.unwrap();
            text(english, 200).await;
        }
        let path = format!("/o/{}", order.secret);
        let etag = header(&stand.get(&path).send().await.unwrap(), "etag");
        stand.pay(&order, 1000).await;
        let changed = stand.get(&path).header("if-none-match", &etag);
        text(changed.send().await.unwrap(), 200).await;
    })
    .await;
}

#[tokio::test]
async fn the_language_is_the_orders_until_another_is_chosen_and_then_stays() {
    let stand = Stand::sqlite().await;
    let order = stand.order(&["learn"]).await;
    let path = format!("/o/{}", order.secret);
    let plain = stand
        .get(&path)
        .header("accept-language", "en")
        .send()
        .await;
    assert!(
        text(plain.unwrap(), 200)
            .await
            .contains("<html lang=\"vi\">")
    );
    let chosen = stand.get(&format!("{path}?lang=en")).send().await.unwrap();
    let cookie = header(&chosen, "set-cookie");
    assert!(cookie.starts_with("lang=en; Path=/;"), "{cookie}");
    assert!(text(chosen, 200).await.contains("<html lang=\"en\">"));
    let later = stand
        .get(&path)
        .header("cookie", "a=b; lang=en")
        .send()
        .await;
    assert!(
        text(later.unwrap(), 200)
            .await
            .contains("<html lang=\"en\">")
    );
}

#[tokio::test]
async fn an_unknown_secret_gets_the_friendly_page_and_guessing_is_slowed_down() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let stand = Stand::open(kind, |config| config.limits.failures_per_minute = 4).await;
        let order = stand.order(&["learn"]).await;
        for secret in [
            "0".repeat(40),
            "x%00y".to_owned(),
            "é".to_owned(),
            "a".repeat(500),
        ] {
            let path = format!("/o/{secret}?lang=en");
            let page = text(stand.get(&path).send().await.unwrap(), 404).await;
            assert!(page.contains("<html lang=\"en\">"), "{page}");
            assert!(page.contains(&*Locale::En.say("error_page.404.title")));
        }
        // One more than allowed closes the door to guesses. The right secret goes on: its owner may
        // share an address with whoever guesses.
        text(stand.get("/o/wrong").send().await.unwrap(), 404).await;
        let guess = stand.get("/o/wrong").send().await.unwrap();
        assert!(!header(&guess, "retry-after").is_empty());
        text(guess, 429).await;
        let right = stand.get(&format!("/o/{}", order.secret));
        text(right.send().await.unwrap(), 200).await;
    }
}

#[tokio::test]
async fn an_address_that_leads_nowhere_gets_a_page_whose_links_stay_here() {
    let stand = Stand::sqlite().await;
    let page = text(stand.get("/nothing?lang=en").send().await.unwrap(), 404).await;
    assert!(page.contains("href=\"/nothing?lang=vi\""));
    let page = text(stand.get("//evil.example/x").send().await.unwrap(), 404).await;
    assert!(!page.contains("href=\"//"), "{page}");
}

#[tokio::test]
async fn the_stream_tells_of_every_change_and_goes_on_when_nothing_more_is_expected() {
    each(async |stand| {
        let order = stand.order(&["learn"]).await;
        let path = format!("/o/{}/stream", order.secret);
        let answer = stand.get(&path).send().await.unwrap();
        assert_eq!(header(&answer, "content-type"), "text/event-stream");
        let mut events = answer.bytes_stream();
        let mut next = async || {
            let chunk = events.next().await?.unwrap();
            Some(String::from_utf8(chunk.to_vec()).unwrap())
        };
        let version = stand.version(&order).await;
        let first = next().await.unwrap();
        assert_eq!(first, format!("event: order\ndata: {version}\n\n"));
        stand.pay(&order, 1000).await;
        let changed = stand.version(&order).await;
        assert_eq!(
            next().await.unwrap(),
            format!("event: order\ndata: {changed}\n\n")
        );
        let moves = (PaymentStatus::Pending, PaymentStatus::Cancelled);
        stand.move_money(&order, moves).await;
        stand.app.live.tell(&order.id);
        assert!(next().await.unwrap().starts_with("event: order\n"));
        // Nothing more is expected, and a late transfer is told all the same.
        stand.pay(&order, 499_000).await;
        let after = stand.version(&order).await;
        assert_eq!(
            next().await.unwrap(),
            format!("event: order\ndata: {after}\n\n")
        );
    })
    .await;
}

#[tokio::test]
async fn the_page_is_final_once_the_last_letter_is_sent() {
    each(async |stand| {
        let order = stand.bought(&["read"]).await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("data-final=\"false\""));
        queue::drain(&stand.app).await.unwrap();
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("data-final=\"true\""), "{page}");
        assert!(page.contains("You have access"));
        assert_eq!(page.matches("<li class=\"step past\"").count(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_letter_that_leaves_late_is_a_change_that_open_pages_hear_of() {
    each(async |stand| {
        let outbox = stand.folder.path().join("outbox");
        drop(std::fs::remove_dir_all(&outbox));
        std::fs::write(&outbox, "in the way").unwrap();
        let order = stand.bought(&["read"]).await;
        queue::drain(&stand.app).await.unwrap();
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("You have access") && page.contains("data-final=\"false\""));
        let version = stand.version(&order).await;

        std::fs::remove_file(&outbox).unwrap();
        stand.clock.advance(HOUR * 24);
        queue::drain(&stand.app).await.unwrap();
        assert!(stand.version(&order).await > version);
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("data-final=\"true\""));
    })
    .await;
}

#[tokio::test]
async fn the_demo_pretends_the_missing_transfer_through_the_real_webhook() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let stand = Stand::open(kind, |config| config.mode = Mode::Demo).await;
        let order = stand.order(&["learn"]).await;
        stand.pay(&order, 100_000).await;
        let path = format!("/o/{}/simulate", order.secret);
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains(&format!("action=\"{path}\"")), "{page}");
        for _ in 0..2 {
            let answer = stand.post(&path).send().await.unwrap();
            assert_eq!(header(&answer, "location"), format!("/o/{}", order.secret));
            text(answer, 303).await;
        }
        says(&stand, &order, "order.state.waiting").await;
        text(stand.post("/o/wrong/simulate").send().await.unwrap(), 404).await;
    }
}

#[tokio::test]
async fn outside_the_demo_nothing_can_be_pretended() {
    let stand = Stand::sqlite().await;
    let order = stand.order(&["learn"]).await;
    let path = format!("/o/{}/simulate", order.secret);
    text(stand.post(&path).send().await.unwrap(), 404).await;
    says(&stand, &order, "order.state.unpaid").await;
}
