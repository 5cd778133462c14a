//! Money that is not where it should be yet: transfers that wait for a person, surplus that belongs to its
//! payer, refunds on their way. Counts and ages, for whoever watches over the shop.

use super::transfer::Class;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::money::{Currency, Money};

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct OpenMoney {
    /// Transfers that wait for a person, by class.
    pub waiting: Vec<Waiting>,
    /// Surplus that is to be paid back, by currency.
    pub due: Vec<Due>,
    /// Refunds that were asked for and are not done, by who carries them out.
    pub refunds: Vec<Pending>,
}

/// Transfers of one class.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Their class.
    pub class: Class,
    /// How many.
    pub transfers: i64,
    /// When the oldest came in.
    pub since: Timestamp,
}

/// Surplus in one currency.
#[derive(Debug, Clone)]
pub struct Due {
    /// The sum.
    pub amount: Money,
    /// Of how many transfers.
    pub transfers: i64,
}

/// Refunds by one gateway.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Which gateway, or `hand`.
    pub gateway: String,
    /// How many.
    pub refunds: i64,
    /// When the oldest was asked for.
    pub since: Timestamp,
}

crate::statements! {
    WAITING = "SELECT class, COUNT(*) AS transfers, MIN(received_at) AS since FROM transfers
               WHERE closed_at IS NULL GROUP BY class ORDER BY class";
    DUE = "SELECT currency, CAST(SUM(surplus - returned) AS BIGINT) AS amount, COUNT(*) AS transfers FROM transfers
           WHERE surplus > returned GROUP BY currency ORDER BY currency";
    PENDING = "SELECT gateway, COUNT(*) AS refunds, MIN(created_at) AS since FROM refunds
               WHERE state IN ('asked', 'sent') GROUP BY gateway ORDER BY gateway";
}

/// Count it.
pub async fn count(tx: &mut Tx<'_>) -> Result<OpenMoney> {
    let rows = tx.rows(&WAITING, args![]).await?;
    let waiting = rows.iter().map(waiting).collect::<Result<_>>()?;
    let rows = tx.rows(&DUE, args![]).await?;
    let due = rows.iter().map(due).collect::<Result<_>>()?;
    let rows = tx.rows(&PENDING, args![]).await?;
    let refunds = rows.iter().map(pending).collect::<Result<_>>()?;
    Ok(OpenMoney {
        waiting,
        due,
        refunds,
    })
}

fn waiting(row: &Row) -> Result<Waiting> {
    Ok(Waiting {
        class: row.get("class")?,
        transfers: row.get("transfers")?,
        since: row.get("since")?,
    })
}

fn due(row: &Row) -> Result<Due> {
    let currency: String = row.get("currency")?;
    let currency =
        Currency::parse(&currency).ok_or_else(|| anyhow::anyhow!("currency {currency:?}"))?;
    let minor = row.get("amount")?;
    Ok(Due {
        amount: Money { minor, currency },
        transfers: row.get("transfers")?,
    })
}

fn pending(row: &Row) -> Result<Pending> {
    Ok(Pending {
        gateway: row.get("gateway")?,
        refunds: row.get("refunds")?,
        since: row.get("since")?,
    })
}
