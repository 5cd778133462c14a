//! The two databases, and nothing of ours: open, migrate, read, write, ring the bell.
//! Transaction scripts elsewhere are written once over [`Tx`]. `Db::write` is the only way to write.

use futures_util::future::BoxFuture;

use crate::clock::Timestamp;
use crate::error::Result;

mod bell;
pub mod dialect;
mod lite;
mod migrate;
mod pg;
mod row;
mod tx;

pub use bell::Bell;
pub use dialect::{Kind, Sql};
pub use row::{Arg, FromArg, Row};
pub use tx::Tx;

/// A database.
#[derive(Clone)]
pub struct Db;

impl Db {
    /// Open `sqlite:PATH` or `postgres://…`, migrate it, prepare every statement given.
    pub async fn open(_url: &str, _statements: &[&'static Sql]) -> anyhow::Result<Self> {
        unimplemented!()
    }

    /// Run a script in one write transaction and commit it; any error rolls it back.
    /// The answer comes only after the commit is durable.
    pub async fn write<T, F>(&self, _script: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        unimplemented!()
    }

    /// Run a script that only reads, on a connection of its own.
    pub async fn read<T, F>(&self, _script: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        unimplemented!()
    }

    /// What tells workers that there is work.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        unimplemented!()
    }

    /// The database's own clock.
    pub async fn now(&self) -> Result<Timestamp> {
        unimplemented!()
    }
}
