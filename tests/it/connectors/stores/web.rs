//! A web server as a source: archives read in ranges, indexes, and what is refused of both.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bursar::config::{Secret, StoreConnection};
use bursar::connectors::Fault;
use bursar::connectors::stores::{Store, connect, manifest};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use futures_util::TryStreamExt;

use super::every_store::{content, large, parcel};

/// A server whose files a test changes, and that counts the bytes it sends.
#[derive(Clone, Default)]
struct Site {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    sent: Arc<Mutex<usize>>,
}

async fn answer(
    State(site): State<Site>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if headers
        .get("authorization")
        .is_none_or(|auth| auth != "Bearer open sesame")
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = percent_encoding::percent_decode_str(uri.path())
        .decode_utf8()
        .unwrap();
    let all = site.files.lock().unwrap();
    let Some(bytes) = all.get(path.trim_start_matches('/')) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let length = bytes.len();
    let (from, to) = headers.get("range").map_or((0, length), |range| {
        let range = range.to_str().unwrap().trim_start_matches("bytes=");
        let (from, last) = range.split_once('-').unwrap();
        (from.parse().unwrap(), last.parse::<usize>().unwrap() + 1)
    });
    let is_get = method == Method::GET;
    let part = bytes[from..to.min(length)].to_vec();
    *site.sent.lock().unwrap() += if is_get { part.len() } else { 0 };
    let status = if headers.contains_key("range") {
        206
    } else {
        200
    };
    Response::builder()
        .status(status)
        .header("etag", format!("\"{:x}\"", crc32(bytes)))
        .header("content-length", if is_get { part.len() } else { length })
        .body(if is_get {
            Body::from(part)
        } else {
            Body::empty()
        })
        .unwrap()
}

fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

async fn site() -> (Site, Arc<dyn Store>) {
    let site = Site::default();
    let router = axum::Router::new()
        .fallback(answer)
        .with_state(site.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let store = connect(&StoreConnection {
        kind: "http".to_owned(),
        endpoint,
        secret: Some(Secret::new("open sesame")),
        ..StoreConnection::default()
    });
    (site, store.unwrap())
}

impl Site {
    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let mut files = self.files.lock().unwrap();
        files.insert(path.to_owned(), bytes.as_ref().to_vec());
    }
}

/// One file of an archive in the making.
struct Packed<'a> {
    name: &'a str,
    bytes: &'a [u8],
    deflate: bool,
    /// Instead of what is right.
    flags: u16,
    mode: u32,
    says: Option<u32>,
}

fn plain<'a>(name: &'a str, bytes: &'a [u8], deflate: bool) -> Packed<'a> {
    Packed {
        name,
        bytes,
        deflate,
        flags: 0x800,
        mode: 0o100_644,
        says: None,
    }
}

