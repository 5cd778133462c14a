//! Checkout: bring a checkout at a gateway in line with its order. When the order needs its money no more, or
//! needs another amount, or its attempt was left behind for a newer one, it is ended, so that nobody pays
//! twice; else what has become of it is looked up, so that a message that was lost is not missed.

use super::{Effect, Prepared, keeping, reports};
use crate::app::Desk;
use crate::connectors::Connectors;
use crate::db::Tx;
use crate::error::Result;
use crate::id::PaymentId;
use crate::model::order::{self, PaymentStatus};
use crate::model::payment::{self, Payment, PaymentState};
use crate::model::task::{Finish, Leased};
use crate::model::{Moment, audit};
use crate::outcome::{Outcome, Who};

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checkout;

/// Which checkout, and what to do with it.
pub(super) struct Request {
    gateway: String,
    reference: String,
    end: bool,
}

impl Effect for Checkout {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let payment = payment::get(tx, &PaymentId::from(task.subject.as_str())).await?;
        if payment.state != PaymentState::Open && !payment.is_left_behind() {
            return Ok(Prepared::Nothing);
        }
        let Some(reference) = payment.reference.clone() else {
            // Our call did not return, or never left. What it made there will tell of itself, and
            // ends by itself.
            let why = "the gateway never named it";
            let over = payment.until.is_none_or(|until| until <= moment.now);
            if over {
                order::hold(tx, &payment.order).await?;
                payment::advance(tx, &payment, PaymentState::Closed, Some(why)).await?;
            }
            return Ok(Prepared::Nothing);
        };
        let end = payment.is_left_behind() || is_needless(tx, &payment).await?;
        Ok(Prepared::Act(Request {
            gateway: payment.gateway,
            reference,
            end,
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let Some(teller) = world.tellers.get(request.gateway.as_str()) else {
            let why = format!("{} is not configured any more", request.gateway);
            let who = Who::Seller;
            return Outcome::ActionNeeded { who, why };
        };
        let answer = if request.end {
            teller.close(&request.reference).await
        } else {
            teller.look(&request.reference).await
        };
        reports::outcome_of(answer)
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        let id = PaymentId::from(task.subject.as_str());
        let payment = payment::get(tx, &id).await?;
        // Held before the task: whoever moves the order has its checkouts looked after.
        order::hold(tx, &payment.order).await?;
        keeping::breaker(tx, moment, task, outcome).await?;
        let Outcome::Done(receipt) = outcome else {
            return Ok(keeping::finish(moment, task, outcome));
        };
        reports::settle_answer(tx, moment, desk, &payment.gateway, receipt).await?;
        let payment = payment::get(tx, &id).await?;
        audit::write(tx, moment, &looked(&payment));
        if payment.state == PaymentState::Open && is_needless(tx, &payment).await? {
            let why = "the order moved while its checkout was looked at".to_owned();
            let (at, rejected) = (moment.now, false);
            return Ok(Finish::Again { at, why, rejected });
        }
        // Still open: it is looked after again when it has ended, or when its order moves.
        Ok(Finish::Done)
    }
}

fn looked(payment: &Payment) -> audit::Change<'_> {
    audit::Change {
        order: Some(&payment.order),
        subject: &payment.id.0,
        action: "payment.looked",
        after: Some(payment.state.as_str()),
        ..audit::Change::default()
    }
}

/// The order needs no money, or another amount than this checkout asks for.
async fn is_needless(tx: &mut Tx<'_>, payment: &Payment) -> Result<bool> {
    let order = order::get(tx, &payment.order).await?;
    let wanted = order.payment_status == PaymentStatus::Pending && order.owed() == payment.amount;
    Ok(!wanted)
}
