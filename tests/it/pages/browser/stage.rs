//! A demo shop for browsers: the whole server with its queue at work, over real HTTP. Its clock stands still,
//! so that what waits stays to be looked at; or it runs, so that what a busy machine made too slow is
//! tried again. Three learning platforms, of which a test can let some misbehave; everything ends with the
//! test's runtime.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bursar::app::App;
use bursar::clock::{Clock, Timestamp};
use bursar::config::{BankAccount, Config, Mode, Secret, SourceFolder};
use bursar::connectors::Connectors;
use bursar::connectors::gateways::sepay;
use bursar::connectors::gateways::stripe::fake::{FakeStripe, FakeStripeOptions};
use bursar::connectors::lms::fake::{FakeLms, FakeLmsOptions};
use bursar::db::Kind;
use bursar::fulfilment::revoke;
use bursar::id::Mint;
use bursar::model::api_key::{self, Scope};
use bursar::model::audit::Actor;
use bursar::model::code::OrderCode;
use bursar::model::{self, alert, catalogue, grant, order};
use bursar::money::Money;
use bursar::queue::{self, Running};
use bursar::web::server;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::databases::{self, Scratch};

/// 5 January 2026, 10:00 in Vietnam.
const START: Timestamp = Timestamp(1_767_582_000_000);
const API_KEY: &str = "key-of-the-stage";
const DEMO: &str = include_str!("../../../../demo/catalogue.toml");
/// Slugs of the demo's courses; each is on a platform of its own.
pub const COURSES: [&str; 3] = [
    "rust-cho-nguoi-ban-hang",
    "nhiep-anh-bang-dien-thoai",
    "ke-toan-ho-kinh-doanh",
];
/// Beside them: courses to fill long orders with, one of them with a title that no design expects.
const MORE: usize = 9;

pub struct Stage {
    pub url: String,
    pub clock: Clock,
    /// `lms`, `second`, `third`.
    pub platforms: [FakeLms; 3],
    http: reqwest::Client,
    next_buyer: AtomicI64,
    next_transfer: AtomicI64,
    app: Arc<App>,
    _running: Running,
    _folder: TempDir,
    _scratch: Scratch,
}

/// An order, as create-order answered.
pub struct Placed {
    pub code: String,
    pub total: i64,
    pub page: String,
}

impl Stage {
    pub async fn open() -> Self {
        Self::open_with(Clock::still(START), |_| ()).await
    }

    /// The same on a clock that runs.
    pub async fn alive() -> Self {
        Self::open_with(Clock::system(), |_| ()).await
    }

    /// One on a clock that runs, which takes cards too, and the gateway for them, which tells of nothing by
    /// itself.
    pub async fn with_cards() -> (Self, FakeStripe) {
        let options = FakeStripeOptions {
            clock: Clock::system(),
            ..FakeStripeOptions::default()
        };
        let cards = FakeStripe::start(options).await.unwrap();
        let settings = cards.settings();
        let change = |config: &mut Config| config.payments.stripe = settings;
        (Self::open_with(Clock::system(), change).await, cards)
    }

    async fn open_with(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let scratch = databases::fresh(Kind::Sqlite).await;
        let db = scratch.open_with(&model::statements()).await;
        let sold = catalogue::read(&stock()).unwrap();
        db.write(move |tx| Box::pin(async move { catalogue::replace(tx, &sold).await }))
            .await
            .unwrap();
        let platforms = [platform().await, platform().await, platform().await];
        let folder = tempfile::tempdir().unwrap();
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let mut config = config(&listener, &platforms, folder.path());
        change(&mut config);
        let url = config.public_url.clone();
        let world = Connectors::from_config(&config).unwrap();
        let app = App::new(config, db, world, clock.clone(), Mint::seeded(7));
        let app = app.await.unwrap();
        tokio::spawn(server::serve(app.clone(), listener, std::future::pending()));
        Self {
            url,
            clock,
            platforms,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            next_buyer: AtomicI64::new(1),
            next_transfer: AtomicI64::new(1),
            _running: queue::start(&app),
            app,
            _folder: folder,
            _scratch: scratch,
        }
    }

