//! A whole shop without its doors: database, still clock, seeded chance, catalogue, a fake LMS over
//! real HTTP, a folder of files and a folder of letters. Stories go through its verbs.
//! [`each`] refuses leftovers: see [`Shop::finish`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bursar::app::App;
use bursar::clock::{Clock, Timestamp};
use bursar::connectors::gateways::{Tellers, sepay};
use bursar::connectors::lms::Lms;
use bursar::connectors::lms::fake::FakeLms;
use bursar::db::{Breaks, Kind};
use bursar::error::Result;
use bursar::fulfilment::place::{self, Placed, Request};
use bursar::fulfilment::reconcile::Found;
use bursar::fulfilment::settle::{self, Settled};
use bursar::id::{GrantId, Mint, OrderId};
use bursar::model::audit::{self, Actor};
use bursar::model::coupon::CouponCode;
use bursar::model::email::{self, Email, EmailState};
use bursar::model::gateway_event::{self, Arrival};
use bursar::model::grant::{self, Grant, GrantState};
use bursar::model::line::{self, Line, LineStatus};
use bursar::model::order::{self, Order, OrderStatus};
use bursar::model::task::{self, NewTask};
use bursar::model::transfer::{self, Class, Transfer};
use bursar::model::{Moment, catalogue};
use bursar::money::Money;
use bursar::queue;
use bursar::words::Locale;
use tempfile::TempDir;

use super::books::{self, TaskRow};
use super::databases::{self, KINDS, Scratch};

mod setup;
pub mod till;

pub use setup::Setup;

/// Where buyers of these tests pay to.
pub const ACCOUNT: &str = "0011223344";
/// When every story begins.
pub const START: Timestamp = Timestamp(1_790_000_000_000);
/// The buyer, unless a test names another.
pub const BUYER: &str = "an@example.com";
/// The lease of every attempt.
pub const LEASE: Duration = Duration::from_mins(1);

pub struct Shop {
    pub app: Arc<App>,
    pub lms: FakeLms,
    pub clock: Clock,
    pub folder: TempDir,
    platforms: BTreeMap<String, Arc<dyn Lms>>,
    tellers: Tellers,
    mint: Mint,
    transfers: AtomicI64,
    leftovers: std::sync::Mutex<Vec<String>>,
    /// Last: the database goes after everything that uses it.
    scratch: Scratch,
}

/// Tell a story on both databases; it must leave nothing behind.
pub async fn each(story: impl AsyncFn(&Shop)) {
    each_set_up(Setup::on, story).await;
}

/// The same, for a story that wants its shop set up in another way.
pub async fn each_set_up(setup: impl Fn(Kind) -> Setup, story: impl AsyncFn(&Shop)) {
    for kind in KINDS {
        // Shown when the test fails: which database it was.
        eprintln!("on {kind:?}");
        let shop = Box::pin(Shop::set_up(setup(kind))).await;
        Box::pin(story(&shop)).await;
        shop.finish().await;
    }
}

impl Shop {
    pub async fn open(kind: Kind) -> Self {
        Self::set_up(Setup::on(kind)).await
    }

    pub async fn set_up(setup: Setup) -> Self {
        let scratch = match setup.kind {
            Kind::Sqlite if setup.in_memory => databases::fresh_in_memory(),
            kind => databases::fresh(kind).await,
        };
        let db = scratch.open_with(&bursar::model::statements()).await;
        let folder = databases::folder(setup.in_memory);
        setup::fill(&folder);
        let lms = setup::fake_lms().await;
        let config = setup::config(&setup, &lms, &folder);
        let clock = if setup.real_time {
            Clock::system()
        } else {
            setup.clock.clone()
        };
        let platforms = setup::platforms(&config, &setup);
        let stock = setup.catalogue.clone();
        let mint = Mint::seeded(42);
        let world = setup::world(&config, &platforms, &setup.tellers);
        let app = App::new(config, db, world, clock.clone(), mint.clone());
        let app = app.await.unwrap();
        let stock = catalogue::read(&stock).unwrap();
        app.db
            .write(move |tx| Box::pin(async move { catalogue::replace(tx, &stock).await }))
            .await
            .unwrap();
        Self {
            app,
            lms,
            clock,
            folder,
            platforms,
            tellers: setup.tellers,
            mint,
            transfers: AtomicI64::new(1000),
            leftovers: std::sync::Mutex::default(),
            scratch,
        }
    }

