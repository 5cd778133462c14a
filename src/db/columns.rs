//! The column names of the statements prepared at start, so that a row carries a pointer to them.

use std::collections::HashMap;
use std::sync::Arc;

use super::Sql;

/// By the address of the statement: each is one `static`.
#[derive(Debug, Default)]
pub(super) struct Columns(HashMap<usize, Arc<[String]>>);

impl Columns {
    pub(super) fn learn(&mut self, sql: &'static Sql, names: Arc<[String]>) {
        self.0.insert(address(sql), names);
    }

    /// The names of a statement; asked for anew where it was not prepared at start.
    pub(super) fn of(
        &self,
        sql: &'static Sql,
        ask: impl FnOnce() -> Arc<[String]>,
    ) -> Arc<[String]> {
        self.0.get(&address(sql)).cloned().unwrap_or_else(ask)
    }
}

fn address(sql: &'static Sql) -> usize {
    std::ptr::from_ref(sql).addr()
}
