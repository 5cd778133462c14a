//! Opening and closing: what starts, what is turned away, what is there afterwards.

use bursar::args;
use bursar::clock::Clock;
use bursar::db::dialect::migration;
use bursar::db::{Db, Kind, Sql};
use futures_util::future::join_all;

use super::{INSERT, STATEMENTS, create, ids, insert, message};
use crate::harness::databases::{each, each_scratch, fresh};

#[tokio::test]
async fn a_wrong_statement_does_not_start() {
    static WRONG: Sql = Sql::same("SELECT colour FROM nowhere");
    each_scratch(async |scratch| {
        let Err(e) = Db::open(&scratch.url, &[&WRONG]).await else {
            panic!("it started");
        };
        let e = format!("{e:#}");
        assert!(e.contains("SELECT colour FROM nowhere"), "{e}");
    })
    .await;
}

#[tokio::test]
async fn statements_are_prepared_at_start_where_their_tables_exist() {
    each_scratch(async |scratch| {
        create(&scratch.open().await).await;
        let db = scratch.open_with(STATEMENTS).await;
        insert(&db, "a").await.unwrap();
        assert_eq!(ids(&db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_column_of_a_type_that_only_one_database_has_does_not_start_on_postgres() {
    static SUM: Sql = Sql::same("SELECT SUM(number) AS total FROM notes");
    let scratch = fresh(Kind::Postgres).await;
    create(&scratch.open().await).await;
    let Err(e) = Db::open(&scratch.url, &[&SUM]).await else {
        panic!("it started");
    };
    let e = format!("{e:#}");
    assert!(e.contains("column total is of type numeric"), "{e}");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    each_scratch(async |scratch| {
        let db = scratch.open().await;
        assert_eq!(db.kind(), scratch.kind);
        create(&db).await;
        let names: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
        let writes = join_all(names.iter().map(|id| insert(&db, id))).await;
        assert!(writes.iter().all(Result::is_ok));
        drop(db);
        assert_eq!(ids(&scratch.open_with(STATEMENTS).await).await, names);
    })
    .await;
}

#[tokio::test]
async fn a_sqlite_file_that_was_closed_has_no_log_left_beside_it() {
    let scratch = fresh(Kind::Sqlite).await;
    let db = scratch.open().await;
    create(&db).await;
    assert_eq!(ids(&db).await, [""; 0]);
    let log = format!("{}-wal", scratch.url.strip_prefix("sqlite:").unwrap());
    assert!(std::fs::exists(&log).unwrap());
    drop(db);
    assert!(!std::fs::exists(&log).unwrap());
}

#[tokio::test]
async fn a_second_opener_of_a_sqlite_file_is_turned_away() {
    let scratch = fresh(Kind::Sqlite).await;
    let first = scratch.open().await;
    let Err(e) = Db::open(&scratch.url, &[]).await else {
        panic!("two on one file");
    };
    let e = format!("{e:#}");
    assert!(e.contains("in use by another process"), "{e}");
    drop(first);
    scratch.open().await.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_in_use_can_be_read_from_outside_and_not_written() {
    each_scratch(async |scratch| {
        let server = scratch.open().await;
        create(&server).await;
        insert(&server, "before").await.unwrap();
        let beside = Db::open_to_read(&scratch.url, STATEMENTS).await.unwrap();
        insert(&server, "after").await.unwrap();
        assert_eq!(ids(&beside).await, ["after", "before"]);
        if scratch.kind == Kind::Sqlite {
            let refused = message(insert(&beside, "from outside").await);
            assert!(refused.contains("for reading only"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made_by_reading() {
    let scratch = fresh(Kind::Sqlite).await;
    let refused = Db::open_to_read(&scratch.url, &[]).await.err().unwrap();
    assert!(refused.to_string().contains("bursar migrate"), "{refused}");
    let path = scratch.url.strip_prefix("sqlite:").unwrap();
    assert!(!std::fs::exists(path).unwrap());
}

#[tokio::test]
async fn a_script_may_own_the_last_handle_of_its_database() {
    each_scratch(async |scratch| {
        let db = scratch.open().await;
        create(&db).await;
        let last = db.clone();
        let write = tokio::spawn(async move {
            let own = db.clone();
            let write = db.write(move |tx| {
                Box::pin(async move {
                    let _own = own;
                    tx.exec(&INSERT, args!["a", 1i64]).await
                })
            });
            write.await
        });
        drop(last);
        write.await.unwrap().unwrap();
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_sqlite_file_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folders/shop.db");
    let db = Db::open(&format!("sqlite:{}", path.display()), &[])
        .await
        .unwrap();
    db.ping().await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn nodes_that_start_together_take_turns_to_migrate() {
    let scratch = fresh(Kind::Postgres).await;
    let nodes = join_all([(); 4].map(|()| Db::open(&scratch.url, &[]))).await;
    for node in nodes {
        node.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn the_clock_is_near_the_machines_clock() {
    each(async |db| {
        let (machine, database) = (Clock::system().now(), db.now().await.unwrap());
        assert!((database.0 - machine.0).abs() < 60_000);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_none_says_what_one_looks_like_and_never_quotes_it() {
    for url in [
        "mysql://root:hunter2@host/db",
        "sqlite:",
        "sqlite::memory:",
        "postgres://ada:hunter2@host:notaport/db",
        "postgres://ada:hunter2@host/db?hunter2=1",
        "postgres://ada:hunter2@host/db?sslmode=hunter2",
    ] {
        let Err(e) = Db::open(url, &[]).await else {
            panic!("{url} was opened");
        };
        assert!(!format!("{e:#}").contains("hunter2"), "{e:#}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let scratch = fresh(Kind::Postgres).await;
    let Err(e) = Db::open(&format!("{}?sslmode=verify-full", scratch.url), &[]).await else {
        panic!("it went on without TLS");
    };
    assert!(format!("{e:#}").contains("TLS"), "{e:#}");
}

#[test]
fn one_migration_text_reads_differently_on_each_database() {
    let text = "CREATE TABLE t (\n  raw {bytes}\n);\n--pg ALTER TABLE t SET (x = 0);\n  --lite PRAGMA y;\n-- kept";
    assert_eq!(
        migration(Kind::Sqlite, text),
        "CREATE TABLE t (\n  raw BLOB\n);\n\nPRAGMA y;\n-- kept\n"
    );
    assert_eq!(
        migration(Kind::Postgres, text),
        "CREATE TABLE t (\n  raw BYTEA\n);\nALTER TABLE t SET (x = 0);\n\n-- kept\n"
    );
}
