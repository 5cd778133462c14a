//! Send e-mail: written down as *sending* before the server hears of it. A crash in between sends it
//! again under the same Message-ID, because no mail would be worse than perhaps two; a line cut
//! after the text had left is *unknown*, is not sent again by itself, and is shown as such.

use serde_json::json;

use super::{Effect, Prepared, keeping, letters};
use crate::app::Desk;
use crate::clock::Timestamp;
use crate::connectors::Connectors;
use crate::connectors::mail::{self, MailFault};
use crate::db::Tx;
use crate::emails::Rendered;
use crate::error::Result;
use crate::id::EmailId;
use crate::model::Moment;
use crate::model::connection;
use crate::model::email::{self, EmailState, Letter};
use crate::model::order::{self, PaymentStatus};
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Receipt, Who};

/// The mail server's name among the connections; no platform can be called so.
const MAIL: &str = "mail server";

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendEmail;

/// A letter, written.
pub(super) struct Request {
    email: EmailId,
    to: String,
    to_name: String,
    reply_to: String,
    date: Timestamp,
    rendered: Rendered,
}

impl Effect for SendEmail {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let email = email::get(tx, &EmailId::from(task.subject.as_str())).await?;
        if !matches!(email.state, EmailState::Queued | EmailState::Sending) {
            return Ok(Prepared::Nothing);
        }
        if email.letter == Letter::Short && email.state == EmailState::Queued {
            let order = order::get(tx, &email.order).await?;
            if order.payment_status != PaymentStatus::Pending {
                let why = "the rest came before it was asked for";
                email::forget(tx, moment, &email, why).await?;
                return Ok(Prepared::Nothing);
            }
        }
        let (order, rendered) = letters::write(tx, desk, &email).await?;
        email::advance(tx, moment, &email, EmailState::Sending, None).await?;
        Ok(Prepared::Act(Request {
            email: email.id,
            to: email.recipient,
            to_name: order.name,
            reply_to: desk.shop.support_email.clone(),
            date: email.created_at,
            rendered,
        }))
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let letter = mail::Letter {
            to: request.to.clone(),
            to_name: request.to_name.clone(),
            subject: request.rendered.subject.clone(),
            text: request.rendered.text.clone(),
            html: request.rendered.html.clone(),
            message_id: world.mail.message_id(&request.email),
            reply_to: Some(request.reply_to.clone()),
            date: request.date,
        };
        match world.mail.send(&letter).await {
            Ok(sent) => Outcome::Done(Receipt(json!({ "answer": sent.answer }))),
            Err(MailFault::Transient { why }) => Outcome::Retry { why, after: None },
            Err(MailFault::Refused { why }) => Outcome::ActionNeeded {
                who: Who::Buyer,
                why,
            },
            Err(MailFault::Broken { why }) => Outcome::ActionNeeded {
                who: Who::Connection,
                why,
            },
            Err(MailFault::Unknown { why }) => Outcome::Verify { why },
        }
    }

    async fn record(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        let email = email::get(tx, &EmailId::from(task.subject.as_str())).await?;
        let finish = match outcome {
            Outcome::Verify { .. } => Finish::Done,
            other => keeping::finish(moment, task, other),
        };
        let to = match (outcome, &finish) {
            (Outcome::Done(_), _) => EmailState::Sent,
            (Outcome::Verify { .. }, _) => EmailState::Unknown,
            (_, Finish::Dead { .. }) => EmailState::Bounced,
            _ => EmailState::Queued,
        };
        if email.state == EmailState::Sending {
            email::advance(tx, moment, &email, to, outcome.why()).await?;
            if email.letter == Letter::Completed && to != EmailState::Queued {
                // The last step on the buyer's page.
                order::touch(tx, &email.order);
            }
        }
        server(tx, moment, task, outcome).await?;
        if let Outcome::ActionNeeded {
            who: Who::Connection,
            why,
        } = outcome
        {
            tracing::error!(
                why,
                "no e-mail can be sent until the seller mends the mail settings: {why}"
            );
        }
        Ok(finish)
    }
}

/// The mail server's breaker: it makes nothing rest, since letters wait by themselves, but it tells
/// the seller once in an outage. A first attempt that works is no news.
async fn server(tx: &mut Tx<'_>, moment: &Moment, task: &Leased, outcome: &Outcome) -> Result<()> {
    match outcome {
        Outcome::Done(_) if task.attempts > 1 => connection::recover(tx, moment, MAIL).await,
        Outcome::Retry { why, .. } => keeping::stumble(tx, moment, MAIL, why, false).await,
        _ => Ok(()),
    }
}
