//! A folder of this machine: what it lists, what it opens, and what it never opens.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use bursar::connectors::Fault;
use bursar::connectors::stores::folder::Folder;
use bursar::connectors::stores::manifest::{self, Manifest};
use bursar::connectors::stores::{Entry, Store};
use futures_util::TryStreamExt;
use tempfile::TempDir;

/// A root with one course, beside a file that must never be reached.
fn shop() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("secret.txt"), "not for sale").unwrap();
    let root = dir.path().join("courses");
    fs::create_dir_all(root.join("rust")).unwrap();
    let folder = Folder::open(&root).unwrap();
    (dir, folder)
}

fn put(dir: &TempDir, path: &str, content: &str) {
    let file = dir.path().join("courses").join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

async fn listed(folder: &Folder, course: &str) -> Result<Manifest, Fault> {
    manifest::of(folder, course).await
}

/// The file, if it is there and opens.
async fn opened(folder: &Folder, course: &str, path: &str) -> Result<Entry, Fault> {
    let path = manifest::inside(course, path);
    let found = folder.look(&path).await?;
    let found = found.ok_or_else(|| Fault::MappingBroken {
        why: format!("{path:?} does not exist"),
    })?;
    drop(folder.open(&found, None).await?);
    Ok(found)
}

async fn content(folder: &Folder, entry: &Entry) -> Vec<u8> {
    let flow = folder.open(entry, None).await.unwrap();
    let pieces: Vec<_> = flow.try_collect().await.unwrap();
    pieces.concat()
}

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest.files.iter().map(|f| f.path.as_str()).collect()
}

/// The seller's sentence of a mapping fault; anything else fails the test.
fn sentence(fault: Fault) -> String {
    match fault {
        Fault::MappingBroken { why } => why,
        other => panic!("expected a broken mapping, got {other:?}"),
    }
}

#[tokio::test]
async fn a_manifest_lists_every_visible_file_in_the_order_in_which_people_count() {
    let (dir, folder) = shop();
    for path in [
        "rust/Bài 10.mp4",
        "rust/bài 2.mp4",
        "rust/Bai 02b.mp4",
        "rust/Đề bài.pdf",
        "rust/e.txt",
        "rust/c.txt",
        "rust/tài liệu/1.pdf",
        "rust/.DS_Store",
        "rust/.git/config",
        "rust/Thumbs.db",
        "rust/__MACOSX/x",
    ] {
        put(&dir, path, "12345");
    }
    let manifest = listed(&folder, "rust").await.unwrap();
    let expected = [
        "bài 2.mp4",
        "Bai 02b.mp4",
        "Bài 10.mp4",
        "c.txt",
        "Đề bài.pdf",
        "e.txt",
        "tài liệu/1.pdf",
    ];
    assert_eq!(paths(&manifest), expected);
    assert_eq!(manifest.size(), 35);
    assert!(
        manifest
            .files
            .iter()
            .all(|f| f.entry.modified.unwrap().0 > 0)
    );
}

#[tokio::test]
async fn every_file_of_a_manifest_opens_with_its_size_and_its_content() {
    let (dir, folder) = shop();
    put(&dir, "rust/a/b/bài 1.txt", "xin chào");
    put(&dir, "rust/z.txt", "");
    for listed in listed(&folder, "rust").await.unwrap().files {
        let looked_at = opened(&folder, "rust", &listed.path).await.unwrap();
        assert_eq!(looked_at, listed.entry);
        let content = content(&folder, &looked_at).await;
        assert_eq!(content.len() as u64, listed.entry.size);
    }
}

#[tokio::test]
async fn a_rewritten_file_has_another_entity_tag_even_with_the_same_size() {
    let (dir, folder) = shop();
    put(&dir, "rust/a.txt", "one");
    let first = opened(&folder, "rust", "a.txt").await.unwrap().etag;
    assert_eq!(opened(&folder, "rust", "a.txt").await.unwrap().etag, first);
    put(&dir, "rust/a.txt", "two");
    let file = fs::File::options()
        .write(true)
        .open(dir.path().join("courses/rust/a.txt"))
        .unwrap();
    let later = file.metadata().unwrap().modified().unwrap() + std::time::Duration::from_nanos(1);
    file.set_modified(later).unwrap();
    let second = opened(&folder, "rust", "a.txt").await.unwrap().etag;
    assert_ne!(second, first);
}

