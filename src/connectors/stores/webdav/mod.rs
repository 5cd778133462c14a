//! WebDAV (RFC 4918) as a store, by what every server of it was seen to do the same: PROPFIND one level
//! at a time, a whole PUT under a temporary name, MOVE to the final one. A PUT of a part
//! (`Content-Range`) is never sent: some servers cut the file down to that part and say 201.
//! There are no hashes, so only the size can be proved.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use reqwest::{Method, RequestBuilder, Url};

use super::names::{below_root, is_litter, is_plain, plain_path, waiting};
use super::{
    Abilities, Entry, Flow, Parcel, Proof, Store, exactly, mapping, split, transient, whole,
};
use crate::config::{Secret, StoreConnection};
use crate::connectors::Fault;
use crate::connectors::http::{self, Answer, Limits, Lost};

mod body;
mod verdict;
mod wire;

use body::Watch;
use verdict::{lost, refused};
use wire::Resource;

/// A listing of one folder; some 50,000 files.
const LISTING: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_mins(2),
    body: 32 * 1024 * 1024,
};
/// How long a transfer may stand still.
const PATIENCE: Duration = Duration::from_mins(1);
/// Folders in folders.
const DEEPEST: usize = 100;

/// One server, below one address.
pub struct WebDav {
    base: Url,
    /// Path of `base`, decoded, without a slash at the end.
    root: String,
    account: Option<(String, Secret)>,
    /// For questions, bounded as a whole.
    questions: reqwest::Client,
    /// For files, which take the time they take.
    transfers: reqwest::Client,
    /// Folders that this process made or found.
    folders: Mutex<BTreeSet<String>>,
}

