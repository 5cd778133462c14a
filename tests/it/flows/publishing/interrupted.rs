//! A death in the middle, a source that moves, a store that lies, two publishers at once.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bursar::app::publish::{Published, Trouble, Way};
use bursar::connectors::stores::PIECE;
use bursar::model::content::{CLAIM, VersionState};

use super::press::{Works, each};

const MIB: usize = 1024 * 1024;

/// Content in which no piece is like another.
fn large(bytes: usize) -> Vec<u8> {
    (0..=(bytes / 8))
        .flat_map(|at| (at as u64).to_le_bytes())
        .take(bytes)
        .collect()
}

async fn assert_whole(works: &Works) {
    let Published::Ready(version) = works.publish().await.unwrap() else {
        panic!("nothing new");
    };
    for file in works.files(&version).await {
        let live = fs::read(works.source(&file.path)).unwrap();
        assert!(works.stored(&file) == live, "{}", file.path);
    }
}

#[tokio::test]
async fn a_death_in_the_middle_of_a_large_file_sends_at_most_a_piece_twice() {
    each(async |works| {
        let content = large(9 * MIB + 17);
        works.put("film.mp4", &content);
        for bytes in [2 * MIB, 3 * MIB, 1] {
            works.die_after(i64::try_from(bytes).unwrap()).await;
        }
        assert_eq!(works.versions().await[0].state, VersionState::Publishing);
        assert_whole(works).await;
        let twice = works.store.sent() - i64::try_from(content.len()).unwrap();
        // A death can lose what had not reached the disk yet: at most one piece each time.
        assert!(
            twice <= 3 * i64::try_from(PIECE).unwrap(),
            "{twice} bytes twice"
        );
        assert_eq!(works.versions().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_death_among_many_small_files_sends_none_of_them_twice() {
    each(async |works| {
        for number in 0..300 {
            works.put(&format!("{number}.txt"), format!("{number:04}"));
        }
        for _ in 0..4 {
            works.die_after(4 * 60).await;
        }
        assert_whole(works).await;
        let twice = works.store.sent() - 4 * 300;
        // What stood still in a file that was never finished is sent again: four files at once.
        assert!((0..=4 * 4 * 4).contains(&twice), "{twice} bytes twice");
    })
    .await;
}

#[tokio::test]
async fn what_was_stored_but_not_written_down_is_found_and_not_sent_again() {
    each(async |works| {
        works.put("a.txt", "aaaa");
        works.put("b.txt", large(2 * MIB));
        works.store.whole_first.store(1, Ordering::SeqCst);
        works.die_after(5).await;
        works.store.whole_first.store(0, Ordering::SeqCst);
        let (_, ways) = works.ways().await;
        assert_eq!(ways["a.txt"], Way::Found);
        assert_eq!(ways["b.txt"], Way::Sent);
    })
    .await;
}

#[tokio::test]
async fn what_was_kept_and_is_damaged_is_thrown_away_and_sent_whole() {
    each(async |works| {
        let content = large(6 * MIB);
        works.put("film.mp4", &content);
        works.die_after(4 * i64::try_from(MIB).unwrap()).await;
        let kept = walk(&works.dir.path().join("content"));
        assert_eq!(kept.len(), 1, "{kept:?}");
        let length = fs::metadata(&kept[0]).unwrap().len();
        assert!(length >= 3 * MIB as u64, "only {length} bytes were kept");
        fs::write(&kept[0], vec![0; usize::try_from(length).unwrap()]).unwrap();
        assert_whole(works).await;
    })
    .await;
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test]
async fn a_source_that_changes_meanwhile_is_noticed_and_never_mixed() {
    each(async |works| {
        works.put("1.txt", "old");
        works.put("2.txt", "old");
        let one = works.source("1.txt");
        let change = move || fs::write(one, "newer").unwrap();
        *works.store.meanwhile.lock().unwrap() = Some(Box::new(change));
        let trouble = works.publish().await.unwrap_err();
        assert!(matches!(trouble, Trouble::Changed(_)), "{trouble:?}");
        assert!(trouble.to_string().contains("1.txt"), "{trouble}");
        assert_eq!(works.versions().await[0].sealed, None);
        assert_whole(works).await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_comes_or_goes_meanwhile_is_noticed_too() {
    each(async |works| {
        works.put("1.txt", "one");
        works.put("2.txt", "two");
        let more = works.source("3.txt");
        let add = move || fs::write(more, "three").unwrap();
        *works.store.meanwhile.lock().unwrap() = Some(Box::new(add));
        let trouble = works.publish().await.unwrap_err();
        assert!(trouble.to_string().contains("3.txt"), "{trouble}");

        let gone = works.source("2.txt");
        let remove = move || fs::remove_file(gone).unwrap();
        *works.store.meanwhile.lock().unwrap() = Some(Box::new(remove));
        let trouble = works.publish().await.unwrap_err();
        assert!(trouble.to_string().contains("2.txt"), "{trouble}");
        assert_whole(works).await;
    })
    .await;
}

#[tokio::test]
async fn a_store_that_holds_another_content_is_not_believed() {
    each(async |works| {
        works.put("1.txt", "one");
        *works.store.told_md5.lock().unwrap() = Some("0".repeat(32));
        let trouble = works.publish().await.unwrap_err();
        assert!(trouble.to_string().contains("another content"), "{trouble}");
        assert_eq!(works.versions().await[0].sealed, None);
        *works.store.told_md5.lock().unwrap() = None;
        assert_whole(works).await;
    })
    .await;
}

#[tokio::test]
async fn two_publishers_do_not_write_at_once_and_the_claim_of_a_dead_one_runs_out() {
    each(async |works| {
        works.put("film.mp4", large(3 * MIB));
        works.die_after(1).await;
        works.clock.advance(Duration::ZERO);
        // The clock was moved on by the dead one's claim; a living one renews it.
        works.die_after(1).await;
        let begun = works.press.clock.now();
        works.put("film.mp4", large(3 * MIB));
        let stuck = works.die_after(1);
        stuck.await;
        assert!(works.press.clock.now().since(begun) >= CLAIM);
        assert_whole(works).await;
    })
    .await;
}
