//! Canvas in the conformance suite, as the fake plays it.

use std::net::SocketAddr;
use std::sync::Mutex;

use async_trait::async_trait;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::lms::Learner;
use bursar::connectors::lms::fake::Canned;
use serde_json::json;

use super::super::conformance::{Platform, Trouble};
use super::super::stage::Way;
use super::TOKEN;
use super::fake::FakeCanvas;

const COURSE: &str = "SKU-RUST-1";
const AT: &str = "sis_course_id:SKU-RUST-1";

pub struct Site {
    fake: FakeCanvas,
    /// What the settings say instead of the truth.
    settings: Mutex<LmsConnection>,
}

impl Site {
    pub async fn start() -> Self {
        let fake = FakeCanvas::start().await;
        let settings = Mutex::new(fake.connection());
        Self { fake, settings }
    }

    fn set(&self, change: impl FnOnce(&mut LmsConnection)) {
        change(&mut self.settings.lock().unwrap());
    }

    fn put(&self, email: &str, section: u8, state: &str) {
        let store = &mut self.fake.inside().store;
        let known = store.users.iter().find(|user| user.email == email);
        let user = known.map(|user| user.id.clone());
        let user = user.unwrap_or_else(|| store.add_user(email));
        store.add_row(&user, AT, section, state);
    }

    fn on_every_call(trouble: Trouble) -> Option<Way> {
        Some(match trouble {
            Trouble::Hang => Way::Hang,
            Trouble::CutConnection => Way::CutBefore,
            Trouble::EndlessBody => Way::Endless,
            Trouble::Slow(time) => Way::Slow(time),
            Trouble::Throttled(seconds) => Way::Say(throttled(seconds)),
            Trouble::Maintenance => {
                Way::Say(Canned::page(503, "<h1>Canvas is down for maintenance</h1>"))
            }
            Trouble::HtmlInsteadOfJson => Way::Say(Canned::page(
                200,
                "<!doctype html><title>Log in to Canvas</title>",
            )),
            Trouble::DatabaseDown => Way::Say(Canned::json(
                500,
                &json!({"errors": [{"message": "An error occurred.",
                    "error_code": "internal_server_error"}], "error_report_id": 7}),
            )),
            Trouble::OversizedBody => Way::Say(Canned::json(
                200,
                &json!([{"id": "5", "pad": "x".repeat(1 << 20)}]),
            )),
            Trouble::WrongHost => Way::Say(Canned::page(404, "<h1>Not Found</h1>")),
            // Canvas has no parts; a host that is not Canvas has none of its paths.
            Trouble::MethodMissing => Way::Say(Canned::json(404, &json!({"detail": "Not Found"}))),
            _ => return None,
        })
    }

