//! A checkout at a gateway: open, ended, failed. It moves no money and no order.

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::{CheckoutFact, CheckoutState};
use crate::fulfilment::plan;
use crate::id::PaymentId;
use crate::model::Moment;
use crate::model::order;
use crate::model::payment::{self, Payment, PaymentState};

/// Take in where a checkout stands. One that is not ours, or that we forgot, changes nothing.
pub(super) async fn take(tx: &mut Tx<'_>, moment: &Moment, fact: &CheckoutFact) -> Result<()> {
    let Some(payment) = find(tx, fact).await? else {
        return Ok(());
    };
    let (to, why) = match fact.state {
        // What nobody was sent to is ended, though it came about after all.
        CheckoutState::Open if payment.is_left_behind() => {
            return plan::look_after(tx, moment, &payment).await;
        }
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

/// By its name, or by ours: it has no name here as long as our own call has not returned.
async fn find(tx: &mut Tx<'_>, fact: &CheckoutFact) -> Result<Option<Payment>> {
    let (gateway, name) = (&fact.gateway, &fact.reference);
    if let Some(known) = payment::by_reference(tx, gateway, name).await? {
        return Ok(Some(known));
    }
    let Some(ours) = &fact.payment else {
        return Ok(None);
    };
    let ours = PaymentId::from(ours.as_str());
    let ours = match payment::get(tx, &ours).await {
        Ok(ours) if ours.gateway == *gateway => ours,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(None),
        Err(e) => return Err(e),
    };
    order::hold(tx, &ours.order).await?;
    if payment::name(tx, &ours.id, name, None).await? {
        payment::get(tx, &ours.id).await.map(Some)
    } else {
        Ok(None)
    }
}
