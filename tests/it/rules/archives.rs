//! A course as one zip: what stands where, and what other people's programs make of it.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use bursar::clock::Timestamp;
use bursar::web::downloads::archive::{Archive, File, Piece};
use bursar::web::downloads::content::{Content, Flow, Opener};
use bursar::web::downloads::respond;
use bursar::web::downloads::sending::Terms;
use proptest::prelude::*;

/// 2026-09-21 14:13:20 UTC.
pub const WRITTEN: Timestamp = Timestamp(1_790_000_000_000);
pub const GIGABYTE: u64 = 1 << 30;

/// Files with these contents.
fn files(contents: &[(&str, &[u8])]) -> Vec<File> {
    let file = |(path, content): &(&str, &[u8])| File {
        path: (*path).to_owned(),
        size: content.len() as u64,
        crc32: crc32fast::hash(content),
    };
    contents.iter().map(file).collect()
}

/// The archive's bytes in this range.
fn bytes(archive: &Archive, contents: &[&[u8]], range: std::ops::Range<u64>) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in archive.slice(range) {
        assert!(piece.length() > 0);
        match piece {
            Piece::Bytes(bytes) => all.extend(bytes),
            Piece::FileRange { index, range } => {
                let at = |place| usize::try_from(place).unwrap();
                all.extend(&contents[index][at(range.start)..at(range.end)]);
            }
        }
    }
    all
}

pub fn whole(contents: &[(&str, &[u8])]) -> Vec<u8> {
    let archive = Archive::of(files(contents), WRITTEN).unwrap();
    let data: Vec<&[u8]> = contents.iter().map(|(_, content)| *content).collect();
    let all = bytes(&archive, &data, 0..archive.length());
    assert_eq!(all.len() as u64, archive.length());
    all
}

/// The archive as a sparse file whose contents are zeros.
pub fn hang(archive: &Archive, path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    let mut at = 0;
    for piece in archive.slice(0..archive.length()) {
        if let Piece::Bytes(bytes) = &piece {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(bytes).unwrap();
        }
        at += piece.length();
    }
    assert_eq!(at, archive.length());
}

/// CRC-32 of so many zeros, without making them.
fn crc_of_zeros(size: u64) -> u32 {
    let (mut all, mut power, mut left) = (crc32fast::Hasher::new(), crc32fast::Hasher::new(), size);
    power.update(&[0]);
    while left > 0 {
        if left & 1 == 1 {
            all.combine(&power);
        }
        let twice = power.clone();
        power.combine(&twice);
        left >>= 1;
    }
    all.finalize()
}

pub fn zeros(path: &str, size: u64) -> File {
    File {
        path: path.to_owned(),
        size,
        crc32: crc_of_zeros(size),
    }
}

/// What Python says of an archive.
fn python(script: &str, archive: &Path) -> String {
    let mut python = Command::new("python3");
    python.arg("-c").arg(script).arg(archive);
    let output = python
        .output()
        .expect("python3 is needed: ./test installs it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{wrong}");
    said
}

pub const COURSE: [(&str, &[u8]); 4] = [
    ("Bài 01 – Bảng tính.mp4", b"0123456789"),
    ("phụ lục/Đề cương.pdf", b"%PDF-1.4 xin chao"),
    ("empty.txt", b""),
    ("last.bin", &[0xff; 3000]),
];

#[test]
fn an_archive_has_the_length_it_promises_and_the_end_that_readers_look_for() {
    let all = whole(&COURSE);
    assert_eq!(&all[..4], b"PK\x03\x04");
    assert_eq!(&all[all.len() - 22..all.len() - 18], b"PK\x05\x06");
    let none = whole(&[]);
    assert_eq!(none.len(), 22);
}

