//! Fill: bring a folder on a Drive in line with its version: reserve ids, make folders, send files, and
//! then, once a day, compare its readers with the grants, both ways. A batch an attempt; what an
//! attempt has done is written before the next begins, so that a crash costs one chunk at most.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::{Effect, Prepared, keeping};
use super::{HELD, STAND_BACK, making, of, outcome_of};
use crate::app::Desk;
use crate::clock::Timestamp;
use crate::connectors::Connectors;
use crate::connectors::destinations::drive::{Drive, Invitation, Trouble};
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::plan;
use crate::id::DriveFolderId;
use crate::model::Moment;
use crate::model::content::files::ContentFile;
use crate::model::content::{self, Version};
use crate::model::drive::items::{self, Content, Item};
use crate::model::drive::seats::{self, Seat};
use crate::model::drive::{self, Folder, FolderState};
use crate::model::grant;
use crate::model::task::{self, Finish, Leased};
use crate::outcome::{Outcome, Receipt};

/// Readers are compared so often.
const CHECK_EVERY: Duration = Duration::from_hours(24);
/// What cannot go on by itself is tried again so often: the seller may have mended it.
const LOOK_AGAIN: Duration = Duration::from_mins(30);
/// Files and folders an attempt makes, at most.
const BATCH: i64 = 40;

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Fill;

/// What to do next, and on which Drive.
pub(in super::super) struct Request {
    drive: String,
    work: Work,
    now: Timestamp,
}

enum Work {
    /// The folder's own id.
    Reserve,
    /// The folder itself.
    Top { remote: String, name: String },
    /// Ids for these, which get rows.
    List {
        rows: Vec<(String, Option<Content>)>,
        to: i64,
    },
    /// These.
    Make(making::Batch),
    /// Who reads it.
    Check { remote: String, seats: Vec<Seat> },
}

/// What an attempt did, between act and record. It may hold a session: it goes nowhere but to the rows.
#[derive(Serialize, Deserialize)]
enum Did {
    Reserved(String),
    Made(String),
    Listed {
        ids: Vec<String>,
        rows: Vec<Row>,
        to: i64,
    },
    Filled(making::Made),
    Checked(Checked),
}

