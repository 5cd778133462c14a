//! The queue at work: lanes, leases, wake-ups, a clean stop, and nothing forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use bursar::args;
use bursar::clock::Timestamp;
use bursar::connectors::lms::fake::{Call, Mischief};
use bursar::db::Kind as Database;
use bursar::model::grant::GrantState;
use bursar::model::task::Kind;
use bursar::queue;

use crate::harness::books::{self, TaskRow};
use crate::harness::databases::KINDS;
use crate::harness::shop::{LEASE, Setup, Shop, each, each_set_up};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DEADLINE: Duration = Duration::from_secs(30);

bursar::statements! {
    POSTPONE = "UPDATE tasks SET run_at = $1 WHERE state = 'ready'";
    STEAL = "UPDATE tasks SET lease = 'somebody else' WHERE state = 'leased'";
    REMOVE = "DELETE FROM tasks WHERE kind = $1";
    RENAME = "UPDATE tasks SET connection = 'gone' WHERE kind = 'enrol'";
}

/// Wait until the tasks are so; looks again and again, up to a deadline.
async fn until(shop: &Shop, what: &str, is_so: impl Fn(&[TaskRow]) -> bool) -> Vec<TaskRow> {
    let reached = async {
        loop {
            let tasks = shop.tasks().await;
            if is_so(&tasks) {
                return tasks;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, reached).await;
    waited.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

fn all_done(tasks: &[TaskRow]) -> bool {
    tasks.iter().all(|task| task.state == "done")
}

fn leased(tasks: &[TaskRow]) -> BTreeMap<&str, usize> {
    let mut leased = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.state == "leased") {
        *leased.entry(task.kind.as_str()).or_default() += 1;
    }
    leased
}

fn real_time(kind: Database) -> Setup {
    Setup {
        real_time: true,
        ..Setup::on(kind)
    }
}

async fn buy(shop: &Shop, buyers: usize, slugs: &[&str]) {
    for n in 0..buyers {
        let order = shop
            .order_by(&format!("b{n}@example.com"), slugs)
            .await
            .order;
        shop.pay(&order, order.total.minor).await;
    }
}

#[tokio::test]
async fn a_platform_that_hangs_holds_its_own_places_and_nobody_elses() {
    let patient = |kind| Setup {
        patience: MINUTE,
        ..real_time(kind)
    };
    for kind in KINDS {
        let shop = Shop::set_up(patient(kind)).await;
        shop.lms
            .misbehave_always(Call::EnrolmentList, Mischief::Hang);
        buy(&shop, 6, &["enrol", "files", "elsewhere"]).await;
        let running = queue::start(&shop.app);
        // 6 receipts, 6 deliveries and 6 enrolments elsewhere pass by what hangs.
        let done = |tasks: &[TaskRow]| tasks.iter().filter(|t| t.state == "done").count();
        let tasks = until(&shop, "the others pass", |tasks| done(tasks) == 18).await;
        assert_eq!(leased(&tasks), BTreeMap::from([("enrol", 2)]), "its limit");
        drop(running);
    }
}

#[tokio::test]
async fn no_more_attempts_run_at_once_than_there_are_slots() {
    let few = |kind| Setup {
        slots: 3,
        concurrency: 3,
        ..Setup::on(kind)
    };
    for kind in KINDS {
        let shop = Shop::set_up(few(kind)).await;
        shop.lms.misbehave_always(Call::Any, Mischief::Hang);
        buy(&shop, 4, &["enrol", "files", "elsewhere"]).await;
        let running = queue::start(&shop.app);
        // A claim is one transaction: what it took is seen at once or not at all.
        let tasks = until(&shop, "the first claim", |tasks| {
            tasks.iter().any(|t| t.attempts > 0)
        })
        .await;
        let claimed: i64 = tasks.iter().map(|task| task.attempts).sum();
        assert!(claimed <= 3, "{claimed} at once");
        shop.lms.behave();
        drop(running);
    }
}

#[tokio::test]
async fn the_tasks_of_a_connection_that_is_not_configured_any_more_are_not_forgotten() {
    each(async |shop| {
        let order = shop.bought(&["enrol"]).await;
        books::exec(&shop.app.db, &RENAME, &[]).await;
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_removed_task_is_found_by_the_sweep() {
    each(async |shop| {
        let order = shop.bought(&["both"]).await;
        for kind in [Kind::Enrol, Kind::Deliver] {
            assert_eq!(books::exec(&shop.app.db, &REMOVE, args![kind]).await, 1);
        }
        shop.drain().await;
        assert!(shop.enrolled().is_empty());
        assert_eq!(shop.sweep().await.unattended, 2);
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn tasks_are_run_by_when_they_were_due_and_a_retry_or_a_late_comer_is_not_lost() {
    let narrow = |kind| Setup {
        slots: 1,
        concurrency: 1,
        real_time: true,
        ..Setup::on(kind)
    };
    each_set_up(narrow, async |shop| {
        shop.lms
            .misbehave(Call::EnrolmentList, [Mischief::Maintenance]);
        buy(shop, 5, &["enrol"]).await;
        let running = queue::start(&shop.app);
        until(shop, "some are done", |tasks| {
            tasks.iter().any(|t| t.state == "done")
        })
        .await;
        // As if a transaction that began long ago had committed only now.
        let late = shop.order_by("late@example.com", &["enrol"]).await.order;
        shop.pay(&late, late.total.minor).await;
        let long_ago = Timestamp(shop.app.clock.now().0 - 3_600_000);
        books::exec(&shop.app.db, &POSTPONE, args![long_ago]).await;
        until(shop, "all are done", |tasks| {
            tasks.len() == 18 && all_done(tasks)
        })
        .await;
        running.stop().await;
        assert_eq!(shop.enrolled().len(), 6);
    })
    .await;
}

#[tokio::test]
async fn the_queue_wakes_up_by_itself_when_the_next_task_is_due() {
    let sleepy = |kind| {
        let mut setup = real_time(kind);
        setup.poll_seconds = 60;
        setup
    };
    each_set_up(sleepy, async |shop| {
        let order = shop.bought(&["files"]).await;
        let due = shop.app.clock.now().plus(Duration::from_millis(400));
        books::exec(&shop.app.db, &POSTPONE, args![due]).await;
        let running = queue::start(&shop.app);
        until(shop, "it wakes up", |tasks| {
            tasks.len() == 3 && all_done(tasks)
        })
        .await;
        assert!(shop.app.clock.now() >= due);
        running.stop().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease_of_a_long_attempt() {
    let short = |kind| Setup {
        lease_seconds: 1,
        patience: MINUTE,
        ..Setup::on(kind)
    };
    for kind in KINDS {
        let shop = Shop::set_up(short(kind)).await;
        shop.lms
            .misbehave_always(Call::EnrolmentList, Mischief::Hang);
        shop.bought(&["enrol"]).await;
        let running = queue::start(&shop.app);
        let held = |tasks: &[TaskRow]| {
            let task = tasks
                .iter()
                .find(|t| t.kind == "enrol" && t.state == "leased");
            task.and_then(|task| task.lease_until)
        };
        let mut end =
            held(&until(&shop, "it begins", |tasks| held(tasks).is_some()).await).unwrap();
        for _ in 0..3 {
            shop.advance(Duration::from_millis(900));
            let tasks = until(&shop, "a heartbeat", |tasks| {
                held(tasks).is_some_and(|at| at > end)
            })
            .await;
            end = held(&tasks).unwrap();
            assert_eq!(shop.sweep().await.leases, 0);
        }
        drop(running);
    }
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_is_stopped_and_its_place_is_free() {
    let narrow = |kind| Setup {
        slots: 1,
        lease_seconds: 1,
        patience: MINUTE,
        ..Setup::on(kind)
    };
    for kind in KINDS {
        let shop = Shop::set_up(narrow(kind)).await;
        let order = shop.order(&["enrol"]).await;
        shop.lms.misbehave(Call::EnrolmentList, [Mischief::Hang]);
        let running = queue::start(&shop.app);
        shop.pay(&order, order.total.minor).await;
        until(&shop, "it hangs", |tasks| {
            leased(tasks).contains_key("enrol")
        })
        .await;
        until(&shop, "it alone is left", |tasks| {
            shop.lms.calls(Call::EnrolmentList) > 0 && leased(tasks).contains_key("enrol")
        })
        .await;
        books::exec(&shop.app.db, &STEAL, &[]).await;
        let other = shop.order_by("other@example.com", &["files"]).await.order;
        shop.pay(&other, other.total.minor).await;
        until(&shop, "the place is used by others", |tasks| {
            tasks
                .iter()
                .any(|t| t.kind == "deliver" && t.state == "done")
        })
        .await;
        shop.advance(2 * LEASE);
        shop.sweep().await;
        until(&shop, "all is done", all_done).await;
        running.stop().await;
        shop.assert_completed(&order).await;
        shop.assert_completed(&other).await;
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_stop_waits_for_what_runs_and_claims_no_more() {
    each_set_up(real_time, async |shop| {
        let slow = Mischief::Slow(Duration::from_millis(400));
        shop.lms.misbehave(Call::EnrolmentList, [slow]);
        let order = shop.bought(&["enrol"]).await;
        let running = queue::start(&shop.app);
        until(shop, "it runs", |tasks| {
            leased(tasks).contains_key("enrol") && shop.lms.calls(Call::EnrolmentList) > 0
        })
        .await;
        running.stop().await;
        assert!(leased(&shop.tasks().await).is_empty());
        assert_eq!(
            shop.grant(&order).await.state,
            GrantState::Active,
            "it was waited for"
        );
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[test]
fn the_wait_before_the_next_attempt_grows_up_to_an_hour_with_a_fifth_of_jitter() {
    for &kind in Kind::ALL {
        let mut before = Duration::ZERO;
        for attempt in [i64::MIN, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, i64::MAX] {
            let (least, most) = (kind.backoff(attempt, 0.0), kind.backoff(attempt, 1.0));
            assert!(least >= before, "{kind} {attempt}");
            assert!(least >= Duration::from_secs(2) && least <= HOUR);
            assert!(most >= least && most <= least.mul_f64(1.2));
            before = least;
        }
        assert!(kind.retry().rejections >= 3);
    }
}
