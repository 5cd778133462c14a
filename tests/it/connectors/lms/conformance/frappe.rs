//! Frappe LMS, as the fake plays it.

use std::sync::Mutex;

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;
use bursar::connectors::lms::fake::{Call, Canned, FakeLms, FakeLmsOptions, Framework, Mischief};
use serde_json::json;

use super::super::{API_KEY, API_SECRET, COURSE, options};
use super::{Platform, Trouble};

const OTHER: &str = "go-for-shops";

pub struct Site {
    fake: FakeLms,
    /// What the settings say instead of the truth.
    settings: Mutex<LmsConnection>,
}

impl Site {
    pub async fn start(framework: Framework) -> Self {
        let courses = [(COURSE, "Rust for shops"), (OTHER, "Go for shops")];
        let fake = FakeLms::start(FakeLmsOptions {
            framework,
            courses: courses
                .map(|(id, title)| (id.to_owned(), title.to_owned()))
                .to_vec(),
            ..options()
        })
        .await
        .unwrap();
        let settings = Mutex::new(fake.connection());
        Self { fake, settings }
    }

    fn always(&self, way: Mischief) {
        self.fake.misbehave_always(Call::Any, way);
    }

    fn on_write(&self, way: Mischief) {
        self.fake.misbehave_always(Call::EnrolmentCreate, way);
    }

    fn once(&self, way: Mischief) {
        self.fake.misbehave(Call::EnrolmentCreate, [way]);
    }

    fn set(&self, change: impl FnOnce(&mut LmsConnection)) {
        change(&mut self.settings.lock().unwrap());
    }

    /// Trouble with calls; false: it is none.
    fn spoil_calls(&self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::AnswerLostAfterWrite => self.once(Mischief::CutAnswer),
            Trouble::AnswerLostBeforeWrite => self.once(Mischief::CutUndone),
            Trouble::HangAfterWrite => self.once(Mischief::HangAfterwards),
            Trouble::DeadlockOnce => self.once(Mischief::Deadlock),
            Trouble::Hang => self.always(Mischief::Hang),
            Trouble::CutConnection => self.always(Mischief::CutUndone),
            Trouble::Throttled(Some(seconds)) => self.always(Mischief::Throttled(seconds)),
            Trouble::Throttled(None) => self.always(throttled_without_a_time()),
            Trouble::Maintenance => self.always(Mischief::Maintenance),
            Trouble::HtmlInsteadOfJson => self.always(Mischief::WebPage),
            Trouble::DatabaseDown => self.always(Mischief::ServerErrorPage),
            Trouble::OversizedBody => self.always(Mischief::Oversized),
            Trouble::EndlessBody => self.always(Mischief::Endless),
            Trouble::WrongHost => self.always(Mischief::WrongSite),
            Trouble::MethodMissing => self.always(Mischief::AppMissing),
            Trouble::Slow(time) => self.always(Mischief::Slow(time)),
            Trouble::RightMissingReadsLookEmpty => self.hide_everything(),
            Trouble::RightMissingWritesRefused => self.on_write(Mischief::Forbidden),
            Trouble::RedirectOnWrite(to) => self.on_write(redirect(to)),
            Trouble::RedirectOnRead(to) => {
                self.fake
                    .misbehave_always(Call::EnrolmentList, redirect(to));
            }
            _ => return false,
        }
        true
    }

    fn hide_everything(&self) {
        for list in [Call::UserList, Call::CourseList, Call::EnrolmentList] {
            let nothing = Canned::json(200, &json!({"data": []}));
            self.fake.misbehave_always(list, Mischief::Answer(nothing));
        }
    }
}

fn redirect(to: std::net::SocketAddr) -> Mischief {
    Mischief::Redirect(format!(
        "http://{to}/api/resource/User?email=ada@example.com"
    ))
}

fn throttled_without_a_time() -> Mischief {
    let words = json!({"exc_type": "TooManyRequestsError"});
    Mischief::Answer(Canned::json(429, &words))
}

#[async_trait]
impl Platform for Site {
    fn kind(&self) -> &'static str {
        "frappe"
    }

    fn connection(&self) -> LmsConnection {
        self.settings.lock().unwrap().clone()
    }

    fn course(&self) -> &str {
        COURSE
    }

    fn other_course(&self) -> &str {
        OTHER
    }

    fn learner(&self, name: &str) -> Learner {
        Learner {
            email: format!("{name}@example.com"),
            name: "Ada Lovelace".to_owned(),
        }
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        let email = learner.email.as_str();
        if self.spoil_calls(trouble) {
            return Ok(());
        }
        match trouble {
            Trouble::RefusedConnection => {
                self.set(|c| c.base_url = "http://127.0.0.1:1".to_owned())
            }
            Trouble::BadCredentials => self.set(|c| c.api_secret = Some(Secret::new("wr0ng-one"))),
            Trouble::LearnerDisabled => self.fake.add_user(email, false),
            Trouble::AddressRefused => self.fake.misbehave_always(
                Call::UserCreate,
                Mischief::Answer(Canned::json(
                    417,
                    &json!({"exc_type": "InvalidEmailAddressError"}),
                )),
            ),
            Trouble::EnrolledBefore => {
                self.fake.add_user(email, true);
                self.fake.add_enrolment(email, COURSE);
            }
            Trouble::DuplicateRow => {
                self.fake.add_user(email, true);
                self.fake.add_enrolment(email, COURSE);
                self.fake.add_enrolment(email, COURSE);
            }
            Trouble::AddressChanged => self.fake.rename_user(email, &self.learner("moved").email),
            Trouble::EchoesCredentials => self.on_write(Mischief::Refused(format!(
                "<b>token</b> {API_KEY}:{API_SECRET} of {email} is odd"
            ))),
            Trouble::ErrorInsideSuccess => return Err("Frappe gives no 200 with an error inside"),
            Trouble::CourseClosed => return Err("a Frappe moderator may enrol in closed courses"),
            Trouble::InvitedOnly => return Err("Frappe knows no invitation to a course"),
            Trouble::SeatsUsedUp => return Err("a Frappe course has no seats; a batch has"),
            Trouble::SuspendedBefore => return Err("Frappe knows no suspension"),
            _ => return Err("an enrolment in Frappe has no end"),
        }
        Ok(())
    }

    async fn behave(&self) {
        self.fake.behave();
        *self.settings.lock().unwrap() = self.fake.connection();
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        let rows = self.fake.enrolments().into_iter();
        let hers = rows.filter(|row| row.course == course && row.member == learner.email);
        Some(hers.count())
    }

    async fn tidy(&self) -> Vec<String> {
        Vec::new()
    }
}
