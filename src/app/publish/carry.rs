//! One file on its way into a version: taken over from an older one, found where an interrupted run
//! left it, or sent. Reading the source again to sum it up is not sending.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};

use super::listing::stamp;
use super::work::Job;
use super::{Summing, Trouble, Watcher, Way};
use crate::app::files::Sums;
use crate::connectors::Fault;
use crate::connectors::stores::{Entry, Flow, Parcel, Proof};
use crate::model::content::files::{self, ContentFile, Kept, Stamp};

/// A file whose bytes are in the version's store.
#[derive(Clone)]
pub(super) struct Carried {
    pub serial: i64,
    pub size: i64,
    pub stored_as: String,
    pub kept: Kept,
}

impl Job<'_> {
    /// Bring one file into the version.
    pub(super) async fn carry(
        &self,
        file: &ContentFile,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Carried, Trouble> {
        let mut pauses = self.press.pauses.iter();
        loop {
            let fault = match self.attempt(file, watcher).await {
                Ok((carried, way)) => {
                    watcher.done(&file.path, way);
                    return Ok(carried);
                }
                Err(Trouble::Store(fault)) => fault,
                Err(other) => return Err(other),
            };
            self.still_the_same(file).await?;
            let (Fault::Transient { why, .. } | Fault::Unknown { why }) = &fault else {
                return Err(fault.into());
            };
            let Some(pause) = pauses.next() else {
                return Err(fault.into());
            };
            watcher.waits(why, *pause);
            tokio::time::sleep(*pause).await;
        }
    }

    async fn attempt(
        &self,
        file: &ContentFile,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<(Carried, Way), Trouble> {
        if let Some(taken) = self.kept_of_older(file, watcher).await? {
            return Ok((taken, Way::Reused));
        }
        let mut from = 0;
        if self.may_be_there(file) {
            if let Some(found) = self.left_behind(file, watcher).await? {
                return Ok((found, Way::Found));
            }
            from = self.store.partial(&file.stored_as).await?;
            if from > entry(file).size {
                self.store.remove(&file.stored_as).await?;
                from = 0;
            }
        }
        Ok((self.send(file, from, watcher).await?, Way::Sent))
    }

    /// The newest version has a file of this name and size: worth reading before anything is sent.
    async fn kept_of_older(
        &self,
        file: &ContentFile,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Option<Carried>, Trouble> {
        let Some(older) = self.older.clone() else {
            return Ok(None);
        };
        let path = file.path.clone();
        let found = self
            .press
            .db
            .read(move |tx| Box::pin(async move { files::by_path(tx, &older, &path).await }));
        let Some(old) = found.await?.filter(|old| old.stamp.size == file.stamp.size) else {
            return Ok(None);
        };
        let Some(kept) = old.kept else {
            return Ok(None);
        };
        let sums = self.sum(file, watcher).await?;
        if sums.sha256 != kept.sha256 {
            watcher.again(entry(file).size);
            return Ok(None);
        }
        Ok(Some(carried(file, old.stored_as, kept)))
    }

    /// An interrupted run had sent all of it, and died before it could say so.
    async fn left_behind(
        &self,
        file: &ContentFile,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Option<Carried>, Trouble> {
        let found = self.store.look(&file.stored_as).await?;
        let Some(found) = found.filter(|found| found.size == entry(file).size) else {
            return Ok(None);
        };
        let sums = self.sum(file, watcher).await?;
        if let Some(proof) = proven(&found, &sums) {
            let kept = kept(sums, proof);
            Ok(Some(carried(file, file.stored_as.clone(), kept)))
        } else {
            watcher.again(entry(file).size);
            Ok(None)
        }
    }

    async fn send(
        &self,
        file: &ContentFile,
        from: u64,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Carried, Trouble> {
        let size = entry(file).size;
        let summing = Arc::new(Mutex::new(Summing::default()));
        let body = self.source.open(&entry(file), None).await?;
        let parcel = Parcel {
            path: file.stored_as.clone(),
            size,
            md5: None,
            from,
            body: without(from, summed(body, &summing, watcher)),
        };
        let put = self.store.put(parcel).await;
        let summing = summing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let read = summing.bytes();
        let found = put.inspect_err(|_| watcher.again(read))?;
        let sums = summing.done();
        if let Some(proof) = proven(&found, &sums).filter(|_| found.size == size && read == size) {
            let kept = kept(sums, proof);
            Ok(carried(file, file.stored_as.clone(), kept))
        } else {
            watcher.again(read);
            self.store.remove(&file.stored_as).await?;
            let why = format!("{:?} was read back as another content", file.path);
            Err(Fault::Transient { why, after: None }.into())
        }
    }

    /// Read a source's file only to know its sums.
    async fn sum(&self, file: &ContentFile, watcher: &Arc<dyn Watcher>) -> Result<Sums, Trouble> {
        let summing = Arc::new(Mutex::new(Summing::default()));
        let body = self.source.open(&entry(file), None).await?;
        let mut body = summed(body, &summing, watcher);
        while body.try_next().await?.is_some() {}
        let summing = summing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(summing.clone().done())
    }

    /// A fault may come from a source that changes: then trying again is no use.
    async fn still_the_same(&self, file: &ContentFile) -> Result<(), Trouble> {
        match self.source.look(&file.origin).await {
            Ok(Some(found)) if is_same(&stamp(&found), &file.stamp) => Ok(()),
            Ok(_) => Err(Trouble::Changed(format!("{:?}", file.path))),
            // Cannot be told: the first fault decides.
            Err(_) => Ok(()),
        }
    }
}

/// A store may tell the time of writing more exactly in a list: a tag in both outweighs it.
fn is_same(found: &Stamp, listed: &Stamp) -> bool {
    let tagged = found.tag.is_some() && listed.tag.is_some();
    let of_one_time = tagged || found.modified == listed.modified;
    found.size == listed.size && found.tag == listed.tag && of_one_time
}

/// The source's file as it was listed.
fn entry(file: &ContentFile) -> Entry {
    Entry {
        path: file.origin.clone(),
        size: u64::try_from(file.stamp.size).unwrap_or_default(),
        modified: file.stamp.modified,
        etag: file.stamp.tag.clone(),
        md5: None,
    }
}

fn carried(file: &ContentFile, stored_as: String, kept: Kept) -> Carried {
    Carried {
        serial: file.serial,
        size: file.stamp.size,
        stored_as,
        kept,
    }
}

fn kept(sums: Sums, proof: Proof) -> Kept {
    Kept {
        sha256: sums.sha256,
        md5: sums.md5,
        crc32: sums.crc32,
        proof: proof.as_str().to_owned(),
    }
}

/// What the store's report proves; `None`: that it is another content.
fn proven(found: &Entry, sums: &Sums) -> Option<Proof> {
    match &found.md5 {
        Some(md5) if *md5 == sums.md5 => Some(Proof::Md5),
        Some(_) => None,
        None => Some(Proof::Size),
    }
}

/// The same bytes, summed as they pass.
fn summed(body: Flow, summing: &Arc<Mutex<Summing>>, watcher: &Arc<dyn Watcher>) -> Flow {
    let (summing, watcher) = (Arc::clone(summing), Arc::clone(watcher));
    Box::pin(body.inspect_ok(move |piece| {
        let mut summing = summing.lock().unwrap_or_else(PoisonError::into_inner);
        summing.take(piece);
        watcher.read(piece.len() as u64);
    }))
}

/// The bytes after the first `from`: those are there from an interrupted run.
fn without(from: u64, body: Flow) -> Flow {
    let mut left = from;
    let rest = body.map_ok(move |piece: Bytes| {
        let skipped = left.min(piece.len() as u64);
        left -= skipped;
        piece.slice(usize::try_from(skipped).unwrap_or(piece.len())..)
    });
    Box::pin(
        rest.try_filter(|piece| std::future::ready(!piece.is_empty()))
            .boxed(),
    )
}
