//! The commands about money, each as a process of its own beside a server that has the database open.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::admin::Desk;
use crate::harness::commands::{Said, bursar};
use crate::harness::server;

/// A desk, and the terminal beside it.
struct Terminal {
    desk: Desk,
    database: String,
}

impl Terminal {
    /// Run a command that must succeed.
    async fn run(&self, arguments: &[&str]) -> String {
        let said = bursar(&self.database, arguments).await;
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    /// Run a command that must be declined in these words.
    async fn declined(&self, arguments: &[&str], words: &str) {
        let Said { code, out, err } = bursar(&self.database, arguments).await;
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}: {err}");
        assert!(err.contains(words), "{words:?} in {err}");
    }

    async fn money(&self, dong: i64, memo: &str) -> String {
        let body = self.desk.server.transfer(dong, memo);
        assert_eq!(self.desk.server.webhook(&body).await.status, 200);
        let newest = &self.desk.list("/api/v1/admin/transfers").await[0];
        newest["id"].as_str().unwrap().to_owned()
    }

    /// Work. A command's clock is the machine's, and the server's stands still: it has to catch up first.
    async fn drain(&self) {
        let app = &self.desk.server.app;
        let now = app.db.now().await.unwrap();
        self.desk
            .server
            .wait(now.since(app.clock.now()) + Duration::from_secs(1));
        self.desk.server.drain().await;
    }

    async fn status(&self, order: &Value) -> (String, String) {
        let shown = self.desk.order(order).await;
        let of = |field: &str| shown[field].as_str().unwrap().to_owned();
        (of("paymentStatus"), of("orderStatus"))
    }
}

fn code(order: &Value) -> &str {
    order["orderCode"].as_str().unwrap()
}

fn states(payment: &str, order: &str) -> (String, String) {
    (payment.to_owned(), order.to_owned())
}

async fn each(story: impl AsyncFn(Terminal)) {
    server::each(async |server| {
        let database = server.database().to_owned();
        let desk = Desk::over(server).await;
        story(Terminal { desk, database }).await;
    })
    .await;
}

#[tokio::test]
async fn a_transfer_is_found_shown_with_its_way_out_and_put_on_its_order() {
    each(async |terminal| {
        let order = terminal.desk.server.order(&["photo"]).await;
        let id = terminal.money(399_000, "AN chuyen tien").await;
        let list = terminal.run(&["transfer", "list"]).await;
        for text in ["no_code", "399.000 ₫", "waits", &id] {
            assert!(list.contains(text), "{text} in {list}");
        }
        let json = terminal.run(&["transfer", "list", "--json"]).await;
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&json[0]["id"], &json[0]["amount"]),
            (&json!(id), &json!(399_000))
        );
        let shown = terminal.run(&["transfer", "show", &id]).await;
        let way = format!("bursar transfer assign {id} {} --why", code(&order));
        for text in [
            &way,
            "the amount is exactly what it owes",
            "AN chuyen tien",
            "waits in the inbox",
        ] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        let beginning = &id[..id.len() - 1];
        let assign = [
            "transfer",
            "assign",
            beginning,
            code(&order),
            "--why",
            "he called",
        ];
        let said = terminal.run(&assign).await;
        assert!(said.contains("is paid (399.000 ₫ of 399.000 ₫)"), "{said}");
        terminal.drain().await;
        assert_eq!(terminal.status(&order).await, states("paid", "completed"));
        terminal
            .declined(&assign, "does not wait for a decision")
            .await;
        assert_eq!(terminal.run(&["transfer", "list"]).await, "");
        let all = terminal.run(&["transfer", "list", "--all"]).await;
        assert!(all.contains("closed"), "{all}");
        let shown = terminal.run(&["transfer", "show", "MBVCB.1"]).await;
        for text in ["by operator:chi: he called", "exact", code(&order)] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        let undo = ["transfer", "undo", "MBVCB.1", "--why", "not he"];
        terminal.run(&undo).await;
        assert_eq!(terminal.status(&order).await.0, "pending");
        terminal.declined(&undo, "nothing to take back").await;
    })
    .await;
}

#[tokio::test]
async fn a_transfer_is_divided_and_what_is_over_goes_back() {
    each(async |terminal| {
        let (one, two) = (
            terminal.desk.server.order(&["photo"]).await,
            terminal.desk.server.order(&["rust"]).await,
        );
        let memo = format!("{} {}", code(&one), code(&two));
        let id = terminal.money(1_000_000, &memo).await;
        let shown = terminal.run(&["transfer", "show", &id]).await;
        let offer = shown
            .lines()
            .find(|line| line.contains("transfer split trf_"))
            .unwrap();
        assert!(
            offer.contains(code(&one)) && offer.contains(code(&two)),
            "{shown}"
        );
        let share = format!("{}=399000", code(&one));
        let split = [
            "transfer",
            "split",
            &id,
            &share,
            code(&two),
            "--why",
            "two friends",
        ];
        let said = terminal.run(&split).await;
        assert!(said.contains("2.000 ₫ of"), "{said}");
        let due = terminal.run(&["transfer", "list", "--due"]).await;
        assert!(due.contains("split") && due.contains("waits, due"), "{due}");
        let back = ["transfer", "give-back", &id, "--why", "his change"];
        terminal.declined(&back, "give the bank's reference").await;
        let said = terminal
            .run(&[&back[..], &["--reference", "FT9"]].concat())
            .await;
        assert!(said.contains("2.000 ₫ went back"), "{said}");
        let undo = ["transfer", "undo", &id, "--why", "x"];
        terminal.declined(&undo, "cannot be taken back").await;

        terminal.drain().await;
    })
    .await;
}

