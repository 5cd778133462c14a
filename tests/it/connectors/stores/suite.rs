//! What every store that can be written must do, run against each.

use std::sync::Arc;

use bursar::connectors::Fault;
use bursar::connectors::stores::{Entry, Flow, Parcel, Store};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use md5::{Digest as _, Md5};

/// Names as sellers have them: blanks, marks, a sign that addresses give a meaning to.
const NAMES: [&str; 4] = [
    "khoá/Bài 1 – mở đầu.mp4",
    "khoá/phần 2/ghi chú #1 + 100%.pdf",
    "khoá/phần 2/a?b&c=d.txt",
    "khác/x.bin",
];

pub fn flow(bytes: impl Into<Bytes>) -> Flow {
    let bytes = bytes.into();
    let pieces: Vec<_> = bytes
        .chunks(70_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    futures_util::stream::iter(pieces).boxed()
}

pub fn parcel(path: &str, bytes: &[u8]) -> Parcel {
    Parcel {
        path: path.to_owned(),
        size: bytes.len() as u64,
        md5: Some(hex::encode(Md5::digest(bytes))),
        from: 0,
        body: flow(bytes.to_vec()),
    }
}

pub async fn whole(
    store: &dyn Store,
    entry: &Entry,
    range: Option<std::ops::Range<u64>>,
) -> Result<Vec<u8>, Fault> {
    let pieces: Vec<Bytes> = store.open(entry, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

/// Bytes that differ from place to place.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at * 31 % 251).unwrap_or_default())
        .collect()
}

pub async fn keeps_the_contract(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
    whatever_is_put_is_found(store.as_ref()).await;
    parts_are_exact(store.as_ref()).await;
    what_breaks_off_is_not_there(store.as_ref()).await;
    absent_is_said(store.as_ref()).await;
    unusable_names_are_refused(store.as_ref()).await;
}

async fn whatever_is_put_is_found(store: &dyn Store) {
    for (at, name) in NAMES.iter().enumerate() {
        let content = bytes(100_000 * at);
        let put = store.put(parcel(name, &content)).await.unwrap();
        assert_eq!((put.path.as_str(), put.size), (*name, content.len() as u64));
        let seen = store.look(name).await.unwrap().unwrap();
        assert_eq!(seen.size, put.size);
        assert_eq!(whole(store, &seen, None).await.unwrap(), content, "{name}");
    }
    let mut listed: Vec<_> = store.list("khoá", 10).await.unwrap();
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    let mut expected: Vec<_> = NAMES[..3].to_vec();
    expected.sort_unstable();
    let paths: Vec<_> = listed.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, expected);
    assert_eq!(store.list(".", 10).await.unwrap().len(), 4);
    assert!(store.list(".", 3).await.is_err(), "more than the limit");
    // In place of what was there.
    store.put(parcel(NAMES[3], b"short")).await.unwrap();
    let seen = store.look(NAMES[3]).await.unwrap().unwrap();
    assert_eq!(whole(store, &seen, None).await.unwrap(), b"short");
}

async fn parts_are_exact(store: &dyn Store) {
    let content = bytes(300_001);
    store.put(parcel("phần.bin", &content)).await.unwrap();
    let seen = store.look("phần.bin").await.unwrap().unwrap();
    for range in [0..1, 0..300_001, 299_999..300_001, 70_000..140_001, 5..5] {
        let part = whole(store, &seen, Some(range.clone())).await.unwrap();
        let place = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert!(part == content[place], "{range:?}");
    }
}

async fn what_breaks_off_is_not_there(store: &dyn Store) {
    let fault = Fault::Transient {
        why: "the source is away".to_owned(),
        after: None,
    };
    let broken =
        futures_util::stream::iter([Ok(Bytes::from(bytes(200_000))), Err(fault.clone())]).boxed();
    let sent = Parcel {
        body: broken,
        ..parcel("halb.bin", &bytes(400_000))
    };
    assert_eq!(
        store.put(sent).await.unwrap_err(),
        fault,
        "the fault of the source is the fault"
    );
    assert_eq!(store.look("halb.bin").await.unwrap(), None);
    let short = Parcel {
        body: flow(bytes(100)),
        ..parcel("halb.bin", &bytes(400_000))
    };
    assert!(
        store.put(short).await.is_err(),
        "fewer bytes than were promised"
    );
    assert_eq!(store.look("halb.bin").await.unwrap(), None);
    // What is left does not stand in the way of the next attempt.
    let from = store.partial("halb.bin").await.unwrap();
    let content = bytes(400_000);
    let rest = content[usize::try_from(from).unwrap()..].to_vec();
    let again = Parcel {
        from,
        body: flow(rest),
        ..parcel("halb.bin", &content)
    };
    store.put(again).await.unwrap();
    let seen = store.look("halb.bin").await.unwrap().unwrap();
    assert!(whole(store, &seen, None).await.unwrap() == content);
}

async fn absent_is_said(store: &dyn Store) {
    assert_eq!(store.look("nirgends/x").await.unwrap(), None);
    store.remove("nirgends/x").await.unwrap();
    let seen = store.look("halb.bin").await.unwrap().unwrap();
    store.remove("halb.bin").await.unwrap();
    assert_eq!(store.look("halb.bin").await.unwrap(), None);
    assert!(whole(store, &seen, None).await.is_err());
}

async fn unusable_names_are_refused(store: &dyn Store) {
    for path in [
        "../out",
        "/etc/passwd",
        "a//b",
        "a/../b",
        "",
        "a\\b",
        ".hidden",
        "a/\u{0}b",
    ] {
        assert!(store.look(path).await.is_err(), "{path:?}");
        assert!(store.put(parcel(path, b"x")).await.is_err(), "{path:?}");
        assert!(store.remove(path).await.is_err(), "{path:?}");
    }
}