#[derive(Serialize, Deserialize)]
struct Row {
    path: String,
    size: Option<i64>,
    md5: String,
    stored_as: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Checked {
    given: Vec<(String, String)>,
    gone: Vec<String>,
    whole: bool,
}

impl Effect for Fill {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let id = DriveFolderId::from(task.subject.as_str());
        let Some(folder) = drive::get(tx, &id).await? else {
            return Ok(Prepared::Nothing);
        };
        let version = content::get(tx, &folder.version).await?;
        let Some(work) = next(tx, moment, &folder, &version).await? else {
            // Filled just now, or compared not long ago.
            let last = folder.checked_at.unwrap_or(moment.now);
            return Ok(Prepared::Later {
                at: last.plus(CHECK_EVERY),
                why: "its readers are compared once a day".to_owned(),
            });
        };
        if !drive::hold(tx, moment, &folder.id, &task.id).await? {
            return Ok(Prepared::Later {
                at: moment.now.plus(STAND_BACK),
                why: HELD.to_owned(),
            });
        }
        Ok(Prepared::Act(Request {
            drive: folder.drive,
            work,
            now: moment.now,
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let drive = match of(world, &request.drive) {
            Ok(drive) => drive,
            Err(outcome) => return outcome,
        };
        let did = match &request.work {
            Work::Reserve => reserve(drive).await,
            Work::Top { remote, name } => top(drive, remote, name).await,
            Work::List { rows, to } => list(drive, rows, *to).await,
            Work::Make(batch) => match making::make(world, drive, batch).await {
                Ok(Some(made)) => Ok(Did::Filled(made)),
                Ok(None) => {
                    return Outcome::Rejected {
                        why: making::DIFFERS.to_owned(),
                    };
                }
                Err(trouble) => Err(trouble),
            },
            Work::Check { remote, seats } => check(drive, remote, seats).await,
        };
        match did.map(serde_json::to_value) {
            Ok(Ok(did)) => Outcome::Done(Receipt(did)),
            Ok(Err(e)) => Outcome::Rejected { why: e.to_string() },
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
        let folder = DriveFolderId::from(task.subject.as_str());
        drive::let_go(tx, &task.id);
        if let Outcome::Done(Receipt(did)) = outcome {
            write_down(tx, moment, &folder, serde_json::from_value(did.clone())?);
            drive::stalled(tx, &folder, None);
            return Ok(again(moment.now, "there may be more to do"));
        }
        if matches!(outcome, Outcome::Rejected { .. }) {
            items::forget_sessions(tx, &folder);
        }
        // Orders wait for it, so it never ends: what a person has to mend is looked at again.
        let finish = match keeping::finish(moment, task, outcome) {
            Finish::Dead { why } => {
                tracing::error!(folder = %folder, why, "a folder on a Drive cannot be filled: {why}");
                again(moment.now.plus(LOOK_AGAIN), &why)
            }
            finish => finish,
        };
        if let Finish::Again { at, why, .. } = &finish {
            drive::stalled(tx, &folder, Some((*at, why)));
        }
        Ok(finish)
    }
}

fn again(at: Timestamp, why: &str) -> Finish {
    Finish::Again {
        at,
        why: why.to_owned(),
        rejected: false,
    }
}

/// What comes next; none: nothing until its readers are compared again.
async fn next(
    tx: &mut Tx<'_>,
    moment: &Moment,
    folder: &Folder,
    version: &Version,
) -> Result<Option<Work>> {
    let Some(remote) = folder.remote.clone() else {
        return Ok(Some(Work::Reserve));
    };
    if folder.state == FolderState::Listing {
        let page = content::files::page(tx, &folder.version, folder.listed_to).await?;
        if let Some(last) = page.last() {
            let to = last.serial;
            let rows = rows(tx, folder, page).await?;
            return Ok(Some(Work::List { rows, to }));
        }
        drive::advance(tx, &folder.id, (FolderState::Listing, FolderState::Filling)).await?;
    }
    if folder.link.is_none() {
        let name = format!("{} (v{})", version.course, version.number);
        return Ok(Some(Work::Top { remote, name }));
    }
    if folder.state != FolderState::Ready {
        let items = items::to_make(tx, &folder.id, BATCH).await?;
        if !items.is_empty() {
            let batch = making::batch(tx, folder, &remote, version, items).await?;
            return Ok(Some(Work::Make(batch)));
        }
        drive::advance(tx, &folder.id, (FolderState::Filling, FolderState::Ready)).await?;
        // Orders that wait for it are due now.
        task::release(tx, moment, &folder.drive).await?;
        catch_up(tx, moment, folder).await?;
        return Ok(None);
    }
    let last = folder.checked_at;
    if last.is_some_and(|last| moment.now.since(last) < CHECK_EVERY) {
        return Ok(None);
    }
    succeed(tx, moment, folder).await?;
    catch_up(tx, moment, folder).await?;
    let seats = seats::of_folder(tx, &folder.id).await?;
    Ok(Some(Work::Check { remote, seats }))
}

/// Buyers of older versions, where this one is for them too.
async fn catch_up(tx: &mut Tx<'_>, moment: &Moment, folder: &Folder) -> Result<()> {
    for id in drive::behind(tx, folder).await? {
        let grant = grant::get(tx, &id).await?;
        plan::revive(tx, moment, &grant).await?;
    }
    Ok(())
}

/// A newer version that all buyers of this one get has a folder, whether or not anybody bought it.
async fn succeed(tx: &mut Tx<'_>, moment: &Moment, folder: &Folder) -> Result<()> {
    let Some(newer) = drive::successor(tx, folder).await? else {
        return Ok(());
    };
    let first = drive::with_room(tx, &folder.drive, &newer, "", i64::MAX).await?;
    if first.is_none() {
        let added = drive::add(tx, moment, &folder.drive, &newer).await?;
        plan::fill(tx, moment, &added).await?;
    }
    Ok(())
}

/// The files of a page, and the folders above them that have no row yet.
async fn rows(
    tx: &mut Tx<'_>,
    folder: &Folder,
    page: Vec<ContentFile>,
) -> Result<Vec<(String, Option<Content>)>> {
    let mut above = BTreeSet::new();
    for file in &page {
        let mut path = file.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            above.insert(parent.to_owned());
            path = parent;
        }
    }
    let mut rows = Vec::new();
    for path in above {
        if items::remote(tx, &folder.id, &path).await?.is_none() {
            rows.push((path, None));
        }
    }
    rows.extend(page.into_iter().filter_map(|file| {
        let content = Content {
            size: file.stamp.size,
            md5: file.kept?.md5,
            stored_as: file.stored_as,
        };
        Some((file.path, Some(content)))
    }));
    Ok(rows)
}

async fn reserve(drive: &Drive) -> Result<Did, Trouble> {
    let ids = drive.reserve_ids(1).await?;
    Ok(Did::Reserved(ids.into_iter().next().unwrap_or_default()))
}

async fn top(drive: &Drive, remote: &str, name: &str) -> Result<Did, Trouble> {
    let made = making::folder(drive, remote, name, drive.top()).await?;
    let usual = || format!("https://drive.google.com/drive/folders/{remote}");
    Ok(Did::Made(made.web_view_link.unwrap_or_else(usual)))
}

async fn list(drive: &Drive, rows: &[(String, Option<Content>)], to: i64) -> Result<Did, Trouble> {
    let ids = drive.reserve_ids(rows.len()).await?;
    let row = |(path, content): &(String, Option<Content>)| Row {
        path: path.clone(),
        size: content.as_ref().map(|content| content.size),
        md5: content
            .as_ref()
            .map(|content| content.md5.clone())
            .unwrap_or_default(),
        stored_as: content
            .as_ref()
            .map(|content| content.stored_as.clone())
            .unwrap_or_default(),
    };
    let rows = rows.iter().map(row).collect();
    Ok(Did::Listed { ids, rows, to })
}

/// Who should read and does not, reads again; whose reasons have ended, and whom we had let in, is taken
/// away. Rights that somebody else gave are left alone.
async fn check(drive: &Drive, remote: &str, seats: &[Seat]) -> Result<Did, Trouble> {
    let people = drive.people(remote).await?;
    let mut checked = Checked {
        whole: true,
        ..Checked::default()
    };
    for seat in seats {
        let theirs = people.iter().find(|person| {
            !person.is_inherited() && seat.person.as_deref() == Some(person.id.as_str())
        });
        let done = match (seat.owed, theirs) {
            (true, None) => give_again(drive, remote, seat, &mut checked).await,
            (false, Some(person)) if !seat.was_there => {
                let removed = drive.unshare(remote, &person.id).await;
                removed.map(|()| checked.gone.push(seat.learner.clone()))
            }
            _ => Ok(()),
        };
        match done {
            Ok(()) => {}
            // What was done is written down first; then the trouble comes again by itself.
            Err(_) if !checked.given.is_empty() || !checked.gone.is_empty() => {
                checked.whole = false;
                break;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(Did::Checked(checked))
}

async fn give_again(
    drive: &Drive,
    remote: &str,
    seat: &Seat,
    checked: &mut Checked,
) -> Result<(), Trouble> {
    let who = Invitation {
        email: seat.learner.clone(),
        until: None,
    };
    let shared = drive.share(remote, &who).await?;
    checked.given.push((seat.learner.clone(), shared.person));
    Ok(())
}

fn write_down(tx: &mut Tx<'_>, moment: &Moment, folder: &DriveFolderId, did: Did) {
    match did {
        Did::Reserved(id) => drive::reserved(tx, folder, &id),
        Did::Made(link) => drive::linked(tx, folder, &link),
        Did::Listed { ids, rows, to } => {
            let items: Vec<Item> = rows.into_iter().zip(ids).map(item).collect();
            items::enlist(tx, folder, &items);
            drive::listed(tx, folder, to);
        }
        Did::Filled(made) => {
            for path in &made.there {
                items::there(tx, folder, path);
            }
            if let Some((path, session)) = &made.session {
                items::begun(tx, folder, path, session.as_deref());
            }
        }
        Did::Checked(checked) => {
            for (learner, person) in &checked.given {
                seats::given(tx, moment, (folder, learner), person, false);
            }
            for learner in &checked.gone {
                seats::gone_with_commit(tx, moment, folder, learner);
            }
            if checked.whole {
                drive::checked(tx, folder, moment.now);
            }
        }
    }
}

fn item((row, remote): (Row, String)) -> Item {
    let content = row.size.map(|size| Content {
        size,
        md5: row.md5,
        stored_as: row.stored_as,
    });
    Item {
        path: row.path,
        remote,
        content,
        session: None,
    }
}
