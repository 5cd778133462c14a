//! The money part of the order page's view, made from the books.

use super::assemble::Scene;
use super::money::{
    Late, MoneyState, PayView, RefundStage, RefundView, Surplus, TransferView, Way,
};
use crate::app::checkout;
use crate::clock::Timestamp;
use crate::connectors::gateways::bank;
use crate::connectors::gateways::teller::Means;
use crate::model::dispute::{Claim, DisputeState};
use crate::model::order::{Order, PaymentStatus};
use crate::model::payment::PaymentState;
use crate::model::refund::{BY_HAND, Refund, RefundState};
use crate::money::{Currency, Money};
use crate::web::frame::Frame;
use crate::web::problem;

impl Scene<'_> {
    pub(super) fn money(&self, frame: &Frame) -> MoneyState {
        let order = &self.books.order;
        let at = order.expires_at;
        let unpaid = matches!(
            order.payment_status,
            PaymentStatus::Pending | PaymentStatus::Expired
        );
        if let Some(means) = self.confirming().filter(|_| unpaid) {
            return MoneyState::Confirming(means);
        }
        match order.payment_status {
            // The sweep will say so soon; the page must not ask for money until then.
            PaymentStatus::Pending if at <= self.now => MoneyState::Expired { at },
            PaymentStatus::Pending if order.received.minor > 0 => MoneyState::PartlyPaid {
                received: order.received,
                pay: self.pay(frame),
            },
            PaymentStatus::Pending => MoneyState::Awaiting(self.pay(frame)),
            PaymentStatus::Expired => MoneyState::Expired { at },
            PaymentStatus::Cancelled => MoneyState::Cancelled { at },
            // The bank's word about a part ends all of the order.
            PaymentStatus::Refunded | PaymentStatus::PartiallyRefunded
                if self.lost_dispute().is_some() =>
            {
                MoneyState::Refunded {
                    amount: self.taken_back(),
                    disputed: true,
                }
            }
            PaymentStatus::Refunded => MoneyState::Refunded {
                amount: order.refunded,
                disputed: false,
            },
            PaymentStatus::Paid | PaymentStatus::PartiallyRefunded if order.disputed => {
                MoneyState::Disputed
            }
            PaymentStatus::Paid => MoneyState::Paid,
            PaymentStatus::PartiallyRefunded => MoneyState::PartiallyRefunded {
                amount: order.refunded,
            },
        }
    }

    /// How the buyer paid on the page that they came back from, while nothing more is known of it.
    pub(super) fn confirming(&self) -> Option<Means> {
        let open = self.books.open_checkout().filter(|_| self.back)?;
        Some(self.means(&open.gateway))
    }

    pub(super) fn means(&self, gateway: &str) -> Means {
        let teller = self.app.world.tellers.get(gateway);
        teller.map_or(Means::Any, |teller| teller.means())
    }

    pub(super) fn pay(&self, frame: &Frame) -> PayView {
        let order = &self.books.order;
        let last = self.books.last_checkout();
        let failed = last.filter(|payment| payment.state == PaymentState::Failed);
        PayView {
            amount: missing(order),
            expires_at: order.expires_at,
            transfer: self.transfer(),
            ways: self.ways(frame),
            failed: failed.map(|payment| self.means(&payment.gateway)),
        }
    }

    /// By bank transfer, which is in dong.
    pub(super) fn transfer(&self) -> Option<TransferView> {
        let order = &self.books.order;
        let account = self.app.desk.accounts.first();
        let account = account.filter(|_| order.total.currency == Currency::Vnd)?;
        let qr = |ending: &str| {
            let (code, dong) = (&order.code, missing(order).minor);
            format!("/api/v1/payment/qr/{code}.{ending}?amount={dong}")
        };
        Some(TransferView {
            bank: bank::name_of(&account.bank),
            account: account.number.clone(),
            holder: account.holder.clone(),
            memo: order.code.to_string(),
            qr_src: qr("svg"),
            qr_png: qr("png"),
        })
    }

    pub(super) fn ways(&self, frame: &Frame) -> Vec<Way> {
        let order = &self.books.order;
        let view = |way: checkout::Way| Way {
            means: way.means,
            action: way.path(order),
            refused: way
                .refused
                .map(|code| problem::sentence(code, frame.locale)),
        };
        let ways = checkout::ways(self.app, order);
        ways.into_iter().map(view).collect()
    }

    pub(super) fn late(&self) -> Option<Late> {
        let order = &self.books.order;
        let first_end = order.created_at.plus(self.app.desk.policy.order_ttl);
        match order.payment_status {
            PaymentStatus::Pending if order.expires_at > first_end => Some(Late::Reopened),
            PaymentStatus::Pending | PaymentStatus::Expired | PaymentStatus::Cancelled => None,
            _ => order
                .paid_at
                .is_some_and(|paid| paid > order.expires_at)
                .then_some(Late::Paid),
        }
    }

    pub(super) fn surplus(&self) -> Option<Surplus> {
        let currency = self.books.order.total.currency;
        let in_it = self.books.transfers.iter();
        let in_it = in_it.filter(|transfer| transfer.amount.currency == currency);
        let (mut due, mut returned) = (0, 0);
        for transfer in in_it {
            due += transfer.due();
            returned += transfer.returned;
        }
        let money = |minor| Money { minor, currency };
        (due > 0 || returned > 0).then(|| Surplus {
            due: money(due),
            returned: money(returned),
        })
    }

    pub(super) fn refund(&self, refund: &Refund) -> RefundView {
        let line = refund.line.as_ref().and_then(|id| self.books.line(id));
        RefundView {
            amount: refund.amount,
            course: line.map(|line| line.title.clone()),
            by_hand: refund.gateway == BY_HAND,
            reference: refund.reference.clone(),
            stage: match refund.state {
                RefundState::Asked | RefundState::Failed => RefundStage::Decided,
                RefundState::Sent => RefundStage::OnTheWay,
                RefundState::Done => RefundStage::Done,
            },
            at: refund.done_at.unwrap_or(refund.created_at),
        }
    }

    /// The payer's bank took the money for good.
    pub(super) fn lost_dispute(&self) -> Option<&Claim> {
        self.claims(DisputeState::Lost).next()
    }

    /// Since when the payer's bank looks into the payment.
    pub(super) fn open_dispute(&self) -> Option<Timestamp> {
        self.claims(DisputeState::Open)
            .map(|claim| claim.dispute.opened_at)
            .next()
    }

    /// What the payer's bank took of this order's money.
    fn taken_back(&self) -> Money {
        let lost = self.claims(DisputeState::Lost);
        Money {
            minor: lost.map(|claim| claim.amount).sum(),
            currency: self.books.order.total.currency,
        }
    }

    fn claims(&self, state: DisputeState) -> impl Iterator<Item = &Claim> {
        let claims = self.books.claims.iter();
        claims.filter(move |claim| claim.dispute.state == state)
    }
}

/// What is still to be paid.
#[must_use]
pub fn missing(order: &Order) -> Money {
    Money {
        minor: order.owed(),
        currency: order.total.currency,
    }
}
