//! Money that is too much, too late or goes back, presents, and access that ends: what the page and the
//! letters say of each.

use std::time::Duration;

use bursar::db::Kind;
use bursar::fulfilment::place::{self, Request};
use bursar::fulfilment::refund::{self, Ask};
use bursar::fulfilment::{gift, revoke};
use bursar::model::order::{Order, OrderKind};
use bursar::model::transfer;
use bursar::queue;
use bursar::words::Locale;
use futures_util::StreamExt;

use super::stand::{Stand, each, text};

const DAY: Duration = Duration::from_hours(24);

/// The page says this text in both languages.
async fn says(stand: &Stand, order: &Order, key: &str) {
    says_with(stand, order, key, &[]).await;
}

async fn says_with(stand: &Stand, order: &Order, key: &str, values: &[(&str, &str)]) {
    for locale in Locale::ALL {
        let page = stand.order_page(order, locale).await;
        let wanted = locale.fill(key, values);
        // What stands before the time is enough.
        let wanted = wanted.split("%{").next().unwrap();
        assert!(page.contains(wanted), "{wanted} in {page}");
    }
}

/// The texts of all letters so far.
fn letters(stand: &Stand) -> String {
    let files = std::fs::read_dir(stand.folder.path().join("outbox")).unwrap();
    let text = files.map(|file| {
        let raw = std::fs::read(file.unwrap().path()).unwrap();
        let letter = mail_parser::MessageParser::default().parse(&raw).unwrap();
        let subject = letter.subject().unwrap();
        format!("{subject}\n{}\n", letter.body_text(0).unwrap())
    });
    text.collect()
}

async fn drain(stand: &Stand) {
    queue::drain(&stand.app).await.unwrap();
}

async fn ask(stand: &Stand, order: &Order, ask: Ask) -> Vec<bursar::model::refund::Refund> {
    let (id, policy) = (order.id.clone(), stand.app.desk.policy.clone());
    stand
        .write(move |tx, moment| {
            Box::pin(async move { refund::ask(tx, &moment, &policy, &id, &ask).await })
        })
        .await
}

fn all_back(why: &str) -> Ask {
    Ask {
        course: None,
        amount: None,
        keep_access: false,
        why: why.to_owned(),
        reference: None,
    }
}

