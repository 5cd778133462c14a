//! Zip archives read from their end (APPNOTE.TXT 6.3.10, sections 4.3 to 4.5): the directory, then each
//! file where it lies. Stored and deflated files; nothing encrypted, no links, no lies about sizes.

use std::ops::Range;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::request::Seen;
use crate::connectors::Fault;
use crate::connectors::stores::names::is_plain_path;
use crate::connectors::stores::{Entry, Flow, PIECE, mapping, transient};

/// The end record and the longest comment behind it (4.3.16).
const TAIL: u64 = 22 + 65_535;
/// Bytes of a directory: a hundred thousand files with long names.
const DIRECTORY: u64 = 64 * 1024 * 1024;
/// Deflate does not shrink further than so many to one.
const SMALLEST: u64 = 1032;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

/// What an archive holds.
#[derive(Debug)]
pub(super) struct Directory {
    /// The archive it was read from.
    pub archive: Seen,
    /// Sorted by path.
    pub members: Vec<Member>,
}

/// One file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// As the archive has it.
    pub path: String,
    size: u64,
    packed: u64,
    crc32: u32,
    method: u16,
    flags: u16,
    mode: u32,
    at: u64,
}

impl Directory {
    pub(super) fn member(&self, path: &str) -> Option<&Member> {
        let place = self.members.binary_search_by(|m| m.path.as_str().cmp(path));
        place.ok().map(|place| &self.members[place])
    }
}

impl Member {
    /// The same content has the same tag in any archive.
    pub(super) fn entry(&self, archive: &str) -> Entry {
        Entry {
            path: format!("{archive}/{}", self.path),
            size: self.size,
            modified: None,
            etag: Some(format!("{:08x}-{:x}", self.crc32, self.size)),
            md5: None,
        }
    }

    /// Can be given to a buyer.
    pub(super) fn check(&self, archive: &str) -> Result<(), Fault> {
        let is_link = self.mode & 0o170_000 == 0o120_000;
        let wrong = if !is_plain_path(&self.path) {
            "has a name that cannot be downloaded"
        } else if self.flags & 1 != 0 {
            "is encrypted"
        } else if is_link {
            "is a link"
        } else if !matches!(self.method, 0 | 8) {
            "is packed in a way that Bursar cannot read (only stored and deflated)"
        } else if self.size.div_ceil(SMALLEST) > self.packed.max(1) {
            "says it is larger than it can be"
        } else {
            return Ok(());
        };
        Err(mapping(&format!("{:?} in {archive:?} {wrong}", self.path)))
    }
}

/// Read the directory of an archive; `fetch` gives a range of it.
pub(super) async fn directory<F>(
    name: &str,
    archive: Seen,
    fetch: impl Fn(Range<u64>) -> F,
) -> Result<Directory, Fault>
where
    F: Future<Output = Result<Vec<u8>, Fault>>,
{
    let broken = || mapping(&format!("{name:?} is not a whole zip archive"));
    let from = archive.size.saturating_sub(TAIL);
    let tail = fetch(from..archive.size).await?;
    let end = tail.windows(4).rposition(|four| four == END);
    let end = end.ok_or_else(broken)?;
    let mut place = end_record(&tail[end..]).ok_or_else(broken)?;
    if let Some(locator) = end.checked_sub(20).map(|at| &tail[at..end])
        && locator.starts_with(&LOCATOR_64)
    {
        let at = u64_at(locator, 8).ok_or_else(broken)?;
        let stop = at.checked_add(56).filter(|stop| *stop <= archive.size);
        let record = fetch(at..stop.ok_or_else(broken)?).await?;
        place = end_record_64(&record).ok_or_else(broken)?;
    }
    let (at, length) = place;
    let stop = at.checked_add(length).filter(|stop| *stop <= archive.size);
    let stop = stop.ok_or_else(broken)?;
    if length > DIRECTORY {
        return Err(mapping(&format!("{name:?} has too many files")));
    }
    let bytes = fetch(at..stop).await?;
    let mut members = members(&bytes).ok_or_else(broken)?;
    members.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some((one, _)) = members
        .iter()
        .zip(members.iter().skip(1))
        .find(|(a, b)| a.path == b.path)
    {
        return Err(mapping(&format!("{name:?} holds {:?} twice", one.path)));
    }
    Ok(Directory { archive, members })
}

/// The bytes of a member; `fetch` gives ranges of its archive.
pub(super) async fn open<F>(
    member: &Member,
    range: Range<u64>,
    fetch: impl Fn(Range<u64>) -> F,
) -> Result<Flow, Fault>
where
    F: Future<Output = Result<Flow, Fault>>,
{
    member.check("the archive")?;
    let broken = || transient(&format!("{:?} is not where its archive says", member.path));
    let header: Vec<Bytes> = fetch(member.at..member.at + 30)
        .await?
        .try_collect()
        .await?;
    let header = header.concat();
    if !header.starts_with(&LOCAL) {
        return Err(broken());
    }
    // Name and extra field may differ from those of the directory in length.
    let name = u16_at(&header, 26).ok_or_else(broken)?;
    let extra = u16_at(&header, 28).ok_or_else(broken)?;
    let from = member.at + 30 + u64::from(name) + u64::from(extra);
    if member.method == 0 {
        return fetch(from + range.start..from + range.end).await;
    }
    let packed = fetch(from..from + member.packed).await?;
    let unpacked = checked(inflated(packed, member.path.clone()), member);
    Ok(part(unpacked, range))
}

