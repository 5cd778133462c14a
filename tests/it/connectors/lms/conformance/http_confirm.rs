//! A shop-made endpoint, as the fake's own shop method plays it: errors inside a 200, nothing to read.

use std::sync::Mutex;

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;
use bursar::connectors::lms::fake::{Call, Canned, FakeLms, FakeLmsOptions, Mischief};
use serde_json::json;

use super::super::{API_KEY, COURSE, endpoint, options};
use super::frappe::COURSES;
use super::{Platform, Trouble};

pub struct Endpoint {
    fake: FakeLms,
    settings: Mutex<LmsConnection>,
    truth: LmsConnection,
}

impl Endpoint {
    /// Whether the seller declared that a repeat enrols nobody twice.
    pub async fn start(repeat_is_safe: bool) -> Self {
        let courses = COURSES.map(|(id, title)| (id.to_owned(), title.to_owned()));
        let fake = FakeLms::start(FakeLmsOptions {
            shop_method: true,
            courses: courses.to_vec(),
            ..options()
        })
        .await
        .unwrap();
        let mut truth = endpoint(&fake.base_url());
        truth.confirm.as_mut().unwrap().repeat_is_safe = repeat_is_safe;
        Self {
            fake,
            settings: Mutex::new(truth.clone()),
            truth,
        }
    }

    fn always(&self, way: Mischief) {
        self.fake.misbehave_always(Call::Any, way);
    }

    fn once(&self, way: Mischief) {
        self.fake.misbehave(Call::Confirm, [way]);
    }

    /// A refusal as such endpoints give it.
    fn refuses(&self, words: &str) {
        let refusal = json!({"message": {"success": false, "error": words}});
        self.always(Mischief::Answer(Canned::json(200, &refusal)));
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
            Trouble::Throttled(None) => {
                self.always(Mischief::Answer(Canned::json(429, &json!({}))));
            }
            Trouble::Maintenance => self.always(Mischief::Maintenance),
            Trouble::HtmlInsteadOfJson => self.always(Mischief::WebPage),
            Trouble::ErrorInsideSuccess => self.refuses("an inner failure"),
            Trouble::CourseClosed => self.refuses("this course is closed"),
            Trouble::SeatsUsedUp => self.refuses("no seats are left"),
            Trouble::DatabaseDown => self.always(Mischief::ServerErrorPage),
            Trouble::OversizedBody => self.always(Mischief::Oversized),
            Trouble::EndlessBody => self.always(Mischief::Endless),
            Trouble::WrongHost => self.always(Mischief::WrongSite),
            Trouble::MethodMissing => self.always(Mischief::MissingMethod),
            Trouble::Slow(time) => self.always(Mischief::Slow(time)),
            Trouble::RightMissingWritesRefused => self.always(Mischief::Forbidden),
            Trouble::RedirectOnWrite(to) => self.always(Mischief::Redirect(format!(
                "http://{to}/api/enrol?email=ada@example.com"
            ))),
            _ => return false,
        }
        true
    }
}

#[async_trait]
impl Platform for Endpoint {
    fn kind(&self) -> &'static str {
        "http_confirm"
    }

    fn connection(&self) -> LmsConnection {
        self.settings.lock().unwrap().clone()
    }

    fn course(&self) -> &str {
        COURSE
    }

    fn other_course(&self) -> &str {
        COURSES[1].0
    }

    /// Such an endpoint makes no accounts: everybody has one.
    fn learner(&self, name: &str) -> Learner {
        let email = format!("{name}@example.com");
        self.fake.add_user(&email, true);
        Learner {
            email,
            name: "Ada Lovelace".to_owned(),
        }
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        if self.spoil_calls(trouble) {
            return Ok(());
        }
        let mut settings = self.settings.lock().unwrap();
        let confirm = settings.confirm.as_mut().unwrap();
        match trouble {
            Trouble::RefusedConnection => "http://127.0.0.1:1/".clone_into(&mut confirm.url),
            Trouble::BadCredentials => confirm.credential = Some(Secret::new("wr0ng-one")),
            Trouble::EchoesCredentials => {
                self.refuses(&format!("<b>{API_KEY}</b> of {} is odd", learner.email));
            }
            Trouble::AddressRefused | Trouble::LearnerDisabled => {
                return Err("an endpoint's refusals are words; they have no classes");
            }
            _ => return Err("the endpoint's answer says nothing of it"),
        }
        Ok(())
    }

    async fn behave(&self) {
        self.fake.behave();
        *self.settings.lock().unwrap() = self.truth.clone();
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
