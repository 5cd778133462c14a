//! A transaction in progress, on whichever database.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use anyhow::anyhow;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::columns::Columns;
use super::{Arg, Row, Sql, lite, pg};
use crate::error::{Error, Result};

/// What `Db::write` and `Db::read` are given.
pub(super) trait Script<T>:
    for<'t, 'c> FnOnce(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static
{
}

impl<T, F> Script<T> for F where
    F: for<'t, 'c> FnOnce(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static
{
}

/// A transaction. The caller owns it; functions take `&mut Tx`. On SQLite every call is ready at
/// once, so a script that awaits anything else inside a transaction fails loudly in its first test.
/// After a statement failed, nothing more runs and nothing is committed, on both databases.
pub struct Tx<'c> {
    driver: Driver<'c>,
    columns: &'c Columns,
    later: Vec<Deferred>,
    appended: Vec<Deferred>,
    rung: bool,
    failed: bool,
}

/// A statement that runs with the commit, and its values.
pub(super) type Deferred = (&'static Sql, Vec<Arg>);

enum Driver<'c> {
    Lite(&'c mut rusqlite::Connection),
    Pg(pg::session::Session<'c>),
}

impl<'c> Tx<'c> {
    pub(super) fn lite(connection: &'c mut rusqlite::Connection, columns: &'c Columns) -> Self {
        Self::over(Driver::Lite(connection), columns)
    }

    pub(super) fn pg(session: pg::session::Session<'c>, columns: &'c Columns) -> Self {
        Self::over(Driver::Pg(session), columns)
    }

    fn over(driver: Driver<'c>, columns: &'c Columns) -> Self {
        Self {
            driver,
            columns,
            later: Vec::new(),
            appended: Vec::new(),
            rung: false,
            failed: false,
        }
    }

    /// Run a statement; the number of rows it changed.
    pub async fn exec(&mut self, sql: &'static Sql, args: &[Arg]) -> Result<u64> {
        self.begin_statement()?;
        let changed = match &mut self.driver {
            Driver::Lite(connection) => lite::statement::exec(connection, sql, args),
            Driver::Pg(session) => session.exec(sql, args).await,
        };
        self.end_statement(changed)
    }

    /// All rows of a query.
    pub async fn rows(&mut self, sql: &'static Sql, args: &[Arg]) -> Result<Vec<Row>> {
        self.begin_statement()?;
        let names = self.columns;
        let rows = match &mut self.driver {
            Driver::Lite(connection) => lite::statement::rows(connection, sql, args, names),
            Driver::Pg(session) => session.rows(sql, args, names).await,
        };
        self.end_statement(rows)
    }

    /// The first row of a query, if there is one.
    pub async fn row(&mut self, sql: &'static Sql, args: &[Arg]) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Run a statement with the commit, when nothing in this script reads what it changes and nobody
    /// asks how many rows that were. What is deferred goes to the server in order, with the COMMIT
    /// behind it, in one round trip.
    pub fn later(&mut self, sql: &'static Sql, args: &[Arg]) {
        let again =
            |(held, values): &Deferred| std::ptr::eq(*held, sql) && values.as_slice() == args;
        if !self.later.last().is_some_and(again) {
            self.later.push((sql, args.to_vec()));
        }
    }

    /// Insert a row with the commit, behind what [`Tx::later`] holds, into a table that nothing refers
    /// to. The statement ends in `VALUES ($1, …)`, and PostgreSQL gets all its rows in one.
    pub fn append(&mut self, sql: &'static Sql, args: &[Arg]) {
        self.appended.push((sql, args.to_vec()));
    }

    /// A task was made ready: ring the bell after the commit.
    pub fn ring(&mut self) {
        self.rung = true;
    }

    pub(super) fn rung(&self) -> bool {
        self.rung
    }

    /// A statement counts as failed until it has succeeded: so does one whose caller gave up on it.
    fn begin_statement(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(spoilt());
        }
        Ok(())
    }

    fn end_statement<T>(&mut self, result: anyhow::Result<T>) -> Result<T> {
        self.failed = result.is_err();
        result.map_err(Error::Internal)
    }

    /// PostgreSQL answers the COMMIT of a failed transaction with success and rolls back; so a
    /// script that swallowed the error must not get that far.
    fn refuse_if_spoilt<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Ok(_) if self.failed => Err(spoilt()),
            other => other,
        }
    }

    /// On SQLite: run what was deferred. On PostgreSQL it travels with the commit.
    fn run_deferred(&mut self) -> Result<()> {
        if self.later.is_empty() && self.appended.is_empty() {
            return Ok(());
        }
        self.begin_statement()?;
        let ran = match &mut self.driver {
            Driver::Lite(connection) => std::mem::take(&mut self.later)
                .iter()
                .chain(&std::mem::take(&mut self.appended))
                .try_for_each(|(sql, args)| lite::statement::exec(connection, sql, args).map(drop)),
            Driver::Pg(_) => Ok(()),
        };
        self.end_statement(ran)
    }

    /// On PostgreSQL: run what was deferred and make it durable, in one round trip. SQLite's writer
    /// commits a whole group instead.
    pub(super) async fn commit(self) -> Result<()> {
        if let Driver::Pg(session) = self.driver {
            session.commit(&self.later, &self.appended).await?;
        }
        Ok(())
    }
}

fn spoilt() -> Error {
    Error::Internal(anyhow!(
        "an earlier statement of this transaction failed: nothing more can run or be committed"
    ))
}

/// Run a script to its end; a panic becomes an error, so that it spoils only its own transaction.
pub(super) async fn run<T>(tx: &mut Tx<'_>, script: impl Script<T>) -> Result<T> {
    let body = async {
        let value = script(&mut *tx).await?;
        tx.run_deferred()?;
        Ok(value)
    };
    let result = match AssertUnwindSafe(body).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(Error::Internal(anyhow!(
            "a transaction script panicked: {}",
            words(&*panic)
        ))),
    };
    tx.refuse_if_spoilt(result)
}

/// Run a script with a single poll: on SQLite every statement is ready at once, so one that is not
/// done then waits for something that has no place in a transaction.
pub(super) fn run_at_once<T>(tx: &mut Tx<'_>, script: impl Script<T>) -> Result<T> {
    run(tx, script).now_or_never().unwrap_or_else(|| {
        Err(Error::Internal(anyhow!(
            "a script awaited something foreign inside a transaction: decide in the transaction, act outside it"
        )))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}
