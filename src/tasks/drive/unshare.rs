//! Unshare: a buyer whose last reason has ended reads the files no more, in whichever copies and
//! versions they did. One folder an attempt.

use serde_json::json;

use super::super::{Effect, Prepared, keeping};
use super::{HELD, STAND_BACK, of, outcome_of};
use crate::app::Desk;
use crate::clock::Timestamp;
use crate::connectors::Connectors;
use crate::connectors::destinations::drive::{Drive, Trouble};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::revoke;
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::drive::seats::{self, Seat};
use crate::model::drive::{self, Folder};
use crate::model::grant::{self, Grant, GrantState};
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Receipt};

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Unshare;

/// Whose right to which folder.
pub(in super::super) struct Request {
    drive: String,
    remote: String,
    seat: Seat,
    now: Timestamp,
}

impl Effect for Unshare {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let grant = grant::in_turn(tx, &GrantId::from(task.subject.as_str())).await?;
        if grant.state != GrantState::Revoking {
            return Ok(Prepared::Nothing);
        }
        if grant::is_attempted(tx, &grant.id).await? {
            return Ok(later(moment, "an attempt to share is running"));
        }
        if grant::other_reasons(tx, &grant).await? > 0 {
            let why = "another order gives the same access";
            revoke::revoked(tx, moment, &grant.id, why).await?;
            return Ok(Prepared::Nothing);
        }
        let Some((folder, seat)) = next(tx, moment, &grant).await? else {
            let why = "taken back on the Drive, and read back";
            revoke::revoked(tx, moment, &grant.id, why).await?;
            return Ok(Prepared::Nothing);
        };
        if !drive::hold(tx, moment, &folder.id, &task.id).await? {
            return Ok(later(moment, HELD));
        }
        Ok(Prepared::Act(Request {
            drive: folder.drive,
            remote: folder.remote.unwrap_or_default(),
            seat,
            now: moment.now,
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let drive = match of(world, &request.drive) {
            Ok(drive) => drive,
            Err(outcome) => return outcome,
        };
        match take_away(drive, &request.remote, &request.seat).await {
            Ok(()) => Outcome::Done(Receipt(json!({ "withdrawn": request.seat.person }))),
            Err(trouble) => outcome_of(trouble, request.now),
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        keeping::breaker(tx, moment, task, outcome).await?;
        let held = drive::held_by(tx, &task.id).await?;
        drive::let_go(tx, &task.id);
        let (Outcome::Done(_), Some(folder)) = (outcome, held) else {
            return Ok(keeping::finish(moment, task, outcome));
        };
        let grant = grant::get(tx, &GrantId::from(task.subject.as_str())).await?;
        seats::gone(tx, moment, &folder.id, &grant.learner).await?;
        Ok(Finish::Again {
            at: moment.now,
            why: "looking for other copies that were shared".to_owned(),
            rejected: false,
        })
    }
}

fn later<R>(moment: &Moment, why: &str) -> Prepared<R> {
    Prepared::Later {
        at: moment.now.plus(STAND_BACK),
        why: why.to_owned(),
    }
}

/// The next right that is to be taken away. One that was there before us is left alone.
async fn next(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant) -> Result<Option<(Folder, Seat)>> {
    let drive = grant.drive.as_deref().unwrap_or_default();
    let course = (grant.connection.as_str(), grant.target.as_str());
    loop {
        let found = seats::to_clear(tx, drive, course, &grant.learner).await?;
        let Some((folder, seat)) = found else {
            return Ok(None);
        };
        // Without an id over there nothing was ever asked for.
        if !seat.was_there && folder.remote.is_some() {
            return Ok(Some((folder, seat)));
        }
        seats::gone(tx, moment, &folder.id, &grant.learner).await?;
    }
}

/// Take a right away, and see it gone. Where its id is not known, its attempt was lost: it is looked for.
async fn take_away(drive: &Drive, remote: &str, seat: &Seat) -> Result<(), Trouble> {
    let person = match &seat.person {
        Some(person) => Some(person.clone()),
        None => match drive.person_at(remote, &seat.learner).await {
            Ok(found) => found.map(|found| found.id),
            // The whole folder is gone.
            Err(Trouble::Absent) => None,
            Err(trouble) => return Err(trouble),
        },
    };
    let Some(person) = person else {
        return Ok(());
    };
    drive.unshare(remote, &person).await?;
    match drive.person(remote, &person).await? {
        None => Ok(()),
        Some(_) => Err(Trouble::Fault(crate::connectors::Fault::Transient {
            why: "Google accepted the removal, but the reader is still there.".to_owned(),
            after: None,
        })),
    }
}
