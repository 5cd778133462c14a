//! What the suite does not ask of every platform: TLS, and the connector that reaches nothing.

use super::*;

#[tokio::test]
async fn https_to_a_server_without_tls_breaks_the_connection_and_is_not_waited_out() {
    let fake = site(Framework::V15).await;
    let secure = fake.base_url().replace("http://", "https://");
    let frappe = LmsConnection {
        base_url: secure.clone(),
        ..fake.connection()
    };
    for connection in [frappe, endpoint(&secure)] {
        let lms = connect_within(&connection, Limits::default()).unwrap();
        let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
        assert_eq!(kind(&fault), "connection_broken", "{fault:?}");
        assert_fit_to_show(&fault);
    }
}

/// It remembers only for as long as it lives, so the suite cannot ask a second connector about it.
#[tokio::test]
async fn the_connector_that_reaches_nothing_enrols_once_and_takes_back() {
    let connection = LmsConnection {
        kind: "fake".to_owned(),
        ..LmsConnection::default()
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    let first = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let second = lms.enrol(&ada(), COURSE, "another-key").await.unwrap();
    assert_eq!(first, second);
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    assert_eq!((Some(&read.id), read.rows), (first.as_ref(), 1));
    lms.withdraw(&ada(), COURSE, &read.id).await.unwrap();
    assert_eq!(lms.read_enrolment(&ada(), COURSE).await, Ok(None));
}
