//! The bell: work became ready, look now. A hint and never the carrier: whoever listens also looks
//! from time to time, so a lost ring costs a delay and nothing else.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// Rings after a commit that made work ready. Clones are the same bell.
#[derive(Debug, Clone)]
pub struct Bell {
    here: watch::Sender<()>,
    /// Asks the wire of PostgreSQL to ring the other nodes' bells.
    elsewhere: Option<Arc<Notify>>,
}

impl Bell {
    /// A bell heard in this process only.
    pub(super) fn local() -> Self {
        Self {
            here: watch::Sender::new(()),
            elsewhere: None,
        }
    }

    /// A bell that also asks `wire` to carry the ring to the other nodes.
    pub(super) fn wired(wire: Arc<Notify>) -> Self {
        Self {
            elsewhere: Some(wire),
            ..Self::local()
        }
    }

    /// Ring, here and on the other nodes.
    pub fn ring(&self) {
        self.ring_here();
        if let Some(wire) = &self.elsewhere {
            wire.notify_one();
        }
    }

    /// Ring in this process: the ring came from another node.
    pub(super) fn ring_here(&self) {
        self.here.send_replace(());
    }

    /// Start to listen. Take it before the first look for work.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.here.subscribe())
    }
}

/// One listener's place at the bell.
#[derive(Debug)]
pub struct Listener(watch::Receiver<()>);

impl Listener {
    /// Wait for a ring. A ring since the last return of this call (or since [`Bell::listen`]) ends
    /// the wait at once, so none is lost between looking for work and waiting; many count as one.
    pub async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            // The database is closed: no ring will come, and the caller's own end is another's matter.
            std::future::pending::<()>().await;
        }
    }
}
