//! Learning platforms: the contract each connector keeps, and the registry.
//! The pipeline does *read, write, read back*; a connector offers each of the three and believes nothing.

use std::sync::Arc;

use async_trait::async_trait;

use super::Fault;
use super::http::Limits;
use crate::config::LmsConnection;

pub mod fake;
pub mod frappe;
pub mod http_confirm;

/// Who is to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learner {
    /// Lower-case address.
    pub email: String,
    /// As the buyer gave it; may be empty, and then the connector sends the local part of the address.
    pub name: String,
}

/// An account on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerRef {
    /// The platform's id.
    pub id: String,
    /// This call made it.
    pub created: bool,
}

/// An enrolment as the platform reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The platform's id of the enrolment.
    pub id: String,
    /// Rows found for this learner and course; more than one is the platform's own duplicate.
    pub rows: usize,
}

/// A course as the platform reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCourse {
    /// The platform's id.
    pub id: String,
    /// Its title there.
    pub title: String,
}

/// What a platform can do; options are data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// `read_enrolment` tells the truth. Without it, success rests on the write's own answer.
    pub reads_back: bool,
    /// A write may be repeated after an unknown answer.
    pub repeat_is_safe: bool,
    /// `withdraw` exists.
    pub withdraws: bool,
}

/// Where learners find courses on a platform; no request is made to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoursePage {
    /// This text before the course's id.
    Below(String),
    /// The platform's front page: the connector knows no better.
    Front(String),
    /// Nowhere that we know of.
    Unknown,
}

impl CoursePage {
    /// Of a connection.
    #[must_use]
    pub fn of(connection: &LmsConnection) -> Self {
        match (connection.kind.as_str(), connection.base_url.as_str()) {
            (_, "") => Self::Unknown,
            ("frappe", base) => Self::Below(format!("{base}/lms/courses/")),
            (_, base) => Self::Front(base.to_owned()),
        }
    }

    /// Of one course.
    #[must_use]
    pub fn url(&self, course: &str) -> Option<String> {
        match self {
            Self::Below(base) => Some(format!("{base}{}", escaped(course))),
            Self::Front(base) => Some(base.clone()),
            Self::Unknown => None,
        }
    }
}

/// A course id as one path segment.
fn escaped(course: &str) -> String {
    percent_encoding::utf8_percent_encode(course, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%5F", "_")
}

/// The contract. Every method may be called again at any time; none retries or waits by itself.
#[async_trait]
pub trait Lms: Send + Sync {
    /// What this platform can do.
    fn capabilities(&self) -> Capabilities;

    /// Prove address and credentials; the answer names who we are there.
    async fn ping(&self) -> Result<String, Fault>;

    /// The course, or `None` where the platform says it has none such.
    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault>;

    /// The learner's account, made when absent. A disabled account is a [`Fault::LearnerProblem`].
    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault>;

    /// The enrolment of this learner in this course, if the platform has a whole and active one.
    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault>;

    /// Write one enrolment. `key` is ours, the same for every repeat. Success means only that the
    /// platform said so; `Ok(Some(id))` carries the id it named.
    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault>;

    /// Take the enrolment away; absent is success.
    async fn withdraw(&self, learner: &Learner, course: &str, enrolment: &str)
    -> Result<(), Fault>;
}

/// The registry: one line per connector.
pub fn connect(connection: &LmsConnection) -> anyhow::Result<Arc<dyn Lms>> {
    connect_within(connection, Limits::default())
}

/// [`connect`] with other limits, for tests and for the patient.
pub fn connect_within(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Arc<dyn Lms>> {
    Ok(match connection.kind.as_str() {
        "frappe" => Arc::new(frappe::Frappe::new(connection, limits)?),
        "http_confirm" => Arc::new(http_confirm::HttpConfirm::new(connection, limits)?),
        "fake" => Arc::new(fake::Instant::default()),
        other => anyhow::bail!(
            "there is no LMS connector called {other:?}; there are frappe, http_confirm and fake"
        ),
    })
}
