//! Places that hold files: where the seller's courses are, and where their versions are kept. The
//! contract that every kind keeps, and the registry. A store moves bytes and proves what it can;
//! what belongs to whom, what is sent again and what is believed is decided elsewhere.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use url::Url;

use super::Fault;
use crate::clock::Timestamp;
use crate::config::{Config, StoreConnection};

pub mod canary;
mod flow;
pub mod folder;
pub mod manifest;
mod names;
mod order;
pub mod rclone;
pub mod remote;
pub mod web;
pub mod webdav;

pub use names::is_plain_path;

use flow::{exactly, split, whole};

/// The most bytes in one piece of a [`Flow`].
pub const PIECE: usize = 1024 * 1024;

/// The name of the store that keeps versions where no other was chosen.
pub const CONTENT: &str = "content";

/// A file as a store reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the store's root, `/` between its plain names: what [`Store::open`] takes.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was last written, where the store says.
    pub modified: Option<Timestamp>,
    /// Another content has another one; without quotes.
    pub etag: Option<String>,
    /// Of the content as the store holds it, in small hex, where it says or was just read back.
    pub md5: Option<String>,
}

/// Bytes on their way, in pieces of at most [`PIECE`].
pub type Flow = Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>;

/// A file to be written.
pub struct Parcel {
    /// Where to, from the store's root.
    pub path: String,
    /// Bytes of the whole file.
    pub size: u64,
    /// Of the whole file, where it is known before: a read-back that contradicts it is a fault.
    pub md5: Option<String>,
    /// Where `body` begins: 0, or what [`Store::partial`] said.
    pub from: u64,
    /// The bytes from there to the end. A fault in it ends the call with that fault.
    pub body: Flow,
}

/// What a read-back can prove about a file that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its content, unless the store's own settings hide it; then its size.
    Md5,
    /// Its size.
    Size,
}

impl Proof {
    /// The word in the database and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Size => "size",
        }
    }
}

/// What a store can do; options are data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// `put` and `remove` exist.
    pub writes: bool,
    /// `open` with a range reads no more than that. Without it the bytes before are read and dropped.
    pub ranges: bool,
    /// `presign` makes addresses.
    pub presigns: bool,
    /// What the read-back of `put` proves.
    pub proof: Proof,
    /// An interrupted `put` leaves what it wrote, and can be gone on with.
    pub resumes: bool,
}

/// The contract. Every method may be called again at any time; none retries or waits by itself.
/// Paths are those of [`Entry::path`]; any other is refused with a sentence.
#[async_trait]
pub trait Store: Send + Sync {
    /// What this store can do.
    fn abilities(&self) -> Abilities;

    /// Prove address, credentials and the right to look; the answer names the place.
    async fn ping(&self) -> Result<String, Fault>;

    /// Every file below `folder` (`.` is the root), in no order. Hidden files and the litter of file
    /// managers are left out; a name that cannot be downloaded is a fault, and so are more than `limit`.
    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault>;

    /// One file, `None` where there is none.
    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault>;

    /// Its bytes. Where `entry` has an etag, a content that has another one is a fault where the
    /// store can tell; an end that comes too early is always one.
    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault>;

    /// How many bytes an interrupted `put` left; 0 where there are none, or the store keeps none.
    async fn partial(&self, path: &str) -> Result<u64, Fault>;

    /// Write one file: it appears whole under its name or not at all, in place of what was there.
    /// Durable when the answer comes, and the answer is read back from the store.
    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault>;

    /// Take it away, with what an interrupted `put` left; absent is success.
    async fn remove(&self, path: &str) -> Result<(), Fault>;

    /// An address that gives this file to who has it, as a download called `saved_as`, for so long.
    /// `None` where the store makes none.
    async fn presign(
        &self,
        path: &str,
        saved_as: &str,
        life: Duration,
    ) -> Result<Option<Url>, Fault>;
}

/// The stores by name.
pub type Stores = BTreeMap<String, Arc<dyn Store>>;

/// Every store of the settings. A folder that cannot be listed does not start; nothing else is
/// connected yet.
pub fn open(config: &Config) -> anyhow::Result<Stores> {
    let mut stores = Stores::new();
    for (name, source) in &config.sources {
        let opened = folder::Folder::open(&source.path);
        let opened = opened.with_context(|| format!("source {name:?}"))?;
        stores.insert(name.clone(), Arc::new(opened));
    }
    for (name, connection) in &config.stores {
        let connected = connect(connection);
        let connected = connected.with_context(|| format!("store {name:?}"))?;
        stores.insert(name.clone(), connected);
    }
    let beside = beside_the_database(&config.database);
    let kept: Arc<dyn Store> = Arc::new(folder::Folder::made_on_demand(beside));
    stores.entry(CONTENT.to_owned()).or_insert(kept);
    Ok(stores)
}

/// The registry: one line per kind.
pub fn connect(connection: &StoreConnection) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match connection.kind.as_str() {
        "folder" => Arc::new(folder::Folder::open(&connection.path)?),
        "s3" | "gcs" | "azblob" | "b2" | "sftp" | "memory" => {
            Arc::new(remote::Remote::new(connection)?)
        }
        "http" => Arc::new(web::Web::new(connection)?),
        "webdav" => Arc::new(webdav::WebDav::new(connection)?),
        "rclone" => Arc::new(rclone::Rclone::new(connection)?),
        other => anyhow::bail!("there is no kind of store called {other:?}"),
    })
}

/// A folder beside the file of the database; in the working folder where the database is a server.
fn beside_the_database(database: &str) -> std::path::PathBuf {
    let file = database.strip_prefix("sqlite:").map(|path| {
        let path = path.strip_prefix("//").unwrap_or(path);
        Path::new(path).to_owned()
    });
    let folder = file.as_deref().and_then(Path::parent);
    folder.map_or_else(|| CONTENT.into(), |folder| folder.join(CONTENT))
}

/// The longest sentence a [`Fault`] may carry.
fn clipped(why: &str) -> String {
    why.chars().take(300).collect()
}

/// For the seller to mend: this file or folder.
fn mapping(why: &str) -> Fault {
    Fault::MappingBroken { why: clipped(why) }
}

/// Will pass.
fn transient(why: &str) -> Fault {
    Fault::Transient {
        why: clipped(why),
        after: None,
    }
}
