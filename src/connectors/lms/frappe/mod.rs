//! Frappe LMS over its documented REST API, with the token of a service user (role Moderator).
//! It looks before it writes and reads back what was written; it does not trust a 2xx, which Frappe
//! gives for learners that do not exist, and never writes twice in one call.

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::verdict::{Call, Verdict, judge, not_json};
use self::wire::{
    CourseRow, Document, EnrolmentRow, Listing, Message, Named, NewUser, Target, UserRow,
    new_enrolment,
};
use super::{Capabilities, Enrolment, Learner, LearnerRef, Lms, RemoteCourse, Standing, naming};
use crate::config::{LmsConnection, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Limits, absolute, client, exchange};

mod batch;
mod rights;
mod verdict;
mod wire;

/// Frappe's own limit for a line of text.
const LONGEST_NAME: usize = 140;

/// One site.
#[derive(Debug)]
pub struct Frappe {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    authorization: HeaderValue,
    secrets: [Secret; 2],
    send_welcome_email: bool,
    /// Removing an enrolment that has progress is the seller's decision, each time.
    asks_before_removal: bool,
}

impl Frappe {
    /// Checks the address and the credentials' form; sends nothing.
    pub fn new(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Self> {
        let base = absolute(&connection.base_url).context("base_url of the LMS")?;
        anyhow::ensure!(base.query().is_none(), "base_url has a part after ?");
        let secrets = credentials(connection)?;
        let token = format!("token {}:{}", secrets[0].expose(), secrets[1].expose());
        let mut authorization = HeaderValue::from_str(&token)
            .map_err(|_| anyhow::anyhow!("api_key or api_secret has characters no key has"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: client(limits)?,
            limits,
            base,
            authorization,
            secrets,
            send_welcome_email: connection.send_welcome_email,
            asks_before_removal: connection.frappe.withdraw != "remove",
        })
    }
}

/// Key and secret as two settings, or as `KEY:SECRET` in `api_key`, as one environment variable has them.
fn credentials(connection: &LmsConnection) -> anyhow::Result<[Secret; 2]> {
    let key = connection
        .api_key
        .as_ref()
        .map_or("", Secret::expose)
        .trim();
    let secret = connection
        .api_secret
        .as_ref()
        .map(|secret| secret.expose().trim());
    let (key, secret) = match secret {
        Some(secret) => (key, secret),
        None => key.split_once(':').unwrap_or_default(),
    };
    anyhow::ensure!(
        !key.is_empty() && !secret.is_empty(),
        "Frappe needs api_key and api_secret of a service user"
    );
    Ok([Secret::new(key), Secret::new(secret)])
}

#[async_trait]
impl Lms for Frappe {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: false,
            withdraws: true,
            suspends: false,
            lists_courses: true,
        }
    }

    /// Without valid credentials even Frappe's own `ping` answers 401; this call also names us.
    async fn ping(&self) -> Result<String, Fault> {
        let url = self.url(&["api", "method", "frappe.auth.get_logged_user"]);
        let answer = self.call(Call::Method, Method::GET, url, None).await;
        let who: Message = understood(Call::Method, answer.map_err(settled)?)?;
        if who.message == "Guest" {
            return Err(Fault::ConnectionBroken {
                why: "The LMS sees us as a guest: something before it drops our credentials."
                    .to_owned(),
            });
        }
        Ok(who.message)
    }

    /// By list, not by id: an unknown course is then an empty list, and a 404 can only mean that
    /// the LMS app is missing.
    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        let target = Target::of(course);
        let rows: Vec<CourseRow> = self
            .list(
                target.doctype(),
                CourseRow::FIELDS,
                &[("name", target.id())],
            )
            .await?;
        Ok(rows.into_iter().next().map(|row| row.listed(target)))
    }

    /// Courses, then batches, each kind in the order of its titles.
    async fn list_courses(&self, limit: usize) -> Result<Vec<RemoteCourse>, Fault> {
        let mut listed = Vec::new();
        for kind in [Target::Course(""), Target::Batch("")] {
            let left = limit.saturating_sub(listed.len());
            if left > 0 {
                let rows: Vec<CourseRow> = self.page_of(kind.doctype(), left).await?;
                listed.extend(rows.into_iter().map(|row| row.listed(kind)));
            }
        }
        Ok(listed)
    }

    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        self.look_for_missing_rights().await
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let email = learner.email.to_lowercase();
        if let Some(user) = self.user(&email).await? {
            return existing(user);
        }
        match self.create_user(&email, &learner.name).await {
            Ok(id) => Ok(LearnerRef { id, created: true }),
            Err(Verdict::Refused(said)) => self.after_refused_user(&email, &said).await,
            Err(verdict) => Err(settled(verdict)),
        }
    }

    /// A row counts when the account behind it exists and is enabled. The account is asked for
    /// itself, not inferred from the row's `member_name`: Frappe makes rows for people it does not
    /// know, such a row may get its account later, and any account may be disabled later.
    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let (email, target) = (learner.email.to_lowercase(), Target::of(course));
        let filters = [("member", email.as_str()), (target.field(), target.id())];
        let fields = ["name", "member", target.field(), "creation"];
        let mut rows: Vec<EnrolmentRow> = self.list(target.enrolment(), &fields, &filters).await?;
        rows.retain(|row| row.concerns(&email, target));
        let count = rows.len();
        let Some(oldest) = oldest(rows) else {
            return Ok(None);
        };
        let Some(user) = self.user(&email).await? else {
            return Ok(None);
        };
        existing(user)?;
        Ok(Some(Enrolment {
            id: oldest.name,
            standing: Standing::Active,
            rows: count,
        }))
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        let target = Target::of(course);
        let row = new_enrolment(key, &learner.email.to_lowercase(), target);
        let url = self.url(&["api", "resource", target.enrolment()]);
        let call = Call::CreateEnrolment;
        match self.call(call, Method::POST, url, Some(row)).await {
            Ok(value) => {
                let made: Document<Named> = understood(call, value)?;
                Ok(Some(made.data.name))
            }
            Err(Verdict::Refused(said)) => {
                self.after_refused_enrolment(learner, course, &said).await
            }
            Err(verdict) => Err(settled(verdict)),
        }
    }

    async fn progress_at_stake(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<u8>, Fault> {
        if !self.asks_before_removal {
            return Ok(None);
        }
        let rows = self.progress(learner, Target::of(course)).await?;
        let most = rows.iter().map(wire::ProgressRow::percent).max();
        Ok(most.filter(|percent| *percent > 0))
    }

    /// Frappe has no suspension: the row goes, and the learner's progress with it. Of a batch, the
    /// courses that it brought go first: while its own row is there, a repeat finds what is left.
    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        let target = Target::of(course);
        if let Target::Batch(_) = target {
            let holder = self.holder(enrolment, learner).await?;
            for row in self.progress(&holder, target).await? {
                self.delete(Target::Course(""), &row.name).await?;
            }
        }
        self.delete(target, enrolment).await
    }
}

