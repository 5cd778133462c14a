//! The queue at work: one claimer per process that takes what is due, lane by lane, and hands it to
//! its slots; a heartbeat for each attempt; a sweep. It knows no kind of task.
//!
//! A lane is a connection, with a limit of its own, so that one slow platform never takes the slots
//! of the others. The bell wakes the claimer; else it sleeps until the next task is due, and looks
//! again every few seconds in case a bell was lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::fulfilment::reconcile::{Found, Part};
use crate::model::audit::Actor;
use crate::model::connection::{self, Breaker};
use crate::model::task::{self, Appetite, Lane, Leased};
use crate::tasks::{self, Attempt};

mod lanes;

use lanes::Lanes;

/// Time between sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Transactions that one part of a sweep may take; what is left waits for the next sweep.
const MOST_STEPS: usize = 200;
/// How long a stopping process waits for its attempts; their leases end by themselves after that.
const LAST_CALL: Duration = Duration::from_secs(20);
/// The next due time is asked for no more often than this; no kind is tried again sooner than that.
const AHEAD_EVERY: Duration = Duration::from_millis(250);
/// A round that found nothing new does not run more often than this.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// A queue at work; [`Running::stop`] ends it cleanly.
pub struct Running {
    stop: watch::Sender<bool>,
    claimer: JoinHandle<()>,
    sweeper: JoinHandle<()>,
}

impl Running {
    /// Claim no more, wait for what runs, return.
    pub async fn stop(self) {
        // Nobody listening means that both ended already.
        let _ = self.stop.send(true);
        // A panic in them was logged by the runtime; nothing is left to be done about it here.
        drop(self.claimer.await);
        drop(self.sweeper.await);
    }
}

/// Start claiming and sweeping. With no slots this process only sweeps.
#[must_use]
pub fn start(app: &Arc<App>) -> Running {
    let (stop, stopped) = watch::channel(false);
    let claimer = tokio::spawn(claim_until(app.clone(), stopped.clone()));
    let sweeper = tokio::spawn(sweep_until(app.clone(), stopped));
    Running {
        stop,
        claimer,
        sweeper,
    }
}

/// Run everything that is due, one after the other, until nothing is; returns how many attempts ran.
/// For tests and for tools: nothing sleeps, nothing runs beside it.
pub async fn drain(app: &Arc<App>) -> Result<usize> {
    let mut ran = 0;
    loop {
        let mut lanes = Lanes::new(app);
        let leased = claim(app, &mut lanes).await?;
        if leased.is_empty() {
            return Ok(ran);
        }
        for task in leased {
            ran += 1;
            tasks::run(app, &task).await?;
        }
    }
}

/// One sweep now: each part in transactions of its own, so that what stops one stops no other.
/// The last error, after all parts had their turn.
pub async fn sweep(app: &Arc<App>) -> Result<Found> {
    let mut found = Found::default();
    let mut failed = None;
    for part in Part::ALL {
        match sweep_part(app, part).await {
            Ok(moved) => *found.of(part) = moved,
            Err(e) => {
                tracing::error!("the sweep of {part:?} failed: {e}");
                failed = Some(e);
            }
        }
    }
    failed.map_or(Ok(found), Err)
}

async fn sweep_part(app: &Arc<App>, part: Part) -> Result<usize> {
    let mut moved = 0;
    for _ in 0..MOST_STEPS {
        let moment = app.moment(Actor::Machine("sweep"));
        let step = app
            .db
            .write(move |tx| Box::pin(async move { part.step(tx, &moment).await }))
            .await?;
        moved += step;
        if step == 0 {
            break;
        }
    }
    Ok(moved)
}

async fn claim_until(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if app.config.queue.slots == 0 {
        return;
    }
    let mut bell = app.db.bell().listen();
    let mut lanes = Lanes::new(&app);
    let done = Arc::new(Notify::new());
    let mut ahead = Ahead::default();
    let mut look = true;
    while is_wanted(&stopped) {
        if look {
            round(&app, &mut lanes, &done).await;
        }
        let pause = pause(&app, &lanes, &mut ahead).await;
        look = tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = bell.rung() => true,
            // An attempt that ended leaves a place; what it left to do has rung the bell.
            () = done.notified() => lanes.left_some(),
            _ = stopped.changed() => false,
        }
    }
    let over = tokio::time::timeout(LAST_CALL, async {
        while lanes.in_flight() > 0 {
            done.notified().await;
        }
    });
    if over.await.is_err() {
        tracing::warn!(
            "stopping with {} attempts unfinished: their leases will end",
            lanes.in_flight()
        );
    }
}

/// Not stopped, and somebody is left who could stop it.
fn is_wanted(stopped: &watch::Receiver<bool>) -> bool {
    !*stopped.borrow() && stopped.has_changed().is_ok()
}

/// Claim once and set every claimed task going.
async fn round(app: &Arc<App>, lanes: &mut Lanes, done: &Arc<Notify>) {
    let leased = match claim(app, lanes).await {
        Ok(leased) => leased,
        Err(e) => {
            tracing::error!("the queue could not claim: {e}");
            return;
        }
    };
    for task in leased {
        let share = lanes.take(task.connection.as_deref());
        let (app, done) = (app.clone(), done.clone());
        tokio::spawn(async move {
            // Boxed: a future of every kind of task at once is too large for the stack.
            Box::pin(attempt(&app, &task)).await;
            drop(share);
            done.notify_one();
        });
    }
}