    /// The same server again, as after a restart; its writes ask `breaks` whether to die.
    pub async fn restarted(&self, breaks: Option<Arc<dyn Breaks>>) -> Arc<App> {
        let db = match breaks {
            Some(breaks) => self.app.db.with_breaks(breaks),
            None => self.app.db.clone(),
        };
        let config = self.app.config.clone();
        let world = setup::world(&config, &self.platforms, &self.tellers);
        let app = App::new(config, db, world, self.clock.clone(), self.mint.clone());
        Box::pin(app).await.unwrap()
    }

    /// For `--database`.
    pub fn database(&self) -> &str {
        &self.scratch.url
    }

    /// The file of a SQLite database.
    pub fn database_file(&self) -> std::path::PathBuf {
        self.scratch.url.strip_prefix("sqlite:").unwrap().into()
    }

    // Verbs.

    pub async fn order(&self, slugs: &[&str]) -> Order {
        self.order_by(BUYER, slugs).await.order
    }

    pub async fn order_by(&self, email: &str, slugs: &[&str]) -> Placed {
        self.order_with(email, slugs, None).await.unwrap()
    }

    /// The same with a coupon, which may be refused.
    pub async fn order_with(
        &self,
        email: &str,
        slugs: &[&str],
        coupon: Option<&str>,
    ) -> Result<Placed> {
        let catalogue = self.app.catalogue().await.unwrap();
        let courses: Vec<String> = slugs.iter().map(|&slug| slug.to_owned()).collect();
        let policy = self.app.desk.policy.clone();
        let basket = place::basket(&catalogue, &policy, &courses).unwrap();
        let request = Request {
            email: email.to_owned(),
            name: "Nguyễn An".to_owned(),
            phone: None,
            locale: Locale::En,
            courses,
            coupon: coupon.map(|code| CouponCode::parse(code).unwrap()),
            idempotency: None,
            kind: order::OrderKind::Sale,
        };
        let moment = self.app.moment(Actor::Buyer);
        let placed = self.app.db.write(move |tx| {
            Box::pin(async move { place::place(tx, &moment, &policy, &request, &basket).await })
        });
        Box::pin(placed).await
    }

    /// A transfer of `dong` with the order's code as its memo.
    pub async fn pay(&self, order: &Order, dong: i64) -> Settled {
        let body = self.transfer(dong, order.code.as_str());
        self.webhook(&body).await.unwrap()
    }

    /// Ordered and paid in full.
    pub async fn bought(&self, slugs: &[&str]) -> Order {
        let order = self.order(slugs).await;
        let settled = self.pay(&order, order.total.minor).await;
        assert_eq!(settled.class, Some(Class::Exact));
        self.order_now(&order.id).await
    }

    /// The body of a webhook about a new transfer.
    pub fn transfer(&self, dong: i64, memo: &str) -> Vec<u8> {
        self.transfer_with(dong, memo, &[])
    }

    /// The same with other fields.
    pub fn transfer_with(
        &self,
        dong: i64,
        memo: &str,
        fields: &[(&str, serde_json::Value)],
    ) -> Vec<u8> {
        let id = self.transfers.fetch_add(1, Ordering::Relaxed);
        let money = Money::vnd(dong);
        let mut body = sepay::sample_webhook(id, ACCOUNT, money, memo, self.clock.now());
        for (field, value) in fields {
            body[*field] = value.clone();
        }
        body.to_string().into_bytes()
    }

    pub async fn webhook(&self, body: &[u8]) -> Result<Settled> {
        arrive(&self.app, body).await
    }

