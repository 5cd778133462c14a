//! Tokens: who we are, how long it holds, and what is said when it does not.

use std::time::Duration;

use bursar::config::Secret;
use bursar::connectors::destinations::drive::fake::{Call, FakeDrive, FakeDriveOptions, Mischief};

use super::*;

#[tokio::test]
async fn a_service_account_signs_for_itself_and_keeps_its_token_for_most_of_an_hour() {
    let (fake, clock, drive) = drive_with(FakeDriveOptions {
        account: service_account(),
        ..FakeDriveOptions::default()
    })
    .await;
    drive.about().await.unwrap();
    clock.advance(Duration::from_mins(54));
    drive.about().await.unwrap();
    assert_eq!(fake.calls(Call::Token), 1);
    clock.advance(Duration::from_mins(2));
    drive.about().await.unwrap();
    assert_eq!(fake.calls(Call::Token), 2);
}

#[tokio::test]
async fn the_sellers_consent_gives_tokens_too() {
    let (fake, _, drive) = drive().await;
    let about = drive.about().await.unwrap();
    assert_eq!(about.user.email_address, "seller@fake.example");
    assert_eq!(fake.calls(Call::Token), 1);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_renewed_once_and_the_call_goes_on() {
    let (fake, _, drive) = drive().await;
    drive.about().await.unwrap();
    fake.forget_tokens();
    drive.about().await.unwrap();
    assert_eq!((fake.calls(Call::Token), fake.calls(Call::About)), (2, 3));
}

#[tokio::test]
async fn a_fresh_token_that_is_not_accepted_either_breaks_the_connection() {
    let (fake, _, drive) = drive().await;
    fake.misbehave(Call::About, [Mischief::TokenGone, Mischief::TokenGone]);
    let refused = fault(drive.about().await.unwrap_err());
    assert!(
        matches!(refused, Fault::ConnectionBroken { .. }),
        "{refused:?}"
    );
    assert_eq!(fake.calls(Call::About), 2);
}

#[tokio::test]
async fn many_calls_at_once_get_one_token() {
    let (fake, _, drive) = drive().await;
    let calls = (0..8).map(|_| drive.about());
    for about in futures_util::future::join_all(calls).await {
        about.unwrap();
    }
    assert_eq!(fake.calls(Call::Token), 1);
}

#[tokio::test]
async fn a_withdrawn_consent_says_what_to_do() {
    let (fake, _, drive) = drive().await;
    fake.withdraw_consent();
    let refused = fault(drive.about().await.unwrap_err());
    let Fault::ConnectionBroken { why } = &refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("7 days") && why.contains("again"), "{why}");
}

#[tokio::test]
async fn a_deleted_key_of_a_service_account_breaks_the_connection() {
    let (fake, _, drive) = drive_with(FakeDriveOptions {
        account: service_account(),
        ..FakeDriveOptions::default()
    })
    .await;
    fake.withdraw_consent();
    let refused = fault(drive.about().await.unwrap_err());
    assert!(matches!(&refused, Fault::ConnectionBroken { why } if why.contains("key")));
}

#[tokio::test]
async fn a_token_server_that_is_away_is_an_outage() {
    let (fake, _, drive) = drive().await;
    fake.misbehave(Call::Token, [Mischief::Failure]);
    let refused = fault(drive.about().await.unwrap_err());
    assert!(matches!(refused, Fault::Transient { .. }), "{refused:?}");
    drive.about().await.unwrap();
}

#[tokio::test]
async fn neither_key_nor_tokens_nor_sessions_are_ever_shown() {
    let (fake, _, drive) = drive().await;
    drive.about().await.unwrap();
    let shown = format!("{drive:?} {:?}", fake.settings());
    for secret in ["secret-of-the-fake", "token-of-the-fake"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_key_that_is_none_does_not_start() {
    let fake = FakeDrive::start(FakeDriveOptions::default()).await.unwrap();
    let pem = KEY.replace("BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY");
    let user = KEY.replace("service_account", "authorized_user");
    for text in ["", "{}", "{\"private_key\": \"swordfish\"}", &pem, &user] {
        let mut settings = fake.settings();
        settings.client_id = None;
        settings.key = Some(Secret::new(text));
        let refused = Drive::connect(&settings, Clock::still(START)).unwrap_err();
        let said = format!("{refused:#}");
        assert!(said.contains("key"), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
    }
}
