//! Gifts and money by hand: an operator gives courses without a sale, with a reason, or writes down
//! money that no gateway reports (cash, another account). Both take the ordinary roads: a gift is an
//! order that costs nothing, money by hand is a transfer that names its order.

use super::place::{self, Basket, Placed, Request};
use super::settle::{self, Settled};
use super::{Policy, refund as refunds};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, FieldFault, Result};
use crate::fact::{Direction, Fact, OrderName, TransferFact};
use crate::id::OrderId;
use crate::model::Moment;
use crate::model::audit::{self, Change};
use crate::model::code::OrderCode;
use crate::model::gateway_event::{Arrival, Road};
use crate::model::order::{self, OrderKind};
use crate::model::transfer;
use crate::money::Money;

/// Name of the gateway that stands for a person's word.
pub const BY_HAND: &str = "hand";

/// Give courses. The same request (by its idempotency key) gives once.
pub async fn give(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    request: &Request,
    basket: &Basket,
    why: &str,
) -> Result<Placed> {
    let why = refunds::short(why)?;
    let request = Request {
        kind: OrderKind::Gift,
        ..request.clone()
    };
    let placed = place::place(tx, moment, policy, &request, &basket.as_gift()).await?;
    if placed.existing {
        return Ok(placed);
    }
    let change = Change {
        order: Some(&placed.order.id),
        subject: &placed.order.id.0,
        action: "order.given",
        why: Some(&why),
        ..Change::default()
    };
    audit::write(tx, moment, &change);
    Ok(placed)
}

/// Money that a person received.
#[derive(Debug, Clone)]
pub struct ByHand {
    /// For which order.
    pub code: OrderCode,
    /// How much.
    pub amount: Money,
    /// What makes it this money and no other: a receipt's number. The same a second time changes nothing.
    pub reference: String,
    /// When it was received.
    pub at: Timestamp,
    /// How, and why by hand.
    pub why: String,
}

/// Write down money that no gateway reports. It is settled as every other transfer.
pub async fn received(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    money: &ByHand,
) -> Result<Settled> {
    let (why, reference) = (
        refunds::short(&money.why)?,
        refunds::named(&money.reference)?,
    );
    if money.at > moment.now {
        return Err(Error::Invalid(vec![FieldFault::new("at", "in_future")]));
    }
    if money.amount.minor <= 0 {
        return Err(Error::refused("bad_amount"));
    }
    let order = order::by_code(tx, &money.code).await?;
    let order = order.ok_or(Error::NotFound("order"))?;
    let fact = TransferFact {
        gateway: BY_HAND.to_owned(),
        provider_id: reference.clone(),
        natural_key: None,
        account: BY_HAND.to_owned(),
        sub_account: None,
        direction: Direction::In,
        amount: money.amount,
        reference: reference.clone(),
        order: Some(OrderName::Id(order.id.0.clone())),
        memos: vec![why.clone()],
        booked_at: Some(money.at),
    };
    let body = serde_json::json!({
        "order": money.code,
        "amount": money.amount,
        "reference": reference,
        "at": money.at.rfc3339(),
        "why": why,
    });
    let arrival = Arrival {
        gateway: BY_HAND.to_owned(),
        key: reference.clone(),
        body: body.to_string().into_bytes(),
        note: None,
        road: Road::Hand,
    };
    let settled = settle::arrival(tx, moment, policy, &arrival, &[Fact::Transfer(fact)]).await?;
    if settled.duplicate {
        expect_same(tx, &reference, money.amount, &order.id).await?;
    }
    Ok(settled)
}

/// A receipt's number twice is the same money. With another amount or order one of the two is mistyped,
/// and a quiet success would lose that money.
async fn expect_same(
    tx: &mut Tx<'_>,
    reference: &str,
    amount: Money,
    order: &OrderId,
) -> Result<()> {
    let known = transfer::named(tx, BY_HAND, reference).await?;
    let same = known.is_some_and(|known| {
        known.amount == amount && known.order.as_ref().is_none_or(|matched| matched == order)
    });
    if same {
        Ok(())
    } else {
        Err(Error::refused("reference_taken"))
    }
}
