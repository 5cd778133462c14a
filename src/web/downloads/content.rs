//! What a download sends: one file, or a course as one archive of many. Nothing is opened before
//! bytes of it are asked for.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;

use super::archive::{Archive, Piece};
use super::conditions::Version;
use crate::clock::Timestamp;

/// Bytes on their way.
pub type Flow = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Gives these bytes of the file with this place in the list; of a single file the place is 0.
pub type Opener =
    Arc<dyn Fn(usize, Range<u64>) -> BoxFuture<'static, io::Result<Flow>> + Send + Sync>;

/// Bytes with a version.
pub struct Content {
    /// Their state.
    pub version: Version,
    /// How many.
    pub size: u64,
    pub(super) plan: Plan,
}

/// Where the bytes come from.
pub(super) struct Plan {
    /// What stands around the files; `None` is one file as it is.
    archive: Option<Archive>,
    opener: Opener,
}

/// The bytes that come next.
pub(super) enum Next {
    /// These.
    Bytes(Bytes),
    /// Those of a flow that ends after so many.
    Flow(Flow, u64),
}

impl Content {
    /// One file.
    #[must_use]
    pub fn file(version: Version, size: u64, opener: Opener) -> Self {
        let plan = Plan {
            archive: None,
            opener,
        };
        Self {
            version,
            size,
            plan,
        }
    }

    /// An archive of files, as it stood at `written`.
    #[must_use]
    pub fn archive(archive: Archive, written: Timestamp, opener: Opener) -> Self {
        Self {
            version: Version::new(&archive.etag(), written),
            size: archive.length(),
            plan: Plan {
                archive: Some(archive),
                opener,
            },
        }
    }
}

impl Plan {
    /// What begins this range.
    pub(super) async fn next(&self, range: Range<u64>) -> io::Result<Next> {
        let piece = match &self.archive {
            None => Some(Piece::FileRange { index: 0, range }),
            Some(archive) => archive.piece(range),
        };
        match piece {
            Some(Piece::Bytes(bytes)) => Ok(Next::Bytes(bytes.into())),
            Some(Piece::FileRange { index, range }) => {
                let length = range.end - range.start;
                Ok(Next::Flow((self.opener)(index, range).await?, length))
            }
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
