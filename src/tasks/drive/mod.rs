//! Files on the seller's own Drive: a folder is filled, a buyer reads it, a buyer reads it no more. Each
//! folder is changed by one attempt at a time: whoever changes it holds its row, because of two
//! changes that meet over there one is lost.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::connectors::Connectors;
use crate::connectors::destinations::drive::{Drive, Trouble};
use crate::id::{DriveFolderId, Identifier as _};
use crate::model::task::Leased;
use crate::outcome::{Outcome, Who};

use super::keeping;

pub(super) mod fill;
mod making;
pub(super) mod share;
pub(super) mod unshare;

/// How long to stand back while another attempt changes the same folder.
const STAND_BACK: Duration = Duration::from_secs(2);
/// Why an attempt stands back.
const HELD: &str = "another change of the same folder is under way";

/// The task works on a Drive.
pub(super) fn is_on(task: &Leased) -> bool {
    let connection = task.connection.as_deref();
    connection.is_some_and(|name| name.starts_with("drive:"))
}

/// The task is a folder's own.
pub(super) fn is_folder(task: &Leased) -> bool {
    let prefix = task.subject.split('_').next();
    prefix == Some(DriveFolderId::PREFIX)
}

fn of<'w>(world: &'w Connectors, connection: &str) -> Result<&'w Arc<Drive>, Outcome> {
    let name = connection.strip_prefix("drive:").unwrap_or(connection);
    world.drives.get(name).ok_or_else(|| Outcome::ActionNeeded {
        who: Who::Seller,
        why: format!("no Drive called {name:?} is configured"),
    })
}

/// What the Drive said, as an outcome. Too fast is nobody's fault, and says nothing about the Drive.
fn outcome_of(trouble: Trouble, now: Timestamp) -> Outcome {
    match trouble {
        Trouble::Paced { why, after, .. } => Outcome::Snooze {
            until: now.plus(after),
            why,
        },
        other => keeping::outcome_of(other.into_fault()),
    }
}