#[tokio::test]
async fn a_transfer_is_accepted_or_discarded_and_what_is_declined_says_why() {
    each(async |terminal| {
        let short = terminal.desk.server.order(&["photo"]).await;
        let id = terminal.money(390_000, code(&short)).await;
        terminal
            .run(&["transfer", "accept", &id, "--why", "near enough"])
            .await;
        assert_eq!(terminal.status(&short).await.0, "paid");

        let id = terminal.money(5_000, "tien le").await;
        terminal
            .declined(
                &["transfer", "accept", &id, "--why", "x"],
                "Say which order",
            )
            .await;
        terminal
            .run(&["transfer", "discard", &id, "--why", "my own"])
            .await;
        for (arguments, words) in [
            (
                ["transfer", "discard", "trf_", "--why", "x"],
                "give more of its id",
            ),
            (
                ["transfer", "discard", "FT404", "--why", "x"],
                "no such transfer",
            ),
            (["transfer", "undo", &id, "--why", " "], "Give a reason"),
        ] {
            terminal.declined(&arguments, words).await;
        }
        let odd = ["transfer", "assign", &id, "DHK", "--why", "x"];
        terminal.declined(&odd, "not an order code").await;
        let bare = bursar(&terminal.database, &["transfer", "discard", &id]).await;
        assert_eq!(bare.code, 2, "{}", bare.err);
        terminal.drain().await;
    })
    .await;
}

#[tokio::test]
async fn money_goes_back_by_hand_and_is_called_off() {
    each(async |terminal| {
        let order = terminal.desk.server.order(&["photo"]).await;
        let refund = ["refund", "order", code(&order), "--why", "angry"];
        terminal.declined(&refund, "not paid").await;
        terminal.desk.server.pay(&order, 399_000).await;
        let part = [&refund[..], &["--amount", "100000", "--keep-access"]].concat();
        let said = terminal.run(&part).await;
        assert!(said.contains("100.000 ₫: send it"), "{said}");
        let large = [&refund[..], &["--amount", "300000"]].concat();
        terminal.declined(&large, "at most 299.000").await;
        let open = terminal.desk.list("/api/v1/admin/refunds?open=true").await;
        let id = open[0]["id"].as_str().unwrap();
        let list = terminal.run(&["refund", "list"]).await;
        assert!(list.contains(id) && list.contains(code(&order)), "{list}");
        terminal
            .run(&["refund", "sent", id, "--reference", "FT1"])
            .await;
        let again = ["refund", "sent", "FT1", "--reference", "FT2"];
        terminal
            .declined(&again, "does not wait for a person")
            .await;
        terminal.run(&refund).await;
        assert_eq!(terminal.status(&order).await.0, "refunded");
        let open = terminal.desk.list("/api/v1/admin/refunds?open=true").await;
        let id = open[0]["id"].as_str().unwrap();
        terminal
            .run(&["refund", "call-off", id, "--why", "calm"])
            .await;
        assert_eq!(terminal.status(&order).await.0, "partially_refunded");
        let all = terminal.run(&["refund", "list", "--all"]).await;
        assert!(all.contains("failed: calm") && all.contains("FT1"), "{all}");
        assert_eq!(terminal.run(&["alerts"]).await, "");
        let unknown = ["alerts", "clear", "dispute", "ord_1", "--why", "x"];
        terminal.declined(&unknown, "no such alert").await;
        terminal.drain().await;
    })
    .await;
}

#[tokio::test]
async fn courses_are_given_cash_is_received_and_an_order_is_called_off() {
    each(async |terminal| {
        let gift = [
            "gift",
            "Hoa@example.com",
            "photo",
            "--name",
            "Hoa",
            "--why",
            "a prize",
        ];
        let said = terminal.run(&gift).await;
        let given = json!({ "orderCode": said.split(' ').next().unwrap() });
        terminal.drain().await;
        assert_eq!(terminal.status(&given).await, states("paid", "completed"));
        let nothing = ["gift", "hoa@example.com", "gone", "--why", "x"];
        terminal.declined(&nothing, "does not sell").await;

        let order = terminal.desk.server.order(&["photo"]).await;
        let receive = |amount: &'static str| {
            [
                "order",
                "receive",
                code(&order),
                amount,
                "--reference",
                "PT-1",
                "--why",
                "cash",
            ]
        };
        terminal.declined(&receive("0"), "more than nothing").await;
        let dated = [&receive("399000")[..], &["--at", "2999-01-01"]].concat();
        terminal.declined(&dated, "has not come yet").await;
        let said = terminal.run(&receive("399000")).await;
        assert!(said.contains("in the books as exact"), "{said}");
        let said = terminal.run(&receive("399000")).await;
        assert!(said.contains("nothing changed"), "{said}");
        terminal
            .declined(&receive("1000"), "used for other money")
            .await;
        terminal.drain().await;
        assert_eq!(terminal.status(&order).await, states("paid", "completed"));

        let cancel = ["order", "cancel", code(&order), "--why", "x"];
        terminal.declined(&cancel, "waits for its payment").await;
        let open = terminal.desk.server.order(&["photo"]).await;
        terminal
            .run(&["order", "cancel", code(&open), "--why", "ordered twice"])
            .await;
        assert_eq!(terminal.status(&open).await.0, "cancelled");
        let story = terminal.run(&["order", "show", code(&open)]).await;
        assert!(
            story.contains("operator:chi") && story.contains("ordered twice"),
            "{story}"
        );
    })
    .await;
}
