//! Commits: in groups on SQLite, failing, and breaking off around them.

use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use bursar::args;
use bursar::db::{Breaks, Db, Kind, Sql, Tally};
use bursar::error::{Error, Result};
use futures_util::future::join_all;

use super::bell::has_rung;
use super::{INSERT, create, ids, insert, message, wanted_panic};
use crate::harness::databases::{each, fresh};

/// Holds SQLite's writer inside a script until the gate is opened, so that what comes meanwhile
/// is waiting when it goes on.
fn gate(db: &Db) -> (tokio::task::JoinHandle<Result<()>>, mpsc::Sender<()>) {
    let (open, opened) = mpsc::channel::<()>();
    let (db, opened) = (db.clone(), Arc::new(Mutex::new(opened)));
    let held = tokio::spawn(async move {
        db.write(move |_| Box::pin(async move { Ok(opened.lock().unwrap().recv()?) }))
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
    let waiting = std::future::poll_fn(|cx| Poll::Ready(writes.as_mut().poll(cx).is_pending()));
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
