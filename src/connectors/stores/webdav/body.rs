//! A body on its way out: the fault of the place it comes from is kept, and one that stands still
//! is noticed. A plain time limit would cut a large file on a slow line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::super::Flow;
use crate::connectors::Fault;

/// Watches one body.
#[derive(Default)]
pub(super) struct Watch {
    pieces: AtomicU64,
    fault: Mutex<Option<Fault>>,
}

impl Watch {
    /// `flow` as a body that this watch follows.
    pub fn body(self: &Arc<Self>, flow: Flow) -> reqwest::Body {
        let watch = Arc::clone(self);
        let followed = flow.map(move |piece| {
            watch.pieces.fetch_add(1, Ordering::Relaxed);
            piece.inspect_err(|fault| watch.keep(fault.clone()))
        });
        reqwest::Body::wrap_stream(followed)
    }

    /// Why the source of the body gave no more, if it did not.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Comes back when nothing was taken for `patience`.
    pub async fn stall(&self, patience: Duration) {
        let mut seen = self.pieces.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(patience).await;
            let now = self.pieces.load(Ordering::Relaxed);
            if now == seen {
                return;
            }
            seen = now;
        }
    }

    fn keep(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}
