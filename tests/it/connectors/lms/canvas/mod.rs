//! Canvas: what goes over the wire, and the traps of its data.

mod conforms;
mod fake;
mod store;
mod table;

pub use conforms::Site;

use bursar::connectors::lms::fake::Canned;
use bursar::connectors::lms::{CoursePage, Standing};
use serde_json::json;

use self::fake::FakeCanvas;
use super::stage::Way;
use super::*;

const TOKEN: &str = "11~t0ken-that-must-not-show";
const COURSE: &str = "SKU-RUST-1";

async fn canvas() -> (FakeCanvas, Arc<dyn Lms>) {
    let fake = FakeCanvas::start().await;
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    (fake, lms)
}

#[tokio::test]
async fn an_enrolment_is_written_as_active_and_without_a_letter() {
    let (fake, lms) = canvas().await;
    let made = lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let sent = fake.calls("enrol");
    assert_eq!(
        sent[0].body,
        json!({"enrollment": {"user_id": made.id, "type": "StudentEnrollment",
            "enrollment_state": "active", "notify": false}})
    );
    assert_eq!(
        sent[0].target,
        "/api/v1/courses/sis_course_id:SKU-RUST-1/enrollments"
    );
}

#[tokio::test]
async fn a_learner_is_made_ready_to_sign_in_with_the_address() {
    let (fake, lms) = canvas().await;
    let shouted = Learner {
        email: "Ada@Example.com".to_owned(),
        ..ada()
    };
    assert!(lms.ensure_learner(&shouted).await.unwrap().created);
    assert_eq!(
        fake.calls("create")[0].body,
        json!({"user": {"name": "Ada Lovelace", "skip_registration": true, "terms_of_use": true},
            "pseudonym": {"unique_id": "ada@example.com", "send_confirmation": false},
            "communication_channel": {"type": "email", "address": "ada@example.com",
                "skip_confirmation": true}})
    );
    assert_eq!(
        fake.calls("create")[0].target,
        "/api/v1/accounts/self/users"
    );
}

#[tokio::test]
async fn a_letter_of_canvas_is_the_sellers_choice() {
    let fake = FakeCanvas::start().await;
    let connection = LmsConnection {
        send_welcome_email: true,
        ..fake.connection()
    };
    let lms = connect_within(&connection, Limits::default()).unwrap();
    lms.ensure_learner(&ada()).await.unwrap();
    assert!(fake.inside().store.users[0].told);
}

#[tokio::test]
async fn ids_longer_than_a_float_is_exact_stay_what_they_are() {
    let (fake, lms) = canvas().await;
    let made = lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!(made.id, "11000000000001001");
    // As a site answers that does not know the header for texts.
    let number = Canned::json(
        200,
        &serde_json::from_str(r#"{"id": 11000000000001001}"#).unwrap(),
    );
    fake.stage.once("user", Way::Say(number));
    assert_eq!(lms.ensure_learner(&ada()).await.unwrap().id, made.id);
}

#[tokio::test]
async fn the_token_is_in_no_address() {
    let (fake, lms) = canvas().await;
    lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    assert!(fake.inside().seen.len() > 4);
    for seen in &fake.inside().seen {
        assert!(!seen.target.contains(TOKEN), "{seen:?}");
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let (fake, lms) = canvas().await;
    for n in 0..5 {
        let id = fake
            .inside()
            .store
            .add_user(&format!("x{n}.ada@example.com"));
        assert!(!id.is_empty());
    }
    let user = fake.inside().store.add_user("ada@example.com");
    fake.inside().store.users.last_mut().unwrap().login = "ada".to_owned();
    let found = lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!(
        (found.id, found.created),
        (user, false),
        "who signs in under another name"
    );
    assert_eq!(fake.calls("search").len(), 3);
    let listed = lms.list_courses(100).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2].title, "C for shops");
}

#[tokio::test]
async fn the_token_is_not_sent_to_another_host_for_the_next_page() {
    let trap = conformance::Trap::set().await;
    let (fake, lms) = canvas().await;
    fake.inside().own_address = format!("http://{}", trap.address);
    let fault = lms.list_courses(100).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert!(fault.to_string().contains("base_url"), "{fault}");
    assert_eq!(trap.came(), 0);
    assert_eq!(
        lms.list_courses(2).await.unwrap().len(),
        2,
        "enough rows need no next page"
    );
}

#[tokio::test]
async fn two_accounts_with_the_learners_address_are_not_chosen_from() {
    let (fake, lms) = canvas().await;
    for login in ["ada", "ada2"] {
        fake.inside().store.add_user("ada@example.com");
        fake.inside().store.users.last_mut().unwrap().login = login.to_owned();
    }
    let fault = lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "learner_problem");
    assert_fit_to_show(&fault);
}

#[tokio::test]
async fn nothing_is_written_over_a_suspended_enrolment() {
    let (fake, lms) = canvas().await;
    let user = fake.inside().store.add_user("ada@example.com");
    let row = fake
        .inside()
        .store
        .add_row(&user, "sis_course_id:SKU-RUST-1", 1, "inactive");
    assert_eq!(
        lms.enrol(&ada(), COURSE, KEY).await.unwrap(),
        Some(row.id.clone())
    );
    assert!(fake.calls("enrol").is_empty());
    assert_eq!(fake.inside().store.rows, [row]);
}

