//! Google's client for Python drives the fake Drive (`tests/peers/drive/check.py`), and a storage
//! emulator that nobody here wrote judges the uploader: it speaks the same resumable protocol.

use std::io::Cursor;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bursar::clock::Clock;
use bursar::connectors;
use bursar::connectors::destinations::drive::fake::{
    Call, FakeDrive, FakeDriveOptions, Mischief, SHARED_DRIVE,
};
use bursar::connectors::destinations::drive::{
    Begun, Drive, NewFile, Session, Stretch, Stride, Upload,
};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/drive");
const STEP: usize = 262_144;
const OBJECT: &str = "lesson";
const SIZE: u32 = 1_700_000;

fn program(name: &str) -> Command {
    let mut command = Command::new(format!("{HERE}/.venv/bin/{name}"));
    command.current_dir(HERE);
    command
}

async fn token(fake: &FakeDrive) -> String {
    let settings = fake.settings();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", settings.client_id.as_ref().unwrap().expose()),
        (
            "client_secret",
            settings.client_secret.as_ref().unwrap().expose(),
        ),
        (
            "refresh_token",
            settings.refresh_token.as_ref().unwrap().expose(),
        ),
    ];
    let request = connectors::http()
        .unwrap()
        .post(&settings.token_url)
        .form(&form);
    let given: Value = request.send().await.unwrap().json().await.unwrap();
    given["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3 and the packages of tests/peers/drive: ./test --peers"]
async fn googles_own_client_for_python_takes_the_fake_for_google_drive() {
    let fake = FakeDrive::start(FakeDriveOptions::default()).await.unwrap();
    fake.has_no_account("stranger@example.com");
    fake.misbehave(
        Call::Chunk,
        [
            Mischief::KeepsOnly(usize::MAX),
            Mischief::Failure,
            Mischief::KeepsOnly(STEP),
        ],
    );
    let mut peer = program("python");
    peer.arg("check.py")
        .env("FAKE", fake.base_url())
        .env("SHARED_DRIVE", SHARED_DRIVE)
        .env("TOKEN", token(&fake).await);
    let ended = tokio::task::spawn_blocking(move || peer.status()).await;
    assert!(ended.unwrap().unwrap().success());
}