impl Frappe {
    async fn delete(&self, target: Target<'_>, enrolment: &str) -> Result<(), Fault> {
        let url = self.url(&["api", "resource", target.enrolment(), enrolment]);
        let call = Call::DeleteEnrolment;
        match self.call(call, Method::DELETE, url, None).await {
            Ok(_) | Err(Verdict::Absent) => Ok(()),
            Err(Verdict::Refused(said)) => Err(Fault::MappingBroken {
                why: format!("The LMS refuses to remove the enrolment: {said}."),
            }),
            Err(verdict) => Err(settled(verdict)),
        }
    }
}

impl Frappe {
    async fn create_user(&self, email: &str, name: &str) -> Result<String, Verdict> {
        let (first_name, last_name) = naming::split(name, email, LONGEST_NAME);
        let user = NewUser {
            email,
            first_name,
            last_name,
            send_welcome_email: self.send_welcome_email.into(),
        };
        let url = self.url(&["api", "resource", "User"]);
        let call = Call::CreateUser;
        let value = self
            .call(call, Method::POST, url, Some(json!(user)))
            .await?;
        let made: Document<Named> = understood(call, value)?;
        Ok(made.data.name)
    }

    /// "Exists" is said by a 409 or by a rule; the account itself is asked for by its id, where a
    /// missing right is an error and not an empty list.
    async fn after_refused_user(&self, email: &str, said: &str) -> Result<LearnerRef, Fault> {
        let url = self.url(&["api", "resource", "User", email]);
        match self.call(Call::Read, Method::GET, url, None).await {
            Ok(value) => {
                let user: Document<UserRow> = understood(Call::Read, value)?;
                existing(user.data)
            }
            Err(Verdict::Absent) => Err(Fault::LearnerProblem {
                why: format!("The LMS does not accept this learner: {said}."),
            }),
            Err(verdict) => Err(settled(verdict)),
        }
    }