impl WebDav {
    /// As the settings say; nothing is asked yet.
    pub fn new(connection: &StoreConnection) -> anyhow::Result<Self> {
        let mut base = http::absolute(&connection.endpoint)?;
        let account = connection
            .secret
            .clone()
            .map(|password| (connection.account.clone(), password));
        anyhow::ensure!(
            base.query().is_none(),
            "the address of a WebDAV folder has no part after ?"
        );
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let root = percent_encoding::percent_decode_str(base.path().trim_end_matches('/'))
            .decode_utf8()?
            .into_owned();
        let transfers = reqwest::Client::builder()
            .connect_timeout(LISTING.connect)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("Bursar/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            base,
            root,
            account,
            questions: http::client(LISTING)?,
            transfers,
            folders: Mutex::default(),
        })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        // An http address has segments, so nothing is skipped here.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(path.split('/').filter(|part| !part.is_empty()));
        }
        url
    }

    fn request(&self, client: &reqwest::Client, verb: &str, url: Url) -> RequestBuilder {
        let method = Method::from_bytes(verb.as_bytes()).unwrap_or(Method::GET);
        let request = client.request(method, url);
        match &self.account {
            Some((user, password)) => request.basic_auth(user, Some(password.expose())),
            None => request,
        }
    }

    async fn ask(&self, verb: &str, url: Url) -> Result<Answer, Lost> {
        http::exchange(self.request(&self.questions, verb, url), LISTING).await
    }

    /// The resource at `path` and, at depth 1, what it holds. `None`: there is nothing.
    async fn find(&self, path: &str, depth: &str) -> Result<Option<Vec<Resource>>, Fault> {
        let request = self
            .request(&self.questions, "PROPFIND", self.url(path))
            .header("Depth", depth)
            .header(CONTENT_TYPE, "application/xml; charset=utf-8")
            .body(wire::QUESTION);
        let answer = http::exchange(request, LISTING)
            .await
            .map_err(|why| lost(why, "listing a folder"))?;
        match answer.status {
            404 => Ok(None),
            207 => wire::resources(&answer.body)
                .map(Some)
                .ok_or_else(|| Fault::ConnectionBroken {
                    why: "The address answers, but not as a WebDAV server.".to_owned(),
                }),
            _ => Err(refused(&answer, "list a folder")),
        }
    }

    /// The file at `path`, which may be one that waits for its name.
    async fn seen(&self, path: &str) -> Result<Option<Entry>, Fault> {
        let found = self.find(path, "0").await?.unwrap_or_default();
        match found.iter().find(|resource| !resource.is_collection) {
            Some(resource) => entry(path, resource).map(Some),
            None => Ok(None),
        }
    }

    /// `resource` as a path below the root; `None` for what is not below it.
    fn relative<'a>(&self, resource: &'a Resource) -> Option<&'a str> {
        let below = resource.path.strip_prefix(&self.root)?;
        Some(below.trim_start_matches('/'))
    }

    /// The folders above `path`, each made when absent. "Exists already" is 405 by the standard; one server
    /// says 201.
    async fn make_folders(&self, path: &str) -> Result<(), Fault> {
        let ends: Vec<usize> = path.match_indices('/').map(|(end, _)| end).collect();
        for folder in ends.into_iter().map(|end| &path[..end]) {
            if self.known_folders().contains(folder) {
                continue;
            }
            let answer = self.ask("MKCOL", self.url(folder)).await;
            let answer = answer.map_err(|why| lost(why, "making a folder"))?;
            match answer.status {
                200..=299 | 405 => self.known_folders().insert(folder.to_owned()),
                _ => return Err(refused(&answer, "make a folder")),
            };
        }
        Ok(())
    }

    fn known_folders(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, path: &str, size: u64, flow: Flow) -> Result<(), Fault> {
        let watch = Arc::new(Watch::default());
        let request = self
            .request(&self.transfers, "PUT", self.url(path))
            .header(CONTENT_LENGTH, size)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(watch.body(flow));
        let sent = tokio::select! {
            sent = http::exchange(request, Limits::default()) => sent,
            () = watch.stall(PATIENCE) => Err(Lost::Unanswered("it stood still".to_owned())),
        };
        if let Some(fault) = watch.fault() {
            return Err(fault);
        }
        let answer = sent.map_err(|why| lost(why, "sending a file"))?;
        match answer.status {
            200..=299 => Ok(()),
            409 => {
                // A folder that was there is gone: the next attempt makes it again.
                self.known_folders().clear();
                Err(refused(&answer, "take a file"))
            }
            _ => Err(refused(&answer, "take a file")),
        }
    }

    /// Whatever the answer was, the final name is believed only when it is read.
    async fn rename(&self, from: &str, to: &str, size: u64) -> Result<Entry, Fault> {
        let request = self
            .request(&self.questions, "MOVE", self.url(from))
            .header("Destination", self.url(to).as_str())
            .header("Overwrite", "T");
        let moved = http::exchange(request, Limits::default()).await;
        if let Ok(answer) = &moved
            && !(200..300).contains(&answer.status)
        {
            return Err(refused(answer, "give a file its name"));
        }
        let is_gone = self.seen(from).await?.is_none();
        match self.seen(to).await? {
            Some(entry) if entry.size == size && is_gone => Ok(entry),
            _ => Err(transient("the file did not arrive under its name")),
        }
    }
}

#[async_trait]
impl Store for WebDav {
    fn abilities(&self) -> Abilities {
        Abilities {
            writes: true,
            ranges: true,
            presigns: false,
            proof: Proof::Size,
            resumes: false,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        match self.find("", "0").await? {
            Some(_) => Ok(self.base.origin().ascii_serialization()),
            None => Err(Fault::ConnectionBroken {
                why: "The server is there, but has no folder at this address.".to_owned(),
            }),
        }
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        let mut found = Vec::new();
        let below = folder;
        let mut waiting = VecDeque::from([(below_root(folder)?.to_owned(), 0)]);
        while let Some((folder, depth)) = waiting.pop_front() {
            let Some(resources) = self.find(&folder, "1").await? else {
                return Err(mapping(&format!("{folder:?} does not exist")));
            };
            for resource in &resources {
                let Some(path) = self.relative(resource).filter(|path| *path != folder) else {
                    continue;
                };
                let name = path.rsplit('/').next().unwrap_or_default();
                if is_litter(name) {
                    continue;
                }
                if !is_plain(name) {
                    return Err(mapping(&format!("{path:?} is not a usable path")));
                }
                if !resource.is_collection {
                    found.push(entry(path, resource)?);
                } else if depth < DEEPEST {
                    waiting.push_back((path.to_owned(), depth + 1));
                }
            }
            if found.len() > limit {
                return Err(mapping(&format!("{below:?} has more than {limit} files")));
            }
        }
        Ok(found)
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        self.seen(plain_path(path)?).await
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        let wanted = range.unwrap_or(0..entry.size);
        if wanted.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let mut request = self.request(&self.transfers, "GET", self.url(plain_path(&entry.path)?));
        let is_part = wanted != (0..entry.size);
        if is_part {
            let bytes = format!("bytes={}-{}", wanted.start, wanted.end - 1);
            request = request.header(RANGE, bytes);
        }
        let sent = tokio::time::timeout(PATIENCE, request.send()).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(lost(http::lost(&error), "opening a file")),
            Err(_) => return Err(transient("the WebDAV server sends no file")),
        };
        is_as_asked(&response, entry, is_part.then_some(wanted.start))?;
        let length = wanted.end - wanted.start;
        Ok(exactly(length, entry.path.clone(), split(pieces(response))))
    }

