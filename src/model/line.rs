//! Lines: one course in one order, its price frozen. The public API calls a line a *task*.
//! A line's status is derived from its grants, by counting: see `fulfilment/complete.rs`.

use super::Moment;
use super::audit::{self, Change};
use super::grant::Benefit;
use super::state::states;
use crate::args;
use crate::db::{Arg, Row, Tx};
use crate::error::{Error, Result};
use crate::id::{LineId, OrderId};

states! {
    /// How far a line is; the public contract's words.
    LineStatus {
        /// The order is not paid.
        Pending = "pending",
        /// Paid; its grants are being kept.
        Processing = "processing",
        /// The enrolment was read back; files are still on their way.
        Enrolled = "enrolled",
        /// Every grant is kept.
        Completed = "completed",
        /// A grant was given up. Kept later, it becomes completed.
        Failed = "failed",
    }
}

impl LineStatus {
    /// The one table of allowed moves.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use LineStatus::{Completed, Enrolled, Failed, Pending, Processing};
        matches!(
            (self, to),
            (Pending, Processing)
                | (Processing, Enrolled | Completed | Failed)
                | (Enrolled, Completed | Failed)
                | (Failed, Completed)
        )
    }

    /// Nothing more will happen by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// One benefit that a line promises; becomes a grant when the order is paid.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Promise {
    /// What.
    pub benefit: Benefit,
    /// The LMS connection or the file source.
    pub connection: String,
    /// The course there, or the folder.
    pub target: String,
    /// The Drive on which files are read too, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<String>,
}

/// A line as stored.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub id: LineId,
    /// Its order.
    pub order: OrderId,
    /// Slug of the course.
    pub course: String,
    /// Title at the time of ordering.
    pub title: String,
    /// Before the price rule.
    pub list_price: i64,
    /// Its share of the total.
    pub price: i64,
    /// Days of access from activation; none is for ever.
    pub access_days: Option<i64>,
    /// What it promises, frozen with the price.
    pub promises: Vec<Promise>,
    /// How far it is.
    pub status: LineStatus,
    /// Grants not yet final.
    pub open_grants: i64,
}

crate::statements! {
    INSERT = "INSERT INTO lines (id, order_id, position, course, title, list_price, price, access_days, promises, open_grants, status)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending')";
    OF_ORDER = "SELECT * FROM lines WHERE order_id = $1 ORDER BY position";
    BY_ID = "SELECT * FROM lines WHERE id = $1";
    LOCK = "SELECT * FROM lines WHERE id = $1" | "SELECT * FROM lines WHERE id = $1 FOR UPDATE";
    START = "UPDATE lines SET status = 'processing' WHERE order_id = $1 AND status = 'pending' RETURNING *";
    GRANT_FINAL = "UPDATE lines SET open_grants = open_grants - 1 WHERE id = $1 AND open_grants > 0
                   RETURNING open_grants, status";
    MOVE = "UPDATE lines SET status = $3 WHERE id = $1 AND status = $2";
}

/// Store a line of a new order, with the commit.
pub fn insert(tx: &mut Tx<'_>, line: &Line, position: usize) -> Result<()> {
    tx.later(&INSERT, &values(line, position)?);
    Ok(())
}

/// Store a line of a new order that starts in this very transaction.
pub async fn insert_now(tx: &mut Tx<'_>, line: &Line, position: usize) -> Result<()> {
    tx.exec(&INSERT, &values(line, position)?).await?;
    Ok(())
}

fn values(line: &Line, position: usize) -> Result<Vec<Arg>> {
    let values = args![
        &line.id,
        &line.order,
        position,
        &line.course,
        &line.title,
        line.list_price,
        line.price,
        line.access_days,
        serde_json::to_string(&line.promises)?,
        line.open_grants,
    ];
    Ok(values.to_vec())
}

/// The lines of an order, in its order.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Line>> {
    tx.rows(&OF_ORDER, args![order])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// By id, with the order still to be known from it.
pub async fn get(tx: &mut Tx<'_>, id: &LineId) -> Result<Line> {
    let row = tx
        .row(&BY_ID, args![id])
        .await?
        .ok_or(Error::NotFound("line"))?;
    read(&row)
}

/// By id, held until the transaction ends: whoever counts its grants waits, or is waited for.
pub async fn lock(tx: &mut Tx<'_>, id: &LineId) -> Result<Line> {
    let row = tx
        .row(&LOCK, args![id])
        .await?
        .ok_or(Error::NotFound("line"))?;
    read(&row)
}

/// The order was paid: its lines start. In no particular order.
pub async fn start(tx: &mut Tx<'_>, moment: &Moment, order: &OrderId) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for row in tx.rows(&START, args![order]).await? {
        let line = read(&row)?;
        record(
            tx,
            moment,
            order,
            &line.id,
            (LineStatus::Pending, LineStatus::Processing),
        );
        lines.push(line);
    }
    Ok(lines)
}

/// One grant of a line became final; how many are left, and where the line stands.
pub async fn grant_final(tx: &mut Tx<'_>, id: &LineId) -> Result<(i64, LineStatus)> {
    let row = tx.row(&GRANT_FINAL, args![id]).await?;
    let row = row.ok_or(Error::Conflict("more grants finished than the line has"))?;
    Ok((row.get("open_grants")?, row.get("status")?))
}

/// Move a line on. False: someone else moved it.
pub async fn advance(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (order, id): (&OrderId, &LineId),
    from: LineStatus,
    to: LineStatus,
) -> Result<bool> {
    if !from.may_become(to) {
        return Err(Error::Conflict("line status"));
    }
    let moved = tx.exec(&MOVE, args![id, from, to]).await? == 1;
    if moved {
        record(tx, moment, order, id, (from, to));
    }
    Ok(moved)
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &OrderId,
    id: &LineId,
    (before, after): (LineStatus, LineStatus),
) {
    let (before, after) = (Some(before.as_str()), Some(after.as_str()));
    let change = Change {
        order: Some(order),
        subject: &id.0,
        action: "line.status",
        before,
        after,
        why: None,
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Line> {
    Ok(Line {
        id: row.get("id")?,
        order: row.get("order_id")?,
        course: row.get("course")?,
        title: row.get("title")?,
        list_price: row.get("list_price")?,
        price: row.get("price")?,
        access_days: row.get("access_days")?,
        promises: serde_json::from_str(&row.get::<String>("promises")?)?,
        status: row.get("status")?,
        open_grants: row.get("open_grants")?,
    })
}
