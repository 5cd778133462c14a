//! Where platforms read the standard differently, as data: a set of habits for each `quirks` of the
//! settings, each habit a setting of its own.

use crate::config::Scim;

/// The habits of one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// RFC 7644 writes `add`, and what Entra ID sends to platforms is `Add`; some know one only.
    pub capital_ops: bool,
    pub remove_by: RemoveBy,
    pub check_by: CheckBy,
    /// SCIM shows only the users that SCIM made, until the platform's staff reconcile the others.
    pub hides_others: bool,
}

/// How a member is named to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemoveBy {
    /// `"path": "members[value eq \"ID\"]"`, as RFC 7644 section 3.5.2.2 has it.
    Filter,
    /// `"path": "members", "value": [{"value": "ID"}]`. To a platform that keeps to the RFC, which
    /// reads no value here, this says *all members*: never tried where the other was refused.
    Value,
}

/// Where membership is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CheckBy {
    /// In the group's list of members: known everywhere, and as long as the group is large.
    Members,
    /// By a filter over groups: short, and not known everywhere.
    Filter,
    /// In the user's read-only list of groups: short, and left out by some.
    User,
}

const PLAIN: Quirks = Quirks {
    capital_ops: false,
    remove_by: RemoveBy::Filter,
    check_by: CheckBy::Members,
    hides_others: false,
};

impl Quirks {
    /// The set that the settings name, with what they say differently.
    pub fn of(scim: &Scim) -> anyhow::Result<Self> {
        let set = match scim.quirks.as_str() {
            "plain" => PLAIN,
            "udemy" => Self {
                hides_others: true,
                ..PLAIN
            },
            "entra" => Self {
                capital_ops: true,
                remove_by: RemoveBy::Value,
                check_by: CheckBy::Filter,
                ..PLAIN
            },
            other => anyhow::bail!("scim.quirks is {other:?}; it must be plain, udemy or entra"),
        };
        Ok(Self {
            capital_ops: scim.capital_ops.unwrap_or(set.capital_ops),
            remove_by: match scim.remove_by.as_deref() {
                None => set.remove_by,
                Some("filter") => RemoveBy::Filter,
                Some("value") => RemoveBy::Value,
                Some(other) => {
                    anyhow::bail!("scim.remove_by is {other:?}; it must be filter or value")
                }
            },
            check_by: match scim.check_by.as_deref() {
                None => set.check_by,
                Some("members") => CheckBy::Members,
                Some("filter") => CheckBy::Filter,
                Some("user") => CheckBy::User,
                Some(other) => {
                    anyhow::bail!("scim.check_by is {other:?}; it must be members, filter or user")
                }
            },
            hides_others: set.hides_others,
        })
    }
}
