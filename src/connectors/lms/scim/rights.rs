//! What the token may do and the platform can do, proved by reads, and by changes to a user and to a
//! group that do not exist.

use reqwest::Method;
use serde_json::Value;

use super::Scim;
use super::quirks::CheckBy;
use super::verdict::{Call, Verdict};
use super::wire::{self, Abilities, Listing};
use crate::connectors::Fault;

/// Nobody's id, and no group's.
const NOBODY: &str = "bursar-no-such-id";

impl Scim {
    pub(super) async fn examine(&self) -> Result<Vec<String>, Fault> {
        let mut missing = Vec::new();
        missing.extend(self.described().await?);
        let kinds = [
            ("Users", "learners", wire::awake("", true, self.quirks)),
            ("Groups", "groups", wire::add(NOBODY, self.quirks)),
        ];
        for (kind, what, nothing) in kinds {
            let listed: Result<Listing<Value>, Fault> = self.list(kind, &[("count", "1")]).await;
            if kind == "Groups" && listed.as_ref().is_ok_and(|l| l.resources.is_empty()) {
                missing.push(
                    "The platform shows no group: make one for each course, or let the token see them."
                        .to_owned(),
                );
            }
            missing.extend(lacking(listed, &format!("read {what}"))?);
            let changed = match self.patch(&[kind, NOBODY], &nothing).await {
                // It is not there, or the change makes no sense: either way we may change.
                Err(Verdict::Fault(fault)) => Err(fault),
                _ => Ok(()),
            };
            missing.extend(lacking(changed, &format!("change {what}"))?);
        }
        missing.extend(self.overlooks_filters().await?);
        Ok(missing)
    }

    /// What the service says of itself, where it says anything.
    async fn described(&self) -> Result<Vec<String>, Fault> {
        let url = self.url(&["ServiceProviderConfig"]);
        let said = match self.call(Call::Config, Method::GET, url, None, None).await {
            Ok(said) => said,
            Err(Verdict::Fault(outage @ (Fault::Transient { .. } | Fault::Unknown { .. }))) => {
                return Err(outage);
            }
            Err(_) => return Ok(Vec::new()),
        };
        let can: Abilities = serde_json::from_value(said.body).unwrap_or_default();
        let needs = [
            (can.patch.supported, "changes by PATCH"),
            (can.filter.supported, "filters"),
        ];
        let lacks = needs.iter().filter(|(has, _)| !has);
        Ok(lacks
            .map(|(_, what)| format!("The platform says that it does not support {what}."))
            .collect())
    }

    /// A filter that is overlooked would take every group for one that the learner is in.
    async fn overlooks_filters(&self) -> Result<Option<String>, Fault> {
        if self.quirks.check_by != CheckBy::Filter {
            return Ok(None);
        }
        let asked = [("count", "1"), ("excludedAttributes", "members")];
        let some: Listing<wire::Group> = match self.list("Groups", &asked).await {
            Ok(some) => some,
            Err(Fault::ConnectionBroken { .. }) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let Some(group) = some.resources.first() else {
            return Ok(None);
        };
        let with_nobody = self.groups_with(&group.id, NOBODY).await;
        Ok(match with_nobody {
            Ok(found) if found.is_empty() => None,
            Ok(_) => Some(
                "The platform overlooks the filter by member: set scim.check_by to members."
                    .to_owned(),
            ),
            Err(Fault::ConnectionBroken { why }) => Some(why),
            Err(fault) => return Err(fault),
        })
    }
}

/// The sentence about a right that is missing; other faults go on.
fn lacking<T>(tried: Result<T, Fault>, what: &str) -> Result<Option<String>, Fault> {
    match tried {
        Ok(_) => Ok(None),
        Err(Fault::ConnectionBroken { why }) => Ok(Some(format!("Cannot {what}: {why}"))),
        Err(fault) => Err(fault),
    }
}
