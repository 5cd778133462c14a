//! A transaction in progress, on whichever database.

use super::{Arg, Row, Sql};
use crate::error::Result;

/// A transaction. The caller owns it; functions take `&mut Tx`. On SQLite every call is ready at
/// once, so a script that awaits anything else inside a transaction fails loudly in its first test.
pub struct Tx<'c> {
    _being_written: &'c (),
}

impl Tx<'_> {
    /// Run a statement; the number of rows it changed.
    pub async fn exec(&mut self, _sql: &'static Sql, _args: &[Arg]) -> Result<u64> {
        unimplemented!()
    }

    /// All rows of a query.
    pub async fn rows(&mut self, _sql: &'static Sql, _args: &[Arg]) -> Result<Vec<Row>> {
        unimplemented!()
    }

    /// The first row of a query, if there is one.
    pub async fn row(&mut self, sql: &'static Sql, args: &[Arg]) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// A task was made ready: ring the bell after the commit.
    pub fn ring(&mut self) {
        unimplemented!()
    }
}
