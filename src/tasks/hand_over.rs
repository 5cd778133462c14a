//! Hand over: files that the seller's own worker delivers. This process never runs it: the worker
//! claims it over HTTP, and its answer ends it here, fenced by the lease like any other.

use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::complete::{self, Begin};
use crate::id::{GrantId, LineId, OrderId, TaskId};
use crate::model::task::{self, Kind, Leased, TaskState};
use crate::model::{Moment, line, order};
use crate::outcome::{Outcome, Receipt};

use super::keeping;

/// What a worker needs to know.
#[derive(Debug, Clone)]
pub struct Job {
    /// The task.
    pub task: TaskId,
    /// The fence of this claim; the worker may show it again when it finishes.
    pub lease: String,
    /// Until when it holds without a heartbeat.
    pub until: Timestamp,
    /// The order.
    pub order: OrderId,
    /// Its code.
    pub order_code: String,
    /// The line.
    pub line: LineId,
    /// The course.
    pub course: String,
    /// The course's title.
    pub title: String,
    /// The folder to deliver, in the source's words.
    pub folder: String,
    /// To whom.
    pub email: String,
}

/// Claim up to `limit` hand-overs.
pub async fn claim(
    tx: &mut Tx<'_>,
    moment: &Moment,
    limit: i64,
    lease: std::time::Duration,
) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for task in task::claim_hand_over(tx, moment, limit, lease).await? {
        let id = GrantId::from(task.subject.as_str());
        let (begin, grant) = complete::begin(tx, moment, &id).await?;
        if begin != Begin::Act {
            task::finish(tx, moment, &task, &task::Finish::Done).await?;
            continue;
        }
        let line = line::get(tx, &grant.line).await?;
        let order = order::get(tx, &grant.order).await?;
        jobs.push(Job {
            task: task.id,
            lease: task.lease,
            until: moment.now.plus(lease),
            order: order.id,
            order_code: order.code.to_string(),
            line: line.id,
            course: line.course,
            title: line.title,
            folder: grant.target,
            email: grant.learner,
        });
    }
    Ok(jobs)
}

/// What a worker reports.
#[derive(Debug, Clone)]
pub enum Report {
    /// Delivered: a link, or a folder's name.
    Delivered {
        /// Where the buyer finds it.
        link: Option<String>,
        /// What the worker called it.
        folder: Option<String>,
    },
    /// It did not work; tried again later, a few times.
    Failed {
        /// The worker's words, shortened.
        why: String,
    },
}

/// End a claimed hand-over. A second report of the attempt that ended it changes nothing and says so;
/// a lost lease is refused. Older workers show none: theirs counts for whoever holds the task.
pub async fn finalize(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &TaskId,
    lease: Option<&str>,
    report: &Report,
) -> Result<(Option<OrderId>, bool)> {
    let found = task::get(tx, id).await?;
    let Some((task, state)) = found.filter(|(task, _)| task.kind == Kind::HandOver) else {
        return Err(Error::NotFound("task"));
    };
    let holds = state == TaskState::Leased && lease.is_none_or(|shown| shown == task.lease);
    if !holds {
        // Its answer was lost on the way: it is told again what it was told.
        let repeated = match lease {
            Some(shown) => task::was_ended_by(tx, id, shown).await?,
            None => state == TaskState::Done,
        };
        return if repeated {
            Ok((task.order, true))
        } else {
            Err(Error::refused("lease_lost"))
        };
    }
    let order = task.order.clone();
    record(tx, moment, &task, report).await?;
    Ok((order, false))
}

async fn record(tx: &mut Tx<'_>, moment: &Moment, task: &Leased, report: &Report) -> Result<()> {
    let outcome = match report {
        Report::Delivered { link, folder } => Outcome::Done(Receipt(
            serde_json::json!({ "link": link, "folder": folder, "by": "worker" }),
        )),
        Report::Failed { why } => Outcome::Rejected { why: why.clone() },
    };
    let finish = keeping::record(tx, moment, task, &outcome).await?;
    task::finish(tx, moment, task, &finish).await
}
