//! Open edX over its enrolment API, with the token of an OAuth application whose user is global staff.
//! A 200 proves neither that an enrolment is active nor that it has the mode that was paid: both are
//! compared. Accounts of others cannot be made; who has none is invited by address.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::session::{Session, Ticket};
use self::verdict::{Call, Verdict, judge, not_openedx, settled};
use self::wire::{Account, Change, Course, Courses, Me, Record, Roles};
use super::{Capabilities, Enrolment, Kind, Learner, LearnerRef, Lms, RemoteCourse, Standing};
use crate::config::{LmsConnection, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Answer, Limits, Lost, absolute, client, exchange};
use crate::connectors::setup::{Question, Setup};

mod invite;
mod session;
mod verdict;
mod wire;

/// Courses asked for at once; the API gives no more.
const PAGE: usize = 100;

pub(super) const KIND: Kind = Kind {
    setup: Setup {
        kind: "openedx",
        title: "Open edX, on a site of yours",
        guide: "docs/connect-openedx.md",
        before: "You need an OAuth application on the site (Django admin, Applications; grant type \
                 client credentials) that belongs to a user who is global staff.",
        questions: &[
            Question::address("base_url", "The site's address (the LMS, not Studio)"),
            Question::line("openedx.client_id", "The application's client id"),
            Question::secret("openedx.client_secret", "The application's client secret"),
            Question::line("openedx.mode", "The enrolment mode that you sell").or("audit"),
            Question::choice(
                "openedx.new_learners",
                "Buyers who have no account on the site yet",
                &[
                    (
                        "invite",
                        "the site mails them (needs its bulk enrolment API)",
                    ),
                    ("allow", "enrolled when they sign up; nobody mails them"),
                    ("refuse", "their order waits until they have signed up"),
                ],
            )
            .or("invite"),
        ],
        pretends: false,
    },
    connect: |connection, limits| Ok(Arc::new(OpenEdx::new(connection, limits)?)),
};

/// What to do with a buyer who has no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newcomers {
    Invite,
    Allow,
    Refuse,
}

/// One site.
#[derive(Debug)]
pub struct OpenEdx {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    session: Session,
    mode: String,
    newcomers: Newcomers,
}

impl OpenEdx {
    /// Checks the address and the settings' form; sends nothing.
    pub fn new(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Self> {
        let base = absolute(&connection.base_url).context("base_url of the LMS")?;
        anyhow::ensure!(base.query().is_none(), "base_url has a part after ?");
        let settings = connection
            .openedx
            .as_ref()
            .context("an openedx connection needs its settings under `openedx`")?;
        let id = settings.client_id.trim();
        let secret = settings.client_secret.as_ref().map_or("", Secret::expose);
        let secret = secret.trim();
        anyhow::ensure!(
            !id.is_empty() && !secret.is_empty(),
            "Open edX needs openedx.client_id and openedx.client_secret"
        );
        let mode = settings.mode.trim();
        anyhow::ensure!(!mode.is_empty(), "openedx.mode is empty");
        let client = client(limits)?;
        let token = below(&base, "oauth2/access_token")?;
        Ok(Self {
            session: Session::new(client.clone(), limits, token, (id, secret)),
            client,
            limits,
            base,
            mode: mode.to_owned(),
            newcomers: match settings.new_learners.as_str() {
                "invite" => Newcomers::Invite,
                "allow" => Newcomers::Allow,
                "refuse" => Newcomers::Refuse,
                other => anyhow::bail!(
                    "openedx.new_learners is {other:?}; it must be invite, allow or refuse"
                ),
            },
        })
    }
}

#[async_trait]
impl Lms for OpenEdx {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: true,
            withdraws: true,
            suspends: true,
            lists_courses: true,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        let me: Me = self.look(Call::Look, "api/user/v1/me").await?;
        Ok(me.username)
    }