fn end_record(record: &[u8]) -> Option<(u64, u64)> {
    let (length, at) = (u32_at(record, 12)?, u32_at(record, 16)?);
    Some((at.into(), length.into()))
}

fn end_record_64(record: &[u8]) -> Option<(u64, u64)> {
    record.starts_with(&END_64).then_some(())?;
    Some((u64_at(record, 48)?, u64_at(record, 40)?))
}

fn members(mut bytes: &[u8]) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    while bytes.starts_with(&ENTRY) {
        let lengths = [u16_at(bytes, 28)?, u16_at(bytes, 30)?, u16_at(bytes, 32)?];
        let [name, extra, comment] = lengths.map(usize::from);
        let rest = bytes.get(46..)?;
        let (name, rest) = rest.split_at_checked(name)?;
        let (extra, rest) = rest.split_at_checked(extra)?;
        let member = member(bytes, name, extra)?;
        if !member.path.ends_with('/') {
            members.push(member);
        }
        bytes = rest.get(comment..)?;
    }
    Some(members)
}

fn member(entry: &[u8], name: &[u8], extra: &[u8]) -> Option<Member> {
    let mut large = large_sizes(extra);
    let mut wide = |at: usize| {
        let narrow = u32_at(entry, at)?;
        // 4.5.3: only what does not fit is in the extra field, in this order.
        if narrow == u32::MAX {
            large.next()
        } else {
            Some(u64::from(narrow))
        }
    };
    Some(Member {
        // Older programs write names in the code page of their machine: a wrong name is refused later.
        path: String::from_utf8(name.to_vec()).unwrap_or_else(|_| "\u{0}".to_owned()),
        size: wide(24)?,
        packed: wide(20)?,
        at: wide(42)?,
        crc32: u32_at(entry, 16)?,
        method: u16_at(entry, 10)?,
        flags: u16_at(entry, 8)?,
        // The upper half holds Unix's mode where the archive was made on Unix.
        mode: u32_at(entry, 38)? >> 16,
    })
}

fn large_sizes(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut values = Vec::new();
    while let (Some(kind), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let body = extra.get(4..).unwrap_or_default();
        let body = body.get(..usize::from(length)).unwrap_or_default();
        if kind == 1 {
            values = (0..body.len() / 8)
                .filter_map(|at| u64_at(body, at * 8))
                .collect();
        }
        extra = extra.get(4 + usize::from(length)..).unwrap_or_default();
    }
    values.into_iter()
}

fn inflated(packed: Flow, path: String) -> Flow {
    let broken = move || transient(&format!("{path:?} is damaged in its archive"));
    let start = (packed, Decompress::new(false), Bytes::new(), false);
    let pieces = stream::try_unfold(start, move |(mut packed, mut state, mut left, ended)| {
        let broken = broken.clone();
        async move {
            if ended {
                return Ok(None);
            }
            if left.is_empty() {
                left = packed.try_next().await?.unwrap_or_default();
            }
            let flush = if left.is_empty() {
                FlushDecompress::Finish
            } else {
                FlushDecompress::None
            };
            let mut out = Vec::with_capacity(PIECE / 4);
            let before = state.total_in();
            let status = state.decompress_vec(&left, &mut out, flush);
            let status = status.map_err(|_| broken())?;
            let used = usize::try_from(state.total_in() - before).unwrap_or(left.len());
            if used == 0 && out.is_empty() && status != Status::StreamEnd {
                return Err(broken());
            }
            left = left.slice(used..);
            let ended = status == Status::StreamEnd;
            Ok(Some((Bytes::from(out), (packed, state, left, ended))))
        }
    });
    pieces
        .try_filter(|piece: &Bytes| std::future::ready(!piece.is_empty()))
        .boxed()
}

/// The checksum of the directory, held against the bytes before the last of them go on.
fn checked(flow: Flow, member: &Member) -> Flow {
    let (crc32, size, path) = (member.crc32, member.size, member.path.clone());
    let start = (flow, crc32fast::Hasher::new(), 0);
    let held = stream::try_unfold(start, move |(mut flow, mut sum, passed)| {
        let path = path.clone();
        async move {
            let piece = flow.try_next().await?;
            let piece = piece.filter(|_| passed < size).unwrap_or_default();
            sum.update(&piece);
            let now = passed + piece.len() as u64;
            let is_right = now < size || (now == size && sum.clone().finalize() == crc32);
            if !is_right || (piece.is_empty() && now < size) {
                let why = format!("{path:?} is damaged in its archive");
                return Err(transient(&why));
            }
            Ok((passed < size).then_some((piece, (flow, sum, now))))
        }
    });
    Box::pin(held)
}

/// A range of what is only readable from its start; what follows it is not read.
fn part(flow: Flow, range: Range<u64>) -> Flow {
    let mut at = 0;
    let placed = flow.map_ok(move |piece: Bytes| {
        let start = at;
        at += piece.len() as u64;
        (start, piece)
    });
    let until = range.end;
    let placed = placed.try_take_while(move |(start, _)| std::future::ready(Ok(*start < until)));
    let pieces = placed.map_ok(move |(start, piece)| {
        let end = start + piece.len() as u64;
        let within = |place: u64| usize::try_from(place.clamp(start, end) - start).unwrap_or(0);
        piece.slice(within(range.start)..within(range.end.max(range.start)))
    });
    pieces
        .try_filter(|piece| std::future::ready(!piece.is_empty()))
        .boxed()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..at + 2)?
        .try_into()
        .ok()
        .map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..at + 8)?
        .try_into()
        .ok()
        .map(u64::from_le_bytes)
}
