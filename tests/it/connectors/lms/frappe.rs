//! Frappe: what goes over the wire, and the traps of its data.

use bursar::config::FrappeOptions;
use bursar::connectors::lms::CoursePage;
use bursar::connectors::lms::fake::{Call, FakeBatch, Mischief};
use serde_json::{Value, json};

use super::*;

fn body_of(fake: &FakeLms, call: Call) -> Value {
    let requests = fake.requests();
    let last = requests.iter().rfind(|seen| seen.call == call).unwrap();
    last.body.clone().unwrap()
}

async fn made_user(name: &str, email: &str) -> Value {
    let (fake, lms) = frappe().await;
    let learner = Learner {
        email: email.to_owned(),
        name: name.to_owned(),
    };
    assert!(lms.ensure_learner(&learner).await.unwrap().created);
    body_of(&fake, Call::UserCreate)
}

#[tokio::test]
async fn ping_names_the_user_behind_the_key() {
    let (_fake, lms) = frappe().await;
    assert_eq!(lms.ping().await.unwrap(), "bursar@example.com");
}

#[tokio::test]
async fn a_learner_is_created_with_a_lower_case_address_both_names_and_no_mail() {
    let body = made_user("Nguyễn Văn An", "An.Nguyen@Example.com").await;
    assert_eq!(
        body,
        json!({"email": "an.nguyen@example.com", "first_name": "Nguyễn",
            "last_name": "Văn An", "send_welcome_email": 0})
    );
}

#[tokio::test]
async fn a_first_name_with_a_letter_is_always_sent_because_the_lms_hangs_without() {
    for (name, email, first) in [
        ("", "ada@example.com", "ada"),
        ("  \t ", "ada@example.com", "ada"),
        ("***", "ada@example.com", "ada"),
        ("... 李", "ada@example.com", "... 李"),
        ("Ada", "ada@example.com", "Ada"),
        ("", "+@example.com", "Learner"),
    ] {
        let body = made_user(name, email).await;
        assert_eq!(body["first_name"], first, "{name:?}");
        assert_eq!(body.get("last_name"), None, "{name:?}");
    }
}

#[tokio::test]
async fn a_name_longer_than_a_field_is_cut_and_control_characters_are_dropped() {
    let body = made_user(&format!("A\u{0}da {}", "x".repeat(500)), "ada@example.com").await;
    assert_eq!(body["first_name"], "A");
    assert_eq!(body["last_name"].as_str().unwrap().chars().count(), 140);
}