#[tokio::test]
async fn a_missing_or_empty_folder_waits_for_the_seller_with_a_sentence() {
    let (dir, folder) = shop();
    let empty = sentence(listed(&folder, "rust").await.unwrap_err());
    assert_eq!(empty, "the folder \"rust\" has no files");
    put(&dir, "rust/.hidden", "x");
    let hidden = sentence(listed(&folder, "rust").await.unwrap_err());
    assert_eq!(hidden, "the folder \"rust\" has no files");
    let missing = sentence(listed(&folder, "go").await.unwrap_err());
    assert_eq!(missing, "\"go\" does not exist");
    put(&dir, "rust/a.txt", "x");
    let file = sentence(listed(&folder, "rust/a.txt").await.unwrap_err());
    assert_eq!(file, "\"rust/a.txt\" is not a folder");
    let gone = sentence(opened(&folder, "rust", "b.txt").await.unwrap_err());
    assert_eq!(gone, "\"rust/b.txt\" does not exist");
}

#[tokio::test]
async fn no_path_leads_out_of_the_course() {
    let (dir, folder) = shop();
    put(&dir, "rust/a.txt", "x");
    put(&dir, "rust/sub/b.txt", "x");
    put(&dir, "rust/.hidden", "x");
    let outside = dir.path().join("secret.txt");
    let too_long = "x".repeat(5000);
    for path in [
        "../../secret.txt",
        "..",
        "sub/../../../secret.txt",
        "sub/../a.txt",
        "./a.txt",
        outside.to_str().unwrap(),
        "/a.txt",
        "a.txt/",
        "sub//b.txt",
        "..\\..\\secret.txt",
        "sub\\b.txt",
        "a.txt\0.mp4",
        "a.txt\n",
        ".hidden",
        "",
        &too_long,
    ] {
        let refused = opened(&folder, "rust", path).await.unwrap_err();
        let why = sentence(refused);
        assert!(why.chars().count() <= 300, "{why}");
        assert!(listed(&folder, path).await.is_err(), "{path:?}");
        assert!(opened(&folder, path, "a.txt").await.is_err(), "{path:?}");
    }
}

#[tokio::test]
async fn a_link_that_leaves_the_source_is_refused_and_one_that_stays_is_followed() {
    let (dir, folder) = shop();
    let course = dir.path().join("courses/rust");
    put(&dir, "rust/a.txt", "x");
    put(&dir, "shared/intro.txt", "hello");
    symlink(dir.path().join("courses/shared"), course.join("more")).unwrap();
    let manifest = listed(&folder, "rust").await.unwrap();
    assert_eq!(paths(&manifest), ["a.txt", "more/intro.txt"]);
    assert_eq!(
        opened(&folder, "rust", "more/intro.txt")
            .await
            .unwrap()
            .size,
        5
    );

    symlink("../../secret.txt", course.join("leak.txt")).unwrap();
    symlink(dir.path(), course.join("up")).unwrap();
    for path in ["leak.txt", "up/secret.txt"] {
        let why = sentence(opened(&folder, "rust", path).await.unwrap_err());
        assert!(why.ends_with("is a link that leaves its folder"), "{why}");
    }
    let why = sentence(listed(&folder, "rust").await.unwrap_err());
    assert!(why.ends_with("is a link that leaves its folder"), "{why}");
    symlink(dir.path(), dir.path().join("courses/all")).unwrap();
    assert!(listed(&folder, "all").await.is_err());
}

#[tokio::test]
async fn circles_of_links_end() {
    let (dir, folder) = shop();
    let course = dir.path().join("courses/rust");
    put(&dir, "rust/a.txt", "x");
    symlink(&course, course.join("again")).unwrap();
    let why = sentence(listed(&folder, "rust").await.unwrap_err());
    assert!(why.contains("folders in folders without end"), "{why}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_delivered_whole_is_refused_whole() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 3] = [
        ("rename it", |course| {
            fs::write(course.join("a\\b.txt"), "x").unwrap();
        }),
        ("does not exist", |course| {
            symlink("nowhere", course.join("dangling")).unwrap();
        }),
        ("neither a file nor a folder", |course| {
            std::os::unix::net::UnixListener::bind(course.join("socket")).unwrap();
        }),
    ];
    for (expected, spoil) in cases {
        let (dir, folder) = shop();
        put(&dir, "rust/a.txt", "x");
        spoil(&dir.path().join("courses/rust"));
        let why = sentence(listed(&folder, "rust").await.unwrap_err());
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn a_root_that_went_away_is_an_outage_and_a_root_that_never_was_does_not_start() {
    let (dir, folder) = shop();
    put(&dir, "rust/a.txt", "x");
    fs::rename(dir.path().join("courses"), dir.path().join("unmounted")).unwrap();
    for fault in [
        listed(&folder, "rust").await.unwrap_err(),
        opened(&folder, "rust", "a.txt").await.unwrap_err(),
    ] {
        assert!(matches!(fault, Fault::Transient { .. }), "{fault:?}");
    }
    assert!(Folder::open(dir.path().join("courses")).is_err());
}
