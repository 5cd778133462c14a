//! Buyers without an account: enrolled by address, which takes effect when they sign up. Until then
//! the enrolment is an invitation.

use reqwest::Method;

use super::verdict::{Call, Verdict, not_openedx, settled};
use super::wire::{Allow, Allowed, Bulk, Invited};
use super::{Newcomers, OpenEdx, understood};
use crate::connectors::Fault;
use crate::connectors::lms::{Enrolment, Standing};

/// The id of an invitation, which has none of its own.
pub(super) const NOTED: &str = "(invitation)";

const ALLOWED: &str = "api/enrollment/v1/enrollment_allowed/";
const BULK: &str = "api/bulk_enroll/v1/bulk_enroll";

impl OpenEdx {
    pub(super) async fn invitation(
        &self,
        email: &str,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        if self.newcomers == Newcomers::Refuse {
            return Ok(None);
        }
        let allowed = self.allowed(email).await.map_err(settled)?;
        let is_it =
            |one: &Allowed| one.course_id == course && one.email.eq_ignore_ascii_case(email);
        Ok(allowed.iter().any(is_it).then(|| Enrolment {
            id: NOTED.to_owned(),
            standing: Standing::Invited {
                link: self.at("register").ok().map(String::from),
            },
            rows: 1,
        }))
    }

    pub(super) async fn invite(&self, email: &str, course: &str) -> Result<String, Fault> {
        match self.newcomers {
            Newcomers::Invite => self.bulk(email, course).await?,
            Newcomers::Allow => self.allow(email, course).await?,
            Newcomers::Refuse => {
                return Err(Fault::LearnerProblem {
                    why: "The buyer has no account on the site.".to_owned(),
                });
            }
        }
        Ok(NOTED.to_owned())
    }

    pub(super) async fn disinvite(&self, email: &str, course: &str) -> Result<(), Fault> {
        if self.newcomers == Newcomers::Refuse {
            return Ok(());
        }
        let gone = Allow {
            email,
            course_id: course,
            auto_enroll: true,
        };
        let url = self.at(ALLOWED)?;
        match self
            .call(Call::Disallow, Method::DELETE, url, Some(&gone))
            .await
        {
            Ok(_) | Err(Verdict::Absent) => Ok(()),
            Err(verdict) => Err(settled(verdict)),
        }
    }

    /// Whether what `new_learners` needs is there. The bulk API takes POST only: it refuses a GET with
    /// 405 where it is there, and with 404 where it is switched off.
    pub(super) async fn cannot_invite(&self) -> Result<Vec<String>, Fault> {
        let mut tried = Vec::new();
        if self.newcomers != Newcomers::Refuse {
            tried.push(self.allowed("nobody@example.com").await.map(drop));
        }
        if self.newcomers == Newcomers::Invite {
            tried.push(self.get(Call::Invite, BULK).await.map(drop));
        }
        let mut missing = Vec::new();
        for verdict in tried.into_iter().filter_map(Result::err) {
            match verdict {
                Verdict::Fault(Fault::ConnectionBroken { why }) => missing.push(why),
                Verdict::Fault(fault) => return Err(fault),
                Verdict::Absent | Verdict::Exists => {}
            }
        }
        Ok(missing)
    }

    async fn allowed(&self, email: &str) -> Result<Vec<Allowed>, Verdict> {
        let mut url = self.at(ALLOWED)?;
        url.query_pairs_mut().append_pair("email", email);
        let body = self
            .call(Call::Allowed, Method::GET, url, None::<&()>)
            .await?;
        Ok(understood(Call::Allowed, body)?)
    }

    async fn bulk(&self, email: &str, course: &str) -> Result<(), Fault> {
        let asked = Bulk {
            identifiers: email,
            courses: course,
            action: "enroll",
            auto_enroll: true,
            email_students: true,
        };
        let call = Call::Invite;
        let answer = self
            .call(call, Method::POST, self.at(BULK)?, Some(&asked))
            .await;
        match Invited::read(&answer.map_err(settled)?, course) {
            Invited::Done => Ok(()),
            Invited::BadAddress => Err(Fault::LearnerProblem {
                why: "The site does not accept the learner's e-mail address.".to_owned(),
            }),
            Invited::Failed => Err(not_openedx(call)),
        }
    }

    async fn allow(&self, email: &str, course: &str) -> Result<(), Fault> {
        let asked = Allow {
            email,
            course_id: course,
            auto_enroll: true,
        };
        let url = self.at(ALLOWED)?;
        match self
            .call(Call::Allow, Method::POST, url, Some(&asked))
            .await
        {
            Ok(_) | Err(Verdict::Exists) => Ok(()),
            Err(verdict) => Err(settled(verdict)),
        }
    }
}
