//! Moodle: what goes over the wire, and the traps of its data.

mod conforms;
mod fake;
mod store;
mod table;

pub use conforms::Site;

use bursar::config::Moodle;
use bursar::connectors::lms::{CoursePage, Standing};

use serde_json::json;

use self::fake::FakeMoodle;
use self::store::Row;
use super::stage::Way;
use super::*;

const TOKEN: &str = "t0ken-that-must-not-show-32-long";
const ENROL: &str = "enrol_manual_enrol_users";
const COURSE: &str = "SKU-RUST-1";

async fn moodle() -> (FakeMoodle, Arc<dyn Lms>) {
    let fake = FakeMoodle::start().await;
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    (fake, lms)
}

async fn with(change: impl FnOnce(&mut LmsConnection)) -> (FakeMoodle, Arc<dyn Lms>) {
    let fake = FakeMoodle::start().await;
    let mut connection = fake.connection();
    change(&mut connection);
    let lms = connect_within(&connection, Limits::default()).unwrap();
    (fake, lms)
}

fn learner(email: &str, name: &str) -> Learner {
    Learner {
        email: email.to_owned(),
        name: name.to_owned(),
    }
}

fn enrolled(fake: &FakeMoodle, email: &str, row: Row) -> u64 {
    let store = &mut fake.inside().store;
    let user = store.add_user(email);
    store.rows.insert((user, 2), row);
    user
}

#[tokio::test]
async fn the_token_is_in_bodies_and_never_in_an_address() {
    let (fake, lms) = moodle().await;
    lms.ping().await.unwrap();
    lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let inside = fake.inside();
    assert!(inside.seen.len() > 5);
    for seen in &inside.seen {
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            ("POST", "/webservice/rest/server.php")
        );
        assert_eq!(seen.params["wstoken"], TOKEN);
        assert_eq!(seen.params["moodlewsrestformat"], "json");
    }
}

#[tokio::test]
async fn ping_names_the_user_the_site_and_its_version() {
    let (_fake, lms) = moodle().await;
    assert_eq!(
        lms.ping().await.unwrap(),
        "bursar at A fake academy (Moodle 4.3 (Build: 20231009))"
    );
}

#[tokio::test]
async fn a_function_that_the_service_lacks_breaks_the_connection_by_its_name() {
    let (fake, lms) = moodle().await;
    fake.inside().store.functions.remove(ENROL);
    let fault = lms.ping().await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert!(fault.to_string().contains(ENROL), "{fault}");
    assert!(lms.missing_rights().await.unwrap()[0].contains(ENROL));
}

#[tokio::test]
async fn each_missing_right_is_named_in_words_that_are_fit_to_show() {
    for (right, says) in [
        ("moodle/user:create", "moodle/user:create"),
        ("moodle/user:viewdetails", "moodle/user:viewdetails"),
        (
            "moodle/site:viewuseridentity",
            "moodle/site:viewuseridentity",
        ),
        ("moodle/course:view", "moodle/course:view"),
        ("moodle/course:enrolreview", "moodle/course:enrolreview"),
        (
            "moodle/course:viewparticipants",
            "moodle/course:viewparticipants",
        ),
        ("enrol/manual:enrol", "enrol/manual:enrol"),
        ("allow role assignment", "role_id"),
    ] {
        let (fake, lms) = moodle().await;
        fake.inside().store.rights.remove(right);
        let missing = lms.missing_rights().await.unwrap();
        assert_eq!(missing.len(), 1, "{right}: {missing:?}");
        assert!(missing[0].contains(says), "{right}: {missing:?}");
        assert!(missing[0].chars().count() <= 300, "{}", missing[0]);
        let inside = fake.inside();
        assert_eq!((inside.store.users.len(), inside.store.rows.len()), (2, 0));
    }
}

