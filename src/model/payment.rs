//! Payments: one intention to pay at one gateway. Made with the order; what really moved is a transfer.

use super::Moment;
use crate::args;
use crate::db::Tx;
use crate::id::{OrderId, PaymentId};
use crate::money::Money;

crate::statements! {
    OPEN = "INSERT INTO payments (id, order_id, gateway, amount, currency, state, created_at)
            VALUES ($1, $2, $3, $4, $5, 'open', $6) ON CONFLICT DO NOTHING";
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
