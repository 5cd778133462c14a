//! What a version is, and what the next one sends.

use std::fs;

use bursar::app::publish::{Published, Way};
use bursar::model::content::{self, Rule, VersionState};

use super::press::{START, each};

#[tokio::test]
async fn a_version_holds_every_file_with_its_checksums_and_the_bytes_that_were_there() {
    each(async |works| {
        works.put("Bài 1.txt", "xin chào");
        works.put("phụ lục/rỗng.txt", "");
        works.put("abc.txt", "abc");
        let Published::Ready(version) = works.publish().await.unwrap() else {
            panic!("nothing new");
        };
        assert_eq!((version.number, version.state), (1, VersionState::Ready));
        let sealed = version.sealed.clone().unwrap();
        assert_eq!((sealed.files, sealed.bytes, sealed.at), (3, 12, START));
        let files = works.files(&version).await;
        let abc = files.iter().find(|file| file.path == "abc.txt").unwrap();
        let kept = abc.kept.clone().unwrap();
        // The vectors of FIPS 180-2 and RFC 1321, and the usual one of CRC-32.
        assert_eq!(
            kept.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(kept.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(kept.crc32, 0x3524_41C2);
        assert_eq!(kept.proof, "size");
        for file in &files {
            let live = fs::read(works.source(&file.path)).unwrap();
            assert_eq!(works.stored(file), live, "{}", file.path);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_unchanged_is_not_sent_again_and_what_is_not_is() {
    each(async |works| {
        works.put("same.txt", "one");
        works.put("touched.txt", "two");
        works.put("rewritten.txt", "three");
        works.put("longer.txt", "four");
        works.put("gone.txt", "five");
        let (first, ways) = works.ways().await;
        assert!(ways.values().all(|way| *way == Way::Sent), "{ways:?}");
        let before = works.store.sent();

        let later = |path: &str| {
            let file = fs::File::options()
                .write(true)
                .open(works.source(path))
                .unwrap();
            let at = file.metadata().unwrap().modified().unwrap();
            file.set_modified(at + std::time::Duration::from_mins(1))
                .unwrap();
        };
        later("touched.txt");
        works.put("rewritten.txt", "THREE");
        later("rewritten.txt");
        works.put("longer.txt", "four and more");
        fs::remove_file(works.source("gone.txt")).unwrap();
        works.put("new.txt", "six");
        works.clock.advance(std::time::Duration::from_secs(1));
        let (second, ways) = works.ways().await;
        let expected = [
            ("longer.txt", Way::Sent),
            ("new.txt", Way::Sent),
            ("rewritten.txt", Way::Sent),
            ("touched.txt", Way::Reused),
        ];
        let expected = expected.map(|(path, way)| (path.to_owned(), way));
        assert_eq!(ways, expected.into());
        let sent = works.store.sent() - before;
        assert_eq!(sent, 5 + 13 + 3);

        assert_eq!(second.number, 2);
        let old = works.files(&first).await;
        let old = old
            .iter()
            .find(|file| file.path == "rewritten.txt")
            .unwrap();
        assert_eq!(
            works.stored(old),
            b"three",
            "the older version is untouched"
        );
        for file in works.files(&second).await {
            let live = fs::read(works.source(&file.path)).unwrap();
            assert_eq!(works.stored(&file), live, "{}", file.path);
        }
    })
    .await;
}

#[tokio::test]
async fn a_source_that_did_not_change_makes_no_version() {
    each(async |works| {
        works.put("a.txt", "a");
        works.put("b.txt", "b");
        works.publish().await.unwrap();
        // Touched, so that it has to be read; the content is the same.
        works.put("a.txt", "a");
        let Published::Same(version) = works.publish().await.unwrap() else {
            panic!("a second version");
        };
        assert_eq!(version.number, 1);
        assert_eq!(works.versions().await.len(), 1);
        assert_eq!(works.store.sent(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_grant_sees_the_newest_version_that_is_for_it() {
    each(async |works| {
        let second = std::time::Duration::from_secs(1);
        let rules = [Rule::New, Rule::All, Rule::New, Rule::New];
        for (number, rule) in rules.into_iter().enumerate() {
            works.clock.advance(second);
            works.put("a.txt", format!("version {number}"));
            works.publish_for(rule).await.unwrap();
        }
        let versions = works.versions().await;
        let seen = |millis: i64| {
            let at = bursar::clock::Timestamp(START.0 + millis);
            content::seen(&versions, at).map(|version| version.number)
        };
        assert_eq!(seen(-1), Some(2), "older buyers get what is for all");
        assert_eq!(seen(1000), Some(2), "also who bought the first version");
        assert_eq!(seen(2999), Some(2));
        assert_eq!(seen(3000), Some(3), "bought in the moment it was ready");
        assert_eq!(seen(3999), Some(3));
        assert_eq!(seen(9000), Some(4));
        let first = &versions[..1];
        let before = content::seen(first, START);
        assert_eq!(
            before, None,
            "who bought before a first version for new buyers"
        );
        assert_eq!(content::seen(&[], START), None);
    })
    .await;
}
