//! Resumable uploads: whatever happens, the file arrives once and whole.

use std::io::Cursor;

use bursar::connectors::destinations::drive::fake::{Call, FakeDrive, Mischief};
use bursar::connectors::destinations::drive::{
    Begun, RemoteFile, Session, Stretch, Stride, Upload,
};

use super::*;

const STEP: usize = 262_144;
/// As in the trial that recorded Google's own client: chunks of 512 KiB.
const STRIDE: Stride = Stride {
    chunk: 2 * STEP,
    most: u64::MAX,
};
const SIZE: usize = 1_700_000;

async fn begun(drive: &Drive, new: &NewFile) -> Upload {
    match drive.begin_upload(new).await.unwrap() {
        Begun::Session(session) => Upload {
            session,
            kept: Some(0),
        },
        Begun::Whole(file) => panic!("{file:?} is there already"),
    }
}

async fn go_on(
    drive: &Drive,
    new: &NewFile,
    upload: &mut Upload,
    bytes: &[u8],
) -> Result<Stretch, Trouble> {
    let mut source = Cursor::new(bytes);
    drive
        .continue_upload(new, upload, &mut source, STRIDE)
        .await
}

/// As a task does it: again after each trouble, with what is known then.
async fn sent(drive: &Drive, new: &NewFile, bytes: &[u8]) -> RemoteFile {
    let mut upload = None;
    for _ in 0..20 {
        let under_way = match &mut upload {
            Some(under_way) => under_way,
            None => match drive.begin_upload(new).await {
                Ok(Begun::Whole(file)) => return file,
                Ok(Begun::Session(session)) => upload.insert(Upload {
                    session,
                    kept: Some(0),
                }),
                Err(_) => continue,
            },
        };
        match go_on(drive, new, under_way, bytes).await {
            Ok(Stretch::Whole(file)) => return file,
            Ok(Stretch::Over | Stretch::Differs) => upload = None,
            Ok(Stretch::More) | Err(_) => {}
        }
    }
    panic!("not sent in twenty attempts");
}

fn ranges(fake: &FakeDrive) -> Vec<String> {
    let requests = fake.requests();
    requests.into_iter().filter_map(|seen| seen.range).collect()
}

/// A folder, a file to go into it, and its bytes.
async fn lesson(drive: &Drive) -> (NewFile, Vec<u8>) {
    let bytes = content(SIZE);
    let parent = made(drive, "A course").await;
    (file(drive, "bài 1.mp4", &parent, &bytes).await, bytes)
}

#[tokio::test]
async fn a_503_and_a_chunk_half_kept_cost_one_question_and_the_other_half() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    fake.misbehave(
        Call::Chunk,
        [
            Mischief::KeepsOnly(usize::MAX),
            Mischief::Failure,
            Mischief::KeepsOnly(STEP),
        ],
    );
    let file = sent(&drive, &new, &bytes).await;
    assert!(new.is(&file));
    // The same exchange as recorded of Google's own client for Python.
    assert_eq!(
        ranges(&fake),
        [
            "bytes 0-524287/1700000",
            "bytes 524288-1048575/1700000",
            "bytes */1700000",
            "bytes 524288-1048575/1700000",
            "bytes 786432-1310719/1700000",
            "bytes 1310720-1699999/1700000",
        ]
    );
    assert_eq!(fake.bytes(&new.id).unwrap(), bytes);
}

#[tokio::test]
async fn a_lost_range_is_asked_for_and_nothing_is_sent_twice() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    fake.misbehave(Call::Chunk, [Mischief::LosesRange]);
    let file = sent(&drive, &new, &bytes).await;
    assert!(new.is(&file));
    assert_eq!(fake.bytes_received(), SIZE as u64);
    assert_eq!(fake.calls(Call::Ask), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_after_the_last_chunk_is_found_by_asking() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let whole = [
        Mischief::KeepsOnly(usize::MAX),
        Mischief::KeepsOnly(usize::MAX),
    ];
    fake.misbehave(Call::Chunk, whole);
    fake.misbehave(
        Call::Chunk,
        [Mischief::KeepsOnly(usize::MAX), Mischief::FailureAfterwards],
    );
    let file = sent(&drive, &new, &bytes).await;
    assert!(new.is(&file));
    assert_eq!(fake.bytes_received(), SIZE as u64);
    assert_eq!(fake.children(&new.parent).len(), 1);
}

#[tokio::test]
async fn a_session_that_is_over_begins_anew_under_the_same_id() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    fake.misbehave(
        Call::Chunk,
        [Mischief::KeepsOnly(usize::MAX), Mischief::SessionOver],
    );
    let file = sent(&drive, &new, &bytes).await;
    assert_eq!(file.id, new.id);
    assert_eq!(fake.calls(Call::Open), 2);
    assert_eq!(fake.children(&new.parent).len(), 1);
}

