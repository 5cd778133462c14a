//! Watching an order: what live pages and status streams stand on. This process hears of changes at
//! once; what another node did shows within [`LOOK_EVERY`], because versions are compared.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::app::App;
use crate::error::Result;
use crate::id::OrderId;
use crate::model::order;

/// How long a change made by another node may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The version of an order: as it is now, then after each visible change; several changes at once
/// may be one item. Ends only when there is no such order; the caller ends it at a final state.
pub fn changes(app: Arc<App>, order: OrderId) -> impl Stream<Item = i64> + Send + 'static {
    let watch = Watch {
        // Before the first look, so that nothing between the two is missed.
        heard: app.live.watch(),
        app,
        order,
        seen: None,
    };
    stream::unfold(watch, |mut watch| async move {
        let version = watch.next().await?;
        Some((version, watch))
    })
}

struct Watch {
    app: Arc<App>,
    order: OrderId,
    heard: Receiver<OrderId>,
    seen: Option<i64>,
}

impl Watch {
    async fn next(&mut self) -> Option<i64> {
        loop {
            match self.look().await {
                Ok(None) => return None,
                Ok(now) if now != self.seen => {
                    self.seen = now;
                    return now;
                }
                Ok(_) => {}
                // The reader waits; the next look may work.
                Err(e) => {
                    tracing::warn!(order = %self.order, "a watched order cannot be read: {e}")
                }
            }
            // Elapsed: time to look whether another node changed it.
            drop(tokio::time::timeout(LOOK_EVERY, told(&mut self.heard, &self.order)).await);
        }
    }

    async fn look(&self) -> Result<Option<i64>> {
        let id = self.order.clone();
        let look = self
            .app
            .db
            .read(move |tx| Box::pin(async move { order::version(tx, &id).await }));
        look.await
    }
}

/// Wait until this process changed the order, or so much else that it may have been missed.
async fn told(heard: &mut Receiver<OrderId>, order: &OrderId) {
    loop {
        match heard.recv().await {
            Ok(changed) if changed == *order => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
