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
use crate::db::{Arg, Row, Sql};

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
        deferred: &[(&'static Sql, Vec<Arg>)],
    ) -> anyhow::Result<()> {
        if let Some(begin) = self.begin.take() {
            self.open = true;
            self.client.batch_execute(begin).await.map_err(explain)?;
        }
        for (sql, args) in deferred {
            // What this connection does not know yet would be prepared, and sent behind the COMMIT.
            statement::prepared(self.client, sql, args).await?;
        }
        let client = self.client;
        let mut running = Vec::with_capacity(deferred.len());
        for (sql, args) in deferred {
            let mut one = Box::pin(statement::exec(client, sql, args));
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

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if self.open {
            // The first poll sends it; nobody waits for the answer.
            drop(self.client.batch_execute("ROLLBACK").now_or_never());
        }
    }
}
