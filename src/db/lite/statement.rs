//! Statements on SQLite.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection};

use crate::db::columns::Columns;
use crate::db::{Arg, Row, Sql, dialect};

/// Prepare each; the first that the database does not understand is named.
pub(in crate::db) fn prepare_all(
    connection: &Connection,
    statements: &[&'static Sql],
) -> anyhow::Result<Columns> {
    let mut columns = Columns::default();
    for sql in statements {
        let names = prepare(connection, sql)
            .with_context(|| format!("SQLite does not accept this statement: {}", sql.lite))?;
        columns.learn(sql, names);
    }
    Ok(columns)
}

fn prepare(connection: &Connection, sql: &Sql) -> anyhow::Result<Arc<[String]>> {
    let statement = connection.prepare_cached(sql.lite)?;
    for index in 1..=statement.parameter_count() {
        place(&statement, index)?;
    }
    Ok(names(&statement))
}

pub(in crate::db) fn exec(connection: &Connection, sql: &Sql, args: &[Arg]) -> anyhow::Result<u64> {
    let run = || {
        let mut statement = bound(connection, sql, args)?;
        anyhow::Ok(u64::try_from(statement.raw_execute()?)?)
    };
    run().with_context(|| format!("running {}", sql.lite))
}

pub(in crate::db) fn rows(
    connection: &Connection,
    sql: &'static Sql,
    args: &[Arg],
    columns: &Columns,
) -> anyhow::Result<Vec<Row>> {
    let run = || {
        let mut statement = bound(connection, sql, args)?;
        let columns = columns.of(sql, || names(&statement));
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values = (0..columns.len())
                .map(|index| value(row.get_ref(index)?))
                .collect::<anyhow::Result<_>>()?;
            rows.push(Row {
                columns: Arc::clone(&columns),
                values,
            });
        }
        anyhow::Ok(rows)
    };
    run().with_context(|| format!("running {}", sql.lite))
}

/// Bind by name: SQLite reads `$2` as a name and numbers names by first appearance, so binding by
/// position would put values into the wrong columns, silently.
fn bound<'c>(
    connection: &'c Connection,
    sql: &Sql,
    args: &[Arg],
) -> anyhow::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(sql.lite)?;
    let wanted = statement.parameter_count();
    if wanted != args.len() {
        bail!("{wanted} parameters in the statement, {} given", args.len());
    }
    for index in 1..=wanted {
        let place = place(&statement, index)?;
        let arg = args
            .get(place - 1)
            .ok_or_else(|| anyhow!("no value for ${place}"))?;
        statement.raw_bind_parameter(index, arg)?;
    }
    Ok(statement)
}

/// The number in the parameter's name: 2 for `$2`.
fn place(statement: &CachedStatement<'_>, index: usize) -> anyhow::Result<usize> {
    statement
        .parameter_name(index)
        .and_then(|name| name.strip_prefix('$')?.parse().ok())
        .filter(|place| *place > 0)
        .ok_or_else(|| anyhow!("parameter {index} is not of the form $1"))
}

fn names(statement: &CachedStatement<'_>) -> Arc<[String]> {
    statement.column_names().map(str::to_owned).collect()
}

fn value(value: ValueRef<'_>) -> anyhow::Result<Arg> {
    Ok(match value {
        ValueRef::Null => Arg::Null,
        ValueRef::Integer(number) => Arg::Int(number),
        ValueRef::Text(text) => Arg::Text(std::str::from_utf8(text)?.to_owned()),
        ValueRef::Blob(bytes) => Arg::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => bail!("a floating point number, which no column of ours holds"),
    })
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(
                dialect::storable(text)
                    .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?
                    .as_bytes(),
            ),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
