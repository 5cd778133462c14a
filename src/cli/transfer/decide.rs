//! A person's decisions about a transfer that waits. Each is an audit entry, and can be taken back with
//! `undo` as long as no money went back.

use clap::{Args, Subcommand};

use crate::cli::{Counter, Place, in_words, order_code};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::Policy;
use crate::fulfilment::inbox::{self, Share};
use crate::id::TransferId;
use crate::model::Moment;
use crate::model::order::Order;
use crate::model::refund::{Refund, RefundState};
use crate::model::transfer::list;

/// What to decide.
#[derive(Debug, Clone, Subcommand)]
pub enum Decide {
    /// Put it on an order. What the order does not need stays, to be given back.
    Assign {
        /// The transfer.
        id: String,
        /// The order's code.
        order: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Divide it over several orders: CODE=AMOUNT, or CODE for all that the order needs.
    Split {
        /// The transfer.
        id: String,
        /// An order's code and its part.
        #[arg(required = true, value_name = "CODE[=AMOUNT]")]
        shares: Vec<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// Call the wrong amount right: too little pays the order all the same, too much is kept.
    Accept {
        /// The transfer.
        id: String,
        /// The order's code; the one that it was matched with when missing.
        order: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// Give what is left of it back to its payer. What no gateway can send, you send first.
    GiveBack {
        /// The transfer.
        id: String,
        /// The bank's reference of what you sent.
        #[arg(long)]
        reference: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// It needs nothing: private money, or a surplus that the payer gave up.
    Discard {
        /// The transfer.
        id: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Take back what was decided: it waits again, and what it had paid is unpaid.
    Undo {
        /// The transfer.
        id: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Why, for the audit.
#[derive(Debug, Clone, Args)]
pub struct Reason {
    /// Why, in a sentence that stays in the audit for good.
    #[arg(long, value_name = "REASON")]
    why: String,
}

impl Decide {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Counter {
            config,
            db,
            policy,
            moment,
        } = place.to_decide().await?;
        let (decision, prefix) = (self.clone(), config.shop.code_prefix);
        let rules = policy.clone();
        let done = db.write(move |tx| {
            Box::pin(async move { decision.carry_out(tx, &moment, &rules, &prefix).await })
        });
        let (id, said) = done.await.map_err(in_words)?;
        crate::cli::say(&said);
        // Behind the commit: what a write leaves for its end is not to be read before.
        let read = db.read(move |tx| Box::pin(async move { inbox::look(tx, &policy, &id).await }));
        let look = read.await.map_err(in_words)?;
        if look.transfer.closed_at.is_none() && !matches!(self, Self::Undo { .. }) {
            let (left, id) = (look.in_currency(look.left), &look.transfer.id);
            crate::cli::say(&format!(
                "{left} of {id} is left: give it back, or assign it elsewhere"
            ));
        }
        Ok(())
    }

    /// Which transfer, and what there is to say of it.
    async fn carry_out(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        policy: &Policy,
        prefix: &str,
    ) -> Result<(TransferId, String)> {
        let id = list::called(tx, self.transfer()).await?;
        let paid = match self {
            Self::Assign { order, reason, .. } => {
                let code = order_code(&order, prefix)?;
                vec![inbox::assign(tx, moment, policy, &id, &code, &reason.why).await?]
            }
            Self::Split { shares, reason, .. } => {
                let shares: Vec<Share> = shares
                    .iter()
                    .map(|text| share(text, prefix))
                    .collect::<Result<_>>()?;
                inbox::split(tx, moment, policy, &id, &shares, &reason.why).await?
            }
            Self::Accept { order, reason, .. } => {
                let code = order.map(|text| order_code(&text, prefix)).transpose()?;
                vec![inbox::accept(tx, moment, policy, &id, code.as_ref(), &reason.why).await?]
            }
            Self::GiveBack {
                reference, reason, ..
            } => {
                let reference = reference.as_deref();
                let refund =
                    inbox::give_back(tx, moment, policy, &id, reference, &reason.why).await?;
                return Ok((id, back(&refund)));
            }
            Self::Discard { reason, .. } => {
                inbox::discard(tx, moment, &id, &reason.why).await?;
                let said = format!("{id} is closed; nothing became of it");
                return Ok((id, said));
            }
            Self::Undo { reason, .. } => {
                inbox::undo(tx, moment, policy, &id, &reason.why).await?;
                let said = format!("{id} waits for a person again");
                return Ok((id, said));
            }
        };
        let lines: Vec<String> = paid.iter().map(now).collect();
        Ok((id, lines.join("\n")))
    }

    fn transfer(&self) -> &str {
        match self {
            Self::Assign { id, .. }
            | Self::Split { id, .. }
            | Self::Accept { id, .. }
            | Self::GiveBack { id, .. }
            | Self::Discard { id, .. }
            | Self::Undo { id, .. } => id,
        }
    }
}

/// `CODE`, or `CODE=AMOUNT`.
fn share(text: &str, prefix: &str) -> Result<Share> {
    let (code, amount) = match text.split_once('=') {
        None => (text, None),
        Some((code, amount)) => {
            let amount = amount.trim().parse();
            (
                code,
                Some(amount.map_err(|_| Error::refused("bad_shares"))?),
            )
        }
    };
    let code = order_code(code, prefix)?;
    Ok(Share { code, amount })
}

fn back(refund: &Refund) -> String {
    match refund.state {
        RefundState::Done => format!("{} went back to its payer", refund.amount),
        _ => format!(
            "{} is on its way back through {}",
            refund.amount, refund.gateway
        ),
    }
}

fn now(order: &Order) -> String {
    let (code, status) = (&order.code, order.payment_status);
    let (received, total) = (order.received, order.total);
    format!(
        "{code} is {status} ({received} of {total}); a running server acts on it within seconds"
    )
}