#[test]
fn another_content_name_order_or_date_is_another_version() {
    let tag = |files, written| Archive::of(files, written).unwrap().etag();
    let first = tag(files(&COURSE), WRITTEN);
    assert_eq!(first, tag(files(&COURSE), WRITTEN));
    assert!(first.starts_with('"') && first.ends_with('"'));
    let mut changed = files(&COURSE);
    changed[0].crc32 ^= 1;
    let mut renamed = files(&COURSE);
    renamed[0].path.push('x');
    let mut turned = files(&COURSE);
    turned.swap(0, 1);
    for other in [changed, renamed, turned] {
        assert_ne!(tag(other, WRITTEN), first);
    }
    assert_ne!(tag(files(&COURSE), Timestamp(WRITTEN.0 + 60_000)), first);
}

#[test]
fn a_path_that_the_format_cannot_hold_is_an_error() {
    let long = zeros(&"x".repeat(65_536), 1);
    assert!(Archive::of(vec![long], WRITTEN).is_err());
}

#[test]
fn dates_outside_of_the_format_become_its_first_day() {
    for odd in [
        Timestamp(0),
        Timestamp(i64::MAX),
        Timestamp(5_000_000_000_000),
    ] {
        let archive = Archive::of(files(&COURSE), odd).unwrap();
        let header = bytes(&archive, &[], 10..14);
        assert_eq!(header, [0, 0, 0x21, 0]);
    }
}

#[test]
fn python_reads_every_name_content_date_and_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("course.zip");
    fs::write(&path, whole(&COURSE)).unwrap();
    let said = python(
        "import sys, zipfile\n\
         z = zipfile.ZipFile(sys.argv[1])\n\
         assert z.testzip() is None\n\
         for i in z.infolist(): print(i.filename, i.file_size, i.date_time, oct(i.external_attr >> 16))",
        &path,
    );
    let lines: Vec<String> = COURSE
        .iter()
        .map(|(name, content)| {
            let size = content.len();
            format!("{name} {size} (2026, 9, 21, 14, 13, 20) 0o100644")
        })
        .collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn python_finds_what_lies_beyond_four_gigabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zip");
    let large = vec![
        zeros("small before.bin", 5),
        zeros("large.mp4", 4 * GIGABYTE + 7),
        zeros("exactly.bin", u64::from(u32::MAX)),
        zeros("small behind.bin", 9),
    ];
    let archive = Archive::of(large, WRITTEN).unwrap();
    hang(&archive, &path);
    let said = python(
        "import sys, zipfile\n\
         z = zipfile.ZipFile(sys.argv[1])\n\
         for i in z.infolist(): print(i.filename, i.file_size, i.header_offset)\n\
         print(z.read('small before.bin'), z.read('small behind.bin'))\n\
         print(len(z.open('large.mp4').read(10)))",
        &path,
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "small before.bin 5 0");
    assert_eq!(lines[1], format!("large.mp4 {} 51", 4 * GIGABYTE + 7));
    assert!(lines[2].starts_with("exactly.bin 4294967295 "), "{said}");
    let offset: u64 = lines[3].rsplit(' ').next().unwrap().parse().unwrap();
    assert!(offset > 8 * GIGABYTE, "{said}");
    let zeros = |count: usize| format!("b'{}'", "\\x00".repeat(count));
    assert_eq!(lines[4], format!("{} {}", zeros(5), zeros(9)));
    assert_eq!(lines[5], "10");
}

#[test]
fn python_counts_more_files_than_the_old_format_can() {
    let folder = tempfile::tempdir().unwrap();
    for count in [65_534_usize, 65_535, 70_000] {
        let path = folder.path().join(format!("{count}.zip"));
        let many = (0..count).map(|number| zeros(&format!("{number}.txt"), 1));
        hang(&Archive::of(many.collect(), WRITTEN).unwrap(), &path);
        let script = "import sys, zipfile\n\
             z = zipfile.ZipFile(sys.argv[1])\n\
             n = z.namelist()\n\
             print(len(n), n[-1], z.read(n[-1]))";
        let last = format!("{count} {}.txt b'\\x00'\n", count - 1);
        assert_eq!(python(script, &path), last);
    }
}

