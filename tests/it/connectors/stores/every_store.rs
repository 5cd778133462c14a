//! The contract of places that hold files, kept by every kind that needs no server. The same cases run
//! against a server that others wrote with `./test --peers`.

use bursar::config::StoreConnection;
use bursar::connectors::Fault;
use bursar::connectors::stores::folder::Folder;
use bursar::connectors::stores::{Entry, Flow, PIECE, Parcel, Proof, Store, canary, connect};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};

use super::{rclone, webdav};

/// Every kind, empty. opendal's own memory stands for the kinds behind opendal.
async fn each(test: impl AsyncFn(&dyn Store)) {
    let dir = tempfile::tempdir().unwrap();
    eprintln!("in a folder");
    test(&Folder::open(dir.path()).unwrap()).await;
    eprintln!("in a folder that is made on demand");
    test(&Folder::made_on_demand(dir.path().join("later/still"))).await;
    let memory = StoreConnection {
        kind: "memory".to_owned(),
        ..StoreConnection::default()
    };
    eprintln!("in memory");
    test(connect(&memory).unwrap().as_ref()).await;
    eprintln!("over WebDAV");
    test(&webdav::behaving().await).await;
    eprintln!("through rclone");
    let dir = tempfile::tempdir().unwrap();
    test(&rclone::local(dir.path())).await;
}

/// Pieces of a size that no part and no range is a multiple of.
pub fn flow(content: &[u8]) -> Flow {
    let pieces: Vec<_> = content
        .chunks(300_007)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    Box::pin(stream::iter(pieces))
}

pub fn parcel(path: &str, content: &[u8]) -> Parcel {
    Parcel {
        path: path.to_owned(),
        size: content.len() as u64,
        md5: None,
        from: 0,
        body: flow(content),
    }
}

pub async fn content(store: &dyn Store, entry: &Entry) -> Vec<u8> {
    let flow = store.open(entry, None).await.unwrap();
    let pieces: Vec<Bytes> = flow.try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
    pieces.concat()
}

pub fn large() -> Vec<u8> {
    (0u64..2_500_000).flat_map(u64::to_le_bytes).collect()
}

async fn paths(store: &dyn Store, folder: &str) -> Vec<String> {
    let listed = store.list(folder, 100).await.unwrap();
    let mut paths: Vec<String> = listed.into_iter().map(|entry| entry.path).collect();
    paths.sort();
    paths
}

/// What every store does with a file, from its first byte to its end.
pub async fn a_file_lives_and_dies(store: &dyn Store) {
    let path = "khóa/bài 1+2 & 3.txt";
    assert_eq!(store.look(path).await.unwrap(), None);
    let put = store.put(parcel(path, b"xin ch\xc3\xa0o")).await.unwrap();
    assert_eq!((put.path.as_str(), put.size), (path, 9));
    let found = store.look(path).await.unwrap().unwrap();
    assert_eq!((found.size, &found.etag), (9, &put.etag));
    assert_eq!(content(store, &found).await, "xin chào".as_bytes());
    assert_eq!(paths(store, ".").await, [path]);
    assert_eq!(paths(store, "khóa").await, [path]);

    store.put(parcel(path, b"other")).await.unwrap();
    let found = store.look(path).await.unwrap().unwrap();
    assert_eq!(content(store, &found).await, b"other");

    store.put(parcel("khóa/rỗng", b"")).await.unwrap();
    let empty = store.look("khóa/rỗng").await.unwrap().unwrap();
    assert_eq!((empty.size, content(store, &empty).await.len()), (0, 0));
    for path in [path, "khóa/rỗng", "never/was"] {
        store.remove(path).await.unwrap();
        assert_eq!(store.look(path).await.unwrap(), None);
    }
    assert_eq!(paths(store, ".").await, Vec::<String>::new());
}

/// Parts, ranges and proofs of a file that is larger than any buffer.
pub async fn a_large_file_is_proven_and_read_in_ranges(store: &dyn Store) {
    let bytes = large();
    let md5 = hex::encode(Md5::digest(&bytes));
    let known = Parcel {
        md5: Some(md5.clone()),
        ..parcel("phim.mp4", &bytes)
    };
    let put = store.put(known).await.unwrap();
    if store.abilities().proof == Proof::Md5 {
        assert_eq!(put.md5.as_ref(), Some(&md5), "the proof was promised");
    }
    assert!(content(store, &put).await == bytes);
    for range in [0..1, 7..7, 8_388_607..8_388_610, 19_999_999..20_000_000] {
        let read = store.open(&put, Some(range.clone())).await.unwrap();
        let read: Vec<Bytes> = read.try_collect().await.unwrap();
        let (from, to) = (
            range.start.try_into().unwrap(),
            range.end.try_into().unwrap(),
        );
        assert!(read.concat() == bytes[from..to], "{range:?}");
    }
    store.remove("phim.mp4").await.unwrap();
}

