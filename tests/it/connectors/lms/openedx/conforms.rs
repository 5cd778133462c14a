//! The Open edX connector in the suite. Its learners have accounts, unless the trouble is that they
//! have none.

use std::sync::Mutex;

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;

use super::super::conformance::{Platform, Trouble};
use super::super::crooked::Crooked;
use super::campus::Campus;
use super::{COURSE, COURSES, OTHER, connection};

pub struct Site {
    fake: Crooked<Campus>,
    settings: Mutex<LmsConnection>,
}

impl Site {
    pub async fn start() -> Self {
        let fake = Crooked::start(Campus::new(&COURSES)).await;
        let settings = Mutex::new(connection(&fake.base()));
        Self { fake, settings }
    }
}

#[async_trait]
impl Platform for Site {
    fn kind(&self) -> &'static str {
        "openedx"
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

    fn unknown_course(&self) -> &'static str {
        "course-v1:Org+None+2026"
    }

    fn learner(&self, name: &str) -> Learner {
        let email = format!("{name}@example.com");
        // The address of the one who is to move is free until then.
        if name != "moved" {
            self.fake.site.store.lock().unwrap().sign_up(&email);
        }
        Learner {
            email,
            name: "Ada Lovelace".to_owned(),
        }
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        if trouble == Trouble::ErrorInsideSuccess {
            return Err(
                "Open edX puts an error into a 200 only when it invites, which is tried by itself",
            );
        }
        if self.fake.spoil(trouble) {
            return Ok(());
        }
        let mut store = self.fake.site.store.lock().unwrap();
        let mut settings = self.settings.lock().unwrap();
        let email = learner.email.as_str();
        match trouble {
            Trouble::RefusedConnection => "http://127.0.0.1:1".clone_into(&mut settings.base_url),
            Trouble::BadCredentials => {
                let openedx = settings.openedx.as_mut().unwrap();
                openedx.client_secret = Some(Secret::new("wr0ng-secret"));
            }
            Trouble::RightMissingReadsLookEmpty => store.staff = false,
            Trouble::CourseClosed => store.closed = true,
            Trouble::AddressRefused | Trouble::InvitedOnly => {
                store.nobody = true;
                store.accounts.clear();
                store.refuses_addresses = trouble == Trouble::AddressRefused;
            }
            Trouble::EnrolledBefore => store.put(email, COURSE, "verified", true),
            Trouble::SuspendedBefore => store.put(email, COURSE, "verified", false),
            Trouble::AddressChanged => {
                let found = store
                    .accounts
                    .iter_mut()
                    .find(|account| account.email == email);
                "moved@example.com".clone_into(&mut found.unwrap().email);
            }
            Trouble::LearnerDisabled => return Err("Open edX's API shows no disabled accounts"),
            Trouble::SeatsUsedUp => {
                return Err("a course of Open edX has no seats for staff to run out of");
            }
            Trouble::DuplicateRow => {
                return Err("Open edX has one enrolment for a learner and a course");
            }
            Trouble::EndSetByHand => {
                return Err("an enrolment in Open edX has no end that its API shows");
            }
            _ => return Err("this fake cannot"),
        }
        Ok(())
    }

    async fn behave(&self) {
        self.fake.behave();
        let mut store = self.fake.site.store.lock().unwrap();
        store.staff = true;
        store.closed = false;
        *self.settings.lock().unwrap() = connection(&self.fake.base());
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        let store = self.fake.site.store.lock().unwrap();
        let username = store.account(&learner.email).map(|a| a.username.clone());
        let hers = store.enrolments.iter().filter(|one| {
            one.active && one.course == course && Some(&one.username) == username.as_ref()
        });
        let invited = store
            .allowed
            .iter()
            .filter(|(email, id)| *email == learner.email && id == course);
        Some(hers.count() + invited.count())
    }

    async fn tidy(&self) -> Vec<String> {
        Vec::new()
    }
}
