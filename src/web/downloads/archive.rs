//! A whole course as one zip whose every byte is known before the first is sent: entries are stored,
//! not compressed (video would not shrink), and their checksums and sizes are known from the manifest.
//! So it has a length, an entity tag, and any part of it can be sent alone. No input or output here.
//!
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (zip64). Sizes and checksums stand in the
//! local headers, because readers of a stream cannot take them from behind stored data.

use std::fmt;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;

/// One file that goes into an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies in the archive, with `/` between the parts.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// CRC-32 of its bytes, as zip and PNG have it.
    pub crc32: u32,
}

/// What stands where in an archive.
#[derive(Clone)]
pub struct Archive {
    entries: Vec<Entry>,
    written: DosTime,
    /// Where the directory begins.
    directory: u64,
    /// Where the directory ends.
    end: u64,
}

/// A part of an archive: bytes of its own, or bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Headers and directory.
    Bytes(Vec<u8>),
    /// These bytes of the file with this place in the list.
    FileRange {
        /// Which file.
        index: usize,
        /// Which of its bytes.
        range: Range<u64>,
    },
}

#[derive(Clone)]
struct Entry {
    file: File,
    /// Where its local header begins.
    header: u64,
    /// Where its record in the directory begins.
    record: u64,
}

/// The longest path that the format can hold.
const LONGEST_PATH: usize = u16::MAX as usize;
/// From here on a number stands in a zip64 field, and this in its place.
const WIDE: u64 = u32::MAX as u64;
/// The same for the number of entries.
const MANY: usize = u16::MAX as usize;
/// Small records are handed out together up to so many bytes.
const TOGETHER: usize = 64 * 1024;

const LOCAL: usize = 30;
const LOCAL_WIDE: usize = 20;
const RECORD: usize = 46;
const END: u64 = 22;
/// The zip64 end and its locator.
const END_WIDE: u64 = 56 + 20;

/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Unix (3), and the version of the format that is spoken: 4.5.
const MADE_BY: u16 = 0x032d;
/// A plain file that its owner may write and all may read.
const MODE: u32 = 0o100_644 << 16;

impl Archive {
    /// Of these files in this order, each dated `written`. Fails on a path that is too long.
    pub fn of(files: Vec<File>, written: Timestamp) -> anyhow::Result<Self> {
        let mut entries = Vec::with_capacity(files.len());
        let mut at = 0;
        for file in files {
            let length = file.path.len();
            anyhow::ensure!(length <= LONGEST_PATH, "a path of {length} bytes");
            let header = at;
            at += local_length(&file) + file.size;
            entries.push(Entry {
                file,
                header,
                record: 0,
            });
        }
        let directory = at;
        for entry in &mut entries {
            entry.record = at;
            at += record_length(entry);
        }
        Ok(Self {
            entries,
            written: DosTime::of(written),
            directory,
            end: at,
        })
    }

    /// Bytes of the whole archive.
    #[must_use]
    pub fn length(&self) -> u64 {
        let wide = if self.is_wide() { END_WIDE } else { 0 };
        self.end + wide + END
    }

    /// A strong entity tag with its quotes: the same for the same files, names, order and date.
    #[must_use]
    pub fn etag(&self) -> String {
        let mut digest = Sha256::new_with_prefix(b"bursar.archive.v1");
        digest.update(self.written.packed().to_le_bytes());
        for Entry { file, .. } in &self.entries {
            digest.update((file.path.len() as u64).to_le_bytes());
            digest.update(file.path.as_bytes());
            digest.update(file.size.to_le_bytes());
            digest.update(file.crc32.to_le_bytes());
        }
        format!("\"zip-{}\"", hex::encode(&digest.finalize()[..16]))
    }

    /// These bytes of the archive, piece by piece.
    pub fn slice(&self, range: Range<u64>) -> impl Iterator<Item = Piece> + '_ {
        let end = range.end.min(self.length());
        let mut at = range.start;
        std::iter::from_fn(move || {
            let piece = self.piece(at..end)?;
            at += piece.length();
            Some(piece)
        })
    }

    /// The piece with which these bytes begin; `None` when there are none.
    #[must_use]
    pub fn piece(&self, range: Range<u64>) -> Option<Piece> {
        let end = range.end.min(self.length());
        let at = range.start;
        if at >= end {
            return None;
        }
        let left = end - at;
        Some(if at < self.directory {
            self.in_files(at, left)
        } else {
            Piece::Bytes(self.behind_files(at, left))
        })
    }

    /// A piece of the local header or of the data of the entry around `at`.
    fn in_files(&self, at: u64, left: u64) -> Piece {
        let index = self.entries.partition_point(|entry| entry.header <= at) - 1;
        let entry = &self.entries[index];
        let data = entry.header + local_length(&entry.file);
        if at >= data {
            let first = at - data;
            let last = entry.file.size.min(first + left);
            return Piece::FileRange {
                index,
                range: first..last,
            };
        }
        let bytes = local_header(entry, self.written);
        Piece::Bytes(cut(bytes, at - entry.header, left))
    }

    /// Bytes of the directory and of the end.
    fn behind_files(&self, at: u64, left: u64) -> Vec<u8> {
        if at >= self.end {
            return cut(self.end_records(), at - self.end, left);
        }
        let first = self.entries.partition_point(|entry| entry.record <= at) - 1;
        let skipped = at - self.entries[first].record;
        let mut bytes = Vec::new();
        for entry in &self.entries[first..] {
            if bytes.len() >= TOGETHER {
                break;
            }
            bytes.extend(record(entry, self.written));
        }
        cut(bytes, skipped, left)
    }

    fn is_wide(&self) -> bool {
        let directory = self.end - self.directory;
        self.entries.len() >= MANY || self.directory >= WIDE || directory >= WIDE
    }

    fn end_records(&self) -> Vec<u8> {
        let (entries, size) = (self.entries.len() as u64, self.end - self.directory);
        let mut out = Fields::default();
        if self.is_wide() {
            out.u32(0x0606_4b50).u64(44).u16(MADE_BY).u16(45);
            out.u32(0).u32(0).u64(entries).u64(entries);
            out.u64(size).u64(self.directory);
            out.u32(0x0706_4b50).u32(0).u64(self.end).u32(1);
        }
        let count = u16::try_from(entries).unwrap_or(u16::MAX);
        out.u32(0x0605_4b50).u16(0).u16(0).u16(count).u16(count);
        out.u32(narrow(size)).u32(narrow(self.directory)).u16(0);
        out.0
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Archive({} files, {} bytes)",
            self.entries.len(),
            self.length()
        )
    }
}

