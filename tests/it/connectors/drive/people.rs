//! Readers of a folder.

use bursar::connectors::destinations::drive::Invitation;
use bursar::connectors::destinations::drive::fake::{Call, FakeDriveOptions, Mischief};

use super::*;

fn buyer(email: &str) -> Invitation {
    Invitation {
        email: email.to_owned(),
        until: None,
    }
}

#[tokio::test]
async fn a_buyer_reads_the_folder_without_a_mail_from_google() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    let shared = drive.share(&id, &buyer("an@example.com")).await.unwrap();
    assert!(!shared.was_there && !shared.by_mail);
    assert_eq!(fake.readers(&id), ["an@example.com"]);
    assert!(fake.mails().is_empty());
    let again = drive.share(&id, &buyer("An@Example.com")).await.unwrap();
    assert!(again.was_there);
    assert_eq!(again.person, shared.person);
    assert_eq!(fake.readers(&id).len(), 1);
}

#[tokio::test]
async fn a_person_has_the_same_id_on_every_folder() {
    let (_fake, _, drive) = drive().await;
    let (one, two) = (made(&drive, "1").await, made(&drive, "2").await);
    let first = drive.share(&one, &buyer("an@example.com")).await.unwrap();
    let second = drive.share(&two, &buyer("an@example.com")).await.unwrap();
    assert_eq!(first.person, second.person);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_looking() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    fake.misbehave(Call::Share, [Mischief::FailureAfterwards]);
    let lost = fault(
        drive
            .share(&id, &buyer("an@example.com"))
            .await
            .unwrap_err(),
    );
    assert!(matches!(lost, Fault::Unknown { .. }), "{lost:?}");
    assert!(
        drive
            .share(&id, &buyer("an@example.com"))
            .await
            .unwrap()
            .was_there
    );
    assert_eq!(fake.readers(&id).len(), 1);
}

#[tokio::test]
async fn shared_without_a_mail_about_it_is_shared() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    fake.misbehave(Call::Share, [Mischief::MailFailed]);
    drive.share(&id, &buyer("an@example.com")).await.unwrap();
    assert_eq!(fake.readers(&id), ["an@example.com"]);
}

#[tokio::test]
async fn a_buyer_without_a_google_account_is_told_so_unless_mail_is_allowed() {
    let (fake, clock, drive) = drive().await;
    let id = made(&drive, "A course").await;
    fake.has_no_account("an@company.example");
    let refused = fault(
        drive
            .share(&id, &buyer("an@company.example"))
            .await
            .unwrap_err(),
    );
    let Fault::LearnerProblem { why } = &refused else {
        panic!("{refused:?}");
    };
    assert!(
        why.contains("Google account") && !why.contains("an@"),
        "{why}"
    );
    let mut settings = fake.settings();
    settings.invite_by_mail = true;
    let drive = Drive::connect(&settings, clock).unwrap();
    let shared = drive
        .share(&id, &buyer("an@company.example"))
        .await
        .unwrap();
    assert!(shared.by_mail);
    assert_eq!(fake.mails(), ["an@company.example"]);
}

#[tokio::test]
async fn googles_own_end_is_a_belt_that_may_be_missing() {
    for ends_access in [true, false] {
        let (fake, clock, _) = drive_with(FakeDriveOptions {
            ends_access,
            ..FakeDriveOptions::default()
        })
        .await;
        let mut settings = fake.settings();
        settings.set_expiry = true;
        let drive = Drive::connect(&settings, clock).unwrap();
        let id = made(&drive, "A course").await;
        let until = START.plus(Duration::from_hours(24));
        let who = Invitation {
            until: Some(until),
            ..buyer("an@example.com")
        };
        let shared = drive.share(&id, &who).await.unwrap();
        let read = drive.person(&id, &shared.person).await.unwrap().unwrap();
        let kept = read
            .expiration_time
            .map(|text| Timestamp::parse(&text).unwrap());
        assert_eq!(kept, ends_access.then_some(until));
        // Bought again: the days add up.
        let later = until.plus(Duration::from_hours(24));
        let more = Invitation {
            until: Some(later),
            ..who
        };
        assert!(drive.share(&id, &more).await.unwrap().was_there);
        let read = drive.person(&id, &shared.person).await.unwrap().unwrap();
        let kept = read
            .expiration_time
            .map(|text| Timestamp::parse(&text).unwrap());
        assert_eq!(kept, ends_access.then_some(later));
        drive.set_end(&id, &shared.person, None).await.unwrap();
        let read = drive.person(&id, &shared.person).await.unwrap().unwrap();
        assert_eq!(read.expiration_time, None);
    }
}

#[tokio::test]
async fn taking_away_who_is_gone_is_no_error() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    let shared = drive.share(&id, &buyer("an@example.com")).await.unwrap();
    drive.unshare(&id, &shared.person).await.unwrap();
    drive.unshare(&id, &shared.person).await.unwrap();
    assert!(fake.readers(&id).is_empty());
}

#[tokio::test]
async fn the_managers_of_the_drive_are_not_the_folders_own_readers() {
    let (_fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    drive.share(&id, &buyer("an@example.com")).await.unwrap();
    let people = drive.people(&id).await.unwrap();
    let own: Vec<_> = people
        .iter()
        .filter(|person| !person.is_inherited())
        .collect();
    assert_eq!((people.len(), own.len()), (2, 1));
    assert!(
        drive
            .person_at(&id, "seller@fake.example")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn more_readers_than_a_page_are_all_listed() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    for at in 0..250 {
        fake.share_by_hand(&id, &format!("b{at}@example.com"));
    }
    assert_eq!(drive.people(&id).await.unwrap().len(), 251);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_that_meet_on_one_folder_only_the_last_stays() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    fake.misbehave(Call::Share, [Mischief::Held]);
    let (slow, quick) = (buyer("slow@example.com"), buyer("quick@example.com"));
    let held = drive.share(&id, &slow);
    let others = async {
        while fake.calls(Call::Share) == 0 {
            tokio::task::yield_now().await;
        }
        drive.share(&id, &quick).await.unwrap();
        fake.let_go();
    };
    let (held, ()) = tokio::join!(held, others);
    held.unwrap();
    assert_eq!(
        fake.readers(&id),
        ["slow@example.com"],
        "the fake is as Google warns"
    );
    assert_eq!(fake.most_changes_at_once(), 2);
}