#[tokio::test]
async fn who_is_there_but_may_not_be_seen_is_never_absent() {
    let (fake, lms) = moodle().await;
    enrolled(&fake, "ada@example.com", Row::default());
    fake.inside()
        .store
        .rights
        .remove("moodle/site:viewuseridentity");
    for fault in [
        lms.read_enrolment(&ada(), COURSE).await.unwrap_err(),
        lms.ensure_learner(&ada()).await.unwrap_err(),
        lms.enrol(&ada(), COURSE, KEY).await.unwrap_err(),
    ] {
        assert_eq!(kind(&fault), "connection_broken");
        assert!(fault.to_string().contains("viewuseridentity"), "{fault}");
        assert_fit_to_show(&fault);
    }
    assert!(fake.calls("core_user_create_users").is_empty());
}

#[tokio::test]
async fn a_token_that_may_not_see_suspended_enrolments_says_so_and_does_not_take_them_for_absent() {
    let (fake, lms) = moodle().await;
    let suspended = Row {
        suspended: true,
        ..Row::default()
    };
    enrolled(&fake, "ada@example.com", suspended);
    fake.inside()
        .store
        .rights
        .remove("moodle/course:enrolreview");
    let fault = lms.read_enrolment(&ada(), COURSE).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken");
    assert!(
        fault.to_string().contains("moodle/course:enrolreview"),
        "{fault}"
    );
    assert_eq!(
        kind(&lms.enrol(&ada(), COURSE, KEY).await.unwrap_err()),
        "connection_broken"
    );
    assert!(
        fake.calls(ENROL).is_empty(),
        "nothing is written in the dark"
    );
}

#[tokio::test]
async fn nothing_is_written_over_an_enrolment_whether_it_is_active_suspended_or_over() {
    for row in [
        Row {
            timeend: 1_900_000_000,
            suspended: false,
        },
        Row {
            timeend: 1_700_000_000,
            suspended: false,
        },
        Row {
            timeend: 0,
            suspended: true,
        },
    ] {
        let (fake, lms) = moodle().await;
        let user = enrolled(&fake, "ada@example.com", row);
        let said = lms.enrol(&ada(), COURSE, KEY).await.unwrap();
        assert_eq!(said, Some(format!("user {user} in course 2")));
        assert_eq!(fake.inside().store.rows[&(user, 2)], row);
        assert!(fake.calls(ENROL).is_empty());
    }
}

#[tokio::test]
async fn enrolments_in_a_hidden_course_are_seen() {
    let (fake, lms) = moodle().await;
    fake.inside().store.courses.get_mut(&2).unwrap().visible = false;
    lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    assert_eq!(read.standing, Standing::Active);
    lms.withdraw(&ada(), COURSE, &read.id).await.unwrap();
    let read = lms.read_enrolment(&ada(), COURSE).await.unwrap().unwrap();
    assert_eq!(read.standing, Standing::Suspended);
}

#[tokio::test]
async fn a_suspended_learner_is_found_beyond_the_first_page() {
    let (fake, lms) = moodle().await;
    let suspended = Row {
        suspended: true,
        ..Row::default()
    };
    for n in 0..1001 {
        enrolled(&fake, &format!("n{n}@example.com"), suspended);
    }
    let last = learner("n1000@example.com", "");
    let read = lms.read_enrolment(&last, COURSE).await.unwrap().unwrap();
    assert_eq!(read.standing, Standing::Suspended);
    fake.inside().store.add_user("ada@example.com");
    assert_eq!(lms.read_enrolment(&ada(), COURSE).await, Ok(None));
}

#[tokio::test]
async fn the_whole_wanted_state_is_sent() {
    let (fake, lms) = with(|c| c.moodle.as_mut().unwrap().role_id = 5).await;
    lms.ensure_learner(&ada()).await.unwrap();
    lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    let calls = fake.calls(ENROL);
    for (field, value) in [
        ("roleid", "5"),
        ("userid", "4"),
        ("courseid", "2"),
        ("timestart", "0"),
        ("timeend", "0"),
        ("suspend", "0"),
    ] {
        assert_eq!(
            calls[0][&format!("enrolments[0][{field}]")],
            value,
            "{field}"
        );
    }
}

