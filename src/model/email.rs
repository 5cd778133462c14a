//! E-mails: one per order and kind, by the table's own constraint. Text is made when it is sent.

use super::Moment;
use super::audit::{self, Change};
use super::state::states;
use super::task::{self, NewTask};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{EmailId, GrantId, LineId, OrderId, RefundId};
use crate::words::Locale;

states! {
    /// How far an e-mail is.
    EmailState {
        /// A task will send it.
        Queued = "queued",
        /// Handed to the mail server, no answer yet. A crash leaves it here: the next attempt sends
        /// it again under the same Message-ID, because "none" would be worse than "perhaps two".
        Sending = "sending",
        /// The mail server took it.
        Sent = "sent",
        /// The line was cut after the text had left: the server most likely has it. Shown as such; a
        /// person may send it again.
        Unknown = "unknown",
        /// Refused for good.
        Bounced = "bounced",
    }
}

impl EmailState {
    /// The one table of allowed moves.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use EmailState::{Bounced, Queued, Sending, Sent, Unknown};
        matches!(
            (self, to),
            (Queued, Sending)
                | (Sending, Sending | Queued | Sent | Unknown | Bounced)
                | (Unknown | Bounced, Queued)
        )
    }
}

/// Which e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letter {
    /// The money came.
    Receipt,
    /// Too little came: how much is missing, asked for once.
    Short,
    /// Every line is final.
    Completed,
    /// Access ends soon.
    Ending(GrantId),
    /// Money went back.
    Refunded(RefundId),
    /// A line that had failed was kept after all.
    Late(LineId),
}

impl Letter {
    /// The stored word.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Receipt => "receipt".to_owned(),
            Self::Short => "short".to_owned(),
            Self::Ending(grant) => format!("ending:{grant}"),
            Self::Refunded(refund) => format!("refunded:{refund}"),
            Self::Completed => "completed".to_owned(),
            Self::Late(line) => format!("late:{line}"),
        }
    }

    /// From the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.split_once(':') {
            None if word == "receipt" => Some(Self::Receipt),
            None if word == "short" => Some(Self::Short),
            None if word == "completed" => Some(Self::Completed),
            Some(("late", line)) => Some(Self::Late(line.into())),
            Some(("ending", grant)) => Some(Self::Ending(grant.into())),
            Some(("refunded", refund)) => Some(Self::Refunded(refund.into())),
            _ => None,
        }
    }
}

/// An e-mail as stored.
#[derive(Debug, Clone)]
pub struct Email {
    /// Its id; also the local part of its Message-ID.
    pub id: EmailId,
    /// Its order.
    pub order: OrderId,
    /// Which one.
    pub letter: Letter,
    /// To whom.
    pub recipient: String,
    /// In which language.
    pub locale: Locale,
    /// How far it is.
    pub state: EmailState,
    /// When it was decided; the date that it carries.
    pub created_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
}

crate::statements! {
    FORGET = "DELETE FROM emails WHERE id = $1 AND state = 'queued'";
    INSERT = "INSERT INTO emails (id, order_id, kind, recipient, locale, state, created_at)
              VALUES ($1, $2, $3, $4, $5, 'queued', $6) ON CONFLICT (order_id, kind) DO NOTHING";
    BY_ID = "SELECT * FROM emails WHERE id = $1";
    OF_ORDER = "SELECT * FROM emails WHERE order_id = $1 ORDER BY created_at, id";
    MOVE = "UPDATE emails SET state = $3, why = $4, sent_at = $5 WHERE id = $1 AND state = $2";
}

/// Decide an e-mail: its row and the task that sends it. False: it was decided already.
pub async fn queue(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &super::order::Order,
    letter: &Letter,
) -> Result<bool> {
    let id = moment.id::<EmailId>();
    let kind = letter.word();
    let values = args![
        &id,
        &order.id,
        &kind,
        &order.email,
        order.locale.tag(),
        moment.now
    ];
    if tx.exec(&INSERT, values).await? == 0 {
        return Ok(false);
    }
    record(
        tx,
        moment,
        &order.id,
        &id,
        (None, EmailState::Queued),
        Some(&kind),
    );
    let task = NewTask {
        kind: task::Kind::SendEmail,
        order: Some(&order.id),
        subject: &id.0,
        connection: None,
    };
    task::enqueue(tx, moment, &task);
    Ok(true)
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &EmailId) -> Result<Email> {
    let row = tx
        .row(&BY_ID, args![id])
        .await?
        .ok_or(Error::NotFound("e-mail"))?;
    read(&row)
}

/// The e-mails of an order, oldest first.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Email>> {
    tx.rows(&OF_ORDER, args![order])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Move an e-mail from the state it was read in. False: someone else moved it.
pub async fn advance(
    tx: &mut Tx<'_>,
    moment: &Moment,
    email: &Email,
    to: EmailState,
    why: Option<&str>,
) -> Result<bool> {
    if !email.state.may_become(to) {
        return Err(Error::Conflict("e-mail state"));
    }
    let sent_at = (to == EmailState::Sent).then_some(moment.now);
    let moved = tx
        .exec(&MOVE, args![&email.id, email.state, to, why, sent_at])
        .await?
        == 1;
    if moved {
        record(
            tx,
            moment,
            &email.order,
            &email.id,
            (Some(email.state), to),
            why,
        );
    }
    Ok(moved)
}

/// Nobody needs to read it any more, and it has not left. It may be decided again.
pub async fn forget(tx: &mut Tx<'_>, moment: &Moment, email: &Email, why: &str) -> Result<()> {
    if tx.exec(&FORGET, args![&email.id]).await? == 1 {
        let change = Change {
            order: Some(&email.order),
            subject: &email.id.0,
            action: "email.forgotten",
            why: Some(why),
            before: Some(EmailState::Queued.as_str()),
            after: None,
        };
        audit::write(tx, moment, &change);
    }
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &OrderId,
    id: &EmailId,
    (before, after): (Option<EmailState>, EmailState),
    why: Option<&str>,
) {
    let (before, after) = (before.map(EmailState::as_str), Some(after.as_str()));
    let change = Change {
        order: Some(order),
        subject: &id.0,
        action: "email.state",
        why,
        before,
        after,
    };
    audit::write(tx, moment, &change);
}

fn read(row: &Row) -> Result<Email> {
    let word: String = row.get("kind")?;
    let letter = Letter::parse(&word).ok_or_else(|| anyhow::anyhow!("unknown e-mail {word:?}"))?;
    Ok(Email {
        id: row.get("id")?,
        order: row.get("order_id")?,
        letter,
        recipient: row.get("recipient")?,
        locale: Locale::parse(&row.get::<String>("locale")?).unwrap_or(Locale::Vi),
        state: row.get("state")?,
        created_at: row.get("created_at")?,
        sent_at: row.get("sent_at")?,
    })
}
