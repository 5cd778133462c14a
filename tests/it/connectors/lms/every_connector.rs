//! The suite: the pipeline's own order of calls (read, write, read back) on each connector.

use super::*;

struct Subject {
    label: &'static str,
    lms: Arc<dyn Lms>,
    /// Keeps the server alive.
    _fake: Option<FakeLms>,
}

async fn subjects() -> Vec<Subject> {
    let mut subjects = vec![Subject {
        label: "instant",
        lms: connect_within(
            &LmsConnection {
                kind: "fake".to_owned(),
                confirm: None,
                ..endpoint("")
            },
            Limits::default(),
        )
        .unwrap(),
        _fake: None,
    }];
    for (label, framework) in [
        ("frappe 15", Framework::V15),
        ("frappe, current", Framework::Current),
    ] {
        let fake = site(framework).await;
        subjects.push(Subject {
            label,
            lms: connect_within(&fake.connection(), Limits::default()).unwrap(),
            _fake: Some(fake),
        });
    }
    let fake = FakeLms::start(FakeLmsOptions {
        shop_method: true,
        ..options()
    })
    .await
    .unwrap();
    fake.add_user("ada@example.com", true);
    subjects.push(Subject {
        label: "http confirm",
        lms: connect_within(&endpoint(&fake.base_url()), Limits::default()).unwrap(),
        _fake: Some(fake),
    });
    subjects
}

#[tokio::test]
async fn a_first_enrolment_is_read_back_where_the_connector_reads() {
    for Subject { label, lms, .. } in &subjects().await {
        assert_eq!(
            lms.read_enrolment(&ada(), COURSE).await,
            Ok(None),
            "{label}"
        );
        assert_eq!(
            lms.ensure_learner(&ada()).await.unwrap().id,
            "ada@example.com",
            "{label}"
        );
        let said = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
        let read = lms.read_enrolment(&ada(), COURSE).await.unwrap();
        if lms.capabilities().reads_back {
            let read = read.unwrap();
            assert_eq!((Some(read.id), read.rows), (said, 1), "{label}");
        } else {
            assert_eq!(read, None, "{label}");
        }
    }
}

#[tokio::test]
async fn enrolling_twice_is_enrolling_once() {
    for Subject { label, lms, .. } in &subjects().await {
        lms.ensure_learner(&ada()).await.unwrap();
        let first = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
        let second = lms.enrol(&ada(), COURSE, "another-key").await.unwrap();
        assert_eq!(first, second, "{label}");
        if lms.capabilities().reads_back {
            let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
            assert_eq!(read.rows, 1, "{label}");
        }
    }
}

#[tokio::test]
async fn ensuring_a_learner_twice_makes_one_and_says_which_call_made_it() {
    for Subject { label, lms, .. } in &subjects().await {
        let first = lms.ensure_learner(&ada()).await.unwrap();
        let second = lms.ensure_learner(&ada()).await.unwrap();
        assert_eq!(first.id, second.id, "{label}");
        assert!(!second.created, "{label}");
    }
}

#[tokio::test]
async fn withdrawing_works_twice_where_it_works_at_all_and_is_refused_in_words_where_not() {
    for Subject { label, lms, .. } in &subjects().await {
        lms.ensure_learner(&ada()).await.unwrap();
        let id = lms
            .enrol(&ada(), COURSE, KEY)
            .await
            .unwrap()
            .unwrap_or_default();
        let first = lms.withdraw(&ada(), COURSE, &id).await;
        if lms.capabilities().withdraws {
            assert_eq!(first, Ok(()), "{label}");
            assert_eq!(lms.withdraw(&ada(), COURSE, &id).await, Ok(()), "{label}");
            assert_eq!(
                lms.read_enrolment(&ada(), COURSE).await,
                Ok(None),
                "{label}"
            );
        } else {
            assert_eq!(kind(&first.unwrap_err()), "mapping_broken", "{label}");
        }
    }
}

#[tokio::test]
async fn every_connector_proves_its_address_and_knows_its_course() {
    for Subject { label, lms, .. } in &subjects().await {
        assert!(!lms.ping().await.unwrap().is_empty(), "{label}");
        assert_eq!(
            lms.find_course(COURSE).await.unwrap().unwrap().id,
            COURSE,
            "{label}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_transient_on_reads_and_on_writes() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let frappe = LmsConnection {
        base_url: gone.clone(),
        ..site(Framework::V15).await.connection()
    };
    for connection in [frappe, endpoint(&gone)] {
        let lms = connect_within(&connection, Limits::default()).unwrap();
        for fault in [
            lms.ping().await.unwrap_err(),
            lms.enrol(&ada(), COURSE, KEY).await.unwrap_err(),
        ] {
            assert_eq!(kind(&fault), "transient", "{fault:?}");
            assert_fit_to_show(&fault);
        }
    }
}

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
