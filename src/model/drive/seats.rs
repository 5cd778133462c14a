//! Who reads a folder on a Drive. A seat is one right over there, whatever number of orders is behind it:
//! it is taken away with the last of them. The row is written before the right is asked for.

use super::super::Moment;
use super::super::state::states;
use super::{Folder, get};
use crate::args;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::DriveFolderId;

states! {
    /// How a seat stands.
    SeatState {
        /// The right was asked for, or is about to be; nobody knows yet whether it is there.
        Asked = "asked",
        /// It is there, and was read back.
        Given = "given",
        /// It was taken away. The row stays: the right was of our making, should it come back.
        Gone = "gone",
    }
}

/// A seat as stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Seat {
    /// Whose.
    pub learner: String,
    /// The right over there.
    pub person: Option<String>,
    /// Somebody else had let them read before.
    pub was_there: bool,
    /// It is to be there.
    pub owed: bool,
}

crate::statements! {
    STATE = "SELECT state FROM drive_seats WHERE folder = $1 AND learner = $2";
    ASK = "INSERT INTO drive_seats (folder, learner, state, at) VALUES ($1, $2, 'asked', $3)
           ON CONFLICT (folder, learner) DO UPDATE SET state = 'asked', at = excluded.at, was_there = 0
             WHERE drive_seats.state = 'gone'";
    GIVEN = "UPDATE drive_seats SET state = 'given', person = $3, was_there = $4, at = $5 WHERE folder = $1 AND learner = $2";
    GONE = "UPDATE drive_seats SET state = 'gone', at = $3 WHERE folder = $1 AND learner = $2";
    LEAVE = "DELETE FROM drive_seats WHERE folder = $1 AND learner = $2 AND state = 'asked'";
    TO_CLEAR = "SELECT drive_seats.folder AS folder FROM drive_seats
                  JOIN drive_folders ON drive_folders.id = drive_seats.folder
                  JOIN content_versions ON content_versions.id = drive_folders.version
                WHERE drive_seats.learner = $1 AND drive_seats.state <> 'gone' AND drive_folders.drive = $2
                  AND content_versions.source = $3 AND content_versions.folder = $4 ORDER BY drive_seats.folder LIMIT 1";
    OF_FOLDER = "SELECT drive_seats.learner, drive_seats.person, drive_seats.was_there, CASE WHEN drive_seats.state <> 'gone'
                   AND EXISTS (SELECT 1 FROM grants WHERE grants.drive = drive_folders.drive
                     AND grants.connection = content_versions.source AND grants.target = content_versions.folder
                     AND grants.learner = drive_seats.learner AND grants.state IN ('waiting', 'working', 'verifying', 'active', 'action_needed')) THEN 1 ELSE 0 END AS owed
                 FROM drive_seats JOIN drive_folders ON drive_folders.id = drive_seats.folder
                   JOIN content_versions ON content_versions.id = drive_folders.version
                 WHERE drive_seats.folder = $1 AND drive_seats.person IS NOT NULL ORDER BY drive_seats.learner";
    COUNT = "SELECT COUNT(*) AS readers FROM drive_seats WHERE folder = $1 AND state <> 'gone'";
    ONE = "SELECT learner, person, was_there, CASE WHEN state = 'gone' THEN 0 ELSE 1 END AS owed
           FROM drive_seats WHERE folder = $1 AND learner = $2";
}

/// The right is about to be asked for. True: an earlier attempt had asked, so one that is found there
/// is ours.
pub async fn ask(
    tx: &mut Tx<'_>,
    moment: &Moment,
    folder: &DriveFolderId,
    learner: &str,
) -> Result<bool> {
    let row = tx.row(&STATE, args![folder, learner]).await?;
    let state: Option<SeatState> = row.map(|row| row.get("state")).transpose()?;
    tx.exec(&ASK, args![folder, learner, moment.now]).await?;
    Ok(state.is_some())
}

/// It is there.
pub fn given(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (folder, learner): (&DriveFolderId, &str),
    person: &str,
    was_there: bool,
) {
    tx.later(
        &GIVEN,
        args![folder, learner, person, was_there, moment.now],
    );
}

/// It was taken away.
pub async fn gone(
    tx: &mut Tx<'_>,
    moment: &Moment,
    folder: &DriveFolderId,
    learner: &str,
) -> Result<()> {
    tx.exec(&GONE, args![folder, learner, moment.now]).await?;
    Ok(())
}

/// The same with the commit.
pub fn gone_with_commit(tx: &mut Tx<'_>, moment: &Moment, folder: &DriveFolderId, learner: &str) {
    tx.later(&GONE, args![folder, learner, moment.now]);
}

/// The folder has no room for it: it is asked for elsewhere.
pub fn leave(tx: &mut Tx<'_>, folder: &DriveFolderId, learner: &str) {
    tx.later(&LEAVE, args![folder, learner]);
}

/// The next folder from which a learner's right to a course's files is to be taken away.
pub async fn to_clear(
    tx: &mut Tx<'_>,
    drive: &str,
    (source, folder): (&str, &str),
    learner: &str,
) -> Result<Option<(Folder, Seat)>> {
    let row = tx
        .row(&TO_CLEAR, args![learner, drive, source, folder])
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let id: DriveFolderId = row.get("folder")?;
    let folder = get(tx, &id).await?;
    let seat = tx.row(&ONE, args![&id, learner]).await?;
    let seat = seat.as_ref().map(read).transpose()?;
    Ok(folder.zip(seat))
}

/// How many read a folder, or are about to.
pub async fn count(tx: &mut Tx<'_>, folder: &DriveFolderId) -> Result<i64> {
    let row = tx.row(&COUNT, args![folder]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("readers"))?)
}

/// Every right of ours on a folder, with whether it is to be there.
pub async fn of_folder(tx: &mut Tx<'_>, folder: &DriveFolderId) -> Result<Vec<Seat>> {
    let rows = tx.rows(&OF_FOLDER, args![folder]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Seat> {
    Ok(Seat {
        learner: row.get("learner")?,
        person: row.get("person")?,
        was_there: row.get("was_there")?,
        owed: row.get("owed")?,
    })
}
