//! Files on the seller's own Drive: one folder for a version, one right for each buyer, taken away with
//! the last reason; Bursar's own links until then.

use std::sync::Arc;
use std::time::Duration;

use bursar::app::publish::{self, Press, Watcher, Way};
use bursar::clock::Timestamp;
use bursar::config::{self, StoreConnection};
use bursar::connectors::destinations::drive::fake::{Call, FakeDrive, FakeDriveOptions, Mischief};
use bursar::id::Mint;
use bursar::model::audit::Actor;
use bursar::model::catalogue;
use bursar::model::content::{Plan, Rule};
use bursar::model::grant::{Grant, GrantState};
use bursar::model::order::Order;
use bursar::model::task::{self, Appetite, Kind, Lane};
use bursar::outcome::Who;
use bursar::tasks;

use crate::harness::shop::{BUYER, LEASE, Setup, Shop, each_set_up};

const HOUR: Duration = Duration::from_hours(1);

const COURSE: &str = r#"
[[course]]
slug = "on-drive"
title = "Trên Drive"
summary = "x"
url = "https://shop.example/on-drive"
price = 500000
rights = "own"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "lessons"
drive = "school"
"#;

/// Nobody looks on.
struct Nobody;

impl Watcher for Nobody {
    fn listed(&self, _: u64, _: u64, _: u64) {}
    fn read(&self, _: u64) {}
    fn again(&self, _: u64) {}
    fn done(&self, _: &str, _: Way) {}
    fn waits(&self, _: &str, _: Duration) {}
}

/// A shop with one course on a Drive, on each database, with a fake of its own.
async fn each(story: impl AsyncFn(&Shop, &FakeDrive)) {
    each_with(|_| (), story).await;
}

async fn each_with(change: fn(&mut config::Drive), story: impl AsyncFn(&Shop, &FakeDrive)) {
    // Both shops talk to one fake, each with a folder of its own at the top.
    let fake = FakeDrive::start(FakeDriveOptions::default()).await.unwrap();
    let mut settings = fake.settings();
    change(&mut settings);
    let set_up = |kind| {
        let mut settings = settings.clone();
        settings.folder = fake.make_by_hand("Courses of one shop");
        Setup {
            change: Arc::new(move |config| {
                config.drives.insert("school".to_owned(), settings.clone());
                let memory = StoreConnection {
                    kind: "memory".to_owned(),
                    ..StoreConnection::default()
                };
                config.stores.insert("kept".to_owned(), memory);
            }),
            ..Setup::on(kind)
        }
    };
    each_set_up(set_up, async |shop: &Shop| {
        stock(shop).await;
        story(shop, &fake).await;
    })
    .await;
}

async fn stock(shop: &Shop) {
    let lessons = shop.folder.path().join("source/lessons/1. Mở đầu");
    std::fs::create_dir_all(&lessons).unwrap();
    std::fs::write(lessons.join("bài 1.txt"), "xin chào").unwrap();
    std::fs::write(lessons.join("trống.txt"), "").unwrap();
    std::fs::write(lessons.join("../đọc trước.txt"), "trước hết").unwrap();
    let stock = catalogue::read(COURSE).unwrap();
    shop.step(move |tx, _| Box::pin(async move { catalogue::replace(tx, &stock).await }))
        .await
        .unwrap();
    shop.advance(Duration::from_secs(5));
}

async fn publish(shop: &Shop) {
    let press = Press {
        db: shop.app.db.clone(),
        stores: shop.app.world.stores.clone(),
        clock: shop.clock.clone(),
        mint: Mint::seeded(7),
        actor: Actor::Operator("test".to_owned()),
        pauses: Vec::new(),
    };
    let plan = Plan {
        course: "on-drive".to_owned(),
        source: "disk".to_owned(),
        folder: "lessons".to_owned(),
        rule: Rule::All,
        store: "kept".to_owned(),
    };
    let nobody: Arc<dyn Watcher> = Arc::new(Nobody);
    publish::publish(&press, &plan, &nobody).await.unwrap();
}

async fn bought_by(shop: &Shop, email: &str) -> Order {
    let order = shop.order_by(email, &["on-drive"]).await.order;
    shop.pay(&order, order.total.minor).await;
    order
}