#[tokio::test]
async fn a_role_that_may_not_be_given_is_a_matter_of_the_mapping() {
    let (_fake, lms) = with(|c| c.moodle.as_mut().unwrap().role_id = 999).await;
    lms.ensure_learner(&ada()).await.unwrap();
    let fault = lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken");
    assert!(fault.to_string().contains("role_id"), "{fault}");
}

#[tokio::test]
async fn an_account_that_somebody_made_in_the_same_moment_is_found() {
    let (fake, lms) = moodle().await;
    let user = fake.inside().store.add_user("ada@example.com");
    let nobody_yet = Way::Say(bursar::connectors::lms::fake::Canned::json(200, &json!([])));
    fake.stage.once("core_user_get_users_by_field", nobody_yet);
    let found = lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!((found.id, found.created), (user.to_string(), false));
    assert_eq!(
        fake.calls("core_user_create_users").len(),
        1,
        "it was tried"
    );
}

#[tokio::test]
async fn user_names_keep_moodles_rules() {
    for (email, username) in [
        ("Ada.Lovelace_1@Example.com", "ada.lovelace_1@example.com"),
        ("eve+1@example.com", "learner-"),
        ("o'hara@example.com", "learner-"),
    ] {
        let (fake, lms) = moodle().await;
        let made = lms.ensure_learner(&learner(email, "Eve")).await.unwrap();
        assert!(made.created);
        let sent = &fake.calls("core_user_create_users")[0];
        assert!(sent["users[0][username]"].starts_with(username), "{sent:?}");
        assert_eq!(sent["users[0][email]"], email.to_lowercase());
        let again = lms.ensure_learner(&learner(email, "Eve")).await.unwrap();
        assert_eq!((again.id, again.created), (made.id, false));
    }
}

#[tokio::test]
async fn a_family_name_is_always_sent() {
    for (name, first, last) in [
        ("Nguyễn Văn An", "Nguyễn", "Văn An"),
        ("Ada", "Ada", "."),
        ("", "ada", "."),
        ("<i>Ada</i>", "i", "Ada /i"),
    ] {
        let (fake, lms) = moodle().await;
        lms.ensure_learner(&learner("ada@example.com", name))
            .await
            .unwrap();
        let sent = &fake.calls("core_user_create_users")[0];
        assert_eq!(sent["users[0][firstname]"], first, "{name}");
        assert_eq!(sent["users[0][lastname]"], last, "{name}");
    }
}

#[tokio::test]
async fn a_new_learner_gets_moodles_mail_or_a_password_that_nobody_knows() {
    let (fake, lms) = with(|c| c.send_welcome_email = true).await;
    lms.ensure_learner(&ada()).await.unwrap();
    assert!(fake.inside().store.users[&4].mailed);
    let mut passwords = Vec::new();
    for _ in 0..2 {
        let (fake, lms) = moodle().await;
        lms.ensure_learner(&ada()).await.unwrap();
        let made = fake.inside().store.users[&4].clone();
        assert!(!made.mailed);
        passwords.push(made.password.unwrap());
    }
    assert_ne!(passwords[0], passwords[1]);
    for needed in [
        char::is_uppercase,
        char::is_lowercase,
        |c: char| c.is_ascii_digit(),
        |c: char| c == '-',
    ] {
        assert!(passwords[0].contains(needed), "a password rule");
    }
}

#[tokio::test]
async fn the_way_to_sign_in_is_the_sellers_choice() {
    let (fake, lms) = with(|c| {
        c.moodle = Some(Moodle {
            auth: "oauth2".to_owned(),
            ..c.moodle.clone().unwrap()
        });
    })
    .await;
    lms.ensure_learner(&ada()).await.unwrap();
    assert_eq!(fake.inside().store.users[&4].auth, "oauth2");
}

#[tokio::test]
async fn an_account_with_our_user_name_and_another_address_is_not_the_learners() {
    let (fake, lms) = moodle().await;
    {
        let store = &mut fake.inside().store;
        let user = store.add_user("mallory@example.com");
        store.users.get_mut(&user).unwrap().username = "ada@example.com".to_owned();
    }
    let fault = lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "learner_problem");
    assert_fit_to_show(&fault);
}

