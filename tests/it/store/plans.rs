//! Statements that look among all rows of a table that only grows find theirs by an index, on both databases.
//! The tables are empty: a plan that reads everything is forbidden to PostgreSQL, and SQLite has no
//! figures that would speak for one.

use bursar::db::{Kind, Sql};
use rusqlite::Connection;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::harness::databases::fresh;

/// What a statement says and no other does, and the indexes that it must use.
const NEEDED: [(&str, &[&str]); 5] = [
    ("ORDER BY ABS(total - received - $3)", &["orders_awaiting"]),
    ("AS received_count", &["transfers_by_day"]),
    ("LEFT JOIN transfers t", &["refunds_by_day"]),
    (
        "COALESCE(booked_at, received_at) AS at",
        &["transfers_by_day"],
    ),
    (
        "SELECT transfer_names.transfer_id, transfer_names.gateway",
        &["transfers_by_day", "transfer_names_of"],
    ),
];

/// The one statement of the program that says this.
fn statement(says: &str) -> &'static Sql {
    let all = bursar::model::statements();
    let mut found = all.into_iter().filter(|sql| sql.lite.contains(says));
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        (None, _) => panic!("no statement says {says}"),
        _ => panic!("several statements say {says}"),
    }
}

fn assert_uses(plan: &str, indexes: &[&str]) {
    for index in indexes {
        assert!(plan.contains(index), "{index} is not used:\n{plan}");
    }
}

#[tokio::test]
async fn what_is_looked_for_among_all_rows_is_found_by_an_index_on_sqlite() {
    let scratch = fresh(Kind::Sqlite).await;
    let _migrated = scratch.open().await;
    let file = scratch.url.strip_prefix("sqlite:").unwrap();
    let connection = Connection::open(file).unwrap();
    for (says, indexes) in NEEDED {
        let text = format!("EXPLAIN QUERY PLAN {}", statement(says).lite);
        let mut explain = connection.prepare(&text).unwrap();
        // Parameters that nobody bound are NULL.
        let mut steps = explain.raw_query();
        let mut plan = String::new();
        while let Some(step) = steps.next().unwrap() {
            plan += &step.get::<_, String>("detail").unwrap();
            plan.push('\n');
        }
        assert_uses(&plan, indexes);
        let reads_all = |table: &str| plan.lines().any(|step| step.trim() == table);
        for table in ["SCAN orders", "SCAN transfers", "SCAN t", "SCAN r"] {
            assert!(!reads_all(table), "{table}:\n{plan}");
        }
    }
}

#[tokio::test]
async fn what_is_looked_for_among_all_rows_is_found_by_an_index_on_postgres() {
    let scratch = fresh(Kind::Postgres).await;
    let _migrated = scratch.open().await;
    let (client, connection) = tokio_postgres::connect(&scratch.url, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    // The plan that is kept for every value, as statements that are prepared once have it.
    let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    client.batch_execute(settings).await.unwrap();
    for (says, indexes) in NEEDED {
        let text = statement(says).pg;
        let prepare = format!("PREPARE wanted AS {text}");
        client.batch_execute(&prepare).await.unwrap();
        let values = (1..10).filter(|n| text.contains(&format!("${n}")));
        let values: Vec<&str> = values.map(|_| "NULL").collect();
        let explain = format!("EXPLAIN EXECUTE wanted({})", values.join(", "));
        let mut plan = String::new();
        for message in client.simple_query(&explain).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                plan += row.get(0).unwrap();
                plan.push('\n');
            }
        }
        assert_uses(&plan, indexes);
        client.batch_execute("DEALLOCATE wanted").await.unwrap();
    }
    drop(client);
    driver.await.unwrap().unwrap();
}
