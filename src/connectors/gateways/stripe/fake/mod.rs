//! A FAKE Stripe for the demo and the tests: the part of its API that a shop with Checkout uses, over
//! real HTTP on 127.0.0.1, in memory. No money moves. It refuses what Stripe documents that it
//! refuses, its own library takes it for the real one (tests/peers/), and on request it misbehaves.
//! Time is the clock that it was given; its methods are what a buyer, a bank or the seller does.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{self, Secret};

mod answers;
mod bank;
mod courier;
mod desk;
mod doors;
mod form;
mod mischief;
mod page;
mod sessions;
mod store;

pub use courier::Delivery;
pub use mischief::{Call, Mischief};
pub use store::Seen;

use mischief::Plan;
use store::Store;

/// How the fake starts.
#[derive(Debug, Clone)]
pub struct FakeStripeOptions {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The key that it accepts; one with `_live_` makes its objects live.
    pub secret_key: String,
    /// What it signs with.
    pub webhook_secret: String,
    /// Its time.
    pub clock: Clock,
    /// Where events go by themselves as they happen; without it only [`FakeStripe::deliver`] sends any.
    pub deliver_to: Option<String>,
    /// Renders charges as versions before 2022-11-15 did: with their refunds in them.
    pub embeds_refunds: bool,
}

impl Default for FakeStripeOptions {
    fn default() -> Self {
        Self {
            port: 0,
            secret_key: "sk_test_of_the_fake".to_owned(),
            webhook_secret: "whsec_of_the_fake".to_owned(),
            clock: Clock::system(),
            deliver_to: None,
            embeds_refunds: false,
        }
    }
}

/// What becomes of a refund at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refunds {
    /// The payer has it at once.
    AtOnce,
    /// It is on its way until [`FakeStripe::finish_refund`].
    Pending,
}

/// How a payer's bank comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It asks; no money moves.
    Inquiry,
    /// It takes the money.
    Chargeback,
}

/// A running fake; it ends when dropped.
pub struct FakeStripe {
    address: SocketAddr,
    site: Arc<Site>,
    server: JoinHandle<()>,
}

/// What the doors share. Both locks are held for single steps only, never across an await.
struct Site {
    options: FakeStripeOptions,
    base_url: String,
    store: Mutex<Store>,
    plan: Mutex<Plan>,
}

impl Site {
    /// A step at this moment: what was due has happened before it.
    fn with_store<T>(&self, step: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.come_to(self.options.clock.now());
        step(&mut store)
    }