    /// The enrolment API's own view of the course, which also tells whether the mode that is sold is
    /// on offer. An id of another form leads to no view at all, and is not asked for.
    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        if !is_course_id(course) {
            return Ok(None);
        }
        let path = format!("api/enrollment/v1/course/{}", escaped(course));
        let found: Course = match self.get(Call::Course, &path).await {
            Ok(body) => understood(Call::Course, body)?,
            Err(Verdict::Absent) => return Ok(None),
            Err(verdict) => return Err(settled(verdict)),
        };
        let offered: Vec<&str> = found.modes.iter().map(|m| m.slug.as_str()).collect();
        if !offered.is_empty() && !offered.contains(&self.mode.as_str()) {
            let offered: String = offered.join(", ").chars().take(120).collect();
            return Err(Fault::MappingBroken {
                why: format!(
                    "The course is not offered in the mode {}; it has: {offered}.",
                    self.mode
                ),
            });
        }
        Ok(Some(RemoteCourse {
            id: found.id,
            title: found.name.unwrap_or_default(),
        }))
    }

    async fn list_courses(&self, limit: usize) -> Result<Vec<RemoteCourse>, Fault> {
        let mut courses = Vec::new();
        for page in 1..=limit.div_ceil(PAGE) {
            let path = format!("api/courses/v1/courses/?page={page}&page_size={PAGE}");
            let found: Courses = self.look(Call::Look, &path).await?;
            courses.extend(found.results.into_iter().map(|course| RemoteCourse {
                id: course.course_id,
                title: course.name,
            }));
            if found.pagination.next.is_none() {
                break;
            }
        }
        courses.truncate(limit);
        Ok(courses)
    }

    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        let mut missing = Vec::new();
        let roles: Roles = self.look(Call::Look, "api/enrollment/v1/roles/").await?;
        if !roles.is_staff {
            missing.push(
                "The user of the OAuth application is not global staff: it cannot see or enrol others."
                    .to_owned(),
            );
        }
        missing.extend(self.cannot_invite().await?);
        Ok(missing)
    }

    /// Who has no account is known by the address: whether that is enough, [`Lms::enrol`] finds out.
    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let email = learner.email.to_lowercase();
        let id = match self.account(&email).await? {
            Some(account) => account.username,
            None if self.newcomers == Newcomers::Refuse => {
                return Err(Fault::LearnerProblem {
                    why:
                        "The buyer has no account on the site; they must sign up there first, with \
                          the address of the order."
                            .to_owned(),
                });
            }
            None => email,
        };
        Ok(LearnerRef { id, created: false })
    }

    /// Active in a lesser mode than the one that is sold is not what was paid for: not whole.
    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let email = learner.email.to_lowercase();
        let Some(account) = self.account(&email).await? else {
            return self.invitation(&email, course).await;
        };
        let Some(record) = self.record(&account.username, course).await? else {
            return Ok(None);
        };
        let standing = match record.is_active {
            false => Standing::Suspended,
            true if self.is_enough(&record.mode) => Standing::Active,
            true => return Ok(None),
        };
        Ok(Some(Enrolment {
            id: account.username,
            standing,
            rows: 1,
        }))
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        _key: &str,
    ) -> Result<Option<String>, Fault> {
        let email = learner.email.to_lowercase();
        let Some(account) = self.account(&email).await? else {
            return self.invite(&email, course).await.map(Some);
        };
        self.open(&account.username, course, &self.mode).await?;
        Ok(Some(account.username))
    }

    /// In the mode it had, where that is enough: nobody is set back by returning.
    async fn restore(
        &self,
        _learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        let record = self.record(enrolment, course).await?;
        let had = record.as_ref().map_or("", |record| record.mode.as_str());
        let mode = if self.is_enough(had) { had } else { &self.mode };
        self.open(enrolment, course, mode).await
    }

    /// By the noted user name, which stays when the address changes. Who was invited may have signed
    /// up since.
    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        let email = learner.email.to_lowercase();
        if !enrolment.is_empty() && enrolment != invite::NOTED {
            return self.close(enrolment, course).await;
        }
        match self.account(&email).await? {
            Some(account) => self.close(&account.username, course).await,
            None => self.disinvite(&email, course).await,
        }
    }
}

impl OpenEdx {
    async fn account(&self, email: &str) -> Result<Option<Account>, Fault> {
        let mut url = self.at("api/user/v1/accounts")?;
        url.query_pairs_mut().append_pair("email", email);
        let body = match self
            .call(Call::Account, Method::GET, url, None::<&()>)
            .await
        {
            Ok(body) => body,
            Err(Verdict::Absent) => return Ok(None),
            Err(verdict) => return Err(settled(verdict)),
        };
        let found: Vec<Account> = understood(Call::Account, body)?;
        Ok(found.into_iter().find(|account| {
            let address = account.email.as_deref();
            address.is_none_or(|address| address.eq_ignore_ascii_case(email))
        }))
    }