#[tokio::test]
async fn the_row_that_lets_the_learner_in_counts_and_the_oldest_of_those() {
    let (fake, lms) = canvas().await;
    let user = fake.inside().store.add_user("ada@example.com");
    let at = "sis_course_id:SKU-RUST-1";
    let mut ids = Vec::new();
    for (section, state) in [
        (1, "inactive"),
        (2, "invited"),
        (3, "active"),
        (4, "active"),
    ] {
        ids.push(fake.inside().store.add_row(&user, at, section, state).id);
    }
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    assert_eq!(
        (read.standing, read.rows, read.id),
        (Standing::Active, 4, ids[2].clone())
    );
}

#[tokio::test]
async fn an_invitation_names_the_course_where_it_is_accepted() {
    let (fake, lms) = canvas().await;
    fake.inside().store.invites = true;
    lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    let link = format!("{}/courses/sis_course_id%3ASKU-RUST-1", fake.url);
    assert_eq!(read.standing, Standing::Invited { link: Some(link) });
}

#[tokio::test]
async fn a_course_is_named_by_its_number_or_its_sis_id() {
    let (fake, lms) = canvas().await;
    for name in [
        "11000000000000101",
        "SKU-RUST-1",
        "sis_course_id:SKU-RUST-1",
    ] {
        let found = lms.find_course(name).await.unwrap().unwrap();
        assert_eq!(found.id, "11000000000000101", "{name}");
    }
    assert_eq!(lms.find_course("101").await, Ok(None));
    for state in ["completed", "unpublished"] {
        fake.inside().store.courses[0].state = state;
        let fault = lms.find_course(COURSE).await.unwrap_err();
        assert_eq!(kind(&fault), "mapping_broken", "{state}");
    }
    fake.inside().store.courses[0].state = "deleted";
    assert_eq!(lms.find_course(COURSE).await, Ok(None));
}

#[test]
fn the_page_of_a_course_is_known_by_each_of_its_names() {
    let page = CoursePage::of(&LmsConnection {
        kind: "canvas".to_owned(),
        base_url: "https://learn.example.com".to_owned(),
        ..LmsConnection::default()
    });
    let expect = |course: &str, path: &str| {
        let expected = format!("https://learn.example.com/courses/{path}");
        assert_eq!(page.url(course), Some(expected));
    };
    expect("101", "101");
    expect("SKU 1", "sis_course_id%3ASKU%201");
}

#[tokio::test]
async fn each_missing_permission_is_named() {
    for (permission, says) in [
        ("manage_user_logins", "make accounts"),
        ("read_roster", "see who is enrolled"),
        ("add_student_to_course", "enrol students"),
        ("remove_student_from_course", "suspend"),
    ] {
        let (fake, lms) = canvas().await;
        fake.inside().store.permissions.remove(permission);
        let missing = lms.missing_rights().await.unwrap();
        assert_eq!(missing.len(), 1, "{permission}: {missing:?}");
        assert!(
            missing[0].contains(says) && missing[0].contains(permission),
            "{missing:?}"
        );
        fake.inside().store.permissions.insert("manage_students");
        let enough = permission.ends_with("_course");
        assert_eq!(
            lms.missing_rights().await.unwrap().is_empty(),
            enough,
            "{permission}"
        );
    }
}

#[tokio::test]
async fn a_token_that_may_not_ask_about_rights_is_told_so() {
    let (fake, lms) = canvas().await;
    fake.stage
        .once("permissions", Way::Say(store::not_permitted()));
    assert!(lms.missing_rights().await.unwrap()[0].contains("not authorized"));
    fake.stage.once("permissions", Way::Say(store::absent()));
    assert!(lms.missing_rights().await.unwrap()[0].contains("account_id"));
}

#[tokio::test]
async fn logins_that_we_may_not_see_do_not_stop_an_order() {
    let (fake, lms) = canvas().await;
    fake.inside().store.add_user("ada@example.com");
    fake.stage
        .always("logins", Way::Say(store::not_permitted()));
    assert!(!lms.ensure_learner(&ada()).await.unwrap().created);
}

#[test]
fn the_token_may_stand_as_api_key_and_is_never_printed() {
    let connection = LmsConnection {
        kind: "canvas".to_owned(),
        base_url: "https://learn.example.com".to_owned(),
        api_key: Some(Secret::new(TOKEN)),
        ..LmsConnection::default()
    };
    let limits = Limits::default();
    let lms = bursar::connectors::lms::canvas::Canvas::new(&connection, limits).unwrap();
    for printed in [format!("{lms:?}"), format!("{connection:?}")] {
        assert!(!printed.contains(TOKEN), "{printed}");
    }
    let bare = LmsConnection {
        api_key: None,
        ..connection
    };
    assert!(connect_within(&bare, limits).is_err());
}
