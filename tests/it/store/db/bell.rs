//! The bell: after commits only, and across nodes.

use std::pin::pin;
use std::time::Duration;

use bursar::db::{Kind, Listener};
use bursar::error::Error;

use super::create;
use crate::harness::databases::{admin, each, fresh};

/// A wait that ends the test when what it waits for never comes.
async fn soon<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("it should have come")
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
pub async fn has_rung(listener: &mut Listener) -> bool {
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
    here.bell().ring();
    soon(listener.rung()).await;
}