/// What is due next, as it was when that was last asked.
#[derive(Default)]
struct Ahead {
    asked: Option<Timestamp>,
    due: Option<Timestamp>,
}

/// How long to rest: until the next task is due, or may begin. What else is due now was claimed or
/// has no place, and what comes rings the bell.
async fn pause(app: &Arc<App>, lanes: &Lanes, ahead: &mut Ahead) -> Duration {
    let poll = Duration::from_secs(u64::from(app.config.queue.poll_seconds.max(1)));
    if lanes.is_full() {
        return poll;
    }
    let now = app.clock.now();
    let rested = lanes.wakes_at().filter(|at| *at > now);
    let again = ahead.asked.map(|asked| asked.plus(AHEAD_EVERY));
    let again = again.filter(|again| *again > now);
    if again.is_none() {
        let next = app
            .db
            .read(move |tx| Box::pin(task::next_run(tx, Timestamp(now.0 + 1))))
            .await;
        ahead.asked = Some(now);
        // Unknown counts as nothing: the next look comes by itself.
        ahead.due = next.unwrap_or_default();
    }
    let due = ahead.due.filter(|due| *due > now);
    let wake = [again, due, rested].into_iter().flatten().min();
    wake.map_or(poll, |at| {
        at.since(app.clock.now()).clamp(SHORTEST_SLEEP, poll)
    })
}

/// Claim from every lane that has room, in one transaction.
async fn claim(app: &Arc<App>, lanes: &mut Lanes) -> Result<Vec<Leased>> {
    let moment = app.moment(Actor::Machine("claim"));
    let now = moment.now;
    let lease = Duration::from_secs(u64::from(app.config.queue.lease_seconds));
    let asked: Vec<(String, Appetite)> = lanes.appetites(moment.now, lease);
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let places = lanes.free();
    let mut free = places;
    let (leased, wake) = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                let notable = connection::notable(tx, &moment).await?;
                let of = |name: &str| notable.iter().find(|breaker| breaker.name == name);
                let resting = |name: &str| of(name).is_some_and(|b| b.rests(moment.now));
                let mut all: HashMap<String, (Appetite, Vec<Leased>)> = HashMap::new();
                for (name, mut appetite) in asked {
                    appetite.limit = appetite.limit.min(i64::try_from(free)?);
                    let rests = matches!(appetite.lane, Lane::Connection(_)) && resting(&name);
                    if rests || appetite.limit == 0 {
                        continue;
                    }
                    let mut leased = task::claim(tx, &moment, &appetite).await?;
                    free = free.saturating_sub(leased.len());
                    for task in &mut leased {
                        let known = task.connection.as_deref().and_then(of);
                        task.troubled = known.is_some_and(Breaker::is_troubled);
                    }
                    all.insert(name, (appetite, leased));
                }
                let quiet = notable.iter().filter_map(|breaker| breaker.quiet_until);
                Ok((all, quiet.filter(|until| *until > moment.now).min()))
            })
        })
        .await?;
    lanes.wake_at(wake);
    for (name, (appetite, found)) in &leased {
        lanes.learn(name, appetite, found, now);
    }
    let mut leased: Vec<Leased> = leased.into_values().flat_map(|(_, found)| found).collect();
    if leased.len() >= places {
        lanes.leave_some();
    }
    leased.sort_by(|a, b| (a.due, &a.id).cmp(&(b.due, &b.id)));
    Ok(leased)
}

/// One attempt, with a heartbeat beside it. A lost lease stops it where it is.
async fn attempt(app: &Arc<App>, task: &Leased) {
    let (id, kind) = (&task.id, task.kind);
    let ran = tokio::select! {
        ran = tasks::run(app, task) => ran,
        () = beat_until_lost(app, task) => Ok(Attempt::Lost),
    };
    match ran {
        Ok(Attempt::Ended(word)) => tracing::debug!(task = %id, "{kind} {id}: {word}"),
        Ok(Attempt::Lost) => {
            tracing::warn!(task = %id, "{kind} {id} lost its lease: nothing was written");
        }
        Err(e) => {
            tracing::error!(task = %id, "{kind} {id} failed inside: {e}");
            // Where that fails too, the lease ends by itself and the sweep makes the task ready.
            if let Err(e) = tasks::put_back(app, task).await {
                tracing::error!(task = %id, "{kind} {id} could not be put back: {e}");
            }
        }
    }
}

async fn beat_until_lost(app: &Arc<App>, task: &Leased) {
    let lease = Duration::from_secs(u64::from(app.config.queue.lease_seconds));
    loop {
        tokio::time::sleep(lease / 4).await;
        let (id, word) = (task.id.clone(), task.lease.clone());
        let until = app.clock.now().plus(lease);
        let held = app
            .db
            .write(move |tx| Box::pin(async move { task::beat(tx, &id, &word, until).await }));
        match held.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(e) => tracing::warn!("a heartbeat could not be written: {e}"),
        }
    }
}

async fn sweep_until(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    while is_wanted(&stopped) {
        match app.db.now().await {
            Ok(authority) => app.clock.correct(authority),
            Err(e) => tracing::error!("the database does not tell the time: {e}"),
        }
        match sweep(&app).await {
            Ok(found) if found == Found::default() => {}
            Ok(found) => tracing::info!("the sweep moved on: {found:?}"),
            // Logged part by part.
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            _ = stopped.changed() => {}
        }
    }
}
