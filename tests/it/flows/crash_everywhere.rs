//! A process that dies at any commit, before it or after it, with or without its effect outside:
//! the next one finishes the story, and everything has happened once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bursar::app::App;
use bursar::connectors::Fault;
use bursar::connectors::lms::fake::{Call, Instant, Mischief};
use bursar::connectors::lms::{Capabilities, Enrolment, Learner, LearnerRef, Lms, RemoteCourse};
use bursar::db::Breaks;
use bursar::fulfilment::revoke;
use bursar::id::GrantId;
use bursar::model::audit::Actor;
use bursar::model::grant::{Grant, GrantState};
use bursar::model::order::Order;
use bursar::model::task::{self, Appetite, Lane, Leased};
use bursar::queue;
use bursar::tasks::hand_over::{self, Report};
use bursar::tasks::{self, Attempt};
use tokio::sync::Notify;

use crate::harness::shop::{LEASE, Setup, Shop, arrive, each, each_set_up, keep_for_later};

/// More commits than any of these stories makes: it must have ended before.
const ENOUGH: usize = 60;

/// Dies at one commit; a dead process commits nothing more.
struct Death {
    at: usize,
    before: bool,
    commits: AtomicUsize,
    is_dead: AtomicBool,
    is_armed: AtomicBool,
}

impl Death {
    fn new(at: usize, before: bool) -> Arc<Self> {
        Arc::new(Self {
            at,
            before,
            commits: AtomicUsize::new(0),
            is_dead: AtomicBool::new(false),
            is_armed: AtomicBool::new(false),
        })
    }

    fn died(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    fn dies_here(&self, before: bool) -> bool {
        if self.before == before && self.commits.load(Ordering::SeqCst) == self.at {
            self.is_dead.store(true, Ordering::SeqCst);
        }
        self.died()
    }
}

impl Breaks for Death {
    fn before_commit(&self) -> bool {
        if !self.is_armed.load(Ordering::SeqCst) {
            return false;
        }
        if self.died() {
            return true;
        }
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.dies_here(true)
    }

