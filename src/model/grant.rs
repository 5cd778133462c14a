//! Grants: one benefit being kept for one line. A grant row exists from the moment of payment,
//! whatever the learning platform says, and always says where it stands, why and who must act.

use std::time::Duration;

use serde_json::json;

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{GrantId, LineId, OrderId};
use crate::outcome::{Receipt, Who};

pub mod list;
pub mod reasons;

pub use reasons::{
    ends_last, enrolments_made, forget_closing, hold_all, in_turn, is_attempted, is_busy,
    is_closed_by_us, is_of_our_making, other_reasons, take_turn,
};

states! {
    /// Where a grant stands.
    GrantState {
        /// An attempt is due at `next_at`. The queue moves it on.
        Waiting = "waiting",
        /// An attempt runs. After a crash it stays so until the lease ends, then the next attempt reads first.
        Working = "working",
        /// A write left, or may have, and nobody knows the answer. Only a read moves it on.
        Verifying = "verifying",
        /// Kept, and read back. Expiry or a refund ends it.
        Active = "active",
        /// Cannot go on by itself; `who` must act, `why` says what. Re-armed one by one or by filter.
        ActionNeeded = "action_needed",
        /// Not kept in time, or a person said so: the line is failed, the order can finish. A person's retry moves it on, or an attempt that was under way and worked.
        GaveUp = "gave_up",
        /// The right has ended; a task takes it back outside. Links are dead already.
        Revoking = "revoking",
        /// Taken back.
        Revoked = "revoked",
        /// Its days are over; becomes revoking.
        Expired = "expired",
    }
}

impl GrantState {
    /// The one table of allowed moves.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use GrantState::{
            ActionNeeded, Active, Expired, GaveUp, Revoked, Revoking, Verifying, Waiting, Working,
        };
        match self {
            Waiting => matches!(
                to,
                Waiting | Working | Active | ActionNeeded | GaveUp | Revoking | Revoked
            ),
            Working => {
                matches!(
                    to,
                    Working | Active | Waiting | Verifying | ActionNeeded | GaveUp | Revoking
                )
            }
            Verifying => matches!(
                to,
                Verifying | Waiting | Working | Active | ActionNeeded | GaveUp | Revoking
            ),
            ActionNeeded => matches!(to, Waiting | Working | GaveUp | Revoking | Revoked),
            // An attempt that was under way when time ran out may still succeed.
            GaveUp => matches!(to, Waiting | Active | Revoking),
            Active => matches!(to, Revoking | Expired),
            Expired => matches!(to, Revoking),
            // The money came back, or never went.
            Revoking => matches!(to, Revoked | Waiting | Verifying),
            Revoked => matches!(to, Waiting),
        }
    }

    /// An attempt to keep it makes sense.
    #[must_use]
    pub fn is_owed(self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Working | Self::Verifying | Self::ActionNeeded
        )
    }
}

states! {
    /// What is promised.
    Benefit {
        /// An enrolment on a learning platform.
        Enrolment = "enrolment",
        /// Files, from Bursar's own download server.
        Files = "files",
        /// Files that the seller's own worker delivers.
        WorkerFiles = "worker_files",
    }
}

impl serde::Serialize for Benefit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Benefit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = <String as serde::Deserialize>::deserialize(deserializer)?;
        let found = Self::ALL
            .iter()
            .copied()
            .find(|benefit| benefit.as_str() == word);
        found.ok_or_else(|| serde::de::Error::custom(format!("unknown benefit {word:?}")))
    }
}

/// A grant as stored.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Its order.
    pub order: OrderId,
    /// Its line.
    pub line: LineId,
    /// What is promised.
    pub benefit: Benefit,
    /// The LMS connection or the file source.
    pub connection: String,
    /// The course there, or the folder.
    pub target: String,
    /// The order's address.
    pub learner: String,
    /// The buyer's name, where the grant was read alone; else empty.
    pub buyer: String,
    /// The Drive on which files are read too: the connection of its tasks.
    pub drive: Option<String>,
    /// Days of access from activation; none is for ever.
    pub access_days: Option<i64>,
    /// Where it stands.
    pub state: GrantState,
    /// Its line counted it as final.
    pub counted: bool,
    /// A person took it back: money that returns does not bring it back.
    pub barred: bool,
    /// Who must act.
    pub who: Option<Who>,
    /// Why it is not active.
    pub why: Option<String>,
    /// Attempts so far.
    pub attempts: i64,
    /// When the next attempt is due.
    pub next_at: Option<Timestamp>,
    /// Remote ids and evidence.
    pub receipt: Option<Receipt>,
    /// When it was planned: with the payment, or the gift.
    pub planned_at: Timestamp,
    /// When it fails its line.
    pub give_up_at: Timestamp,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub ended_at: Option<Timestamp>,
}

impl Grant {
    /// The enrolment on the platform that it rests on, as an attempt read it.
    #[must_use]
    pub fn enrolment(&self) -> Option<&str> {
        self.receipt.as_ref()?.0["enrolment"].as_str()
    }

