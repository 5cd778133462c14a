//! Statements on PostgreSQL.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use futures_util::TryStreamExt;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::explain;
use crate::db::columns::Columns;
use crate::db::{Arg, Row, Sql, dialect};

/// Prepare each; the first that the database does not understand, or that has a type which
/// [`Arg`] cannot hold, is named.
pub(in crate::db) async fn prepare_all(
    client: &ClientWrapper,
    statements: &[&'static Sql],
) -> anyhow::Result<Columns> {
    let mut columns = Columns::default();
    for sql in statements {
        let what = || format!("PostgreSQL does not accept this statement: {}", sql.pg);
        let prepared = client.prepare_cached(sql.pg).await;
        let statement = prepared.map_err(explain).with_context(what)?;
        known_types(&statement).with_context(what)?;
        columns.learn(sql, names(&statement));
    }
    Ok(columns)
}

fn known_types(statement: &Statement) -> anyhow::Result<()> {
    for (index, kind) in statement.params().iter().enumerate() {
        let place = index + 1;
        ensure!(
            is_known(kind),
            "${place} is taken as {kind}: use CAST(${place} AS BIGINT) or AS TEXT"
        );
    }
    for column in statement.columns() {
        let (name, kind) = (column.name(), column.type_());
        ensure!(
            is_known(kind) || *kind == Type::BOOL,
            "column {name} is of type {kind}: use CAST(.. AS BIGINT) or AS TEXT"
        );
    }
    Ok(())
}

fn is_known(kind: &Type) -> bool {
    is_int(kind) || is_text(kind) || *kind == Type::BYTEA
}

fn is_int(kind: &Type) -> bool {
    [Type::INT8, Type::INT4, Type::INT2].contains(kind)
}

fn is_text(kind: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME].contains(kind)
}

pub(super) async fn exec(client: &ClientWrapper, sql: &Sql, args: &[Arg]) -> anyhow::Result<u64> {
    exec_text(client, sql.pg, args).await
}

/// The same for a text of which there is no static.
pub(super) async fn exec_text(
    client: &ClientWrapper,
    text: &str,
    args: &[Arg],
) -> anyhow::Result<u64> {
    let what = || format!("running {text}");
    let statement = prepared(client, text, args).await.with_context(what)?;
    let changed = client.execute_raw(&statement, args).await;
    changed.map_err(explain).with_context(what)
}

pub(super) async fn rows(
    client: &ClientWrapper,
    sql: &'static Sql,
    args: &[Arg],
    columns: &Columns,
) -> anyhow::Result<Vec<Row>> {
    let what = || format!("running {}", sql.pg);
    let statement = prepared(client, sql.pg, args).await.with_context(what)?;
    let columns = columns.of(sql, || names(&statement));
    let found = client.query_raw(&statement, args).await;
    let mut found = pin!(found.map_err(explain).with_context(what)?);
    let mut rows = Vec::new();
    while let Some(row) = found.try_next().await.map_err(explain).with_context(what)? {
        let values = (0..columns.len())
            .map(|index| value(&row, index))
            .collect::<anyhow::Result<_>>()
            .with_context(what)?;
        rows.push(Row {
            columns: Arc::clone(&columns),
            values,
        });
    }
    Ok(rows)
}

pub(super) async fn prepared(
    client: &ClientWrapper,
    text: &str,
    args: &[Arg],
) -> anyhow::Result<Statement> {
    let statement = client.prepare_cached(text).await.map_err(explain)?;
    let wanted = statement.params().len();
    if wanted != args.len() {
        bail!("{wanted} parameters in the statement, {} given", args.len());
    }
    Ok(statement)
}

fn names(statement: &Statement) -> Arc<[String]> {
    statement
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect()
}

fn value(row: &tokio_postgres::Row, index: usize) -> anyhow::Result<Arg> {
    Ok(match row.columns()[index].type_() {
        &Type::INT8 => row.try_get::<_, Option<i64>>(index)?.into(),
        &Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(i64::from).into(),
        &Type::INT2 => row.try_get::<_, Option<i16>>(index)?.map(i64::from).into(),
        // A comparison in a select list; SQLite answers it with 0 and 1.
        &Type::BOOL => row.try_get::<_, Option<bool>>(index)?.into(),
        &Type::BYTEA => row
            .try_get::<_, Option<Vec<u8>>>(index)?
            .map_or(Arg::Null, Arg::Bytes),
        kind if is_text(kind) => row.try_get::<_, Option<String>>(index)?.into(),
        kind => bail!("column {} is of type {kind}", row.columns()[index].name()),
    })
}

/// The statement decides the width of a number; a value of the wrong kind is our fault and an error.
impl ToSql for Arg {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(number), &Type::INT8) => number.to_sql(kind, out),
            (Self::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (Self::Int(number), &Type::INT2) => i16::try_from(*number)?.to_sql(kind, out),
            (Self::Text(text), kind) if is_text(kind) => dialect::storable(text)?.to_sql(kind, out),
            (Self::Bytes(bytes), &Type::BYTEA) => bytes.as_slice().to_sql(kind, out),
            (_, kind) => Err(format!("a value of another kind than the column's {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