#[tokio::test]
async fn the_welcome_mail_is_the_sellers_choice() {
    let fake = site(Framework::V15).await;
    let connection = LmsConnection {
        send_welcome_email: true,
        ..fake.connection()
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    lms.ensure_learner(&ada()).await.unwrap();
    assert!(fake.users()[0].welcomed);
}

#[tokio::test]
async fn an_enrolment_carries_our_key_as_its_name_and_paths_are_percent_encoded() {
    let (fake, lms) = frappe().await;
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let body = body_of(&fake, Call::EnrolmentCreate);
    assert_eq!(
        body,
        json!({"name": KEY, "member": "ada@example.com", "course": COURSE})
    );
    assert_eq!(fake.requests()[0].target, "/api/resource/LMS%20Enrollment");
}

#[tokio::test]
async fn secrets_are_never_in_an_address() {
    let (fake, lms) = frappe().await;
    lms.ensure_learner(&ada()).await.unwrap();
    lms.read_enrolment(&ada(), COURSE).await.unwrap();
    for seen in fake.requests() {
        assert!(!seen.target.contains(API_KEY) && !seen.target.contains(API_SECRET));
    }
}

#[tokio::test]
async fn a_path_in_the_base_url_and_a_slash_at_its_end_are_kept_right() {
    let fake = site(Framework::V15).await;
    let connection = LmsConnection {
        base_url: format!("{}/", fake.base_url()),
        ..fake.connection()
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    assert!(lms.ping().await.is_ok());
    let connection = LmsConnection {
        base_url: format!("{}/lms", fake.base_url()),
        ..connection
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    assert!(lms.ping().await.is_err());
    let last = fake.requests().pop().unwrap();
    assert_eq!(last.target, "/lms/api/method/frappe.auth.get_logged_user");
}

#[tokio::test]
async fn a_disabled_account_is_the_learners_problem_before_and_after_enrolment() {
    let (fake, lms) = frappe().await;
    fake.add_user("ada@example.com", false);
    let fault = lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "learner_problem");
    assert_eq!(lms.read_enrolment(&ada(), COURSE).await, Ok(None));
    fake.add_enrolment("ada@example.com", COURSE);
    let fault = lms.read_enrolment(&ada(), COURSE).await.unwrap_err();
    assert_eq!(kind(&fault), "learner_problem");
    assert!(fault.to_string().contains("disabled"));
}

#[tokio::test]
async fn a_row_for_a_person_without_an_account_is_no_enrolment_though_the_answer_was_200() {
    let (fake, lms) = frappe().await;
    assert!(lms.enrol(&ada(), COURSE, KEY).await.unwrap().is_some());
    assert_eq!(fake.enrolments()[0].member_name, None);
    assert_eq!(lms.read_enrolment(&ada(), COURSE).await, Ok(None));
}

#[tokio::test]
async fn a_ghost_row_counts_once_its_account_exists() {
    let (fake, lms) = frappe().await;
    let ghost = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!(lms.enrol(&ada(), COURSE, KEY).await.unwrap(), ghost);
    assert_eq!(
        lms.read_enrolment(&ada(), COURSE)
            .await
            .unwrap()
            .unwrap()
            .rows,
        1
    );
    assert_eq!(fake.enrolments().len(), 1);
}

#[tokio::test]
async fn six_rows_are_reported_as_six_with_the_oldest_ones_id() {
    let (fake, lms) = frappe().await;
    fake.add_user("ada@example.com", true);
    for _ in 0..6 {
        fake.add_enrolment("Ada@example.com", COURSE);
    }
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    assert_eq!((read.rows, read.id), (6, fake.enrolments()[0].name.clone()));
}

#[tokio::test]
async fn more_rows_than_one_page_of_frappe_are_all_seen() {
    let (fake, lms) = frappe().await;
    fake.add_user("ada@example.com", true);
    for _ in 0..25 {
        fake.add_enrolment("ada@example.com", COURSE);
    }
    assert_eq!(
        lms.read_enrolment(&ada(), COURSE)
            .await
            .unwrap()
            .unwrap()
            .rows,
        25
    );
}

#[tokio::test]
async fn an_enrolment_of_somebody_else_or_elsewhere_is_not_taken_for_ours() {
    let (fake, lms) = frappe().await;
    fake.add_user("ada@example.com", true);
    fake.add_enrolment("eve@example.com", COURSE);
    fake.add_enrolment("ada@example.com", "another-course");
    assert_eq!(lms.read_enrolment(&ada(), COURSE).await, Ok(None));
}

#[tokio::test]
async fn an_unknown_course_is_none_when_asked_for_and_a_broken_mapping_when_written() {
    let (_fake, lms) = frappe().await;
    lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!(lms.find_course("no-such-course").await, Ok(None));
    assert_eq!(
        lms.find_course(COURSE).await.unwrap().unwrap().title,
        "Rust for shops"
    );
    let fault = lms.enrol(&ada(), "no-such-course", KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken");
}

#[tokio::test]
async fn wrong_credentials_break_the_connection_on_every_call() {
    let fake = site(Framework::V15).await;
    let connection = LmsConnection {
        api_secret: Some(Secret::new("wr0ng-secret")),
        ..fake.connection()
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    for fault in [
        lms.ping().await.unwrap_err(),
        lms.ensure_learner(&ada()).await.unwrap_err(),
        lms.enrol(&ada(), COURSE, KEY).await.unwrap_err(),
    ] {
        assert_eq!(kind(&fault), "connection_broken");
        assert!(!fault.to_string().contains("wr0ng"));
    }
}

#[tokio::test]
async fn key_and_secret_may_come_as_one_setting() {
    let fake = site(Framework::V15).await;
    let connection = LmsConnection {
        api_key: Some(Secret::new(format!("{API_KEY}:{API_SECRET}"))),
        api_secret: None,
        ..fake.connection()
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    assert!(lms.ping().await.is_ok());
}

#[tokio::test]
async fn the_fake_says_in_every_answer_that_it_is_one() {
    let fake = site(Framework::V15).await;
    let client = bursar::connectors::http().unwrap();
    for path in ["/api/method/ping", "/", "/api/resource/User"] {
        let answer = client.get(fake.base_url() + path).send().await.unwrap();
        let server = answer.headers()["server"].to_str().unwrap();
        assert!(server.contains("fake"), "{path}: {server}");
    }
}

#[tokio::test]
async fn the_fake_takes_the_time_it_was_told_to() {
    let latency = Duration::from_millis(40);
    let fake = FakeLms::start(FakeLmsOptions {
        latency,
        ..options()
    })
    .await
    .unwrap();
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    let start = std::time::Instant::now();
    lms.ping().await.unwrap();
    assert!(start.elapsed() >= latency);
}

fn cohort(courses: &[&str]) -> FakeBatch {
    FakeBatch {
        name: "cohort-1".to_owned(),
        title: "Cohort 1".to_owned(),
        courses: courses.iter().map(|&course| course.to_owned()).collect(),
        seats: 0,
    }
}

#[tokio::test]
async fn leaving_a_batch_takes_the_courses_that_it_brought_and_no_others() {
    let fake = FakeLms::start(FakeLmsOptions {
        courses: ["before", "brought"]
            .map(|id| (id.to_owned(), id.to_owned()))
            .to_vec(),
        ..options()
    })
    .await
    .unwrap();
    fake.add_batch(cohort(&["before", "brought"]));
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), "before", KEY).await.unwrap();
    let joined = lms.enrol(&ada(), "batch:cohort-1", KEY).await.unwrap();
    assert_eq!(fake.enrolments().len(), 2);
    lms.withdraw(&ada(), "batch:cohort-1", &joined.unwrap())
        .await
        .unwrap();
    let left: Vec<String> = fake
        .enrolments()
        .into_iter()
        .map(|row| row.course)
        .collect();
    assert_eq!(left, ["before"]);
    assert!(fake.batch_rows().is_empty());
}

#[tokio::test]
async fn progress_is_at_stake_in_whole_percent_unless_the_seller_wants_no_question() {
    let (fake, lms) = frappe().await;
    fake.add_user("ada@example.com", true);
    fake.add_enrolment("ada@example.com", COURSE);
    let removes = LmsConnection {
        frappe: FrappeOptions {
            withdraw: "remove".to_owned(),
        },
        ..fake.connection()
    };
    let removes = connect_within(&removes, Limits::default()).unwrap();
    for (progress, at_stake) in [
        (0.0, None),
        (0.2, Some(1)),
        (36.2, Some(37)),
        (100.0, Some(100)),
    ] {
        fake.set_progress("ada@example.com", COURSE, progress);
        assert_eq!(lms.progress_at_stake(&ada(), COURSE).await, Ok(at_stake));
        assert_eq!(removes.progress_at_stake(&ada(), COURSE).await, Ok(None));
    }
}

#[tokio::test]
async fn courses_are_listed_before_batches_and_batches_have_pages_of_their_own() {
    let (fake, lms) = frappe().await;
    fake.add_batch(cohort(&[COURSE]));
    let listed = lms.list_courses(10).await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|course| course.id.as_str()).collect();
    assert_eq!(ids, [COURSE, "batch:cohort-1"]);
    let found = lms.find_course("batch:cohort-1").await.unwrap().unwrap();
    assert_eq!(
        (found.id.as_str(), found.title.as_str()),
        ("batch:cohort-1", "Cohort 1")
    );
    let (pages, base) = (CoursePage::of(&fake.connection()), fake.base_url());
    assert_eq!(
        pages.url(COURSE),
        Some(format!("{base}/lms/courses/{COURSE}"))
    );
    assert_eq!(
        pages.url("batch:cohort-1"),
        Some(format!("{base}/lms/batches/cohort-1"))
    );
}

#[tokio::test]
async fn a_right_that_is_refused_is_named_and_an_outage_is_no_missing_right() {
    let (fake, lms) = frappe().await;
    assert_eq!(lms.missing_rights().await, Ok(Vec::new()));
    fake.misbehave(Call::CourseList, [Mischief::Forbidden]);
    let missing = lms.missing_rights().await.unwrap();
    assert_eq!(missing.len(), 1);
    assert!(missing[0].contains("lacks a right"), "{missing:?}");
    fake.misbehave(Call::CourseList, [Mischief::Maintenance]);
    let fault = lms.missing_rights().await.unwrap_err();
    assert_eq!(kind(&fault), "transient");
}
