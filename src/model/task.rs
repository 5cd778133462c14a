//! Tasks: stored intentions to cause one effect. This file is the whole queue as data: enqueue,
//! claim, beat, finish, sweep. `queue.rs` runs it; `tasks/` knows what each kind does.
//!
//! A lease belongs to one attempt: a random word, written by the claim and demanded by every later
//! write, so that a worker that was frozen past its lease changes nothing.

use std::time::Duration;

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{OrderId, TaskId};

pub mod list;

/// The word of the conflict when an attempt no longer holds its lease.
pub const LEASE_LOST: &str = "lease_lost";

states! {
    /// Which effect. One file in `tasks/` each.
    Kind {
        /// Enrol a learner on a learning platform.
        Enrol = "enrol",
        /// Make files ready on the download server.
        Deliver = "deliver",
        /// Wait for the seller's own worker to deliver files; never run by this process.
        HandOver = "hand_over",
        /// Take an enrolment back.
        Withdraw = "withdraw",
        /// Send one e-mail.
        SendEmail = "send_email",
        /// Understand a gateway event that was stored raw.
        SettleEvent = "settle_event",
        /// Bring a checkout in line with its order: end it, or see what has become of it.
        Checkout = "checkout",
        /// Ask a gateway to pay money back.
        Refund = "refund",
        /// Read one page of a gateway's list.
        Poll = "poll",
    }
}

/// How a kind is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Waits before the second, third, … attempt; the last one repeats.
    pub waits: &'static [u64],
    /// Permanent failures before it is dead. Outages never count.
    pub rejections: i64,
}

impl Kind {
    /// The retry table: seconds, then the budget of permanent failures.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::Enrol | Self::Withdraw => Retry {
                waits: &[2, 15, 120, 240, 480, 960, 1800, 3600],
                rejections: 5,
            },
            Self::Deliver => Retry {
                waits: &[2, 15, 60, 300, 900, 3600],
                rejections: 5,
            },
            Self::HandOver => Retry {
                waits: &[30, 120, 600],
                rejections: 5,
            },
            Self::SendEmail => Retry {
                waits: &[5, 30, 120, 600, 1800, 3600],
                rejections: 3,
            },
            Self::SettleEvent => Retry {
                waits: &[5, 60, 600, 3600],
                rejections: 5,
            },
            Self::Checkout | Self::Refund => Retry {
                waits: &[2, 15, 60, 300, 900, 3600],
                rejections: 3,
            },
            // It ends only when its gateway is configured no more.
            Self::Poll => Retry {
                waits: &[5, 15, 60, 300],
                rejections: i64::MAX,
            },
        }
    }

    /// How long to wait after attempt `attempts`, with up to a fifth of jitter from `chance` (0..1).
    #[must_use]
    pub fn backoff(self, attempts: i64, chance: f64) -> Duration {
        let waits = self.retry().waits;
        let place = usize::try_from(attempts.max(1) - 1)
            .unwrap_or(0)
            .min(waits.len() - 1);
        Duration::from_secs(waits[place]).mul_f64(1.0 + chance / 5.0)
    }
}

states! {
    /// Where a task stands.
    TaskState {
        /// To be run at `run_at`.
        Ready = "ready",
        /// An attempt runs until `lease_until`; after that the sweep makes it ready.
        Leased = "leased",
        /// Finished: the evidence, kept.
        Done = "done",
        /// Its budget of permanent failures is used up, or nothing can be done. A person re-arms it.
        Dead = "dead",
    }
}

/// A task about to be stored.
#[derive(Debug, Clone)]
pub struct NewTask<'a> {
    /// Which effect.
    pub kind: Kind,
    /// Whose page changes with it.
    pub order: Option<&'a OrderId>,
    /// The grant, e-mail or event it works on.
    pub subject: &'a str,
    /// Limits, pace and breaker are per connection.
    pub connection: Option<&'a str>,
}

