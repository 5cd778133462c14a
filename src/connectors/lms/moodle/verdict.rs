//! What an answer of Moodle means. The HTTP status says next to nothing: a wrong token, an unknown
//! course and a database that is down are all 200, and only a word in the body tells them apart.

use std::time::Duration;

use serde_json::Value;

use super::wire::ErrorBody;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};
use crate::connectors::quote::quote;

/// The functions we call; the same answer means different things to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    SiteInfo,
    FindUser,
    CreateUser,
    FindCourse,
    UsersCourses,
    Participants,
    Enrol,
}

impl Call {
    pub const ALL: [Self; 7] = [
        Self::SiteInfo,
        Self::FindUser,
        Self::CreateUser,
        Self::FindCourse,
        Self::UsersCourses,
        Self::Participants,
        Self::Enrol,
    ];

    /// Moodle's name for it.
    pub fn function(self) -> &'static str {
        match self {
            Self::SiteInfo => "core_webservice_get_site_info",
            Self::FindUser => "core_user_get_users_by_field",
            Self::CreateUser => "core_user_create_users",
            Self::FindCourse => "core_course_get_courses_by_field",
            Self::UsersCourses => "core_enrol_get_users_courses",
            Self::Participants => "core_enrol_get_enrolled_users",
            Self::Enrol => "enrol_manual_enrol_users",
        }
    }

    /// The capability whose absence Moodle answers with `nopermissions`; its own message names it
    /// only in the language of the site.
    fn capability(self) -> &'static str {
        match self {
            Self::SiteInfo => "webservice/rest:use",
            Self::FindUser => "moodle/user:viewdetails",
            Self::CreateUser => "moodle/user:create",
            Self::FindCourse => "moodle/course:view",
            Self::UsersCourses => "moodle/course:viewparticipants",
            Self::Participants => "moodle/course:viewparticipants, moodle/course:enrolreview",
            Self::Enrol => "enrol/manual:enrol",
        }
    }

    fn aim(self) -> Aim {
        match self {
            Self::CreateUser | Self::Enrol => Aim::Write,
            _ => Aim::Read,
        }
    }
}

/// Anything but success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Moodle said no, in these words. Five mistakes share one code: a read must tell which it was.
    Refused(String),
    /// A right is missing; the sentence says which.
    Forbidden(String),
    /// The role may not be given by us; the sentence says so.
    RoleRefused(String),
    /// Final.
    Fault(Fault),
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Verdict {
    /// For calls to which a refusal means nothing special.
    pub fn settled(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Forbidden(why) => Fault::ConnectionBroken { why },
            Self::RoleRefused(why) => Fault::MappingBroken { why },
            Self::Refused(said) => Fault::ConnectionBroken {
                why: format!("The LMS refuses what it usually allows: {said}."),
            },
        }
    }
}

/// The table. The answer of a success, or what else it was; `hide` never appears in a sentence.
pub(super) fn judge(
    call: Call,
    exchanged: Result<Answer, Lost>,
    hide: &[&str],
) -> Result<Value, Verdict> {
    let answer = exchanged.map_err(|lost| lost.fault(call.aim()))?;
    let json = answer.json();
    if let Some(error) = json.as_ref().and_then(ErrorBody::read) {
        return Err(refused(call, &error, hide));
    }
    let status = answer.status;
    match (status, json) {
        (200..=299, Some(value)) => Ok(value),
        (200..=299, None) => Err(not_json(call).into()),
        (300..=399, _) => Err(broken(format!(
            "The LMS redirects to {}: put the final address into base_url.",
            answer.redirects_to()
        ))),
        (401, _) => Err(broken(
            "Something before the LMS asks for credentials of its own.",
        )),
        (403, _) => Err(broken(
            "The LMS does not open its web services to us: they are switched off there, or \
             something before it is in the way.",
        )),
        (429, _) => Err(busy("The LMS asks us to slow down.", answer.retry_after)),
        (503, _) => Err(busy("The LMS is under maintenance.", answer.retry_after)),
        (408 | 500..=599, _) => Err(outage(call, status)),
        (404 | 405 | 410, _) => Err(broken(format!(
            "There are no web services of Moodle at base_url (status {status})."
        ))),
        _ => Err(broken(format!(
            "The LMS answers with status {status}, which Moodle does not give."
        ))),
    }
}

