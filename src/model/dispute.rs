//! Disputes: a payer asked their bank for the money. While one is open access rests; a lost one is
//! money that went back. Reports come in any order; a later stage is never undone by an earlier one.

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::fact::{DisputeFact, DisputeStage};
use crate::id::{DisputeId, OrderId, TransferId};

states! {
    /// Where a dispute stands.
    DisputeState {
        /// A question only; no money moved and access stays.
        Inquiry = "inquiry",
        /// The money was taken, for now: access rests.
        Open = "open",
        /// The money came back.
        Won = "won",
        /// The money stays away, unless an appeal brings it back.
        Lost = "lost",
    }
}

impl DisputeState {
    /// The one table of allowed moves.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use DisputeState::{Inquiry, Lost, Open, Won};
        matches!(
            (self, to),
            // Won after lost: an appeal.
            (Inquiry, Open | Won | Lost) | (Open, Won | Lost) | (Lost, Won)
        )
    }
}

impl From<DisputeStage> for DisputeState {
    fn from(stage: DisputeStage) -> Self {
        match stage {
            DisputeStage::Inquiry => Self::Inquiry,
            DisputeStage::Open => Self::Open,
            DisputeStage::Won => Self::Won,
            DisputeStage::Lost => Self::Lost,
        }
    }
}

/// A dispute as stored.
#[derive(Debug, Clone)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// Who reported it.
    pub gateway: String,
    /// The gateway's id.
    pub provider_id: String,
    /// The money in dispute.
    pub transfer: TransferId,
    /// The order that it paid.
    pub order: Option<OrderId>,
    /// Minor units of the transfer's currency.
    pub amount: i64,
    /// Where it stands.
    pub state: DisputeState,
    /// The payer's reason, in the gateway's word.
    pub why: Option<String>,
    /// When it was first heard of.
    pub opened_at: Timestamp,
    /// When it was decided.
    pub closed_at: Option<Timestamp>,
}

/// What a dispute means for one order: a transfer may pay several.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The dispute.
    pub dispute: Dispute,
    /// How much of the money in dispute pays the order, in minor units.
    pub amount: i64,
}

crate::statements! {
    INSERT = "INSERT INTO disputes (id, gateway, provider_id, transfer_id, order_id, amount, state, why, opened_at, closed_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (gateway, provider_id) DO NOTHING";
    BY_NAME = "SELECT * FROM disputes WHERE gateway = $1 AND provider_id = $2";
    OF_ORDER = "SELECT disputes.*, allocations.amount AS share,
                  (SELECT CAST(COALESCE(SUM(older.amount), 0) AS BIGINT) FROM allocations AS older
                   WHERE older.transfer_id = allocations.transfer_id AND older.undone_at IS NULL
                     AND (older.created_at < allocations.created_at
                       OR (older.created_at = allocations.created_at AND older.id < allocations.id))) AS ahead
                FROM disputes JOIN allocations ON allocations.transfer_id = disputes.transfer_id
                WHERE allocations.order_id = $1 AND allocations.undone_at IS NULL ORDER BY disputes.opened_at, disputes.id";
    MOVE = "UPDATE disputes SET state = $3, amount = $4, closed_at = $5 WHERE id = $1 AND state = $2";
}

/// Take in what a gateway says of a dispute. `None`: nothing new.
pub async fn take(
    tx: &mut Tx<'_>,
    moment: &Moment,
    fact: &DisputeFact,
    transfer: &TransferId,
    order: Option<&OrderId>,
) -> Result<Option<DisputeState>> {
    let to = DisputeState::from(fact.stage);
    let closed_at = matches!(to, DisputeState::Won | DisputeState::Lost).then_some(moment.now);
    let known = tx
        .row(&BY_NAME, args![&fact.gateway, &fact.provider_id])
        .await?;
    let Some(row) = known else {
        let id = moment.id::<DisputeId>();
        let values = args![
            &id,
            &fact.gateway,
            &fact.provider_id,
            transfer,
            order,
            fact.amount.minor,
            to,
            fact.why.as_deref(),
            moment.now,
            closed_at,
        ];
        let stored = tx.exec(&INSERT, values).await? == 1;
        if stored {
            record(tx, moment, (&id, order), (None, to), fact.why.as_deref());
        }
        return Ok(stored.then_some(to));
    };
    let known = read(&row)?;
    if !known.state.may_become(to) {
        return Ok(None);
    }
    let values = args![&known.id, known.state, to, fact.amount.minor, closed_at];
    if tx.exec(&MOVE, values).await? == 0 {
        return Ok(None);
    }
    let subject = (&known.id, known.order.as_ref());
    record(
        tx,
        moment,
        subject,
        (Some(known.state), to),
        fact.why.as_deref(),
    );
    Ok(Some(to))
}

/// Disputes about what an order was paid with, oldest first. Of money that pays several orders, what is in
/// dispute is taken from the one that it paid first, and so on: nothing is taken twice.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for row in tx.rows(&OF_ORDER, args![order]).await? {
        let dispute = read(&row)?;
        let (share, ahead): (i64, i64) = (row.get("share")?, row.get("ahead")?);
        let amount = (dispute.amount - ahead).min(share);
        if amount > 0 {
            claims.push(Claim { dispute, amount });
        }
    }
    Ok(claims)
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (id, order): (&DisputeId, Option<&OrderId>),
    (before, after): (Option<DisputeState>, DisputeState),
    why: Option<&str>,
) {
    let change = Change {
        order,
        subject: &id.0,
        action: "dispute.state",
        why,
        before: before.map(DisputeState::as_str),
        after: Some(after.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Dispute> {
    Ok(Dispute {
        id: row.get("id")?,
        gateway: row.get("gateway")?,
        provider_id: row.get("provider_id")?,
        transfer: row.get("transfer_id")?,
        order: row.get("order_id")?,
        amount: row.get("amount")?,
        state: row.get("state")?,
        why: row.get("why")?,
        opened_at: row.get("opened_at")?,
        closed_at: row.get("closed_at")?,
    })
}
