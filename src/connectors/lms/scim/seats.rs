//! Membership in groups: read, written, taken back, and a seat set free when the last one goes.

use reqwest::Method;
use serde_json::Value;

use super::Scim;
use super::quirks::CheckBy;
use super::verdict::{Call, Verdict, settled};
use super::wire::{self, Group, Listing, User, quoted};
use crate::connectors::Fault;
use crate::connectors::lms::Learner;

impl Scim {
    pub(super) async fn is_member(&self, group: &str, user: &str) -> Result<bool, Fault> {
        match self.quirks.check_by {
            CheckBy::Members => {
                let mut url = self.url(&["Groups", group]);
                url.query_pairs_mut().append_pair("attributes", "members");
                let read = self.read::<Group>(url).await?;
                Ok(read.is_some_and(|(found, _)| {
                    found.id == group && found.members.iter().any(|member| member.value == user)
                }))
            }
            CheckBy::Filter => Ok(self
                .groups_with(group, user)
                .await?
                .contains(&group.to_owned())),
            CheckBy::User => {
                let user = self.user_by_id(user).await?;
                Ok(user.is_some_and(|user| user.is_in(group)))
            }
        }
    }

    /// Ids of groups that are this one and have this member: it, or none.
    pub(super) async fn groups_with(&self, group: &str, user: &str) -> Result<Vec<String>, Fault> {
        let filter = format!(
            "id eq {} and members.value eq {}",
            quoted(group),
            quoted(user)
        );
        let asked = [
            ("filter", filter.as_str()),
            ("excludedAttributes", "members"),
        ];
        let found: Listing<Group> = self.list("Groups", &asked).await?;
        Ok(found.resources.into_iter().map(|found| found.id).collect())
    }

    /// Into the group. Where the platform does not know what we named, the learner is looked up once
    /// more: an account may have been made anew under another id.
    pub(super) async fn seat(&self, learner: &Learner, course: &str) -> Result<String, Fault> {
        let user = self.listed(learner).await?;
        match self.put(course, &user.id).await {
            Ok(()) => return Ok(user.id),
            Err(Verdict::Absent | Verdict::Refused(_)) => {}
            Err(verdict) => return Err(settled(verdict)),
        }
        if self.group(course).await?.is_none() {
            return Err(Fault::MappingBroken {
                why: "The platform has no such group; it was removed, or the id is wrong."
                    .to_owned(),
            });
        }
        let user = self.listed(learner).await?;
        match self.put(course, &user.id).await {
            Ok(()) => Ok(user.id),
            Err(Verdict::Refused(said)) => Err(Fault::MappingBroken {
                why: format!("The platform refuses to put learners into this group: {said}."),
            }),
            Err(Verdict::Absent) => Err(not_yet()),
            Err(verdict) => Err(settled(verdict)),
        }
    }

    /// Out of the group. The id that was noted when the learner came in is tried first: it stays when
    /// the address changes.
    pub(super) async fn unseat(
        &self,
        learner: &Learner,
        course: &str,
        noted: &str,
    ) -> Result<(), Fault> {
        let noted = match noted {
            "" => None,
            id => self.user_by_id(id).await?,
        };
        let user = match noted {
            Some(user) => Some(user),
            None => self.user(&learner.email).await?,
        };
        let Some(user) = user else {
            return Ok(());
        };
        let body = wire::remove(&user.id, self.quirks);
        match self.patch(&["Groups", course], &body).await {
            Ok(()) | Err(Verdict::Absent) => {}
            Err(Verdict::Refused(said)) => {
                // Some refuse to remove who is not there.
                if self.is_member(course, &user.id).await? {
                    return Err(Fault::MappingBroken {
                        why: format!("The platform refuses to take the learner out: {said}."),
                    });
                }
            }
            Err(verdict) => return Err(settled(verdict)),
        }
        self.free(&user, course).await
    }

    /// Deactivate an account that we made once it is in no group. Only where the platform has shown
    /// the user's groups before: else an empty list would prove nothing. Looked at once more after
    /// the deactivation, because another order may have put the learner into a group meanwhile.
    async fn free(&self, before: &User, course: &str) -> Result<(), Fault> {
        if !self.frees_seats || !before.is_ours() || !before.is_in(course) {
            return Ok(());
        }
        if !self.is_in_none(&before.id).await? {
            return Ok(());
        }
        self.set_awake(&before.id, &before.name, false).await?;
        if self.is_in_none(&before.id).await? {
            return Ok(());
        }
        self.set_awake(&before.id, &before.name, true).await
    }

    async fn is_in_none(&self, user: &str) -> Result<bool, Fault> {
        let user = self.user_by_id(user).await?;
        Ok(user.is_none_or(|user| user.groups.is_empty()))
    }

    async fn user_by_id(&self, id: &str) -> Result<Option<User>, Fault> {
        let url = self.url(&["Users", id]);
        let user = self.read::<User>(url).await?;
        Ok(user.map(|(user, _)| user).filter(|user| user.id == id))
    }

    /// The account that was ensured a moment ago.
    async fn listed(&self, learner: &Learner) -> Result<User, Fault> {
        self.user(&learner.email).await?.ok_or_else(not_yet)
    }

    async fn put(&self, group: &str, user: &str) -> Result<(), Verdict> {
        let body = wire::add(user, self.quirks);
        self.patch(&["Groups", group], &body).await
    }

    /// 412 and 428 say that nothing was done (RFC 6585 section 3, RFC 9110 section 15.5.13): the
    /// version is asked for, and the same is sent once more with it.
    pub(super) async fn patch(&self, path: &[&str], body: &Value) -> Result<(), Verdict> {
        match self.patch_as(path, body, None).await {
            Err(Verdict::Stale) => {}
            other => return other,
        }
        let mut url = self.url(path);
        url.query_pairs_mut()
            .append_pair("excludedAttributes", "members");
        let said = self.call(Call::Read, Method::GET, url, None, None).await?;
        let inside = said.body["meta"]["version"].as_str().map(str::to_owned);
        let Some(version) = said.etag.or(inside) else {
            return Err(Verdict::Stale);
        };
        match self.patch_as(path, body, Some(&version)).await {
            Err(Verdict::Stale) => Err(Fault::Transient {
                why: "Somebody else changed the same group or account at the same time.".to_owned(),
                after: None,
            }
            .into()),
            other => other,
        }
    }

    async fn patch_as(
        &self,
        path: &[&str],
        body: &Value,
        version: Option<&str>,
    ) -> Result<(), Verdict> {
        let url = self.url(path);
        self.call(Call::Patch, Method::PATCH, url, Some(body), version)
            .await?;
        Ok(())
    }
}

fn not_yet() -> Fault {
    Fault::Transient {
        why: "The platform does not list the learner's account, which it has just shown or made."
            .to_owned(),
        after: None,
    }
}
