//! The whole of a version: hold its rows against the source, carry what is missing, look at the source
//! once more, and seal it.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::carry::Carried;
use super::listing::{self, Listing};
use super::{Press, Published, Trouble, Watcher, own_folder, stored_as};
use crate::connectors::stores::Store;
use crate::error::{Error, Result};
use crate::id::VersionId;
use crate::model::content::files::{self, ContentFile};
use crate::model::content::{self, CLAIM, Version};

/// Files on their way at once: small ones wait for the disk together.
const AT_ONCE: usize = 4;
/// Rows in one transaction.
const ROWS: usize = 500;
/// Stored files are written down after so many bytes, or so many files. After a crash those that were
/// not are found again in the store.
const NOTE_BYTES: i64 = 8 * 1024 * 1024;
const NOTE_FILES: usize = 64;
/// Names in one sentence.
const NAMED: usize = 3;

/// Publishing one version.
pub(super) struct Job<'p> {
    pub press: &'p Press,
    pub source: &'p dyn Store,
    pub store: &'p dyn Store,
    /// The newest ready version, if its bytes are in the same store.
    pub older: Option<VersionId>,
    version: Version,
    claim: String,
    /// Serials up to here were given by an earlier run.
    earlier: i64,
}

impl<'p> Job<'p> {
    pub(super) async fn new(
        press: &'p Press,
        version: Version,
        claim: String,
        source: &'p dyn Store,
    ) -> Result<Self, Trouble> {
        let (id, place) = (version.id.clone(), version.clone());
        let (earlier, newest) = press
            .db
            .read(move |tx| {
                Box::pin(async move {
                    let earlier = files::sum(tx, &id).await?.last_serial;
                    let all = content::of_folder(tx, &place.source, &place.folder).await?;
                    let ready = all.into_iter().rfind(|version| version.sealed.is_some());
                    Ok((earlier, ready))
                })
            })
            .await?;
        let same_store = newest.filter(|newest| newest.store == version.store);
        Ok(Self {
            source,
            store: press.store(&version.store)?,
            older: same_store.map(|newest| newest.id),
            press,
            version,
            claim,
            earlier,
        })
    }

    /// Everything that an earlier run could have begun to send.
    pub(super) fn may_be_there(&self, file: &ContentFile) -> bool {
        file.serial <= self.earlier
    }