    pub async fn drain(&self) -> usize {
        Box::pin(queue::drain(&self.app)).await.unwrap()
    }

    pub async fn sweep(&self) -> Found {
        Box::pin(queue::sweep(&self.app)).await.unwrap()
    }

    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// Let time pass in steps, with the queue and the sweep at work, as a server would live it.
    pub async fn live(&self, span: Duration, step: Duration) {
        let end = self.clock.now().plus(span);
        while self.clock.now() < end {
            self.drain().await;
            self.sweep().await;
            self.advance(step);
        }
        self.drain().await;
    }

    /// A step of fulfilment, by the seller's own hand.
    pub async fn step<T, F>(&self, step: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(
                &'t mut bursar::db::Tx<'_>,
                Moment,
            ) -> futures_util::future::BoxFuture<'t, Result<T>>
            + Clone
            + Send
            + 'static,
    {
        let moment = self.app.moment(Actor::Operator("test".to_owned()));
        self.app.db.write(move |tx| step(tx, moment)).await
    }

    pub async fn retry(&self, grant: &GrantId) -> Result<()> {
        let (grant, after) = (grant.clone(), self.app.desk.policy.give_up_after);
        self.step(move |tx, moment| {
            Box::pin(async move {
                bursar::fulfilment::complete::retry(tx, &moment, &grant, after, None).await
            })
        })
        .await
    }

    pub async fn revoke(&self, grant: &GrantId) -> Result<()> {
        let grant = grant.clone();
        self.step(move |tx, moment| {
            Box::pin(async move {
                bursar::fulfilment::revoke::revoke(tx, &moment, &grant, "refunded").await
            })
        })
        .await
    }

    // Readers.

    pub async fn order_now(&self, id: &OrderId) -> Order {
        let id = id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { order::get(tx, &id).await }));
        read.await.unwrap()
    }

    pub async fn lines(&self, order: &Order) -> Vec<Line> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { line::of_order(tx, &id).await }));
        read.await.unwrap()
    }

    pub async fn grants(&self, order: &Order) -> Vec<Grant> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { grant::of_order(tx, &id).await }));
        read.await.unwrap()
    }

    /// The only grant of an order.
    pub async fn grant(&self, order: &Order) -> Grant {
        let mut grants = self.grants(order).await;
        assert_eq!(grants.len(), 1);
        grants.remove(0)
    }

    pub async fn emails(&self, order: &Order) -> Vec<Email> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { email::of_order(tx, &id).await }));
        read.await.unwrap()
    }

    pub async fn transfers(&self, order: &Order) -> Vec<Transfer> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { transfer::of_order(tx, &id).await }));
        read.await.unwrap()
    }

    /// Transfers that wait for a person.
    pub async fn inbox(&self) -> Vec<Transfer> {
        let read = self.app.db.read(|tx| Box::pin(transfer::waiting(tx, 100)));
        read.await.unwrap()
    }

    pub async fn audit(&self, order: &Order) -> Vec<audit::Entry> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { audit::of_order(tx, &id).await }));
        read.await.unwrap()
    }

    pub async fn tasks(&self) -> Vec<TaskRow> {
        books::tasks(&self.app.db).await
    }

    /// Letters in the mail folder: their texts, by no particular order.
    pub fn letters(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.folder.path().join("outbox")) else {
            return Vec::new();
        };
        files
            .map(|file| {
                let raw = std::fs::read(file.unwrap().path()).unwrap();
                let letter = mail_parser::MessageParser::default().parse(&raw).unwrap();
                let subject = letter.subject().unwrap();
                format!("{subject}\n{}", letter.body_text(0).unwrap())
            })
            .collect()
    }

    /// `course@learner`, of all rows in the fake LMS.
    pub fn enrolled(&self) -> Vec<String> {
        let rows = self.lms.enrolments();
        rows.iter()
            .map(|row| format!("{}@{}", row.course, row.member))
            .collect()
    }

    // Claims about how things ended.

    /// Every line kept, every benefit active, exactly a receipt and a completion sent.
    pub async fn assert_completed(&self, order: &Order) {
        let now = self.order_now(&order.id).await;
        assert_eq!(now.order_status, OrderStatus::Completed);
        assert_eq!(now.remaining, 0);
        for line in self.lines(order).await {
            assert_eq!(line.status, LineStatus::Completed, "{}", line.course);
        }
        for grant in self.grants(order).await {
            assert_eq!(grant.state, GrantState::Active, "{}", grant.target);
        }
        assert_eq!(self.sent(order).await, ["completed", "receipt"]);
    }

    /// The kinds of an order's e-mails, all of which were sent.
    pub async fn sent(&self, order: &Order) -> Vec<String> {
        let mut kinds = Vec::new();
        for email in self.emails(order).await {
            let kind = email.letter.word();
            assert_eq!(email.state, EmailState::Sent, "{kind}");
            kinds.push(kind);
        }
        kinds.sort();
        kinds
    }

    /// This story leaves tasks that are not done, as `kind:state`; every other story leaves none.
    pub fn leaves(&self, tasks: &[&str]) {
        let tasks = tasks.iter().map(|&task| task.to_owned());
        self.leftovers.lock().unwrap().extend(tasks);
    }

    /// Nothing is left over, and the books agree with themselves.
    pub async fn finish(&self) {
        let mut left: Vec<String> = Vec::new();
        for task in self.tasks().await {
            if task.state != "done" {
                left.push(format!("{}:{}", task.kind, task.state));
            }
        }
        left.sort();
        let mut expected = self.leftovers.lock().unwrap().clone();
        expected.sort();
        assert_eq!(left, expected, "tasks left over");
        books::agree(&self.app.db).await;
    }
}

