//! A FAKE Frappe LMS for the demo, the benchmark and the tests: Frappe's wire format over real HTTP
//! on 127.0.0.1, in memory, and misbehaving on request as real sites were seen to. Each of its
//! answers says so in the `Server` header. Also [`Instant`], a connector that reaches nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{LmsConnection, Secret};

mod doors;
mod instant;
mod mischief;
mod page;
mod store;

pub use instant::Instant;
pub use mischief::{Call, Canned, Mischief};
pub use store::{FakeBatch, FakeEnrolment, FakeUser, Seen};

use mischief::Plan;
use store::Store;

/// Which framework the fake takes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framework {
    /// 15.55 with LMS 2.61, as recorded: a learner that does not exist is enrolled with 200, and a
    /// second enrolment is refused only when the body carries a `name`.
    #[default]
    V15,
    /// As its newer sources read: both are refused with 417.
    Current,
}

/// How the fake starts.
#[derive(Debug, Clone)]
pub struct FakeLmsOptions {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// API key of the service user.
    pub api_key: String,
    /// API secret of the service user.
    pub api_secret: String,
    /// Course ids with their titles.
    pub courses: Vec<(String, String)>,
    /// Time every answer takes.
    pub latency: Duration,
    /// Whose habits it has.
    pub framework: Framework,
    /// Has the shop-made method `lms.lms.payment_confirmation.confirm_payment`, which the stock LMS has not.
    pub shop_method: bool,
}

impl Default for FakeLmsOptions {
    fn default() -> Self {
        Self {
            port: 0,
            api_key: "fake-key".to_owned(),
            api_secret: "fake-secret".to_owned(),
            courses: vec![("rust-for-shops".to_owned(), "Rust for shops".to_owned())],
            latency: Duration::ZERO,
            framework: Framework::default(),
            shop_method: false,
        }
    }
}

/// A running fake; it ends when dropped.
pub struct FakeLms {
    address: SocketAddr,
    site: Arc<Site>,
    server: JoinHandle<()>,
}

/// What the doors share. Both locks are held for single steps only, never across an await.
struct Site {
    options: FakeLmsOptions,
    store: Mutex<Store>,
    plan: Mutex<Plan>,
    spent_micros: AtomicU64,
}

impl Site {
    fn with_store<T>(&self, step: impl FnOnce(&mut Store) -> T) -> T {
        step(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_plan<T>(&self, step: impl FnOnce(&mut Plan) -> T) -> T {
        step(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FakeLms {
    /// Listen and serve.
    pub async fn start(options: FakeLmsOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let site = Arc::new(Site {
            store: Mutex::new(Store::new(&options.courses)),
            plan: Mutex::new(Plan::default()),
            spent_micros: AtomicU64::new(0),
            options,
        });
        let router = doors::router(Arc::clone(&site));
        let listener = listener.tap_io(|connection| {
            // Without it small answers may wait for an acknowledgement, which a benchmark would measure.
            let _best_effort = connection.set_nodelay(true);
        });
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

    /// Settings of a `frappe` connection to it.
    #[must_use]
    pub fn connection(&self) -> LmsConnection {
        LmsConnection {
            kind: "frappe".to_owned(),
            base_url: self.base_url(),
            api_key: Some(Secret::new(&self.site.options.api_key)),
            api_secret: Some(Secret::new(&self.site.options.api_secret)),
            ..LmsConnection::default()
        }
    }

    /// All enrolments, oldest first.
    #[must_use]
    pub fn enrolments(&self) -> Vec<FakeEnrolment> {
        self.site.with_store(|store| store.all_enrolments())
    }

    /// All learners, by address.
    #[must_use]
    pub fn users(&self) -> Vec<FakeUser> {
        self.site.with_store(|store| store.all_users())
    }

    /// The last 10,000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.site
            .with_store(|store| store.log.iter().cloned().collect())
    }

    /// How often this call came in, answered or not.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.site.with_store(|store| store.calls(call))
    }

    /// Time it took for all answers so far, each from its request to its end: what a benchmark must
    /// not count against us. Timers are late, so it is more than calls times latency.
    #[must_use]
    pub fn spent(&self) -> Duration {
        Duration::from_micros(self.site.spent_micros.load(Ordering::Relaxed))
    }

    /// How many POST requests for this `DocType` came in, answered or not.
    #[must_use]
    pub fn writes_of(&self, doctype: &str) -> u64 {
        match doctype {
            "User" => self.calls(Call::UserCreate),
            "LMS Enrollment" => self.calls(Call::EnrolmentCreate),
            _ => 0,
        }
    }

    /// Put a learner there, as if somebody else had.
    pub fn add_user(&self, email: &str, enabled: bool) {
        let mut user = FakeUser::new(email, "Seeded", "");
        user.enabled = enabled;
        self.site.with_store(|store| store.put_user(user));
    }

    /// Take a learner away, rows left behind.
    pub fn remove_user(&self, email: &str) {
        self.site.with_store(|store| store.remove_user(email));
    }

    /// Give a learner another address: the account and its rows follow.
    pub fn rename_user(&self, from: &str, to: &str) {
        self.site.with_store(|store| store.rename_user(from, to));
    }

    /// Put an enrolment there without any check; twice makes two rows.
    pub fn add_enrolment(&self, email: &str, course: &str) {
        self.site
            .with_store(|store| store.put_enrolment(email, course));
    }

    /// Put a batch there.
    pub fn add_batch(&self, batch: FakeBatch) {
        self.site.with_store(|store| store.put_batch(batch));
    }

    /// Put a learner into a batch without any check.
    pub fn join_batch(&self, email: &str, batch: &str) {
        self.site.with_store(|store| {
            if let Some(batch) = store.batch(batch).cloned() {
                store.join_batch(email, &batch);
            }
        });
    }

    /// Rows of batches; `course` is the batch's name.
    #[must_use]
    pub fn batch_rows(&self) -> Vec<FakeEnrolment> {
        self.site.with_store(|store| store.batch_rows.clone())
    }

    /// A learner has come so far in a course.
    pub fn set_progress(&self, email: &str, course: &str, percent: f64) {
        self.site
            .with_store(|store| store.set_progress(email, course, percent));
    }

    /// Misbehave once in each of these ways, in this order, on the next such calls.
    pub fn misbehave(&self, call: Call, ways: impl IntoIterator<Item = Mischief>) {
        self.site.with_plan(|plan| plan.queue(call, ways));
    }

    /// Misbehave in this way on every such call that has nothing queued, until [`FakeLms::behave`].
    pub fn misbehave_always(&self, call: Call, way: Mischief) {
        self.site.with_plan(|plan| plan.always(call, way));
    }

    /// Forget all mischief.
    pub fn behave(&self) {
        self.site.with_plan(|plan| *plan = Plan::default());
    }
}

impl Drop for FakeLms {
    fn drop(&mut self) {
        self.server.abort();
    }
}
