//! Reads for money reports: what moved on which day and account, and every transfer of a span with all
//! its names. They change nothing, and look at every row of the span: a person waits for them.

use std::collections::HashMap;

use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::fact::Direction;
use crate::id::TransferId;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A span of time, and whose days it is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment in it.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// Minutes east of Greenwich.
    pub utc_offset_minutes: i32,
}

impl Span {
    /// Is this moment in it?
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// The day of a moment, as `2026-01-31`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        at.local(self.utc_offset_minutes, "%Y-%m-%d")
    }

    fn offset(&self) -> i64 {
        i64::from(self.utc_offset_minutes) * 60_000
    }
}

/// How many, and how much in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many.
    pub count: i64,
    /// How much.
    pub sum: i64,
}

/// Which day, account and currency a row is about. The account is empty for money from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As `2026-01-31`.
    pub day: String,
    /// As the gateway writes it.
    pub account: String,
    /// ISO 4217.
    pub currency: String,
}

/// What became of the money that moved on one day and account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Came in.
    pub received: Tally,
    /// Of it, pays orders.
    pub allocated: Tally,
    /// Of it, belongs to the payer again and has not gone back.
    pub due: Tally,
    /// Of it, waits for a person.
    pub waiting: Tally,
    /// Went out.
    pub sent: Tally,
}

/// A transfer as a report compares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// Its id.
    pub id: TransferId,
    /// Every name of it: gateway, and that gateway's id.
    pub names: Vec<(String, String)>,
    /// Who reported it first.
    pub gateway: String,
    /// Account, direction, amount, reference and second, joined.
    pub natural_key: Option<String>,
    /// The account.
    pub account: String,
    /// The virtual account.
    pub sub_account: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The bank's reference.
    pub reference: String,
    /// When the bank booked it; else when we heard of it.
    pub at: Timestamp,
}

crate::statements! {
    MOVED = "SELECT day, account, currency,
               CAST(SUM(CASE WHEN direction = 'in' THEN 1 ELSE 0 END) AS BIGINT) AS received_count,
               CAST(SUM(CASE WHEN direction = 'in' THEN amount ELSE 0 END) AS BIGINT) AS received_sum,
               CAST(SUM(CASE WHEN allocated > 0 THEN 1 ELSE 0 END) AS BIGINT) AS allocated_count,
               CAST(SUM(allocated) AS BIGINT) AS allocated_sum,
               CAST(SUM(CASE WHEN due > 0 THEN 1 ELSE 0 END) AS BIGINT) AS due_count,
               CAST(SUM(due) AS BIGINT) AS due_sum,
               CAST(SUM(CASE WHEN waiting > 0 THEN 1 ELSE 0 END) AS BIGINT) AS waiting_count,
               CAST(SUM(waiting) AS BIGINT) AS waiting_sum,
               CAST(SUM(CASE WHEN direction = 'out' THEN 1 ELSE 0 END) AS BIGINT) AS sent_count,
               CAST(SUM(CASE WHEN direction = 'out' THEN amount ELSE 0 END) AS BIGINT) AS sent_sum
             FROM (
               SELECT day, account, currency, direction, amount, allocated, due,
                 CASE WHEN direction = 'in' AND closed_at IS NULL THEN amount - surplus - allocated ELSE 0 END AS waiting
               FROM (
                 SELECT (COALESCE(t.booked_at, t.received_at) + $3) / 86400000 AS day, t.account, t.currency, t.direction,
                   t.amount, t.surplus, t.surplus - t.returned AS due, t.closed_at,
                   (SELECT CAST(COALESCE(SUM(a.amount), 0) AS BIGINT) FROM allocations a
                    WHERE a.transfer_id = t.id AND a.undone_at IS NULL) AS allocated
                 FROM transfers t
                 WHERE COALESCE(t.booked_at, t.received_at) >= $1 AND COALESCE(t.booked_at, t.received_at) < $2
                   AND ($4 = '' OR t.account = $4 OR t.sub_account = $4)
               ) each_one
             ) with_waiting
             GROUP BY day, account, currency ORDER BY day, account, currency";
    REFUNDED = "SELECT day, account, currency, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS total
                FROM (
                  SELECT (r.done_at + $3) / 86400000 AS day, COALESCE(t.account, '') AS account, r.currency, r.amount
                  FROM refunds r LEFT JOIN transfers t ON t.id = r.transfer_id
                  WHERE r.state = 'done' AND r.done_at >= $1 AND r.done_at < $2
                    AND ($4 = '' OR t.account = $4 OR t.sub_account = $4)
                ) each_one
                GROUP BY day, account, currency ORDER BY day, account, currency";
    BOOKED = "SELECT id, gateway, natural_key, account, sub_account, direction, amount, currency, reference,
                COALESCE(booked_at, received_at) AS at
              FROM transfers
              WHERE COALESCE(booked_at, received_at) >= $1 AND COALESCE(booked_at, received_at) < $2
              ORDER BY id";
    NAMES = "SELECT transfer_names.transfer_id, transfer_names.gateway, transfer_names.provider_id
             FROM transfer_names JOIN transfers ON transfers.id = transfer_names.transfer_id
             WHERE COALESCE(transfers.booked_at, transfers.received_at) >= $1
               AND COALESCE(transfers.booked_at, transfers.received_at) < $2
             ORDER BY transfer_names.transfer_id";
}

