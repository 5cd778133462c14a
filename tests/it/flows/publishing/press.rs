//! A press with a source and a store that counts what is sent and can stand still in the middle.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bursar::app::publish::{self, Press, Published, Trouble, Watcher, Way};
use bursar::clock::{Clock, Timestamp};
use bursar::connectors::Fault;
use bursar::connectors::stores::folder::Folder;
use bursar::connectors::stores::{Abilities, Entry, Flow, Parcel, Store};
use bursar::db::Kind;
use bursar::id::Mint;
use bursar::model::audit::Actor;
use bursar::model::content::files::{self, ContentFile};
use bursar::model::content::{self, Plan, Rule, Version};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::sync::Notify;
use url::Url;

use crate::harness::databases::{self, KINDS, Scratch};

pub const START: Timestamp = Timestamp(1_790_000_000_000);

/// Publish on each database.
pub async fn each(test: impl AsyncFn(&Works)) {
    for kind in KINDS {
        eprintln!("on {kind:?}");
        test(&Works::open(kind).await).await;
    }
}

pub struct Works {
    pub press: Press,
    pub store: Arc<Counting>,
    pub clock: Clock,
    pub dir: TempDir,
    _scratch: Scratch,
}

impl Works {
    pub async fn open(kind: Kind) -> Self {
        let scratch = databases::fresh(kind).await;
        let db = scratch.open_with(&bursar::model::statements()).await;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("source/rust")).unwrap();
        let source = Folder::open(dir.path().join("source")).unwrap();
        let kept = Folder::made_on_demand(dir.path().join("content"));
        let store = Arc::new(Counting::over(kept));
        let clock = Clock::still(START);
        let stores = [
            ("disk".to_owned(), Arc::new(source) as Arc<dyn Store>),
            ("content".to_owned(), store.clone() as Arc<dyn Store>),
        ];
        let press = Press {
            db,
            stores: stores.into(),
            clock: clock.clone(),
            mint: Mint::seeded(3),
            actor: Actor::Operator("test".to_owned()),
            pauses: vec![Duration::ZERO],
        };
        Self {
            press,
            store,
            clock,
            dir,
            _scratch: scratch,
        }
    }

    pub fn source(&self, path: &str) -> PathBuf {
        self.dir.path().join("source/rust").join(path)
    }

    pub fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.source(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    pub async fn publish(&self) -> Result<Published, Trouble> {
        self.publish_for(Rule::All).await
    }

    pub async fn publish_for(&self, rule: Rule) -> Result<Published, Trouble> {
        let watcher: Arc<dyn Watcher> = Arc::new(Ways::default());
        publish::publish(&self.press, &plan(rule), &watcher).await
    }

    /// Publish, and say how each file came.
    pub async fn ways(&self) -> (Version, BTreeMap<String, Way>) {
        let ways = Arc::new(Ways::default());
        let watcher: Arc<dyn Watcher> = ways.clone();
        let published = publish::publish(&self.press, &plan(Rule::All), &watcher).await;
        let Published::Ready(version) = published.unwrap() else {
            panic!("nothing new was published");
        };
        let ways = ways.0.lock().unwrap().clone();
        (version, ways)
    }

    /// Die once so many bytes were sent: nothing of the run goes on, not even its last words.
    pub async fn die_after(&self, bytes: i64) {
        self.store.left.store(bytes, Ordering::SeqCst);
        let stuck = self.store.stuck.clone();
        tokio::select! {
            ended = self.publish() => panic!("it ended: {ended:?}"),
            () = stuck.notified() => {}
        }
        self.store.left.store(i64::MAX, Ordering::SeqCst);
        self.clock.advance(content::CLAIM);
    }

    pub async fn versions(&self) -> Vec<Version> {
        let read = self.press.db.read(|tx| Box::pin(content::all(tx)));
        read.await.unwrap()
    }

    pub async fn files(&self, version: &Version) -> Vec<ContentFile> {
        let id = version.id.clone();
        let read = self
            .press
            .db
            .read(move |tx| Box::pin(async move { files::all(tx, &id).await }));
        read.await.unwrap()
    }

    /// The stored bytes of a version's file.
    pub fn stored(&self, file: &ContentFile) -> Vec<u8> {
        fs::read(self.dir.path().join("content").join(&file.stored_as)).unwrap()
    }
}

