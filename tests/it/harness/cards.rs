//! A shop that sells through a fake Stripe, over real HTTP, both on one still clock. Its events come through
//! the door, signed, when a story has them come.

use std::sync::{Arc, Mutex};

use bursar::app::{App, checkout, intake};
use bursar::connectors::gateways::stripe::fake::{Delivery, FakeStripe, FakeStripeOptions};
use bursar::connectors::gateways::stripe::{NAME, teller};
use bursar::connectors::gateways::teller::Teller;
use bursar::connectors::gateways::{Message, Tellers};
use bursar::db::Kind;
use bursar::error::Result;
use bursar::fulfilment::settle::Settled;
use bursar::model::order::Order;
use bursar::model::payment::{self, Payment};

use super::databases::KINDS;
use super::obstacles::Obstacles;
use super::shop::{Setup, Shop};

/// The connection of its API, and that of its lists.
pub const LANE: &str = "gateway:stripe";
pub const LISTS: &str = "gateway:stripe/lists";

pub struct Cards {
    pub shop: Shop,
    pub fake: FakeStripe,
    pub obstacles: Arc<Obstacles>,
    /// How many of the fake's events the shop was told of.
    told: Mutex<usize>,
}

/// Tell a story on both databases; it must leave nothing behind.
pub async fn each(story: impl AsyncFn(&Cards)) {
    for kind in KINDS {
        eprintln!("on {kind:?}");
        let cards = Box::pin(Cards::open(kind)).await;
        Box::pin(story(&cards)).await;
        cards.shop.finish().await;
    }
}

/// A message of the gateway's comes through the door.
pub async fn post(app: &App, delivery: &Delivery) -> Result<Settled> {
    let message = Message {
        header: &|name| (name == "stripe-signature").then(|| delivery.signature.clone()),
        body: delivery.body.as_bytes(),
        received_at: app.clock.now(),
    };
    intake::receive(app, NAME, &message).await
}

impl Cards {
    pub async fn open(kind: Kind) -> Self {
        let setup = Setup::on(kind);
        let options = FakeStripeOptions {
            clock: setup.clock.clone(),
            ..FakeStripeOptions::default()
        };
        let fake = FakeStripe::start(options).await.unwrap();
        let settings = fake.settings();
        let obstacles = Obstacles::before(teller(&settings).unwrap().unwrap());
        let standing_in: Arc<dyn Teller> = obstacles.clone();
        let setup = Setup {
            tellers: Tellers::from([(NAME, standing_in)]),
            change: Arc::new(move |config| config.payments.stripe = settings.clone()),
            ..setup
        };
        Self {
            shop: Box::pin(Shop::set_up(setup)).await,
            fake,
            obstacles,
            told: Mutex::default(),
        }
    }

    /// The buyer wants to pay by card: where.
    pub async fn begin(&self, app: &App, order: &Order) -> Result<String> {
        checkout::begin(app, &order.id, NAME).await
    }

    /// The buyer pays the order's latest checkout; nobody is told.
    pub async fn charge(&self, order: &Order) -> String {
        let payment = self.payments(order).await.pop().unwrap();
        self.fake.pay(&payment.reference.unwrap()).unwrap()
    }

    /// Ordered, and paid by card; the order as it is then.
    pub async fn bought(&self, buyer: &str, slugs: &[&str]) -> Order {
        let order = self.shop.order_by(buyer, slugs).await.order;
        self.begin(&self.shop.app, &order).await.unwrap();
        self.charge(&order).await;
        self.deliver(&self.shop.app).await;
        self.shop.order_now(&order.id).await
    }

    /// What happened at the gateway since the last time is told, each event twice.
    pub async fn deliver(&self, app: &App) {
        let events = self.fake.objects("event");
        let told = std::mem::replace(&mut *self.told.lock().unwrap(), events.len());
        for event in &events[told..] {
            for _ in 0..2 {
                let delivery = self.fake.signed(event["id"].as_str().unwrap());
                post(app, &delivery.unwrap()).await.unwrap();
            }
        }
    }

    pub async fn payments(&self, order: &Order) -> Vec<Payment> {
        let id = order.id.clone();
        let read = self
            .shop
            .app
            .db
            .read(move |tx| Box::pin(async move { payment::of_order(tx, &id).await }));
        let mut payments = read.await.unwrap();
        payments.retain(|payment| payment.gateway == NAME);
        payments
    }
}
