//! Share: let a buyer read the folder of the version that their grant sees. Until then Bursar's own
//! links give the files.

use std::time::Duration;

use serde_json::json;

use super::super::{Effect, Prepared, keeping};
use super::{HELD, STAND_BACK, of, outcome_of};
use crate::app::{Desk, files};
use crate::clock::Timestamp;
use crate::connectors::destinations::drive::{Invitation, Trouble};
use crate::connectors::{Connectors, Fault};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::complete::{self, Begin};
use crate::fulfilment::plan;
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::content::Version;
use crate::model::drive::items::{self, Progress};
use crate::model::drive::{self, Folder, FolderState, seats};
use crate::model::grant::{self, Grant, GrantState};
use crate::model::order;
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Receipt, Who};

/// How often an order looks whether its folder is filled; its filling calls it before.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// A pause that is longer is one of the whole account, not of one call.
const LONG: Duration = Duration::from_mins(5);
/// A refusal that nothing explains, on a folder with so many readers, means that it is full: Google
/// documents neither the number nor the reason.
const MANY: i64 = 100;
const DAY: Duration = Duration::from_hours(24);
/// Days for which Google keeps an end: a year, and a day less for clocks that differ.
const LONGEST_BELT: u32 = 364;
/// The word between act and record.
const FULL: &str = "the Drive takes no more readers of this folder; the next copy of it is used";

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Share;

/// What to do for the buyer.
pub(in super::super) enum Request {
    /// The files have no version yet.
    Unpublished,
    /// Not now.
    Wait { until: Timestamp, why: String },
    /// Let them read.
    Share(Box<Invited>),
}

/// Whom, and where.
pub(in super::super) struct Invited {
    drive: String,
    remote: String,
    link: Option<String>,
    who: Invitation,
    /// An earlier attempt may have let them in: who is there is there by us.
    asked_before: bool,
    readers: i64,
    version: Version,
    now: Timestamp,
}

impl Effect for Share {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let id = GrantId::from(task.subject.as_str());
        let grant = grant::in_turn(tx, &id).await?;
        let Some(drive) = grant.drive.clone() else {
            return Ok(Prepared::Nothing);
        };
        if grant.state == GrantState::Active && is_up_to_date(tx, &grant, &drive).await?
            || !(grant.state.is_owed() || grant.state == GrantState::Active)
        {
            return Ok(Prepared::Nothing);
        }
        let request = match place(tx, moment, desk, &grant, &drive).await? {
            Place::Not(request) => request,
            Place::In(folder, version) => {
                if !drive::hold(tx, moment, &folder.id, &task.id).await? {
                    return Ok(Prepared::Later {
                        at: moment.now.plus(STAND_BACK),
                        why: HELD.to_owned(),
                    });
                }
                invited(tx, moment, &grant, *folder, *version).await?
            }
        };
        if grant.state == GrantState::Active {
            return Ok(moved(moment, request));
        }
        let (begin, _) = complete::begin(tx, moment, &id).await?;
        Ok(match begin {
            Begin::Act => Prepared::Act(request),
            Begin::Already | Begin::Gone | Begin::Busy => Prepared::Nothing,
        })
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        match request {
            Request::Unpublished => Outcome::ActionNeeded {
                who: Who::Seller,
                why: "the course's files have no version: bursar content publish makes one"
                    .to_owned(),
            },
            Request::Wait { until, why } => Outcome::Snooze {
                until: *until,
                why: why.clone(),
            },
            Request::Share(invited) => share(world, invited).await,
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
        if let Some(folder) = drive::held_by(tx, &task.id).await? {
            let id = GrantId::from(task.subject.as_str());
            let grant = grant::get(tx, &id).await?;
            seat(tx, moment, &folder, &grant, outcome);
            if let Outcome::Done(receipt) = outcome {
                grant::renew(tx, &id, receipt);
                order::touch(tx, &grant.order);
            }
            drive::let_go(tx, &task.id);
        }
        keeping::record(tx, moment, task, outcome).await
    }
}

/// A newer version is for this buyer too; the older one stays readable until the grant ends.
async fn is_up_to_date(tx: &mut Tx<'_>, grant: &Grant, drive: &str) -> Result<bool> {
    let Some(version) = files::version_of(tx, grant).await? else {
        return Ok(true);
    };
    drive::has_seat(tx, drive, &version.id, &grant.learner).await
}

/// A grant that is kept already waits silently.
fn moved(moment: &Moment, request: Request) -> Prepared<Request> {
    match request {
        Request::Wait { until, why } => Prepared::Later {
            at: until.max(moment.now),
            why,
        },
        Request::Unpublished => Prepared::Nothing,
        Request::Share(invited) => Prepared::Act(Request::Share(invited)),
    }
}

