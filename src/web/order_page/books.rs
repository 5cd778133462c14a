//! The books of one order as its page needs them, from one snapshot.

use std::collections::HashMap;

use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::LineId;
use crate::model::dispute::{self, Claim};
use crate::model::email::{self, Email, Letter};
use crate::model::grant::{self, Grant};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order};
use crate::model::payment::{self, Payment, PaymentState};
use crate::model::refund::{self, Refund, RefundState};
use crate::model::transfer::{self, Transfer};

/// Everything about one order that its page shows.
#[derive(Debug, Clone)]
pub struct Books {
    /// The order.
    pub order: Order,
    pub(super) lines: Vec<Line>,
    pub(super) payments: Vec<Payment>,
    pub(super) transfers: Vec<Transfer>,
    /// All but those that failed.
    pub(super) refunds: Vec<Refund>,
    pub(super) claims: Vec<Claim>,
    pub(super) letter: Option<Email>,
    grants: HashMap<LineId, Vec<Grant>>,
}

/// The books of the order whose page has this secret, if there is one.
pub async fn find(db: &Db, secret: &str) -> Result<Option<Books>> {
    // What no secret looks like is not worth asking for; PostgreSQL would refuse some of it.
    if secret.len() > 100 || !secret.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let secret = secret.to_owned();
    db.read(move |tx| Box::pin(async move { read(tx, &secret).await }))
        .await
}

async fn read(tx: &mut Tx<'_>, secret: &str) -> Result<Option<Books>> {
    let Some(order) = order::by_secret(tx, secret).await? else {
        return Ok(None);
    };
    let mut grants: HashMap<LineId, Vec<Grant>> = HashMap::new();
    for grant in grant::of_order(tx, &order.id).await? {
        grants.entry(grant.line.clone()).or_default().push(grant);
    }
    let letters = email::of_order(tx, &order.id).await?;
    let mut refunds = refund::of_order(tx, &order.id).await?;
    refunds.retain(|refund| refund.state != RefundState::Failed);
    Ok(Some(Books {
        lines: line::of_order(tx, &order.id).await?,
        payments: payment::of_order(tx, &order.id).await?,
        transfers: transfer::of_order(tx, &order.id).await?,
        claims: dispute::of_order(tx, &order.id).await?,
        letter: letters.into_iter().find(|e| e.letter == Letter::Completed),
        refunds,
        grants,
        order,
    }))
}

impl Books {
    pub(super) fn grants_of(&self, line: &Line) -> &[Grant] {
        self.grants.get(&line.id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn line(&self, id: &LineId) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == *id)
    }

    /// The latest checkout at a gateway's page that the buyer was sent to.
    pub(super) fn last_checkout(&self) -> Option<&Payment> {
        let checkouts = self.payments.iter().filter(|p| p.is_checkout());
        checkouts.max_by_key(|payment| payment.until)
    }

    /// A checkout is open: the buyer may have paid there.
    #[must_use]
    pub fn open_checkout(&self) -> Option<&Payment> {
        self.last_checkout()
            .filter(|payment| payment.state == PaymentState::Open)
    }
}
