//! A shop on a real socket whose books a test moves by hand: no queue runs, so every state stays as
//! long as it is looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bursar::app::App;
use bursar::clock::{Clock, Timestamp};
use bursar::config::{BankAccount, Config, LmsConnection, Mode, Secret};
use bursar::connectors::gateways::sepay;
use bursar::connectors::mail::Mailer;
use bursar::connectors::{Connectors, stores::folder::Folder};
use bursar::db::{Kind, Tx};
use bursar::error::Result;
use bursar::fulfilment::place::{self, Request};
use bursar::id::Mint;
use bursar::model::audit::Actor;
use bursar::model::grant::{self, Grant, GrantState, Step};
use bursar::model::order::{self, Order, PaymentStatus};
use bursar::model::{Moment, catalogue};
use bursar::money::Money;
use bursar::web::router;
use bursar::words::Locale;
use futures_util::future::BoxFuture;
use reqwest::{Client, RequestBuilder, Response};
use tempfile::TempDir;

use crate::harness::databases::{self, KINDS, Scratch};

pub const START: Timestamp = Timestamp(1_790_000_000_000);
pub const ACCOUNT: &str = "0011223344";
const API_KEY: &str = "key of the gateway";

const CATALOGUE: &str = r#"
[[course]]
slug = "learn"
title = "Học & hành <1>"
summary = "Ghi danh"
url = "https://shop.example/learn"
price = 500000
rights = "own"
cover = "pictures/bìa 1.svg"
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "khóa-1"

[[course]]
slug = "read"
title = "Tài liệu"
summary = "Tệp"
url = "https://shop.example/read"
price = 200000
rights = "licensed"
access_days = 30
cover = "https://pictures.example/read.png"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "read"

[[course]]
slug = "fetch"
title = "Qua người giao"
summary = "Tệp"
url = "https://shop.example/fetch"
price = 400000
rights = "open"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "fetch"
destination = "worker"

[[bundle]]
slug = "all-in"
title = "Trọn bộ"
price = 900000
courses = ["learn", "read", "fetch"]

[[combo]]
courses = 2
price = 550000
"#;

pub struct Stand {
    pub app: Arc<App>,
    pub clock: Clock,
    pub folder: TempDir,
    base: String,
    client: Client,
    transfers: AtomicI64,
    _scratch: Scratch,
}

/// Look at a shop on each database.
pub async fn each(look: impl AsyncFn(&Stand)) {
    for kind in KINDS {
        eprintln!("on {kind:?}");
        look(&Stand::open(kind, |_| {}).await).await;
    }
}

impl Stand {
    pub async fn sqlite() -> Self {
        Self::open(Kind::Sqlite, |_| {}).await
    }