    pub(super) async fn run(
        &self,
        listing: &Listing,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Published, Trouble> {
        self.hold_against(listing).await?;
        let sum = self.so_far().await?;
        let done = u64::try_from(sum.bytes_kept).unwrap_or_default();
        watcher.listed(listing.files().len() as u64, listing.bytes(), done);
        self.carry_all(watcher).await?;
        let again = listing::of(self.source, &self.version.folder).await?;
        let digest = self.digest(&again).await?;
        self.seal(digest).await
    }

    /// Never returns while the claim holds.
    pub(super) async fn keep_claim(&self) -> Trouble {
        loop {
            tokio::time::sleep(CLAIM / 3).await;
            let (moment, id, claim) = self.ours();
            let renewed = self.press.db.write(move |tx| {
                Box::pin(async move { content::renew(tx, &moment, &id, &claim).await })
            });
            // The database may be away for a moment; whoever writes next will say so.
            if let Err(Error::Conflict(why)) = renewed.await {
                return Trouble::Refused(why.to_owned());
            }
        }
    }

    /// The next run need not wait. Where this fails, it waits.
    pub(super) async fn let_go(&self) {
        let (_, id, claim) = self.ours();
        let gone = self
            .press
            .db
            .write(move |tx| Box::pin(async move { content::let_go(tx, &id, &claim).await }));
        drop(gone.await);
    }

    fn ours(&self) -> (crate::model::Moment, VersionId, String) {
        let id = self.version.id.clone();
        (self.press.moment(), id, self.claim.clone())
    }

    async fn so_far(&self) -> Result<files::Sum, Trouble> {
        let id = self.version.id.clone();
        let sum = self
            .press
            .db
            .read(move |tx| Box::pin(async move { files::sum(tx, &id).await }));
        Ok(sum.await?)
    }

    async fn page(&self, after: i64) -> Result<Vec<ContentFile>, Trouble> {
        let id = self.version.id.clone();
        let page = self
            .press
            .db
            .read(move |tx| Box::pin(async move { files::page(tx, &id, after).await }));
        Ok(page.await?)
    }

    /// Rows for what is new in the source, none for what is gone or another file now.
    async fn hold_against(&self, listing: &Listing) -> Result<(), Trouble> {
        let mut there = vec![false; listing.files().len()];
        let mut after = 0;
        loop {
            let page = self.page(after).await?;
            let Some(last) = page.last() else { break };
            after = last.serial;
            let mut gone = Vec::new();
            for row in page {
                match place_of(&row, listing) {
                    Some(place) => there[place] = true,
                    None => gone.push(row),
                }
            }
            self.drop_rows(gone).await?;
        }
        self.enlist(listing, &there).await
    }

    async fn drop_rows(&self, gone: Vec<ContentFile>) -> Result<(), Trouble> {
        let own = own_folder(&self.version.id);
        for row in &gone {
            // The bytes first: a row without bytes is begun again, bytes without a row are lost room.
            if row.stored_as.starts_with(&own) {
                self.store.remove(&row.stored_as).await?;
            }
        }
        let id = self.version.id.clone();
        let dropped = self.press.db.write(move |tx| {
            Box::pin(async move {
                for row in &gone {
                    files::forget(tx, &id, row.serial);
                }
                Ok(())
            })
        });
        Ok(dropped.await?)
    }

    async fn enlist(&self, listing: &Listing, there: &[bool]) -> Result<(), Trouble> {
        let missing = listing.files().iter().zip(there);
        let missing = missing.filter(|(_, there)| !**there).map(|(file, _)| file);
        let rows = missing.zip(self.earlier + 1..).map(|(file, serial)| {
            let stamp = file.stamp();
            ContentFile {
                serial,
                path: file.path.clone(),
                origin: file.entry.path.clone(),
                stamp,
                stored_as: stored_as(&self.version.id, serial),
                kept: None,
            }
        });
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let chunk: Vec<ContentFile> = rows.by_ref().take(ROWS).collect();
            let (id, older) = (self.version.id.clone(), self.older.clone());
            let written = self.press.db.write(move |tx| {
                Box::pin(async move {
                    let chunk = with_what_is_unchanged(tx, older.as_ref(), chunk).await?;
                    files::enlist(tx, &id, &chunk);
                    Ok(())
                })
            });
            written.await?;
        }
        Ok(())
    }

    async fn carry_all(&self, watcher: &Arc<dyn Watcher>) -> Result<(), Trouble> {
        let mut after = 0;
        loop {
            let id = self.version.id.clone();
            let page = self
                .press
                .db
                .read(move |tx| Box::pin(async move { files::to_send(tx, &id, after).await }));
            let page = page.await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.serial;
            self.carry_page(&page, watcher).await?;
        }
    }

    async fn carry_page(
        &self,
        page: &[ContentFile],
        watcher: &Arc<dyn Watcher>,
    ) -> Result<(), Trouble> {
        let carrying = page.iter().map(|file| self.carry(file, watcher));
        let mut carrying = stream::iter(carrying).buffer_unordered(AT_ONCE);
        let mut done: Vec<Carried> = Vec::new();
        let mut trouble = None;
        while let Some(ended) = carrying.next().await {
            match ended {
                Ok(carried) => done.push(carried),
                Err(first) => {
                    trouble = Some(first);
                    break;
                }
            }
            let bytes: i64 = done.iter().map(|carried| carried.size).sum();
            if done.len() >= NOTE_FILES || bytes >= NOTE_BYTES {
                self.note(std::mem::take(&mut done)).await?;
            }
        }
        self.note(done).await?;
        trouble.map_or(Ok(()), Err)
    }

    async fn note(&self, done: Vec<Carried>) -> Result<(), Trouble> {
        let (moment, id, claim) = self.ours();
        let noted = self.press.db.write(move |tx| {
            Box::pin(async move {
                content::renew(tx, &moment, &id, &claim).await?;
                for file in &done {
                    files::keep(tx, &id, file.serial, &file.stored_as, &file.kept);
                }
                Ok(())
            })
        });
        Ok(noted.await?)
    }

