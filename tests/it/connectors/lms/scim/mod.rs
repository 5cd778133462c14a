//! SCIM 2.0: what is peculiar to it. The suite is in `conforms`, the vendors are played in `vendor`.

pub mod conforms;
pub mod vendor;

use std::sync::Arc;

use bursar::config::{LmsConnection, Scim, Secret};
use bursar::connectors::http::Limits;
use bursar::connectors::lms::{CoursePage, Learner, Lms, connect_within};
use serde_json::{Value, json};

use self::vendor::{Service, Store, Vendor, error};
use super::crooked::{Crooked, Role, Way};
use super::{KEY, ada, assert_fit_to_show, kind};

pub const TOKEN: &str = "t0ken-that-must-not-show";
pub const COURSE: &str = "g-rust";
pub const OTHER: &str = "g-go";

pub fn groups() -> [(&'static str, &'static str); 3] {
    [
        (COURSE, "Rust for shops"),
        (OTHER, "Go for shops"),
        ("g-sql", "SQL for shops"),
    ]
}

pub fn connection(base: &str, vendor: Vendor) -> LmsConnection {
    let scim = Scim {
        token: Some(Secret::new(TOKEN)),
        quirks: match vendor {
            Vendor::Plain => "plain",
            Vendor::Udemy => "udemy",
            Vendor::Entra => "entra",
        }
        .to_owned(),
        // So that each of the three ways to look is tried.
        check_by: (vendor == Vendor::Udemy).then(|| "user".to_owned()),
        sign_in_url: "https://company.example.com".to_owned(),
        ..Scim::default()
    };
    LmsConnection {
        kind: "scim".to_owned(),
        base_url: format!("{base}/scim/v2"),
        scim: Some(scim),
        ..LmsConnection::default()
    }
}

struct Seen {
    fake: Crooked<Service>,
    lms: Arc<dyn Lms>,
}

async fn platform(vendor: Vendor) -> Seen {
    changed(vendor, |_| {}).await
}

async fn changed(vendor: Vendor, change: impl FnOnce(&mut Scim)) -> Seen {
    let fake = Crooked::start(Service::new(vendor, &groups())).await;
    let mut connection = connection(&fake.base(), vendor);
    change(connection.scim.as_mut().unwrap());
    let lms = connect_within(&connection, Limits::default()).unwrap();
    Seen { fake, lms }
}

impl Seen {
    async fn enrolled(&self, learner: &Learner, course: &str) -> String {
        self.lms.ensure_learner(learner).await.unwrap();
        let id = self.lms.enrol(learner, course, KEY).await.unwrap();
        id.unwrap()
    }

    /// Something that happens there without us.
    fn store<T>(&self, step: impl FnOnce(&mut Store) -> T) -> T {
        step(&mut self.fake.site.store.lock().unwrap())
    }

    fn members(&self, group: &str) -> Vec<String> {
        let mut store = self.fake.site.store.lock().unwrap();
        store.group(group).unwrap().members.clone()
    }

    fn is_active(&self, name: &str) -> bool {
        let mut store = self.fake.site.store.lock().unwrap();
        store.user(name).unwrap().active
    }

    /// Bodies of these requests, in order.
    fn bodies(&self, method: &str, of: &str) -> Vec<Value> {
        let log = self.fake.log().into_iter();
        let these = log.filter(|asked| asked.method == method && asked.path.contains(of));
        these.map(|asked| asked.body).collect()
    }
}

#[tokio::test]
async fn each_vendor_is_spoken_to_in_its_own_dialect() {
    let value = json!([{"value": "u-1"}]);
    for (vendor, add, remove) in [
        (
            Vendor::Plain,
            json!({"op": "add", "path": "members", "value": value}),
            json!({"op": "remove", "path": "members[value eq \"u-1\"]"}),
        ),
        (
            Vendor::Entra,
            json!({"op": "Add", "path": "members", "value": value}),
            json!({"op": "Remove", "path": "members", "value": value}),
        ),
    ] {
        let seen = platform(vendor).await;
        let id = seen.enrolled(&ada(), COURSE).await;
        seen.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
        let sent = seen.bodies("PATCH", "Groups");
        let first = &sent[0]["Operations"];
        assert_eq!(*first, json!([add]), "{vendor:?}");
        let last = &sent.last().unwrap()["Operations"];
        assert_eq!(*last, json!([remove]), "{vendor:?}");
    }
}

/// Without a filter in the path the standard means all members: the quirk that this platform has not
/// must never be tried.
#[tokio::test]
async fn taking_one_out_leaves_the_others_in() {
    for vendor in [Vendor::Plain, Vendor::Udemy, Vendor::Entra] {
        let seen = platform(vendor).await;
        let eve = Learner {
            email: "eve@example.com".to_owned(),
            name: String::new(),
        };
        let hers = seen.enrolled(&eve, COURSE).await;
        let id = seen.enrolled(&ada(), COURSE).await;
        seen.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
        assert_eq!(seen.members(COURSE), [hers], "{vendor:?}");
    }
}

