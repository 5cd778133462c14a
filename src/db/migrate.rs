//! The schema, brought up to date at start. One text for both databases (`dialect::migration`).
//! A migration is never edited after a release: a changed one does not start.
//!
//! No `DEFERRABLE` constraints: on SQLite they are checked at the commit of a whole group, so one
//! bad write would fail its neighbours.

use anyhow::Context;
use refinery::{Migration, Runner};

use super::dialect::{self, Kind};

/// Every migration: its name and its text, oldest first.
const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__spine", include_str!("../../migrations/V1__spine.sql")),
    (
        "V2__catalogue",
        include_str!("../../migrations/V2__catalogue.sql"),
    ),
    ("V3__money", include_str!("../../migrations/V3__money.sql")),
    (
        "V4__coupons",
        include_str!("../../migrations/V4__coupons.sql"),
    ),
    (
        "V5__api_keys",
        include_str!("../../migrations/V5__api_keys.sql"),
    ),
    ("V6__doors", include_str!("../../migrations/V6__doors.sql")),
    (
        "V7__indexes",
        include_str!("../../migrations/V7__indexes.sql"),
    ),
    (
        "V8__content",
        include_str!("../../migrations/V8__content.sql"),
    ),
    ("V9__drive", include_str!("../../migrations/V9__drive.sql")),
    (
        "V10__downloads",
        include_str!("../../migrations/V10__downloads.sql"),
    ),
];

/// Any number will do, as long as every version of Bursar uses the same: "bursar" in ASCII.
const LOCK: i64 = 0x0000_6275_7273_6172;

/// Bring a SQLite file up to date. The lock on the file keeps other processes away.
pub(super) fn sqlite(connection: &mut rusqlite::Connection) -> anyhow::Result<()> {
    runner(Kind::Sqlite)?
        .run(connection)
        .context("migrating the database")?;
    Ok(())
}

/// Bring a PostgreSQL database up to date. Nodes that start together take turns; the lock ends
/// with the connection, whatever happens.
pub(super) async fn postgres(client: &mut tokio_postgres::Client) -> anyhow::Result<()> {
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .context("waiting for another node's migration")?;
    runner(Kind::Postgres)?
        .run_async(client)
        .await
        .context("migrating the database")?;
    client
        .execute("SELECT pg_advisory_unlock($1)", &[&LOCK])
        .await
        .context("ending the migration")?;
    Ok(())
}

/// Grouped: one transaction for the schema and the record of it, so that a crash leaves neither.
fn runner(kind: Kind) -> anyhow::Result<Runner> {
    let migrations = MIGRATIONS
        .iter()
        .map(|(name, text)| {
            Migration::unapplied(name, &dialect::migration(kind, text))
                .with_context(|| format!("the name of migration {name}"))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Runner::new(&migrations).set_grouped(true))
}
