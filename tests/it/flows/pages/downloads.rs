//! Links to files.

use std::time::Duration;

use bursar::fulfilment::revoke;
use bursar::model::grant::{Grant, GrantState, Step};
use bursar::model::order::{Order, PaymentStatus};
use bursar::words::Locale;

use super::stand::{Stand, each, header, links, text};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// An order whose files are the buyer's, and the landing page's path as the order page gives it.
pub(super) async fn delivered(stand: &Stand) -> (Order, String) {
    let order = stand.bought(&["read"]).await;
    stand
        .advance(&order, GrantState::Working, Step::default())
        .await;
    let step = Step {
        receipt: Some(bursar::outcome::Receipt(serde_json::json!({ "files": 2 }))),
        expires_at: Some(stand.clock.now().plus(DAY * 30)),
        ..Step::default()
    };
    stand.advance(&order, GrantState::Active, step).await;
    let page = stand.order_page(&order, Locale::En).await;
    assert!(page.contains("Get the files"), "{page}");
    let landing = links(&page, "/f/").remove(0);
    (order, landing)
}

async fn grant(stand: &Stand, order: &Order) -> Grant {
    stand.grants(order).await.remove(0)
}

async fn revoke(stand: &Stand, order: &Order) {
    let id = grant(stand, order).await.id;
    stand
        .write(move |tx, moment| {
            Box::pin(async move { revoke::revoke(tx, &moment, &id, "refunded").await })
        })
        .await;
}

#[tokio::test]
async fn the_landing_page_lists_the_files_and_looking_changes_nothing() {
    each(async |stand| {
        let (order, landing) = delivered(stand).await;
        let before = (
            stand.version(&order).await,
            grant(stand, &order).await.attempts,
        );
        for _ in 0..3 {
            let answer = stand.get(&landing).send().await.unwrap();
            assert_eq!(header(&answer, "cache-control"), "no-store");
            assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
            let page = text(answer, 200).await;
            assert!(page.contains("Bài 1.txt") && page.contains("Bài 2.txt"));
            assert!(page.contains("Tài liệu") && page.contains(order.code.as_str()));
            assert_eq!(links(&page, "/files/").len(), 2);
        }
        let after = (
            stand.version(&order).await,
            grant(stand, &order).await.attempts,
        );
        assert_eq!(before, after);
    })
    .await;
}

#[tokio::test]
async fn a_file_comes_whole_in_part_and_as_a_head() {
    each(async |stand| {
        let (_, landing) = delivered(stand).await;
        let file = links(&stand.page(&landing).await, "/files/").remove(0);
        let whole = stand.get(&file).send().await.unwrap();
        let etag = header(&whole, "etag");
        let name = header(&whole, "content-disposition");
        assert!(name.contains("filename*=UTF-8''B%C3%A0i%201.txt"), "{name}");
        assert_eq!(text(whole, 200).await, "xin chào các bạn");

        let part = stand.get(&file).header("range", "bytes=0-2");
        let part = part.header("if-range", &etag).send().await.unwrap();
        assert_eq!(header(&part, "content-range"), "bytes 0-2/20");
        assert_eq!(text(part, 206).await, "xin");

        let head = stand.head(&file).send().await.unwrap();
        assert_eq!(header(&head, "content-length"), "20");
        assert_eq!(text(head, 200).await, "");
    })
    .await;
}

#[tokio::test]
async fn a_revoked_grants_old_links_are_dead_at_once_though_their_tokens_are_good() {
    each(async |stand| {
        let (order, landing) = delivered(stand).await;
        let file = links(&stand.page(&landing).await, "/files/").remove(0);
        revoke(stand, &order).await;
        for path in [&file, &landing] {
            let answer = stand.get(&format!("{path}?lang=en")).send().await.unwrap();
            let page = text(answer, 403).await;
            assert!(
                page.contains(&*Locale::En.say("files.ended.title")),
                "{page}"
            );
            assert!(!page.contains("xin chào"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_refunded_order_opens_no_file_even_before_its_grants_are_taken_back() {
    let stand = Stand::sqlite().await;
    let (order, landing) = delivered(&stand).await;
    let file = links(&stand.page(&landing).await, "/files/").remove(0);
    let moves = (PaymentStatus::Paid, PaymentStatus::Refunded);
    stand.move_money(&order, moves).await;
    for path in [&file, &landing] {
        text(stand.get(path).send().await.unwrap(), 403).await;
    }
}

#[tokio::test]
async fn access_that_ran_out_opens_no_file_even_before_the_sweep() {
    let stand = Stand::sqlite().await;
    let (_, landing) = delivered(&stand).await;
    stand.clock.advance(DAY * 29 + HOUR * 23);
    let file = links(&stand.page(&landing).await, "/files/").remove(0);
    assert_eq!(stand.page(&file).await, "xin chào các bạn");
    stand.clock.advance(HOUR);
    for path in [&file, &landing] {
        text(stand.get(path).send().await.unwrap(), 403).await;
    }
}

#[tokio::test]
async fn an_old_file_link_leads_to_a_fresh_one_while_the_right_lasts() {
    each(async |stand| {
        let (order, landing) = delivered(stand).await;
        let file = links(&stand.page(&landing).await, "/files/").remove(0);
        stand.clock.advance(HOUR * 12);
        let page = text(stand.get(&file).send().await.unwrap(), 410).await;
        let fresh = links(&page, "/f/").remove(0);
        let again = links(&stand.page(&fresh).await, "/files/").remove(0);
        assert_ne!(again, file);
        assert_eq!(stand.page(&again).await, "xin chào các bạn");
        revoke(stand, &order).await;
        text(stand.get(&file).send().await.unwrap(), 403).await;
    })
    .await;
}

#[tokio::test]
async fn a_landing_link_past_its_day_is_gone() {
    let stand = Stand::sqlite().await;
    let (order, _) = delivered(&stand).await;
    let grant = grant(&stand, &order).await.id;
    let token = stand.app.desk.links.mint_landing(&grant, stand.clock.now());
    let page = text(stand.get(&format!("/f/{token}")).send().await.unwrap(), 410).await;
    assert!(
        links(&page, "/f/")
            .iter()
            .all(|link| link.contains("?lang="))
    );
}

#[tokio::test]
async fn a_changed_link_and_a_link_of_the_other_kind_open_nothing() {
    let stand = Stand::sqlite().await;
    let (_, landing) = delivered(&stand).await;
    let file = links(&stand.page(&landing).await, "/files/").remove(0);
    let landing_token = landing.trim_start_matches("/f/");
    let file_token = file.split('/').nth(2).unwrap();
    for path in [
        format!("/files/{landing_token}/x.txt"),
        format!("/f/{file_token}"),
        "/files/nonsense/x.txt".to_owned(),
        format!("/files/{file_token}A/x.txt"),
        format!("/f/{}", landing_token.to_lowercase()),
    ] {
        let page = text(stand.get(&path).send().await.unwrap(), 403).await;
        assert!(
            page.contains(&*Locale::Vi.say("files.not_whole.title")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_file_that_the_seller_took_away_is_our_fault_and_shows_nothing_inside() {
    let stand = Stand::sqlite().await;
    let (_, landing) = delivered(&stand).await;
    let file = links(&stand.page(&landing).await, "/files/").remove(0);
    std::fs::remove_dir_all(stand.folder.path().join("source/read")).unwrap();
    for path in [&file, &landing] {
        let page = text(stand.get(path).send().await.unwrap(), 500).await;
        assert!(page.contains("req_") && !page.contains("source"), "{page}");
    }
}
