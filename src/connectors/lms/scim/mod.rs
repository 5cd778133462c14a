//! Seats of platforms for companies, over SCIM 2.0 (RFC 7643, RFC 7644) with the token of the
//! platform's provisioning page. A course is a group; enrolled is who is a member and active.
//! No user is ever deleted: the platform's history of them would go.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::quirks::Quirks;
use self::verdict::{Call, Said, Verdict, judge, not_scim, settled};
use self::wire::{Group, Listing, quoted};
use super::{Capabilities, Enrolment, Kind, Learner, LearnerRef, Lms, RemoteCourse, Standing};
use crate::config::{LmsConnection, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Limits, absolute, client, exchange};
use crate::connectors::setup::{Question, Setup};

mod people;
mod quirks;
mod rights;
mod seats;
mod verdict;
mod wire;

const MEDIA_TYPE: &str = "application/scim+json";
/// Groups asked for at once.
const PAGE: usize = 100;

pub(super) const KIND: Kind = Kind {
    setup: Setup {
        kind: "scim",
        title: "Seats of a platform for companies, over SCIM 2.0",
        guide: "docs/connect-scim.md",
        before: "These platforms sell seats to organisations, for their own people. Read your contract \
                 first: only one that lets you assign and re-assign seats to your customers allows \
                 this, and ordinary ones do not. The SCIM token comes from the platform's \
                 provisioning page. Bursar logs in nowhere as a customer.",
        questions: &[
            Question::address(
                "base_url",
                "The SCIM address (it usually ends with /scim/v2)",
            ),
            Question::secret("scim.token", "The SCIM token"),
            Question::choice(
                "scim.quirks",
                "Whose habits has the platform?",
                &[
                    ("plain", "the standard's own words"),
                    ("udemy", "Udemy Business"),
                    ("entra", "made for Entra ID (Azure AD) alone"),
                ],
            )
            .or("plain"),
            Question::yes_no(
                "scim.platform_mails",
                "Does the platform itself mail new learners how to sign in?",
            ),
            Question::address(
                "scim.sign_in_url",
                "Where learners sign in (may be left out only if the platform mails them)",
            )
            .or(""),
            Question::yes_no(
                "scim.frees_seats",
                "Shall an account that Bursar made be deactivated when its last course goes?",
            ),
        ],
        pretends: false,
    },
    connect: |connection, limits| Ok(Arc::new(Scim::new(connection, limits)?)),
};

/// The page where learners sign in.
pub(super) fn front(connection: &LmsConnection) -> Option<String> {
    let url = &connection.scim.as_ref()?.sign_in_url;
    (!url.is_empty()).then(|| url.clone())
}

/// One platform.
#[derive(Debug)]
pub struct Scim {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    authorization: HeaderValue,
    token: Secret,
    quirks: Quirks,
    frees_seats: bool,
}

impl Scim {
    /// Checks the address, the token's form and the quirks; sends nothing.
    pub fn new(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Self> {
        let base = absolute(&connection.base_url).context("base_url of the platform")?;
        anyhow::ensure!(base.query().is_none(), "base_url has a part after ?");
        let scim = connection
            .scim
            .as_ref()
            .context("a scim connection needs its settings under `scim`")?;
        let token = scim
            .token
            .as_ref()
            .map_or("", |token| token.expose().trim());
        anyhow::ensure!(!token.is_empty(), "scim.token is missing");
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| anyhow::anyhow!("scim.token has characters no token has"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: client(limits)?,
            limits,
            base,
            authorization,
            token: Secret::new(token),
            quirks: Quirks::of(scim)?,
            frees_seats: scim.frees_seats,
        })
    }
}

