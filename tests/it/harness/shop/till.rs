//! Money by card, told in facts, and money that goes back by a person's decision. Each fact comes in a
//! message that the gateway's connector really reads so, because a message that waits is read again. What
//! else is in a message is proved elsewhere: here the books are.

use std::sync::atomic::Ordering;

use bursar::connectors::gateways::stripe;
use bursar::error::Result;
use bursar::fact::{
    Direction, DisputeFact, DisputeStage, Fact, OrderName, RefundFact, RefundProgress,
    RefundedFact, TransferFact,
};
use bursar::fulfilment::refund::{self as refunds, Ask};
use bursar::fulfilment::settle::{self, Settled};
use bursar::model::audit::Actor;
use bursar::model::dispute::{self, Claim};
use bursar::model::gateway_event::{Arrival, Road};
use bursar::model::order::Order;
use bursar::model::refund::{self, Refund};
use bursar::money::Money;
use serde_json::{Value, json};

use super::Shop;

/// The gateway that these facts are of.
pub const CARDS: &str = stripe::NAME;

/// A payment by card that names its order.
pub fn charge(order: &Order, name: &str, dong: i64) -> Fact {
    Fact::Transfer(TransferFact {
        gateway: CARDS.to_owned(),
        provider_id: name.to_owned(),
        natural_key: Some(format!("{CARDS}|{}", session(name))),
        account: CARDS.to_owned(),
        sub_account: None,
        direction: Direction::In,
        amount: Money::vnd(dong),
        reference: session(name),
        order: Some(OrderName::Id(order.id.0.clone())),
        memos: Vec::new(),
        booked_at: None,
    })
}

/// The checkout that a payment came through.
fn session(payment: &str) -> String {
    format!("cs_{payment}")
}

/// A refund, as the gateway tells of it.
pub fn refund(name: &str, of: &str, dong: i64, progress: RefundProgress) -> Fact {
    Fact::Refund(RefundFact {
        gateway: CARDS.to_owned(),
        provider_id: name.to_owned(),
        transfer: of.to_owned(),
        amount: Money::vnd(dong),
        progress,
        ours: None,
        why: (progress == RefundProgress::Failed).then(|| "declined".to_owned()),
    })
}

/// The same, which repeats the id of a refund that was asked for here.
pub fn refund_of_ours(name: &str, of: &str, ours: &Refund, progress: RefundProgress) -> Fact {
    let Fact::Refund(fact) = refund(name, of, ours.amount.minor, progress) else {
        unreachable!("it is a refund")
    };
    Fact::Refund(RefundFact {
        ours: Some(ours.id.0.clone()),
        ..fact
    })
}

/// The sum of all refunds of a payment.
pub fn refunded(of: &str, dong: i64) -> Fact {
    Fact::Refunded(RefundedFact {
        gateway: CARDS.to_owned(),
        transfer: of.to_owned(),
        total: Money::vnd(dong),
    })
}

/// A dispute about a payment.
pub fn disputed(name: &str, of: &str, dong: i64, stage: DisputeStage) -> Fact {
    Fact::Dispute(DisputeFact {
        gateway: CARDS.to_owned(),
        provider_id: name.to_owned(),
        transfer: of.to_owned(),
        amount: Money::vnd(dong),
        stage,
        why: None,
    })
}

/// The event of this id that tells of a fact: what the connector looks at, in the gateway's words.
fn event(id: &str, fact: &Fact) -> Value {
    let (kind, mut object) = match fact {
        Fact::Transfer(fact) => ("checkout.session.completed", sold(fact)),
        Fact::Refund(fact) => ("refund.updated", sent_back(fact)),
        Fact::Refunded(fact) => (
            "charge.refunded",
            json!({ "amount_refunded": fact.total.minor }),
        ),
        Fact::Dispute(fact) => ("charge.dispute.updated", claimed(fact)),
        Fact::Checkout(_) => unreachable!("no story of the till tells of a checkout alone"),
    };
    object["currency"] = "vnd".into();
    if let Fact::Refund(RefundFact { transfer, .. })
    | Fact::Refunded(RefundedFact { transfer, .. })
    | Fact::Dispute(DisputeFact { transfer, .. }) = fact
    {
        object["payment_intent"] = transfer.as_str().into();
    }
    json!({ "id": id, "object": "event", "type": kind, "data": { "object": object } })
}

