//! The lists of a gateway: read for ever, whatever they answer, one call at a time at the gateway's
//! pace; and what it means that only a list told of money.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bursar::app::{App, polling};
use bursar::connectors::Connectors;
use bursar::db::Kind;
use bursar::id::Mint;
use bursar::model::alert::WEBHOOK_SILENT;
use bursar::model::connection::{self, Breaker};
use bursar::model::order::PaymentStatus;
use bursar::model::transfer::Class;
use bursar::queue;

use crate::harness::bank::{Bank, STEP};
use crate::harness::databases::KINDS;
use crate::harness::sepay_api::{Booking, Canned, FakeSepay, TOKEN};
use crate::harness::shop::{ACCOUNT, Setup, Shop};

const VERSIONS: [&str; 2] = ["v1", "v2"];
const LANE: &str = "gateway:sepay/lists";
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Tell a story on both databases and with both versions of the API.
async fn each(story: impl AsyncFn(&Bank)) {
    for kind in KINDS {
        for version in VERSIONS {
            eprintln!("on {kind:?}, {version}");
            let bank = Box::pin(Bank::open(kind, version, 24)).await;
            Box::pin(story(&bank)).await;
            bank.finish().await;
        }
    }
}

impl Bank {
    /// Money that came in so long ago, with a reference of its own.
    fn booked(&self, dong: i64, memo: &str, ago: Duration) -> i64 {
        let at = self.shop.clock.now().minus(ago);
        let count = self.fake.booked();
        let booking = Booking::incoming(ACCOUNT, dong, memo, at);
        self.fake.book(booking.reference(&format!("FT{count}")))
    }

    async fn breaker(&self) -> Option<Breaker> {
        let read = self.shop.app.db.read(|tx| Box::pin(connection::all(tx)));
        let all = read.await.unwrap();
        all.into_iter().find(|breaker| breaker.name == LANE)
    }

    /// The number in the alarm that the webhook is silent.
    async fn silent(&self) -> Option<String> {
        let alerts = self.alerts().await;
        let found = alerts.into_iter().find(|a| a.kind == WEBHOOK_SILENT)?;
        let number = found.why.split_whitespace().nth(2).unwrap();
        Some(number.to_owned())
    }
}

#[tokio::test]
async fn what_no_webhook_told_of_is_found_and_pays_its_order() {
    each(async |bank| {
        let order = bank.shop.order(&["files"]).await;
        bank.booked(200_000, order.code.as_str(), MINUTE);
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        bank.shop.assert_completed(&order).await;
        assert_eq!(bank.shop.transfers(&order).await.len(), 1);
        bank.assert_rate_kept();
    })
    .await;
}

