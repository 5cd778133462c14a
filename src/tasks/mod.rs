//! Effects: one file per kind, each in three phases. *Prepare* decides inside a transaction, *act*
//! touches the outside with no transaction in reach, *record* writes what came of it in the same
//! transaction that ends the task. A task may run twice: act looks before it writes and is believed
//! only after a read-back. This file runs the phases; it knows every kind and none of their content.

use std::future::Future;
use std::sync::Arc;

use crate::app::{App, Desk};
use crate::clock::Timestamp;
use crate::connectors::Connectors;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::model::Moment;
use crate::model::audit::Actor;
use crate::model::task::{self, Finish, Kind, Leased};
use crate::outcome::Outcome;

mod checkout;
mod deliver;
mod drive;
mod enrol;
pub mod hand_over;
mod keeping;
mod letters;
mod poll;
mod refund;
mod reports;
mod send_email;
mod settle_event;
mod withdraw;

/// What prepare decided.
pub enum Prepared<R> {
    /// Act on this.
    Act(R),
    /// It has happened already, or is not owed any more: the task is done.
    Nothing,
    /// Not now.
    Later {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

/// One kind of effect.
pub trait Effect: Copy + Send + Sync + 'static {
    /// Plain data: all that act needs to know.
    type Request: Send + Sync + 'static;

    /// Decide, inside a transaction.
    fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
    ) -> impl Future<Output = Result<Prepared<Self::Request>>> + Send;

    /// Cause the effect; no transaction in reach.
    fn act(
        self,
        world: &Connectors,
        request: &Self::Request,
    ) -> impl Future<Output = Outcome> + Send;

    /// Write what came of it, in the transaction that ends the task.
    fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> impl Future<Output = Result<Finish>> + Send;
}

/// How an attempt went, for the queue's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It ended; the word of its outcome, where act ran.
    Ended(&'static str),
    /// The lease was lost meanwhile: nothing was written.
    Lost,
}

/// Run one attempt of a leased task through its phases.
pub async fn run(app: &Arc<App>, task: &Leased) -> Result<Attempt> {
    match task.kind {
        Kind::Enrol => phases(app, enrol::Enrol, task).await,
        Kind::Deliver if drive::is_folder(task) => phases(app, drive::fill::Fill, task).await,
        Kind::Deliver if drive::is_on(task) => phases(app, drive::share::Share, task).await,
        Kind::Deliver => phases(app, deliver::Deliver, task).await,
        Kind::Withdraw if drive::is_on(task) => phases(app, drive::unshare::Unshare, task).await,
        Kind::Withdraw => phases(app, withdraw::Withdraw, task).await,
        Kind::SendEmail => phases(app, send_email::SendEmail, task).await,
        Kind::SettleEvent => phases(app, settle_event::SettleEvent, task).await,
        Kind::Checkout => phases(app, checkout::Checkout, task).await,
        Kind::Refund => phases(app, refund::Refund, task).await,
        Kind::Poll => phases(app, poll::Poll, task).await,
        Kind::HandOver => Err(Error::Conflict(
            "a hand-over belongs to the seller's own worker",
        )),
    }
}

/// An attempt that failed inside, by a fault of ours: the same again after the kind's backoff. It is
/// in the log each time, and its grant stays as unsure as the attempt left it.
pub async fn put_back(app: &Arc<App>, task: &Leased) -> Result<()> {
    let task = task.clone();
    let moment = app.moment(Actor::Machine(task.kind.as_str()));
    let at = moment
        .now
        .plus(task.kind.backoff(task.attempts, moment.mint.fraction()));
    let why = "an attempt failed inside; the log says how".to_owned();
    let again = Finish::Again {
        at,
        why,
        rejected: false,
    };
    app.db
        .write(move |tx| Box::pin(async move { task::finish(tx, &moment, &task, &again).await }))
        .await
}

async fn phases<E: Effect>(app: &Arc<App>, effect: E, task: &Leased) -> Result<Attempt> {
    let ended = match prepare(app, effect, task).await {
        Ok(Some(request)) => {
            let outcome = effect.act(&app.world, &request).await;
            record(app, effect, task, outcome).await
        }
        Ok(None) => Ok("nothing to do"),
        Err(e) => Err(e),
    };
    if let Some(order) = &task.order {
        app.live.tell(order);
    }
    match ended {
        Ok(word) => Ok(Attempt::Ended(word)),
        Err(Error::Conflict(task::LEASE_LOST)) => Ok(Attempt::Lost),
        Err(other) => Err(other),
    }
}

/// The first transaction: decide. Ends the task itself when there is nothing to act on.
async fn prepare<E: Effect>(
    app: &Arc<App>,
    effect: E,
    task: &Leased,
) -> Result<Option<E::Request>> {
    let (desk, task) = (app.desk.clone(), task.clone());
    let moment = app.moment(Actor::Machine(task.kind.as_str()));
    app.db
        .write(move |tx| Box::pin(async move { decide(tx, &moment, &desk, effect, &task).await }))
        .await
}

async fn decide<E: Effect>(
    tx: &mut Tx<'_>,
    moment: &Moment,
    desk: &Desk,
    effect: E,
    task: &Leased,
) -> Result<Option<E::Request>> {
    if !task::is_held(tx, task).await? {
        return Err(Error::Conflict(task::LEASE_LOST));
    }
    let end = match effect.prepare(tx, moment, desk, task).await? {
        Prepared::Act(request) => return Ok(Some(request)),
        Prepared::Nothing => Finish::Done,
        Prepared::Later { at, why } => Finish::Again {
            at,
            why,
            rejected: false,
        },
    };
    task::finish(tx, moment, task, &end).await?;
    Ok(None)
}

/// The second transaction: write what came of it and end the task, fenced by its lease.
async fn record<E: Effect>(
    app: &Arc<App>,
    effect: E,
    task: &Leased,
    outcome: Outcome,
) -> Result<&'static str> {
    let word = outcome.word();
    let (desk, task) = (app.desk.clone(), task.clone());
    let moment = app.moment(Actor::Machine(task.kind.as_str()));
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let finish = effect.record(tx, &moment, &desk, &task, &outcome).await?;
                task::finish(tx, &moment, &task, &finish).await
            })
        })
        .await?;
    Ok(word)
}