/// An error inside an answer.
fn refused(call: Call, error: &ErrorBody, hide: &[&str]) -> Verdict {
    let said = error.words(hide);
    let function = call.function();
    match error.code.to_lowercase().as_str() {
        "invalidtoken" => {
            broken("The LMS does not accept our token: unknown, expired or withdrawn.")
        }
        "accessexception" | "servicenotavailable" => broken(format!(
            "The token may not call {function}: add it to the external service, authorise the user \
             for the service, and give the user webservice/rest:use."
        )),
        "invalidrecord" if error.names_table("external_functions") => broken(format!(
            "This version of the LMS does not have {function}: {said}."
        )),
        "nopermissions" => Verdict::Forbidden(format!(
            "The token's user lacks a right for {function} ({}): {said}.",
            call.capability()
        )),
        "wsusercannotassign" => Verdict::RoleRefused(format!(
            "The token's user may not give the role of role_id: allow its own role to assign that \
             one ({said})."
        )),
        "wsnoinstance" => mapping(
            "This course has no manual enrolment, or it is switched off: add the method in the course.",
        ),
        "wscannotenrol" => mapping(format!("The course takes nobody: {said}.")),
        "manualpluginnotinstalled" => broken("Manual enrolment is switched off on the whole site."),
        "requireloginerror" | "errorcoursecontextnotvalid" | "coursehidden" => mapping(
            "The token's user may not enter this course: it needs moodle/course:view, and for a \
             hidden one moodle/course:viewhiddencourses.",
        ),
        "invaliduser"
        | "userdeleted"
        | "usernotconfirmed"
        | "suspended"
        | "guestsarenotallowed" => Fault::LearnerProblem {
            why: format!("The LMS does not take this learner's account: {said}."),
        }
        .into(),
        code if is_passing(code, &error.exception) => busy(
            format!(
                "The LMS or its database failed inside ({}).",
                quote(code, hide)
            ),
            None,
        ),
        // Its own rules for passwords, as HTML where the code should be.
        code if call == Call::CreateUser && code.contains('<') => broken(format!(
            "The LMS does not take the password that Bursar makes up for a new learner (set \
             send_welcome_email, and it makes its own): {said}."
        )),
        _ => Verdict::Refused(said),
    }
}

/// Contention, an outage, maintenance. A missing record is a dml exception too, and does not pass.
fn is_passing(code: &str, exception: &str) -> bool {
    let named = [
        "dbconnectionfailed",
        "sitemaintenance",
        "upgraderunning",
        "locktimeout",
        "cannotgetlock",
    ];
    let is_missing = exception.contains("missing_record") || code == "invalidrecord";
    let of_database = exception.starts_with("dml_") || code.starts_with("dml");
    named.contains(&code) || (of_database && !is_missing)
}

/// Something between us and the LMS failed. A write may have been done before.
fn outage(call: Call, status: u16) -> Verdict {
    match call.aim() {
        Aim::Read => busy(format!("The LMS failed inside (status {status})."), None),
        Aim::Write => Fault::Unknown {
            why: format!("The LMS failed inside (status {status}) after it was asked."),
        }
        .into(),
    }
}

/// A success that says nothing we understand: a login page, a PHP warning, another program.
pub(super) fn not_json(call: Call) -> Fault {
    match call.aim() {
        Aim::Read => Fault::ConnectionBroken {
            why:
                "What answers at base_url is not Moodle's web service: it does not speak its JSON."
                    .to_owned(),
        },
        Aim::Write => Fault::Unknown {
            why: "The LMS was asked, but its answer is not what Moodle answers.".to_owned(),
        },
    }
}

fn broken(why: impl Into<String>) -> Verdict {
    Fault::ConnectionBroken { why: why.into() }.into()
}

fn mapping(why: impl Into<String>) -> Verdict {
    Fault::MappingBroken { why: why.into() }.into()
}

fn busy(why: impl Into<String>, after: Option<Duration>) -> Verdict {
    Fault::Transient {
        why: why.into(),
        after,
    }
    .into()
}
