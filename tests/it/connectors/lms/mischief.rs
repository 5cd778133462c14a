//! Frappe on a bad day: lost answers, foreign answers, races. After a write only a read tells.

use bursar::connectors::lms::fake::{Call, Canned, Mischief};

use super::*;

/// A write spoilt in this way: its fault, what was then read, and the writes that came in.
async fn spoilt_write(way: Mischief) -> (Fault, Option<usize>, u64) {
    let (fake, lms) = frappe().await;
    lms.ensure_learner(&ada()).await.unwrap();
    let writer = match way {
        Mischief::Hang | Mischief::HangAfterwards => impatient(&fake.connection()),
        _ => Arc::clone(&lms),
    };
    fake.misbehave(Call::EnrolmentCreate, [way]);
    let fault = writer.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_fit_to_show(&fault);
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap();
    let rows = read.map(|enrolment| enrolment.rows);
    (fault, rows, fake.writes_of("LMS Enrollment"))
}

#[tokio::test]
async fn a_write_that_was_done_and_never_answered_is_unknown_and_a_read_finds_it() {
    for way in [Mischief::HangAfterwards, Mischief::CutAnswer] {
        let (fault, rows, writes) = spoilt_write(way.clone()).await;
        assert_eq!(
            (kind(&fault), rows, writes),
            ("unknown", Some(1), 1),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn a_write_that_was_lost_is_unknown_too_and_a_read_finds_nothing() {
    for way in [
        Mischief::Hang,
        Mischief::ServerErrorPage,
        Mischief::ServerError,
        Mischief::WebPage,
        Mischief::Oversized,
    ] {
        let (fault, rows, writes) = spoilt_write(way.clone()).await;
        assert_eq!(
            (kind(&fault), rows, writes),
            ("unknown", None, 1),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn the_connector_never_writes_twice_in_one_call() {
    for way in [
        Mischief::Deadlock,
        Mischief::Maintenance,
        Mischief::Throttled(1),
        Mischief::DuplicateEntry,
        Mischief::EditConflict,
        Mischief::AlreadyEnrolled,
    ] {
        let (fault, rows, writes) = spoilt_write(way.clone()).await;
        assert_eq!((rows, writes), (None, 1), "{way:?}: {fault:?}");
    }
}

#[tokio::test]
async fn a_repeat_after_a_lost_answer_finds_its_own_row_even_on_the_old_framework() {
    let (fake, lms) = frappe().await;
    lms.ensure_learner(&ada()).await.unwrap();
    fake.misbehave(Call::EnrolmentCreate, [Mischief::CutAnswer]);
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "unknown");
    let again = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    assert_eq!(again, Some(fake.enrolments()[0].name.clone()));
    assert_eq!(fake.enrolments().len(), 1);
}

#[tokio::test]
async fn two_rows_made_by_the_platform_itself_are_reported() {
    let (fake, lms) = frappe().await;
    lms.ensure_learner(&ada()).await.unwrap();
    fake.misbehave(Call::EnrolmentCreate, [Mischief::DuplicateRow]);
    let said = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    assert_eq!((read.rows, Some(read.id)), (2, said));
}

#[tokio::test]
async fn an_account_that_vanishes_under_the_write_is_not_believed() {
    let (fake, lms) = frappe().await;
    lms.ensure_learner(&ada()).await.unwrap();
    fake.misbehave(Call::EnrolmentCreate, [Mischief::Ghost]);
    assert!(lms.enrol(&ada(), COURSE, KEY).await.is_ok());
    assert_eq!(lms.read_enrolment(&ada(), COURSE).await, Ok(None));
}

#[tokio::test]
async fn a_lost_answer_to_a_read_is_transient() {
    for way in [
        Mischief::Hang,
        Mischief::HangAfterwards,
        Mischief::CutAnswer,
    ] {
        let fake = site(Framework::V15).await;
        let lms = impatient(&fake.connection());
        fake.misbehave(Call::EnrolmentList, [way.clone()]);
        let fault = lms.read_enrolment(&ada(), COURSE).await.unwrap_err();
        assert_eq!(kind(&fault), "transient", "{way:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_to_a_read_is_not_the_lms() {
    let (fake, lms) = frappe().await;
    fake.misbehave(Call::EnrolmentList, [Mischief::Oversized]);
    let fault = lms.read_enrolment(&ada(), COURSE).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert_fit_to_show(&fault);
}

#[tokio::test]
async fn a_redirected_write_is_refused_and_the_sentence_says_where_to() {
    let (fake, lms) = frappe().await;
    let elsewhere = site(Framework::V15).await;
    let to = format!(
        "{}/api/resource/User?email=ada@example.com",
        elsewhere.base_url()
    );
    fake.misbehave(Call::EnrolmentCreate, [Mischief::Redirect(to)]);
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert!(fault.to_string().contains(&elsewhere.base_url()), "{fault}");
    assert_fit_to_show(&fault);
    assert_eq!(elsewhere.calls(Call::Any), 0);
}

#[tokio::test]
async fn a_learner_made_by_somebody_else_at_the_same_moment_is_found() {
    let (fake, lms) = frappe().await;
    fake.add_user("ada@example.com", true);
    let nobody = Canned::json(200, &serde_json::json!({"data": []}));
    fake.misbehave(Call::UserList, [Mischief::Answer(nobody)]);
    let learner = lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!(
        (learner.id.as_str(), learner.created),
        ("ada@example.com", false)
    );
    assert_eq!(fake.writes_of("User"), 1);
}

#[tokio::test]
async fn a_learner_that_exists_but_may_not_be_seen_breaks_the_connection() {
    let (fake, lms) = frappe().await;
    fake.misbehave(Call::UserCreate, [Mischief::DuplicateEntry]);
    fake.misbehave(Call::UserGet, [Mischief::Forbidden]);
    let fault = lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
}

#[tokio::test]
async fn parallel_creations_end_as_one_learner() {
    let (fake, lms) = frappe().await;
    let (who, other) = (ada(), ada());
    let (a, b) = tokio::join!(lms.ensure_learner(&who), lms.ensure_learner(&other));
    assert_eq!(a.unwrap().id, b.unwrap().id);
    assert_eq!(fake.users().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_drops_our_credentials_is_told_from_a_healthy_site() {
    let (fake, lms) = frappe().await;
    let guest = Canned::json(200, &serde_json::json!({"message": "Guest"}));
    fake.misbehave(Call::WhoAmI, [Mischief::Answer(guest)]);
    let fault = lms.ping().await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert!(fault.to_string().contains("guest"));
}

#[tokio::test]
async fn an_lms_that_echoes_our_secrets_does_not_get_them_shown() {
    let (fake, lms) = frappe().await;
    let words = format!("<b>token</b> {API_KEY}:{API_SECRET} of ada@example.com is odd &amp; old");
    fake.misbehave(Call::EnrolmentCreate, [Mischief::Refused(words)]);
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_fit_to_show(&fault);
    assert!(
        fault
            .to_string()
            .contains("token ***:*** of (address) is odd & old"),
        "{fault}"
    );
}

#[tokio::test]
async fn an_error_with_fields_of_odd_types_is_still_understood() {
    let (fake, lms) = frappe().await;
    let odd = serde_json::json!({"exc_type": "LinkValidationError", "exception": null,
        "_server_messages": ["not", "a text"], "_error_message": "Không tìm thấy khóa học."});
    let odd = Canned::json(417, &odd);
    fake.misbehave(Call::EnrolmentCreate, [Mischief::Answer(odd)]);
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken");
    assert!(
        fault.to_string().ends_with(": Không tìm thấy khóa học."),
        "{fault}"
    );
}

#[tokio::test]
async fn standing_mischief_lasts_until_it_is_lifted() {
    let (fake, lms) = frappe().await;
    fake.misbehave_always(Call::Any, Mischief::Maintenance);
    for _ in 0..3 {
        assert_eq!(kind(&lms.ping().await.unwrap_err()), "transient");
    }
    fake.behave();
    assert!(lms.ping().await.is_ok());
}