#[tokio::test]
async fn a_course_is_named_by_number_id_number_or_short_name() {
    let (fake, lms) = moodle().await;
    for name in [
        "2",
        "SKU-RUST-1",
        "sku-rust-1",
        "idnumber:SKU-RUST-1",
        "shortname:RUST1",
    ] {
        let found = lms.find_course(name).await.unwrap().unwrap();
        assert_eq!(
            (found.id.as_str(), found.title.as_str()),
            ("2", "Rust for shops"),
            "{name}"
        );
    }
    for name in ["RUST1", "99", "1", "99999999999999999999", "shortname:"] {
        assert_eq!(lms.find_course(name).await, Ok(None), "{name}");
    }
    fake.inside().store.courses.get_mut(&3).unwrap().idnumber = "SKU-RUST-1";
    let fault = lms.find_course(COURSE).await.unwrap_err();
    assert_eq!(
        kind(&fault),
        "mapping_broken",
        "an id number that two courses have"
    );
}

#[tokio::test]
async fn a_course_without_manual_enrolment_is_a_broken_mapping_before_anything_is_sold() {
    let (fake, lms) = moodle().await;
    fake.inside().store.courses.get_mut(&2).unwrap().manual = false;
    let fault = lms.find_course(COURSE).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken");
    let listed = lms.list_courses(10).await.unwrap();
    assert_eq!(listed.len(), 1, "only what can be sold: {listed:?}");
}

#[test]
fn the_page_of_a_course_is_known_by_each_of_its_names() {
    let page = CoursePage::of(&LmsConnection {
        kind: "moodle".to_owned(),
        base_url: "https://learn.example.com".to_owned(),
        ..LmsConnection::default()
    });
    for (course, path) in [
        ("2", "id=2"),
        ("SKU 1/a", "idnumber=SKU%201%2Fa"),
        ("idnumber:7", "idnumber=7"),
        ("shortname:RUST1", "name=RUST1"),
    ] {
        let expected = format!("https://learn.example.com/course/view.php?{path}");
        assert_eq!(page.url(course), Some(expected));
    }
}

#[tokio::test]
async fn who_is_in_the_course_in_another_way_too_is_not_reported_as_closed_out() {
    let (fake, lms) = moodle().await;
    let user = enrolled(&fake, "ada@example.com", Row::default());
    let id = format!("user {user} in course 2");
    // The manual row is suspended, and the learner still studies.
    let row = json!([{"id": 2, "visible": "1"}]);
    let studies = Way::Say(bursar::connectors::lms::fake::Canned::json(200, &row));
    fake.stage.always("core_enrol_get_users_courses", studies);
    let fault = lms.withdraw(&ada(), COURSE, &id).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken");
    assert!(fake.inside().store.rows[&(user, 2)].suspended);
}

#[tokio::test]
async fn withdrawing_what_is_not_there_writes_nothing() {
    let (fake, lms) = moodle().await;
    for id in [
        "user 4 in course 2",
        "user 4 in course 99",
        "",
        "v2642fp6m9",
    ] {
        lms.withdraw(&ada(), COURSE, id).await.unwrap();
    }
    assert!(fake.calls(ENROL).is_empty());
}

#[test]
fn the_token_may_stand_as_api_key_and_is_never_printed() {
    let connection = LmsConnection {
        kind: "moodle".to_owned(),
        base_url: "https://learn.example.com".to_owned(),
        api_key: Some(Secret::new(TOKEN)),
        ..LmsConnection::default()
    };
    let limits = Limits::default();
    let lms = bursar::connectors::lms::moodle::Moodle::new(&connection, limits).unwrap();
    for printed in [format!("{lms:?}"), format!("{connection:?}")] {
        assert!(!printed.contains(TOKEN), "{printed}");
    }
    let bare = LmsConnection {
        api_key: None,
        ..connection
    };
    assert!(connect_within(&bare, limits).is_err());
}
