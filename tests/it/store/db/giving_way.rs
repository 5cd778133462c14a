//! Two scripts that wait for each other. SQLite has one writer, so this is of PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bursar::args;
use bursar::db::Kind;
use tokio::sync::Barrier;

use super::{create, insert};
use crate::harness::databases::fresh;

bursar::statements! {
    GROW = "UPDATE notes SET number = number + 1 WHERE id = $1";
    NUMBER = "SELECT number FROM notes WHERE id = $1";
}

#[tokio::test]
async fn one_of_two_scripts_that_wait_for_each_other_gives_way_and_runs_again() {
    let scratch = fresh(Kind::Postgres).await;
    let db = scratch.open().await;
    create(&db).await;
    for id in ["a", "b"] {
        insert(&db, id).await.unwrap();
    }
    let (both, tries) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let grow = |first: &'static str, second: &'static str| {
        let (both, tries) = (both.clone(), tries.clone());
        db.write(move |tx| {
            Box::pin(async move {
                tx.exec(&GROW, args![first]).await?;
                if tries.fetch_add(1, Ordering::SeqCst) < 2 {
                    both.wait().await;
                }
                tx.exec(&GROW, args![second]).await
            })
        })
    };
    let (one, other) = tokio::join!(grow("a", "b"), grow("b", "a"));
    assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    let numbers = db.read(|tx| {
        Box::pin(async move {
            let mut numbers = Vec::new();
            for id in ["a", "b"] {
                let row = tx.row(&NUMBER, args![id]).await?.unwrap();
                numbers.push(row.get::<i64>("number")?);
            }
            Ok(numbers)
        })
    });
    assert_eq!(numbers.await.unwrap(), [3, 3], "each counted once");
}