impl NewTask<'_> {
    fn key(&self) -> String {
        format!("{}:{}", self.kind, self.subject)
    }
}

/// A task in the hands of one attempt.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its id.
    pub id: TaskId,
    /// Which effect.
    pub kind: Kind,
    /// Whose page changes with it.
    pub order: Option<OrderId>,
    /// What it works on.
    pub subject: String,
    /// Its connection.
    pub connection: Option<String>,
    /// This attempt's number, from 1.
    pub attempts: i64,
    /// Permanent failures so far.
    pub rejections: i64,
    /// The fence of this attempt.
    pub lease: String,
    /// When it was due.
    pub due: Timestamp,
    /// Its connection had failed before: success is news.
    pub troubled: bool,
}

/// What an attempt leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// Nothing more to do.
    Done,
    /// Again at this time.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
        /// It was a permanent failure.
        rejected: bool,
    },
    /// Nothing more happens by itself.
    Dead {
        /// Why.
        why: String,
    },
}

/// Which tasks one claim takes from.
#[derive(Debug, Clone)]
pub enum Lane {
    /// Those of one connection.
    Connection(String),
    /// Those without a connection, or of one that is not configured (any more): a lane that cannot
    /// be forgotten.
    Rest {
        /// The connections that have lanes of their own.
        known: Vec<String>,
    },
}

/// What a claim may take.
#[derive(Debug, Clone)]
pub struct Appetite {
    /// From where.
    pub lane: Lane,
    /// At most so many.
    pub limit: i64,
    /// How long the lease lasts.
    pub lease: Duration,
    /// Nothing that was due before this: keeps old dead index entries from being walked.
    pub watermark: Timestamp,
}

