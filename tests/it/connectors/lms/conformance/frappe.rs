//! Frappe LMS, as the fake plays it.

use std::sync::Mutex;

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;
use bursar::connectors::lms::fake::{
    Call, Canned, FakeBatch, FakeEnrolment, FakeLms, FakeLmsOptions, Framework, Mischief,
};
use serde_json::json;

use super::super::{API_KEY, API_SECRET, COURSE, options};
use super::{Platform, Trouble};

const OTHER: &str = "go-for-shops";
pub const COURSES: [(&str, &str); 2] = [(COURSE, "Rust for shops"), (OTHER, "Go for shops")];
/// The batches and what they bring.
const BATCHES: [(&str, &str); 2] = [("cohort-1", COURSE), ("cohort-2", OTHER)];

/// With two courses and two batches.
pub async fn fake(framework: Framework) -> FakeLms {
    let fake = FakeLms::start(FakeLmsOptions {
        framework,
        courses: COURSES
            .map(|(id, title)| (id.to_owned(), title.to_owned()))
            .to_vec(),
        ..options()
    })
    .await
    .unwrap();
    for (name, course) in BATCHES {
        fake.add_batch(batch(name, course, 0));
    }
    fake
}

fn batch(name: &str, course: &str, seats: usize) -> FakeBatch {
    FakeBatch {
        name: name.to_owned(),
        title: format!("The {name}"),
        courses: vec![course.to_owned()],
        seats,
    }
}

pub struct Site {
    fake: FakeLms,
    /// What is enrolled in, another, and the calls that write and read enrolments in it.
    places: [&'static str; 2],
    write: Call,
    read: Call,
    /// What the settings say instead of the truth.
    settings: Mutex<LmsConnection>,
}

impl Site {
    /// Its courses.
    pub async fn start(framework: Framework) -> Self {
        let calls = (Call::EnrolmentCreate, Call::EnrolmentList);
        Self::of(fake(framework).await, [COURSE, OTHER], calls)
    }

    /// Its batches.
    pub async fn with_batches() -> Self {
        let calls = (Call::BatchJoin, Call::BatchRowList);
        let places = ["batch:cohort-1", "batch:cohort-2"];
        Self::of(fake(Framework::Current).await, places, calls)
    }

    fn of(fake: FakeLms, places: [&'static str; 2], (write, read): (Call, Call)) -> Self {
        let settings = Mutex::new(fake.connection());
        Self {
            fake,
            places,
            write,
            read,
            settings,
        }
    }

    /// Somebody else enrols, without any check.
    fn add(&self, email: &str) {
        self.fake.add_user(email, true);
        match self.write {
            Call::BatchJoin => self.fake.join_batch(email, BATCHES[0].0),
            _ => self.fake.add_enrolment(email, COURSE),
        }
    }

    /// The only seat goes to somebody else.
    fn fill(&self) -> Result<(), &'static str> {
        if self.write != Call::BatchJoin {
            return Err("a Frappe course has no seats; a batch has");
        }
        self.fake.add_batch(batch(BATCHES[0].0, BATCHES[0].1, 1));
        self.fake.join_batch("eve@example.com", BATCHES[0].0);
        Ok(())
    }

    fn always(&self, way: Mischief) {
        self.fake.misbehave_always(Call::Any, way);
    }

    fn on_write(&self, way: Mischief) {
        self.fake.misbehave_always(self.write, way);
    }

    fn once(&self, way: Mischief) {
        self.fake.misbehave(self.write, [way]);
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
                self.fake.misbehave_always(self.read, redirect(to));
            }
            _ => return false,
        }
        true
    }

    fn hide_everything(&self) {
        for list in [Call::UserList, Call::CourseList, self.read] {
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
        self.places[0]
    }

    fn other_course(&self) -> &str {
        self.places[1]
    }

    fn unknown_course(&self) -> &str {
        match self.write {
            Call::BatchJoin => "batch:no-such-batch",
            _ => "no-such-course",
        }
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
                self.set(|c| "http://127.0.0.1:1".clone_into(&mut c.base_url));
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
            Trouble::EnrolledBefore => self.add(email),
            Trouble::DuplicateRow => {
                self.add(email);
                self.add(email);
            }
            Trouble::AddressChanged => self.fake.rename_user(email, &self.learner("moved").email),
            Trouble::EchoesCredentials => self.on_write(Mischief::Refused(format!(
                "<b>token</b> {API_KEY}:{API_SECRET} of {email} is odd"
            ))),
            Trouble::ErrorInsideSuccess => return Err("Frappe gives no 200 with an error inside"),
            Trouble::CourseClosed => return Err("a Frappe moderator may enrol in closed courses"),
            Trouble::InvitedOnly => return Err("Frappe knows no invitation to a course"),
            Trouble::SeatsUsedUp => return self.fill(),
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
        let batch = course.strip_prefix("batch:");
        let rows = if batch.is_some() {
            self.fake.batch_rows()
        } else {
            self.fake.enrolments()
        };
        let place = batch.unwrap_or(course);
        let hers = |row: &&FakeEnrolment| row.course == place && row.member == learner.email;
        let rows = rows.iter().filter(hers).count();
        // What a batch brought lets the learner in for as long as it is there.
        let brought = self.fake.enrolments();
        let brought = brought.iter().filter(|row| {
            batch.is_some() && row.from_batch.as_deref() == batch && row.member == learner.email
        });
        Some(rows.max(brought.count()))
    }

    async fn tidy(&self) -> Vec<String> {
        Vec::new()
    }
}
