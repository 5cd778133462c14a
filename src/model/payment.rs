//! Payments: one intention to pay at one gateway. Made with the order; what really moved is a transfer.

use super::Moment;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::id::{OrderId, PaymentId};
use crate::money::Money;

/// A payment as stored.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// At which gateway.
    pub gateway: String,
    /// What was to be paid, in minor units.
    pub amount: i64,
    /// ISO 4217 code of the amount.
    pub currency: String,
    /// `open`, `paid` or `closed`.
    pub state: String,
    /// When it was opened.
    pub created_at: Timestamp,
}

crate::statements! {
    OPEN = "INSERT INTO payments (id, order_id, gateway, amount, currency, state, created_at)
            VALUES ($1, $2, $3, $4, $5, 'open', $6) ON CONFLICT DO NOTHING";
    OF_ORDER = "SELECT * FROM payments WHERE order_id = $1 ORDER BY created_at, id";
    PAID = "UPDATE payments SET state = 'paid' WHERE order_id = $1 AND gateway = $2 AND state <> 'paid'";
}

/// Open the payment of an order at a gateway; a second time finds the first.
pub fn open(tx: &mut Tx<'_>, moment: &Moment, order: &OrderId, gateway: &str, amount: Money) {
    let id = moment.id::<PaymentId>();
    let currency = amount.currency.code();
    tx.later(
        &OPEN,
        args![&id, order, gateway, amount.minor, currency, moment.now],
    );
}

/// The money came through this gateway.
pub fn paid(tx: &mut Tx<'_>, order: &OrderId, gateway: &str) {
    tx.later(&PAID, args![order, gateway]);
}

/// The payments of an order, oldest first.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Payment>> {
    tx.rows(&OF_ORDER, args![order])
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &Row) -> Result<Payment> {
    Ok(Payment {
        id: row.get("id")?,
        gateway: row.get("gateway")?,
        amount: row.get("amount")?,
        currency: row.get("currency")?,
        state: row.get("state")?,
        created_at: row.get("created_at")?,
    })
}
