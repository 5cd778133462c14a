//! A shop whose account a fake SePay watches, over real HTTP, both on one still clock: what its webhook
//! tells comes through the door, what it lists is polled.

use std::sync::Arc;
use std::time::Duration;

use bursar::app::{App, intake, polling};
use bursar::config::{Secret, Sepay};
use bursar::connectors::gateways::{Message, sepay};
use bursar::db::Kind;
use bursar::fulfilment::settle::Settled;
use bursar::model::alert::{self, Alert};
use bursar::model::poll::{self, Poll};
use bursar::queue;

use super::sepay_api::FakeSepay;
use super::shop::{Setup, Shop};

/// The pause between two calls of SePay's lists, and a little.
pub const STEP: Duration = Duration::from_millis(401);
/// Steps that no round takes.
const ENOUGH: usize = 20_000;

pub struct Bank {
    pub shop: Shop,
    pub fake: FakeSepay,
    pub version: &'static str,
}

impl Bank {
    /// `v1` or `v2`; orders live `ttl_hours`.
    pub async fn open(kind: Kind, version: &'static str, ttl_hours: u32) -> Self {
        let setup = Setup::on(kind);
        let fake = FakeSepay::start(&setup.clock).await;
        let settings = Sepay {
            api_key: Some(Secret::new("key")),
            ..fake.settings(version)
        };
        let setup = Setup {
            change: Arc::new(move |config| {
                config.payments.sepay = settings.clone();
                config.payments.order_ttl_hours = ttl_hours;
            }),
            ..setup
        };
        let shop = Box::pin(Shop::set_up(setup)).await;
        Self {
            shop,
            fake,
            version,
        }
    }

    pub async fn poll(&self) {
        polling::start(&self.shop.app).await.unwrap();
    }

    /// The webhook about a booking, with the right key.
    pub async fn tell(&self, id: i64) -> Settled {
        tell(&self.shop.app, &self.fake.webhook(id)).await
    }

    pub async fn lists(&self) -> Vec<Poll> {
        let read = self.shop.app.db.read(|tx| Box::pin(poll::all(tx)));
        read.await.unwrap()
    }

    pub async fn list(&self, name: &str) -> Poll {
        let subject = format!("{}/{name}", sepay::NAME);
        let lists = self.lists().await;
        lists.into_iter().find(|p| p.subject == subject).unwrap()
    }

    pub async fn alerts(&self) -> Vec<Alert> {
        let read = self.shop.app.db.read(|tx| Box::pin(alert::open(tx)));
        read.await.unwrap()
    }

    /// Time passes, a call's pause at a time, until every list has been read to its end once more.
    pub async fn read_all(&self, app: &Arc<App>, meanwhile: impl AsyncFn(usize)) {
        let begin = self.shop.clock.now();
        for step in 0..ENOUGH {
            let (ran, ()) = tokio::join!(Box::pin(queue::drain(app)), meanwhile(step));
            ran.unwrap();
            let lists = self.lists().await;
            if lists.iter().all(|list| list.finished_at >= Some(begin)) {
                return;
            }
            self.shop.advance(STEP);
        }
        panic!("the lists are not read to their ends");
    }

    /// The same for one of them, whatever the others do.
    pub async fn read(&self, name: &str) {
        let begin = self.shop.clock.now();
        for _ in 0..ENOUGH {
            self.shop.drain().await;
            if self.list(name).await.finished_at >= Some(begin) {
                return;
            }
            self.shop.advance(STEP);
        }
        panic!("the list is not read to its end");
    }

    /// Let a round's rest pass, and read the list once more.
    pub async fn read_again(&self, name: &str, rest: Duration) {
        self.shop.advance(rest);
        self.read(name).await;
    }

    /// No second held more than three requests, and none was refused for it.
    pub fn assert_rate_kept(&self) {
        let asked = self.fake.asked();
        assert!(asked.iter().all(|asked| asked.status != 429));
        for four in asked.windows(4) {
            let took = four[3].at.since(four[0].at);
            assert!(took >= Duration::from_secs(1), "four requests in {took:?}");
        }
    }

    /// The end of a story: the lists go on for ever, and nothing else is left.
    pub async fn finish(&self) {
        let count = self.lists().await.len();
        self.shop.leaves(&vec!["poll:ready"; count]);
        self.shop.finish().await;
    }
}

/// A webhook through the door of this app.
pub async fn tell(app: &App, body: &serde_json::Value) -> Settled {
    let header = |name: &str| (name == "authorization").then(|| "Apikey key".to_owned());
    let body = body.to_string().into_bytes();
    let message = Message {
        header: &header,
        body: &body,
        received_at: app.clock.now(),
    };
    Box::pin(intake::receive(app, sepay::NAME, &message))
        .await
        .unwrap()
}
