//! Names that cannot be published, and sources that are not there.

use std::fs;

use bursar::app::publish::{Published, Trouble};

use super::press::each;

#[tokio::test]
async fn names_are_published_as_nfc_and_found_under_their_own_bytes() {
    each(async |works| {
        // As a Mac writes it: the letter, then its mark.
        works.put("Ba\u{300}i 1.txt", "xin chào");
        let Published::Ready(version) = works.publish().await.unwrap() else {
            panic!("nothing new");
        };
        let file = works.files(&version).await.remove(0);
        assert_eq!(file.path, "B\u{e0}i 1.txt");
        assert_eq!(file.origin, "rust/Ba\u{300}i 1.txt");
        assert_eq!(works.stored(&file), "xin chào".as_bytes());
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_a_sentence_and_leaves_no_trace() {
    each(async |works| {
        let too_deep = vec!["d".repeat(200); 5].join("/") + "/file.txt";
        let cases: [(&[&str], &str); 3] = [
            (&[], "has no files"),
            (&["Ba\u{300}i.txt", "B\u{e0}i.txt"], "rename one"),
            (&[&too_deep], "too long"),
        ];
        for (paths, expected) in cases {
            for path in paths {
                works.put(path, "x");
            }
            let trouble = works.publish().await.unwrap_err().to_string();
            assert!(trouble.contains(expected), "{trouble}");
            assert!(trouble.chars().count() <= 300, "{trouble}");
            assert!(works.versions().await.is_empty());
            fs::remove_dir_all(works.source("")).unwrap();
            fs::create_dir_all(works.source("")).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_not_configured_is_named() {
    each(async |works| {
        works.put("a.txt", "a");
        let mut plan = super::press::plan(bursar::model::content::Rule::All);
        plan.store = "attic".to_owned();
        let watcher: std::sync::Arc<dyn bursar::app::publish::Watcher> =
            std::sync::Arc::new(super::press::Ways::default());
        let ended = bursar::app::publish::publish(&works.press, &plan, &watcher).await;
        let trouble = ended.unwrap_err();
        assert!(matches!(trouble, Trouble::Inside(_)), "{trouble:?}");
        assert!(trouble.to_string().contains("attic"), "{trouble}");
        assert!(works.versions().await.is_empty());
    })
    .await;
}