crate::statements! {
    ENQUEUE = "INSERT INTO tasks (id, kind, order_id, subject, connection, idem_key, state, run_at, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, 'ready', $7, $8) ON CONFLICT (idem_key) DO NOTHING";
    CLAIM_LANE =
        "WITH c AS MATERIALIZED (SELECT id FROM tasks WHERE state = 'ready' AND run_at <= $1 AND run_at >= $2
             AND kind <> 'hand_over' AND connection = $3
           ORDER BY run_at, id LIMIT $4)
         UPDATE tasks SET state = 'leased', attempts = attempts + 1, lease = $5, lease_until = $6
         WHERE id IN (SELECT id FROM c)
         RETURNING id, kind, order_id, subject, connection, attempts, rejections, lease, run_at"
      | "WITH c AS MATERIALIZED (SELECT id FROM tasks WHERE state = 'ready' AND run_at <= $1 AND run_at >= $2
             AND kind <> 'hand_over' AND connection = $3
           ORDER BY run_at, id LIMIT $4 FOR UPDATE SKIP LOCKED)
         UPDATE tasks SET state = 'leased', attempts = attempts + 1, lease = $5, lease_until = $6
         WHERE id IN (SELECT id FROM c)
         RETURNING id, kind, order_id, subject, connection, attempts, rejections, lease, run_at";
    CLAIM_REST =
        "WITH c AS MATERIALIZED (SELECT id FROM tasks WHERE state = 'ready' AND run_at <= $1 AND run_at >= $2
             AND kind <> 'hand_over' AND (connection IS NULL OR instr($3, '|' || connection || '|') = 0)
           ORDER BY run_at, id LIMIT $4)
         UPDATE tasks SET state = 'leased', attempts = attempts + 1, lease = $5, lease_until = $6
         WHERE id IN (SELECT id FROM c)
         RETURNING id, kind, order_id, subject, connection, attempts, rejections, lease, run_at"
      | "WITH c AS MATERIALIZED (SELECT id FROM tasks WHERE state = 'ready' AND run_at <= $1 AND run_at >= $2
             AND kind <> 'hand_over' AND (connection IS NULL OR strpos($3, '|' || connection || '|') = 0)
           ORDER BY run_at, id LIMIT $4 FOR UPDATE SKIP LOCKED)
         UPDATE tasks SET state = 'leased', attempts = attempts + 1, lease = $5, lease_until = $6
         WHERE id IN (SELECT id FROM c)
         RETURNING id, kind, order_id, subject, connection, attempts, rejections, lease, run_at";
    CLAIM_HAND_OVER =
        "WITH c AS MATERIALIZED (SELECT id FROM tasks WHERE state = 'ready' AND run_at <= $1 AND kind = 'hand_over'
           ORDER BY run_at, id LIMIT $2)
         UPDATE tasks SET state = 'leased', attempts = attempts + 1, lease = $3, lease_until = $4
         WHERE id IN (SELECT id FROM c)
         RETURNING id, kind, order_id, subject, connection, attempts, rejections, lease, run_at"
      | "WITH c AS MATERIALIZED (SELECT id FROM tasks WHERE state = 'ready' AND run_at <= $1 AND kind = 'hand_over'
           ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
         UPDATE tasks SET state = 'leased', attempts = attempts + 1, lease = $3, lease_until = $4
         WHERE id IN (SELECT id FROM c)
         RETURNING id, kind, order_id, subject, connection, attempts, rejections, lease, run_at";
    NEXT_RUN = "SELECT MIN(run_at) AS at FROM tasks WHERE state = 'ready' AND run_at >= $1 AND kind <> 'hand_over'";
    BEAT = "UPDATE tasks SET lease_until = $3 WHERE id = $1 AND lease = $2 AND state = 'leased'";
    HELD = "SELECT id FROM tasks WHERE id = $1 AND lease = $2 AND state = 'leased'";
    FINISH = "UPDATE tasks SET state = $3, run_at = CASE WHEN $4 > run_at THEN $4 ELSE run_at END,
                rejections = rejections + $5, why = $6, finished_at = $7, ended_lease = lease, lease = NULL, lease_until = NULL
              WHERE id = $1 AND lease = $2 AND state = 'leased'";
    SWEEP = "UPDATE tasks SET state = 'ready', run_at = $1, why = 'its worker was lost', lease = NULL, lease_until = NULL
             WHERE state = 'leased' AND lease_until < $2 RETURNING id, order_id, attempts";
    REVIVE = "UPDATE tasks SET state = 'ready', run_at = $2, rejections = 0, finished_at = NULL
              WHERE idem_key = $1 AND state <> 'leased'";
    RESUME = "UPDATE tasks SET state = 'ready', run_at = $2, rejections = 0, finished_at = NULL
              WHERE idem_key = $1 AND state IN ('done', 'dead')";
    REST = "UPDATE tasks SET state = 'done', why = 'it is not owed any more', finished_at = $2
            WHERE subject = $1 AND state = 'dead' AND kind IN ('enrol', 'deliver', 'hand_over')";
    RELEASE = "UPDATE tasks SET run_at = $2 WHERE connection = $1 AND state = 'ready' AND run_at > $2
                 AND (kind <> 'poll' OR EXISTS (SELECT 1 FROM polls WHERE polls.subject = tasks.subject AND failures > 0))";
    BY_ID = "SELECT id, kind, order_id, subject, connection, attempts, rejections, lease, run_at, state FROM tasks WHERE id = $1";
    ENDED_BY = "SELECT ended_lease FROM tasks WHERE id = $1";
    COUNTS = "SELECT kind, state, COUNT(*) AS tasks FROM tasks WHERE state <> 'done' GROUP BY kind, state";
    OLDEST = "SELECT MIN(run_at) AS at FROM tasks WHERE state = 'ready'";
}

/// Write an intention with the commit. The same kind for the same subject twice is one task.
pub fn enqueue(tx: &mut Tx<'_>, moment: &Moment, new: &NewTask<'_>) {
    enqueue_at(tx, moment, new, moment.now);
}