#[async_trait]
impl Lms for Scim {
    /// It does not suspend: out of the group is out, and whether the platform keeps the learner's
    /// progress for a return is not for SCIM to say.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: true,
            withdraws: true,
            suspends: false,
            lists_courses: true,
        }
    }

    /// Not by the description of the service, which may be open to everybody.
    async fn ping(&self) -> Result<String, Fault> {
        let seen: Listing<Value> = self.list("Users", &[("count", "1")]).await?;
        let host = self.base.origin().ascii_serialization();
        Ok(format!("SCIM at {host}, {} user(s)", seen.total_results))
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        let group = self.group(course).await?;
        Ok(group.map(|(group, _)| remote(group)))
    }

    async fn list_courses(&self, limit: usize) -> Result<Vec<RemoteCourse>, Fault> {
        let mut courses = Vec::new();
        while courses.len() < limit {
            let start = (courses.len() + 1).to_string();
            let count = PAGE.min(limit - courses.len()).to_string();
            let asked = [
                ("excludedAttributes", "members"),
                ("startIndex", &start),
                ("count", &count),
            ];
            let page: Listing<Group> = self.list("Groups", &asked).await?;
            if page.resources.is_empty() {
                break;
            }
            courses.extend(page.resources.into_iter().map(remote));
            if courses.len() as u64 >= page.total_results {
                break;
            }
        }
        courses.truncate(limit);
        Ok(courses)
    }

    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        self.examine().await
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        self.account(learner).await
    }

    /// A member counts while active. The seat itself may be taken only when the learner first signs
    /// in, and where none is left then, the platform says so to the learner: SCIM does not tell us.
    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let Some(user) = self.user(&learner.email).await? else {
            return Ok(None);
        };
        if user.is_freed() || !self.is_member(course, &user.id).await? {
            return Ok(None);
        }
        people::awake(&user)?;
        Ok(Some(Enrolment {
            id: user.id,
            standing: Standing::Active,
            rows: 1,
        }))
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        _key: &str,
    ) -> Result<Option<String>, Fault> {
        self.seat(learner, course).await.map(Some)
    }

    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        self.unseat(learner, course, enrolment).await
    }
}

impl Scim {
    /// A group without its members, and the version of it.
    async fn group(&self, id: &str) -> Result<Option<(Group, Option<String>)>, Fault> {
        let mut url = self.url(&["Groups", id]);
        url.query_pairs_mut()
            .append_pair("excludedAttributes", "members");
        let Some((group, etag)) = self.read::<Group>(url).await? else {
            return Ok(None);
        };
        // A platform that overlooks the id must not give us another group.
        if group.id != id {
            return Ok(None);
        }
        let version = etag.or_else(|| group.meta.version.clone());
        Ok(Some((group, version)))
    }

    /// Everything of this type that has this value.
    async fn having<T: DeserializeOwned>(
        &self,
        of: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Vec<T>, Fault> {
        let filter = format!("{attribute} eq {}", quoted(value));
        let found: Listing<T> = self.list(of, &[("filter", &filter)]).await?;
        Ok(found.resources)
    }

    async fn list<T: DeserializeOwned>(
        &self,
        of: &str,
        asked: &[(&str, &str)],
    ) -> Result<Listing<T>, Fault> {
        let mut url = self.url(&[of]);
        url.query_pairs_mut().extend_pairs(asked);
        let said = self.call(Call::List, Method::GET, url, None, None).await;
        let Said { body, .. } = said.map_err(settled)?;
        // An object without any of a list's marks is no list, and no absence either.
        if body.get("Resources").is_none() && body.get("totalResults").is_none() {
            return Err(not_scim(Call::List));
        }
        serde_json::from_value(body).map_err(|_| not_scim(Call::List))
    }

    /// One thing and its `ETag`.
    async fn read<T: DeserializeOwned>(
        &self,
        url: Url,
    ) -> Result<Option<(T, Option<String>)>, Fault> {
        match self.call(Call::Read, Method::GET, url, None, None).await {
            Ok(Said { body, etag }) => {
                let thing = serde_json::from_value(body).map_err(|_| not_scim(Call::Read))?;
                Ok(Some((thing, etag)))
            }
            Err(Verdict::Absent) => Ok(None),
            Err(verdict) => Err(settled(verdict)),
        }
    }

    async fn call(
        &self,
        call: Call,
        method: Method,
        url: Url,
        body: Option<&Value>,
        version: Option<&str>,
    ) -> Result<Said, Verdict> {
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT, format!("{MEDIA_TYPE}, application/json"))
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, MEDIA_TYPE)
                .body(body.to_string());
        }
        if let Some(version) = version {
            request = request.header(IF_MATCH, version);
        }
        let exchanged = exchange(request, self.limits).await;
        judge(call, exchanged, &[self.token.expose()])
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

fn remote(group: Group) -> RemoteCourse {
    RemoteCourse {
        id: group.id,
        title: group.display_name,
    }
}
