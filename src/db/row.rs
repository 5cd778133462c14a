//! Values in and out: the four kinds of value that both databases store alike.

use std::sync::Arc;

use anyhow::{anyhow, bail};

use crate::clock::Timestamp;

/// One value. Flags are 0 and 1; times are milliseconds; money is minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BLOB, BYTEA.
    Bytes(Vec<u8>),
}

impl Arg {
    /// The kind, for errors: a value may be a secret, so it is never printed.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// The parameters of a statement, in the order of `$1`, `$2`, …
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Arg::from($value)),*] };
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Arg {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<usize> for Arg {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<Timestamp> for Arg {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.0)
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! id_args {
    ($($id:ident),*) => {$(
        impl From<&$crate::id::$id> for Arg {
            fn from(id: &$crate::id::$id) -> Self { Self::Text(id.0.clone()) }
        }
        impl FromArg for $crate::id::$id {
            fn from_arg(value: &Arg) -> anyhow::Result<Self> { String::from_arg(value).map(Self) }
        }
    )*};
}

id_args!(
    OrderId,
    RefundId,
    DisputeId,
    LineId,
    GrantId,
    CustomerId,
    PaymentId,
    EventId,
    TransferId,
    AllocationId,
    TaskId,
    EmailId,
    AuditId,
    CouponId,
    ApiKeyId,
    VersionId,
    DriveFolderId
);

/// A value read back as a Rust type.
pub trait FromArg: Sized {
    /// Fails when the column holds another kind: a fault of ours, not of the input.
    fn from_arg(value: &Arg) -> anyhow::Result<Self>;
}

impl FromArg for i64 {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        match value {
            Arg::Int(number) => Ok(*number),
            other => bail!("expected a number, found {}", other.kind()),
        }
    }
}

impl FromArg for bool {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        i64::from_arg(value).map(|number| number != 0)
    }
}

impl FromArg for Timestamp {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        i64::from_arg(value).map(Self)
    }
}

impl FromArg for String {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        match value {
            Arg::Text(text) => Ok(text.clone()),
            other => bail!("expected text, found {}", other.kind()),
        }
    }
}

impl FromArg for Vec<u8> {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        match value {
            Arg::Bytes(bytes) => Ok(bytes.clone()),
            other => bail!("expected bytes, found {}", other.kind()),
        }
    }
}

impl<T: FromArg> FromArg for Option<T> {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        match value {
            Arg::Null => Ok(None),
            other => T::from_arg(other).map(Some),
        }
    }
}

/// One row of a result; columns by name.
#[derive(Debug, Clone)]
pub struct Row {
    pub(super) columns: Arc<[String]>,
    pub(super) values: Vec<Arg>,
}

impl Row {
    /// The value of a column.
    pub fn get<T: FromArg>(&self, column: &str) -> anyhow::Result<T> {
        let place = self
            .columns
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| anyhow!("no column {column:?} in this result"))?;
        T::from_arg(&self.values[place]).map_err(|e| e.context(format!("column {column:?}")))
    }
}
