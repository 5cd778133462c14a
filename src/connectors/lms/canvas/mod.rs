//! Canvas over its REST API, with the access token of a service user. Enrolments are written as
//! active, without a letter, and only where none is: Canvas puts an ended or suspended one back to
//! whatever state a second write names.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::verdict::{Verdict, judge, not_json};
use self::wire::{Course, EnrolmentRow, User};
use super::{Capabilities, Enrolment, Kind, Learner, LearnerRef, Lms, RemoteCourse, Standing};
use crate::config::{LmsConnection, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Limits, absolute, client, exchange};
use crate::connectors::setup::{Question, Setup};

mod enrolment;
mod learner;
mod pages;
mod rights;
mod verdict;
mod wire;

pub(super) use enrolment::page;

/// Pages of one list that are read; a hundred rows each.
const MOST_PAGES: usize = 50;

pub(super) const KIND: Kind = Kind {
    setup: Setup {
        kind: "canvas",
        title: "Canvas",
        guide: "docs/connect-canvas.md",
        before: "You need a user of its own, with the rights that the guide names, and its access token.",
        questions: &[
            Question::address("base_url", "The site's address"),
            Question::secret("canvas.token", "The user's access token"),
            Question::line(
                "canvas.account_id",
                "The account in which learners are made",
            )
            .or("self"),
            Question::yes_no(
                "send_welcome_email",
                "Shall Canvas mail new learners how to sign in?",
            ),
        ],
        pretends: false,
    },
    connect: |connection, limits| Ok(Arc::new(Canvas::new(connection, limits)?)),
};

/// One site.
#[derive(Debug)]
pub struct Canvas {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    authorization: HeaderValue,
    token: Secret,
    account: String,
    mails_learners: bool,
}

impl Canvas {
    /// Checks the address and the token's form; sends nothing.
    pub fn new(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Self> {
        let settings = connection.canvas.clone().unwrap_or_default();
        let base = absolute(&connection.base_url).context("base_url of the LMS")?;
        anyhow::ensure!(base.query().is_none(), "base_url has a part after ?");
        let token = connection.token().map_or("", Secret::expose).trim();
        anyhow::ensure!(
            !token.is_empty(),
            "Canvas needs the access token of a service user"
        );
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| anyhow::anyhow!("the token has characters that no token has"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: client(limits)?,
            limits,
            base,
            authorization,
            token: Secret::new(token),
            account: settings.account_id,
            mails_learners: connection.send_welcome_email,
        })
    }
}

