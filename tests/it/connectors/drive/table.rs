//! What each of Google's reasons means, and what an outage is.

use bursar::connectors::destinations::drive::fake::{Call, FakeDriveOptions, Mischief};
use bursar::connectors::destinations::drive::{Invitation, Pace};

use super::*;

/// In words, so that a table of them reads as one.
fn kind(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Fault(Fault::Transient { .. }) => "transient",
        Trouble::Fault(Fault::ConnectionBroken { .. }) => "broken",
        Trouble::Fault(Fault::MappingBroken { .. }) => "mapping",
        Trouble::Fault(Fault::LearnerProblem { .. }) => "learner",
        Trouble::Fault(Fault::Unknown { .. }) => "unknown",
        Trouble::Paced {
            pace: Pace::Calls, ..
        } => "calls",
        Trouble::Paced {
            pace: Pace::Sharing,
            ..
        } => "sharing",
        Trouble::Paced {
            pace: Pace::Volume, ..
        } => "volume",
        Trouble::Absent => "absent",
        Trouble::Exists => "exists",
        Trouble::Full { .. } => "full",
        Trouble::NeedsMail => "needs mail",
        Trouble::MailFailed => "mail failed",
        Trouble::NoExpiry => "no expiry",
    }
}

#[tokio::test]
async fn every_reason_of_the_table_means_what_the_table_says() {
    let table = [
        (403, "rateLimitExceeded", "calls"),
        (403, "userRateLimitExceeded", "calls"),
        (429, "rateLimitExceeded", "calls"),
        (403, "sharingRateLimitExceeded", "sharing"),
        (403, "dailyLimitExceeded", "volume"),
        (403, "quotaExceeded", "volume"),
        (403, "storageQuotaExceeded", "broken"),
        (403, "teamDriveFileLimitExceeded", "full"),
        (403, "numChildrenInNonRootLimitExceeded", "full"),
        (403, "teamDriveHierarchyTooDeep", "full"),
        (403, "insufficientFilePermissions", "broken"),
        (403, "domainPolicy", "mapping"),
        (403, "publishOutNotPermitted", "mapping"),
        (403, "cannotSetExpiration", "no expiry"),
        (403, "accessNotConfigured", "broken"),
        (403, "backendError", "unknown"),
        (403, "neverHeardOf", "mapping"),
        (400, "invalid", "mapping"),
        (404, "notFound", "absent"),
        (409, "fileIdInUse", "exists"),
        (410, "gone", "absent"),
        (500, "internalError", "unknown"),
        (502, "backendError", "unknown"),
        (503, "backendError", "unknown"),
    ];
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    for (status, reason, means) in table {
        fake.misbehave(Call::Update, [Mischief::Refused(status, reason)]);
        let refused = drive.restore(&id).await.unwrap_err();
        assert_eq!(kind(&refused), means, "{status} {reason}: {refused:?}");
    }
}

#[tokio::test]
async fn a_pause_that_google_asks_for_is_kept_and_an_invitation_flood_rests_for_an_hour() {
    let (fake, _, drive) = drive().await;
    let id = made(&drive, "A course").await;
    fake.misbehave(Call::Update, [Mischief::Throttled(90)]);
    let Trouble::Paced { after, .. } = drive.restore(&id).await.unwrap_err() else {
        panic!("not paced");
    };
    assert_eq!(after, Duration::from_secs(90));
    let flood = Mischief::Refused(403, "sharingRateLimitExceeded");
    fake.misbehave(Call::Share, [flood]);
    let who = Invitation {
        email: "an@example.com".to_owned(),
        until: None,
    };
    let Trouble::Paced { after, .. } = drive.share(&id, &who).await.unwrap_err() else {
        panic!("not paced");
    };
    assert_eq!(after, Duration::from_hours(1));
}

#[tokio::test]
async fn a_read_that_fails_is_an_outage_and_a_write_that_fails_is_unknown() {
    let (fake, _, patient) = drive().await;
    let id = made(&patient, "A course").await;
    let drive = Drive::connect_within(&fake.settings(), Clock::still(START), IMPATIENT).unwrap();
    for way in [Mischief::Failure, Mischief::CutAnswer, Mischief::Hang] {
        fake.misbehave(Call::Get, [way.clone()]);
        let read = drive.file(&id).await.unwrap_err();
        assert_eq!(kind(&read), "transient", "{way:?}");
        fake.misbehave(Call::Update, [way.clone()]);
        let write = drive.restore(&id).await.unwrap_err();
        assert_eq!(kind(&write), "unknown", "{way:?}");
    }
}

#[tokio::test]
async fn a_page_of_html_is_not_google() {
    let (fake, _, drive) = drive().await;
    fake.misbehave(Call::About, [Mischief::WebPage]);
    assert_eq!(kind(&drive.about().await.unwrap_err()), "broken");
}

#[tokio::test]
async fn a_service_account_without_a_shared_drive_is_told_the_three_ways_out() {
    let (_fake, _, drive) = drive_with(FakeDriveOptions {
        account: service_account(),
        shared_drive: false,
        ..FakeDriveOptions::default()
    })
    .await;
    let new = file(&drive, "a.mp4", "root", b"abc").await;
    let refused = fault(drive.begin_upload(&new).await.unwrap_err());
    let Fault::ConnectionBroken { why } = &refused else {
        panic!("{refused:?}");
    };
    for way in ["shared_drive", "act_as", "your own Drive"] {
        assert!(why.contains(way), "{why}");
    }
    let found = drive.inspect().await;
    assert!(
        found
            .iter()
            .any(|f| !f.sound && f.what.contains("no storage"))
    );
}

#[tokio::test]
async fn the_examination_sees_a_sound_drive_and_leaves_nothing_on_it() {
    let (fake, _, drive) = drive_with(FakeDriveOptions {
        account: service_account(),
        ..FakeDriveOptions::default()
    })
    .await;
    let found = drive.inspect().await;
    assert!(found.iter().all(|finding| finding.sound), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(fake.items(), 0);
}

#[tokio::test]
async fn the_examination_names_a_low_role_closed_doors_and_a_missing_drive() {
    let (fake, _, drive) = drive().await;
    fake.demote();
    fake.shut_outsiders_out();
    let wrong = |found: &[bursar::connectors::destinations::drive::Finding], word: &str| {
        found.iter().any(|f| !f.sound && f.what.contains(word))
    };
    let found = drive.inspect().await;
    assert!(wrong(&found, "Manager"), "{found:?}");
    assert!(wrong(&found, "outside"), "{found:?}");
    let mut settings = fake.settings();
    settings.shared_drive = "0ASomewhereElse".to_owned();
    let drive = Drive::connect(&settings, Clock::still(START)).unwrap();
    let found = drive.inspect().await;
    assert!(wrong(&found, "does not see the shared drive"), "{found:?}");
}
