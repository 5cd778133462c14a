//! A batch of what a folder lacks: folders, copies from a twin that is whole, uploads. Small files go in
//! one attempt; for a large one the session is stored before the first byte leaves.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::connectors::destinations::drive::{
    Begun, Drive, NewFile, NewFolder, RemoteFile, Session, Source, Stretch, Stride, Trouble, Upload,
};
use crate::connectors::stores::{Entry, Store};
use crate::connectors::{Connectors, Fault};
use crate::db::Tx;
use crate::error::Result;
use crate::model::content::Version;
use crate::model::drive::items::{self, Content, Item};
use crate::model::drive::{self, Folder};

/// Bytes of the small files of one batch, about.
const MOST_BYTES: i64 = 64 * 1024 * 1024;
/// A file that goes in one request: its session need not outlive the attempt.
const SMALL: u64 = 8 * 1024 * 1024;
/// Why a file begins again.
pub(super) const DIFFERS: &str =
    "what arrived on the Drive differs from what was published; it is sent again";

/// What to make, in this order.
pub(super) struct Batch {
    store: String,
    pieces: Vec<Piece>,
}

struct Piece {
    item: Item,
    /// The folder it goes into, over there.
    parent: String,
    /// The same file in a copy that is whole.
    twin: Option<String>,
}

/// What was made.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Made {
    /// Paths of what is there now.
    pub there: Vec<String>,
    /// A file whose bytes may be sent there, or no more.
    pub session: Option<(String, Option<String>)>,
    /// A stretch of a file was sent.
    further: bool,
}

impl Made {
    fn is_nothing(&self) -> bool {
        self.there.is_empty() && self.session.is_none() && !self.further
    }
}

/// The next pieces, with where they go.
pub(super) async fn batch(
    tx: &mut Tx<'_>,
    folder: &Folder,
    remote: &str,
    version: &Version,
    items: Vec<Item>,
) -> Result<Batch> {
    let twin = drive::ready_twin(tx, folder).await?;
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    for item in items {
        bytes += item.content.as_ref().map_or(0, |content| content.size);
        if bytes > MOST_BYTES && !pieces.is_empty() {
            break;
        }
        let parent = match item.parent() {
            None => Some(remote.to_owned()),
            Some(parent) => items::remote(tx, &folder.id, parent).await?,
        };
        let twin = match (&twin, &item.content) {
            (Some(twin), Some(_)) => items::remote(tx, &twin.id, &item.path).await?,
            _ => None,
        };
        let parent = parent.unwrap_or_else(|| remote.to_owned());
        pieces.push(Piece { item, parent, twin });
    }
    Ok(Batch {
        store: version.store.clone(),
        pieces,
    })
}

/// Make as much as works; the trouble of the first piece, where nothing did. None: a file differs.
pub(super) async fn make(
    world: &Connectors,
    drive: &Drive,
    batch: &Batch,
) -> Result<Option<Made>, Trouble> {
    let mut made = Made::default();
    let store = world.stores.get(&batch.store).cloned();
    let store = store.ok_or_else(|| Fault::MappingBroken {
        why: format!("no store called {:?} is configured", batch.store),
    })?;
    for piece in &batch.pieces {
        let step = match &piece.item.content {
            None => {
                let new = folder(drive, &piece.item.remote, piece.item.name(), &piece.parent);
                new.await.map(|_| Step::There)
            }
            Some(content) => file(drive, &store, piece, content).await,
        };
        match step {
            Ok(Step::There) => made.there.push(piece.item.path.clone()),
            Ok(Step::Session(session)) => {
                made.session = Some((piece.item.path.clone(), session));
                break;
            }
            Ok(Step::Further) => {
                made.further = true;
                break;
            }
            Ok(Step::Differs) if made.is_nothing() => return Ok(None),
            Err(trouble) if made.is_nothing() => return Err(trouble),
            // What was made is written down first; the trouble comes again by itself.
            Ok(Step::Differs) | Err(_) => break,
        }
    }
    Ok(Some(made))
}

/// Make a folder, or find that it was made before.
pub(super) async fn folder(
    drive: &Drive,
    id: &str,
    name: &str,
    parent: &str,
) -> Result<RemoteFile, Trouble> {
    let new = NewFolder {
        id: id.to_owned(),
        name: name.to_owned(),
        parent: parent.to_owned(),
    };
    drive.make_folder(&new).await
}

enum Step {
    There,
    /// To be stored before the first byte leaves, or forgotten.
    Session(Option<String>),
    Further,
    Differs,
}

async fn file(
    drive: &Drive,
    store: &Arc<dyn Store>,
    piece: &Piece,
    content: &Content,
) -> Result<Step, Trouble> {
    let size = u64::try_from(content.size).unwrap_or_default();
    let new = NewFile {
        id: piece.item.remote.clone(),
        name: piece.item.name().to_owned(),
        parent: piece.parent.clone(),
        mime: mime_guess::from_path(&piece.item.path)
            .first_or_octet_stream()
            .to_string(),
        size,
        md5: content.md5.clone(),
    };
    if let Some(twin) = &piece.twin {
        return drive.copy(twin, &new).await.map(|_| Step::There);
    }
    let mut upload = match &piece.item.session {
        Some(session) => Upload {
            session: Session::stored(session),
            kept: None,
        },
        None => match drive.begin_upload(&new).await? {
            Begun::Whole(_) => return Ok(Step::There),
            Begun::Session(session) if size > SMALL => {
                return Ok(Step::Session(Some(session.expose().to_owned())));
            }
            Begun::Session(session) => Upload {
                session,
                kept: Some(0),
            },
        },
    };
    let mut source = Kept {
        store: Arc::clone(store),
        entry: Entry {
            path: content.stored_as.clone(),
            size,
            modified: None,
            etag: None,
            md5: None,
        },
    };
    let stride = Stride::default();
    let sent = drive.continue_upload(&new, &mut upload, &mut source, stride);
    Ok(match sent.await? {
        Stretch::Whole(_) => Step::There,
        Stretch::More => Step::Further,
        Stretch::Over => Step::Session(None),
        Stretch::Differs => Step::Differs,
    })
}

/// A file in a store, as an upload reads it.
struct Kept {
    store: Arc<dyn Store>,
    entry: Entry,
}

impl Source for Kept {
    async fn read(&mut self, from: u64, length: usize) -> Result<Bytes, Fault> {
        let range = from..from + length as u64;
        let mut flow = self.store.open(&self.entry, Some(range)).await?;
        let mut bytes = BytesMut::with_capacity(length);
        while let Some(piece) = flow.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes.freeze())
    }
}
