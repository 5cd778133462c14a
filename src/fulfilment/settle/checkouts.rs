//! A checkout at a gateway: open, ended, failed. It moves no money and no order.

use crate::db::Tx;
use crate::error::Result;
use crate::fact::{CheckoutFact, CheckoutState};
use crate::id::OrderId;
use crate::model::order;
use crate::model::payment::{self, Payment, PaymentState};

/// Take in where a checkout stands. One that is not ours, or that we forgot, changes nothing.
pub(super) async fn take(tx: &mut Tx<'_>, fact: &CheckoutFact) -> Result<()> {
    let Some(payment) = find(tx, fact).await? else {
        return Ok(());
    };
    let (to, why) = match fact.state {
        // Complete: the money is a fact of its own.
        CheckoutState::Open | CheckoutState::Complete => return Ok(()),
        CheckoutState::Expired => (PaymentState::Closed, "the checkout ended unpaid"),
        CheckoutState::Failed => (PaymentState::Failed, "the payment failed at the gateway"),
    };
    // The order first: money that pays it moves its checkouts too.
    order::hold(tx, &payment.order).await?;
    payment::advance(tx, &payment, to, Some(why)).await?;
    Ok(())
}

/// By its name; or the order's latest, which has none as long as our own call has not returned.
async fn find(tx: &mut Tx<'_>, fact: &CheckoutFact) -> Result<Option<Payment>> {
    let (gateway, name) = (&fact.gateway, &fact.reference);
    if let Some(known) = payment::by_reference(tx, gateway, name).await? {
        return Ok(Some(known));
    }
    let Some(order) = &fact.order else {
        return Ok(None);
    };
    let order = OrderId::from(order.as_str());
    let Some(last) = payment::last(tx, &order, gateway).await? else {
        return Ok(None);
    };
    if last.reference.is_some() {
        return Ok(None);
    }
    order::hold(tx, &order).await?;
    let ours = payment::name(tx, &last.id, name, None).await?;
    Ok(ours.then_some(last))
}
