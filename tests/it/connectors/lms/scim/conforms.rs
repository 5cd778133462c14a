//! The SCIM connector in the suite, with three vendors behind it.

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;
use std::sync::Mutex;

use super::super::conformance::{Platform, Trouble};
use super::super::crooked::Crooked;
use super::vendor::{Service, Vendor};
use super::{COURSE, OTHER, connection, groups};

pub struct Seats {
    fake: Crooked<Service>,
    settings: Mutex<LmsConnection>,
}

impl Seats {
    pub async fn of(vendor: Vendor) -> Self {
        let fake = Crooked::start(Service::new(vendor, &groups())).await;
        let settings = Mutex::new(connection(&fake.base(), vendor));
        Self { fake, settings }
    }
}

#[async_trait]
impl Platform for Seats {
    fn kind(&self) -> &'static str {
        "scim"
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
        if self.fake.spoil(trouble) {
            return Ok(());
        }
        let mut store = self.fake.site.store.lock().unwrap();
        let mut settings = self.settings.lock().unwrap();
        let email = learner.email.as_str();
        match trouble {
            Trouble::RefusedConnection => {
                "http://127.0.0.1:1/scim/v2".clone_into(&mut settings.base_url);
            }
            Trouble::BadCredentials => {
                settings.scim.as_mut().unwrap().token = Some(Secret::new("wr0ng-token"));
            }
            Trouble::RightMissingReadsLookEmpty => store.hides_all = true,
            Trouble::LearnerDisabled => {
                store.put_user(email, false, true);
            }
            Trouble::AddressRefused => store.refuses_addresses = true,
            Trouble::SeatsUsedUp => store.seats = Some(0),
            Trouble::EnrolledBefore => {
                let id = store.put_user(email, true, true);
                store.group(COURSE).unwrap().members.push(id);
            }
            Trouble::AddressChanged => {
                let moved = self.learner("moved").email;
                store.user(email).unwrap().name = moved;
            }
            Trouble::CourseClosed => return Err("a SCIM group is never closed"),
            Trouble::InvitedOnly => return Err("SCIM knows no invitation"),
            Trouble::DuplicateRow => return Err("a SCIM group has a member once"),
            Trouble::SuspendedBefore => return Err("SCIM knows no suspension of one membership"),
            Trouble::EndSetByHand => return Err("a SCIM membership has no end"),
            _ => return Err("this fake cannot"),
        }
        Ok(())
    }

    async fn behave(&self) {
        self.fake.behave();
        let mut store = self.fake.site.store.lock().unwrap();
        store.hides_all = false;
        store.refuses_addresses = false;
        store.seats = None;
        *self.settings.lock().unwrap() = connection(&self.fake.base(), self.fake.site.vendor);
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        let store = self.fake.site.store.lock().unwrap();
        Some(store.count(&learner.email, course))
    }

    async fn tidy(&self) -> Vec<String> {
        Vec::new()
    }
}