    pub async fn open(kind: Kind, change: impl FnOnce(&mut Config)) -> Self {
        let scratch = databases::fresh(kind).await;
        let db = scratch.open_with(&bursar::model::statements()).await;
        let folder = tempfile::tempdir().unwrap();
        fill(&folder);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = config(&folder);
        config.listen = listener.local_addr().unwrap();
        change(&mut config);
        let base = format!("http://{}", config.listen);
        let clock = Clock::still(START);
        let world = world(&config, &folder);
        let app = App::new(config, db, world, clock.clone(), Mint::seeded(7));
        let app = app.await.unwrap();
        let stock = catalogue::read(CATALOGUE).unwrap();
        let importing = app
            .db
            .write(move |tx| Box::pin(async move { catalogue::replace(tx, &stock).await }));
        importing.await.unwrap();
        let service = router::router(app.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self {
            app,
            clock,
            folder,
            base,
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            transfers: AtomicI64::new(1),
            _scratch: scratch,
        }
    }

    // Over HTTP.

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub fn head(&self, path: &str) -> RequestBuilder {
        self.client.head(format!("{}{path}", self.base))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    pub fn origin(&self) -> &str {
        &self.base
    }

    /// The text of a page that must be there.
    pub async fn page(&self, path: &str) -> String {
        text(self.get(path).send().await.unwrap(), 200).await
    }

    /// The order's page in a language.
    pub async fn order_page(&self, order: &Order, locale: Locale) -> String {
        self.page(&format!("/o/{}?lang={}", order.secret, locale.tag()))
            .await
    }

    pub async fn order_form(&self, fields: &[(&str, &str)]) -> Response {
        self.post("/courses").form(fields).send().await.unwrap()
    }

    pub async fn pay(&self, order: &Order, dong: i64) {
        let id = self.transfers.fetch_add(1, Ordering::Relaxed);
        let (money, now) = (Money::vnd(dong), self.clock.now());
        let body = sepay::sample_webhook(id, ACCOUNT, money, order.code.as_str(), now);
        let request = self.post("/api/v1/payment/webhook").json(&body);
        let request = request.header("authorization", format!("Apikey {API_KEY}"));
        text(request.send().await.unwrap(), 200).await;
    }

    // By hand.

    pub async fn write<T, F>(&self, script: F) -> T
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>, Moment) -> BoxFuture<'t, Result<T>>
            + Clone
            + Send
            + 'static,
    {
        let moment = self.app.moment(Actor::Operator("test".to_owned()));
        let written = self.app.db.write(move |tx| script(tx, moment));
        written.await.unwrap()
    }

    pub async fn order(&self, slugs: &[&str]) -> Order {
        let courses: Vec<String> = slugs.iter().map(|slug| (*slug).to_owned()).collect();
        let policy = self.app.desk.policy.clone();
        let catalogue = self.app.catalogue().await.unwrap();
        let basket = place::basket(&catalogue, &policy, &courses).unwrap();
        let request = Request {
            // One enrolment of a learner in a course runs at a time.
            email: format!(
                "an.nguyen{}@example.com",
                self.app.mint.letters(4).to_lowercase()
            ),
            name: "Nguyễn An".to_owned(),
            phone: None,
            locale: Locale::Vi,
            courses,
            coupon: None,
            idempotency: None,
            kind: order::OrderKind::Sale,
        };
        self.write(move |tx, moment| {
            Box::pin(async move {
                let placed = place::place(tx, &moment, &policy, &request, &basket).await?;
                Ok(placed.order)
            })
        })
        .await
    }

    pub async fn bought(&self, slugs: &[&str]) -> Order {
        let order = self.order(slugs).await;
        self.pay(&order, order.total.minor).await;
        order
    }

    pub async fn grants(&self, order: &Order) -> Vec<Grant> {
        let id = order.id.clone();
        self.write(move |tx, _| Box::pin(async move { grant::of_order(tx, &id).await }))
            .await
    }

    /// Move the only grant of an order.
    pub async fn advance(&self, order: &Order, to: GrantState, step: Step) {
        let grant = self.grants(order).await.remove(0);
        let done = self.write(move |tx, moment| {
            Box::pin(async move {
                order::touch(tx, &grant.order);
                grant::advance(tx, &moment, &grant, to, step).await
            })
        });
        assert!(done.await);
    }

    pub async fn move_money(&self, order: &Order, moves: (PaymentStatus, PaymentStatus)) {
        let (id, until) = (order.id.clone(), order.expires_at);
        let done = self.write(move |tx, moment| {
            Box::pin(
                async move { order::close_or_reopen(tx, &moment, &id, moves, until, "test").await },
            )
        });
        assert!(done.await);
    }

    pub async fn version(&self, order: &Order) -> i64 {
        let id = order.id.clone();
        let version = self.write(move |tx, _| {
            Box::pin(async move { Ok(order::version(tx, &id).await?.unwrap()) })
        });
        version.await
    }
}

/// The body of an answer with this status.
pub async fn text(response: Response, status: u16) -> String {
    let found = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    text
}

/// A header as text, empty when it is not there.
pub fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |v| v.to_str().unwrap().to_owned())
}

/// The values of an attribute that begin so.
pub fn links(html: &str, beginning: &str) -> Vec<String> {
    let values = html.split("href=\"").skip(1);
    let values = values.filter_map(|rest| rest.split('"').next());
    let wanted = values.filter(|value| value.starts_with(beginning));
    wanted.map(str::to_owned).collect()
}

fn fill(folder: &TempDir) {
    let read = folder.path().join("source/read");
    std::fs::create_dir_all(&read).unwrap();
    std::fs::write(read.join("Bài 1.txt"), "xin chào các bạn").unwrap();
    std::fs::write(read.join("Bài 2.txt"), "hẹn gặp lại").unwrap();
    let covers = folder.path().join("covers");
    std::fs::create_dir_all(&covers).unwrap();
    std::fs::write(covers.join("bìa 1.svg"), "<svg/>").unwrap();
    std::fs::write(covers.join("notes.txt"), "private").unwrap();
    std::fs::write(folder.path().join("secret.svg"), "<svg>secret</svg>").unwrap();
}

fn config(folder: &TempDir) -> Config {
    let mut config = Config {
        mode: Mode::Development,
        public_url: "https://shop.example".to_owned(),
        ..Config::default()
    };
    config.shop.covers = Some(folder.path().join("covers"));
    config.payments.accounts = vec![BankAccount {
        bank: "970436".to_owned(),
        number: ACCOUNT.to_owned(),
        holder: "NGUYEN AN".to_owned(),
    }];
    config.payments.sepay.api_key = Some(Secret::new(API_KEY));
    let lms = LmsConnection {
        kind: "frappe".to_owned(),
        base_url: "https://hoc.example".to_owned(),
        ..LmsConnection::default()
    };
    config.lms.insert("lms".to_owned(), lms);
    config.mail.folder = folder.path().join("outbox");
    config.limits.orders_per_minute = 1000;
    config
}

fn world(config: &Config, folder: &TempDir) -> Connectors {
    let disk = Folder::open(folder.path().join("source")).unwrap();
    let kept = Folder::made_on_demand(folder.path().join("content"));
    Connectors {
        drives: std::collections::BTreeMap::new(),
        lms: std::collections::BTreeMap::new(),
        stores: [
            ("disk".to_owned(), Arc::new(disk) as _),
            ("content".to_owned(), Arc::new(kept) as _),
        ]
        .into(),
        tellers: bursar::connectors::gateways::tellers(&config.payments).unwrap(),
        mail: Mailer::from_config(&config.mail).unwrap(),
    }
}