    /// What its receipt says to this question; false where it says nothing.
    #[must_use]
    pub fn says(&self, word: &str) -> bool {
        self.receipt.as_ref().is_some_and(|r| r.0[word] == true)
    }

    /// Its receipt with one more answer.
    #[must_use]
    pub fn noting(&self, word: &str, holds: bool) -> Receipt {
        let mut receipt = self.receipt.clone().unwrap_or(Receipt(json!({})));
        receipt.0[word] = holds.into();
        receipt
    }

    /// Its days are over, whether or not the sweep has seen it.
    #[must_use]
    pub fn has_run_out(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// What changes with a move.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Who must act now.
    pub who: Option<Who>,
    /// Why it is not active.
    pub why: Option<String>,
    /// When the next attempt is due.
    pub next_at: Option<Timestamp>,
    /// What the effect left behind.
    pub receipt: Option<Receipt>,
    /// When access ends.
    pub expires_at: Option<Timestamp>,
    /// A new time to be kept by.
    pub give_up_at: Option<Timestamp>,
}

crate::statements! {
    INSERT = "INSERT INTO grants (id, order_id, line_id, position, kind, connection, target, learner, access_days,
                state, planned_at, next_at, give_up_at, drive)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10, $11, $12, $13) ON CONFLICT (line_id, position) DO NOTHING";
    BY_ID = "SELECT grants.*, orders.name AS buyer FROM grants JOIN orders ON orders.id = grants.order_id WHERE grants.id = $1";
    OF_ORDER = "SELECT grants.*, '' AS buyer FROM grants WHERE order_id = $1 ORDER BY line_id, position";
    MOVE = "UPDATE grants SET state = $3, who = $4, why = $5, next_at = $6, attempts = attempts + $7,
              receipt = COALESCE($8, receipt), activated_at = COALESCE(activated_at, $9),
              expires_at = COALESCE(expires_at, $10), ended_at = $11,
              counted = CASE WHEN $3 IN ('active', 'gave_up') THEN 1 ELSE counted END,
              give_up_at = COALESCE($12, give_up_at)
            WHERE id = $1 AND state = $2";
    COUNT_IN = "UPDATE grants SET counted = 1 WHERE id = $1 AND counted = 0";
    BAR = "UPDATE grants SET barred = 1 WHERE id = $1";
    NOTE = "UPDATE grants SET receipt = $2 WHERE id = $1 AND state = 'revoking'";
    OUT_OF_TIME = "SELECT grants.*, '' AS buyer FROM grants WHERE state IN ('waiting', 'working', 'verifying', 'action_needed')
                   AND give_up_at <= $1 ORDER BY give_up_at LIMIT $2";
    EXPIRED = "SELECT grants.*, '' AS buyer FROM grants WHERE state = 'active' AND expires_at IS NOT NULL AND expires_at <= $1
               ORDER BY expires_at LIMIT $2";
    ENDING = "SELECT grants.*, '' AS buyer FROM grants WHERE state = 'active' AND warned_at IS NULL AND expires_at IS NOT NULL
                AND expires_at > $1 AND expires_at <= $2 AND (access_days IS NULL OR access_days > $3)
                AND NOT EXISTS (SELECT 1 FROM grants AS told JOIN emails ON emails.order_id = told.order_id
                  AND emails.kind = 'ending:' || told.id WHERE told.line_id = grants.line_id)
              ORDER BY expires_at LIMIT $4";
    WARNED = "UPDATE grants SET warned_at = $2 WHERE id = $1";
    UNATTENDED = "SELECT grants.*, '' AS buyer FROM grants WHERE state IN ('waiting', 'working', 'verifying', 'revoking') AND NOT EXISTS
                    (SELECT 1 FROM tasks WHERE tasks.subject = grants.id AND (tasks.state IN ('ready', 'leased')
                       OR (tasks.kind = 'withdraw' AND tasks.state = 'dead')))
                  LIMIT $1";
    UNKEPT = "SELECT COUNT(*) AS unkept FROM grants WHERE line_id = $1
                AND (activated_at IS NULL OR state = 'gave_up')";
    COUNTS = "SELECT state, COUNT(*) AS grants FROM grants GROUP BY state";
}

/// Plan a grant with the commit; planned twice it stays as it is.
pub fn plan(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant, position: usize) {
    let values = args![
        &grant.id,
        &grant.order,
        &grant.line,
        position,
        grant.benefit,
        &grant.connection,
        &grant.target,
        &grant.learner,
        grant.access_days,
        grant.planned_at,
        moment.now,
        grant.give_up_at,
        grant.drive.as_deref(),
    ];
    tx.later(&INSERT, values);
    record(tx, moment, grant, None, GrantState::Waiting, None);
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &GrantId) -> Result<Grant> {
    let row = tx
        .row(&BY_ID, args![id])
        .await?
        .ok_or(Error::NotFound("grant"))?;
    read(&row)
}

/// The grants of an order, by line and position.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Grant>> {
    tx.rows(&OF_ORDER, args![order])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Move a grant from the state it was read in. False: someone else moved it; nothing changed.