    /// The write did not happen; whether it was needed only a read can tell.
    async fn after_refused_enrolment(
        &self,
        learner: &Learner,
        course: &str,
        said: &str,
    ) -> Result<Option<String>, Fault> {
        match self.read_enrolment(learner, course).await? {
            Some(enrolment) => Ok(Some(enrolment.id)),
            None => Err(Fault::MappingBroken {
                why: format!("The LMS refuses to enrol in this course: {said}."),
            }),
        }
    }

    async fn user(&self, email: &str) -> Result<Option<UserRow>, Fault> {
        let rows = self
            .list("User", UserRow::FIELDS, &[("email", email)])
            .await?;
        Ok(rows.into_iter().next())
    }

    /// All rows that match: Frappe's own page is 20, and 0 means no limit. The body's limit holds.
    async fn list<T: DeserializeOwned>(
        &self,
        doctype: &str,
        fields: &[&str],
        filters: &[(&str, &str)],
    ) -> Result<Vec<T>, Fault> {
        let filters: Vec<[&str; 3]> = filters.iter().map(|(k, v)| [*k, "=", *v]).collect();
        let mut url = self.url(&["api", "resource", doctype]);
        url.query_pairs_mut()
            .append_pair("filters", &json!(filters).to_string())
            .append_pair("fields", &json!(fields).to_string())
            .append_pair("limit_page_length", "0");
        self.listing(url).await
    }

    /// At most `limit` documents of a kind, by their titles.
    async fn page_of<T: DeserializeOwned>(
        &self,
        doctype: &str,
        limit: usize,
    ) -> Result<Vec<T>, Fault> {
        let mut url = self.url(&["api", "resource", doctype]);
        url.query_pairs_mut()
            .append_pair("fields", &json!(CourseRow::FIELDS).to_string())
            .append_pair("order_by", "title asc")
            .append_pair("limit_page_length", &limit.to_string());
        self.listing(url).await
    }

    async fn listing<T: DeserializeOwned>(&self, url: Url) -> Result<Vec<T>, Fault> {
        let value = self.call(Call::List, Method::GET, url, None).await;
        let listing: Listing<T> = understood(Call::List, value.map_err(settled)?)?;
        Ok(listing.data)
    }

    async fn call(
        &self,
        call: Call,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<Value, Verdict> {
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let exchanged = exchange(request, self.limits).await;
        judge(
            call,
            exchanged,
            &self.secrets.each_ref().map(Secret::expose),
        )
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

fn existing(user: UserRow) -> Result<LearnerRef, Fault> {
    if user.enabled == 0 {
        return Err(Fault::LearnerProblem {
            why: "The learner's account in the LMS is disabled; enable it there.".to_owned(),
        });
    }
    Ok(LearnerRef {
        id: user.name,
        created: false,
    })
}

/// The row that stays when somebody clears up duplicates.
fn oldest(rows: Vec<EnrolmentRow>) -> Option<EnrolmentRow> {
    rows.into_iter()
        .min_by(|a, b| (&a.creation, &a.name).cmp(&(&b.creation, &b.name)))
}

fn understood<T: DeserializeOwned>(call: Call, value: Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|_| not_json(call))
}

/// For calls to which absence and refusal mean nothing special.
fn settled(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Fault(fault) => fault,
        Verdict::Absent => Fault::ConnectionBroken {
            why: "The LMS does not know what we asked it for.".to_owned(),
        },
        Verdict::Refused(said) => Fault::ConnectionBroken {
            why: format!("The LMS refuses what it usually allows: {said}."),
        },
    }
}
