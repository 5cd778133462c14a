//! A FAKE Google Drive for demos and tests: the part of its API v3 that Bursar uses, over real HTTP on
//! 127.0.0.1, in memory. It refuses what Google documents that it refuses, Google's own client takes
//! it for the real one (tests/peers/), and on request it misbehaves. Nothing in it is Google's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{self, Secret};

mod answers;
mod doors;
mod fields;
mod files;
mod mischief;
mod people;
mod query;
mod store;
mod tokens;
mod uploads;

pub use mischief::{Call, Mischief};
pub use store::Seen;

use mischief::Plan;
use store::Store;

/// The shared drive of the fake, where it has one.
pub const SHARED_DRIVE: &str = "0AFakeSharedDrive";

/// Who may sign in.
#[derive(Debug, Clone)]
pub enum Account {
    /// A service account: the JSON file with its key, of which the fake uses the public half.
    ServiceAccount {
        /// The file's text.
        key: String,
    },
    /// A seller's own account.
    Seller,
}

/// How the fake starts.
#[derive(Debug, Clone)]
pub struct FakeDriveOptions {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Its time.
    pub clock: Clock,
    /// Who may sign in.
    pub account: Account,
    /// There is a shared drive, and the account is its Manager.
    pub shared_drive: bool,
    /// Lists by name do not know a name for so long after it was given.
    pub name_lag: Duration,
    /// Readers of one item, at most.
    pub people_per_item: usize,
    /// Google ends access by itself where it is asked to.
    pub ends_access: bool,
}

impl Default for FakeDriveOptions {
    fn default() -> Self {
        Self {
            port: 0,
            clock: Clock::system(),
            account: Account::Seller,
            shared_drive: true,
            name_lag: Duration::from_mins(5),
            people_per_item: 600,
            ends_access: true,
        }
    }
}

/// A running fake; it ends when dropped.
pub struct FakeDrive {
    address: SocketAddr,
    site: Arc<Site>,
    server: JoinHandle<()>,
}

/// What the doors share. Both locks are held for single steps only, never across an await.
struct Site {
    options: FakeDriveOptions,
    base_url: String,
    store: Mutex<Store>,
    plan: Mutex<Plan>,
    let_go: Notify,
}

impl Site {
    fn with_store<T>(&self, step: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.now = self.options.clock.now();
        step(&mut store)
    }

    fn with_plan<T>(&self, step: impl FnOnce(&mut Plan) -> T) -> T {
        step(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FakeDrive {
    /// Listen and serve.
    pub async fn start(options: FakeDriveOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let store = Store::new(&options)?;
        let site = Arc::new(Site {
            base_url: format!("http://{address}"),
            store: Mutex::new(store),
            plan: Mutex::new(Plan::default()),
            let_go: Notify::new(),
            options,
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

    /// Settings of a shop that delivers to it.
    #[must_use]
    pub fn settings(&self) -> config::Drive {
        let options = &self.site.options;
        let mut settings = config::Drive {
            api_url: self.base_url(),
            token_url: format!("{}/token", self.base_url()),
            ..config::Drive::default()
        };
        if options.shared_drive {
            SHARED_DRIVE.clone_into(&mut settings.shared_drive);
        }
        match &options.account {
            Account::ServiceAccount { key } => settings.key = Some(Secret::new(key)),
            Account::Seller => {
                settings.client_id = Some(Secret::new(tokens::CLIENT_ID));
                settings.client_secret = Some(Secret::new(tokens::CLIENT_SECRET));
                settings.refresh_token = Some(Secret::new(tokens::REFRESH_TOKEN));
            }
        }
        settings
    }

    /// Addresses without a Google account: they are reached by mail only.
    pub fn has_no_account(&self, email: &str) {
        let email = email.to_owned();
        self.site.with_store(|store| store.strangers.insert(email));
    }

    /// Every token that was given out is worth nothing any more.
    pub fn forget_tokens(&self) {
        self.site.with_store(|store| store.tokens.clear());
    }

    /// The seller withdraws the consent, or the key is deleted.
    pub fn withdraw_consent(&self) {
        self.site.with_store(|store| store.consent = false);
    }

    /// The account's role on the shared drive becomes a lower one.
    pub fn demote(&self) {
        self.site.with_store(|store| store.is_manager = false);
    }

    /// The owner of the shared drive lets nobody in from outside.
    pub fn shut_outsiders_out(&self) {
        self.site.with_store(|store| store.outsiders = false);
    }

    /// Ids of what is in a folder, the bin left out, by name.
    #[must_use]
    pub fn children(&self, folder: &str) -> Vec<(String, String)> {
        self.site.with_store(|store| store.children(folder))
    }

    /// The bytes of a file.
    #[must_use]
    pub fn bytes(&self, id: &str) -> Option<Vec<u8>> {
        let read = |store: &mut Store| Some(store.items.get(id)?.bytes.clone());
        self.site.with_store(read)
    }

    /// How many files and folders there are, the tops left out.
    #[must_use]
    pub fn items(&self) -> usize {
        self.site.with_store(|store| store.items.len())
    }

    /// Addresses of an item's own readers, sorted.
    #[must_use]
    pub fn readers(&self, id: &str) -> Vec<String> {
        self.site.with_store(|store| store.readers(id))
    }

    /// Mails that were sent, by address.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        self.site.with_store(|store| store.mails.clone())
    }

    /// The seller makes a folder by hand; its id.
    #[must_use]
    pub fn make_by_hand(&self, name: &str) -> String {
        let top = if self.site.options.shared_drive {
            SHARED_DRIVE
        } else {
            store::ROOT
        };
        self.site.with_store(|store| store.make_by_hand(name, top))
    }

    /// The seller shares an item by hand.
    pub fn share_by_hand(&self, id: &str, email: &str) {
        self.site.with_store(|store| store.share_by_hand(id, email));
    }

    /// The seller takes a reader away by hand.
    pub fn unshare_by_hand(&self, id: &str, email: &str) {
        self.site
            .with_store(|store| store.unshare_by_hand(id, email));
    }

    /// The seller puts an item into the bin.
    pub fn bin(&self, id: &str) {
        self.site.with_store(|store| {
            if let Some(item) = store.items.get_mut(id) {
                item.trashed = true;
            }
        });
    }

    /// The most changes of one item's readers that were ever under way at once.
    #[must_use]
    pub fn most_changes_at_once(&self) -> usize {
        self.site.with_store(|store| store.most_at_once)
    }

    /// Bytes that came in as chunks, whatever became of them.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.site.with_store(|store| store.received)
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

    /// Calls that wait by [`Mischief::Held`] go on.
    pub fn let_go(&self) {
        self.site.let_go.notify_waiters();
    }
}

impl Drop for FakeDrive {
    fn drop(&mut self) {
        self.server.abort();
    }
}
