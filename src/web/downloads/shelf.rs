//! What there is to download behind a right: a file as it is, a buyer's stamped copy of it, or the
//! whole course as one archive of them. Where each comes from, and how its bytes are opened.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::try_unfold;

use super::archive::{self, Archive};
use super::conditions::Version;
use super::content::{Content, Flow, Opener};
use super::copies::{NoCopy, Original, StampedCopy};
use super::door::Held;
use super::stamp::Mark;
use crate::app::App;
use crate::app::files::{self, File, Files};
use crate::config::Unstampable as Otherwise;
use crate::error::{Error, Result};

/// Bytes of a copy that are read at once.
const PIECE: u64 = 256 * 1024;

/// Where the bytes of one file are.
enum Place {
    Store(Box<File>),
    Copy(StampedCopy),
}

/// The name of a course's archive.
pub(super) fn name(held: &Held) -> String {
    format!("{}.zip", held.line.title)
}

/// It can be stamped, as far as its name says.
pub(super) fn is_pdf(file: &File) -> bool {
    let end = file.path.rsplit_once('.').map(|(_, end)| end);
    end.is_some_and(|end| end.eq_ignore_ascii_case("pdf"))
}

/// Bytes of all files as one archive, where their checksums are known. Stamped copies are a little
/// larger than their originals; nobody makes them all to print a size.
pub(super) fn size_as_archive(files: &Files) -> Option<u64> {
    let version = files.version.as_ref()?;
    let entries: Option<Vec<_>> = files.files.iter().map(plain_entry).collect();
    let archive = Archive::of(entries?, version.published_at).ok()?;
    Some(archive.length())
}

/// All files of a right as one archive; `None` where it cannot be made.
pub(super) async fn whole(app: &Arc<App>, held: &Held) -> Result<Option<Content>> {
    let Files { version, files } = files::of(app, &held.grant).await?;
    let Some(version) = version else {
        return Ok(None);
    };
    let (mut entries, mut places) = (Vec::new(), Vec::new());
    for file in files {
        let Some(mut entry) = plain_entry(&file) else {
            return Ok(None);
        };
        let place = place(app, held, file).await?;
        if let Place::Copy(copy) = &place {
            (entry.size, entry.crc32) = (copy.facts.size, copy.facts.crc32);
        }
        entries.push(entry);
        places.push(place);
    }
    let archive = Archive::of(entries, version.published_at)?;
    let opener = opener(app, places);
    Ok(Some(Content::archive(
        archive,
        version.published_at,
        opener,
    )))
}

/// One file of a right.
pub(super) async fn one(app: &Arc<App>, held: &Held, file: File) -> Result<Content> {
    let modified = file.modified;
    let place = place(app, held, file).await?;
    let (etag, size) = match &place {
        Place::Store(file) => (format!("\"{}\"", file.etag), file.size),
        Place::Copy(copy) => (copy.facts.etag.clone(), copy.facts.size),
    };
    let version = Version::new(&etag, modified);
    Ok(Content::file(version, size, opener(app, vec![place])))
}

/// This file is not sent as it is.
pub(super) fn is_stamped(held: &Held, file: &File) -> bool {
    held.stamped && is_pdf(file)
}

async fn place(app: &Arc<App>, held: &Held, file: File) -> Result<Place> {
    if !is_stamped(held, &file) {
        return Ok(Place::Store(Box::new(file)));
    }
    let mark = Mark {
        email: held.order.email.clone(),
        code: held.order.code.to_string(),
    };
    let original = Original {
        place: (&file.store, &file.entry.path),
        size: file.size,
        etag: &file.etag,
    };
    let read = read_whole(app, &file);
    match app.copies.get(original, &mark, app.clock.now(), read).await {
        Ok(copy) => Ok(Place::Copy(copy)),
        Err(NoCopy::Unstampable(_)) if app.config.downloads.stamp.otherwise == Otherwise::Plain => {
            Ok(Place::Store(Box::new(file)))
        }
        Err(why) => {
            let (grant, path) = (&held.grant.id, &file.path);
            let why = anyhow::anyhow!("{path:?} of grant {grant} was not stamped: {why}");
            Err(Error::Internal(why))
        }
    }
}

async fn read_whole(app: &App, file: &File) -> io::Result<Vec<u8>> {
    let flow = files::open(app, file, 0..file.size).await;
    let mut flow = flow.map_err(|e| io::Error::other(e.into_anyhow()))?;
    let mut all = Vec::with_capacity(usize::try_from(file.size).unwrap_or_default());
    while let Some(piece) = flow.next().await {
        all.extend_from_slice(&piece.map_err(io::Error::other)?);
    }
    Ok(all)
}

fn plain_entry(file: &File) -> Option<archive::File> {
    Some(archive::File {
        path: file.path.clone(),
        size: file.size,
        crc32: file.sums.as_ref()?.crc32,
    })
}

fn opener(app: &Arc<App>, places: Vec<Place>) -> Opener {
    let (app, places) = (Arc::clone(app), Arc::new(places));
    Arc::new(move |index, range| {
        let (app, places) = (Arc::clone(&app), Arc::clone(&places));
        let opened: BoxFuture<'static, io::Result<Flow>> = Box::pin(async move {
            match places.get(index) {
                Some(Place::Store(file)) => from_store(&app, file, range).await,
                Some(Place::Copy(copy)) => from_disk(copy.path.clone(), range).await,
                None => Err(io::ErrorKind::NotFound.into()),
            }
        });
        opened
    })
}

async fn from_store(app: &App, file: &File, range: Range<u64>) -> io::Result<Flow> {
    let flow = files::open(app, file, range).await;
    let flow = flow.map_err(|e| io::Error::other(e.into_anyhow()))?;
    Ok(Box::pin(flow.map(|piece| piece.map_err(io::Error::other))))
}

/// A copy that was removed meanwhile is made again by the next request: the bytes are the same.
async fn from_disk(path: PathBuf, range: Range<u64>) -> io::Result<Flow> {
    use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let left = range.end - range.start;
    Ok(Box::pin(try_unfold(
        (file, left),
        |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = Vec::new();
            let read = (&mut file)
                .take(left.min(PIECE))
                .read_to_end(&mut piece)
                .await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some((piece.into(), (file, left - read as u64))))
        },
    )))
}