    fn after_commit(&self) -> bool {
        self.is_armed.load(Ordering::SeqCst) && self.dies_here(false)
    }
}

/// Tell `story` with a process that dies at its first commit, its second, … on either side of it,
/// then `rest` with one that lives, until the story ends without a death. Returns the commits.
pub async fn everywhere<S>(
    shop: &Shop,
    prepare: impl AsyncFn(usize) -> S,
    story: impl AsyncFn(&Arc<App>, &S),
    rest: impl AsyncFn(&S),
) -> usize {
    let mut turn = 0;
    for at in 1..ENOUGH {
        let mut deaths = 0;
        for before in [true, false] {
            turn += 1;
            let subject = Box::pin(prepare(turn)).await;
            let death = Death::new(at, before);
            let app = shop.restarted(Some(death.clone())).await;
            death.is_armed.store(true, Ordering::SeqCst);
            eprintln!(
                "dying {} commit {at}",
                if before { "before" } else { "after" }
            );
            Box::pin(story(&app, &subject)).await;
            deaths += usize::from(death.died());
            shop.advance(LEASE + Duration::from_secs(1));
            shop.sweep().await;
            Box::pin(rest(&subject)).await;
            shop.live(Duration::from_mins(2), Duration::from_secs(30))
                .await;
        }
        if deaths == 0 {
            return at - 1;
        }
    }
    panic!("the story does not end");
}

pub fn buyer(turn: usize) -> String {
    format!("buyer{turn}@example.com")
}

async fn ordered(shop: &Shop, turn: usize, slugs: &[&str]) -> Order {
    shop.order_by(&buyer(turn), slugs).await.order
}

/// Whatever the process could do before it died; its errors die with it.
pub(super) async fn drain(app: &Arc<App>) {
    drop(Box::pin(queue::drain(app)).await);
}

#[tokio::test]
async fn from_the_webhook_to_the_last_letter() {
    each(async |shop| {
        let prepare = async |turn| {
            let order = ordered(shop, turn, &["both", "elsewhere"]).await;
            let body = shop.transfer(order.total.minor, order.code.as_str());
            (order, body)
        };
        let story = async |app: &Arc<App>, (_, body): &(Order, Vec<u8>)| {
            drop(arrive(app, body).await);
            drain(app).await;
        };
        // The gateway heard no answer, or heard one: it may deliver again.
        let rest = async |(_, body): &(Order, Vec<u8>)| {
            shop.webhook(body).await.unwrap();
            shop.webhook(body).await.unwrap();
        };
        let orders = Mutex::new(Vec::new());
        let prepare = async |turn| {
            let prepared: (Order, Vec<u8>) = prepare(turn).await;
            orders.lock().unwrap().push(prepared.0.clone());
            prepared
        };
        let commits = Box::pin(everywhere(shop, prepare, story, rest)).await;
        assert!(commits > 10, "{commits}");
        let orders = orders.into_inner().unwrap();
        for order in &orders {
            shop.assert_completed(order).await;
            assert_eq!(shop.transfers(order).await.len(), 1);
        }
        assert_eq!(shop.enrolled().len(), orders.len());
        assert_eq!(shop.letters().len(), 2 * orders.len());
        assert_eq!(
            shop.lms.writes_of("LMS Enrollment"),
            u64::try_from(orders.len()).unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_that_was_only_stored() {
    each(async |shop| {
        let orders = Mutex::new(Vec::new());
        let prepare = async |turn| {
            let order = ordered(shop, turn, &["files"]).await;
            let body = shop.transfer(order.total.minor, order.code.as_str());
            keep_for_later(&shop.app, &body, "not settled yet")
                .await
                .unwrap();
            orders.lock().unwrap().push(order);
        };
        let story = async |app: &Arc<App>, (): &()| drain(app).await;
        Box::pin(everywhere(shop, prepare, story, async |(): &()| {})).await;
        let orders = orders.into_inner().unwrap();
        for order in &orders {
            shop.assert_completed(order).await;
            assert_eq!(shop.transfers(order).await.len(), 1);
        }
        assert_eq!(shop.letters().len(), 2 * orders.len());
    })
    .await;
}

async fn work_by_hand(app: &Arc<App>) {
    let moment = app.moment(Actor::Worker);
    let claiming = app
        .db
        .write(move |tx| Box::pin(async move { hand_over::claim(tx, &moment, 10, LEASE).await }));
    for job in claiming.await.unwrap_or_default() {
        let moment = app.moment(Actor::Worker);
        let finishing = app.db.write(move |tx| {
            Box::pin(async move {
                let link = Some("https://drive.example/x".to_owned());
                let report = Report::Delivered { link, folder: None };
                hand_over::finalize(tx, &moment, &job.task, Some(&job.lease), &report).await
            })
        });
        drop(finishing.await);
    }
}

#[tokio::test]
async fn a_hand_over_to_the_sellers_own_worker() {
    each(async |shop| {
        let orders = Mutex::new(Vec::new());
        let prepare = async |turn| {
            let order = ordered(shop, turn, &["worker"]).await;
            shop.pay(&order, order.total.minor).await;
            orders.lock().unwrap().push(order);
        };
        let story = async |app: &Arc<App>, (): &()| {
            work_by_hand(app).await;
            drain(app).await;
        };
        let rest = async |(): &()| work_by_hand(&shop.app).await;
        Box::pin(everywhere(shop, prepare, story, rest)).await;
        for order in &orders.into_inner().unwrap() {
            shop.assert_completed(order).await;
        }
    })
    .await;
}

async fn click_revoke(app: &Arc<App>, grant: &GrantId) {
    let (grant, moment) = (
        grant.clone(),
        app.moment(Actor::Operator("test".to_owned())),
    );
    let clicking = app.db.write(move |tx| {
        Box::pin(async move { revoke::revoke(tx, &moment, &grant, "refunded").await })
    });
    drop(clicking.await);
}

#[tokio::test]
async fn taking_access_back() {
    each(async |shop| {
        let grants = Mutex::new(Vec::new());
        let prepare = async |turn| {
            let order = ordered(shop, turn, &["enrol"]).await;
            shop.pay(&order, order.total.minor).await;
            shop.drain().await;
            let grant = shop.grant(&order).await;
            grants.lock().unwrap().push(order);
            grant
        };
        let story = async |app: &Arc<App>, grant: &Grant| {
            click_revoke(app, &grant.id).await;
            drain(app).await;
        };
        // The person sees that nothing happened, or presses twice.
        let rest = async |grant: &Grant| click_revoke(&shop.app, &grant.id).await;
        Box::pin(everywhere(shop, prepare, story, rest)).await;
        for order in &grants.into_inner().unwrap() {
            assert_eq!(shop.grant(order).await.state, GrantState::Revoked);
        }
        assert!(shop.enrolled().is_empty());
    })
    .await;
}

async fn claim(app: &Arc<App>, kind: task::Kind) -> Leased {
    let moment = app.moment(Actor::Machine("claim"));
    let claiming = app.db.write(move |tx| {
        Box::pin(async move {
            let mut found = Vec::new();
            for lane in [
                Lane::Connection("other".to_owned()),
                Lane::Connection("lms".to_owned()),
                Lane::Rest {
                    known: vec!["other".to_owned(), "lms".to_owned()],
                },
            ] {
                let watermark = bursar::clock::Timestamp(0);
                let appetite = Appetite {
                    lane,
                    limit: 10,
                    lease: LEASE,
                    watermark,
                };
                found.extend(task::claim(tx, &moment, &appetite).await?);
            }
            Ok(found)
        })
    });
    let mut found = claiming.await.unwrap();
    found.retain(|task| task.kind == kind);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[tokio::test]
async fn a_process_that_dies_between_claim_and_prepare_and_wakes_up_later_writes_nothing() {
    each(async |shop| {
        let order = shop.bought(&["enrol"]).await;
        let frozen = claim(&shop.app, task::Kind::Enrol).await;
        shop.advance(LEASE + Duration::from_secs(1));
        shop.sweep().await;
        shop.drain().await;
        shop.assert_completed(&order).await;
        let before = shop.audit(&order).await.len();
        let woken = tasks::run(&shop.app, &frozen).await.unwrap();
        assert_eq!(woken, Attempt::Lost);
        assert_eq!(shop.audit(&order).await.len(), before);
        assert_eq!(shop.lms.writes_of("LMS Enrollment"), 1);
    })
    .await;
}

/// Holds the first writer after its write until it is let go.
#[derive(Default)]
struct Freezer {
    inside: Instant,
    writes: AtomicUsize,
    frozen: Notify,
    thaw: Notify,
}

#[async_trait]
impl Lms for Freezer {
    fn capabilities(&self) -> Capabilities {
        self.inside.capabilities()
    }

    async fn ping(&self) -> Result<String, Fault> {
        self.inside.ping().await
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        self.inside.find_course(course).await
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        self.inside.ensure_learner(learner).await
    }

    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        self.inside.read_enrolment(learner, course).await
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        let wrote = self.inside.enrol(learner, course, key).await;
        if self.writes.fetch_add(1, Ordering::SeqCst) == 0 {
            self.frozen.notify_one();
            self.thaw.notified().await;
        }
        wrote
    }

    async fn withdraw(&self, learner: &Learner, course: &str, id: &str) -> Result<(), Fault> {
        self.inside.withdraw(learner, course, id).await
    }
}

#[tokio::test]
async fn a_worker_frozen_between_act_and_record_changes_nothing_when_another_has_finished() {
    for kind in crate::harness::databases::KINDS {
        let freezer = Arc::new(Freezer::default());
        let mut setup = Setup::on(kind);
        setup.platforms.push(("other", freezer.clone()));
        let shop = Shop::set_up(setup).await;
        let order = shop.bought(&["elsewhere"]).await;
        let first = claim(&shop.app, task::Kind::Enrol).await;
        let app = shop.app.clone();
        let frozen = tokio::spawn(async move { tasks::run(&app, &first).await });
        freezer.frozen.notified().await;
        shop.advance(LEASE + Duration::from_secs(1));
        assert!(shop.sweep().await.leases >= 1);
        shop.drain().await;
        shop.assert_completed(&order).await;
        let (grant, story) = (shop.grant(&order).await, shop.audit(&order).await.len());
        freezer.thaw.notify_one();
        assert_eq!(frozen.await.unwrap().unwrap(), Attempt::Lost);
        assert_eq!(shop.grant(&order).await.receipt, grant.receipt);
        assert_eq!(shop.audit(&order).await.len(), story);
        assert_eq!(freezer.writes.load(Ordering::SeqCst), 1);
        shop.finish().await;
    }
}

/// How the platform misbehaves on one call, where the grant stands after the attempt, and where the task.
#[tokio::test]
async fn every_way_in_which_an_enrolment_can_fail_leaves_the_grant_where_somebody_moves_it_on() {
    each_set_up(impatient, async |shop| {
        use GrantState::{ActionNeeded, Verifying, Waiting};
        let table = [
            (
                Call::EnrolmentCreate,
                Mischief::Maintenance,
                Waiting,
                "ready",
            ),
            (Call::EnrolmentCreate, Mischief::Deadlock, Waiting, "ready"),
            (
                Call::EnrolmentCreate,
                Mischief::Throttled(7),
                Waiting,
                "ready",
            ),
            (Call::EnrolmentCreate, Mischief::Hang, Verifying, "ready"),
            (
                Call::EnrolmentList,
                Mischief::Throttled(7),
                Waiting,
                "ready",
            ),
            (
                Call::EnrolmentCreate,
                Mischief::UnknownLink,
                ActionNeeded,
                "dead",
            ),
            (
                Call::EnrolmentCreate,
                Mischief::Forbidden,
                ActionNeeded,
                "ready",
            ),
        ];
        for (turn, (call, way, state, task)) in table.into_iter().enumerate() {
            shop.lms.misbehave(call, [way.clone()]);
            let order = ordered(shop, turn, &["enrol"]).await;
            shop.pay(&order, order.total.minor).await;
            shop.drain().await;
            let grant = shop.grant(&order).await;
            let tasks = shop.tasks().await;
            let enrol = tasks.iter().find(|t| t.subject == grant.id.0).unwrap();
            assert_eq!(
                (grant.state, enrol.state.as_str()),
                (state, task),
                "{call:?} {way:?}"
            );
            assert!(grant.why.is_some());
            if task == "dead" {
                shop.retry(&grant.id).await.unwrap();
            }
            shop.live(Duration::from_mins(10), Duration::from_mins(1))
                .await;
            shop.assert_completed(&order).await;
        }
        assert_eq!(shop.enrolled().len(), 7);
    })
    .await;
}

fn impatient(kind: bursar::db::Kind) -> Setup {
    Setup {
        patience: Duration::from_millis(300),
        ..Setup::on(kind)
    }
}