#[async_trait]
impl Lms for Canvas {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: false,
            withdraws: true,
            suspends: true,
            lists_courses: true,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        let me: User = self
            .read(&["users", "self"])
            .await
            .map_err(Verdict::settled)?;
        Ok(format!(
            "{} (user {})",
            me.name.unwrap_or_default().trim(),
            me.id
        ))
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        let course = enrolment::course_id(course);
        let found: Course = match self.read(&["courses", &course]).await {
            Ok(found) => found,
            Err(Verdict::Absent) => return Ok(None),
            Err(verdict) => return Err(verdict.settled()),
        };
        enrolment::open(found)
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        self.account(learner).await
    }

    async fn list_courses(&self, limit: usize) -> Result<Vec<RemoteCourse>, Fault> {
        let mut url = self.url(&["accounts", &self.account, "courses"]);
        url.query_pairs_mut()
            .append_pair("state[]", "available")
            .append_pair("per_page", "100");
        let found: Vec<Course> = self.list(url, limit).await.map_err(Verdict::settled)?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        self.missing().await
    }

    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let Some(user) = self.user(&learner.email.to_lowercase()).await? else {
            return Ok(None);
        };
        let rows = match self.enrolments(&user.id, course).await {
            Ok(rows) => rows,
            // Nobody is enrolled in a course that is not there.
            Err(Verdict::Absent) => return Ok(None),
            Err(verdict) => return Err(verdict.settled()),
        };
        let found = self.as_enrolment(&rows, course);
        if found
            .as_ref()
            .is_some_and(|found| found.standing == Standing::Active)
        {
            self.must_sign_in(&user.id).await?;
        }
        Ok(found)
    }

    /// Looks once more, so that a repeat of ours changes nothing of an enrolment that is there.
    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        _key: &str,
    ) -> Result<Option<String>, Fault> {
        let Some(user) = self.user(&learner.email.to_lowercase()).await? else {
            return Err(Fault::LearnerProblem {
                why: "The LMS has no account with the learner's address.".to_owned(),
            });
        };
        let before = self.enrolments(&user.id, course).await;
        if let Some(found) = self.as_enrolment(&before.map_err(of_course)?, course) {
            return Ok(Some(found.id));
        }
        match self.write(&user.id, course).await {
            Ok(row) => Ok(Some(row.id)),
            Err(Verdict::Refused(said)) => {
                let after = self.enrolments(&user.id, course).await;
                let after = self.as_enrolment(&after.map_err(of_course)?, course);
                after
                    .map(|found| Some(found.id))
                    .ok_or_else(|| Fault::MappingBroken {
                        why: format!("The LMS refuses to enrol in this course: {said}."),
                    })
            }
            Err(verdict) => Err(of_course(verdict)),
        }
    }

    async fn restore(&self, learner: &Learner, course: &str, enrolment: &str) -> Result<(), Fault> {
        let course_id = enrolment::course_id(course);
        let url = self.url(&[
            "courses",
            &course_id,
            "enrollments",
            enrolment,
            "reactivate",
        ]);
        match self.change(Method::PUT, url, None).await {
            Ok(_) => Ok(()),
            Err(Verdict::Absent) => Err(Fault::MappingBroken {
                why: "The enrolment that was suspended is not in the LMS any more.".to_owned(),
            }),
            // "Not inactive" is said of one that is active, and of one that has ended.
            Err(Verdict::Refused(said)) => match self.read_enrolment(learner, course).await? {
                Some(found) if found.standing == Standing::Active => Ok(()),
                _ => Err(Fault::MappingBroken {
                    why: format!("The LMS refuses to open the enrolment again: {said}."),
                }),
            },
            Err(verdict) => Err(verdict.settled()),
        }
    }

    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        let found;
        let enrolment = if enrolment.is_empty() {
            found = self.read_enrolment(learner, course).await?;
            match &found {
                Some(found) => found.id.as_str(),
                None => return Ok(()),
            }
        } else {
            enrolment
        };
        let course_id = enrolment::course_id(course);
        let mut url = self.url(&["courses", &course_id, "enrollments", enrolment]);
        url.query_pairs_mut().append_pair("task", "deactivate");
        match self.change(Method::DELETE, url, None).await {
            Ok(_) | Err(Verdict::Absent) => Ok(()),
            Err(Verdict::Refused(said)) => Err(Fault::MappingBroken {
                why: format!("The LMS refuses to suspend the enrolment: {said}."),
            }),
            Err(verdict) => Err(verdict.settled()),
        }
    }
}

impl Canvas {
    async fn write(&self, user: &str, course: &str) -> Result<EnrolmentRow, Verdict> {
        let course = enrolment::course_id(course);
        let url = self.url(&["courses", &course, "enrollments"]);
        let body = json!(enrolment::seat(user));
        let value = self.change(Method::POST, url, Some(body)).await?;
        serde_json::from_value(value).map_err(|_| not_json(Aim::Write).into())
    }

    async fn read<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Verdict> {
        let (_, value) = self
            .send(Aim::Read, Method::GET, self.url(path), None)
            .await?;
        serde_json::from_value(value).map_err(|_| not_json(Aim::Read).into())
    }

    /// All pages, or as many as it takes to have `most` rows.
    async fn list<T: DeserializeOwned>(&self, first: Url, most: usize) -> Result<Vec<T>, Verdict> {
        let mut rows = Vec::new();
        let mut url = first;
        for _ in 0..MOST_PAGES {
            let (answer, value) = self.send(Aim::Read, Method::GET, url, None).await?;
            let more: Vec<T> = serde_json::from_value(value).map_err(|_| not_json(Aim::Read))?;
            rows.extend(more);
            if rows.len() >= most {
                break;
            }
            match pages::next(&self.base, answer.link.as_deref())? {
                Some(next) => url = next,
                None => break,
            }
        }
        rows.truncate(most);
        Ok(rows)
    }

    async fn change(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<Value, Verdict> {
        let (_, value) = self.send(Aim::Write, method, url, body).await?;
        Ok(value)
    }

    async fn send(
        &self,
        aim: Aim,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<(Answer, Value), Verdict> {
        let mut request = self
            .client
            .request(method, url)
            // Ids as texts: they may be longer than a float is exact.
            .header(ACCEPT, "application/json+canvas-string-ids")
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let exchanged = exchange(request, self.limits).await;
        judge(aim, exchanged, &[self.token.expose()])
    }

    /// Below `/api/v1`.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(segments);
        }
        url
    }
}

/// Absence, where a course was named.
fn of_course(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Absent => Fault::MappingBroken {
            why: "The LMS has no such course, or hides it from the token's user.".to_owned(),
        },
        other => other.settled(),
    }
}