/// Nothing appears under a name that is not whole.
pub async fn what_is_cut_off_does_not_appear(store: &dyn Store) {
    let bytes = large();
    let fault = || Fault::Transient {
        why: "the source went away".to_owned(),
        after: None,
    };
    let cut: Flow = Box::pin(flow(&bytes[..9_000_000]).chain(stream::iter([Err(fault())])));
    let cut_off = Parcel {
        body: cut,
        ..parcel("phim.mp4", &bytes)
    };
    assert_eq!(store.put(cut_off).await.unwrap_err(), fault());
    let short = Parcel {
        size: 10,
        ..parcel("short.txt", b"123456789")
    };
    store.put(short).await.unwrap_err();
    let long = Parcel {
        size: 8,
        ..parcel("long.txt", b"123456789")
    };
    store.put(long).await.unwrap_err();
    for path in ["phim.mp4", "short.txt", "long.txt"] {
        assert_eq!(store.look(path).await.unwrap(), None, "{path}");
        store.remove(path).await.unwrap();
        assert_eq!(store.partial(path).await.unwrap(), 0, "{path}");
    }
    assert_eq!(paths(store, ".").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_is_whole_under_its_name_or_not_there_and_is_gone_when_removed() {
    each(async |store| a_file_lives_and_dies(store).await).await;
}

#[tokio::test]
async fn a_large_file_comes_back_byte_for_byte_whole_and_in_ranges() {
    each(async |store| a_large_file_is_proven_and_read_in_ranges(store).await).await;
}

#[tokio::test]
async fn an_upload_that_is_cut_off_too_short_or_too_long_leaves_nothing_under_the_name() {
    each(async |store| what_is_cut_off_does_not_appear(store).await).await;
}

#[tokio::test]
async fn an_interrupted_upload_is_gone_on_with_where_the_store_says_it_can_be() {
    each(async |store| {
        let bytes = large();
        let fault = Fault::Transient {
            why: "cut".to_owned(),
            after: None,
        };
        let cut: Flow = Box::pin(flow(&bytes[..9_000_000]).chain(stream::iter([Err(fault)])));
        let cut_off = Parcel {
            body: cut,
            ..parcel("phim.mp4", &bytes)
        };
        store.put(cut_off).await.unwrap_err();
        let kept = store.partial("phim.mp4").await.unwrap();
        assert_eq!(kept > 0, store.abilities().resumes);
        let rest = Parcel {
            from: kept,
            body: flow(&bytes[usize::try_from(kept).unwrap()..]),
            ..parcel("phim.mp4", &bytes)
        };
        let put = store.put(rest).await.unwrap();
        assert!(content(store, &put).await == bytes);
        assert_eq!(store.partial("phim.mp4").await.unwrap(), 0);
        let astray = Parcel {
            from: 5,
            ..parcel("phim.mp4", &bytes)
        };
        store.put(astray).await.unwrap_err();
        assert!(content(store, &put).await == bytes, "what is there stays");
    })
    .await;
}

#[tokio::test]
async fn no_path_leads_out_and_no_hidden_one_in() {
    each(async |store| {
        for path in [
            "../x",
            "a/../../x",
            "/etc/x",
            "a//b",
            ".x",
            "a\\b",
            "",
            "a/",
        ] {
            assert!(store.put(parcel(path, b"x")).await.is_err(), "{path:?}");
            assert!(store.look(path).await.is_err(), "{path:?}");
            assert!(store.remove(path).await.is_err(), "{path:?}");
        }
        assert_eq!(paths(store, ".").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn more_files_than_the_limit_are_a_clear_fault() {
    each(async |store| {
        for number in 0..4 {
            let path = format!("khóa/{number}.txt");
            store.put(parcel(&path, b"x")).await.unwrap();
        }
        assert_eq!(store.list("khóa", 4).await.unwrap().len(), 4);
        let fault = store.list("khóa", 3).await.unwrap_err();
        assert!(fault.to_string().contains("more than 3 files"), "{fault}");
    })
    .await;
}

#[tokio::test]
async fn trying_a_store_out_leaves_nothing_behind() {
    each(async |store| {
        let told = canary::try_out(store, "bursar-canary-1", true)
            .await
            .unwrap();
        assert!(told.contains("written, read and removed"), "{told}");
        assert_eq!(paths(store, ".").await, Vec::<String>::new());
        canary::try_out(store, "bursar-canary-1", false)
            .await
            .unwrap();
    })
    .await;
}