#[test]
fn any_part_of_an_archive_of_a_terabyte_is_known_without_reading_it() {
    let terabyte = 1024 * GIGABYTE;
    let files = (0..1000).map(|number| File {
        path: format!("{number}.mp4"),
        size: terabyte / 1000,
        crc32: number,
    });
    let archive = Archive::of(files.collect(), WRITTEN).unwrap();
    assert!(archive.length() > terabyte);
    let pieces: Vec<Piece> = archive.slice(terabyte / 2..terabyte / 2 + 10).collect();
    assert_eq!(pieces.iter().map(Piece::length).sum::<u64>(), 10);
    let end: Vec<Piece> = archive.slice(archive.length() - 22..u64::MAX).collect();
    assert_eq!(end.iter().map(Piece::length).sum::<u64>(), 22);
    assert_eq!(archive.slice(archive.length()..u64::MAX).count(), 0);
}

// Over HTTP.

/// Serves the archive of [`COURSE`].
async fn serve(request: axum::extract::Request) -> axum::response::Response {
    let archive = Archive::of(files(&COURSE), WRITTEN).unwrap();
    let opener: Opener = std::sync::Arc::new(|index, range| {
        Box::pin(async move {
            let at = |place| usize::try_from(place).unwrap();
            let bytes = &COURSE[index].1[at(range.start)..at(range.end)];
            let pieces = bytes.chunks(700).map(|piece| Ok(piece.into()));
            Ok::<Flow, _>(Box::pin(futures_util::stream::iter(pieces)))
        })
    });
    let content = Content::archive(archive, WRITTEN, opener);
    let reply = respond::reply(&content, request.method(), request.headers());
    let answer = respond::respond(content, &reply, "Khóa học.zip", Terms::default());
    answer.await.unwrap()
}

#[tokio::test]
async fn a_download_of_the_whole_course_goes_on_wherever_it_broke() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(serve);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = bursar::connectors::http().unwrap();
    let first = client.get(&url).send().await.unwrap();
    let headers = first.headers().clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/zip");
    assert_eq!(header("accept-ranges"), "bytes");
    assert_eq!(header("last-modified"), "Mon, 21 Sep 2026 14:13:20 GMT");
    let all = first.bytes().await.unwrap();
    assert_eq!(header("content-length"), all.len().to_string());
    assert_eq!(all, whole(&COURSE));
    for broken in [0, 1, 29, 30, 57, 100, 1000, 3200, all.len() - 1] {
        let rest = client.get(&url).header("range", format!("bytes={broken}-"));
        let rest = rest
            .header("if-range", header("etag"))
            .send()
            .await
            .unwrap();
        assert_eq!(rest.status(), 206, "{broken}");
        assert_eq!(rest.bytes().await.unwrap(), all[broken..], "{broken}");
    }
    let stale = client.get(&url).header("range", "bytes=50-");
    let stale = stale.header("if-range", "\"zip-0\"").send().await.unwrap();
    assert_eq!(stale.status(), 200);
}

proptest! {
    #[test]
    fn any_slice_is_that_slice_of_the_whole(
        contents in proptest::collection::vec(("\\PC{1,20}", proptest::collection::vec(any::<u8>(), 0..200)), 0..12),
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
    ) {
        let listed: Vec<(&str, &[u8])> =
            contents.iter().map(|(path, data)| (path.as_str(), data.as_slice())).collect();
        let data: Vec<&[u8]> = listed.iter().map(|(_, data)| *data).collect();
        let all = whole(&listed);
        let archive = Archive::of(files(&listed), WRITTEN).unwrap();
        let (a, b) = (first.index(all.len() + 1), second.index(all.len() + 1));
        let (from, to) = (a.min(b), a.max(b));
        prop_assert_eq!(bytes(&archive, &data, from as u64..to as u64), &all[from..to]);
    }
}
