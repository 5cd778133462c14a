//! The commands for coupons, as a process of their own beside a server that has the database open.

use std::process::Command;

use crate::harness::coupons::{counted, decisions, uses};
use crate::harness::shop::{BUYER, Shop, each};

/// What a command printed, and whether it succeeded.
struct Said {
    done: bool,
    text: String,
}

/// Run `bursar coupon …` on the shop's database.
async fn coupon(shop: &Shop, arguments: &[&str]) -> Said {
    let settings = shop.folder.path().join("bursar.toml");
    std::fs::write(&settings, "mode = \"development\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command
        .env("BURSAR_CONFIG", settings)
        .env("BURSAR_LOG", "error")
        .env("USER", "chi")
        .args(["--database", shop.database(), "coupon"])
        .args(arguments);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = ran.await.unwrap();
    Said {
        done: output.status.success(),
        text: [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .concat(),
    }
}

#[track_caller]
fn assert_said(said: &Said, done: bool, texts: &[&str]) {
    assert_eq!(said.done, done, "{}", said.text);
    for text in texts {
        assert!(said.text.contains(text), "{text:?} in {}", said.text);
    }
}

#[tokio::test]
async fn a_coupon_is_made_used_looked_at_and_stopped_beside_a_running_server() {
    each(async |shop| {
        let add = [
            "add",
            "tet",
            "--percent",
            "20",
            "--first",
            "3",
            "--per-customer",
            "1",
            "--course",
            "files",
            "--min-total",
            "100000",
            "--until",
            "2099-01-31",
            "--note",
            "for the meet-up",
        ];
        assert_said(&coupon(shop, &add).await, true, &["buyers can use TET now"]);
        let placed = shop.order_with(BUYER, &["files"], Some("TET")).await;
        let order = placed.unwrap().order;
        assert_eq!(order.total.minor, 160_000);
        let list = [
            "TET",
            "20 %",
            "used 0, reserved 1 of 3",
            "until 2099-02-01 00:00",
        ];
        assert_said(&coupon(shop, &["list"]).await, true, &list);
        shop.pay(&order, 160_000).await;
        shop.drain().await;
        let shown = coupon(shop, &["show", "Tet"]).await;
        let texts = [
            "used 1, reserved 0 of 3, 40.000 ₫ taken off",
            "per customer  1",
            "least total   100.000 ₫",
            "only for      files",
            "note          for the meet-up",
            order.code.as_str(),
            "used      −40.000 ₫  an@example.com",
        ];
        assert_said(&shown, true, &texts);
        let stopped = coupon(shop, &["stop", "TET"]).await;
        assert_said(&stopped, true, &["TET is refused to new orders"]);
        assert_said(&coupon(shop, &["list"]).await, true, &[", stopped"]);
        let again = coupon(shop, &["stop", "TET"]).await;
        assert_said(&again, false, &["was stopped before"]);
        assert_eq!(uses(&shop.app, "TET").await, [0, 1, 1]);
        assert!(!counted(&shop.app, "TET").await.coupon.limits.active);
        let decided = decisions(&shop.app.db).await;
        assert_eq!(
            decided,
            ["operator:chi coupon.created", "operator:chi coupon.changed"]
        );
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_coupon_is_said_and_nothing_is_stored() {
    each(async |shop| {
        let first = coupon(shop, &["add", "TET", "--amount", "50000"]).await;
        assert_said(&first, true, &[]);
        for (arguments, said) in [
            (
                &["add", "tet", "--percent", "5"][..],
                "There is a coupon “TET” already",
            ),
            (&["add", "NEW"], "--percent <N>|--amount <DONG>"),
            (
                &["add", "NEW", "--percent", "5", "--amount", "5"],
                "cannot be used with",
            ),
            (
                &["add", "NEW", "--percent", "101"],
                "more than 100 per cent",
            ),
            (&["add", "A B", "--percent", "5"], "is no code"),
            (
                &["add", "NEW", "--percent", "5", "--course", "gone"],
                "no course or bundle gone",
            ),
            (
                &["add", "NEW", "--percent", "5", "--from", "31.1."],
                "is neither a day",
            ),
            (
                &[
                    "add",
                    "NEW",
                    "--percent",
                    "5",
                    "--from",
                    "2026-02-01",
                    "--until",
                    "2026-01-31",
                ],
                "must begin before it ends",
            ),
            (&["show", "NEW"], "no such coupon"),
            (&["stop", "NEW"], "no such coupon"),
        ] {
            assert_said(&coupon(shop, arguments).await, false, &[said]);
        }
        let list = coupon(shop, &["list"]).await;
        assert_eq!(list.text.lines().count(), 1, "{}", list.text);
    })
    .await;
}