/// Transfers by the day they were booked, with what has become of each by now. An empty `account` is all.
pub async fn moved(tx: &mut Tx<'_>, span: &Span, account: &str) -> Result<Vec<(Place, Moved)>> {
    let values = args![span.from, span.to, span.offset(), account];
    let rows = tx.rows(&MOVED, values).await?;
    let read = |row: &Row| {
        let tally = |count: &str, sum: &str| -> Result<Tally> {
            Ok(Tally {
                count: row.get(count)?,
                sum: row.get(sum)?,
            })
        };
        let moved = Moved {
            received: tally("received_count", "received_sum")?,
            allocated: tally("allocated_count", "allocated_sum")?,
            due: tally("due_count", "due_sum")?,
            waiting: tally("waiting_count", "waiting_sum")?,
            sent: tally("sent_count", "sent_sum")?,
        };
        Ok((place(row)?, moved))
    };
    rows.iter().map(read).collect()
}

/// Refunds by the day their payers had them, on the account that the money had come to.
pub async fn refunded(tx: &mut Tx<'_>, span: &Span, account: &str) -> Result<Vec<(Place, Tally)>> {
    let values = args![span.from, span.to, span.offset(), account];
    let rows = tx.rows(&REFUNDED, values).await?;
    let read = |row: &Row| {
        let tally = Tally {
            count: row.get("n")?,
            sum: row.get("total")?,
        };
        Ok((place(row)?, tally))
    };
    rows.iter().map(read).collect()
}

/// Every transfer of a span.
pub async fn booked(tx: &mut Tx<'_>, span: &Span) -> Result<Vec<Booked>> {
    let mut names: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for row in tx.rows(&NAMES, args![span.from, span.to]).await? {
        let name = (row.get("gateway")?, row.get("provider_id")?);
        names.entry(row.get("transfer_id")?).or_default().push(name);
    }
    let rows = tx.rows(&BOOKED, args![span.from, span.to]).await?;
    let mut booked: Vec<Booked> = rows.iter().map(read).collect::<Result<_>>()?;
    for one in &mut booked {
        one.names = names.remove(&one.id.0).unwrap_or_default();
    }
    Ok(booked)
}

fn place(row: &Row) -> Result<Place> {
    let day: i64 = row.get("day")?;
    Ok(Place {
        day: Timestamp(day * DAY).local(0, "%Y-%m-%d"),
        account: row.get("account")?,
        currency: row.get("currency")?,
    })
}

fn read(row: &Row) -> Result<Booked> {
    Ok(Booked {
        id: row.get("id")?,
        names: Vec::new(),
        gateway: row.get("gateway")?,
        natural_key: row.get("natural_key")?,
        account: row.get("account")?,
        sub_account: row.get("sub_account")?,
        direction: if row.get::<String>("direction")? == "out" {
            Direction::Out
        } else {
            Direction::In
        },
        amount: row.get("amount")?,
        currency: row.get("currency")?,
        reference: row.get("reference")?,
        at: row.get("at")?,
    })
}
