//! Moodle over its web services (REST), with the token of a service user. The token goes in the body,
//! never in an address. Moodle takes a repeated enrolment for an update: it would lift a suspension
//! and wipe out an end, so nothing is ever written over an enrolment that is there.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::ACCEPT;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::course::Course;
use self::place::Place;
use self::verdict::{Call, Verdict, judge, not_json};
use self::wire::{Form, SiteInfo};
use super::{Capabilities, Enrolment, Kind, Learner, LearnerRef, Lms, RemoteCourse, Standing};
use crate::config::{LmsConnection, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Limits, absolute, client, exchange};
use crate::connectors::setup::{Question, Setup};

mod course;
mod learner;
mod place;
mod rights;
mod verdict;
mod wire;

pub(super) use course::page;

pub(super) const KIND: Kind = Kind {
    setup: Setup {
        kind: "moodle",
        title: "Moodle, on a site of yours",
        guide: "docs/connect-moodle.md",
        before: "You need a user of its own on the site, with the rights that the guide names, and its \
                 token for an external service.",
        questions: &[
            Question::address("base_url", "The site's address"),
            Question::secret("moodle.token", "The user's token"),
            Question::number(
                "moodle.role_id",
                "The number of the role that buyers get in a course",
            )
            .or("5"),
            Question::line(
                "moodle.auth",
                "The authentication plugin of accounts that Bursar makes",
            )
            .or("manual"),
            Question::yes_no(
                "send_welcome_email",
                "Shall Moodle mail new learners a password?",
            ),
        ],
        pretends: false,
    },
    connect: |connection, limits| Ok(Arc::new(Moodle::new(connection, limits)?)),
};

/// One site.
#[derive(Debug)]
pub struct Moodle {
    client: reqwest::Client,
    limits: Limits,
    endpoint: Url,
    token: Secret,
    role_id: u32,
    auth: String,
    mails_passwords: bool,
}