/// The same, not due before `at`.
pub fn enqueue_at(tx: &mut Tx<'_>, moment: &Moment, new: &NewTask<'_>, at: Timestamp) {
    let id = moment.id::<TaskId>();
    let key = new.key();
    let values = args![
        &id,
        new.kind,
        new.order,
        new.subject,
        new.connection,
        key,
        at,
        moment.now
    ];
    tx.later(&ENQUEUE, values);
    tx.ring();
}

/// Take what is due in one lane, each under a lease of its own attempt.
pub async fn claim(tx: &mut Tx<'_>, moment: &Moment, appetite: &Appetite) -> Result<Vec<Leased>> {
    let (sql, lane) = match &appetite.lane {
        Lane::Connection(name) => (&CLAIM_LANE, name.clone()),
        Lane::Rest { known } => (&CLAIM_REST, format!("|{}|", known.join("|"))),
    };
    let values = args![
        moment.now,
        appetite.watermark,
        lane,
        appetite.limit,
        moment.mint.secret(),
        moment.now.plus(appetite.lease),
    ];
    tx.rows(sql, values).await?.iter().map(read).collect()
}

/// The same for the seller's own workers.
pub async fn claim_hand_over(
    tx: &mut Tx<'_>,
    moment: &Moment,
    limit: i64,
    lease: Duration,
) -> Result<Vec<Leased>> {
    let values = args![
        moment.now,
        limit,
        moment.mint.secret(),
        moment.now.plus(lease)
    ];
    tx.rows(&CLAIM_HAND_OVER, values)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// When the next task is due, to sleep exactly until then.
pub async fn next_run(tx: &mut Tx<'_>, after: Timestamp) -> Result<Option<Timestamp>> {
    let row = tx.row(&NEXT_RUN, args![after]).await?;
    row.map_or(Ok(None), |r| Ok(r.get("at")?))
}

/// Keep a lease. False: it was lost; throw the work away.
pub async fn beat(tx: &mut Tx<'_>, task: &TaskId, lease: &str, until: Timestamp) -> Result<bool> {
    Ok(tx.exec(&BEAT, args![task, lease, until]).await? == 1)
}

/// The lease is still this attempt's.
pub async fn is_held(tx: &mut Tx<'_>, task: &Leased) -> Result<bool> {
    Ok(tx.row(&HELD, args![&task.id, &task.lease]).await?.is_some())
}

/// End an attempt. An error when the lease was lost, so that the whole transaction is thrown away.
pub async fn finish(tx: &mut Tx<'_>, moment: &Moment, task: &Leased, end: &Finish) -> Result<()> {
    let (state, run_at, rejected, why) = match end {
        Finish::Done => (TaskState::Done, moment.now, false, None),
        Finish::Again { at, why, rejected } => (TaskState::Ready, *at, *rejected, Some(why)),
        Finish::Dead { why } => (TaskState::Dead, moment.now, true, Some(why)),
    };
    let finished = (state != TaskState::Ready).then_some(moment.now);
    let values = args![
        &task.id,
        &task.lease,
        state,
        run_at,
        rejected,
        why,
        finished
    ];
    if tx.exec(&FINISH, values).await? == 0 {
        return Err(Error::Conflict(LEASE_LOST));
    }
    record(tx, moment, task, state, why.map(String::as_str));
    Ok(())
}

/// Tasks whose worker is gone are ready again; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    end_leases(tx, moment, moment.now).await
}

/// Every leased task is ready again: for a process that knows that no other lives.
pub async fn end_all_leases(tx: &mut Tx<'_>, moment: &Moment) -> Result<usize> {
    end_leases(tx, moment, Timestamp(i64::MAX)).await
}