    async fn partial(&self, _path: &str) -> Result<u64, Fault> {
        Ok(0)
    }

    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        let waiting = waiting(plain_path(&parcel.path)?);
        let parcel = whole(parcel)?;
        self.make_folders(&parcel.path).await?;
        self.send(&waiting, parcel.size, parcel.body).await?;
        match self.seen(&waiting).await? {
            Some(entry) if entry.size == parcel.size => {}
            _ => {
                return Err(transient(
                    "the server kept another number of bytes than was sent",
                ));
            }
        }
        self.rename(&waiting, &parcel.path, parcel.size).await
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        for path in [waiting(plain_path(path)?), path.to_owned()] {
            let answer = self.ask("DELETE", self.url(&path)).await;
            let answer = answer.map_err(|why| lost(why, "removing a file"))?;
            match answer.status {
                200..=299 | 404 => {}
                _ => return Err(refused(&answer, "remove a file")),
            }
        }
        Ok(())
    }

    async fn presign(
        &self,
        _path: &str,
        _saved_as: &str,
        _life: Duration,
    ) -> Result<Option<Url>, Fault> {
        Ok(None)
    }
}

fn entry(path: &str, resource: &Resource) -> Result<Entry, Fault> {
    let Some(size) = resource.size else {
        return Err(Fault::ConnectionBroken {
            why: "The server does not say how large its files are.".to_owned(),
        });
    };
    Ok(Entry {
        path: path.to_owned(),
        size,
        modified: resource.modified,
        etag: resource.etag.clone(),
        md5: None,
    })
}

/// The file that was seen, from the byte that was asked for (`None`: whole).
fn is_as_asked(
    response: &reqwest::Response,
    entry: &Entry,
    from: Option<u64>,
) -> Result<(), Fault> {
    let header = |name| response.headers().get(name)?.to_str().ok();
    let path = &entry.path;
    match (response.status().as_u16(), from) {
        (200, None) => {}
        (206, Some(from))
            if header(CONTENT_RANGE)
                .is_some_and(|range| range.starts_with(&format!("bytes {from}-"))) => {}
        (404, _) => return Err(mapping(&format!("{path:?} does not exist"))),
        (200 | 206, _) => {
            return Err(Fault::ConnectionBroken {
                why: "The server does not send parts of files as asked.".to_owned(),
            });
        }
        (status, _) => return Err(refused(&Answer::of_status(status), "send a file")),
    }
    let now = header(ETAG).map(wire::etag);
    match (&entry.etag, now) {
        (Some(seen), Some(now)) if *seen != now => Err(transient(&format!("{path:?} has changed"))),
        _ => Ok(()),
    }
}

/// The body, given up when it stands still.
fn pieces(response: reqwest::Response) -> Flow {
    futures_util::stream::try_unfold(response, async |mut response| {
        match tokio::time::timeout(PATIENCE, response.chunk()).await {
            Ok(Ok(Some(piece))) => Ok(Some((piece, response))),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => Err(lost(http::lost(&error), "reading a file")),
            Err(_) => Err(transient("the file stood still on its way")),
        }
    })
    .boxed()
}
