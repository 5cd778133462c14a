//! A look into the database under the server, on a connection of its own: only to know when all is
//! done, and what it took.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bursar::config::LmsConnection;
use rusqlite::OpenFlags;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::server::{Kind, Shop};

const OPEN_TASKS: &str = "SELECT COUNT(*) FROM tasks WHERE state IN ('ready', 'leased')";
const COMPLETED: &str = "SELECT COUNT(*) FROM orders WHERE order_status = 'completed'";
const SENT: &str = "SELECT COUNT(*) FROM emails WHERE state = 'sent'";
const ACTIVE: &str = "SELECT COUNT(*) FROM grants WHERE order_id = $1 AND state = 'active'";

/// A place for databases: a private PostgreSQL, or a folder.
pub enum Host {
    Sqlite(TempDir),
    Postgres(Postgres),
}

/// Reads beside the server.
pub enum Watch {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client, tokio_postgres::Statement),
}

impl Host {
    pub fn start(kind: Kind) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Sqlite => {
                let folder = tempfile::Builder::new().prefix("bursar-bench-").tempdir()?;
                println!(
                    "SQLite inside the server, synchronous FULL, {}",
                    folder.path().display()
                );
                Self::Sqlite(folder)
            }
            Kind::Postgres => Self::Postgres(Postgres::start()?),
        })
    }

    /// A new shop over a new database.
    pub async fn shop(&self, name: &str, platform: Option<&LmsConnection>) -> anyhow::Result<Shop> {
        let url = match self {
            Self::Sqlite(folder) => {
                format!(
                    "sqlite:{}",
                    folder.path().join(format!("{name}.db")).display()
                )
            }
            Self::Postgres(postgres) => {
                postgres.create(name).await?;
                postgres.url(name)
            }
        };
        Shop::open(url, platform)
    }

    pub async fn watch(&self, shop: &Shop) -> anyhow::Result<Watch> {
        Ok(match self {
            Self::Sqlite(_) => {
                let path = shop.database.strip_prefix("sqlite:").context("no path")?;
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                Watch::Sqlite(rusqlite::Connection::open_with_flags(path, flags)?)
            }
            Self::Postgres(postgres) => {
                let (_, name) = shop.database.rsplit_once('/').context("no database")?;
                let client = postgres.connect(name).await?;
                let active = client.prepare(ACTIVE).await?;
                Watch::Postgres(client, active)
            }
        })
    }

    /// PostgreSQL's processes cost processor time of their own.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres) => postgres.pid().ok(),
        }
    }
}

impl Watch {
    async fn count(&self, sql: &str) -> anyhow::Result<i64> {
        Ok(match self {
            Self::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0))?,
            Self::Postgres(client, _) => client.query_one(sql, &[]).await?.try_get(0)?,
        })
    }

    /// Wait until no task is left. Nothing may be waiting that is not a task by now.
    pub async fn until_idle(&self) -> anyhow::Result<()> {
        for _ in 0..60_000 {
            if self.count(OPEN_TASKS).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("tasks are left after two minutes")
    }

    /// Every purchase completed, both letters sent: else the figure is worth nothing.
    pub async fn expect_done(&self, purchases: usize) -> anyhow::Result<()> {
        let completed = self.count(COMPLETED).await?;
        let sent = self.count(SENT).await?;
        let wanted = i64::try_from(purchases)?;
        ensure!(
            completed == wanted && sent == 2 * wanted,
            "{completed} of {wanted} orders completed, {sent} of {} letters sent",
            2 * wanted
        );
        Ok(())
    }

    pub async fn is_active(&self, order: &str) -> anyhow::Result<bool> {
        let active: i64 = match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(ACTIVE)?;
                statement.query_row([order], |row| row.get(0))?
            }
            Self::Postgres(client, active) => {
                client.query_one(active, &[&order]).await?.try_get(0)?
            }
        };
        Ok(active > 0)
    }

    /// From now on every statement counts; PostgreSQL only.
    pub async fn count_statements(&self) -> anyhow::Result<()> {
        let Self::Postgres(client, _) = self else {
            return Ok(());
        };
        client
            .batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            .await?;
        client
            .batch_execute("ALTER SYSTEM SET pg_stat_statements.track = 'top'")
            .await?;
        client
            .batch_execute("SELECT pg_reload_conf(), pg_stat_statements_reset()")
            .await?;
        Ok(())
    }

    /// Statements and commits since [`Watch::count_statements`], and the most frequent ones.
    pub async fn statements(&self) -> anyhow::Result<Vec<(String, i64, f64)>> {
        let Self::Postgres(client, _) = self else {
            return Ok(Vec::new());
        };
        let sql = "SELECT regexp_replace(left(query, 400), '\\s+', ' ', 'g'), calls, total_exec_time
                   FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
                   WHERE d.datname = current_database() AND query !~ 'COUNT\\(\\*\\) FROM tasks|pg_stat_statements'
                   ORDER BY total_exec_time DESC";
        let rows = client.query(sql, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect()
    }
}