#[tokio::test]
async fn another_process_goes_on_where_google_says_that_the_first_one_ended() {
    let (fake, clock, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let upload = begun(&drive, &new).await;
    let stored = upload.session.expose().to_owned();
    let mut upload = upload;
    fake.misbehave(
        Call::Chunk,
        [Mischief::KeepsOnly(usize::MAX), Mischief::CutAnswer],
    );
    go_on(&drive, &new, &mut upload, &bytes).await.unwrap_err();
    drop((drive, upload));

    let after_the_crash = Drive::connect(&fake.settings(), clock).unwrap();
    let mut upload = Upload {
        session: Session::stored(&stored),
        kept: None,
    };
    let end = go_on(&after_the_crash, &new, &mut upload, &bytes)
        .await
        .unwrap();
    assert!(matches!(end, Stretch::Whole(file) if new.is(&file)));
    assert_eq!(fake.bytes_received(), SIZE as u64, "nothing was sent twice");
}

#[tokio::test]
async fn a_stretch_ends_where_it_was_told_to_and_says_how_far_it_is() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let mut upload = begun(&drive, &new).await;
    let stride = Stride {
        chunk: STEP,
        most: 2 * STEP as u64,
    };
    let mut source = Cursor::new(&bytes);
    let end = drive
        .continue_upload(&new, &mut upload, &mut source, stride)
        .await;
    assert_eq!(end, Ok(Stretch::More));
    assert_eq!(upload.kept, Some(2 * STEP as u64));
    assert_eq!(fake.calls(Call::Chunk), 2);
}

#[tokio::test]
async fn what_arrived_spoilt_is_overwritten_under_its_id() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    fake.misbehave(Call::Chunk, [Mischief::Spoils]);
    let mut upload = begun(&drive, &new).await;
    assert_eq!(
        go_on(&drive, &new, &mut upload, &bytes).await,
        Ok(Stretch::Differs)
    );
    let file = sent(&drive, &new, &bytes).await;
    assert_eq!(file.id, new.id);
    assert_eq!(fake.bytes(&new.id).unwrap(), bytes);
    assert_eq!(fake.children(&new.parent).len(), 1);
}

#[tokio::test]
async fn a_file_that_is_there_already_is_not_sent_again() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    sent(&drive, &new, &bytes).await;
    assert!(matches!(
        drive.begin_upload(&new).await,
        Ok(Begun::Whole(_))
    ));
    fake.bin(&new.id);
    assert!(matches!(drive.begin_upload(&new).await, Ok(Begun::Whole(file)) if !file.trashed));
    assert_eq!(fake.bytes_received(), SIZE as u64);
}

#[tokio::test]
async fn an_answer_without_a_checksum_is_followed_by_a_read() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let mut upload = begun(&drive, &new).await;
    let kept = Mischief::KeepsOnly(usize::MAX);
    fake.misbehave(
        Call::Chunk,
        [kept.clone(), kept.clone(), kept, Mischief::NoChecksum],
    );
    let end = go_on(&drive, &new, &mut upload, &bytes).await.unwrap();
    assert!(matches!(end, Stretch::Whole(file) if file.md5_checksum.is_some()));
}

#[tokio::test]
async fn a_drive_that_keeps_nothing_is_an_outage_and_not_an_endless_loop() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    fake.misbehave(Call::Chunk, vec![Mischief::KeepsOnly(0); 9]);
    let mut upload = begun(&drive, &new).await;
    let end = fault(go_on(&drive, &new, &mut upload, &bytes).await.unwrap_err());
    assert!(matches!(end, Fault::Transient { .. }), "{end:?}");
    assert_eq!(fake.calls(Call::Chunk), 3);
}

#[tokio::test]
async fn a_source_that_became_shorter_is_said() {
    let (_fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let mut upload = begun(&drive, &new).await;
    let end = go_on(&drive, &new, &mut upload, &bytes[..1000]).await;
    let Fault::MappingBroken { why } = fault(end.unwrap_err()) else {
        panic!("not the seller's matter");
    };
    assert!(why.contains("publish"), "{why}");
}

#[tokio::test]
async fn a_session_elsewhere_gets_neither_bytes_nor_token() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let mut upload = Upload {
        session: Session::stored("https://elsewhere.example/upload?upload_id=1"),
        kept: Some(0),
    };
    let end = go_on(&drive, &new, &mut upload, &bytes).await;
    assert!(matches!(
        end,
        Err(Trouble::Fault(Fault::MappingBroken { .. }))
    ));
    assert_eq!(fake.calls(Call::Chunk), 0);
    assert_eq!(
        format!("{upload:?}"),
        "Upload { session: Session(***), kept: None }"
    );
}

#[tokio::test]
async fn the_days_quota_keeps_the_session() {
    let (fake, _, drive) = drive().await;
    let (new, bytes) = lesson(&drive).await;
    let mut upload = begun(&drive, &new).await;
    let over = Mischief::Refused(403, "quotaExceeded");
    fake.misbehave(Call::Chunk, [Mischief::KeepsOnly(usize::MAX), over]);
    let end = go_on(&drive, &new, &mut upload, &bytes).await;
    assert!(matches!(end, Err(Trouble::Paced { .. })), "{end:?}");
    let end = go_on(&drive, &new, &mut upload, &bytes).await.unwrap();
    assert!(matches!(end, Stretch::Whole(_)));
    assert_eq!(fake.calls(Call::Open), 1);
}