/// Leases that end before `before`.
async fn end_leases(tx: &mut Tx<'_>, moment: &Moment, before: Timestamp) -> Result<usize> {
    let rows = tx.rows(&SWEEP, args![moment.now, before]).await?;
    for row in &rows {
        let id: TaskId = row.get("id")?;
        let order: Option<OrderId> = row.get("order_id")?;
        let change = Change {
            order: order.as_ref(),
            subject: &id.0,
            action: "task.state",
            why: Some("its worker was lost"),
            before: Some("leased"),
            after: Some("ready"),
        };
        audit::write(tx, moment, &change);
    }
    if !rows.is_empty() {
        tx.ring();
    }
    Ok(rows.len())
}

/// Make an intention due now with a new budget, whether it waited, was dead or done; written anew
/// where it is missing. One that runs at this moment is left to its attempt.
pub async fn revive(tx: &mut Tx<'_>, moment: &Moment, new: &NewTask<'_>) -> Result<()> {
    if tx.exec(&REVIVE, args![new.key(), moment.now]).await? == 0 {
        enqueue(tx, moment, new);
    }
    tx.ring();
    Ok(())
}

/// The same, but one that waits for its time goes on waiting.
pub async fn resume(tx: &mut Tx<'_>, moment: &Moment, new: &NewTask<'_>) -> Result<()> {
    if tx.exec(&RESUME, args![new.key(), moment.now]).await? == 0 {
        enqueue(tx, moment, new);
    }
    tx.ring();
    Ok(())
}

/// What a grant's attempt was dead for is not owed any more: it waits for nobody.
pub fn lay_to_rest(tx: &mut Tx<'_>, moment: &Moment, subject: &str) {
    tx.later(&REST, args![subject, moment.now]);
}

/// A connection works again: what waited for it is due now. A list that did not fail keeps its time.
pub async fn release(tx: &mut Tx<'_>, moment: &Moment, connection: &str) -> Result<()> {
    tx.exec(&RELEASE, args![connection, moment.now]).await?;
    tx.ring();
    Ok(())
}

/// A task by id with its present lease, and where it stands.
pub async fn get(tx: &mut Tx<'_>, id: &TaskId) -> Result<Option<(Leased, TaskState)>> {
    let row = tx.row(&BY_ID, args![id]).await?;
    row.map(|r| Ok((read(&r)?, r.get("state")?))).transpose()
}

/// The attempt with this lease was the last that ended, whichever way: it may be told so again.
pub async fn was_ended_by(tx: &mut Tx<'_>, id: &TaskId, lease: &str) -> Result<bool> {
    let row = tx.row(&ENDED_BY, args![id]).await?;
    let ended: Option<String> = row.map_or(Ok(None), |r| r.get("ended_lease"))?;
    Ok(ended.is_some_and(|ended| ended == lease))
}

/// How many unfinished tasks stand where.
pub async fn counts(tx: &mut Tx<'_>) -> Result<Vec<(Kind, TaskState, i64)>> {
    let rows = tx.rows(&COUNTS, &[]).await?;
    rows.iter()
        .map(|r| Ok((r.get("kind")?, r.get("state")?, r.get("tasks")?)))
        .collect()
}

/// When the oldest ready task was or is due.
pub async fn oldest(tx: &mut Tx<'_>) -> Result<Option<Timestamp>> {
    let row = tx.row(&OLDEST, &[]).await?;
    row.map_or(Ok(None), |r| Ok(r.get("at")?))
}

fn record(tx: &mut Tx<'_>, moment: &Moment, task: &Leased, to: TaskState, why: Option<&str>) {
    let change = Change {
        order: task.order.as_ref(),
        subject: &task.id.0,
        action: "task.state",
        why,
        before: Some(TaskState::Leased.as_str()),
        after: Some(to.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Leased> {
    Ok(Leased {
        id: row.get("id")?,
        kind: row.get("kind")?,
        order: row.get("order_id")?,
        subject: row.get("subject")?,
        connection: row.get("connection")?,
        attempts: row.get("attempts")?,
        rejections: row.get("rejections")?,
        lease: row.get::<Option<String>>("lease")?.unwrap_or_default(),
        due: row.get("run_at")?,
        troubled: false,
    })
}
