//! Customers: one per e-mail address. An order freezes its own copy of what it needs.

use super::Moment;
use crate::args;
use crate::db::Tx;
use crate::error::Result;
use crate::id::CustomerId;

crate::statements! {
    MEET = "INSERT INTO customers (id, email, name, phone, created_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (email) DO UPDATE SET
              name = CASE WHEN excluded.name = '' THEN customers.name ELSE excluded.name END,
              phone = COALESCE(excluded.phone, customers.phone)
            RETURNING id";
}

/// The customer of this address, made or brought up to date. `email` is lower-case already.
pub async fn meet(
    tx: &mut Tx<'_>,
    moment: &Moment,
    email: &str,
    name: &str,
    phone: Option<&str>,
) -> Result<CustomerId> {
    let id = moment.id::<CustomerId>();
    let row = tx
        .row(&MEET, args![&id, email, name, phone, moment.now])
        .await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("the customer upsert returned nothing"))?;
    Ok(row.get("id")?)
}
