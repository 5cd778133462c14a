//! Grants of one learner and course, seen together: each is a reason for the same access outside. Who
//! decides about one looks at the others, and takes its turn before.

use super::{Grant, get};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{GrantId, OrderId};
use crate::outcome::Receipt;

crate::statements! {
    HOLD_ALL = "SELECT id FROM grants WHERE order_id = $1 ORDER BY id" | "SELECT id FROM grants WHERE order_id = $1 ORDER BY id FOR UPDATE";
    TAKE_TURN_OF = "SELECT COUNT($1) AS held"
                 | "SELECT COUNT(*) AS held FROM (SELECT pg_advisory_xact_lock(hashtextextended(
                      connection || chr(10) || target || chr(10) || learner, 0)) FROM grants WHERE id = $1) AS turn";
    TAKE_TURN = "SELECT COUNT($1) AS held"
              | "SELECT COUNT(*) AS held FROM pg_advisory_xact_lock(hashtextextended($1, 0))";
    BUSY = "SELECT id FROM grants WHERE connection = $1 AND target = $2 AND learner = $3 AND kind = 'enrolment'
              AND ((id <> $4 AND state IN ('working', 'verifying')) OR EXISTS
                (SELECT 1 FROM tasks WHERE tasks.subject = grants.id AND tasks.kind = 'withdraw' AND tasks.state = 'leased'))";
    ATTEMPTED = "SELECT id FROM tasks WHERE subject = $1 AND kind IN ('enrol', 'deliver', 'hand_over') AND state = 'leased'";
    OTHER_REASONS = "SELECT COUNT(*) AS reasons FROM grants WHERE connection = $1 AND target = $2 AND learner = $3
                       AND id <> $4 AND state IN ('waiting', 'working', 'verifying', 'active', 'action_needed')";
    RECEIPTS = "SELECT receipt FROM grants WHERE connection = $1 AND target = $2 AND learner = $3 AND receipt IS NOT NULL";
    CLOSED = "SELECT id, receipt FROM grants WHERE connection = $1 AND target = $2 AND learner = $3
                AND receipt LIKE '%\"closed_by_us\":true%'";
    RECEIPT = "UPDATE grants SET receipt = $2 WHERE id = $1";
    ENDS_LAST = "SELECT MAX(expires_at) AS ends FROM grants WHERE connection = $1 AND target = $2 AND learner = $3
                   AND id <> $4 AND state = 'active'";
}

/// Hold every grant of an order until the transaction ends. An attempt that is being recorded holds its
/// grant and then wants the order; whoever holds the order first would wait for it in a circle.
pub async fn hold_all(tx: &mut Tx<'_>, order: &OrderId) -> Result<()> {
    tx.rows(&HOLD_ALL, args![order]).await?;
    Ok(())
}

/// Wait until nobody else decides about the same access, and keep others waiting until this
/// transaction ends: two that look at each other's uncommitted grants would both decide wrongly.
/// Taken before any row, so that it never waits for somebody who waits for us.
pub async fn take_turn(tx: &mut Tx<'_>, grant: &Grant) -> Result<()> {
    let access = [&*grant.connection, &*grant.target, &*grant.learner].join("\n");
    tx.rows(&TAKE_TURN, args![access]).await?;
    Ok(())
}

/// By id, once it is its turn: whoever moves a grant, and its line and order with it, comes along here, or
/// one that moves all grants of the order from the other side would wait for a row of ours, and we for its.
pub async fn in_turn(tx: &mut Tx<'_>, id: &GrantId) -> Result<Grant> {
    tx.rows(&TAKE_TURN_OF, args![id]).await?;
    get(tx, id).await
}

/// Another attempt writes for the same learner and course right now, or removes: what is read
/// beside it may be gone a moment later.
pub async fn is_busy(tx: &mut Tx<'_>, grant: &Grant) -> Result<bool> {
    let values = args![&grant.connection, &grant.target, &grant.learner, &grant.id];
    Ok(tx.row(&BUSY, values).await?.is_some())
}

/// Other reasons for the same access outside: it is taken back only when there are none.
pub async fn other_reasons(tx: &mut Tx<'_>, grant: &Grant) -> Result<i64> {
    let values = args![&grant.connection, &grant.target, &grant.learner, &grant.id];
    let row = tx.row(&OTHER_REASONS, values).await?;
    row.map_or(Ok(0), |r| Ok(r.get("reasons")?))
}

/// An attempt of ours made the enrolment that this grant rests on; perhaps for another order, whose
/// grant found it first. One that was there before any of them is not ours to take back.
pub async fn is_of_our_making(tx: &mut Tx<'_>, grant: &Grant) -> Result<bool> {
    let Some(Receipt(own)) = &grant.receipt else {
        return Ok(false);
    };
    let made = enrolments_made(tx, grant).await?;
    Ok(made.iter().any(|id| own["enrolment"] == id.as_str()))
}

/// Every enrolment that an attempt of ours ever made for the same access, for whichever order.
pub async fn enrolments_made(tx: &mut Tx<'_>, grant: &Grant) -> Result<Vec<String>> {
    let values = args![&grant.connection, &grant.target, &grant.learner];
    let mut made = Vec::new();
    for row in tx.rows(&RECEIPTS, values).await? {
        let receipt: serde_json::Value = serde_json::from_str(&row.get::<String>("receipt")?)?;
        if let (true, Some(id)) = (receipt["created"] == true, receipt["enrolment"].as_str()) {
            made.push(id.to_owned());
        }
    }
    Ok(made)
}

/// We closed this enrolment on the platform ourselves, or were about to. One that somebody else closed
/// there is not ours to open.
pub async fn is_closed_by_us(tx: &mut Tx<'_>, grant: &Grant) -> Result<bool> {
    Ok(!closed(tx, grant).await?.is_empty())
}

/// It is open again: who closes it from now on is somebody else, until we do.
pub async fn forget_closing(tx: &mut Tx<'_>, grant: &Grant) -> Result<()> {
    for (id, mut receipt) in closed(tx, grant).await? {
        receipt["closed_by_us"] = false.into();
        tx.exec(&RECEIPT, args![&id, receipt.to_string()]).await?;
    }
    Ok(())
}

async fn closed(tx: &mut Tx<'_>, grant: &Grant) -> Result<Vec<(GrantId, serde_json::Value)>> {
    let values = args![&grant.connection, &grant.target, &grant.learner];
    let rows = tx.rows(&CLOSED, values).await?;
    rows.iter()
        .map(|row| {
            let receipt = serde_json::from_str(&row.get::<String>("receipt")?)?;
            Ok((row.get("id")?, receipt))
        })
        .collect()
}

/// An attempt to keep it is running at this moment.
pub async fn is_attempted(tx: &mut Tx<'_>, id: &GrantId) -> Result<bool> {
    Ok(tx.row(&ATTEMPTED, args![id]).await?.is_some())
}

/// When the last of the other grants for the same access ends, where one has an end.
pub async fn ends_last(tx: &mut Tx<'_>, grant: &Grant) -> Result<Option<Timestamp>> {
    let values = args![&grant.connection, &grant.target, &grant.learner, &grant.id];
    let row = tx.row(&ENDS_LAST, values).await?;
    row.map_or(Ok(None), |r| Ok(r.get("ends")?))
}