    fn with_plan<T>(&self, step: impl FnOnce(&mut Plan) -> T) -> T {
        step(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FakeStripe {
    /// Listen and serve.
    pub async fn start(options: FakeStripeOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let base_url = format!("http://{address}");
        let store = Store::new(&options, &base_url);
        let site = Arc::new(Site {
            options,
            base_url,
            store: Mutex::new(store),
            plan: Mutex::new(Plan::default()),
        });
        let router = doors::router(Arc::clone(&site));
        let server = tokio::spawn(async move {
            let _ends_with_the_task = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            site,
            server,
        })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Settings of a shop that sells through it.
    #[must_use]
    pub fn settings(&self) -> config::Stripe {
        config::Stripe {
            secret_key: Some(Secret::new(&self.site.options.secret_key)),
            webhook_secret: Some(Secret::new(&self.site.options.webhook_secret)),
            previous_webhook_secret: None,
            api_url: self.base_url(),
        }
    }

    /// The buyer pays a checkout with a card that is charged at once; the payment's id.
    pub fn pay(&self, session: &str) -> anyhow::Result<String> {
        self.act(|store| store.pay(session))
    }

    /// The buyer's card is declined; the checkout stays open.
    pub fn decline(&self, session: &str) -> anyhow::Result<()> {
        self.act(|store| store.decline(session))
    }

    /// The buyer finishes with a way to pay that takes days; the payment's id.
    pub fn pay_later(&self, session: &str) -> anyhow::Result<String> {
        self.act(|store| store.pay_later(session))
    }

    /// The days are over: the money came, or it did not.
    pub fn settle_later(&self, session: &str, came: bool) -> anyhow::Result<()> {
        self.act(|store| store.settle_later(session, came))
    }

    /// Pay back in the dashboard: a refund that no shop asked for; its id.
    pub fn refund(&self, payment: &str, amount: i64) -> anyhow::Result<String> {
        self.act(|store| store.refund(payment, Some(amount), &[]))
            .map_err(|refused| anyhow::anyhow!("{}", refused.body))
    }

    /// What becomes of refunds from now on.
    pub fn refunds_are(&self, refunds: Refunds) {
        self.act(|store| store.refunds_are = refunds);
    }

    /// A refund arrives, or fails for this reason; also one that had arrived.
    pub fn finish_refund(&self, refund: &str, end: Result<(), &str>) -> anyhow::Result<()> {
        self.act(|store| store.finish_refund(refund, end))
    }

    /// The payer asks their bank for the money of a payment; the dispute's id.
    pub fn dispute(&self, payment: &str, claim: Claim) -> anyhow::Result<String> {
        self.act(|store| store.dispute(payment, claim))
    }

    /// The bank decides, for the seller or for the payer.
    pub fn close_dispute(&self, dispute: &str, won: bool) -> anyhow::Result<()> {
        self.act(|store| store.close_dispute(dispute, won))
    }

    /// A second Event object for the change that this event tells of; its id.
    pub fn twin(&self, event: &str) -> anyhow::Result<String> {
        self.act(|store| store.twin(event))
    }

    /// One webhook endpoint, as if the seller had made it in the dashboard. Nothing is sent there.
    pub fn add_endpoint(&self, url: &str, version: Option<&str>, events: &[&str], enabled: bool) {
        self.act(|store| store.add_endpoint(url, version, events, enabled));
    }

    /// Whether the account may charge; it may at first.
    pub fn set_charges_enabled(&self, enabled: bool) {
        self.act(|store| store.charges_enabled = enabled);
    }

    /// Any object by its id, as the API gives it.
    pub fn object(&self, id: &str) -> anyhow::Result<Value> {
        self.site
            .with_store(|store| store.get(id).map(|_| store.rendered(id)))
            .with_context(|| format!("the fake has no {id}"))
    }

    /// All objects of a kind (`checkout.session`, `refund`, `event`, …), oldest first.
    #[must_use]
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        self.site.with_store(|store| {
            store
                .of(kind)
                .map(|o| store.rendered(&store::id_of(o)))
                .collect()
        })
    }

    /// Ids of all events of a type, oldest first.
    #[must_use]
    pub fn events(&self, kind: &str) -> Vec<String> {
        let events = self.objects("event");
        let events = events.iter().filter(|event| event["type"] == kind);
        events
            .filter_map(|event| Some(event["id"].as_str()?.to_owned()))
            .collect()
    }

    /// An event as it would be sent now: with a fresh signature.
    pub fn signed(&self, event: &str) -> anyhow::Result<Delivery> {
        courier::signed(&self.site, event)
    }

    /// Send these events there, in this order, one after the other; an id may come twice. What was
    /// answered to each.
    pub async fn deliver(&self, to: &str, events: &[&str]) -> anyhow::Result<Vec<u16>> {
        courier::deliver(&self.site, to, events).await
    }

    /// The last 10,000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.site
            .with_store(|store| store.log.iter().cloned().collect())
    }

    /// How often this call came in, answered or not.
    #[must_use]
    pub fn calls(&self, call: Call) -> usize {
        let requests = self.requests();
        requests.iter().filter(|seen| seen.call == call).count()
    }

    /// Misbehave once in each of these ways, in this order, on the next such calls.
    pub fn misbehave(&self, call: Call, ways: impl IntoIterator<Item = Mischief>) {
        self.site.with_plan(|plan| plan.queue(call, ways));
    }

    /// Forget all mischief.
    pub fn behave(&self) {
        self.site.with_plan(|plan| *plan = Plan::default());
    }

    fn act<T>(&self, step: impl FnOnce(&mut Store) -> T) -> T {
        let done = self.site.with_store(step);
        courier::send_news(&self.site);
        done
    }
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}