#[tokio::test]
async fn an_address_cannot_end_the_filter_that_it_is_in() {
    let seen = platform(Vendor::Plain).await;
    seen.enrolled(&ada(), COURSE).await;
    let eve = Learner {
        email: "\" or userName pr or userName eq \"\\ada@example.com".to_owned(),
        name: String::new(),
    };
    assert_eq!(seen.lms.read_enrolment(&eve, COURSE).await, Ok(None));
    let filters = seen.fake.log().into_iter();
    let last = filters
        .filter(|asked| asked.query("filter").is_some())
        .last();
    assert_eq!(
        last.unwrap().query("filter").unwrap(),
        r#"userName eq "\" or username pr or username eq \"\\ada@example.com""#
    );
}

/// Whatever the platform lists, only the one who was asked for counts.
#[tokio::test]
async fn a_platform_that_overlooks_filters_enrols_nobody_else() {
    let seen = platform(Vendor::Plain).await;
    let eve =
        json!({"totalResults": 1, "Resources": [{"id": "u-9", "userName": "eve@example.com"}]});
    seen.fake.once(Some(Role::Read), listing(&eve));
    assert_eq!(seen.lms.read_enrolment(&ada(), COURSE).await, Ok(None));
    let all = json!({"totalResults": 1, "Resources": [{"id": COURSE}]});
    let lax = changed(Vendor::Plain, |scim| {
        scim.check_by = Some("filter".to_owned());
    })
    .await;
    lax.fake.always(Some(Role::Read), listing(&all));
    let missing = lax.lms.missing_rights().await.unwrap();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(missing[0].contains("overlooks the filter"), "{missing:?}");
}

fn listing(body: &Value) -> Way {
    Way::Instead(super::crooked::Canned::json(200, body))
}

#[tokio::test]
async fn a_version_is_asked_for_where_the_platform_wants_one_and_a_race_is_lost_softly() {
    let seen = platform(Vendor::Entra).await;
    seen.enrolled(&ada(), COURSE).await;
    let log = seen.fake.log().into_iter();
    let sent: Vec<Option<String>> = log
        .filter(|asked| asked.method == "PATCH")
        .map(|asked| asked.header("if-match").map(str::to_owned))
        .collect();
    assert_eq!(sent, [None, Some("W/\"1\"".to_owned())]);
    let stale = Way::Instead(error(412, "", "the group was changed"));
    seen.fake.once(Some(Role::Write), stale);
    let fault = seen.lms.enrol(&ada(), OTHER, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "transient", "{fault}");
    seen.lms.enrol(&ada(), OTHER, KEY).await.unwrap();
}

#[tokio::test]
async fn an_account_that_scim_does_not_show_is_the_learners_problem_and_says_what_to_do() {
    let seen = platform(Vendor::Udemy).await;
    seen.store(|store| store.put_user("ada@example.com", true, false));
    let fault = seen.lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "learner_problem", "{fault}");
    assert!(fault.to_string().contains("reconcile"), "{fault}");
}

#[tokio::test]
async fn used_up_licences_break_the_connection_in_words() {
    let seen = platform(Vendor::Udemy).await;
    seen.fake.site.store.lock().unwrap().seats = Some(0);
    let fault = seen.lms.ensure_learner(&ada()).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken", "{fault}");
    assert!(fault.to_string().contains("no seat left"), "{fault}");
}