    /// `Null`, or an empty answer, says that there is none.
    async fn record(&self, username: &str, course: &str) -> Result<Option<Record>, Fault> {
        let path = format!(
            "api/enrollment/v1/enrollment/{},{}",
            escaped(username),
            escaped(course)
        );
        let body = self.get(Call::Record, &path).await.map_err(settled)?;
        let record: Option<Record> = understood(Call::Record, body)?;
        Ok(record.filter(|record| {
            let named = record.course_details.as_ref();
            named.is_none_or(|named| named.course_id == course)
        }))
    }

    /// The free modes are contained in every other.
    fn is_enough(&self, mode: &str) -> bool {
        mode == self.mode || (!mode.is_empty() && ["audit", "honor"].contains(&self.mode.as_str()))
    }

    async fn open(&self, username: &str, course: &str, mode: &str) -> Result<(), Fault> {
        let change = Change::new(username, course, mode, true);
        let record = self.change(Call::Enrol, &change).await?;
        if record.is_active && self.is_enough(&record.mode) {
            return Ok(());
        }
        Err(Fault::ConnectionBroken {
            why: "The site answers with success, but the enrolment is not active in the mode that was \
                  asked for: the user of our OAuth application may not change it (global staff may)."
                .to_owned(),
        })
    }

    /// With the mode it has now: with another one the site refuses.
    async fn close(&self, username: &str, course: &str) -> Result<(), Fault> {
        let Some(record) = self.record(username, course).await? else {
            return Ok(());
        };
        if !record.is_active {
            return Ok(());
        }
        let change = Change::new(username, course, &record.mode, false);
        if self.change(Call::Unenrol, &change).await?.is_active {
            return Err(Fault::ConnectionBroken {
                why:
                    "The site answers with success, but the learner is still enrolled: the user of \
                      our OAuth application may not change it (global staff may)."
                        .to_owned(),
            });
        }
        Ok(())
    }

    async fn change(&self, call: Call, change: &Change<'_>) -> Result<Record, Fault> {
        let url = self.at("api/enrollment/v1/enrollment")?;
        let changed = self.call(call, Method::POST, url, Some(change)).await;
        understood(call, changed.map_err(settled)?)
    }

    async fn look<T: DeserializeOwned>(&self, call: Call, path: &str) -> Result<T, Fault> {
        understood(call, self.get(call, path).await.map_err(settled)?)
    }

    async fn get(&self, call: Call, path: &str) -> Result<Value, Verdict> {
        let url = self.at(path)?;
        self.call(call, Method::GET, url, None::<&()>).await
    }

    /// With a new token, once, where the one we had is refused.
    async fn call(
        &self,
        call: Call,
        method: Method,
        url: Url,
        body: Option<&impl Serialize>,
    ) -> Result<Value, Verdict> {
        let mut ticket = self.session.ticket(None).await?;
        let mut exchanged = self.send(&ticket, &method, &url, body).await;
        if exchanged.as_ref().is_ok_and(|answer| answer.status == 401) {
            ticket = self.session.ticket(Some(&ticket)).await?;
            exchanged = self.send(&ticket, &method, &url, body).await;
        }
        let hide = [self.session.secret(), ticket.secret()];
        judge(call, exchanged, &hide)
    }

    async fn send(
        &self,
        ticket: &Ticket,
        method: &Method,
        url: &Url,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, Lost> {
        let mut request = self
            .client
            .request(method.clone(), url.clone())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, ticket.header.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        exchange(request, self.limits).await
    }

    fn at(&self, path: &str) -> Result<Url, Fault> {
        below(&self.base, path).map_err(|_| Fault::ConnectionBroken {
            why: "base_url is no address that anything can be below.".to_owned(),
        })
    }
}

/// A path that is encoded already: as segments, its `+` would stay, which Django reads as it stands
/// but proxies may not.
fn below(base: &Url, path: &str) -> anyhow::Result<Url> {
    let base = base.as_str().trim_end_matches('/');
    Ok(Url::parse(&format!("{base}/{path}"))?)
}

/// A course id or user name as a part of a path, `+` included.
fn escaped(part: &str) -> String {
    percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// `course-v1:Org+Number+Run`, or the older `Org/Number/Run`.
fn is_course_id(course: &str) -> bool {
    let parts = |text: &str, between: char| {
        let parts: Vec<&str> = text.split(between).collect();
        parts.len() == 3 && parts.iter().all(|part| !part.is_empty())
    };
    match course.split_once(':') {
        Some((kind, rest)) => kind.starts_with("course-") && parts(rest, '+'),
        None => parts(course, '/'),
    }
}

fn understood<T: DeserializeOwned>(call: Call, value: Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|_| not_openedx(call))
}