fn sold(fact: &TransferFact) -> Value {
    let Some(OrderName::Id(order)) = &fact.order else {
        unreachable!("a payment by card names its order")
    };
    json!({
        "id": fact.reference,
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": fact.provider_id,
        "amount_total": fact.amount.minor,
        "metadata": { "order_id": order },
    })
}

fn sent_back(fact: &RefundFact) -> Value {
    let status = match fact.progress {
        RefundProgress::Pending => "pending",
        RefundProgress::Succeeded => "succeeded",
        RefundProgress::Failed => "failed",
    };
    json!({
        "id": fact.provider_id,
        "amount": fact.amount.minor,
        "status": status,
        "failure_reason": fact.why,
        "metadata": { "refund_id": fact.ours },
    })
}

fn claimed(fact: &DisputeFact) -> Value {
    let status = match fact.stage {
        DisputeStage::Inquiry => "warning_needs_response",
        DisputeStage::Open => "needs_response",
        DisputeStage::Won => "won",
        DisputeStage::Lost => "lost",
    };
    json!({ "id": fact.provider_id, "amount": fact.amount.minor, "status": status })
}

impl Shop {
    /// A message of the gateway that says this, and what it is read as.
    pub fn message(&self, fact: &Fact) -> (Arrival, Vec<Fact>) {
        let place = self.transfers.fetch_add(1, Ordering::Relaxed);
        let body = event(&format!("evt_{place}"), fact)
            .to_string()
            .into_bytes();
        let gateway = self.app.desk.gateways.get(CARDS).unwrap();
        let facts = gateway.read(&body).unwrap();
        assert!(facts.contains(fact), "{fact:?} is told as {facts:?}");
        let arrival = Arrival {
            gateway: CARDS.to_owned(),
            key: gateway.event_key(&body),
            body,
            note: None,
            road: Road::Message,
        };
        (arrival, facts)
    }

    /// It comes, in a transaction of its own.
    pub async fn try_tell(&self, fact: Fact) -> Result<Settled> {
        let (arrival, facts) = self.message(&fact);
        let policy = self.app.desk.policy.clone();
        let moment = self.app.moment(Actor::Gateway(CARDS.to_owned()));
        self.app
            .db
            .write(move |tx| {
                Box::pin(
                    async move { settle::arrival(tx, &moment, &policy, &arrival, &facts).await },
                )
            })
            .await
    }

    pub async fn tell(&self, fact: Fact) -> Settled {
        self.try_tell(fact).await.unwrap()
    }

    /// Ordered and paid by card; the order, and the name of its payment.
    pub async fn bought_by_card(&self, slugs: &[&str]) -> (Order, String) {
        self.bought_by_card_of(super::BUYER, slugs).await
    }

    /// The same, by a buyer of this name.
    pub async fn bought_by_card_of(&self, buyer: &str, slugs: &[&str]) -> (Order, String) {
        let order = self.order_by(buyer, slugs).await.order;
        let name = format!("pi_{}", order.id);
        self.tell(charge(&order, &name, order.total.minor)).await;
        (self.order_now(&order.id).await, name)
    }

    /// A person decides that money goes back, and has sent it already where no gateway can.
    pub async fn pay_back(&self, order: &Order, course: Option<&str>) -> Result<Vec<Refund>> {
        let ask = Ask {
            course: course.map(ToOwned::to_owned),
            amount: None,
            keep_access: false,
            why: "asked for by the buyer".to_owned(),
            reference: Some("FT26001".to_owned()),
        };
        self.ask(order, ask).await
    }

    /// A person decides a refund.
    pub async fn ask(&self, order: &Order, ask: Ask) -> Result<Vec<Refund>> {
        let (id, policy) = (order.id.clone(), self.app.desk.policy.clone());
        self.step(move |tx, moment| {
            Box::pin(async move { refunds::ask(tx, &moment, &policy, &id, &ask).await })
        })
        .await
    }

    pub async fn refunds(&self, order: &Order) -> Vec<Refund> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { refund::of_order(tx, &id).await }));
        read.await.unwrap()
    }

    pub async fn disputes(&self, order: &Order) -> Vec<Claim> {
        let id = order.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { dispute::of_order(tx, &id).await }));
        read.await.unwrap()
    }
}
