//! Files and folders under reserved ids.

use bursar::connectors::destinations::drive::Begun;
use bursar::connectors::destinations::drive::fake::{Call, FakeDriveOptions, Mischief};

use super::*;

#[tokio::test]
async fn a_folder_made_twice_is_one_folder() {
    let (fake, _, drive) = drive().await;
    let new = folder(&drive, "Khóa học 1").await;
    let first = drive.make_folder(&new).await.unwrap();
    let again = drive.make_folder(&new).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(fake.items(), 1);
    assert!(first.web_view_link.unwrap().ends_with(&new.id));
    assert_eq!(first.drive_id.as_deref(), Some(SHARED_DRIVE));
}

#[tokio::test]
async fn a_folder_whose_answer_was_lost_is_found_under_its_id() {
    let (fake, _, drive) = drive().await;
    let new = folder(&drive, "A course").await;
    fake.misbehave(Call::Create, [Mischief::FailureAfterwards]);
    assert!(matches!(
        fault(drive.make_folder(&new).await.unwrap_err()),
        Fault::Unknown { .. }
    ));
    assert_eq!(drive.make_folder(&new).await.unwrap().id, new.id);
    assert_eq!(fake.items(), 1);
}

#[tokio::test]
async fn a_folder_in_the_bin_comes_back() {
    let (fake, _, drive) = drive().await;
    let new = folder(&drive, "A course").await;
    drive.make_folder(&new).await.unwrap();
    fake.bin(&new.id);
    let back = drive.make_folder(&new).await.unwrap();
    assert!(!back.trashed);
}

#[tokio::test]
async fn a_list_by_name_is_blind_for_a_while_where_a_list_by_parent_and_a_read_by_id_are_not() {
    let (_fake, clock, drive) = drive().await;
    let new = folder(&drive, "Teacher's \\ folder").await;
    drive.make_folder(&new).await.unwrap();
    assert!(drive.folders_named(&new.name).await.unwrap().is_empty());
    assert!(drive.file(&new.id).await.unwrap().is_some());
    let inside = drive.children(drive.top()).await.unwrap();
    assert_eq!(inside.len(), 1);
    clock.advance(Duration::from_mins(5));
    let named = drive.folders_named(&new.name).await.unwrap();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].id, new.id);
}

#[tokio::test]
async fn lists_of_more_than_a_page_are_whole() {
    let (_fake, _, drive) = drive().await;
    let parent = made(&drive, "Many").await;
    let ids = drive.reserve_ids(1100).await.unwrap();
    let mut distinct = ids.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 1100);
    for (at, id) in ids.into_iter().enumerate() {
        let new = NewFolder {
            id,
            name: format!("{at}"),
            parent: parent.clone(),
        };
        drive.make_folder(&new).await.unwrap();
    }
    assert_eq!(drive.children(&parent).await.unwrap().len(), 1100);
}

#[tokio::test]
async fn every_call_knows_shared_drives() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    let new = file(&drive, "a.txt", &id, b"").await;
    drive.begin_upload(&new).await.unwrap();
    drive.file(&id).await.unwrap().unwrap();
    drive.children(&id).await.unwrap();
    drive.inspect().await;
    drive.remove(&id).await.unwrap();
    for seen in fake.requests() {
        if seen.call == Call::Token {
            continue;
        }
        let knows = ("supportsAllDrives".to_owned(), "true".to_owned());
        assert!(seen.query.contains(&knows), "{seen:?}");
    }
}

#[tokio::test]
async fn who_does_not_know_shared_drives_sees_nothing_on_them() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    fake.forget_tokens();
    let client = bursar::connectors::http().unwrap();
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
    let token = client
        .post(&settings.token_url)
        .form(&form)
        .send()
        .await
        .unwrap();
    let token: serde_json::Value = token.json().await.unwrap();
    let url = format!("{}/drive/v3/files/{id}", fake.base_url());
    for (query, status) in [("", 404), ("?supportsAllDrives=true", 200)] {
        let asked = client.get(format!("{url}{query}"));
        let asked = asked.bearer_auth(token["access_token"].as_str().unwrap());
        assert_eq!(asked.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_copy_made_twice_is_one_copy_and_is_compared() {
    let (fake, _, drive) = drive().await;
    let (one, two) = (made(&drive, "1").await, made(&drive, "2").await);
    let new = file(&drive, "empty.txt", &one, b"").await;
    let Begun::Whole(original) = drive.begin_upload(&new).await.unwrap() else {
        panic!("an empty file needs no session");
    };
    let copy = NewFile {
        id: drive.reserve_ids(1).await.unwrap().remove(0),
        parent: two.clone(),
        ..new.clone()
    };
    fake.misbehave(Call::Copy, [Mischief::HangAfterwards]);
    let hasty = Drive::connect_within(&fake.settings(), Clock::still(START), IMPATIENT).unwrap();
    hasty.copy(&original.id, &copy).await.unwrap_err();
    let copied = drive.copy(&original.id, &copy).await.unwrap();
    assert_eq!(copied.id, copy.id);
    assert_eq!(fake.children(&two).len(), 1);
    let other = NewFile { size: 7, ..copy };
    assert!(drive.copy(&original.id, &other).await.is_err());
}

#[tokio::test]
async fn removing_what_is_gone_is_no_error() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    drive.remove(&id).await.unwrap();
    drive.remove(&id).await.unwrap();
    assert_eq!(fake.items(), 0);
}

#[tokio::test]
async fn the_sellers_own_drive_needs_no_shared_one() {
    let (fake, _, drive) = drive_with(FakeDriveOptions {
        shared_drive: false,
        ..FakeDriveOptions::default()
    })
    .await;
    let id = made(&drive, "A course").await;
    let read = drive.file(&id).await.unwrap().unwrap();
    assert_eq!(read.drive_id, None);
    assert!(drive.inspect().await.iter().all(|finding| finding.sound));
    assert_eq!(fake.items(), 1);
}