/// What the web door does with an authentic message: raw and facts in one write; kept raw for a
/// task where that cannot be understood or fails.
pub async fn arrive(app: &Arc<App>, body: &[u8]) -> Result<Settled> {
    let facts = match app.desk.gateways.get(sepay::NAME).unwrap().read(body) {
        Ok(facts) => facts,
        Err(puzzle) => return keep_for_later(app, body, &puzzle.to_string()).await,
    };
    let (policy, arrival) = (app.desk.policy.clone(), arrival(app, body));
    let moment = app.moment(Actor::Gateway(sepay::NAME.to_owned()));
    let settling = app.db.write(move |tx| {
        Box::pin(async move { settle::arrival(tx, &moment, &policy, &arrival, &facts).await })
    });
    match settling.await {
        Ok(settled) => Ok(settled),
        Err(error) => keep_for_later(app, body, &error.to_string()).await,
    }
}

/// Store a message raw, with the task that will work on it.
pub async fn keep_for_later(app: &Arc<App>, body: &[u8], problem: &str) -> Result<Settled> {
    let (arrival, problem) = (arrival(app, body), problem.to_owned());
    let moment = app.moment(Actor::Gateway(sepay::NAME.to_owned()));
    let keeping = app
        .db
        .write(move |tx| Box::pin(async move { keep_raw(tx, &moment, &arrival, &problem).await }));
    keeping.await.map(|()| Settled::default())
}

fn arrival(app: &Arc<App>, body: &[u8]) -> Arrival {
    let gateway = app.desk.gateways.get(sepay::NAME).unwrap();
    Arrival {
        gateway: sepay::NAME.to_owned(),
        key: gateway.event_key(body),
        body: body.to_vec(),
        note: None,
        road: gateway_event::Road::Message,
    }
}

async fn keep_raw(
    tx: &mut bursar::db::Tx<'_>,
    moment: &Moment,
    arrival: &Arrival,
    problem: &str,
) -> Result<()> {
    let Some(event) = gateway_event::store(tx, moment, arrival, Some(problem)).await? else {
        return Ok(());
    };
    let task = NewTask {
        kind: task::Kind::SettleEvent,
        order: None,
        subject: &event.0,
        connection: None,
    };
    task::enqueue(tx, moment, &task);
    Ok(())
}
