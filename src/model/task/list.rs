//! Tasks as a list, for the seller: oldest first.

use super::{Kind, TaskState};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::{OrderId, TaskId};

/// Which tasks; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<TaskState>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this connection.
    pub connection: Option<String>,
}

/// A task as a person sees it; its lease is nobody's business.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: TaskId,
    /// Which effect.
    pub kind: Kind,
    /// Where it stands.
    pub state: TaskState,
    /// Its order.
    pub order: Option<OrderId>,
    /// The grant, e-mail or event it works on.
    pub subject: String,
    /// Its connection.
    pub connection: Option<String>,
    /// Times it was tried.
    pub attempts: i64,
    /// Permanent failures.
    pub rejections: i64,
    /// Why it is not done.
    pub why: Option<String>,
    /// When it is or was due.
    pub due: Timestamp,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

crate::statements! {
    LIST = "SELECT * FROM tasks WHERE id > $1 AND (CAST($2 AS TEXT) IS NULL OR state = $2)
              AND (CAST($3 AS TEXT) IS NULL OR kind = $3) AND (CAST($4 AS TEXT) IS NULL OR connection = $4)
            ORDER BY id LIMIT $5";
}

/// Tasks, oldest first; those decided after the task `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<&TaskId>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let values = args![
        after.map_or("", |id| id.0.as_str()),
        filter.state,
        filter.kind,
        filter.connection.as_deref(),
        limit,
    ];
    tx.rows(&LIST, values).await?.iter().map(listed).collect()
}

fn listed(row: &Row) -> Result<Listed> {
    Ok(Listed {
        id: row.get("id")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        order: row.get("order_id")?,
        subject: row.get("subject")?,
        connection: row.get("connection")?,
        attempts: row.get("attempts")?,
        rejections: row.get("rejections")?,
        why: row.get("why")?,
        due: row.get("run_at")?,
        created_at: row.get("created_at")?,
        finished_at: row.get("finished_at")?,
    })
}
