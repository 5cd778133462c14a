//! The bell between nodes: one connection that listens, and sends what this node rings. It works
//! apart from every transaction: a NOTIFY inside one makes all commits of the server queue up.
//! Workers look for work from time to time anyway, so a dead wire costs a delay and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::explain;
use crate::db::Bell;

/// Rings closer together than this travel as one.
const COALESCE: Duration = Duration::from_millis(10);

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(1);

/// The task that keeps the connection; it ends when this is dropped.
pub(super) struct Wire {
    _task: JoinSet<()>,
}

impl Wire {
    /// Connect, and come back when the first attempt has succeeded or failed.
    pub(super) async fn start(config: Config, tls: MakeRustlsConnect) -> (Bell, Self) {
        let outgoing = Arc::new(Notify::new());
        let bell = Bell::wired(Arc::clone(&outgoing));
        let (tried, first_try) = oneshot::channel();
        let line = Line {
            config,
            tls,
            bell: bell.clone(),
            outgoing,
            up: AtomicBool::new(true),
        };
        let mut task = JoinSet::new();
        task.spawn(line.keep(tried));
        // An error means that the first attempt failed: it dropped the sender.
        drop(first_try.await);
        (bell, Self { _task: task })
    }
}

struct Line {
    config: Config,
    tls: MakeRustlsConnect,
    bell: Bell,
    outgoing: Arc<Notify>,
    /// Was up since the last warning: an outage is told once, not once a second.
    up: AtomicBool,
}

impl Line {
    async fn keep(self, tried: oneshot::Sender<()>) {
        let mut tried = Some(tried);
        loop {
            if let Err(e) = self.session(tried.take()).await
                && self.up.swap(false, Ordering::Relaxed)
            {
                tracing::warn!(
                    "the bell between nodes is down, polling goes on; connecting again: {e:#}"
                );
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    async fn session(&self, tried: Option<oneshot::Sender<()>>) -> anyhow::Result<()> {
        let (client, mut connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(explain)?;
        let incoming = stream::poll_fn(move |cx| connection.poll_message(cx));
        // The connection moves only while `hear` is polled, so both run side by side.
        let own_pid = AtomicI32::new(0);
        tokio::select! {
            ended = self.hear(incoming, &own_pid) => ended,
            ended = self.speak(client, &own_pid, tried) => ended,
        }
    }

    /// Ring the local bell for what other nodes send.
    async fn hear(
        &self,
        incoming: impl Stream<Item = Result<AsyncMessage, tokio_postgres::Error>>,
        own_pid: &AtomicI32,
    ) -> anyhow::Result<()> {
        let mut incoming = std::pin::pin!(incoming);
        while let Some(message) = incoming.next().await {
            if let AsyncMessage::Notification(note) = message.map_err(explain)?
                && note.process_id() != own_pid.load(Ordering::Relaxed)
            {
                self.bell.ring_here();
            }
        }
        anyhow::bail!("the server closed the connection")
    }

    /// Subscribe, then send a note for every ring, at most one per [`COALESCE`].
    async fn speak(
        &self,
        client: Client,
        own_pid: &AtomicI32,
        tried: Option<oneshot::Sender<()>>,
    ) -> anyhow::Result<()> {
        client
            .batch_execute("LISTEN bursar_tasks")
            .await
            .map_err(explain)?;
        let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
        own_pid.store(row.map_err(explain)?.try_get(0)?, Ordering::Relaxed);
        self.up.store(true, Ordering::Relaxed);
        // Others may have rung while nobody here listened.
        self.bell.ring_here();
        drop(tried);
        loop {
            self.outgoing.notified().await;
            client
                .batch_execute("NOTIFY bursar_tasks")
                .await
                .map_err(explain)?;
            tokio::time::sleep(COALESCE).await;
        }
    }
}
