//! Open edX: what is peculiar to it. The suite is in `conforms`, the site is played in `campus`.

mod campus;
pub mod conforms;

use std::sync::Arc;

use bursar::config::{LmsConnection, OpenEdx, Secret};
use bursar::connectors::http::Limits;
use bursar::connectors::lms::{CoursePage, Learner, Lms, Standing, connect_within};
use serde_json::json;

use self::campus::Campus;
use super::crooked::{Canned, Crooked, Role, Way};
use super::{KEY, ada, assert_fit_to_show, kind};

pub const CLIENT: &str = "cl1ent-of-bursar";
pub const SECRET: &str = "s3cret-of-the-client";
pub const COURSE: &str = "course-v1:Org+Rust+2026";
pub const OTHER: &str = "course-v1:Org+Go+2026";
pub const COURSES: [&str; 3] = [COURSE, OTHER, "course-v1:Org+SQL+2026"];

pub fn connection(base: &str) -> LmsConnection {
    LmsConnection {
        kind: "openedx".to_owned(),
        base_url: base.to_owned(),
        openedx: Some(OpenEdx {
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new(SECRET)),
            mode: "verified".to_owned(),
            new_learners: "invite".to_owned(),
        }),
        ..LmsConnection::default()
    }
}

struct Seen {
    fake: Crooked<Campus>,
    lms: Arc<dyn Lms>,
}

async fn campus() -> Seen {
    changed(|_| {}).await
}

async fn changed(change: impl FnOnce(&mut OpenEdx)) -> Seen {
    let fake = Crooked::start(Campus::new(&COURSES)).await;
    let mut connection = connection(&fake.base());
    change(connection.openedx.as_mut().unwrap());
    let lms = connect_within(&connection, Limits::default()).unwrap();
    Seen { fake, lms }
}

impl Seen {
    async fn standing(&self, learner: &Learner) -> Option<Standing> {
        let read = self.lms.read_enrolment(learner, COURSE).await.unwrap();
        read.map(|found| found.standing)
    }

    fn mode(&self) -> String {
        self.fake.site.store.lock().unwrap().enrolments[0]
            .mode
            .clone()
    }
}

macro_rules! store {
    ($seen:expr) => {
        $seen.fake.site.store.lock().unwrap()
    };
}

#[tokio::test]
async fn one_token_serves_until_it_is_refused_and_is_then_asked_for_once() {
    let seen = campus().await;
    store!(seen).sign_up(&ada().email);
    for _ in 0..3 {
        seen.lms.ping().await.unwrap();
    }
    assert_eq!(store!(seen).asked_for_tokens, 1);
    store!(seen).tokens.clear();
    seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    assert_eq!(store!(seen).asked_for_tokens, 2);
    let refused = Canned::json(401, &json!({"detail": "no"}));
    seen.fake.always(Some(Role::Read), Way::Instead(refused));
    let fault = seen.lms.read_enrolment(&ada(), COURSE).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken", "{fault}");
    assert_eq!(
        store!(seen).asked_for_tokens,
        3,
        "once, and not in a circle"
    );
}

#[tokio::test]
async fn many_callers_at_once_ask_for_one_token() {
    let seen = campus().await;
    let pings = (0..8).map(|_| seen.lms.ping());
    futures_util::future::try_join_all(pings).await.unwrap();
    assert_eq!(store!(seen).asked_for_tokens, 1);
}

#[tokio::test]
async fn the_free_mode_is_not_the_one_that_was_paid_and_becomes_it() {
    let seen = campus().await;
    store!(seen).sign_up(&ada().email);
    store!(seen).put(&ada().email, COURSE, "audit", true);
    assert_eq!(seen.standing(&ada()).await, None);
    seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap();
    assert_eq!(
        (seen.standing(&ada()).await, seen.mode()),
        (Some(Standing::Active), "verified".to_owned())
    );
}

