//! What the databases promise to the scripts, on both, always. What is true of one only says so.

use std::sync::mpsc;

use bursar::args;
use bursar::db::{Arg, Db, Kind, Sql};
use bursar::error::{Error, Result};

use crate::harness::databases::{each, fresh};

mod bell;
mod commits;
mod giving_way;
mod opening;

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