/// The emulator at work; it ends with the test.
struct Emulator {
    child: Child,
    url: String,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn emulator() -> Emulator {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let child = program("gcp-storage-emulator")
        .args([
            "start",
            "--host=127.0.0.1",
            "--in-memory",
            "--default-bucket=b",
        ])
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let emulator = Emulator {
        child,
        url: format!("http://127.0.0.1:{port}"),
    };
    let client = connectors::http().unwrap();
    while client
        .get(format!("{}/storage/v1/b/b", emulator.url))
        .send()
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
    emulator
}

/// What stands between: Drive's addresses on our side, those of storage on the other. Chunks and
/// answers pass as they are; each answer to a chunk whose number is in `lost` is lost.
struct Door {
    emulator: String,
    url: String,
    client: reqwest::Client,
    chunks: AtomicUsize,
    lost: Vec<usize>,
    received: AtomicUsize,
}

async fn door(emulator: &Emulator, lost: &[usize]) -> Arc<Door> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = Arc::new(Door {
        emulator: emulator.url.clone(),
        url: format!("http://{}", listener.local_addr().unwrap()),
        client: connectors::http().unwrap(),
        chunks: AtomicUsize::new(0),
        lost: lost.to_vec(),
        received: AtomicUsize::new(0),
    });
    let router = Router::new().fallback(any(pass)).with_state(door.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    door
}

async fn pass(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().as_str();
    if parts.method == "GET" {
        return metadata(&door).await;
    }
    let is_chunk = parts.method == "PUT" && !body.is_empty();
    let number = door
        .chunks
        .fetch_add(usize::from(is_chunk), Ordering::SeqCst);
    door.received
        .fetch_add(if is_chunk { body.len() } else { 0 }, Ordering::SeqCst);
    let asked = if parts.method == "POST" {
        let url = format!(
            "{}/upload/storage/v1/b/b/o?uploadType=resumable&name={OBJECT}",
            door.emulator
        );
        door.client.post(url).json(&json!({"name": OBJECT}))
    } else {
        let range = parts.headers[header::CONTENT_RANGE].clone();
        let put = door.client.put(format!("{}{path}", door.emulator));
        put.header(header::CONTENT_RANGE, range).body(body)
    };
    let answered = asked.send().await.unwrap();
    if is_chunk && door.lost.contains(&number) {
        return Response::builder().status(503).body(Body::empty()).unwrap();
    }
    // Asked about an upload that is whole, the emulator has forgotten the session; Google has not.
    let is_whole = answered.status() == StatusCode::NOT_FOUND
        && door.received.load(Ordering::SeqCst) == SIZE as usize;
    if parts.method == "PUT" && (answered.status() == StatusCode::OK || is_whole) {
        return metadata(&door).await;
    }
    let mut response = Response::builder().status(answered.status());
    if let Some(range) = answered.headers().get(header::RANGE) {
        response = response.header(header::RANGE, range);
    }
    if let Some(location) = answered.headers().get(header::LOCATION) {
        let location = reqwest::Url::parse(location.to_str().unwrap()).unwrap();
        let query = location.query().unwrap_or_default();
        let here = format!("{}{}?{query}", door.url, location.path());
        response = response.header(header::LOCATION, here);
    }
    response
        .body(Body::from(answered.bytes().await.unwrap()))
        .unwrap()
}

/// What storage knows of the object, in Drive's words.
async fn metadata(door: &Door) -> Response {
    let url = format!("{}/storage/v1/b/b/o/{OBJECT}", door.emulator);
    let object = door.client.get(url).send().await.unwrap();
    let object: Value = object.json().await.unwrap();
    let md5 = STANDARD
        .decode(object["md5Hash"].as_str().unwrap())
        .unwrap();
    let size = object["size"]
        .as_str()
        .map_or_else(|| object["size"].to_string(), str::to_owned);
    let file = json!({"id": "reserved", "size": size, "md5Checksum": hex::encode(md5)});
    let json = Response::builder().header(header::CONTENT_TYPE, "application/json");
    json.body(Body::from(file.to_string())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3 and the packages of tests/peers/drive: ./test --peers"]
async fn an_emulator_of_googles_storage_takes_our_uploads_whole_whatever_answers_are_lost() {
    let bytes: Vec<u8> = (0..SIZE)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    let tokens = FakeDrive::start(FakeDriveOptions::default()).await.unwrap();
    for lost in [&[][..], &[0], &[1, 2], &[3], &[0, 1, 2, 3]] {
        let emulator = emulator().await;
        let door = door(&emulator, lost).await;
        let mut settings = tokens.settings();
        settings.api_url.clone_from(&door.url);
        let drive = Drive::connect(&settings, Clock::system()).unwrap();
        let new = NewFile {
            id: "reserved".to_owned(),
            name: "lesson.mp4".to_owned(),
            parent: "folder".to_owned(),
            mime: "video/mp4".to_owned(),
            size: bytes.len() as u64,
            md5: hex::encode(Md5::digest(&bytes)),
        };
        let troubles = sent(&drive, &new, &bytes).await;
        assert_eq!(troubles, lost.len(), "{lost:?}");
        let url = format!(
            "{}/download/storage/v1/b/b/o/{OBJECT}?alt=media",
            emulator.url
        );
        let read = door
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert!(read == bytes, "{lost:?}: {} bytes came back", read.len());
        assert_eq!(
            door.received.load(Ordering::SeqCst),
            bytes.len(),
            "{lost:?}: sent twice"
        );
    }
}

/// How many attempts failed before the file was whole.
async fn sent(drive: &Drive, new: &NewFile, bytes: &[u8]) -> usize {
    let Begun::Session(session) = drive.begin_upload(new).await.unwrap() else {
        panic!("it is there already");
    };
    let stored = session.expose().to_owned();
    let stride = Stride {
        chunk: 2 * STEP,
        most: u64::MAX,
    };
    for troubles in 0..10 {
        // As after a crash: nothing is known but the session. At first nothing was sent: asked then, the
        // emulator says that it has one byte, where Google says that it has none.
        let mut upload = Upload {
            session: Session::stored(&stored),
            kept: (troubles == 0).then_some(0),
        };
        let mut source = Cursor::new(bytes);
        let sent = drive
            .continue_upload(new, &mut upload, &mut source, stride)
            .await;
        if let Ok(Stretch::Whole(_)) = sent {
            return troubles;
        }
        assert!(sent.is_err(), "{sent:?}");
    }
    panic!("not sent in ten attempts");
}
