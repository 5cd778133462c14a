//! What the databases promise to the scripts, on both, always. What is true of one only says so.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bursar::args;
use bursar::clock::{Clock, Timestamp};
use bursar::db::dialect::migration;
use bursar::db::{Arg, Breaks, Db, Kind, Sql, Tally};
use bursar::error::{Error, Result};
use futures_util::future::join_all;

use crate::harness::databases::{admin, each, each_scratch, fresh};

/// Tests make their own tables, so that the schema may change without them.
static CREATE: Sql = Sql {
    lite: "CREATE TABLE notes (id TEXT PRIMARY KEY, number BIGINT, words TEXT, raw BLOB)",
    pg: "CREATE TABLE notes (id TEXT PRIMARY KEY, number BIGINT, words TEXT, raw BYTEA)",
};

bursar::statements! {
    INSERT = "INSERT INTO notes (id, number) VALUES ($1, $2)";
    INSERT_BACKWARDS = "INSERT INTO notes (number, id) VALUES ($2, $1)";
    INSERT_ALL = "INSERT INTO notes (id, number, words, raw) VALUES ($1, $2, $3, $4)";
    INSERT_ONCE = "INSERT INTO notes (id, number) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
    INSERT_NUMBERED = "INSERT INTO notes (id, number) VALUES ($1, $2) RETURNING id, number + 1 AS next";
    BY_ID = "SELECT id, number, words, raw FROM notes WHERE id = $1";
    IDS = "SELECT id FROM notes ORDER BY id";
    COUNT = "SELECT COUNT(*) AS n FROM notes";
    IS_BIG = "SELECT number > $2 AS big FROM notes WHERE id = $1";
    CLAIM = "WITH c AS MATERIALIZED (SELECT id FROM notes WHERE number <= $1 ORDER BY number, id LIMIT $2)
             UPDATE notes SET number = $3 WHERE id IN (SELECT id FROM c) RETURNING id"
          | "WITH c AS MATERIALIZED (SELECT id FROM notes WHERE number <= $1 ORDER BY number, id LIMIT $2 FOR UPDATE SKIP LOCKED)
             UPDATE notes SET number = $3 WHERE id IN (SELECT id FROM c) RETURNING id";
}

async fn create(db: &Db) {
    db.write(|tx| Box::pin(async move { tx.exec(&CREATE, args![]).await }))
        .await
        .unwrap();
}

async fn insert(db: &Db, id: &str) -> Result<()> {
    let id = id.to_owned();
    db.write(move |tx| Box::pin(async move { tx.exec(&INSERT, args![id, 1i64]).await.map(drop) }))
        .await
}

async fn ids(db: &Db) -> Vec<String> {
    db.read(|tx| {
        Box::pin(async move {
            let rows = tx.rows(&IDS, args![]).await?;
            Ok(rows
                .iter()
                .map(|row| row.get("id"))
                .collect::<anyhow::Result<_>>()?)
        })
    })
    .await
    .unwrap()
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(e) => e.to_string(),
    }
}

fn wanted_panic() -> Error {
    panic!("a panic that this test wants")
}

