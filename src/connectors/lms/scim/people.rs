//! Accounts: found by name, made, and woken where it was us who deactivated them.

use reqwest::Method;

use super::Scim;
use super::verdict::{Call, Verdict, not_scim, settled};
use super::wire::{self, User};
use crate::connectors::Fault;
use crate::connectors::lms::{Learner, LearnerRef};

impl Scim {
    /// The learner's account, awake; made when absent.
    pub(super) async fn account(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let email = learner.email.to_lowercase();
        if let Some(user) = self.user(&email).await? {
            return self.woken(user, &email).await;
        }
        let url = self.url(&["Users"]);
        let body = wire::new_user(&email, learner);
        let call = Call::CreateUser;
        match self.call(call, Method::POST, url, Some(&body), None).await {
            Ok(said) => {
                let user: User = serde_json::from_value(said.body).map_err(|_| not_scim(call))?;
                Ok(LearnerRef {
                    id: user.id,
                    created: true,
                })
            }
            Err(Verdict::Taken) => match self.user(&email).await? {
                Some(user) => self.woken(user, &email).await,
                None => Err(self.unseen()),
            },
            Err(Verdict::Refused(said)) => Err(Fault::LearnerProblem {
                why: format!("The platform does not accept this learner: {said}."),
            }),
            Err(verdict) => Err(settled(verdict)),
        }
    }

    /// By `userName`, which is the address for the platforms we know. Exact before alike: there may be
    /// `Ada@` beside `ada@` where case counts.
    pub(super) async fn user(&self, email: &str) -> Result<Option<User>, Fault> {
        let email = email.to_lowercase();
        let mut users: Vec<User> = self.having("Users", "userName", &email).await?;
        users.retain(|user| user.is_called(&email));
        users.sort_by_key(|user| user.name != email);
        Ok(users.into_iter().next())
    }

    async fn woken(&self, user: User, email: &str) -> Result<LearnerRef, Fault> {
        let id = user.id.clone();
        if user.is_freed() {
            self.set_awake(&id, email, true).await?;
        } else {
            awake(&user)?;
        }
        Ok(LearnerRef { id, created: false })
    }

    /// Deactivate an account of ours, or wake it.
    pub(super) async fn set_awake(
        &self,
        user: &str,
        email: &str,
        active: bool,
    ) -> Result<(), Fault> {
        let body = wire::awake(&email.to_lowercase(), active, self.quirks);
        match self.patch(&["Users", user], &body).await {
            Ok(()) => Ok(()),
            Err(Verdict::Absent) if !active => Ok(()),
            Err(Verdict::Refused(said)) => Err(Fault::ConnectionBroken {
                why: format!(
                    "The platform does not let us deactivate or wake an account; set scim.frees_seats \
                     to false: {said}."
                ),
            }),
            Err(verdict) => Err(settled(verdict)),
        }
    }

    fn unseen(&self) -> Fault {
        let why = if self.quirks.hides_others {
            "The platform has this learner, but SCIM shows only accounts that SCIM made: have the \
             platform's support reconcile them."
        } else {
            "The platform says that this learner is there, but SCIM does not show the account: it was \
             made in another way."
        };
        Fault::LearnerProblem {
            why: why.to_owned(),
        }
    }
}

/// What somebody else deactivated stays so.
pub(super) fn awake(user: &User) -> Result<(), Fault> {
    if user.active {
        return Ok(());
    }
    Err(Fault::LearnerProblem {
        why: "The learner's account on the platform was deactivated there; activate it there."
            .to_owned(),
    })
}
