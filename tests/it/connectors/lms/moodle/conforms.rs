//! Moodle in the conformance suite, as the fake plays it.

use std::net::SocketAddr;
use std::sync::Mutex;

use std::time::Duration;

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;
use bursar::connectors::lms::fake::Canned;
use serde_json::json;

use super::super::conformance::{Platform, Real, Trouble, assert_all_pass, run_all};
use super::super::stage::Way;
use super::TOKEN;
use super::fake::FakeMoodle;
use super::store::{self, Row};

const ENROL: &str = "enrol_manual_enrol_users";
const LOOK: &str = "core_enrol_get_users_courses";
/// A time that is still to come, on the fake's clock.
const AN_END: u64 = 1_900_000_000;

pub struct Site {
    fake: FakeMoodle,
    /// What the settings say instead of the truth.
    settings: Mutex<LmsConnection>,
}

impl Site {
    pub async fn start() -> Self {
        let fake = FakeMoodle::start().await;
        let settings = Mutex::new(fake.connection());
        Self { fake, settings }
    }

    fn set(&self, change: impl FnOnce(&mut LmsConnection)) {
        change(&mut self.settings.lock().unwrap());
    }

    fn put(&self, email: &str, row: Row) {
        let mut inside = self.fake.inside();
        let known = inside.store.user_id(email);
        let user = known.unwrap_or_else(|| inside.store.add_user(email));
        inside.store.rows.insert((user, 2), row);
    }

    fn on_every_call(trouble: Trouble) -> Option<Way> {
        Some(match trouble {
            Trouble::Hang => Way::Hang,
            Trouble::CutConnection => Way::CutBefore,
            Trouble::EndlessBody => Way::Endless,
            Trouble::Slow(time) => Way::Slow(time),
            Trouble::Throttled(seconds) => Way::Say(throttled(seconds)),
            Trouble::Maintenance => Way::Say(Canned::page(
                503,
                "<h1>This site is undergoing maintenance and is currently not available</h1>",
            )),
            Trouble::HtmlInsteadOfJson => {
                Way::Say(Canned::page(200, "<!doctype html><title>Log in</title>"))
            }
            Trouble::ErrorInsideSuccess => Way::Say(store::error(
                "dml_read_exception",
                "dmlreadexception",
                "Error reading from database",
            )),
            Trouble::DatabaseDown => Way::Say(store::error(
                "dml_connection_exception",
                "dbconnectionfailed",
                "Error: Database connection failed",
            )),
            Trouble::OversizedBody => Way::Say(Canned::json(
                200,
                &json!([{"id": 5, "pad": "x".repeat(1 << 20)}]),
            )),
            Trouble::WrongHost => Way::Say(Canned::page(404, "<h1>Not Found</h1>")),
            Trouble::MethodMissing => Way::Say(store::error(
                "webservice_access_exception",
                "accessexception",
                "Access control exception",
            )),
            _ => return None,
        })
    }

    fn on_one_call(&self, trouble: Trouble, learner: &Learner) -> bool {
        let stage = &self.fake.stage;
        match trouble {
            Trouble::AnswerLostAfterWrite => stage.once(ENROL, Way::CutAfter),
            Trouble::AnswerLostBeforeWrite => stage.once(ENROL, Way::CutBefore),
            Trouble::HangAfterWrite => stage.once(ENROL, Way::HangAfter),
            Trouble::DeadlockOnce => stage.once(
                ENROL,
                Way::Say(store::error(
                    "dml_write_exception",
                    "dmlwriteexception",
                    "Error writing to database",
                )),
            ),
            Trouble::RedirectOnWrite(to) => stage.always(ENROL, redirect(to, learner)),
            Trouble::RedirectOnRead(to) => {
                stage.always("core_user_get_users_by_field", redirect(to, learner));
                stage.always(LOOK, redirect(to, learner));
            }
            Trouble::EchoesCredentials => {
                let words = format!("<b>token</b> {TOKEN} of {} is odd", learner.email);
                let said = store::error("invalid_parameter_exception", "invalidparameter", &words);
                stage.always(ENROL, Way::Say(said));
            }
            _ => return false,
        }
        true
    }