/// An archive after APPNOTE.TXT, sections 4.3.7, 4.3.12, 4.3.16; with `large` its end as zip64 has it.
fn zip(files: &[Packed<'_>], large: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let packed = if file.deflate {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(file.bytes).unwrap();
            encoder.finish().unwrap()
        } else {
            file.bytes.to_vec()
        };
        let at = u32::try_from(archive.len()).unwrap();
        let mut shared = Vec::new();
        shared.extend(20u16.to_le_bytes());
        shared.extend(file.flags.to_le_bytes());
        shared.extend(if file.deflate { 8u16 } else { 0 }.to_le_bytes());
        shared.extend([0; 4]);
        shared.extend(crc32(file.bytes).to_le_bytes());
        shared.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        let size = u32::try_from(file.bytes.len()).unwrap();
        shared.extend(file.says.unwrap_or(size).to_le_bytes());
        shared.extend(u16::try_from(file.name.len()).unwrap().to_le_bytes());
        // The extra field of the file is longer than that of the directory.
        archive.extend(*b"PK\x03\x04");
        archive.extend(&shared);
        archive.extend(4u16.to_le_bytes());
        archive.extend(file.name.as_bytes());
        archive.extend([0xfe, 0xca, 0, 0]);
        archive.extend(packed);
        directory.extend(*b"PK\x01\x02\x14\x03");
        directory.extend(&shared);
        directory.extend([0; 8]);
        directory.extend((file.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(file.name.as_bytes());
    }
    let (at, length) = (archive.len(), directory.len());
    archive.extend(directory);
    let mut end = vec![0; 8];
    end.extend(u32::try_from(length).unwrap().to_le_bytes());
    end.extend(u32::try_from(at).unwrap().to_le_bytes());
    if large {
        let record = archive.len();
        archive.extend(*b"PK\x06\x06");
        archive.extend([0; 36]);
        archive.extend(u64::try_from(length).unwrap().to_le_bytes());
        archive.extend(u64::try_from(at).unwrap().to_le_bytes());
        archive.extend(*b"PK\x06\x07\0\0\0\0");
        archive.extend(u64::try_from(record).unwrap().to_le_bytes());
        archive.extend([1, 0, 0, 0]);
        end = [&[0; 8][..], &[0xff; 8]].concat();
    }
    archive.extend(*b"PK\x05\x06");
    archive.extend(end);
    archive.extend([7, 0]);
    archive.extend(*b"comment");
    archive
}

#[tokio::test]
async fn an_archive_is_a_folder_whose_files_are_read_where_they_lie() {
    for zip64 in [false, true] {
        let (site, store) = site().await;
        let (film, text) = (large(), "xin chào ".repeat(5000));
        let files = [
            plain("phần 1/phim.mp4", &film, false),
            plain("phần 1/bài.txt", text.as_bytes(), true),
            plain("phần 1/", b"", false),
            plain(".DS_Store", b"x", false),
            plain("rỗng.txt", b"", false),
        ];
        site.put("khoá/rust.zip", zip(&files, zip64));
        let found = manifest::of(store.as_ref(), "khoá/rust.zip").await.unwrap();
        let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["phần 1/bài.txt", "phần 1/phim.mp4", "rỗng.txt"]);
        assert!(
            *site.sent.lock().unwrap() < 200_000,
            "the archive was fetched whole"
        );

        let [packed, stored, empty] = [0, 1, 2].map(|at| &found.files[at].entry);
        assert_eq!(content(store.as_ref(), packed).await, text.as_bytes());
        assert!(content(store.as_ref(), stored).await == film);
        assert!(content(store.as_ref(), empty).await.is_empty());
        for (entry, whole) in [(packed, text.as_bytes()), (stored, &film[..])] {
            let read = store.open(entry, Some(100..40_000)).await.unwrap();
            let read: Vec<Bytes> = read.try_collect().await.unwrap();
            assert!(read.concat() == whole[100..40_000]);
            assert_eq!(store.look(&entry.path).await.unwrap().as_ref(), Some(entry));
        }
        assert_eq!(store.look("khoá/rust.zip/none").await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_an_archive_must_not_hold_is_refused_by_name() {
    let bad = |change: fn(&mut Packed<'static>)| {
        let mut file = plain("a.txt", b"aaaaaaaa", true);
        change(&mut file);
        zip(&[file], false)
    };
    let cases: [(Vec<u8>, &str); 7] = [
        (bad(|file| file.name = "../a.txt"), "cannot be downloaded"),
        (
            bad(|file| file.name = "/etc/passwd"),
            "cannot be downloaded",
        ),
        (bad(|file| file.name = "a\\b.txt"), "cannot be downloaded"),
        (bad(|file| file.flags |= 1), "is encrypted"),
        (bad(|file| file.mode = 0o120_777), "is a link"),
        (
            bad(|file| file.says = Some(4_000_000_000)),
            "larger than it can be",
        ),
        (b"PK, but no archive".to_vec(), "not a whole zip archive"),
    ];
    for (archive, expected) in cases {
        let (site, store) = site().await;
        site.put("rust.zip", archive);
        let fault = manifest::of(store.as_ref(), "rust.zip").await.unwrap_err();
        assert!(fault.to_string().contains(expected), "{fault}");
    }
    let (site, store) = site().await;
    let twice = [plain("a.txt", b"1", false), plain("a.txt", b"2", false)];
    site.put("rust.zip", zip(&twice, false));
    let fault = manifest::of(store.as_ref(), "rust.zip").await.unwrap_err();
    assert!(fault.to_string().contains("twice"), "{fault}");
}

#[tokio::test]
async fn a_damaged_file_of_an_archive_is_a_fault_and_never_other_bytes() {
    let text = "xin chào ".repeat(500);
    for says in [None, Some(4000)] {
        let (site, store) = site().await;
        let mut file = plain("a.txt", text.as_bytes(), true);
        file.says = says;
        let mut archive = zip(&[file], false);
        if says.is_none() {
            // Behind the local header, inside the packed bytes.
            archive[30 + 5 + 4 + 12] ^= 0x55;
        }
        site.put("rust.zip", archive);
        let entry = store.look("rust.zip/a.txt").await.unwrap().unwrap();
        let read = store.open(&entry, None).await.unwrap();
        let ended: Result<Vec<Bytes>, Fault> = read.try_collect().await;
        assert!(matches!(ended, Err(Fault::Transient { .. })), "{ended:?}");
    }
}

#[tokio::test]
async fn an_index_names_the_files_of_a_folder() {
    let (site, store) = site().await;
    site.put(
        "rust/index.txt",
        "# the course\nbài 1.txt\n\nphần 2/bài 2.txt\n",
    );
    site.put("rust/bài 1.txt", "xin chào");
    let fault = manifest::of(store.as_ref(), "rust").await.unwrap_err();
    assert!(fault.to_string().contains("does not exist"), "{fault}");
    site.put("rust/phần 2/bài 2.txt", "tạm biệt");
    let found = manifest::of(store.as_ref(), "rust").await.unwrap();
    let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["bài 1.txt", "phần 2/bài 2.txt"]);
    let entry = &found.files[0].entry;
    assert_eq!(content(store.as_ref(), entry).await, "xin chào".as_bytes());
    site.put("rust/bài 1.txt", "xin CHÀO");
    let fault = store.open(entry, None).await.err().unwrap();
    assert!(fault.to_string().contains("has changed"), "{fault}");

    for line in ["../secret.txt", "/etc/passwd", ".hidden", "a//b"] {
        site.put("rust/index.txt", line);
        assert!(
            manifest::of(store.as_ref(), "rust").await.is_err(),
            "{line}"
        );
    }
    let missing = manifest::of(store.as_ref(), "go").await.unwrap_err();
    assert!(
        matches!(missing, Fault::MappingBroken { .. }),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_web_server_is_only_read_and_says_when_it_lets_nobody_in() {
    let (site, store) = site().await;
    site.put("a.txt", "a");
    assert!(!store.abilities().writes);
    assert!(store.put(parcel("b.txt", b"b")).await.is_err());
    assert!(store.remove("a.txt").await.is_err());
    let mut settings = StoreConnection {
        kind: "http".to_owned(),
        endpoint: store.ping().await.unwrap().trim_end_matches('/').to_owned(),
        ..StoreConnection::default()
    };
    settings.secret = Some(Secret::new("another word"));
    let shut = connect(&settings).unwrap().look("a.txt").await.unwrap_err();
    assert!(matches!(shut, Fault::ConnectionBroken { .. }), "{shut:?}");
    assert!(!shut.to_string().contains("another word"), "{shut}");
}