pub async fn advance(
    tx: &mut Tx<'_>,
    moment: &Moment,
    grant: &Grant,
    to: GrantState,
    step: Step,
) -> Result<bool> {
    if !grant.state.may_become(to) {
        return Err(Error::Conflict("grant state"));
    }
    let ended = matches!(
        to,
        GrantState::Revoked | GrantState::Expired | GrantState::Revoking
    );
    let values = args![
        &grant.id,
        grant.state,
        to,
        step.who.map(Who::as_str),
        step.why.as_deref(),
        step.next_at,
        to == GrantState::Working,
        step.receipt.map(|r| r.0.to_string()),
        (to == GrantState::Active).then_some(moment.now),
        step.expires_at,
        ended.then_some(moment.now),
        step.give_up_at,
    ];
    let moved = tx.exec(&MOVE, values).await? == 1;
    if moved {
        record(
            tx,
            moment,
            grant,
            Some(grant.state),
            to,
            step.why.as_deref(),
        );
    }
    Ok(moved)
}

/// Grants that could not be kept in time.
pub async fn out_of_time(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Grant>> {
    tx.rows(&OUT_OF_TIME, args![now, limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Active grants whose days are over.
pub async fn expired(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Grant>> {
    tx.rows(&EXPIRED, args![now, limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Active grants that end within `notice`, of lines whose buyers were not told. Access that is shorter
/// than twice the notice is no surprise when it ends.
pub async fn ending(
    tx: &mut Tx<'_>,
    now: Timestamp,
    notice: Duration,
    limit: i64,
) -> Result<Vec<Grant>> {
    let days = i64::try_from(notice.as_secs() / 86_400).unwrap_or(i64::MAX);
    let values = args![now, now.plus(notice), days * 2, limit];
    tx.rows(&ENDING, values).await?.iter().map(read).collect()
}

/// Whether its end needs a letter is decided, once.
pub async fn warned(tx: &mut Tx<'_>, moment: &Moment, id: &GrantId) -> Result<()> {
    tx.exec(&WARNED, args![id, moment.now]).await?;
    Ok(())
}

/// Grants that should be moving and that no task works on. There are none, unless a person
/// deleted a task; the sweep gives them one. A removal that is dead waits for a person.
pub async fn unattended(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Grant>> {
    tx.rows(&UNATTENDED, args![limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Its line counts it as final, without it having been kept. False: it was counted before.
pub async fn count_in(tx: &mut Tx<'_>, id: &GrantId) -> Result<bool> {
    Ok(tx.exec(&COUNT_IN, args![id]).await? == 1)
}

/// A person took it back: only a person gives it again.
pub fn bar(tx: &mut Tx<'_>, id: &GrantId) {
    tx.later(&BAR, args![id]);
}

/// What the removal of a grant needs to know: what an attempt left behind that ended after it had been
/// taken back, or what is about to be done.
pub async fn note(tx: &mut Tx<'_>, id: &GrantId, receipt: &Receipt) -> Result<()> {
    tx.exec(&NOTE, args![id, receipt.0.to_string()]).await?;
    Ok(())
}

/// Grants of a line that were not kept.
pub async fn unkept(tx: &mut Tx<'_>, line: &LineId) -> Result<i64> {
    let row = tx.row(&UNKEPT, args![line]).await?;
    row.map_or(Ok(0), |r| Ok(r.get("unkept")?))
}

/// How many grants stand where.
pub async fn counts(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>> {
    let rows = tx.rows(&COUNTS, &[]).await?;
    rows.iter()
        .map(|r| Ok((r.get("state")?, r.get("grants")?)))
        .collect()
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    grant: &Grant,
    before: Option<GrantState>,
    after: GrantState,
    why: Option<&str>,
) {
    let change = Change {
        order: Some(&grant.order),
        subject: &grant.id.0,
        action: "grant.state",
        why,
        before: before.map(GrantState::as_str),
        after: Some(after.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Grant> {
    let receipt: Option<String> = row.get("receipt")?;
    Ok(Grant {
        id: row.get("id")?,
        order: row.get("order_id")?,
        line: row.get("line_id")?,
        benefit: row.get("kind")?,
        connection: row.get("connection")?,
        target: row.get("target")?,
        learner: row.get("learner")?,
        buyer: row.get("buyer")?,
        drive: row.get("drive")?,
        access_days: row.get("access_days")?,
        state: row.get("state")?,
        counted: row.get("counted")?,
        barred: row.get("barred")?,
        who: row
            .get::<Option<String>>("who")?
            .as_deref()
            .and_then(Who::parse),
        why: row.get("why")?,
        attempts: row.get("attempts")?,
        next_at: row.get("next_at")?,
        receipt: receipt
            .map(|text| serde_json::from_str(&text).map(Receipt))
            .transpose()?,
        planned_at: row.get("planned_at")?,
        give_up_at: row.get("give_up_at")?,
        activated_at: row.get("activated_at")?,
        expires_at: row.get("expires_at")?,
        ended_at: row.get("ended_at")?,
    })
}
