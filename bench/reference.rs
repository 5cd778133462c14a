//! What the database alone can do: the rows of a purchase (order, line, transfer, grant, task) in one
//! transaction, into the same tables with the same indexes. Customers and gateway events are there
//! before. Everything else that a purchase writes, and all it does between, is Bursar's own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use rusqlite::{Connection, params};

use crate::server::Shop;
use crate::store::Host;

/// How many customers and events are there before.
const STOCK: i64 = 10_000;

/// Rows of one purchase on PostgreSQL; keys grow as ours do. pgbench takes a colon before a letter
/// for a variable, also inside quotes.
const SCRIPT: &str = "\\set c random(1, 10000)
BEGIN;
INSERT INTO orders (id, code, secret, customer_id, email, name, locale, currency, list_total, total, price_rule, payment_status, order_status, remaining, received, created_at, expires_at, paid_at) VALUES ('ord_' || to_char(nextval('bench_ids'), 'FM00000000000000000000000000'), 'DH' || currval('bench_ids'), md5(currval('bench_ids')::text) || '00000000', 'cus_' || :c, 'buyer@example.com', 'Nguyễn An', 'vi', 'VND', 599000, 599000, '[]', 'paid', 'processing', 1, 599000, 1790000000000, 1790086400000, 1790000001000);
INSERT INTO lines (id, order_id, position, course, title, list_price, price, promises, open_grants, status) VALUES ('lin_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 'ord_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 0, 'bench', 'Rust cho người bán hàng', 599000, 599000, '[{\"benefit\":\"enrolment\",\"connection\":\"lms\",\"target\":\"bench\"}]', 1, 'processing');
INSERT INTO transfers (id, gateway, provider_id, natural_key, event_id, account, direction, amount, currency, reference, memo, booked_at, received_at, class, order_id, closed_at, closed_by, closed_why) VALUES ('trf_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 'sepay', currval('bench_ids')::text, '0071000888888|' || currval('bench_ids'), 'evt_' || :c, '0071000888888', 'in', 599000, 'VND', 'MBVCB.' || currval('bench_ids'), 'DH7K2M9QXA', 1790000000000, 1790000001000, 'exact', 'ord_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 1790000001000, 'gateway-sepay', 'exact');
INSERT INTO grants (id, order_id, line_id, position, kind, connection, target, learner, state, planned_at, next_at, give_up_at) VALUES ('gra_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 'ord_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 'lin_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 0, 'enrolment', 'lms', 'bench', 'buyer' || currval('bench_ids') || '@example.com', 'waiting', 1790000001000, 1790000001000, 1790259200000);
INSERT INTO tasks (id, kind, order_id, subject, connection, idem_key, state, run_at, created_at) VALUES ('tsk_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 'enrol', 'ord_' || to_char(currval('bench_ids'), 'FM00000000000000000000000000'), 'gra_' || currval('bench_ids'), 'lms', 'enrol-gra_' || currval('bench_ids'), 'ready', 1790000001000, 1790000001000);
COMMIT;
";

const STOCK_SQLITE: &str = "
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO customers (id, email, name, created_at) SELECT 'cus_' || i, i || '@example.com', 'An', 0 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO gateway_events (id, gateway, event_key, body, state, received_at) SELECT 'evt_' || i, 'sepay', 'stock' || i, x'7b7d', 'settled', 0 FROM n;";

const STOCK_POSTGRES: &str = "
CREATE SEQUENCE bench_ids CACHE 100;
INSERT INTO customers (id, email, name, created_at) SELECT 'cus_' || i, i || '@example.com', 'An', 0 FROM generate_series(1, 10000) i;
INSERT INTO gateway_events (id, gateway, event_key, body, state, received_at) SELECT 'evt_' || i, 'sepay', 'stock' || i, '\\x7b7d', 'settled', 0 FROM generate_series(1, 10000) i;
ANALYZE;";

const ORDER: &str = "INSERT INTO orders (id, code, secret, customer_id, email, name, locale, currency, list_total, total, price_rule, payment_status, order_status, remaining, received, created_at, expires_at, paid_at)
  VALUES (?1, ?2, ?3, ?4, 'buyer@example.com', 'Nguyễn An', 'vi', 'VND', 599000, 599000, '[]', 'paid', 'processing', 1, 599000, 1790000000000, 1790086400000, 1790000001000)";
const LINE: &str = "INSERT INTO lines (id, order_id, position, course, title, list_price, price, promises, open_grants, status)
  VALUES (?1, ?2, 0, 'bench', 'Rust cho người bán hàng', 599000, 599000, '[{\"benefit\":\"enrolment\",\"connection\":\"lms\",\"target\":\"bench\"}]', 1, 'processing')";
const TRANSFER: &str = "INSERT INTO transfers (id, gateway, provider_id, natural_key, event_id, account, direction, amount, currency, reference, memo, booked_at, received_at, class, order_id, closed_at, closed_by, closed_why)
  VALUES (?1, 'sepay', ?2, ?3, ?4, '0071000888888', 'in', 599000, 'VND', 'MBVCB', 'DH7K2M9QXA', 1790000000000, 1790000001000, 'exact', ?5, 1790000001000, 'gateway:sepay', 'exact')";
const GRANT: &str = "INSERT INTO grants (id, order_id, line_id, position, kind, connection, target, learner, state, planned_at, next_at, give_up_at)
  VALUES (?1, ?2, ?3, 0, 'enrolment', 'lms', 'bench', ?4, 'waiting', 1790000001000, 1790000001000, 1790259200000)";
const TASK: &str = "INSERT INTO tasks (id, kind, order_id, subject, connection, idem_key, state, run_at, created_at)
  VALUES (?1, 'enrol', ?2, ?3, 'lms', ?4, 'ready', 1790000001000, 1790000001000)";

/// The reference on the same host.
pub enum Reference<'h> {
    Postgres {
        host: &'h Host,
        script: PathBuf,
        _shop: Shop,
    },
    Sqlite {
        connection: Connection,
        made: i64,
        _shop: Shop,
    },
}

impl<'h> Reference<'h> {
    pub async fn prepare(host: &'h Host) -> anyhow::Result<Self> {
        let shop = host.shop("reference", None).await?;
        Ok(match host {
            Host::Postgres(postgres) => {
                let client = postgres.connect("reference").await?;
                client.batch_execute(STOCK_POSTGRES).await?;
                let script = shop.scratch("purchase.sql");
                std::fs::write(&script, SCRIPT)?;
                Self::Postgres {
                    host,
                    script,
                    _shop: shop,
                }
            }
            Host::Sqlite(_) => {
                let path = shop.database.strip_prefix("sqlite:").context("no path")?;
                let connection = Connection::open(path)?;
                connection.execute_batch(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                     PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000;
                     PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;",
                )?;
                connection.execute_batch(STOCK_SQLITE)?;
                Self::Sqlite {
                    connection,
                    made: 0,
                    _shop: shop,
                }
            }
        })
    }

    /// What it is called in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "pgbench",
            Self::Sqlite { .. } => "rusqlite",
        }
    }

    /// Transactions per second of this many clients; on SQLite, rows of so many in one commit.
    pub fn per_second(&mut self, clients: usize, seconds: u32) -> anyhow::Result<f64> {
        match self {
            Self::Postgres { host, script, .. } => {
                let Host::Postgres(postgres) = host else {
                    anyhow::bail!("not a PostgreSQL");
                };
                postgres.pgbench("reference", script, clients, seconds)
            }
            Self::Sqlite {
                connection, made, ..
            } => {
                let begun = Instant::now();
                let first = *made;
                while begun.elapsed() < Duration::from_secs(u64::from(seconds)) {
                    commit(connection, made, clients)?;
                }
                let rows = f64::from(u32::try_from(*made - first)?);
                Ok(rows / begun.elapsed().as_secs_f64())
            }
        }
    }
}

