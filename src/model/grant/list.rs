//! Grants as a list, for the seller: those planned first come first, because they wait longest.

use super::{Benefit, Grant, GrantState, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::GrantId;
use crate::model::code::OrderCode;
use crate::outcome::Who;

/// Which grants; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<GrantState>,
    /// That stand still until a person acts: action needed, given up, or a removal that waits for the seller.
    pub stuck: bool,
    /// That need this party.
    pub who: Option<Who>,
    /// That promise this.
    pub benefit: Option<Benefit>,
    /// Of this platform or file source.
    pub connection: Option<String>,
    /// Of the course with this slug.
    pub course: Option<String>,
    /// Planned before.
    pub planned_before: Option<Timestamp>,
}

/// A grant and where it belongs.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The grant.
    pub grant: Grant,
    /// Code of its order.
    pub order_code: OrderCode,
    /// Slug of its course.
    pub course: String,
}

crate::statements! {
    LIST = "SELECT grants.*, orders.name AS buyer, orders.code AS order_code, lines.course AS course
            FROM grants JOIN orders ON orders.id = grants.order_id JOIN lines ON lines.id = grants.line_id
            WHERE grants.id > $1 AND (CAST($2 AS TEXT) IS NULL OR grants.state = $2)
              AND (CAST($3 AS BIGINT) = 0 OR grants.state IN ('action_needed', 'gave_up')
                   OR (grants.state = 'revoking' AND grants.who = 'seller'))
              AND (CAST($4 AS TEXT) IS NULL OR grants.who = $4)
              AND (CAST($5 AS TEXT) IS NULL OR grants.kind = $5)
              AND (CAST($6 AS TEXT) IS NULL OR grants.connection = $6)
              AND (CAST($7 AS TEXT) IS NULL OR lines.course = $7)
              AND (CAST($8 AS BIGINT) IS NULL OR grants.planned_at < $8)
            ORDER BY grants.id LIMIT $9";
}

/// Grants, oldest first; those planned after the grant `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<&GrantId>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let values = args![
        after.map_or("", |id| id.0.as_str()),
        filter.state,
        filter.stuck,
        filter.who.map(Who::as_str),
        filter.benefit,
        filter.connection.as_deref(),
        filter.course.as_deref(),
        filter.planned_before,
        limit,
    ];
    let rows = tx.rows(&LIST, values).await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &Row) -> Result<Listed> {
    Ok(Listed {
        grant: read(row)?,
        order_code: row.get("order_code")?,
        course: row.get("course")?,
    })
}