#[tokio::test]
async fn however_a_list_fails_it_is_read_again_until_it_works_and_nothing_is_lost() {
    let failures: [fn() -> Canned; 6] = [
        || Canned::new(401, "{}"),
        || Canned::new(200, "<html>maintenance</html>"),
        || Canned::new(500, "oops"),
        || Canned::new(200, ""),
        || Canned::new(422, r#"{"status":"error","error_code":"validation_error"}"#),
        // It breaks off: as after any answer that never ends, nothing is known.
        || Canned::new(200, "{").header("content-length", "9"),
    ];
    each(async |bank| {
        bank.poll().await;
        for (n, failure) in failures.iter().enumerate() {
            let order = bank.shop.order(&["files"]).await;
            bank.booked(200_000, order.code.as_str(), MINUTE);
            let asked = bank.fake.asked().len();
            for _ in 0..10 {
                bank.fake.instead(failure());
            }
            while bank.fake.asked().len() < asked + 10 {
                bank.shop.live(MINUTE, MINUTE / 2).await;
            }
            let breaker = bank.breaker().await.unwrap();
            assert!(breaker.open && breaker.why.is_some(), "{n}");
            let why = bank.list("recent").await.why.unwrap();
            assert!(!why.is_empty());
            assert_eq!(bank.shop.inbox().await.len(), 0, "{n}");
            bank.shop.live(8 * MINUTE, MINUTE).await;
            assert!(!bank.breaker().await.unwrap().open, "{n}");
            let list = bank.list("recent").await;
            assert_eq!((list.failures, list.why), (0, None), "{n}");
            bank.shop.assert_completed(&order).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_round_goes_on_at_the_page_that_failed() {
    each(async |bank| {
        for n in 0..700_u32 {
            bank.booked(
                1000 + i64::from(n),
                "no code",
                HOUR + Duration::from_secs(2) * n,
            );
        }
        bank.fake.fail_every(3);
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        let known = bank.lists().await.iter().map(|list| list.news).sum::<i64>();
        assert_eq!(known, 700);
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_asks_for_a_pause_gets_it() {
    each(async |bank| {
        let busy = Canned::new(429, "{}").header("retry-after", "120");
        bank.fake.instead(busy);
        bank.poll().await;
        bank.shop.live(10 * MINUTE, MINUTE / 12).await;
        let asked = bank.fake.asked();
        let pause = asked[1].at.since(asked[0].at);
        assert!(pause >= 2 * MINUTE && pause < 3 * MINUTE, "{pause:?}");
    })
    .await;
}

#[tokio::test]
async fn all_lists_of_a_gateway_share_its_pace_also_on_two_nodes() {
    for version in VERSIONS {
        let bank = Box::pin(Bank::open(Kind::Postgres, version, 24)).await;
        for n in 0..700_u32 {
            bank.booked(
                1000 + i64::from(n),
                "no code",
                HOUR + Duration::from_secs(2) * n,
            );
        }
        let other = bank.shop.restarted(None).await;
        bank.poll().await;
        let mut lists = bank.lists().await;
        while lists.iter().any(|list| list.finished_at.is_none()) {
            let (one, two) = tokio::join!(
                Box::pin(queue::drain(&bank.shop.app)),
                Box::pin(queue::drain(&other))
            );
            one.unwrap();
            two.unwrap();
            bank.shop.advance(STEP);
            lists = bank.lists().await;
        }
        let news: i64 = lists.iter().map(|list| list.news).sum();
        assert_eq!(news, 700, "{version}");
        bank.assert_rate_kept();
        let asked = bank.fake.asked();
        let together = asked.windows(2).filter(|two| two[0].at == two[1].at);
        assert_eq!(together.count(), 0, "{version}");
        bank.finish().await;
    }
}

#[tokio::test]
async fn a_running_queue_turns_the_pages_at_the_pace_and_not_when_it_looks_again() {
    for kind in KINDS {
        let setup = Setup {
            real_time: true,
            poll_seconds: 300,
            ..Setup::on(kind)
        };
        let fake = FakeSepay::start(&bursar::clock::Clock::system()).await;
        let settings = fake.settings("v2");
        let shop = Box::pin(Shop::set_up(Setup {
            change: Arc::new(move |config| config.payments.sepay = settings.clone()),
            ..setup
        }))
        .await;
        polling::start(&shop.app).await.unwrap();
        let running = queue::start(&shop.app);
        let four = async {
            while fake.asked().len() < 4 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), four)
            .await
            .expect("four lists are read");
        running.stop().await;
        let asked = fake.asked();
        for two in asked.windows(2) {
            let pause = two[1].at.since(two[0].at);
            assert!(pause >= Duration::from_millis(400), "{pause:?}");
        }
        shop.leaves(&["poll:ready"; 4]);
        shop.finish().await;
    }
}

/// The same server after a change of its settings.
async fn resettled(bank: &Bank, change: impl Fn(&mut bursar::config::Config)) -> Arc<App> {
    let mut config = bank.shop.app.config.clone();
    change(&mut config);
    let world = Connectors::from_config(&config).unwrap();
    let (db, clock) = (bank.shop.app.db.clone(), bank.shop.clock.clone());
    Box::pin(App::new(config, db, world, clock, Mint::seeded(7)))
        .await
        .unwrap()
}

async fn states(bank: &Bank) -> Vec<String> {
    let tasks = bank.shop.tasks().await;
    let polls = tasks.iter().filter(|task| task.kind == "poll");
    polls.map(|task| task.state.clone()).collect()
}

#[tokio::test]
async fn a_list_ends_with_its_gateway_and_goes_on_when_that_is_back() {
    each(async |bank| {
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        let count = bank.lists().await.len();
        let without = resettled(bank, |config| config.payments.sepay.api_token = None).await;
        polling::start(&without).await.unwrap();
        bank.shop.advance(25 * HOUR);
        queue::drain(&without).await.unwrap();
        assert_eq!(states(bank).await, vec!["done"; count]);
        let order = bank.shop.order(&["files"]).await;
        bank.booked(200_000, order.code.as_str(), MINUTE);
        bank.shop.advance(HOUR);
        bank.poll().await;
        assert_eq!(states(bank).await, vec!["ready"; count]);
        bank.read_all(&bank.shop.app, async |_| ()).await;
        bank.shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_start_hurries_no_list_that_waits_for_its_time() {
    each(async |bank| {
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        let asked = bank.fake.asked().len();
        bank.poll().await;
        bank.shop.advance(MINUTE);
        bank.shop.drain().await;
        assert_eq!(bank.fake.asked().len(), asked);
        assert_eq!(states(bank).await.len(), bank.lists().await.len());
    })
    .await;
}

#[tokio::test]
async fn a_list_that_is_quicker_than_the_webhook_is_no_alarm() {
    each(async |bank| {
        bank.poll().await;
        bank.read("recent").await;
        let quick = bank.booked(70_000, "no code", MINUTE);
        bank.read_again("recent", 6 * MINUTE).await;
        assert_eq!(bank.shop.inbox().await.len(), 1, "found by the list");
        assert!(bank.tell(quick).await.duplicate);
        bank.read_again("recent", HOUR).await;
        assert_eq!(bank.silent().await, None);
        assert_eq!(bank.shop.inbox().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn money_that_only_lists_told_of_is_an_alarm_until_each_message_has_come() {
    each(async |bank| {
        let [one, two] = [1, 2].map(|n| bank.booked(n * 10_000, "no code", 50 * MINUTE));
        let told = bank.booked(30_000, "told", 50 * MINUTE);
        bank.tell(told).await;
        // Neither of these is the webhook's fault.
        let at = bank.shop.clock.now().minus(HOUR);
        let foreign = Booking::incoming("999999", 1, "x", at).reference("FOREIGN");
        bank.fake.book(foreign.clone());
        bank.fake.book(Booking {
            incoming: false,
            account: ACCOUNT.to_owned(),
            ..foreign.reference("OUT")
        });
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        bank.read_again("recent", 6 * MINUTE).await;
        assert_eq!(bank.silent().await.as_deref(), Some("2"));
        bank.tell(one).await;
        bank.read_again("recent", 6 * MINUTE).await;
        assert_eq!(bank.silent().await.as_deref(), Some("1"));
        bank.tell(two).await;
        bank.read_again("recent", 6 * MINUTE).await;
        assert_eq!(bank.silent().await, None);
    })
    .await;
}

#[tokio::test]
async fn an_alarm_about_a_silent_webhook_ends_a_day_after_the_last_silence() {
    each(async |bank| {
        bank.booked(10_000, "no code", 50 * MINUTE);
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        bank.read_again("recent", 6 * MINUTE).await;
        assert_eq!(bank.silent().await.as_deref(), Some("1"));
        bank.read_again("recent", 23 * HOUR).await;
        assert_eq!(bank.silent().await.as_deref(), Some("1"));
        bank.read_again("recent", HOUR).await;
        assert_eq!(bank.silent().await, None);
    })
    .await;
}

#[tokio::test]
async fn twins_without_a_reference_are_one_for_each_number_of_a_road() {
    for kind in KINDS {
        let bank = Box::pin(Bank::open(kind, "v1", 24)).await;
        let at = bank.shop.clock.now().minus(MINUTE);
        let twin = Booking::incoming(ACCOUNT, 70_000, "the same words", at);
        let first = bank.fake.book(twin.clone());
        bank.fake.book(twin);
        bank.tell(first).await;
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        assert_eq!(bank.shop.inbox().await.len(), 2, "v1 numbers two");
        let v2 = resettled(&bank, |config| {
            config.payments.sepay = bank.fake.settings("v2");
        })
        .await;
        polling::start(&v2).await.unwrap();
        bank.shop.advance(25 * HOUR);
        bank.read_all(&v2, async |_| ()).await;
        assert_eq!(bank.shop.inbox().await.len(), 2, "v2 has others for them");
        bank.finish().await;
    }
}

#[tokio::test]
async fn the_sweep_of_the_unheard_finds_what_the_webhook_lost() {
    for kind in KINDS {
        let bank = Box::pin(Bank::open(kind, "v2", 24)).await;
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        let order = bank.shop.order(&["files"]).await;
        // Booked before what the quick list looks back to.
        bank.booked(200_000, order.code.as_str(), 5 * HOUR);
        bank.read_again("unheard", 11 * MINUTE).await;
        assert_eq!(bank.list("unheard").await.news, 1);
        let now = bank.shop.order_now(&order.id).await;
        assert_eq!(now.payment_status, PaymentStatus::Paid);
        let paid_by = bank.shop.transfers(&order).await;
        assert_eq!(paid_by[0].class, Class::Exact);
        bank.shop.drain().await;
        bank.finish().await;
    }
}

/// `bursar doctor` beside the running shop.
fn doctor(bank: &Bank) -> Command {
    let settings = bank.shop.folder.path().join("bursar.toml");
    let sepay = bank.fake.settings(bank.version);
    let text = format!(
        "mode = \"development\"\npublic_url = \"http://shop.example\"\ndatabase = \"{}\"\n\
         [[payments.accounts]]\nbank = \"MBBank\"\nnumber = \"{ACCOUNT}\"\nholder = \"A\"\n\
         [payments.sepay]\napi_token = \"{TOKEN}\"\napi_url = \"{}\"\napi_version = \"{}\"\n",
        bank.shop.database(),
        sepay.api_url,
        bank.version
    );
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command.arg("--config").arg(&settings).arg("doctor");
    command.env_clear().current_dir(bank.shop.folder.path());
    command
}

#[tokio::test]
async fn doctor_tells_of_lists_alerts_and_open_money() {
    each(async |bank| {
        bank.booked(10_000, "no code", 50 * MINUTE);
        bank.poll().await;
        bank.read_all(&bank.shop.app, async |_| ()).await;
        bank.read_again("recent", 6 * MINUTE).await;
        let order = bank.shop.bought(&["files"]).await;
        bank.shop.pay(&order, 200_000).await;
        bank.shop.drain().await;
        let mut command = doctor(bank);
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = ran.await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        for word in [
            "list sepay/recent: ",
            " covered until ",
            "WRONG  alert webhook_silent sepay: ",
            "sepay lists 1 transfer(s) of the last 24 hours",
            "ok     inbox: waiting for a person: 1 duplicate (the oldest for ",
            "1 no_code (the oldest for ",
            "ok     money to give back: 200.000 ₫ of 1 transfer(s)",
        ] {
            assert!(said.contains(word), "{word} in\n{said}");
        }
        assert!(!output.status.success());
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_panic() {
    let bank = Box::pin(Bank::open(Kind::Sqlite, "v2", 24)).await;
    bank.poll().await;
    let mut command = doctor(&bank);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let ran = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let output = ran.await.unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!complaint.contains("panicked"), "{complaint}");
    assert!(complaint.contains("thing(s) to mend"), "{complaint}");
    bank.finish().await;
}