#[tokio::test]
async fn too_much_is_on_the_books_until_it_went_back() {
    each(async |stand| {
        let order = stand.order(&["read"]).await;
        stand.pay(&order, 250_000).await;
        stand.pay(&order, 200_000).await;
        let due = [("amount", "250.000\u{a0}₫")];
        says_with(stand, &order, "order.surplus.due", &due).await;
        let version = stand.version(&order).await;
        let id = order.id.clone();
        let policy = stand.app.desk.policy.clone();
        stand
            .write(move |tx, moment| {
                Box::pin(async move {
                    for transfer in transfer::of_order(tx, &id).await? {
                        let (why, name) = ("too much", Some("FT1"));
                        refund::ask_surplus(tx, &moment, &policy, &transfer.id, why, name).await?;
                    }
                    Ok(())
                })
            })
            .await;
        assert!(
            stand.version(&order).await > version,
            "open pages hear of it"
        );
        says_with(stand, &order, "order.surplus.returned", &due).await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(!page.contains("more than the order needs"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn late_money_pays_at_the_old_price_or_opens_the_order_for_the_rest() {
    each(async |stand| {
        let (whole, part) = (stand.order(&["read"]).await, stand.order(&["read"]).await);
        stand.clock.advance(DAY * 2);
        queue::sweep(&stand.app).await.unwrap();
        says(stand, &whole, "order.headline.expired.title").await;
        stand.pay(&whole, 200_000).await;
        says(stand, &whole, "order.late.paid").await;
        says(stand, &whole, "order.state.waiting").await;
        stand.pay(&part, 150_000).await;
        says(stand, &part, "order.late.reopened").await;
        let page = stand.order_page(&part, Locale::Vi).await;
        assert!(page.contains("amount=50000"), "{page}");
        drain(stand).await;
        let letters = letters(stand);
        assert!(letters.contains("còn thiếu 50.000 ₫"), "{letters}");
        for fact in ["Vietcombank", "0011223344", "NGUYEN AN", part.code.as_str()] {
            assert!(letters.contains(fact), "{fact} in {letters}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_shortfall_is_asked_for_once_and_not_any_more_when_it_came_meanwhile() {
    each(async |stand| {
        let order = stand.order(&["learn"]).await;
        stand.pay(&order, 100_000).await;
        stand.pay(&order, 100_000).await;
        drain(stand).await;
        assert_eq!(letters(stand).matches(": còn thiếu").count(), 1);
        assert!(
            letters(stand).contains("còn thiếu 300.000 ₫"),
            "as it is when it is sent"
        );
        let quick = stand.order(&["read"]).await;
        stand.pay(&quick, 100_000).await;
        stand.pay(&quick, 100_000).await;
        drain(stand).await;
        assert_eq!(letters(stand).matches(": còn thiếu").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_course_that_is_paid_back_ends_alone_and_the_letter_says_how_the_money_went() {
    each(async |stand| {
        let order = stand.bought(&["read", "learn"]).await;
        let one = Ask {
            course: Some("read".to_owned()),
            ..all_back("not what I wanted")
        };
        let decided = ask(stand, &order, one).await;
        says(stand, &order, "order.headline.part_refunded.title").await;
        says(stand, &order, "order.refund.title").await;
        says(stand, &order, "order.state.refunded").await;
        says(stand, &order, "order.note.refunded_at").await;
        says(stand, &order, "order.state.waiting").await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("it will be sent by bank transfer"), "{page}");
        assert!(!page.contains("not what I wanted"), "the seller's words");
        let id = decided[0].id.clone();
        let (amount, version) = (decided[0].amount, stand.version(&order).await);
        stand
            .write(move |tx, moment| {
                Box::pin(async move { refund::sent_by_hand(tx, &moment, &id, "FT777").await })
            })
            .await;
        assert!(stand.version(&order).await > version);
        let page = stand.order_page(&order, Locale::Vi).await;
        assert!(
            page.contains("bằng chuyển khoản ngân hàng, mã giao dịch FT777"),
            "{page}"
        );
        drain(stand).await;
        let letters = letters(stand);
        for words in [
            format!("Hoàn tiền {amount} cho đơn hàng {}", order.code),
            "khóa học “Tài liệu”".to_owned(),
            "mã giao dịch FT777".to_owned(),
            "Đơn hàng không còn mở các khóa học này\n\n- Tài liệu\n".to_owned(),
        ] {
            assert!(
                letters.replace('\r', "").contains(&words),
                "{words} in {letters}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_decided_after_the_end_reaches_pages_that_are_still_open() {
    each(async |stand| {
        let order = stand.bought(&["read"]).await;
        drain(stand).await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("data-final=\"true\""), "{page}");
        let path = format!("/o/{}/stream", order.secret);
        let mut events = stand.get(&path).send().await.unwrap().bytes_stream();
        let mut next = async || {
            let chunk = events.next().await.unwrap().unwrap();
            String::from_utf8(chunk.to_vec()).unwrap()
        };
        assert!(next().await.contains("event: order"));
        let grant = stand.grants(&order).await.remove(0).id;
        stand
            .write(move |tx, moment| {
                Box::pin(async move { revoke::revoke(tx, &moment, &grant, "test").await })
            })
            .await;
        stand.app.live.tell(&order.id);
        let version = stand.version(&order).await;
        assert_eq!(next().await, format!("event: order\ndata: {version}\n\n"));
        says(stand, &order, "order.note.revoked_at").await;
    })
    .await;
}

#[tokio::test]
async fn access_that_ends_soon_is_told_on_the_page_and_once_by_letter_and_can_be_bought_again() {
    each(async |stand| {
        let order = stand.bought(&["read"]).await;
        drain(stand).await;
        says(stand, &order, "order.state.yours").await;
        stand.clock.advance(DAY * 24);
        says(stand, &order, "order.state.ending").await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains("href=\"/?course=read#order\""), "{page}");
        for _ in 0..2 {
            queue::sweep(&stand.app).await.unwrap();
            drain(stand).await;
        }
        let told = letters(stand);
        assert_eq!(
            told.matches("Bạn có thể học “Tài liệu” đến").count(),
            1,
            "{told}"
        );
        assert!(told.contains("https://shop.example/?course=read#order"));
        stand.clock.advance(DAY * 7);
        queue::sweep(&stand.app).await.unwrap();
        drain(stand).await;
        says(stand, &order, "order.note.time_up").await;
        let page = stand.order_page(&order, Locale::Vi).await;
        assert!(page.contains("href=\"/?course=read#order\""), "{page}");
    })
    .await;
}

#[tokio::test]
async fn a_present_is_called_one_and_asks_for_nothing() {
    each(async |stand| {
        let order = give(stand).await;
        let shop = [("shop", stand.app.config.shop.name.as_str())];
        says_with(stand, &order, "order.headline.gift_working.title", &shop).await;
        drain(stand).await;
        says_with(stand, &order, "order.headline.gift_done.title", &shop).await;
        says(stand, &order, "order.offer.gift").await;
        let page = stand.order_page(&order, Locale::En).await;
        assert!(
            page.contains(">0 ₫<") && !page.contains("class=\"qr\""),
            "{page}"
        );
        let letters = letters(stand);
        assert!(letters.contains("đã tặng khóa học cho bạn"), "{letters}");
    })
    .await;
}

async fn give(stand: &Stand) -> Order {
    let policy = stand.app.desk.policy.clone();
    let catalogue = stand.app.catalogue().await.unwrap();
    let courses = vec!["read".to_owned()];
    let basket = place::basket(&catalogue, &policy, &courses).unwrap();
    let request = Request {
        email: "an@example.com".to_owned(),
        name: "An".to_owned(),
        phone: None,
        locale: Locale::Vi,
        courses,
        coupon: None,
        idempotency: None,
        kind: OrderKind::Gift,
    };
    stand
        .write(move |tx, moment| {
            Box::pin(async move {
                let why = "a thank-you";
                let given = gift::give(tx, &moment, &policy, &request, &basket, why).await?;
                Ok(given.order)
            })
        })
        .await
}

#[tokio::test]
async fn a_whole_refund_closes_page_and_files_and_says_how_much() {
    let stand = Stand::open(Kind::Sqlite, |_| {}).await;
    let order = stand.bought(&["read"]).await;
    drain(&stand).await;
    let page = stand.order_page(&order, Locale::Vi).await;
    let files = super::stand::links(&page, "/f/").remove(0);
    text(stand.get(&files).send().await.unwrap(), 200).await;
    let sent = Ask {
        reference: Some("FT9".to_owned()),
        ..all_back("asked for")
    };
    ask(&stand, &order, sent).await;
    says(&stand, &order, "order.headline.refunded.title").await;
    let page = stand.order_page(&order, Locale::Vi).await;
    assert!(page.contains("200.000\u{a0}₫"), "{page}");
    assert!(super::stand::links(&page, "/f/").is_empty());
    text(stand.get(&files).send().await.unwrap(), 403).await;
}