/// A wait that ends the test when what it waits for never comes.
async fn soon<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("it should have come")
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went_in() {
    each(async |db| {
        create(&db).await;
        let full = (i64::MIN, "tiếng Việt".to_owned(), vec![0u8, 255, 7]);
        let (number, words, raw) = full.clone();
        let (there, nothing) = db
            .write(move |tx| {
                Box::pin(async move {
                    let values = args!["full", number, words, raw.as_slice()];
                    tx.exec(&INSERT_ALL, values).await?;
                    let nulls = args!["nulls", None::<i64>, None::<String>, Arg::Null];
                    tx.exec(&INSERT_ALL, nulls).await?;
                    let there = tx.row(&BY_ID, args!["full"]).await?.unwrap();
                    Ok((there, tx.row(&BY_ID, args!["nulls"]).await?.unwrap()))
                })
            })
            .await
            .unwrap();
        let got = (
            there.get("number").unwrap(),
            there.get("words").unwrap(),
            there.get("raw").unwrap(),
        );
        assert_eq!(got, full);
        assert_eq!(nothing.get::<Option<i64>>("number").unwrap(), None);
        assert_eq!(nothing.get::<Option<String>>("words").unwrap(), None);
        assert_eq!(nothing.get::<Option<Vec<u8>>>("raw").unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_an_error_that_does_not_show_it() {
    each(async |db| {
        create(&db).await;
        let row = db
            .write(|tx| {
                Box::pin(async move {
                    tx.exec(&INSERT, args!["secret-word", 1i64]).await?;
                    tx.row(&BY_ID, args!["secret-word"]).await
                })
            })
            .await
            .unwrap()
            .unwrap();
        let wrong = format!("{:#}", row.get::<i64>("id").unwrap_err());
        assert!(wrong.contains("expected a number, found text"), "{wrong}");
        assert!(!wrong.contains("secret-word"), "{wrong}");
        assert!(row.get::<i64>("absent").is_err());
    })
    .await;
}

#[tokio::test]
async fn parameters_go_by_their_number_and_not_by_their_place() {
    each(async |db| {
        create(&db).await;
        let number = db
            .write(|tx| {
                Box::pin(async move {
                    tx.exec(&INSERT_BACKWARDS, args!["a", 42i64]).await?;
                    let row = tx.row(&BY_ID, args!["a"]).await?.unwrap();
                    Ok(row.get::<i64>("number")?)
                })
            })
            .await
            .unwrap();
        assert_eq!(number, 42);
    })
    .await;
}

#[tokio::test]
async fn too_few_or_too_many_parameters_are_an_error() {
    each(async |db| {
        create(&db).await;
        for values in [
            vec![Arg::from("a")],
            vec![Arg::from("a"), Arg::Null, Arg::Null],
        ] {
            let given =
                db.write(move |tx| Box::pin(async move { tx.exec(&INSERT, &values).await }));
            assert!(message(given.await).contains("2 parameters in the statement"));
        }
        assert_eq!(ids(&db).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_text_with_a_zero_byte_is_refused() {
    each(async |db| {
        create(&db).await;
        let refused = message(insert(&db, "a\0b").await);
        assert!(refused.contains("zero byte"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_comparison_in_a_select_list_is_a_flag() {
    each(async |db| {
        create(&db).await;
        insert(&db, "a").await.unwrap();
        let big = db.read(|tx| {
            Box::pin(async move {
                let row = tx.row(&IS_BIG, args!["a", 0i64]).await?.unwrap();
                Ok(row.get::<bool>("big")?)
            })
        });
        assert!(big.await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_error_undoes_the_whole_script() {
    each(async |db| {
        create(&db).await;
        let refused = db
            .write(|tx| {
                Box::pin(async move {
                    tx.exec(&INSERT, args!["a", 1i64]).await?;
                    Err::<(), _>(Error::refused("changed_our_mind"))
                })
            })
            .await;
        assert!(matches!(refused, Err(Error::Refused(_))));
        assert_eq!(ids(&db).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_failed_statement_spoils_its_transaction_even_if_the_script_ignores_it() {
    each(async |db| {
        create(&db).await;
        insert(&db, "taken").await.unwrap();
        let ignored = db
            .write(|tx| {
                Box::pin(async move {
                    tx.exec(&INSERT, args!["a", 1i64]).await?;
                    drop(tx.exec(&INSERT, args!["taken", 1i64]).await);
                    Ok(())
                })
            })
            .await;
        assert!(message(ignored).contains("an earlier statement of this transaction failed"));
        assert_eq!(ids(&db).await, ["taken"]);
    })
    .await;
}

#[tokio::test]
async fn an_error_of_the_database_names_the_statement_and_no_value() {
    each(async |db| {
        create(&db).await;
        insert(&db, "ada@example.com").await.unwrap();
        let twice = message(insert(&db, "ada@example.com").await);
        assert!(twice.contains("INSERT INTO notes"), "{twice}");
        assert!(!twice.contains("ada@"), "{twice}");
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_script_undoes_it_and_harms_nobody_else() {
    each(async |db| {
        create(&db).await;
        let panicked = db
            .write(|tx| {
                Box::pin(async move {
                    tx.exec(&INSERT, args!["a", 1i64]).await?;
                    Err::<(), _>(wanted_panic())
                })
            })
            .await;
        assert!(message(panicked).contains("a panic that this test wants"));
        insert(&db, "b").await.unwrap();
        assert_eq!(ids(&db).await, ["b"]);
    })
    .await;
}

#[tokio::test]
async fn a_script_that_awaits_something_foreign_fails_on_sqlite() {
    let scratch = fresh(Kind::Sqlite).await;
    let db = scratch.open().await;
    create(&db).await;
    let foreign = db
        .write(|tx| {
            Box::pin(async move {
                tx.exec(&INSERT, args!["a", 1i64]).await?;
                std::future::pending::<()>().await;
                Ok(())
            })
        })
        .await;
    assert!(message(foreign).contains("awaited something foreign"));
    let foreign = db.read(|_| Box::pin(std::future::pending::<Result<()>>()));
    assert!(message(foreign.await).contains("awaited something foreign"));
    assert_eq!(ids(&db).await, [""; 0]);
}

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
async fn what_a_statement_returns_can_be_read() {
    each(async |db| {
        create(&db).await;
        let row = db
            .write(|tx| Box::pin(async move { tx.row(&INSERT_NUMBERED, args!["a", 6i64]).await }));
        let row = row.await.unwrap().unwrap();
        assert_eq!(row.get::<i64>("next").unwrap(), 7);
        assert_eq!(ids(&db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_conflict_that_does_nothing_counts_zero_rows() {
    each(async |db| {
        create(&db).await;
        let counts = db.write(|tx| {
            Box::pin(async move {
                let first = tx.exec(&INSERT_ONCE, args!["a", 1i64]).await?;
                Ok((first, tx.exec(&INSERT_ONCE, args!["a", 2i64]).await?))
            })
        });
        assert_eq!(counts.await.unwrap(), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_claim_takes_the_first_rows_and_no_more() {
    each(async |db| {
        create(&db).await;
        for id in ["a", "b", "c"] {
            insert(&db, id).await.unwrap();
        }
        let claimed = db
            .write(|tx| Box::pin(async move { tx.rows(&CLAIM, args![5i64, 2i64, 100i64]).await }));
        let mut claimed: Vec<String> = claimed
            .await
            .unwrap()
            .iter()
            .map(|row| row.get("id").unwrap())
            .collect();
        claimed.sort();
        assert_eq!(claimed, ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_on_postgres_passes_over_what_another_is_claiming() {
    let scratch = fresh(Kind::Postgres).await;
    let db = scratch.open().await;
    create(&db).await;
    insert(&db, "a").await.unwrap();
    insert(&db, "b").await.unwrap();
    let other = db.clone();
    let (first, second) = db
        .write(move |tx| {
            Box::pin(async move {
                let first = tx.rows(&CLAIM, args![5i64, 1i64, 100i64]).await?;
                let claim = other.write(|tx| {
                    Box::pin(async move { tx.rows(&CLAIM, args![5i64, 9i64, 100i64]).await })
                });
                Ok((first, claim.await?))
            })
        })
        .await
        .unwrap();
    let taken: Vec<String> = first
        .iter()
        .chain(&second)
        .map(|row| row.get("id").unwrap())
        .collect();
    assert_eq!(taken, ["a", "b"]);
}

#[tokio::test]
async fn a_read_sees_one_snapshot_and_cannot_write() {
    each(async |db| {
        create(&db).await;
        let writer = db.clone();
        let (go, going) = tokio::sync::oneshot::channel();
        let (written, after_write) = mpsc::channel();
        let other = tokio::spawn(async move {
            going.await.unwrap();
            insert(&writer, "a").await.unwrap();
            written.send(()).unwrap();
        });
        let count = |row: Option<bursar::db::Row>| row.unwrap().get::<i64>("n");
        let read = db.clone();
        // It blocks inside the script, on purpose: on a thread of its own, so that the others go on.
        let runtime = tokio::runtime::Handle::current();
        let counts = tokio::task::spawn_blocking(move || {
            runtime.block_on(read.read(move |tx| {
                Box::pin(async move {
                    let before = count(tx.row(&COUNT, args![]).await?)?;
                    go.send(()).unwrap();
                    after_write.recv().unwrap();
                    Ok((before, count(tx.row(&COUNT, args![]).await?)?))
                })
            }))
        });
        other.await.unwrap();
        assert_eq!(counts.await.unwrap().unwrap(), (0, 0));
        let write = db.read(|tx| Box::pin(async move { tx.exec(&INSERT, args!["b", 1i64]).await }));
        let refused = message(write.await);
        assert!(refused.contains("read"), "{refused}");
        assert_eq!(ids(&db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn the_bell_rings_after_the_commit_and_not_after_a_rollback() {
    each(async |db| {
        create(&db).await;
        let mut listener = db.bell().listen();
        let rolled_back = db.write(|tx| {
            tx.ring();
            Box::pin(async { Err::<(), _>(Error::Conflict("it did not happen")) })
        });
        rolled_back.await.unwrap_err();
        assert!(!has_rung(&mut listener).await);
        let committed = db.write(|tx| {
            tx.ring();
            Box::pin(async { Ok(()) })
        });
        committed.await.unwrap();
        soon(listener.rung()).await;
        assert!(!has_rung(&mut listener).await);
    })
    .await;
}

/// Looks once, without waiting.
async fn has_rung(listener: &mut bursar::db::Listener) -> bool {
    let mut rung = pin!(listener.rung());
    std::future::poll_fn(|cx| std::task::Poll::Ready(rung.as_mut().poll(cx).is_ready())).await
}

#[tokio::test]
async fn the_bell_of_one_node_rings_on_another() {
    let scratch = fresh(Kind::Postgres).await;
    let (here, there) = (scratch.open().await, scratch.open().await);
    let mut listener = there.bell().listen();
    for _ in 0..3 {
        here.bell().ring();
        soon(listener.rung()).await;
    }
}

#[tokio::test]
async fn the_bell_between_nodes_comes_back_after_the_server_cut_it() {
    let scratch = fresh(Kind::Postgres).await;
    let (here, there) = (scratch.open().await, scratch.open().await);
    let mut listener = there.bell().listen();
    let database = scratch.url.rsplit('/').next().unwrap();
    admin(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    ))
    .await;
    // Connected again, it rings by itself: something may have been missed.
    soon(listener.rung()).await;
    soon(async { while here.ping().await.is_err() {} }).await;
    there.ping().await.unwrap_or_default();
    here.bell().ring();
    soon(listener.rung()).await;
}

/// Holds SQLite's writer inside a script until the gate is opened, so that what comes meanwhile
/// is waiting when it goes on.
fn gate(db: &Db) -> (tokio::task::JoinHandle<Result<()>>, mpsc::Sender<()>) {
    let (open, opened) = mpsc::channel::<()>();
    let db = db.clone();
    let held = tokio::spawn(async move {
        db.write(move |_| Box::pin(async move { Ok(opened.recv()?) }))
            .await
    });
    (held, open)
}

#[tokio::test]
async fn writes_that_wait_together_are_committed_together_on_sqlite() {
    let scratch = fresh(Kind::Sqlite).await;
    let db = scratch.open().await;
    create(&db).await;
    let before = db.tally();
    let (held, open) = gate(&db);
    tokio::task::yield_now().await;
    let names: Vec<String> = (0..200).map(|n| format!("{n:03}")).collect();
    let writes = join_all(names.iter().map(|id| insert(&db, id)));
    let mut writes = pin!(tokio::task::unconstrained(writes));
    let waiting =
        std::future::poll_fn(|cx| std::task::Poll::Ready(writes.as_mut().poll(cx).is_pending()));
    assert!(waiting.await);
    open.send(()).unwrap();
    assert!(writes.await.iter().all(Result::is_ok));
    held.await.unwrap().unwrap();
    let after = db.tally();
    assert_eq!(ids(&db).await, names);
    let done = Tally {
        writes: after.writes - before.writes,
        commits: after.commits - before.commits,
    };
    // 64 at most in each: 1 + 63, 64, 64, 9.
    assert_eq!(
        done,
        Tally {
            writes: 201,
            commits: 4
        }
    );
}

#[tokio::test]
async fn a_failure_in_a_group_undoes_its_own_changes_only() {
    let scratch = fresh(Kind::Sqlite).await;
    let db = scratch.open().await;
    create(&db).await;
    insert(&db, "taken").await.unwrap();
    let before = db.tally().commits;
    let (held, open) = gate(&db);
    tokio::task::yield_now().await;
    let panics = db.write(|tx| {
        Box::pin(async move {
            tx.exec(&INSERT, args!["panicked", 1i64]).await?;
            Err::<(), _>(wanted_panic())
        })
    });
    let declines = db.write(|tx| {
        Box::pin(async move {
            tx.exec(&INSERT, args!["refused", 1i64]).await?;
            Err::<(), _>(Error::Conflict("not wanted"))
        })
    });
    let release = async { open.send(()).unwrap() };
    let (first, panicked, refused, clashed, last, ()) = tokio::join!(
        biased;
        insert(&db, "first"), panics, declines, insert(&db, "taken"), insert(&db, "last"), release
    );
    held.await.unwrap().unwrap();
    assert!(first.is_ok() && last.is_ok());
    assert!(message(panicked).contains("panicked"));
    assert!(matches!(refused, Err(Error::Conflict("not wanted"))));
    assert!(message(clashed).contains("UNIQUE"));
    assert_eq!(db.tally().commits - before, 1);
    assert_eq!(ids(&db).await, ["first", "last", "taken"]);
}

#[tokio::test]
async fn a_failing_commit_is_an_error_to_everyone_in_it() {
    static OWNERS: Sql = Sql::same("CREATE TABLE owners (id TEXT PRIMARY KEY)");
    static OWNED: Sql = Sql::same(
        "CREATE TABLE owned (owner TEXT REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    static ORPHAN: Sql = Sql::same("INSERT INTO owned (owner) VALUES ('nobody')");
    each(async |db| {
        create(&db).await;
        let tables = db.write(|tx| {
            Box::pin(async move {
                tx.exec(&OWNERS, args![]).await?;
                tx.exec(&OWNED, args![]).await
            })
        });
        tables.await.unwrap();
        let orphan = || db.write(|tx| Box::pin(async move { tx.exec(&ORPHAN, args![]).await }));
        message(orphan().await);
        if db.kind() == Kind::Sqlite {
            let (held, open) = gate(&db);
            tokio::task::yield_now().await;
            let release = async { open.send(()).unwrap() };
            let (neighbour, orphan, ()) =
                tokio::join!(biased; insert(&db, "neighbour"), orphan(), release);
            assert!(message(neighbour).contains("FOREIGN KEY"));
            message(orphan);
            message(held.await.unwrap());
        }
        assert_eq!(ids(&db).await, [""; 0]);
        insert(&db, "later").await.unwrap();
    })
    .await;
}

#[derive(Default)]
struct Dies {
    before: AtomicBool,
    after: AtomicBool,
}

impl Breaks for Dies {
    fn before_commit(&self) -> bool {
        self.before.load(Ordering::Relaxed)
    }

    fn after_commit(&self) -> bool {
        self.after.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_break_before_the_commit_loses_the_write_and_one_after_it_only_the_answer() {
    each(async |db| {
        create(&db).await;
        let dies = Arc::new(Dies::default());
        let breaking = db.with_breaks(Arc::clone(&dies) as Arc<dyn Breaks>);
        let mut listener = db.bell().listen();
        let write = async |id: &'static str| {
            breaking
                .write(move |tx| {
                    tx.ring();
                    Box::pin(async move { tx.exec(&INSERT, args![id, 1i64]).await })
                })
                .await
        };
        dies.before.store(true, Ordering::Relaxed);
        assert!(message(write("a").await).contains("died before the commit"));
        breaking.ping().await.unwrap();
        dies.before.store(false, Ordering::Relaxed);
        dies.after.store(true, Ordering::Relaxed);
        assert!(message(write("b").await).contains("died after the commit"));
        assert_eq!(ids(&db).await, ["b"]);
        assert!(!has_rung(&mut listener).await);
        insert(&db, "c").await.unwrap();
    })
    .await;
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
async fn the_clock_is_near_the_machine_s() {
    each(async |db| {
        let (machine, database): (Timestamp, Timestamp) =
            (Clock::system().now(), db.now().await.unwrap());
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
