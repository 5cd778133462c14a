//! A look into the database under the server, on a connection of its own: only to know when all is
//! done, and what it took.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bursar::config::LmsConnection;
use rusqlite::OpenFlags;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::server::{Kind, Shop};

/// At most one row of each partial index: a look must not cost what is being measured.
const OPEN_TASKS: &str = "SELECT COUNT(*) FROM (
  SELECT * FROM (SELECT id FROM tasks WHERE state = 'ready' ORDER BY run_at, id LIMIT 1) a UNION ALL
  SELECT * FROM (SELECT id FROM tasks WHERE state = 'leased' ORDER BY id LIMIT 1) b) c";
const COMPLETED: &str = "SELECT COUNT(*) FROM orders WHERE order_status = 'completed'";
const SENT: &str = "SELECT COUNT(*) FROM emails WHERE state = 'sent'";
const EXPIRED: &str = "SELECT COUNT(*) FROM orders WHERE payment_status = 'expired'";
const CLASSES: &str = "SELECT class, COUNT(*) FROM transfers GROUP BY class";
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

    /// Let the time of these orders be over; nothing may run on the database.
    pub async fn expire(&self, shop: &Shop, codes: &[String]) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_) => {
                let path = shop.database.strip_prefix("sqlite:").context("no path")?;
                let connection = rusqlite::Connection::open(path)?;
                connection.execute_batch("BEGIN IMMEDIATE")?;
                for code in codes {
                    let sql = "UPDATE orders SET expires_at = 1 WHERE code = ?1";
                    connection.execute(sql, [code])?;
                }
                connection.execute_batch("COMMIT")?;
            }
            Self::Postgres(postgres) => {
                let (_, name) = shop.database.rsplit_once('/').context("no database")?;
                let client = postgres.connect(name).await?;
                let sql = "UPDATE orders SET expires_at = 1 WHERE code = ANY($1)";
                client.execute(sql, &[&codes]).await?;
            }
        }
        Ok(())
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
        for _ in 0..12_000 {
            if self.count(OPEN_TASKS).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("tasks are left after two minutes")
    }

    /// Wait until so many orders have expired.
    pub async fn until_expired(&self, orders: usize) -> anyhow::Result<()> {
        let wanted = i64::try_from(orders)?;
        for _ in 0..6_000 {
            if self.count(EXPIRED).await? == wanted {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the orders do not expire")
    }

    /// How many transfers there are of each class.
    pub async fn classes(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        Ok(match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(CLASSES)?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<Result<_, _>>()?
            }
            Self::Postgres(client, _) => {
                let rows = client.query(CLASSES, &[]).await?;
                rows.iter()
                    .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                    .collect::<anyhow::Result<_>>()?
            }
        })
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
                   WHERE d.datname = current_database() AND query !~ 'COUNT\\(\\*\\) FROM \\(|pg_stat_statements'
                   ORDER BY total_exec_time DESC";
        let rows = client.query(sql, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect()
    }
}
