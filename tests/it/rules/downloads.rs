//! Files over real HTTP: every header rule, and memory that stays flat.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bursar::connectors::stores::Store;
use bursar::connectors::stores::folder::Folder;
use bursar::web::downloads::conditions::Version;
use bursar::web::downloads::content::{Content, Flow, Opener};
use bursar::web::downloads::respond;
use bursar::web::downloads::sending::{self, Terms};
use futures_util::StreamExt;
use reqwest::Method;
use tempfile::TempDir;

struct Shelf {
    dir: TempDir,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Shelf {
    /// A server with one file, `bài 1.mp4`, that holds `content`.
    async fn with(content: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("c")).unwrap();
        fs::write(dir.path().join("c/bài 1.mp4"), content).unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let router = axum::Router::new().fallback(serve).with_state(folder);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            dir,
            address,
            client: bursar::connectors::http().unwrap(),
        }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("c/bài 1.mp4")
    }

    async fn ask(&self, method: Method, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self
            .client
            .request(method, format!("http://{}/", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Status and body of a GET with these headers.
    async fn get(&self, headers: &[(&str, &str)]) -> (u16, String) {
        let response = self.ask(Method::GET, headers).await;
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

async fn serve(State(folder): State<Folder>, request: Request) -> Response {
    answer(&folder, request.method(), request.headers()).await
}

async fn answer(folder: &Folder, method: &Method, headers: &HeaderMap) -> Response {
    let entry = folder.look("c/bài 1.mp4").await.unwrap().unwrap();
    let etag = format!("\"{}\"", entry.etag.as_ref().unwrap());
    let version = Version::new(&etag, entry.modified.unwrap());
    let (folder, size) = (folder.clone(), entry.size);
    let opener: Opener = Arc::new(move |_, range| {
        let (folder, entry) = (folder.clone(), entry.clone());
        Box::pin(async move {
            let flow = folder.open(&entry, Some(range)).await;
            let flow = flow.map_err(std::io::Error::other)?;
            let flow = flow.map(|piece| piece.map_err(std::io::Error::other));
            Ok::<Flow, _>(Box::pin(flow))
        })
    });
    let content = Content::file(version, size, opener);
    let reply = respond::reply(&content, method, headers);
    let answer = respond::respond(content, &reply, "bài 1.mp4", Terms::default()).await;
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn header<'r>(response: &'r reqwest::Response, name: &str) -> &'r str {
    response
        .headers()
        .get(name)
        .map_or("", |v| v.to_str().unwrap())
}

#[tokio::test]
async fn a_file_comes_whole_with_every_header_that_a_private_download_needs() {
    let shelf = Shelf::with(b"0123456789").await;
    for method in [Method::GET, Method::HEAD] {
        let response = shelf.ask(method.clone(), &[]).await;
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-length", "10"),
            ("content-type", "video/mp4"),
            ("accept-ranges", "bytes"),
            ("cache-control", "private, no-store"),
            ("x-robots-tag", "noindex"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("content-range", ""),
        ] {
            assert_eq!(header(&response, name), value, "{method} {name}");
        }
        assert!(header(&response, "content-disposition").starts_with("attachment; "));
        assert!(header(&response, "etag").starts_with('"'));
        assert!(header(&response, "last-modified").ends_with(" GMT"));
        let body = if method == Method::GET {
            "0123456789"
        } else {
            ""
        };
        assert_eq!(response.text().await.unwrap(), body);
    }
}

#[tokio::test]
async fn a_range_gets_those_bytes_and_says_which() {
    let shelf = Shelf::with(b"0123456789").await;
    for (range, content, place) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-4", "4", "bytes 4-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-30", "0123456789", "bytes 0-9/10"),
        ("bytes=5-99999999999999999999999", "56789", "bytes 5-9/10"),
        ("BYTES=0-0", "0", "bytes 0-0/10"),
    ] {
        let response = shelf.ask(Method::GET, &[("range", range)]).await;
        assert_eq!(response.status(), 206, "{range}");
        assert_eq!(header(&response, "content-range"), place);
        assert_eq!(
            header(&response, "content-length"),
            content.len().to_string()
        );
        assert_eq!(header(&response, "cache-control"), "private, no-store");
        assert_eq!(response.text().await.unwrap(), content);
    }
}

#[tokio::test]
async fn a_range_beyond_the_file_is_told_the_size() {
    let shelf = Shelf::with(b"0123456789").await;
    for range in [
        "bytes=10-",
        "bytes=10-20",
        "bytes=-0",
        "bytes=99999999999999999999999-",
    ] {
        let response = shelf.ask(Method::GET, &[("range", range)]).await;
        assert_eq!(response.status(), 416, "{range}");
        assert_eq!(header(&response, "content-range"), "bytes */10");
        assert_eq!(response.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn what_is_no_single_range_gets_the_whole_file() {
    let shelf = Shelf::with(b"0123456789").await;
    let whole = (200, "0123456789".to_owned());
    for range in [
        "bytes=0-1,4-5",
        "bytes=5-2",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1",
        "lines=0-1",
        "bytes 0-1",
        "",
    ] {
        assert_eq!(shelf.get(&[("range", range)]).await, whole, "{range:?}");
    }
    let twice = [("range", "bytes=0-1"), ("range", "bytes=4-5")];
    assert_eq!(shelf.get(&twice).await, whole);
    let head = shelf.ask(Method::HEAD, &[("range", "bytes=0-1")]).await;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, "10")
    );
    let empty = Shelf::with(b"").await;
    for range in ["bytes=0-", "bytes=-5"] {
        assert_eq!(empty.get(&[("range", range)]).await, (200, String::new()));
    }
}

#[tokio::test]
async fn a_copy_that_is_still_fresh_is_not_sent_again() {
    let shelf = Shelf::with(b"0123456789").await;
    let first = shelf.ask(Method::GET, &[]).await;
    let (etag, date) = (header(&first, "etag"), header(&first, "last-modified"));
    let (weak, listed) = (format!("W/{etag}"), format!("\"x\", {etag}"));
    let (before, after) = (
        "Mon, 01 Jan 2001 00:00:00 GMT",
        "Sun, 01 Jan 2090 00:00:00 GMT",
    );
    let table: [(&[(&str, &str)], u16); 15] = [
        (&[("if-none-match", etag)], 304),
        (&[("if-none-match", &weak)], 304),
        (&[("if-none-match", &listed)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"x\"")], 200),
        (&[("if-modified-since", date)], 304),
        (&[("if-modified-since", after)], 304),
        (&[("if-modified-since", before)], 200),
        (&[("if-modified-since", "yesterday")], 200),
        (
            &[("if-none-match", "\"x\""), ("if-modified-since", after)],
            200,
        ),
        (&[("if-match", etag)], 200),
        (&[("if-match", &weak)], 412),
        (&[("if-match", "\"x\"")], 412),
        (&[("if-unmodified-since", before)], 412),
        (&[("if-unmodified-since", date)], 200),
    ];
    for (headers, expected) in table {
        let response = shelf.ask(Method::GET, headers).await;
        assert_eq!(response.status().as_u16(), expected, "{headers:?}");
        assert_eq!(header(&response, "etag"), etag);
        if expected != 200 {
            assert_eq!(response.text().await.unwrap(), "");
        }
    }
}

#[tokio::test]
async fn a_download_continues_only_in_the_version_that_it_began_with() {
    let shelf = Shelf::with(b"0123456789").await;
    let first = shelf.ask(Method::GET, &[]).await;
    let (etag, date) = (header(&first, "etag"), header(&first, "last-modified"));
    let weak = format!("W/{etag}");
    let rest = |validator| [("range", "bytes=5-"), ("if-range", validator)];
    let (part, whole) = ((206, "56789".to_owned()), (200, "0123456789".to_owned()));
    assert_eq!(shelf.get(&rest(etag)).await, part);
    assert_eq!(shelf.get(&rest(date)).await, part);
    let later = "Sun, 01 Jan 2090 00:00:00 GMT";
    for stale in [
        "\"zzz\"",
        &weak,
        later,
        "Mon, 01 Jan 2001 00:00:00 GMT",
        "nonsense",
    ] {
        assert_eq!(shelf.get(&rest(stale)).await, whole, "{stale}");
    }
    // A range that does not exist in the new version is no error either.
    let beyond = [("range", "bytes=50-"), ("if-range", "\"zzz\"")];
    assert_eq!(shelf.get(&beyond).await, whole);

    fs::write(shelf.file(), "a longer new version").unwrap();
    assert_eq!(
        shelf.get(&rest(etag)).await,
        (200, "a longer new version".to_owned())
    );
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_sent_breaks_the_download_and_does_not_hang_it() {
    let size = 64 * 1024 * 1024;
    let shelf = Shelf::with(b"").await;
    fs::File::create(shelf.file())
        .unwrap()
        .set_len(size)
        .unwrap();
    let response = shelf.ask(Method::GET, &[]).await;
    assert_eq!(header(&response, "content-length"), size.to_string());
    let mut stream = response.bytes_stream();
    let mut received = stream.next().await.unwrap().unwrap().len() as u64;
    let file = fs::File::options().write(true).open(shelf.file()).unwrap();
    file.set_len(1024 * 1024).unwrap();
    let mut broken = false;
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(bytes) => received += bytes.len() as u64,
            Err(_) => broken = true,
        }
    }
    assert!(
        broken && received < size,
        "{received} bytes, broken: {broken}"
    );
}

/// The body that is promised for a file of 1000 bytes which then becomes `later`.
async fn body_of_a_changing_file(later: &[u8]) -> Result<usize, axum::Error> {
    let shelf = Shelf::with(&[b'a'; 1000]).await;
    let folder = Folder::open(shelf.dir.path()).unwrap();
    let response = answer(&folder, &Method::GET, &HeaderMap::new()).await;
    fs::write(shelf.file(), later).unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    body.map(|bytes| bytes.len())
}

#[tokio::test]
async fn the_body_is_as_long_as_it_was_promised_or_an_error() {
    assert_eq!(body_of_a_changing_file(&[b'b'; 5000]).await.unwrap(), 1000);
    let error = body_of_a_changing_file(b"b").await.unwrap_err();
    assert!(error.to_string().contains("became shorter"), "{error}");
}

#[test]
fn a_limited_connection_waits_for_as_long_as_its_bytes_should_have_taken() {
    let rate = NonZeroU64::new(1_000_000).unwrap();
    let wait = |sent, millis| sending::wait(rate, sent, Duration::from_millis(millis));
    assert_eq!(wait(0, 0), Duration::ZERO);
    assert_eq!(wait(1_000_000, 0), Duration::from_secs(1));
    assert_eq!(wait(1_000_000, 400), Duration::from_millis(600));
    assert_eq!(wait(1_000_000, 5000), Duration::ZERO);
    assert_eq!(wait(20_000_000_000_000, 0), Duration::from_secs(20_000_000));
}

#[cfg(target_os = "linux")]
mod memory {
    use super::*;

    /// Set in the process that measures.
    const ALONE: &str = "BURSAR_TEST_ALONE";

    /// Memory belongs to a process, and this one is shared with every other test: so the measurement
    /// runs in a process of its own, which is this same test with [`ALONE`] set.
    #[test]
    fn three_hundred_megabytes_stream_through_a_few() {
        const NAME: &str = "rules::downloads::memory::three_hundred_megabytes_stream_through_a_few";
        if std::env::var_os(ALONE).is_some() {
            return tokio::runtime::Runtime::new()
                .unwrap()
                .block_on(stream_a_large_file());
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{output:?}"
        );
    }

    async fn stream_a_large_file() {
        let size = 300 * 1024 * 1024;
        let shelf = Shelf::with(b"").await;
        fs::File::create(shelf.file())
            .unwrap()
            .set_len(size)
            .unwrap();
        // Once with a few bytes, so that threads and buffers of the client are there already.
        shelf.get(&[("range", "bytes=0-9")]).await;
        let before = peak_kib();
        let mut stream = shelf.ask(Method::GET, &[]).await.bytes_stream();
        let mut received = 0;
        while let Some(chunk) = stream.next().await {
            received += chunk.unwrap().len() as u64;
        }
        let growth = peak_kib() - before;
        assert_eq!(received, size);
        assert!(growth < 40 * 1024, "peak memory grew by {growth} KiB");
        eprintln!("peak memory grew by {growth} KiB");
    }

    /// `VmHWM`: the most memory that this process ever held.
    fn peak_kib() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
