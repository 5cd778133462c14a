//! PostgreSQL: pooled connections, prepared statements, one transaction per script. No batching of
//! ours: the server groups commits by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, anyhow};
use deadpool_postgres::{Hook, HookError, Manager, Pool, Runtime};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::breaks::BreakPoints;
use super::columns::Columns;
use super::tx::{self, Script, Tx};
use super::{Bell, Counts, Sql, migrate};
use crate::clock::Timestamp;
use crate::error::Result;

mod address;
mod refusal;
pub(super) mod session;
mod statement;
mod wire;

use refusal::explain;
use session::Session;

/// How long a caller waits for a free connection, and a connection for the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// A script is a handful of short statements. What takes longer is stuck, and while it is it keeps
/// the server from cleaning up; a node that froze must not hold its locks for ever.
const TIME_LIMITS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '30s'";

/// How often a script is run again that the server has stopped in favour of another.
const REPEATS: usize = 4;

const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// A database on a server.
pub(super) struct Pg {
    pool: Pool,
    columns: Columns,
    bell: Bell,
    counts: Arc<Counts>,
    _wire: wire::Wire,
}

impl Pg {
    pub(super) async fn open(
        url: &str,
        statements: &[&'static Sql],
        connections: usize,
        counts: Arc<Counts>,
    ) -> anyhow::Result<Self> {
        let (config, tls) = address::parse(url)?;
        migrate_apart(&config, &tls).await?;
        let pool = pool(&config, &tls, connections)?;
        let client = pool.get().await.context("connecting")?;
        let columns = statement::prepare_all(&client, statements).await?;
        warn_if_not_durable(&client).await?;
        drop(client);
        let (bell, wire) = wire::Wire::start(config, tls).await;
        Ok(Self {
            pool,
            columns,
            bell,
            counts,
            _wire: wire,
        })
    }

    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    pub(super) async fn write<T: Send>(
        &self,
        script: impl Script<T> + Clone,
        breaks: BreakPoints,
    ) -> Result<T> {
        for _ in 0..REPEATS {
            match self.write_once(script.clone(), breaks.clone()).await {
                Err(e) if refusal::gave_way(&e) => {
                    tracing::warn!("a transaction gave way to another and is run again: {e}");
                }
                done => return done,
            }
        }
        self.write_once(script, breaks).await
    }

    async fn write_once<T: Send>(&self, script: impl Script<T>, breaks: BreakPoints) -> Result<T> {
        let mut client = self.pool.get().await.map_err(no_connection)?;
        let mut tx = Tx::pg(Session::to_write(&mut client), &self.columns);
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        // Dropping the transaction on the way out rolls it back.
        let value = breaks.before_commit(tx::run(&mut tx, script).await)?;
        let rung = tx.rung();
        tx.commit().await?;
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        let value = breaks.after_commit(Ok(value))?;
        if rung {
            self.bell.ring();
        }
        Ok(value)
    }

    /// Repeatable read, so that all statements of the script see one snapshot, as on SQLite.
    pub(super) async fn read<T: Send>(&self, script: impl Script<T>) -> Result<T> {
        let mut client = self.pool.get().await.map_err(no_connection)?;
        let mut tx = Tx::pg(Session::to_read(&mut client), &self.columns);
        // No commit: the rollback at the drop ends it as well, and nobody waits for it.
        tx::run(&mut tx, script).await
    }

    pub(super) async fn now(&self) -> Result<Timestamp> {
        let client = self.pool.get().await.map_err(no_connection)?;
        let statement = client.prepare_cached(NOW).await.map_err(explain)?;
        let row = client.query_one(&statement, &[]).await.map_err(explain)?;
        Ok(Timestamp(row.try_get(0)?))
    }
}

/// On a connection of its own: a migration may take longer than a script is allowed to.
async fn migrate_apart(
    config: &tokio_postgres::Config,
    tls: &MakeRustlsConnect,
) -> anyhow::Result<()> {
    let (mut client, connection) = config.connect(tls.clone()).await.map_err(explain)?;
    let driver = tokio::spawn(connection);
    let migrated = migrate::postgres(&mut client).await;
    drop(client);
    // The driver ends with the client; its own error, if any, was the client's too.
    drop(driver.await);
    migrated
}

fn pool(
    config: &tokio_postgres::Config,
    tls: &MakeRustlsConnect,
    connections: usize,
) -> anyhow::Result<Pool> {
    let limits = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move {
            let set = client.batch_execute(TIME_LIMITS).await;
            set.map_err(HookError::Backend)
        })
    });
    Ok(Pool::builder(Manager::new(config.clone(), tls.clone()))
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .post_create(limits)
        .build()?)
}

/// The operator may accept that; they should know.
async fn warn_if_not_durable(client: &tokio_postgres::Client) -> anyhow::Result<()> {
    let asked = "SELECT current_setting('fsync'), current_setting('synchronous_commit')";
    let row = client.query_one(asked, &[]).await.map_err(explain)?;
    let (fsync, commit): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if fsync == "off" || commit == "off" {
        tracing::warn!(
            "a power cut can lose acknowledged payments: the PostgreSQL server runs with fsync = {fsync}, synchronous_commit = {commit}"
        );
    }
    Ok(())
}

fn no_connection(e: deadpool_postgres::PoolError) -> anyhow::Error {
    match e {
        deadpool_postgres::PoolError::Backend(e) => explain(e),
        other => anyhow!(other),
    }
    .context("no connection to the database")
}