pub fn plan(rule: Rule) -> Plan {
    Plan {
        course: "rust".to_owned(),
        source: "disk".to_owned(),
        folder: "rust".to_owned(),
        rule,
        store: "content".to_owned(),
    }
}

/// How each file came to be in the version.
#[derive(Default)]
pub struct Ways(Mutex<BTreeMap<String, Way>>);

impl Watcher for Ways {
    fn listed(&self, _: u64, _: u64, _: u64) {}
    fn read(&self, _: u64) {}
    fn again(&self, _: u64) {}
    fn done(&self, path: &str, way: Way) {
        self.0.lock().unwrap().insert(path.to_owned(), way);
    }
    fn waits(&self, _: &str, _: Duration) {}
}

/// A folder that counts the bytes it is sent.
pub struct Counting {
    inner: Folder,
    pub sent: Arc<AtomicI64>,
    left: Arc<AtomicI64>,
    stuck: Arc<Notify>,
    /// Small files, sent beside a large one, that are whole before a death in the large one.
    pub whole_first: AtomicUsize,
    /// What happens before the next file is stored.
    pub meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Read-backs tell of this content instead.
    pub told_md5: Mutex<Option<String>>,
}

impl Counting {
    fn over(inner: Folder) -> Self {
        Self {
            inner,
            sent: Arc::default(),
            left: Arc::new(AtomicI64::new(i64::MAX)),
            stuck: Arc::default(),
            whole_first: AtomicUsize::new(0),
            meanwhile: Mutex::default(),
            told_md5: Mutex::default(),
        }
    }

    pub fn sent(&self) -> i64 {
        self.sent.load(Ordering::SeqCst)
    }

    fn counted(&self, body: Flow) -> Flow {
        let (sent, left, stuck) = (self.sent.clone(), self.left.clone(), self.stuck.clone());
        let first = (self.inner.clone(), self.whole_first.load(Ordering::SeqCst));
        Box::pin(body.then(move |piece| {
            let (sent, left, stuck) = (sent.clone(), left.clone(), stuck.clone());
            let (inner, first) = first.clone();
            async move {
                let bytes = piece.as_ref().map_or(0, bytes::Bytes::len);
                let bytes = i64::try_from(bytes).unwrap();
                let is_spared = first > 0 && bytes < 100;
                if !is_spared && left.fetch_sub(bytes, Ordering::SeqCst) < bytes {
                    while inner.list(".", 1000).await.unwrap().len() < first {
                        tokio::task::yield_now().await;
                    }
                    stuck.notify_one();
                    std::future::pending::<()>().await;
                }
                sent.fetch_add(bytes, Ordering::SeqCst);
                piece
            }
        }))
    }
}

#[async_trait]
impl Store for Counting {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    async fn ping(&self) -> Result<String, Fault> {
        self.inner.ping().await
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        self.inner.list(folder, limit).await
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        self.inner.look(path).await
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        self.inner.open(entry, range).await
    }

    async fn partial(&self, path: &str) -> Result<u64, Fault> {
        self.inner.partial(path).await
    }

    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        let body = self.counted(parcel.body);
        let entry = self.inner.put(Parcel { body, ..parcel }).await?;
        let told = self.told_md5.lock().unwrap().clone();
        let md5 = told.or(entry.md5.clone());
        Ok(Entry { md5, ..entry })
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        self.inner.remove(path).await
    }

    async fn presign(&self, _: &str, _: &str, _: Duration) -> Result<Option<Url>, Fault> {
        Ok(None)
    }
}