    /// The digest of the manifest, if the source still is what was stored: a line for each file, sorted
    /// by the bytes of its path: SHA-256, size, path.
    async fn digest(&self, listing: &Listing) -> Result<String, Trouble> {
        let mut sums: Vec<Option<String>> = vec![None; listing.files().len()];
        let mut changed = Vec::new();
        let mut after = 0;
        loop {
            let page = self.page(after).await?;
            let Some(last) = page.last() else { break };
            after = last.serial;
            for row in page {
                match place_of(&row, listing) {
                    Some(place) => sums[place] = row.kept.map(|kept| kept.sha256),
                    None => changed.push(row.path),
                }
            }
        }
        let mut digest = Sha256::new();
        for (file, sum) in listing.files().iter().zip(&sums) {
            match sum {
                Some(sum) => {
                    digest.update(format!("{sum} {} {}\n", file.entry.size, file.path));
                }
                None => changed.push(file.path.clone()),
            }
        }
        if changed.is_empty() {
            Ok(hex::encode(digest.finalize()))
        } else {
            Err(Trouble::Changed(named(changed)))
        }
    }

    async fn seal(&self, digest: String) -> Result<Published, Trouble> {
        if let Some(same) = self.same_as_before(&digest).await? {
            self.forget().await?;
            return Ok(Published::Same(same));
        }
        let (moment, id, claim) = self.ours();
        let sealed = self.press.db.write(move |tx| {
            Box::pin(async move { content::seal(tx, &moment, &id, &claim, &digest).await })
        });
        Ok(Published::Ready(sealed.await?))
    }

    async fn same_as_before(&self, digest: &str) -> Result<Option<Version>, Trouble> {
        let (source, folder) = (self.version.source.clone(), self.version.folder.clone());
        let all = self.press.db.read(move |tx| {
            Box::pin(async move { content::of_folder(tx, &source, &folder).await })
        });
        let newest = all
            .await?
            .into_iter()
            .rfind(|version| version.sealed.is_some());
        Ok(newest.filter(|newest| {
            let sealed = newest.sealed.as_ref();
            newest.store == self.version.store
                && sealed.is_some_and(|sealed| sealed.digest == digest)
        }))
    }

    async fn forget(&self) -> Result<(), Trouble> {
        loop {
            // From the start each time: what was read is gone.
            let page = self.page(0).await?;
            if page.is_empty() {
                break;
            }
            self.drop_rows(page).await?;
        }
        let (_, id, claim) = self.ours();
        let gone = self
            .press
            .db
            .write(move |tx| Box::pin(async move { content::forget(tx, &id, &claim).await }));
        Ok(gone.await?)
    }
}

/// Where a row's file is in the listing, if it is the same file.
fn place_of(row: &ContentFile, listing: &Listing) -> Option<usize> {
    let place = listing.find(&row.path)?;
    let file = &listing.files()[place];
    (file.stamp() == row.stamp && file.entry.path == row.origin).then_some(place)
}

/// What is surely unchanged since the older version is done already.
async fn with_what_is_unchanged(
    tx: &mut crate::db::Tx<'_>,
    older: Option<&VersionId>,
    mut rows: Vec<ContentFile>,
) -> Result<Vec<ContentFile>> {
    let Some(older) = older else {
        return Ok(rows);
    };
    for row in &mut rows {
        let Some(old) = files::by_path(tx, older, &row.path).await? else {
            continue;
        };
        if old.stamp.is_surely(&row.stamp) {
            row.stored_as = old.stored_as;
            row.kept = old.kept;
        }
    }
    Ok(rows)
}

fn named(mut paths: Vec<String>) -> String {
    let more = paths.len().saturating_sub(NAMED);
    paths.truncate(NAMED);
    let shown: Vec<String> = paths.iter().map(|path| format!("{path:?}")).collect();
    let rest = match more {
        0 => String::new(),
        _ => format!(" and {more} more"),
    };
    format!("{}{rest}", shown.join(", "))
}