impl Moodle {
    /// Checks the address and the token's form; sends nothing.
    pub fn new(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Self> {
        let settings = connection.moodle.clone().unwrap_or_default();
        let base = absolute(&connection.base_url).context("base_url of the LMS")?;
        anyhow::ensure!(base.query().is_none(), "base_url has a part after ?");
        let token = connection.token().map_or("", Secret::expose).trim();
        anyhow::ensure!(
            !token.is_empty(),
            "Moodle needs the token of a service user"
        );
        let mut endpoint = base;
        if let Ok(mut path) = endpoint.path_segments_mut() {
            path.pop_if_empty()
                .extend(["webservice", "rest", "server.php"]);
        }
        Ok(Self {
            client: client(limits)?,
            limits,
            endpoint,
            token: Secret::new(token),
            role_id: settings.role_id,
            auth: settings.auth,
            mails_passwords: connection.send_welcome_email,
        })
    }
}

#[async_trait]
impl Lms for Moodle {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: false,
            withdraws: true,
            suspends: true,
            lists_courses: true,
        }
    }

    /// Names who we are there, after the functions of the token's service were held against those
    /// that we call.
    async fn ping(&self) -> Result<String, Fault> {
        let site = self.site().await?;
        let missing = rights::missing_functions(&site);
        if !missing.is_empty() {
            return Err(Fault::ConnectionBroken {
                why: format!(
                    "The token's external service lacks functions that we need: {}.",
                    missing.join(", ")
                ),
            });
        }
        Ok(format!(
            "{} at {} (Moodle {})",
            site.username, site.sitename, site.release
        ))
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        let Some(course) = self.course(course).await? else {
            return Ok(None);
        };
        course.takes_manual_enrolments()?;
        Ok(Some(course.into()))
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        self.account(learner).await
    }

    async fn list_courses(&self, limit: usize) -> Result<Vec<RemoteCourse>, Fault> {
        let courses = self.all_courses().await?;
        Ok(courses.into_iter().take(limit).map(Into::into).collect())
    }

    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        self.missing().await
    }

    /// The id names the account and the course, so that it stays when the address changes.
    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let Some(user) = self.usable_user(&learner.email.to_lowercase()).await? else {
            return Ok(None);
        };
        let Some(course) = self.course(course).await? else {
            return Ok(None);
        };
        let standing = self.standing(user, &course).await?;
        Ok(standing.map(|standing| Enrolment {
            id: Place::new(user, &course).to_string(),
            standing,
            rows: 1,
        }))
    }

    /// Looks once more, so that a repeat of ours changes nothing of an enrolment that is there.
    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        _key: &str,
    ) -> Result<Option<String>, Fault> {
        let email = learner.email.to_lowercase();
        let Some(user) = self.usable_user(&email).await? else {
            return Err(Fault::LearnerProblem {
                why: "The LMS has no account with the learner's address.".to_owned(),
            });
        };
        let Some(course) = self.course(course).await? else {
            return Err(Fault::MappingBroken {
                why: "The LMS has no such course, or hides it from the token's user.".to_owned(),
            });
        };
        course.takes_manual_enrolments()?;
        let id = Place::new(user, &course).to_string();
        if self.standing(user, &course).await?.is_some() {
            return Ok(Some(id));
        }
        match self.write(user, &course, Standing::Active).await {
            Ok(()) => Ok(Some(id)),
            Err(Verdict::Refused(said)) => match self.standing(user, &course).await? {
                Some(_) => Ok(Some(id)),
                None => Err(refuses_to_enrol(&said)),
            },
            Err(verdict) => Err(verdict.settled()),
        }
    }

    async fn restore(&self, learner: &Learner, course: &str, enrolment: &str) -> Result<(), Fault> {
        let Some((user, course)) = self.whereabouts(learner, course, enrolment).await? else {
            return Err(Fault::MappingBroken {
                why: "The LMS does not have the course or the account any more.".to_owned(),
            });
        };
        match self.standing(user, &course).await? {
            Some(Standing::Suspended) => self.change(user, &course, Standing::Active).await,
            Some(_) => Ok(()),
            None => Err(Fault::MappingBroken {
                why: "The enrolment that was suspended is not in the LMS any more.".to_owned(),
            }),
        }
    }

    /// Suspends, and looks whether that closed the course: somebody may be in it in two ways.
    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        let Some((user, course)) = self.whereabouts(learner, course, enrolment).await? else {
            return Ok(());
        };
        if self.standing(user, &course).await? != Some(Standing::Active) {
            return Ok(());
        }
        self.change(user, &course, Standing::Suspended).await?;
        if self.standing(user, &course).await? == Some(Standing::Active) {
            return Err(Fault::MappingBroken {
                why: "The manual enrolment is suspended, but the learner is in the course in another \
                      way too (self enrolment, cohort): end that one there."
                    .to_owned(),
            });
        }
        Ok(())
    }
}

impl Moodle {
    async fn site(&self) -> Result<SiteInfo, Fault> {
        self.ask(Call::SiteInfo, Form::new())
            .await
            .map_err(Verdict::settled)
    }

    /// The account and the course of an enrolment, by its id; by address where there is none. The
    /// address may have changed since.
    async fn whereabouts(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<Option<(u64, Course)>, Fault> {
        if let Ok(place) = enrolment.parse::<Place>() {
            let course = self.course_by("id", &place.course.to_string()).await?;
            return Ok(course.map(|course| (place.user, course)));
        }
        let email = learner.email.to_lowercase();
        let Some(user) = self.user(&email).await? else {
            return Ok(None);
        };
        let course = self.course(course).await?;
        Ok(course.map(|course| (user.id, course)))
    }

    /// One function call, and its answer as what it should be.
    async fn ask<T: DeserializeOwned>(&self, call: Call, form: Form) -> Result<T, Verdict> {
        let value = self.call(call, form, self.limits).await?;
        serde_json::from_value(value).map_err(|_| not_json(call).into())
    }

    async fn call(&self, call: Call, form: Form, limits: Limits) -> Result<Value, Verdict> {
        let mut body = vec![
            ("wstoken".to_owned(), self.token.expose().to_owned()),
            ("wsfunction".to_owned(), call.function().to_owned()),
            // Without it, the answer is XML.
            ("moodlewsrestformat".to_owned(), "json".to_owned()),
        ];
        body.extend(form);
        let request = self
            .client
            .post(self.endpoint.clone())
            .header(ACCEPT, "application/json")
            .form(&body);
        let exchanged = exchange(request, limits).await;
        judge(call, exchanged, &[self.token.expose()])
    }
}

fn refuses_to_enrol(said: &str) -> Fault {
    Fault::MappingBroken {
        why: format!("The LMS refuses to enrol in this course: {said}."),
    }
}