impl Piece {
    /// How many bytes; never none.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::FileRange { range, .. } => range.end - range.start,
        }
    }
}

fn local_length(file: &File) -> u64 {
    let wide = if file.size >= WIDE { LOCAL_WIDE } else { 0 };
    (LOCAL + file.path.len() + wide) as u64
}

fn record_length(entry: &Entry) -> u64 {
    (RECORD + entry.file.path.len() + wide_fields(entry).len()) as u64
}

fn local_header(entry: &Entry, written: DosTime) -> Vec<u8> {
    let file = &entry.file;
    let wide = file.size >= WIDE;
    let mut out = Fields::default();
    out.u32(0x0403_4b50).u16(version(wide));
    described(&mut out, file, written);
    out.u16(if wide { 20 } else { 0 });
    out.0.extend(file.path.as_bytes());
    if wide {
        out.u16(1).u16(16).u64(file.size).u64(file.size);
    }
    out.0
}

fn record(entry: &Entry, written: DosTime) -> Vec<u8> {
    let extra = wide_fields(entry);
    let mut out = Fields::default();
    out.u32(0x0201_4b50).u16(MADE_BY);
    out.u16(version(!extra.is_empty()));
    described(&mut out, &entry.file, written);
    out.u16(u16::try_from(extra.len()).unwrap_or_default());
    // No comment, the first disk, no internal attributes.
    out.u16(0).u16(0).u16(0).u32(MODE).u32(narrow(entry.header));
    out.0.extend(entry.file.path.as_bytes());
    out.0.extend(extra);
    out.0
}

/// What both headers say alike, from the flags to the length of the path.
fn described(out: &mut Fields, file: &File, written: DosTime) {
    let size = narrow(file.size);
    out.u16(UTF8).u16(0).u32(written.packed()).u32(file.crc32);
    out.u32(size).u32(size);
    out.u16(u16::try_from(file.path.len()).unwrap_or_default());
}

/// The zip64 field of a record: only what does not fit in its own place.
fn wide_fields(entry: &Entry) -> Vec<u8> {
    let mut values = Fields::default();
    if entry.file.size >= WIDE {
        values.u64(entry.file.size).u64(entry.file.size);
    }
    if entry.header >= WIDE {
        values.u64(entry.header);
    }
    if values.0.is_empty() {
        return Vec::new();
    }
    let mut field = Fields::default();
    field.u16(1);
    field.u16(u16::try_from(values.0.len()).unwrap_or_default());
    field.0.extend(values.0);
    field.0
}

/// What a reader must understand: 4.5 for zip64, 2.0 for folders in names.
fn version(wide: bool) -> u16 {
    if wide { 45 } else { 20 }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// At most `left` bytes behind the first `skipped`.
fn cut(mut bytes: Vec<u8>, skipped: u64, left: u64) -> Vec<u8> {
    let skipped = usize::try_from(skipped).map_or(bytes.len(), |n| n.min(bytes.len()));
    bytes.drain(..skipped);
    bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
    bytes
}

/// A moment as zip has it: in steps of two seconds from 1980 to 2107.
#[derive(Debug, Clone, Copy)]
struct DosTime {
    date: u16,
    time: u16,
}

impl DosTime {
    /// In UTC: the format knows no zone.
    fn of(moment: Timestamp) -> Self {
        let seconds = jiff::Timestamp::from_second(moment.unix_seconds());
        let moment = seconds
            .unwrap_or_default()
            .to_zoned(jiff::tz::TimeZone::UTC);
        let [month, day] = [moment.month(), moment.day()].map(|n| u16::from(n.unsigned_abs()));
        let clock = [moment.hour(), moment.minute(), moment.second()];
        let [hour, minute, second] = clock.map(|n| u16::from(n.unsigned_abs()));
        match u16::try_from(moment.year() - 1980) {
            Ok(years @ 0..=127) => Self {
                date: years << 9 | month << 5 | day,
                time: hour << 11 | minute << 5 | (second / 2),
            },
            // 1 January 1980.
            _ => Self {
                date: 1 << 5 | 1,
                time: 0,
            },
        }
    }

    fn packed(self) -> u32 {
        u32::from(self.date) << 16 | u32::from(self.time)
    }
}

/// Numbers with their lowest byte first.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }
}
