//! Accounts: found by the name they sign in with, then by address, made when absent.

use reqwest::Method;
use serde_json::json;

use super::super::{Learner, LearnerRef, naming};
use super::Canvas;
use super::verdict::{Verdict, not_json};
use super::wire::{Channel, Login, NewUser, Person, Pseudonym, User};
use crate::connectors::Fault;
use crate::connectors::http::Aim;

/// Canvas's limit for a name.
const LONGEST_NAME: usize = 255;

impl Canvas {
    pub(super) async fn account(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let email = learner.email.to_lowercase();
        if let Some(user) = self.user(&email).await? {
            return self.there(user).await;
        }
        match self.create(&email, &learner.name).await {
            Ok(user) => Ok(LearnerRef {
                id: user.id,
                created: true,
            }),
            // "Already taken" is one of the refusals.
            Err(Verdict::Refused(said)) => match self.user(&email).await? {
                Some(user) => self.there(user).await,
                None => Err(Fault::LearnerProblem {
                    why: format!("The LMS does not take this learner: {said}."),
                }),
            },
            Err(verdict) => Err(verdict.settled()),
        }
    }

    pub(super) async fn user(&self, email: &str) -> Result<Option<User>, Fault> {
        let login = format!("sis_login_id:{email}");
        match self.read::<User>(&["users", &login]).await {
            // Where the name is not shown to us, the path has chosen it.
            Ok(user) if user.login_id.is_none() || user.signs_in_as(email) => Ok(Some(user)),
            Ok(_) | Err(Verdict::Absent) => self.search(email).await,
            Err(verdict) => Err(verdict.settled()),
        }
    }

    /// Somebody who signs in under another name, by a school's own directory for instance.
    async fn search(&self, email: &str) -> Result<Option<User>, Fault> {
        let mut url = self.url(&["accounts", &self.account, "users"]);
        url.query_pairs_mut()
            .append_pair("search_term", email)
            .append_pair("include[]", "email")
            .append_pair("per_page", "100");
        let found: Vec<User> = self.list(url, usize::MAX).await.map_err(Verdict::settled)?;
        let mut found: Vec<User> = found
            .into_iter()
            .filter(|user| user.is_reached_at(email))
            .collect();
        if found.len() > 1 {
            return Err(Fault::LearnerProblem {
                why: format!(
                    "{} accounts of the LMS have the learner's address: merge them there.",
                    found.len()
                ),
            });
        }
        Ok(found.pop())
    }

    async fn create(&self, email: &str, name: &str) -> Result<User, Verdict> {
        let name = naming::whole(name, email, LONGEST_NAME);
        let body = NewUser {
            user: Person {
                name: &name,
                skip_registration: true,
                terms_of_use: true,
            },
            pseudonym: Pseudonym {
                unique_id: email,
                send_confirmation: self.mails_learners,
            },
            communication_channel: Channel {
                kind: "email",
                address: email,
                skip_confirmation: true,
            },
        };
        let url = self.url(&["accounts", &self.account, "users"]);
        let value = self.change(Method::POST, url, Some(json!(body))).await?;
        serde_json::from_value(value).map_err(|_| not_json(Aim::Write).into())
    }

    async fn there(&self, user: User) -> Result<LearnerRef, Fault> {
        self.must_sign_in(&user.id).await?;
        Ok(LearnerRef {
            id: user.id,
            created: false,
        })
    }

    /// An account is suspended by its logins. Where we may not see them, nothing is known.
    pub(super) async fn must_sign_in(&self, user: &str) -> Result<(), Fault> {
        let logins: Vec<Login> = match self.read(&["users", user, "logins"]).await {
            Ok(logins) => logins,
            Err(Verdict::Forbidden(_) | Verdict::Absent) => return Ok(()),
            Err(verdict) => return Err(verdict.settled()),
        };
        let is_suspended = |login: &Login| login.workflow_state.as_deref() == Some("suspended");
        if !logins.is_empty() && logins.iter().all(is_suspended) {
            return Err(Fault::LearnerProblem {
                why: "The learner's account in the LMS is suspended; open it there.".to_owned(),
            });
        }
        Ok(())
    }
}
