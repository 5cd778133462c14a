//! What buyers of a published course download.

use std::sync::Arc;
use std::time::Duration;

use bursar::app::publish::{self, Press, Published, Watcher};
use bursar::connectors::stores::folder::Folder;
use bursar::model::audit::Actor;
use bursar::model::content::{Plan, Rule, Version};
use bursar::model::grant::{GrantState, Step};
use bursar::model::order::Order;
use bursar::words::Locale;
use sha2::Digest;

use super::stand::{Stand, each, header, links, text};
use crate::flows::publishing::press::Ways;

/// A press over the stand's own books, and a folder for its versions.
fn press(stand: &Stand) -> Press {
    Press {
        db: stand.app.db.clone(),
        stores: stand.app.world.stores.clone(),
        clock: stand.clock.clone(),
        mint: stand.app.mint.clone(),
        actor: Actor::Operator("test".to_owned()),
        pauses: Vec::new(),
    }
}

pub(super) async fn publish(stand: &Stand, rule: Rule) -> Version {
    let plan = Plan {
        course: "read".to_owned(),
        source: "disk".to_owned(),
        folder: "read".to_owned(),
        rule,
        store: "content".to_owned(),
    };
    let watcher: Arc<dyn Watcher> = Arc::new(Ways::default());
    match publish::publish(&press(stand), &plan, &watcher).await {
        Ok(Published::Ready(version)) => version,
        other => panic!("{other:?}"),
    }
}

/// The landing page of an order that was bought and delivered now.
pub(super) async fn bought(stand: &Stand) -> (Order, String) {
    let order = stand.bought(&["read"]).await;
    let working = Step::default();
    stand.advance(&order, GrantState::Working, working).await;
    stand
        .advance(&order, GrantState::Active, Step::default())
        .await;
    let page = stand.order_page(&order, Locale::En).await;
    let landing = links(&page, "/f/").remove(0);
    (order, landing)
}

/// The first file's own link; that of the whole course stands before it.
fn lesson_link(page: &str) -> String {
    let mut all = links(page, "/files/").into_iter();
    all.find(|link| !link.ends_with("zip")).unwrap()
}

async fn first_file(stand: &Stand, landing: &str) -> (String, String) {
    let file = lesson_link(&stand.page(landing).await);
    let answer = stand.get(&file).send().await.unwrap();
    let etag = header(&answer, "etag");
    (text(answer, 200).await, etag)
}

#[tokio::test]
async fn a_buyer_downloads_the_version_and_not_the_folder_that_goes_on_changing() {
    each(async |stand| {
        let version = publish(stand, Rule::All).await;
        let lesson = stand.folder.path().join("source/read/Bài 1.txt");
        std::fs::write(&lesson, "chưa xong").unwrap();
        let (_, landing) = bought(stand).await;
        let (content, etag) = first_file(stand, &landing).await;
        assert_eq!(content, "xin chào các bạn");
        let sum = hex::encode(sha2::Sha256::digest("xin chào các bạn"));
        assert_eq!(etag, format!("\"{sum}\""));
        assert_eq!(version.number, 1);

        let file = lesson_link(&stand.page(&landing).await);
        let part = stand.get(&file).header("range", "bytes=4-8");
        let part = part.header("if-range", &etag).send().await.unwrap();
        assert_eq!(text(part, 206).await, "chào");
    })
    .await;
}

#[tokio::test]
async fn a_new_version_reaches_old_buyers_unless_it_is_for_new_ones() {
    each(async |stand| {
        let lesson = stand.folder.path().join("source/read/Bài 1.txt");
        let (_, oldest) = bought(stand).await;
        assert_eq!(first_file(stand, &oldest).await.0, "xin chào các bạn");
        stand.clock.advance(Duration::from_secs(1));
        publish(stand, Rule::All).await;
        std::fs::write(&lesson, "bản hai").unwrap();
        assert_eq!(first_file(stand, &oldest).await.0, "xin chào các bạn");

        stand.clock.advance(Duration::from_secs(1));
        publish(stand, Rule::New).await;
        let (_, newer) = bought(stand).await;
        assert_eq!(first_file(stand, &oldest).await.0, "xin chào các bạn");
        assert_eq!(first_file(stand, &newer).await.0, "bản hai");

        std::fs::write(&lesson, "bản ba").unwrap();
        stand.clock.advance(Duration::from_secs(1));
        publish(stand, Rule::All).await;
        for landing in [&oldest, &newer] {
            assert_eq!(first_file(stand, landing).await.0, "bản ba");
        }
    })
    .await;
}

#[test]
fn a_folder_is_a_store_for_versions_without_being_made_before() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("content");
    drop(Folder::made_on_demand(&place));
    assert!(!place.exists(), "nothing was put there");
}