    fn on_the_site(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        let email = learner.email.as_str();
        match trouble {
            Trouble::RefusedConnection => {
                self.set(|c| "http://127.0.0.1:1".clone_into(&mut c.base_url));
            }
            Trouble::BadCredentials => self.set(|c| {
                c.moodle.as_mut().unwrap().token = Some(Secret::new("wr0ng-token-of-32-letters"));
            }),
            Trouble::RightMissingReadsLookEmpty => {
                let store = &mut self.fake.inside().store;
                store.rights.remove("moodle/site:viewuseridentity");
            }
            Trouble::RightMissingWritesRefused => {
                self.fake.inside().store.rights.remove("enrol/manual:enrol");
            }
            Trouble::CourseClosed => {
                self.fake.inside().store.courses.get_mut(&2).unwrap().manual = false;
            }
            Trouble::LearnerDisabled => {
                let store = &mut self.fake.inside().store;
                let user = store.add_user(email);
                store.users.get_mut(&user).unwrap().suspended = true;
            }
            Trouble::AddressRefused => {
                self.fake.inside().store.refused_address = Some(email.to_owned());
            }
            Trouble::EnrolledBefore => self.put(email, Row::default()),
            Trouble::SuspendedBefore => self.put(
                email,
                Row {
                    suspended: true,
                    ..Row::default()
                },
            ),
            Trouble::EndSetByHand => self.put(
                email,
                Row {
                    timeend: AN_END,
                    ..Row::default()
                },
            ),
            Trouble::AddressChanged => {
                let moved = self.learner("moved").email;
                let store = &mut self.fake.inside().store;
                let user = store.user_id(email).unwrap();
                store.users.get_mut(&user).unwrap().email = moved;
            }
            Trouble::DuplicateRow => {
                return Err("Moodle's database allows one manual enrolment of a user in a course");
            }
            Trouble::InvitedOnly => return Err("manual enrolment in Moodle invites nobody"),
            _ => return Err("Moodle's manual enrolment counts no seats"),
        }
        Ok(())
    }
}

fn redirect(to: SocketAddr, learner: &Learner) -> Way {
    let to = format!(
        "http://{to}/webservice/rest/server.php?email={}",
        learner.email
    );
    Way::Say(Canned {
        header: Some(("Location".to_owned(), to)),
        ..Canned::page(301, "Moved")
    })
}

/// Of a proxy: Moodle itself has no limit.
fn throttled(seconds: Option<u64>) -> Canned {
    Canned {
        header: seconds.map(|seconds| ("Retry-After".to_owned(), seconds.to_string())),
        ..Canned::page(429, "<h1>Too Many Requests</h1>")
    }
}

#[async_trait]
impl Platform for Site {
    fn kind(&self) -> &'static str {
        "moodle"
    }

    fn connection(&self) -> LmsConnection {
        self.settings.lock().unwrap().clone()
    }

    fn course(&self) -> &'static str {
        "SKU-RUST-1"
    }

    fn other_course(&self) -> &'static str {
        "3"
    }

    fn learner(&self, name: &str) -> Learner {
        Learner {
            email: format!("{name}@example.com"),
            name: "Ada Lovelace".to_owned(),
        }
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        if let Some(way) = Self::on_every_call(trouble) {
            self.fake.stage.every_call(way);
            return Ok(());
        }
        if self.on_one_call(trouble, learner) {
            return Ok(());
        }
        self.on_the_site(trouble, learner)
    }

    async fn behave(&self) {
        self.fake.stage.behave();
        let store = &mut self.fake.inside().store;
        store.rights.extend(store::RIGHTS);
        store.refused_address = None;
        *self.settings.lock().unwrap() = self.fake.connection();
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        let store = &self.fake.inside().store;
        let course = if course == "3" { 3 } else { 2 };
        let user = store.user_id(&learner.email);
        let row = user.and_then(|user| store.rows.get(&(user, course)));
        Some(usize::from(row.is_some_and(|row| !row.suspended)))
    }

    async fn end_of(&self, learner: &Learner, _course: &str) -> Option<String> {
        let store = &self.fake.inside().store;
        let user = store.user_id(&learner.email)?;
        let end = store.rows.get(&(user, 2))?.timeend;
        (end != 0).then(|| end.to_string())
    }

    async fn tidy(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The way to a real Moodle, with the token as the suite's environment has it, tried on the fake.
#[tokio::test]
async fn the_way_to_a_real_moodle_conforms() {
    let results =
        run_all(|| Box::pin(async { Box::new(Pretended::start().await) as Box<dyn Platform> }));
    assert_all_pass(&Box::pin(results).await);
}

/// A fake that is treated as a real server, kept alive.
struct Pretended {
    real: Real,
    fake: FakeMoodle,
}

impl Pretended {
    async fn start() -> Self {
        let fake = FakeMoodle::start().await;
        let connection = LmsConnection {
            api_key: Some(Secret::new(TOKEN)),
            moodle: None,
            ..fake.connection()
        };
        let courses = ["SKU-RUST-1".to_owned(), "3".to_owned()];
        Self {
            real: Real::to(connection, courses, Duration::from_millis(300)).await,
            fake,
        }
    }
}

#[async_trait]
impl Platform for Pretended {
    fn kind(&self) -> &'static str {
        "moodle"
    }

    fn connection(&self) -> LmsConnection {
        self.real.connection()
    }

    fn course(&self) -> &str {
        self.real.course()
    }

    fn other_course(&self) -> &str {
        self.real.other_course()
    }

    fn unknown_course(&self) -> &str {
        self.real.unknown_course()
    }

    fn learner(&self, name: &str) -> Learner {
        self.real.learner(name)
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        self.real.misbehave(trouble, learner).await
    }

    async fn behave(&self) {
        self.real.behave().await;
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        self.real.count(learner, course).await
    }

    async fn tidy(&self) -> Vec<String> {
        let left = self.real.tidy().await;
        let inside = self.fake.inside();
        let counts = (inside.store.users.len(), inside.store.rows.len());
        assert_eq!(counts, (2, 0), "nothing is left behind");
        left
    }
}
