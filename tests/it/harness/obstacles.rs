//! A gateway's API with somebody in the way: who answers in its place, swallows its answer, or holds it back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bursar::connectors::Fault;
use bursar::connectors::gateways::teller::{
    Abilities, Finding, Intent, Means, Opened, Page, RefundAsk, Report, Teller, Wanted,
};
use bursar::fact::RefundFact;
use bursar::money::Money;
use tokio::sync::Notify;

/// What becomes of one call.
#[derive(Debug, Clone)]
pub enum Obstacle {
    /// It never arrives.
    Instead(Fault),
    /// It has its effect, and this is heard of it.
    Afterwards(Fault),
    /// It has its effect, and the answer waits until it is let go.
    Held,
}

/// Stands before a teller. What opens a checkout or looks at settings passes.
pub struct Obstacles {
    inside: Arc<dyn Teller>,
    planned: Mutex<VecDeque<Obstacle>>,
    pub held: Notify,
    pub release: Notify,
}

impl Obstacles {
    pub fn before(inside: Arc<dyn Teller>) -> Arc<Self> {
        Arc::new(Self {
            inside,
            planned: Mutex::default(),
            held: Notify::new(),
            release: Notify::new(),
        })
    }

    /// The next call meets this.
    pub fn plan(&self, obstacle: Obstacle) {
        self.planned.lock().unwrap().push_back(obstacle);
    }

    async fn pass<T: Send>(
        &self,
        call: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        let obstacle = self.planned.lock().unwrap().pop_front();
        match obstacle {
            None => call.await,
            Some(Obstacle::Instead(fault)) => Err(fault),
            Some(Obstacle::Afterwards(fault)) => {
                call.await
                    .unwrap_or_else(|e| panic!("nothing to swallow: {e}"));
                Err(fault)
            }
            Some(Obstacle::Held) => {
                let answer = call.await;
                self.held.notify_one();
                self.release.notified().await;
                answer
            }
        }
    }
}

#[async_trait]
impl Teller for Obstacles {
    fn abilities(&self) -> Abilities {
        self.inside.abilities()
    }

    fn means(&self) -> Means {
        self.inside.means()
    }

    fn accepts(&self, amount: Money) -> Result<(), &'static str> {
        self.inside.accepts(amount)
    }

    fn reserve(&self, chance: u64) -> Option<String> {
        self.inside.reserve(chance)
    }

    async fn inspect(&self, public_url: &str) -> Result<Vec<Finding>, Fault> {
        self.inside.inspect(public_url).await
    }

    async fn open(&self, intent: &Intent) -> Result<Opened, Fault> {
        self.inside.open(intent).await
    }

    async fn look(&self, reference: &str) -> Result<Report, Fault> {
        self.pass(self.inside.look(reference)).await
    }

    async fn close(&self, reference: &str) -> Result<Report, Fault> {
        self.pass(self.inside.close(reference)).await
    }

    async fn refund(&self, ask: &RefundAsk) -> Result<RefundFact, Fault> {
        self.pass(self.inside.refund(ask)).await
    }

    async fn page(&self, wanted: &Wanted) -> Result<Page, Fault> {
        self.pass(self.inside.page(wanted)).await
    }
}
