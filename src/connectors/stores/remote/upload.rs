//! Sending one file: in parts where it is large, believed after it was read back.

use futures_util::TryStreamExt;
use md5::{Digest, Md5};

use super::Remote;
use super::fault::fault;
use crate::connectors::Fault;
use crate::connectors::stores::names::is_plain_path;
use crate::connectors::stores::{Entry, Parcel, mapping, transient};

/// Bytes of a part: a buffer or two of it per file on its way.
const PART: u64 = 8 * 1024 * 1024;
/// S3 takes so many parts, the others more.
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at once.
const AT_ONCE: usize = 2;

pub(super) async fn put(remote: &Remote, parcel: Parcel) -> Result<Entry, Fault> {
    let path = parcel.path.clone();
    if !is_plain_path(&path) {
        return Err(mapping(&format!("{path:?} is not a usable path")));
    }
    if parcel.from > 0 {
        return Err(transient(&format!(
            "nothing of {path:?} was kept: send all of it"
        )));
    }
    let (size, known) = (parcel.size, parcel.md5.clone());
    let sent = send(remote, parcel).await?;
    let found = remote.stat(&path).await?;
    let found = found.ok_or_else(|| transient(&format!("{path:?} was sent and is not there")))?;
    let read_back = read_back(remote, found, &sent);
    let right_size = read_back.size == size;
    let right_sum = [Some(&sent.md5), known.as_ref()]
        .into_iter()
        .flatten()
        .all(|md5| read_back.md5.as_ref().is_none_or(|found| found == md5));
    if right_size && right_sum {
        return Ok(read_back);
    }
    Err(transient(&format!(
        "{path:?} was read back as another content"
    )))
}

/// What went out.
struct Sent {
    /// Of the whole.
    md5: String,
    /// As S3 makes the `ETag` of a file in parts: the MD5 of the parts' MD5s, and their number.
    composite: String,
}

async fn send(remote: &Remote, mut parcel: Parcel) -> Result<Sent, Fault> {
    let path = parcel.path.as_str();
    let part = part_of(parcel.size);
    let writing = remote.operator.writer_with(path);
    let writing = writing
        .chunk(usize::try_from(part).unwrap_or(usize::MAX))
        .concurrent(AT_ONCE)
        .content_type("application/octet-stream");
    let mut writer = writing.await.map_err(|error| fault(&error, path))?;
    let mut sums = Sums::new(part);
    let passed = async {
        while let Some(piece) = parcel.body.try_next().await? {
            sums.take(&piece);
            if sums.bytes > parcel.size {
                break;
            }
            writer
                .write(piece)
                .await
                .map_err(|error| fault(&error, path))?;
        }
        if sums.bytes == parcel.size {
            Ok(())
        } else {
            let size = parcel.size;
            Err(transient(&format!(
                "{path:?} was to have {size} bytes and has another number"
            )))
        }
    };
    if let Err(first) = passed.await {
        // What cannot be taken back now, the store's own rule for unfinished uploads ends.
        drop(writer.abort().await);
        return Err(first);
    }
    writer
        .close()
        .await
        .map_err(|error| unknown(&fault(&error, path)))?;
    Ok(sums.done())
}

/// The last call may have worked although its answer was lost.
fn unknown(fault: &Fault) -> Fault {
    match fault {
        Fault::Transient { why, .. } => Fault::Unknown { why: why.clone() },
        other => other.clone(),
    }
}

/// The etag of a file in parts proves its content as well as an MD5 does, once we know the parts.
fn read_back(remote: &Remote, found: Entry, sent: &Sent) -> Entry {
    let composite = found
        .etag
        .as_ref()
        .is_some_and(|tag| *tag == sent.composite);
    if found.md5.is_none() && remote.traits.etag_is_md5 && composite {
        return Entry {
            md5: Some(sent.md5.clone()),
            ..found
        };
    }
    found
}

fn part_of(size: u64) -> u64 {
    const MIB: u64 = 1024 * 1024;
    PART.max(size.div_ceil(MOST_PARTS).next_multiple_of(MIB))
}

struct Sums {
    whole: Md5,
    parts: Md5,
    part: Md5,
    room: u64,
    number: u64,
    length: u64,
    bytes: u64,
}

impl Sums {
    fn new(length: u64) -> Self {
        Self {
            whole: Md5::new(),
            parts: Md5::new(),
            part: Md5::new(),
            room: length,
            number: 0,
            length,
            bytes: 0,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.whole.update(piece);
        self.bytes += piece.len() as u64;
        let mut rest = piece;
        while !rest.is_empty() {
            let fits = usize::try_from(self.room)
                .unwrap_or(rest.len())
                .min(rest.len());
            let (now, later) = rest.split_at(fits);
            self.part.update(now);
            self.room -= fits as u64;
            rest = later;
            if self.room == 0 {
                self.end_part();
            }
        }
    }

    fn end_part(&mut self) {
        self.parts.update(self.part.finalize_reset());
        self.number += 1;
        self.room = self.length;
    }

    fn done(mut self) -> Sent {
        if self.room < self.length {
            self.end_part();
        }
        Sent {
            md5: hex::encode(self.whole.finalize()),
            composite: format!("{}-{}", hex::encode(self.parts.finalize()), self.number),
        }
    }
}
