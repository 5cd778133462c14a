//! Learning platforms: the contract each connector keeps, and the registry.
//! The pipeline does *read, write, read back*; a connector offers each of the three and believes nothing.

use std::sync::Arc;

use async_trait::async_trait;

use super::Fault;
use super::http::Limits;
use super::setup::Setup;
use crate::config::LmsConnection;

pub mod canvas;
pub mod fake;
pub mod frappe;
pub mod http_confirm;
pub mod moodle;
mod naming;
pub mod openedx;
pub mod scim;

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

/// How an enrolment stands on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The learner can study now.
    Active,
    /// The platform waits for the learner to accept; it is no enrolment yet.
    Invited {
        /// Where the learner accepts, where the platform says so.
        link: Option<String>,
    },
    /// It is kept, with its progress, and closed to the learner.
    Suspended,
}

/// An enrolment as the platform reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The platform's id of the enrolment.
    pub id: String,
    /// How it stands.
    pub standing: Standing,
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
    /// `withdraw` keeps the learner's progress, and `restore` opens the enrolment again. Where it does
    /// not, what was withdrawn is gone.
    pub suspends: bool,
    /// `list_courses` exists.
    pub lists_courses: bool,
}

/// Where learners find courses on a platform; no request is made to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoursePage {
    /// This text before the course's id.
    Below(String),
    /// The same, but ids that begin so have the other text before the rest of them.
    Either {
        /// For most ids.
        below: String,
        /// How the others begin.
        beginning: &'static str,
        /// For the others.
        others: String,
    },
    /// As Moodle has it, below this address.
    Moodle(String),
    /// As Canvas has it, below this address.
    Canvas(String),
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
            ("frappe", base) => Self::Either {
                below: format!("{base}/lms/courses/"),
                beginning: "batch:",
                others: format!("{base}/lms/batches/"),
            },
            ("openedx", base) => Self::Below(format!("{base}/courses/")),
            // The address of its API, which is no page.
            ("scim", _) => scim::front(connection).map_or(Self::Unknown, Self::Front),
            ("moodle", base) => Self::Moodle(base.to_owned()),
            ("canvas", base) => Self::Canvas(base.to_owned()),
            (_, base) => Self::Front(base.to_owned()),
        }
    }

    /// Of one course.
    #[must_use]
    pub fn url(&self, course: &str) -> Option<String> {
        match self {
            Self::Below(base) => Some(format!("{base}{}", escaped(course))),
            Self::Either {
                below,
                beginning,
                others,
            } => Some(match course.strip_prefix(beginning) {
                Some(rest) => format!("{others}{}", escaped(rest)),
                None => format!("{below}{}", escaped(course)),
            }),
            Self::Moodle(base) => Some(moodle::page(base, course)),
            Self::Canvas(base) => Some(canvas::page(base, course)),
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

    /// Courses of the platform, in its own order, at most `limit`; for the seller to choose from.
    async fn list_courses(&self, limit: usize) -> Result<Vec<RemoteCourse>, Fault> {
        let _nothing_is_listed = limit;
        Err(Fault::MappingBroken {
            why: "this kind of connection cannot list courses".to_owned(),
        })
    }

    /// Rights that are missing, each a sentence for the seller; proved by reads and by writes that
    /// change nothing. Empty: everything that the other calls need is there.
    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }

    /// The enrolment of this learner in this course, however it stands; `None` where there is none,
    /// or one that is not whole.
    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault>;

    /// Write one enrolment, without an end: Bursar's own schedule ends it. `key` is ours, the same for
    /// every repeat. Called after a read that found none. Success means only that the platform said
    /// so; `Ok(Some(id))` carries the id it named.
    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault>;

    /// Percent of the course that the learner has done and would lose by `withdraw`, where that is to be
    /// asked about before. None: nothing is lost, or the seller decided not to be asked.
    async fn progress_at_stake(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<u8>, Fault> {
        let _nothing_is_lost = (learner, course);
        Ok(None)
    }

    /// Open a suspended enrolment again, with its progress. Called only where `suspends`, and only
    /// after a read said so.
    async fn restore(&self, learner: &Learner, course: &str, enrolment: &str) -> Result<(), Fault> {
        let _none_is_suspended = (learner, course, enrolment);
        Err(Fault::MappingBroken {
            why: "this kind of connection cannot restore an enrolment".to_owned(),
        })
    }

    /// Close the enrolment to the learner: suspended where the platform `suspends`, else removed.
    /// Absent, or suspended already, is success.
    async fn withdraw(&self, learner: &Learner, course: &str, enrolment: &str)
    -> Result<(), Fault>;
}

/// A connector: what a seller is asked for it, and how it is made of the answers.
pub struct Kind {
    /// The questions.
    pub setup: Setup,
    connect: fn(&LmsConnection, Limits) -> anyhow::Result<Arc<dyn Lms>>,
}

/// The registry: one line per connector.
pub static KINDS: &[Kind] = &[
    frappe::KIND,
    moodle::KIND,
    canvas::KIND,
    scim::KIND,
    openedx::KIND,
    http_confirm::KIND,
    fake::KIND,
];

/// The kind of this name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.setup.kind == name)
}

/// The connector of these settings.
pub fn connect(connection: &LmsConnection) -> anyhow::Result<Arc<dyn Lms>> {
    connect_within(connection, Limits::default())
}

/// [`connect`] with other limits, for tests and for the patient.
pub fn connect_within(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Arc<dyn Lms>> {
    let Some(kind) = kind(&connection.kind) else {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.setup.kind).collect();
        anyhow::bail!(
            "there is no LMS connector called {:?}; there are {}",
            connection.kind,
            known.join(", ")
        )
    };
    (kind.connect)(connection, limits)
}
