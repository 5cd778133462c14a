//! Refund: ask a gateway to pay money back. The refund's own id is the idempotency key, so that asking
//! twice is asking once. A refusal for good puts the money back into the books, and access with it.

use serde::{Deserialize, Serialize};

use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::Connectors;
use crate::connectors::gateways::teller::RefundAsk;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::{RefundFact, RefundProgress};
use crate::fulfilment::{hold, refund as steps};
use crate::id::RefundId;
use crate::model::Moment;
use crate::model::refund::{self, RefundState};
use crate::model::task::{Finish, Leased};
use crate::model::transfer;
use crate::outcome::{Outcome, Receipt, Who};

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refund;

/// Where, and what to ask.
pub(super) struct Request {
    gateway: String,
    ask: RefundAsk,
}

/// The gateway's answer, between act and record.
#[derive(Serialize, Deserialize)]
struct Answer {
    provider_id: String,
    progress: String,
    why: Option<String>,
}

impl Effect for Refund {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        _moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let refund = refund::get(tx, &RefundId::from(task.subject.as_str())).await?;
        if refund.state != RefundState::Asked {
            return Ok(Prepared::Nothing);
        }
        let Some(transfer) = &refund.transfer else {
            return Err(Error::Conflict("a refund of no transfer"));
        };
        let transfer = transfer::get(tx, transfer).await?;
        Ok(Prepared::Act(Request {
            gateway: refund.gateway,
            ask: RefundAsk {
                refund: refund.id.0,
                transfer: transfer.provider_id,
                amount: refund.amount,
                order: refund.order.map(|order| order.0),
            },
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let Some(teller) = world.tellers.get(request.gateway.as_str()) else {
            let why = format!("{} is not configured any more", request.gateway);
            let who = Who::Connection;
            return Outcome::ActionNeeded { who, why };
        };
        let fact = match teller.refund(&request.ask).await {
            Ok(fact) => fact,
            Err(fault) => return keeping::outcome_of(fault),
        };
        match serde_json::to_value(Answer::from(fact)) {
            Ok(answer) => Outcome::Done(Receipt(answer)),
            Err(e) => Outcome::Rejected { why: e.to_string() },
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        let refund = hold::refund(tx, &RefundId::from(task.subject.as_str())).await?;
        keeping::breaker(tx, moment, task, outcome).await?;
        if let Outcome::Done(receipt) = outcome {
            let answer: Answer = serde_json::from_value(receipt.0.clone())?;
            let fact = answer.about(&refund);
            steps::progress(tx, moment, &desk.policy, &refund, &fact).await?;
            return Ok(Finish::Done);
        }
        let finish = keeping::finish(moment, task, outcome);
        // A message may have told meanwhile that it went: then the refusal is of a second one.
        if let Finish::Dead { why } = &finish
            && refund.state == RefundState::Asked
        {
            steps::fail(tx, moment, &desk.policy, &refund, why).await?;
        }
        Ok(finish)
    }
}

impl From<RefundFact> for Answer {
    fn from(fact: RefundFact) -> Self {
        let progress = match fact.progress {
            RefundProgress::Pending => "pending",
            RefundProgress::Succeeded => "succeeded",
            RefundProgress::Failed => "failed",
        };
        Self {
            provider_id: fact.provider_id,
            progress: progress.to_owned(),
            why: fact.why,
        }
    }
}

impl Answer {
    fn about(self, refund: &refund::Refund) -> RefundFact {
        RefundFact {
            gateway: refund.gateway.clone(),
            provider_id: self.provider_id,
            transfer: String::new(),
            amount: refund.amount,
            progress: match self.progress.as_str() {
                "succeeded" => RefundProgress::Succeeded,
                "failed" => RefundProgress::Failed,
                _ => RefundProgress::Pending,
            },
            ours: Some(refund.id.0.clone()),
            why: self.why,
        }
    }
}