/// The id of the folder that a kept grant's link leads to.
fn folder_of(grant: &Grant) -> String {
    let link = grant.receipt.as_ref().unwrap().0["link"].as_str().unwrap();
    link.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_buyer_reads_the_folder_of_the_version_and_its_link_is_the_drives() {
    each(async |shop, fake| {
        publish(shop).await;
        let order = shop.bought(&["on-drive"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(grant.state, GrantState::Active, "{:?}", grant.why);
        let folder = folder_of(&grant);
        assert_eq!(fake.readers(&folder), [BUYER]);
        assert!(fake.mails().is_empty());
        let names: Vec<String> = fake
            .children(&folder)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["1. Mở đầu", "đọc trước.txt"]);
        let (_, inner) = &fake.children(&folder)[0];
        let inside = fake.children(inner);
        assert_eq!(inside.len(), 2);
        assert_eq!(fake.bytes(&inside[0].1).unwrap(), "xin chào".as_bytes());
        assert!(
            shop.letters()
                .iter()
                .any(|letter| letter.contains("drive.google.com"))
        );
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn a_course_without_a_version_waits_for_the_seller() {
    each(async |shop, _| {
        let order = shop.bought(&["on-drive"]).await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(
            (grant.state, grant.who),
            (GrantState::ActionNeeded, Some(Who::Seller))
        );
        assert!(
            grant
                .why
                .as_deref()
                .unwrap()
                .contains("bursar content publish")
        );
        publish(shop).await;
        shop.retry(&grant.id).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Active);
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn the_right_is_taken_away_with_the_last_reason_and_not_before() {
    each(async |shop, fake| {
        publish(shop).await;
        let (first, second) = (
            shop.bought(&["on-drive"]).await,
            shop.bought(&["on-drive"]).await,
        );
        shop.drain().await;
        let (first, second) = (shop.grant(&first).await, shop.grant(&second).await);
        let folder = folder_of(&first);
        shop.revoke(&first.id).await.unwrap();
        shop.drain().await;
        assert_eq!(fake.readers(&folder), [BUYER]);
        shop.revoke(&second.id).await.unwrap();
        shop.drain().await;
        assert!(fake.readers(&folder).is_empty());
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn who_read_before_the_order_reads_after_its_end() {
    each(async |shop, fake| {
        publish(shop).await;
        bought_by(shop, "binh@example.com").await;
        shop.drain().await;
        let top = fake.children(&shop.app.config.drives["school"].folder);
        let folder = top[0].1.clone();
        fake.share_by_hand(&folder, BUYER);
        let order = shop.bought(&["on-drive"]).await;
        shop.drain().await;
        shop.revoke(&shop.grant(&order).await.id).await.unwrap();
        shop.drain().await;
        assert!(fake.readers(&folder).contains(&BUYER.to_owned()));
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn a_full_folder_gets_a_copy_and_no_byte_is_sent_twice() {
    each_with(
        |settings| settings.people_per_folder = 2,
        async |shop, fake| {
            publish(shop).await;
            let mut orders = Vec::new();
            for at in 0..3 {
                orders.push(bought_by(shop, &format!("b{at}@example.com")).await);
                shop.drain().await;
            }
            let sent = fake.bytes_received();
            let mut folders = Vec::new();
            for order in &orders {
                folders.push(folder_of(&shop.grant(order).await));
            }
            assert_eq!(folders[0], folders[1]);
            assert_ne!(folders[1], folders[2]);
            assert_eq!(fake.readers(&folders[2]), ["b2@example.com"]);
            assert_eq!(fake.children(&folders[2]).len(), 2);
            assert_eq!(sent % ("xin chào".len() + "trước hết".len()) as u64, 0);
            assert!(fake.calls(Call::Copy) > 0);
            shop.leaves(&["deliver:ready", "deliver:ready"]);
        },
    )
    .await;
}

#[tokio::test]
async fn too_many_invitations_rest_all_of_the_account_and_the_buyer_is_told_until_when() {
    each(async |shop, fake| {
        publish(shop).await;
        bought_by(shop, "first@example.com").await;
        shop.drain().await;
        let flood = Mischief::Refused(403, "sharingRateLimitExceeded");
        fake.misbehave(Call::Share, [flood]);
        let second = bought_by(shop, "second@example.com").await;
        let third = bought_by(shop, "third@example.com").await;
        let before = fake.calls(Call::Share);
        shop.drain().await;
        assert_eq!(fake.calls(Call::Share), before + 1, "only one was refused");
        for order in [&second, &third] {
            let grant = shop.grant(order).await;
            assert_eq!(grant.state, GrantState::Waiting);
            assert_eq!(grant.next_at, Some(shop.clock.now().plus(HOUR)));
            assert_eq!(grant.attempts, 1);
        }
        shop.advance(HOUR);
        shop.drain().await;
        for order in [&second, &third] {
            assert_eq!(shop.grant(order).await.state, GrantState::Active);
        }
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn a_buyer_without_a_google_account_waits_for_the_buyer() {
    each(async |shop, fake| {
        publish(shop).await;
        fake.has_no_account("an@company.example");
        let order = bought_by(shop, "an@company.example").await;
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(
            (grant.state, grant.who),
            (GrantState::ActionNeeded, Some(Who::Buyer))
        );
        shop.leaves(&["deliver:dead", "deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn once_a_day_readers_and_grants_are_brought_together_both_ways() {
    each(async |shop, fake| {
        publish(shop).await;
        let (kept, ended) = (
            bought_by(shop, "kept@example.com").await,
            bought_by(shop, "ended@example.com").await,
        );
        shop.drain().await;
        let folder = folder_of(&shop.grant(&kept).await);
        shop.revoke(&shop.grant(&ended).await.id).await.unwrap();
        shop.drain().await;
        // By the seller's own hand: one is lost, one comes back, one is none of ours.
        fake.unshare_by_hand(&folder, "kept@example.com");
        fake.share_by_hand(&folder, "ended@example.com");
        fake.share_by_hand(&folder, "friend@example.com");
        shop.advance(25 * HOUR);
        shop.drain().await;
        assert_eq!(
            fake.readers(&folder),
            ["friend@example.com", "kept@example.com"]
        );
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_settled_by_looking_and_the_right_is_ours() {
    each(async |shop, fake| {
        publish(shop).await;
        bought_by(shop, "first@example.com").await;
        shop.drain().await;
        fake.misbehave(Call::Share, [Mischief::FailureAfterwards]);
        let order = shop.bought(&["on-drive"]).await;
        shop.drain().await;
        assert_eq!(shop.grant(&order).await.state, GrantState::Verifying);
        shop.advance(Duration::from_mins(1));
        shop.drain().await;
        let grant = shop.grant(&order).await;
        assert_eq!(grant.state, GrantState::Active);
        shop.revoke(&grant.id).await.unwrap();
        shop.drain().await;
        assert_eq!(fake.readers(&folder_of(&grant)), ["first@example.com"]);
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn many_orders_at_once_change_the_folder_one_after_the_other() {
    each(async |shop, fake| {
        publish(shop).await;
        bought_by(shop, "first@example.com").await;
        shop.drain().await;
        let mut orders = Vec::new();
        for at in 0..6 {
            orders.push(bought_by(shop, &format!("b{at}@example.com")).await);
        }
        for _ in 0..20 {
            let due = claimed(shop).await;
            let runs = due.iter().map(|task| tasks::run(&shop.app, task));
            for ran in futures_util::future::join_all(runs).await {
                ran.unwrap();
            }
            shop.advance(Duration::from_secs(3));
        }
        let folder = folder_of(&shop.grant(&orders[0]).await);
        assert_eq!(fake.readers(&folder).len(), 7);
        assert_eq!(fake.most_changes_at_once(), 1);
        shop.drain().await;
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

async fn claimed(shop: &Shop) -> Vec<task::Leased> {
    shop.step(|tx, moment| {
        Box::pin(async move {
            let appetite = Appetite {
                lane: Lane::Connection("drive:school".to_owned()),
                limit: 10,
                lease: LEASE,
                watermark: Timestamp(0),
            };
            task::claim(tx, &moment, &appetite).await
        })
    })
    .await
    .unwrap()
    .into_iter()
    .filter(|task| task.kind == Kind::Deliver)
    .collect()
}

#[tokio::test]
async fn an_outage_in_the_middle_of_filling_costs_nothing_that_was_done() {
    each(async |shop, fake| {
        publish(shop).await;
        fake.misbehave(
            Call::Create,
            [Mischief::Failure, Mischief::FailureAfterwards],
        );
        fake.misbehave(Call::Chunk, [Mischief::Failure, Mischief::CutAnswer]);
        let order = shop.bought(&["on-drive"]).await;
        shop.live(2 * HOUR, Duration::from_secs(30)).await;
        let grant = shop.grant(&order).await;
        assert_eq!(grant.state, GrantState::Active, "{:?}", grant.why);
        let folder = folder_of(&grant);
        assert_eq!(fake.children(&folder).len(), 2);
        let shop_top = &shop.app.config.drives["school"].folder;
        assert_eq!(fake.children(shop_top).len(), 1, "no twin");
        shop.leaves(&["deliver:ready"]);
    })
    .await;
}

#[tokio::test]
async fn a_new_version_for_everybody_reaches_who_bought_before_and_its_end_ends_both() {
    each(async |shop, fake| {
        publish(shop).await;
        let order = shop.bought(&["on-drive"]).await;
        shop.drain().await;
        let old = folder_of(&shop.grant(&order).await);
        let added = shop.folder.path().join("source/lessons/bài 2.txt");
        std::fs::write(added, "thêm").unwrap();
        shop.advance(HOUR);
        publish(shop).await;
        shop.live(26 * HOUR, HOUR / 2).await;
        let grant = shop.grant(&order).await;
        let new = folder_of(&grant);
        assert_ne!(old, new);
        assert_eq!(
            (fake.readers(&new), grant.state),
            (vec![BUYER.to_owned()], GrantState::Active)
        );
        assert_eq!(fake.children(&new).len(), 3);
        shop.revoke(&grant.id).await.unwrap();
        shop.drain().await;
        assert!(fake.readers(&new).is_empty() && fake.readers(&old).is_empty());
        shop.leaves(&["deliver:ready", "deliver:ready"]);
    })
    .await;
}