#[tokio::test]
async fn a_part_that_is_not_implemented_breaks_the_connection() {
    let seen = platform(Vendor::Plain).await;
    seen.lms.ensure_learner(&ada()).await.unwrap();
    let never = Way::Instead(error(501, "", "PATCH is not implemented"));
    seen.fake.always(Some(Role::Write), never);
    let fault = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_eq!(kind(&fault), "connection_broken", "{fault}");
    let missing = seen.lms.missing_rights().await.unwrap();
    assert!(
        missing.iter().any(|m| m.contains("change groups")),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_seat_is_freed_with_the_last_group_and_taken_again_by_the_same_learner() {
    let seen = changed(Vendor::Plain, |scim| scim.frees_seats = true).await;
    let id = seen.enrolled(&ada(), COURSE).await;
    seen.enrolled(&ada(), OTHER).await;
    seen.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
    assert!(seen.is_active(&ada().email), "the other course needs it");
    seen.lms.withdraw(&ada(), OTHER, &id).await.unwrap();
    assert!(!seen.is_active(&ada().email));
    assert_eq!(seen.enrolled(&ada(), COURSE).await, id);
    assert!(seen.is_active(&ada().email));
    let read = seen.lms.read_enrolment(&ada(), COURSE).await.unwrap();
    assert!(read.is_some());
}

/// Where the platform does not show a user's groups, an empty list proves nothing.
#[tokio::test]
async fn no_seat_is_freed_where_groups_are_not_shown_or_the_account_is_not_ours() {
    let blind = changed(Vendor::Entra, |scim| scim.frees_seats = true).await;
    let id = blind.enrolled(&ada(), COURSE).await;
    blind.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
    assert!(blind.is_active(&ada().email));
    let theirs = changed(Vendor::Plain, |scim| scim.frees_seats = true).await;
    let id = theirs.store(|store| store.put_user(&ada().email, true, true));
    theirs.enrolled(&ada(), COURSE).await;
    theirs.lms.withdraw(&ada(), COURSE, &id).await.unwrap();
    assert!(theirs.is_active(&ada().email));
}

#[tokio::test]
async fn what_an_administrator_deactivated_is_not_woken() {
    let seen = changed(Vendor::Plain, |scim| scim.frees_seats = true).await;
    seen.enrolled(&ada(), COURSE).await;
    seen.store(|store| store.user(&ada().email).unwrap().active = false);
    for fault in [
        seen.lms.ensure_learner(&ada()).await.unwrap_err(),
        seen.lms.read_enrolment(&ada(), COURSE).await.unwrap_err(),
    ] {
        assert_eq!(kind(&fault), "learner_problem", "{fault}");
    }
    assert!(!seen.is_active(&ada().email));
}

#[tokio::test]
async fn an_account_that_was_made_anew_is_looked_up_once_more() {
    let seen = platform(Vendor::Plain).await;
    let old = seen.enrolled(&ada(), COURSE).await;
    let new = seen.store(|store| {
        store.users.clear();
        let new = store.put_user(&ada().email, true, true);
        store.group(COURSE).unwrap().members = vec![new.clone()];
        new
    });
    seen.lms.withdraw(&ada(), COURSE, &old).await.unwrap();
    assert_eq!(seen.members(COURSE), Vec::<String>::new());
    assert_ne!(old, new);
}

#[tokio::test]
async fn no_secret_and_no_address_is_in_a_fault_or_a_print() {
    let seen = platform(Vendor::Plain).await;
    seen.lms.ensure_learner(&ada()).await.unwrap();
    let words =
        format!("<b>{TOKEN}</b> of ada@example.com: Traceback (most recent call last): x.py");
    let echo = Way::Instead(error(403, "", &words));
    seen.fake.always(Some(Role::Write), echo);
    let fault = seen.lms.enrol(&ada(), COURSE, KEY).await.unwrap_err();
    assert_fit_to_show(&fault);
    assert!(!fault.to_string().contains(TOKEN), "{fault}");
    let connection = connection("https://x.example", Vendor::Plain);
    let scim = bursar::connectors::lms::scim::Scim::new(&connection, Limits::default()).unwrap();
    let printed = format!("{scim:?} {connection:?}");
    assert!(
        printed.contains("Sensitive") && !printed.contains(TOKEN),
        "{printed}"
    );
    let logged = seen.fake.log();
    assert!(logged.iter().all(|asked| !asked.path.contains(TOKEN)));
}

#[tokio::test]
async fn groups_are_listed_over_pages() {
    let seen = platform(Vendor::Plain).await;
    let titles: Vec<String> = seen
        .lms
        .list_courses(50)
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.title)
        .collect();
    assert_eq!(titles, ["Rust for shops", "Go for shops", "SQL for shops"]);
}

#[test]
fn learners_are_sent_to_the_page_where_they_sign_in_never_to_the_api() {
    let mut connection = connection("https://x.example", Vendor::Udemy);
    let page = CoursePage::of(&connection).url(COURSE);
    assert_eq!(page.as_deref(), Some("https://company.example.com"));
    connection.scim.as_mut().unwrap().sign_in_url.clear();
    assert_eq!(CoursePage::of(&connection), CoursePage::Unknown);
}

#[test]
fn unknown_habits_and_missing_tokens_are_refused_at_the_start() {
    let refusal = |change: fn(&mut Scim)| {
        let mut connection = connection("https://x.example", Vendor::Plain);
        change(connection.scim.as_mut().unwrap());
        format!(
            "{:#}",
            connect_within(&connection, Limits::default())
                .err()
                .unwrap()
        )
    };
    assert!(refusal(|scim| scim.quirks = "okta".to_owned()).contains("quirks"));
    assert!(refusal(|scim| scim.remove_by = Some("hand".to_owned())).contains("remove_by"));
    assert!(refusal(|scim| scim.check_by = Some("hand".to_owned())).contains("check_by"));
    assert!(refusal(|scim| scim.token = None).contains("token"));
    assert!(refusal(|scim| scim.token = Some(Secret::new("a\nb"))).contains("token"));
}