enum Place {
    In(Box<Folder>, Box<Version>),
    Not(Request),
}

/// The folder in which this grant's buyer is to read.
async fn place(
    tx: &mut Tx<'_>,
    moment: &Moment,
    desk: &Desk,
    grant: &Grant,
    drive: &str,
) -> Result<Place> {
    let Some(version) = files::version_of(tx, grant).await? else {
        return Ok(Place::Not(Request::Unpublished));
    };
    if let Some((until, why)) = drive::paused(tx, drive, moment.now).await? {
        return Ok(Place::Not(Request::Wait { until, why }));
    }
    let people = desk.people_per_folder(drive).unwrap_or(1);
    let found = drive::with_room(tx, drive, &version.id, &grant.learner, people).await?;
    let folder = match found {
        Some(folder) => folder,
        None => drive::add(tx, moment, drive, &version.id).await?,
    };
    if folder.state == FolderState::Ready {
        return Ok(Place::In(Box::new(folder), Box::new(version)));
    }
    plan::fill(tx, moment, &folder).await?;
    let soon = moment.now.plus(LOOK_EVERY);
    let progress = items::progress(tx, &folder.id).await?;
    Ok(Place::Not(Request::Wait {
        until: folder.retry_at.map_or(soon, |retry| retry.max(soon)),
        why: being_filled(&folder, progress),
    }))
}

fn being_filled(folder: &Folder, Progress { items, there }: Progress) -> String {
    match &folder.why {
        Some(why) => format!("the files are not on the Drive yet ({there} of {items}): {why}"),
        None => format!("the files are on their way to the Drive: {there} of {items} are there"),
    }
}

async fn invited(
    tx: &mut Tx<'_>,
    moment: &Moment,
    grant: &Grant,
    folder: Folder,
    version: Version,
) -> Result<Request> {
    let asked_before = seats::ask(tx, moment, &folder.id, &grant.learner).await?;
    let readers = seats::count(tx, &folder.id).await?;
    let until = belt(tx, moment, grant).await?;
    Ok(Request::Share(Box::new(Invited {
        drive: folder.drive,
        remote: folder.remote.unwrap_or_default(),
        link: folder.link,
        who: Invitation {
            email: grant.learner.clone(),
            until,
        },
        asked_before,
        readers,
        version,
        now: moment.now,
    })))
}

/// When access ends, as it will be counted once it is given; none where Google keeps no end: for ever,
/// and for more than a year.
async fn belt(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant) -> Result<Option<Timestamp>> {
    let days = grant.access_days.and_then(|days| u32::try_from(days).ok());
    let Some(days) = days else {
        return Ok(None);
    };
    let others = grant::ends_last(tx, grant).await?;
    let from = others.map_or(moment.now, |end| end.max(moment.now));
    let until = from.plus(DAY * days);
    Ok((until < moment.now.plus(DAY * LONGEST_BELT)).then_some(until))
}

async fn share(world: &Connectors, invited: &Invited) -> Outcome {
    let drive = match of(world, &invited.drive) {
        Ok(drive) => drive,
        Err(outcome) => return outcome,
    };
    let trouble = match drive.share(&invited.remote, &invited.who).await {
        Ok(shared) => {
            let sealed = invited.version.sealed.as_ref();
            return Outcome::Done(Receipt(json!({
                "link": invited.link,
                "person": shared.person,
                "was_there": shared.was_there && !invited.asked_before,
                "by_mail": shared.by_mail,
                "version": invited.version.number,
                "files": sealed.map(|sealed| sealed.files),
                "bytes": sealed.map(|sealed| sealed.bytes),
            })));
        }
        Err(trouble) => trouble,
    };
    let unexplained = matches!(trouble, Trouble::Fault(Fault::MappingBroken { .. }));
    if matches!(trouble, Trouble::Full { .. }) || (unexplained && invited.readers > MANY) {
        return Outcome::Snooze {
            until: invited.now,
            why: FULL.to_owned(),
        };
    }
    outcome_of(trouble, invited.now)
}

/// What came of it, for the folder.
fn seat(tx: &mut Tx<'_>, moment: &Moment, folder: &Folder, grant: &Grant, outcome: &Outcome) {
    match outcome {
        Outcome::Done(Receipt(receipt)) => {
            let person = receipt["person"].as_str().unwrap_or_default();
            let was_there = receipt["was_there"] == true;
            let place = (&folder.id, grant.learner.as_str());
            seats::given(tx, moment, place, person, was_there);
        }
        Outcome::Snooze { why, .. } if why == FULL => {
            drive::full(tx, &folder.id);
            seats::leave(tx, &folder.id, &grant.learner);
        }
        Outcome::Snooze { until, why } if until.since(moment.now) > LONG => {
            drive::pause(tx, &folder.drive, *until, why);
        }
        _ => {}
    }
}