    pub async fn order(&self, courses: &[&str], locale: &str) -> Placed {
        // Each by another buyer: enrolments of one learner would take turns.
        let buyer = self.next_buyer.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "email": format!("bich.tran{buyer}@gmail.com"), "name": "Trần Thị Bích",
            "courses": courses, "locale": locale,
        });
        let order = self.post("create-order", &body).await;
        Placed {
            code: order["orderCode"].as_str().unwrap().to_owned(),
            total: order["totalAmount"].as_i64().unwrap(),
            page: order["statusUrl"].as_str().unwrap().to_owned(),
        }
    }

    /// The bank tells of a transfer for this order.
    pub async fn pay(&self, code: &str, dong: i64) {
        let id = self.next_transfer.fetch_add(1, Ordering::Relaxed);
        let account = &self.app.config.payments.accounts[0].number;
        let body = sepay::sample_webhook(id, account, Money::vnd(dong), code, self.clock.now());
        self.post("webhook", &body).await;
    }

    /// A person ends the access that an order gives.
    pub async fn revoke(&self, code: &str) {
        let code = OrderCode::parse(code, &self.app.desk.policy.prefix).unwrap();
        let moment = self.app.moment(Actor::Operator("test".to_owned()));
        let revoking = self.app.db.write(move |tx| {
            Box::pin(async move {
                let order = order::by_code(tx, &code).await?.unwrap();
                for grant in grant::of_order(tx, &order.id).await? {
                    revoke::revoke(tx, &moment, &grant.id, "test").await?;
                }
                Ok(order.id)
            })
        });
        self.app.live.tell(&revoking.await.unwrap());
    }

    /// A matter that a person should know.
    pub async fn alert(&self, subject: &'static str, why: &'static str) {
        let moment = self.app.moment(Actor::Machine("test"));
        let matter = (alert::DISPUTE, subject);
        let raised = self
            .app
            .db
            .write(move |tx| Box::pin(async move { alert::raise(tx, &moment, matter, why).await }));
        raised.await.unwrap();
    }

    /// A key that opens everything of the seller's.
    pub async fn key(&self, name: &'static str) -> String {
        let moment = self.app.moment(Actor::Operator("test".to_owned()));
        let made = self.app.db.write(move |tx| {
            Box::pin(async move { api_key::create(tx, &moment, name, Scope::ALL).await })
        });
        made.await.unwrap()
    }

    /// Find what time has done.
    pub async fn sweep(&self) {
        queue::sweep(&self.app).await.unwrap();
    }

    async fn post(&self, call: &str, body: &Value) -> Value {
        let request = self
            .http
            .post(format!("{}/api/v1/payment/{call}", self.url))
            .header("Authorization", format!("Apikey {API_KEY}"));
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status();
        let told: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{call}: {told}");
        told
    }
}

/// Slugs of the courses that fill long orders.
pub fn more() -> Vec<String> {
    (1..=MORE).map(|n| format!("them-{n}")).collect()
}

/// The demo's catalogue, its courses on three platforms, and [`MORE`] courses without pictures.
fn stock() -> String {
    let on = |text: &str, course: &str, platform: &str| {
        let plain = format!("connection = \"lms\"\ncourse = \"{course}\"");
        assert!(text.contains(&plain));
        text.replace(
            &plain,
            &plain.replace("\"lms\"", &format!("\"{platform}\"")),
        )
    };
    let mut text = on(DEMO, COURSES[1], "second");
    text = on(&text, COURSES[2], "third");
    for (n, slug) in more().iter().enumerate() {
        let title = match n {
            0 => "Luyện thi chứng chỉ kế toán trưởng doanh nghiệp nhỏ và vừa: 120 bài giảng, 45 bộ đề có lời giải (bản cập nhật 2026)".to_owned(),
            1 => "Nghiênghiênghiênghiênghiênghiênghiênghiênghiêng".to_owned(),
            _ => format!("Tiếng Anh giao tiếp, phần {n}"),
        };
        let price = if n == 0 { 480_000_000 } else { 299_000 };
        let course = format!(
            "\n[[course]]\nslug = \"{slug}\"\ntitle = \"{title}\"\nsummary = \"Một khóa học thêm.\"\n\
             url = \"https://hoctot.example/khoa-hoc/{slug}\"\nprice = {price}\nrights = \"licensed\"\n\
             [[course.benefit]]\nkind = \"enrolment\"\nconnection = \"lms\"\ncourse = \"{slug}\"\n"
        );
        text += &course;
    }
    text
}

async fn platform() -> FakeLms {
    let mut courses: Vec<String> = COURSES.map(str::to_owned).to_vec();
    courses.extend(more());
    let options = FakeLmsOptions {
        courses: courses.into_iter().map(|id| (id.clone(), id)).collect(),
        ..FakeLmsOptions::default()
    };
    FakeLms::start(options).await.unwrap()
}

fn config(listener: &tokio::net::TcpListener, platforms: &[FakeLms; 3], folder: &Path) -> Config {
    let address = listener.local_addr().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let mut config = Config {
        mode: Mode::Demo,
        listen: address,
        public_url: format!("http://{address}"),
        ..Config::default()
    };
    config.shop.name = String::from("Học Tốt");
    config.shop.support_email = String::from("hotro@hoctot.example");
    config.shop.covers = Some(demo.join("covers"));
    config.payments.accounts = vec![BankAccount {
        bank: "Vietcombank".to_owned(),
        number: "0123499999".to_owned(),
        holder: "CONG TY HOC TOT (DEMO)".to_owned(),
    }];
    config.payments.sepay.api_key = Some(Secret::new(API_KEY));
    for (name, platform) in ["lms", "second", "third"].into_iter().zip(platforms) {
        config.lms.insert(name.to_owned(), platform.connection());
    }
    let files = SourceFolder {
        path: demo.join("files"),
    };
    config.sources.insert("demo".to_owned(), files);
    config.mail.folder = folder.join("outbox");
    config.limits.orders_per_minute = 1000;
    config.limits.failures_per_minute = 1000;
    config
}
