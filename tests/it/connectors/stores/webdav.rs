//! WebDAV against a server that others wrote (`dav-server`, in memory), and one of ours that
//! misbehaves. More servers are asked by `./test --peers`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bursar::config::{Secret, StoreConnection};
use bursar::connectors::Fault;
use bursar::connectors::stores::Store;
use bursar::connectors::stores::webdav::WebDav;
use dav_server::{DavHandler, memfs::MemFs};

use super::every_store::parcel;

/// What the server does instead of its work, by verb.
type Trouble = Arc<dyn Fn(&Request) -> Option<Response> + Send + Sync>;

fn store(address: &str, password: Option<&str>) -> anyhow::Result<WebDav> {
    WebDav::new(&StoreConnection {
        endpoint: address.to_owned(),
        account: "anna".to_owned(),
        secret: password.map(Secret::new),
        ..StoreConnection::default()
    })
}

async fn server(trouble: Trouble) -> String {
    let dav = DavHandler::builder()
        .filesystem(MemFs::new())
        .strip_prefix("/dav")
        .build_handler();
    let router = Router::new().fallback(move |request: Request| {
        let (dav, trouble) = (dav.clone(), Arc::clone(&trouble));
        async move {
            match trouble(&request) {
                Some(answer) => answer,
                None => dav.handle(request).await.map(Body::new),
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/dav/")
}

pub async fn behaving() -> WebDav {
    let address = server(Arc::new(|_| None)).await;
    store(&address, None).unwrap()
}

async fn failing(verb: &'static str, status: u16) -> WebDav {
    let address = server(Arc::new(move |request| {
        let fails = request.method().as_str() == verb;
        fails.then(|| StatusCode::from_u16(status).unwrap().into_response())
    }))
    .await;
    store(&address, None).unwrap()
}

fn sentence(fault: &Fault) -> (&'static str, String) {
    let kind = match fault {
        Fault::Transient { .. } => "transient",
        Fault::ConnectionBroken { .. } => "connection",
        Fault::MappingBroken { .. } => "mapping",
        Fault::LearnerProblem { .. } | Fault::Unknown { .. } => "other",
    };
    (kind, fault.to_string())
}

#[tokio::test]
async fn each_refusal_says_what_to_mend() {
    for (verb, status, kind, says) in [
        ("PUT", 507, "connection", "no room"),
        ("PUT", 413, "connection", "as large"),
        ("PUT", 403, "connection", "not let"),
        ("PUT", 423, "transient", "423"),
        ("PUT", 503, "transient", "503"),
        ("MKCOL", 401, "connection", "password"),
        ("MOVE", 502, "transient", "502"),
        ("MOVE", 301, "connection", "points to"),
        ("PROPFIND", 405, "connection", "not switched on"),
    ] {
        let store = failing(verb, status).await;
        let fault = store.put(parcel("a/b.bin", b"bytes")).await.unwrap_err();
        let (is, why) = sentence(&fault);
        assert_eq!(is, kind, "{verb} {status}: {why}");
        assert!(why.contains(says), "{verb} {status}: {why}");
    }
}

/// A server that keeps fewer bytes than it says it took.
#[tokio::test]
async fn a_file_that_was_cut_short_never_gets_its_name() {
    let address = server(Arc::new(|request| {
        (request.method() == "PUT").then(|| StatusCode::CREATED.into_response())
    }))
    .await;
    let dav = store(&address, None).unwrap();
    assert!(dav.put(parcel("a.bin", &[7; 9_000])).await.is_err());
    assert_eq!(dav.look("a.bin").await.unwrap(), None);
}

#[tokio::test]
async fn credentials_go_with_every_call_and_into_no_sentence() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let address = server(Arc::new(move |request| {
        let expected = "Basic YW5uYTpwYXNzLXRoYXQtbXVzdC1ub3Qtc2hvdw==";
        let known = request.headers().get("authorization");
        if known.is_some_and(|value| value == expected) {
            seen.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(StatusCode::UNAUTHORIZED.into_response())
    }))
    .await;
    let known = store(&address, Some("pass-that-must-not-show")).unwrap();
    known.put(parcel("a/b.bin", b"bytes")).await.unwrap();
    // PROPFIND of both names and of the old one, MKCOL, PUT, MOVE.
    assert!(calls.load(Ordering::Relaxed) >= 6);
    let stranger = store(&address, Some("another-secret-word")).unwrap();
    let why = stranger.ping().await.unwrap_err().to_string();
    assert!(
        why.contains("password") && !why.contains("another-secret"),
        "{why}"
    );
}

#[tokio::test]
async fn what_is_no_webdav_folder_is_told_from_one_that_is_away() {
    let page = server(Arc::new(|_| {
        Some((StatusCode::OK, "<html>hello</html>").into_response())
    }))
    .await;
    let (kind, why) = sentence(&store(&page, None).unwrap().ping().await.unwrap_err());
    assert_eq!(kind, "transient", "{why}");
    let multi = server(Arc::new(|_| {
        Some((StatusCode::MULTI_STATUS, "<html>hello</html>").into_response())
    }))
    .await;
    let (kind, why) = sentence(&store(&multi, None).unwrap().ping().await.unwrap_err());
    assert_eq!(
        (kind, why.contains("not as a WebDAV")),
        ("connection", true),
        "{why}"
    );
    assert!(store("ftp://example.com/", None).is_err());
    assert!(store("https://u:p@example.com/", None).is_err());
}
