//! What `bursar doctor` finds on a Drive: who we are, room, role, what the owner forbids, and a file
//! written, read and removed.

use std::io::Cursor;

use md5::{Digest as _, Md5};

use super::{Begun, Drive, NewFile, Stretch, Stride, Trouble, Upload};
use crate::connectors::Fault;

const CANARY: &[u8] = b"Bursar wrote this file to see whether it may, and removes it at once.\n";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// As it must be.
    pub sound: bool,
    /// One sentence: what was found, what to do. No secret.
    pub what: String,
}

/// How the account reaches the Drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A service account.
    ServiceAccount,
    /// The seller's own consent.
    Seller,
}

impl Drive {
    /// How it signs in.
    #[must_use]
    pub fn access(&self) -> Access {
        if self.auth.is_service_account() {
            Access::ServiceAccount
        } else {
            Access::Seller
        }
    }

    /// Look at everything that delivery needs. It ends at the first thing without which nothing else
    /// can be seen.
    pub async fn inspect(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(fault) = self.look(&mut findings).await {
            findings.push(wrong(fault.to_string()));
        }
        findings
    }

    async fn look(&self, findings: &mut Vec<Finding>) -> Result<(), Fault> {
        let about = self.about().await.map_err(Trouble::into_fault)?;
        findings.push(right(
            "Google gives a token, and knows our account".to_owned(),
        ));
        let shared = match self.shared_drive().await {
            Err(Trouble::Absent) => {
                findings.push(wrong(
                    "the account does not see the shared drive: add it there as Manager, or mend shared_drive"
                        .to_owned(),
                ));
                return Ok(());
            }
            other => other.map_err(Trouble::into_fault)?,
        };
        match shared {
            Some(drive) => {
                findings.push(role(&drive.name, &drive.capabilities));
                findings.extend(restrictions(&drive.restrictions));
            }
            None => findings.push(room(&about.storage_quota)),
        }
        findings.push(self.canary().await);
        Ok(())
    }

    async fn canary(&self) -> Finding {
        match self.try_canary().await {
            Ok(()) => right("a file was written, read and removed".to_owned()),
            Err(Trouble::Absent) => wrong(
                "the folder of the setting `folder` is not there for our account: share it, or mend the setting"
                    .to_owned(),
            ),
            Err(trouble) => wrong(format!("no file could be written: {}", trouble.into_fault())),
        }
    }

    async fn try_canary(&self) -> Result<(), Trouble> {
        let id = self.reserve_ids(1).await?.remove(0);
        let new = NewFile {
            name: "bursar-canary.txt".to_owned(),
            parent: self.top().to_owned(),
            mime: "text/plain".to_owned(),
            size: CANARY.len() as u64,
            md5: hex::encode(Md5::digest(CANARY)),
            id,
        };
        let written = self.write_canary(&new).await;
        // Whatever happened: nothing of it stays.
        let removed = self.remove(&new.id).await;
        written.and(removed)
    }

    async fn write_canary(&self, new: &NewFile) -> Result<(), Trouble> {
        if let Begun::Session(session) = self.begin_upload(new).await? {
            let mut upload = Upload {
                session,
                kept: Some(0),
            };
            let mut source = Cursor::new(CANARY);
            let sent = self.continue_upload(new, &mut upload, &mut source, Stride::default());
            if !matches!(sent.await?, Stretch::Whole(_)) {
                return Err(super::files::odd("the file did not arrive whole"));
            }
        }
        if self.read(&new.id).await? == CANARY {
            Ok(())
        } else {
            Err(super::files::odd("the file is not what was written"))
        }
    }
}

fn role(name: &str, may: &super::wire::Capabilities) -> Finding {
    let name = crate::connectors::quote::quote(name, &[]);
    if may.can_manage_members && may.can_add_children && may.can_share {
        return right(format!(
            "our account is Manager of the shared drive {name:?}"
        ));
    }
    let lacks = match (may.can_add_children, may.can_share) {
        (false, _) => "it may not add files",
        (true, false) => "it may not share folders",
        (true, true) => "it is not Manager, so folders may stop being shareable",
    };
    let what = format!(
        "our account's role on the shared drive {name:?} is too low: {lacks}. Make it Manager"
    );
    Finding {
        // Who may add and share can deliver; the sentence stays a warning that doctor counts.
        sound: false,
        what,
    }
}

fn restrictions(set: &super::wire::Restrictions) -> Vec<Finding> {
    let mut found = Vec::new();
    if set.domain_users_only {
        found.push(wrong(
            "the shared drive lets nobody outside of your organisation in, so no buyer: allow people outside in its settings"
                .to_owned(),
        ));
    }
    if set.drive_members_only {
        found.push(wrong(
            "the shared drive lets only its members in, so no buyer: allow people who are not members in its settings"
                .to_owned(),
        ));
    }
    if found.is_empty() {
        found.push(right(
            "the shared drive lets people outside be added".to_owned(),
        ));
    }
    found
}

fn room(quota: &super::wire::Quota) -> Finding {
    let used = quota.usage.unwrap_or_default();
    match quota.limit {
        Some(0) => wrong(
            "the account has no storage, as service accounts have none: set shared_drive, or act_as, or connect your own Drive"
                .to_owned(),
        ),
        Some(limit) if used >= limit => wrong("the Drive is full".to_owned()),
        Some(limit) => right(format!("{} MiB of the Drive are free", (limit - used) >> 20)),
        None => right("the Drive has no limit".to_owned()),
    }
}

fn right(what: String) -> Finding {
    Finding { sound: true, what }
}

fn wrong(what: String) -> Finding {
    Finding { sound: false, what }
}
