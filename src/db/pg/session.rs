//! A transaction on PostgreSQL that waits for the server as seldom as it can: BEGIN travels with a
//! first statement that only reads, and COMMIT with all that was deferred. Anything but
//! [`Session::commit`] ends in a rollback: an error, a panic, a caller that went away.

use std::task::Poll;

use anyhow::Context;
use deadpool_postgres::ClientWrapper;
use futures_util::future::{join, try_join_all};
use futures_util::{FutureExt, poll};

use super::{explain, statement};
use crate::db::columns::Columns;
use crate::db::tx::Deferred;
use crate::db::{Arg, Row, Sql};

/// Each number of rows is a statement of its own, prepared on its first use.
const MOST_ROWS: usize = 16;

const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// So that all statements of a script see one snapshot, as on SQLite.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction that begins with its first statement.
pub(in crate::db) struct Session<'c> {
    client: &'c ClientWrapper,
    /// Not sent yet.
    begin: Option<&'static str>,
    /// BEGIN was sent, and COMMIT was not: the drop must end it.
    open: bool,
}

impl<'c> Session<'c> {
    /// The exclusive borrow keeps other transactions off the connection.
    pub(super) fn to_write(client: &'c mut ClientWrapper) -> Self {
        Self::new(client, WRITE)
    }

    pub(super) fn to_read(client: &'c mut ClientWrapper) -> Self {
        Self::new(client, READ)
    }

    fn new(client: &'c mut ClientWrapper, begin: &'static str) -> Self {
        Self {
            client,
            begin: Some(begin),
            open: false,
        }
    }

    pub(in crate::db) async fn exec(&mut self, sql: &Sql, args: &[Arg]) -> anyhow::Result<u64> {
        let client = self.client;
        self.after_begin(sql, statement::exec(client, sql, args))
            .await
    }

    pub(in crate::db) async fn rows(
        &mut self,
        sql: &'static Sql,
        args: &[Arg],
        columns: &Columns,
    ) -> anyhow::Result<Vec<Row>> {
        let client = self.client;
        self.after_begin(sql, statement::rows(client, sql, args, columns))
            .await
    }

    /// Run a statement inside the transaction. Only one that reads may travel with the BEGIN: should
    /// the server refuse that, it would run the statement outside of any transaction.
    async fn after_begin<T>(
        &mut self,
        sql: &Sql,
        run: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Some(begin) = self.begin.take() else {
            return run.await;
        };
        self.open = true;
        let opening = self.client.batch_execute(begin);
        if !sql.pg.starts_with("SELECT") {
            opening.await.map_err(explain)?;
            return run.await;
        }
        // Polled in this order, so sent in this order.
        let (opened, ran) = join(opening, run).await;
        opened.map_err(explain)?;
        ran
    }

    /// Run what was deferred and commit. The driver sends all of it without waiting for answers.
    /// Should a statement fail, the server has failed the transaction before it comes to the COMMIT,
    /// and rolls back.
    pub(in crate::db) async fn commit(
        mut self,
        deferred: &[Deferred],
        appended: &[Deferred],
    ) -> anyhow::Result<()> {
        if let Some(begin) = self.begin.take() {
            self.open = true;
            self.client.batch_execute(begin).await.map_err(explain)?;
        }
        let rows = gathered(appended);
        let all = deferred
            .iter()
            .map(|(sql, args)| (sql.pg, args))
            .chain(rows.iter().map(|(text, args)| (text.as_str(), args)));
        for (text, args) in all.clone() {
            // What this connection does not know yet would be prepared, and sent behind the COMMIT.
            statement::prepared(self.client, text, args).await?;
        }
        let client = self.client;
        let mut running = Vec::with_capacity(deferred.len() + rows.len());
        for (text, args) in all {
            let mut one = Box::pin(statement::exec_text(client, text, args));
            // The first poll sends it, or fails when its values cannot be sent: then no COMMIT.
            match poll!(one.as_mut()) {
                Poll::Ready(ran) => drop(ran?),
                Poll::Pending => running.push(one),
            }
        }
        self.open = false;
        let (ran, committed) = join(try_join_all(running), client.batch_execute("COMMIT")).await;
        ran?;
        committed.map_err(explain).context("committing")
    }
}

/// Rows of one statement in a row, as one statement each [`MOST_ROWS`].
fn gathered(appended: &[Deferred]) -> Vec<(String, Vec<Arg>)> {
    appended
        .chunk_by(|(one, _), (next, _)| std::ptr::eq(*one, *next))
        .flat_map(|rows| rows.chunks(MOST_ROWS))
        .map(|rows| {
            let args: Vec<Arg> = rows.iter().flat_map(|(_, args)| args).cloned().collect();
            (with_rows(rows[0].0.pg, rows.len(), args.len()), args)
        })
        .collect()
}

/// `.. VALUES ($1, $2)` with so many rows: `.. VALUES ($1, $2), ($3, $4)`.
fn with_rows(text: &str, rows: usize, values: usize) -> String {
    let Some((head, _)) = text.rsplit_once("VALUES").filter(|_| rows > 1) else {
        return text.to_owned();
    };
    let width = values / rows;
    let row = |row: usize| {
        let places = (1..=width).map(|place| format!("${}", row * width + place));
        format!("({})", places.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = (0..rows).map(row).collect();
    format!("{head}VALUES {}", all.join(", "))
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if self.open {
            // The first poll sends it; nobody waits for the answer.
            drop(self.client.batch_execute("ROLLBACK").now_or_never());
        }
    }
}