#[tokio::test]
async fn who_has_more_than_is_sold_keeps_it_also_after_a_suspension() {
    let seen = changed(|settings| settings.mode = "audit".to_owned()).await;
    store!(seen).sign_up(&ada().email);
    store!(seen).put(&ada().email, COURSE, "verified", true);
    let read = seen
        .lms
        .read_enrolment(&ada(), COURSE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.standing, Standing::Active);
    seen.lms.withdraw(&ada(), COURSE, &read.id).await.unwrap();
    assert_eq!(seen.standing(&ada()).await, Some(Standing::Suspended));
    seen.lms.restore(&ada(), COURSE, &read.id).await.unwrap();
    assert_eq!(
        (seen.standing(&ada()).await, seen.mode()),
        (Some(Standing::Active), "verified".to_owned())
    );
}

#[tokio::test]
async fn a_success_that_changed_nothing_is_none() {
    let seen = campus().await;
    store!(seen).sign_up(&ada().email);
    store!(seen).put(&ada().email, COURSE, "audit", true);
    store!(seen).frozen = true;
    let fault = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken", "{fault}");
    let fault = seen
        .lms
        .withdraw(&ada(), COURSE, "user1")
        .await
        .unwrap_err();
    assert_eq!(kind(&fault), "connection_broken", "{fault}");
    assert_fit_to_show(&fault);
}

#[tokio::test]
async fn who_has_no_account_is_invited_and_enrolled_by_signing_up() {
    for way in ["invite", "allow"] {
        let seen = changed(|settings| settings.new_learners = way.to_owned()).await;
        seen.lms.ensure_learner(&ada()).await.unwrap();
        let id = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap().unwrap();
        assert_eq!(
            seen.lms.enrol(&ada(), COURSE, "again").await,
            Ok(Some(id.clone()))
        );
        let link = Some(format!("{}/register", seen.fake.base()));
        assert_eq!(
            seen.standing(&ada()).await,
            Some(Standing::Invited { link }),
            "{way}"
        );
        let mails = seen
            .fake
            .log()
            .iter()
            .any(|a| a.body["email_students"] == true);
        assert_eq!(mails, way == "invite");
        seen.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
        seen.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
        assert_eq!(seen.standing(&ada()).await, None, "{way}");
    }
}

#[tokio::test]
async fn an_invitation_that_was_accepted_is_taken_back_as_an_enrolment() {
    let seen = campus().await;
    let id = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap().unwrap();
    store!(seen).sign_up(&ada().email);
    store!(seen).put(&ada().email, COURSE, "verified", true);
    seen.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
    assert_eq!(seen.standing(&ada()).await, Some(Standing::Suspended));
}

#[tokio::test]
async fn buyers_without_an_account_wait_where_nobody_is_to_be_invited() {
    let seen = changed(|settings| settings.new_learners = "refuse".to_owned()).await;
    assert_eq!(seen.standing(&ada()).await, None);
    let fault = seen.lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "learner_problem", "{fault}");
    store!(seen).sign_up(&ada().email);
    seen.lms.ensure_learner(&ada()).await.unwrap();
}