    fn on_one_call(&self, trouble: Trouble, learner: &Learner) -> bool {
        let stage = &self.fake.stage;
        match trouble {
            Trouble::AnswerLostAfterWrite => stage.once("enrol", Way::CutAfter),
            Trouble::AnswerLostBeforeWrite => stage.once("enrol", Way::CutBefore),
            Trouble::HangAfterWrite => stage.once("enrol", Way::HangAfter),
            Trouble::DeadlockOnce => stage.once(
                "enrol",
                Way::Say(Canned::json(
                    500,
                    &json!({"errors": [{"message": "An error occurred."}]}),
                )),
            ),
            Trouble::RedirectOnWrite(to) => stage.always("enrol", redirect(to, learner)),
            Trouble::RedirectOnRead(to) => {
                stage.always("user", redirect(to, learner));
                stage.always("enrolments", redirect(to, learner));
            }
            Trouble::EchoesCredentials => {
                let words = format!("<b>token</b> {TOKEN} of {} is odd", learner.email);
                let said = Canned::json(400, &json!({"message": words}));
                stage.always("enrol", Way::Say(said));
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
                c.canvas.as_mut().unwrap().token = Some(Secret::new("1~wr0ng"));
            }),
            Trouble::RightMissingWritesRefused => self.fake.inside().store.forbids = true,
            Trouble::CourseClosed => self.fake.inside().store.courses[0].state = "completed",
            Trouble::LearnerDisabled => {
                let store = &mut self.fake.inside().store;
                store.add_user(email);
                store.users.last_mut().unwrap().suspended = true;
            }
            Trouble::AddressRefused => {
                self.fake.inside().store.refused_address = Some(email.to_owned());
            }
            Trouble::InvitedOnly => self.fake.inside().store.invites = true,
            Trouble::EnrolledBefore => self.put(email, 1, "active"),
            Trouble::SuspendedBefore => self.put(email, 1, "inactive"),
            Trouble::DuplicateRow => {
                self.put(email, 1, "active");
                self.put(email, 2, "active");
            }
            Trouble::EndSetByHand => {
                let store = &mut self.fake.inside().store;
                let user = store.users.iter().find(|user| user.email == email).unwrap();
                let id = user.id.clone();
                let row = store.rows.iter_mut().find(|row| row.user == id).unwrap();
                row.end_at = Some("2030-03-17T17:46:40Z".to_owned());
            }
            Trouble::AddressChanged => {
                let moved = self.learner("moved").email;
                let store = &mut self.fake.inside().store;
                let user = store.users.iter_mut().find(|user| user.email == email);
                let user = user.unwrap();
                user.login.clone_from(&moved);
                user.email = moved;
            }
            Trouble::ErrorInsideSuccess => return Err("Canvas gives no 200 with an error inside"),
            Trouble::RightMissingReadsLookEmpty => {
                return Err("Canvas answers 401 where a right to read is missing");
            }
            _ => return Err("an enrolment in Canvas takes no seat"),
        }
        Ok(())
    }
}

fn redirect(to: SocketAddr, learner: &Learner) -> Way {
    let to = format!("http://{to}/login?email={}", learner.email);
    Way::Say(Canned {
        header: Some(("Location".to_owned(), to)),
        ..Canned::page(302, "Moved")
    })
}

/// The older form where no time is given, the newer one where it is.
fn throttled(seconds: Option<u64>) -> Canned {
    match seconds {
        None => Canned {
            content_type: "text/plain; charset=utf-8".to_owned(),
            ..Canned::page(403, "403 Forbidden (Rate Limit Exceeded)\n")
        },
        Some(seconds) => Canned {
            header: Some(("Retry-After".to_owned(), seconds.to_string())),
            ..Canned::json(
                429,
                &json!({"errors": [{"message": "Rate Limit Exceeded"}]}),
            )
        },
    }
}

#[async_trait]
impl Platform for Site {
    fn kind(&self) -> &'static str {
        "canvas"
    }

    fn connection(&self) -> LmsConnection {
        self.settings.lock().unwrap().clone()
    }

    fn course(&self) -> &str {
        COURSE
    }

    fn other_course(&self) -> &'static str {
        "11000000000000102"
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
        store.refused_address = None;
        store.forbids = false;
        store.invites = false;
        *self.settings.lock().unwrap() = self.fake.connection();
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        let store = &self.fake.inside().store;
        let course = store
            .courses
            .iter()
            .find(|c| c.id == course || c.sis == course);
        let course = &course?.id;
        let user = store.users.iter().find(|user| user.email == learner.email);
        let Some(user) = user else { return Some(0) };
        let rows = store.rows.iter().filter(|row| {
            let lets_in = ["active", "invited"].contains(&row.state.as_str());
            row.user == user.id && row.course == *course && lets_in
        });
        Some(rows.count())
    }

    async fn end_of(&self, learner: &Learner, _course: &str) -> Option<String> {
        let store = &self.fake.inside().store;
        let user = store
            .users
            .iter()
            .find(|user| user.email == learner.email)?;
        let row = store.rows.iter().find(|row| row.user == user.id)?;
        row.end_at.clone()
    }

    async fn tidy(&self) -> Vec<String> {
        Vec::new()
    }
}
