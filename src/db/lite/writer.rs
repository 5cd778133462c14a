//! The one thread that writes. Every write joins a group: the first job, and whatever else is
//! waiting by then (never waited for), each in a savepoint, one commit for all, and only then the
//! answers. One disk flush thus serves up to [`GROUP`] callers, and a lone caller pays nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Context, anyhow, ensure};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::db::breaks::BreakPoints;
use crate::db::columns::Columns;
use crate::db::tx::{self, Script, Tx};
use crate::db::{Bell, Counts};
use crate::error::{Error, Result};

/// Most writes in one commit: beyond it the flush is a small part and only the answers are late.
const GROUP: usize = 64;

/// Writes that may wait for the thread; further callers wait for a place.
const QUEUE: usize = 1024;

pub(super) struct Writer {
    /// `None` only while it is being dropped.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        columns: Arc<Columns>,
        bell: Bell,
        counts: Arc<Counts>,
    ) -> anyhow::Result<Self> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let desk = Desk {
            connection,
            columns,
            waiting,
            bell,
            counts,
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || desk.work())
            .context("starting the database's writer")?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        script: impl Script<T>,
        breaks: BreakPoints,
    ) -> Result<T> {
        let stopped = || anyhow!("the database's writer has stopped");
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Write {
            script: Some(script),
            breaks,
            result: None,
            rung: false,
            answer,
        });
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    /// Waits for the thread, so that the file is closed and checkpointed when this returns.
    fn drop(&mut self) {
        self.jobs = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        // A script may own the last handle; the thread cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the database's writer ended in a panic");
        }
    }
}

/// A write on its way through the thread.
trait Job: Send {
    /// Run the script; whether its savepoint stands.
    fn run(&mut self, connection: &mut Connection, columns: &Columns) -> bool;

    /// Tell the caller how it ended; whether the bell must ring.
    fn answer(self: Box<Self>, commit: &anyhow::Result<()>) -> bool;
}

struct Write<T, F> {
    script: Option<F>,
    breaks: BreakPoints,
    result: Option<Result<T>>,
    rung: bool,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send + 'static, F: Script<T>> Job for Write<T, F> {
    fn run(&mut self, connection: &mut Connection, columns: &Columns) -> bool {
        // A caller that went away while waiting wants nothing any more, as on PostgreSQL.
        let Some(script) = self.script.take().filter(|_| !self.answer.is_closed()) else {
            return false;
        };
        let mut tx = Tx::lite(connection, columns);
        let result = tx::run_at_once(&mut tx, script);
        self.rung = tx.rung();
        let result = self.breaks.before_commit(result);
        let stands = result.is_ok();
        self.result = Some(result);
        stands
    }

    fn answer(self: Box<Self>, commit: &anyhow::Result<()>) -> bool {
        let result = match (self.result, commit) {
            (Some(Ok(_)) | None, Err(e)) => Err(Error::Internal(anyhow!("{e:#}"))),
            (Some(Ok(value)), Ok(())) => self.breaks.after_commit(Ok(value)),
            (Some(Err(own)), _) => Err(own),
            (None, Ok(())) => return false,
        };
        let ring = self.rung && result.is_ok();
        // Nobody listens if the caller went away meanwhile: the write stands all the same.
        drop(self.answer.send(result));
        ring
    }
}

/// What the thread owns.
struct Desk {
    connection: Connection,
    columns: Arc<Columns>,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    bell: Bell,
    counts: Arc<Counts>,
}

impl Desk {
    fn work(mut self) {
        while let Some(first) = self.waiting.blocking_recv() {
            let mut group = Vec::new();
            let commit = self.commit_group(first, &mut group);
            self.answer(group, &commit);
        }
        // Closing the last connection moves the write-ahead log into the file.
        if let Err((_, e)) = self.connection.close() {
            tracing::warn!("closing the database: {e}");
        }
    }

    /// Run and commit `first` and its neighbours. They are in `group` at the end, whatever happened.
    fn commit_group(
        &mut self,
        first: Box<dyn Job>,
        group: &mut Vec<Box<dyn Job>>,
    ) -> anyhow::Result<()> {
        group.push(first);
        let done = self.run_group(group).and_then(|()| {
            control(&self.connection, "COMMIT").context("committing to the database")
        });
        if done.is_err() && !self.connection.is_autocommit() {
            control(&self.connection, "ROLLBACK")
                .unwrap_or_else(|e| tracing::error!("rolling back: {e}"));
        }
        done
    }

    fn run_group(&mut self, group: &mut Vec<Box<dyn Job>>) -> anyhow::Result<()> {
        control(&self.connection, "BEGIN IMMEDIATE").context("beginning a transaction")?;
        let mut next = 0;
        while let Some(job) = group.get_mut(next) {
            in_savepoint(&mut self.connection, &self.columns, job.as_mut())?;
            next += 1;
            if next < GROUP {
                group.extend(self.waiting.try_recv());
            }
        }
        Ok(())
    }

    fn answer(&self, group: Vec<Box<dyn Job>>, commit: &anyhow::Result<()>) {
        let writes = u64::try_from(group.len()).unwrap_or(u64::MAX);
        self.counts.writes.fetch_add(writes, Ordering::Relaxed);
        if commit.is_ok() {
            self.counts.commits.fetch_add(1, Ordering::Relaxed);
        }
        let mut ring = false;
        for job in group {
            ring |= job.answer(commit);
        }
        if ring {
            self.bell.ring();
        }
    }
}

/// Run one job so that its failure undoes only its own changes. An error from here means that the
/// whole group is lost: a full disk, for one, makes SQLite roll back everything at once.
fn in_savepoint(
    connection: &mut Connection,
    columns: &Columns,
    job: &mut dyn Job,
) -> anyhow::Result<()> {
    control(connection, "SAVEPOINT job")?;
    let stands = job.run(connection, columns);
    ensure!(
        !connection.is_autocommit(),
        "the database rolled back a whole group of writes"
    );
    if !stands {
        control(connection, "ROLLBACK TO job")?;
    }
    control(connection, "RELEASE job")?;
    Ok(())
}

fn control(connection: &Connection, words: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(words)?.execute([]).map(drop)
}