#[tokio::test]
async fn an_invitation_with_an_error_inside_its_success_failed() {
    let seen = campus().await;
    for (result, class) in [
        (
            json!({"identifier": "x", "invalidIdentifier": true}),
            "learner_problem",
        ),
        (json!({"identifier": "x", "error": true}), "unknown"),
        (
            json!({"after": {"allowed": false, "enrollment": false}}),
            "unknown",
        ),
    ] {
        let body = json!({"courses": {COURSE: {"results": [result]}}});
        seen.fake
            .once(Some(Role::Write), Way::Instead(Canned::json(200, &body)));
        let fault = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
        assert_eq!(kind(&fault), class, "{fault}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let seen = campus().await;
    assert_eq!(seen.lms.missing_rights().await, Ok(Vec::new()));
    store!(seen).bulk = false;
    store!(seen).tells_allowed = false;
    let missing = seen.lms.missing_rights().await.unwrap().join("\n");
    assert!(missing.contains("ENABLE_BULK_ENROLLMENT_VIEW"), "{missing}");
    assert!(missing.contains("new_learners"), "{missing}");
    store!(seen).staff = false;
    let missing = seen.lms.missing_rights().await.unwrap().join("\n");
    assert!(missing.contains("not global staff"), "{missing}");
}

#[tokio::test]
async fn a_404_that_hides_is_a_missing_right_and_no_absence() {
    let seen = campus().await;
    store!(seen).sign_up(&ada().email);
    store!(seen).staff = false;
    for fault in [
        seen.lms.read_enrolment(&ada(), COURSE).await.unwrap_err(),
        seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err(),
    ] {
        assert_eq!(kind(&fault), "connection_broken", "{fault}");
        assert!(fault.to_string().contains("global staff"), "{fault}");
    }
}

#[tokio::test]
async fn answers_about_the_learner_are_the_learners_problem() {
    let seen = campus().await;
    store!(seen).sign_up(&ada().email);
    let embargo = json!({"message": "Users from this location cannot access the course",
        "user_message_url": "/embargo/"});
    for canned in [
        Canned::json(403, &embargo),
        Canned::json(406, &json!({"message": "The user ada does not exist."})),
    ] {
        seen.fake.once(Some(Role::Write), Way::Instead(canned));
        let fault = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
        assert_eq!(kind(&fault), "learner_problem", "{fault}");
    }
}

#[tokio::test]
async fn a_course_without_the_mode_that_is_sold_is_a_matter_of_the_mapping() {
    let seen = changed(|settings| settings.mode = "professional".to_owned()).await;
    let fault = seen.lms.find_course(COURSE).await.unwrap_err();
    assert_eq!(kind(&fault), "mapping_broken", "{fault}");
    assert!(fault.to_string().contains("audit, verified"), "{fault}");
}

#[tokio::test]
async fn an_id_of_another_form_is_no_course_and_is_not_asked_for() {
    let seen = campus().await;
    for odd in [
        "rust-for-shops",
        "course-v1:Org+Rust",
        "Org/Rust",
        "",
        "course-v1:++",
    ] {
        assert_eq!(seen.lms.find_course(odd).await, Ok(None), "{odd}");
    }
    assert!(seen.fake.log().is_empty());
}

#[tokio::test]
async fn courses_are_listed_over_pages() {
    let seen = campus().await;
    let listed = seen.lms.list_courses(250).await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|course| course.id.as_str()).collect();
    assert_eq!(ids, COURSES);
}

#[tokio::test]
async fn no_secret_and_no_address_is_in_a_url_a_fault_or_a_print() {
    let seen = campus().await;
    store!(seen).sign_up(&ada().email);
    let words = json!({"message": format!("<b>{SECRET}</b> jwt-1 of ada@example.com")});
    seen.fake
        .always(Some(Role::Write), Way::Instead(Canned::json(403, &words)));
    let fault = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_fit_to_show(&fault);
    assert!(
        !fault.to_string().contains(SECRET) && !fault.to_string().contains("jwt-1"),
        "{fault}"
    );
    let connection = connection("https://x.example");
    let site =
        bursar::connectors::lms::openedx::OpenEdx::new(&connection, Limits::default()).unwrap();
    assert!(!format!("{site:?} {connection:?}").contains(SECRET));
    for asked in seen.fake.log() {
        let query = format!("{:?}", asked.query);
        assert!(
            !asked.path.contains(SECRET) && !query.contains(SECRET),
            "{asked:?}"
        );
    }
}

#[test]
fn a_course_has_its_page_with_its_id_encoded() {
    let page = CoursePage::of(&connection("https://campus.example.com")).url(COURSE);
    let known = "https://campus.example.com/courses/course-v1%3AOrg%2BRust%2B2026";
    assert_eq!(page.as_deref(), Some(known));
}