/// One group commit.
fn commit(connection: &Connection, made: &mut i64, size: usize) -> anyhow::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for _ in 0..size {
        *made += 1;
        purchase(connection, *made)?;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

fn purchase(connection: &Connection, n: i64) -> rusqlite::Result<()> {
    let id = |prefix: &str| format!("{prefix}_{n:026}");
    let (order, line, grant) = (id("ord"), id("lin"), id("gra"));
    let stock = n * 7919 % STOCK + 1;
    let (customer, event) = (format!("cus_{stock}"), format!("evt_{stock}"));
    let (code, secret) = (
        format!("DH{n}"),
        format!("{:040x}", n.wrapping_mul(0x9E37_79B9)),
    );
    connection
        .prepare_cached(ORDER)?
        .execute(params![order, code, secret, customer])?;
    connection
        .prepare_cached(LINE)?
        .execute(params![line, order])?;
    let natural = format!("0071000888888|{n}");
    let transfer = params![id("trf"), n.to_string(), natural, event, order];
    connection.prepare_cached(TRANSFER)?.execute(transfer)?;
    let learner = format!("buyer{n}@example.com");
    connection
        .prepare_cached(GRANT)?
        .execute(params![grant, order, line, learner])?;
    let key = format!("enrol:{grant}");
    connection
        .prepare_cached(TASK)?
        .execute(params![id("tsk"), order, grant, key])?;
    Ok(())
}
