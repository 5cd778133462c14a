//! Intervene: a person sets going again what stands still (a task, a letter, a gateway's message),
//! or ends it with a reason. Grants have their own steps in `complete` and `revoke`.

use std::time::Duration;

use super::{complete, plan};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{EmailId, EventId, GrantId, OrderId, TaskId};
use crate::model::audit::{self, Change};
use crate::model::email::{self, Email, EmailState, Letter};
use crate::model::gateway_event::{self, EventState};
use crate::model::task::{self, Kind, Leased, NewTask, TaskState};
use crate::model::{Moment, alert};

/// Try a dead task again, through the step of what it works on; its order. A grant gets its new
/// time to be kept by, a letter is queued again.
pub async fn retry(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &TaskId,
    give_up_after: Duration,
    why: Option<&str>,
) -> Result<Option<OrderId>> {
    let (task, state) = task::get(tx, id).await?.ok_or(Error::NotFound("task"))?;
    if state != TaskState::Dead {
        return Err(Error::refused("task_not_dead"));
    }
    match task.kind {
        Kind::Enrol | Kind::Deliver | Kind::HandOver | Kind::Withdraw => {
            let grant = GrantId::from(task.subject.as_str());
            complete::retry(tx, moment, &grant, give_up_after, why).await?;
        }
        Kind::SendEmail => {
            let email = email::get(tx, &EmailId::from(task.subject.as_str())).await?;
            queue_again(tx, moment, &email).await?;
        }
        Kind::SettleEvent => replay(tx, moment, &EventId::from(task.subject.as_str())).await?,
        Kind::Checkout | Kind::Poll => task::revive(tx, moment, &again(&task)).await?,
        // Its refund has failed and access has returned: that is decided anew, not repeated.
        Kind::Refund => return Err(Error::refused("refund_ended")),
    }
    record(tx, moment, &task, why);
    Ok(task.order)
}

/// Send a letter again that was refused, or that nobody knows to have arrived.
pub async fn send_again(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &OrderId,
    letter: &Letter,
) -> Result<EmailId> {
    let letters = email::of_order(tx, order).await?;
    let email = letters.into_iter().find(|email| email.letter == *letter);
    let email = email.ok_or(Error::NotFound("e-mail"))?;
    queue_again(tx, moment, &email).await?;
    Ok(email.id)
}

/// Have a message of a gateway read once more; one that was closed is open again.
pub async fn replay(tx: &mut Tx<'_>, moment: &Moment, id: &EventId) -> Result<()> {
    let event = gateway_event::get(tx, id).await?;
    if event.state == EventState::Settled {
        return Err(Error::refused("event_settled"));
    }
    gateway_event::reopen(tx, moment, id).await?;
    plan::settle(tx, moment, id).await
}

/// Close a message that nobody will ever understand. Its task runs once more, to find that.
pub async fn close(tx: &mut Tx<'_>, moment: &Moment, id: &EventId, why: &str) -> Result<()> {
    let event = gateway_event::get(tx, id).await?;
    if event.state == EventState::Settled {
        return Err(Error::refused("event_settled"));
    }
    if !gateway_event::close(tx, moment, id, why).await? {
        return Err(Error::refused("event_closed"));
    }
    plan::settle(tx, moment, id).await
}

/// A matter that a person has seen to. Raised again, it is a new one.
pub async fn clear_alert(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (kind, subject): (&str, &str),
    why: &str,
) -> Result<()> {
    if !alert::dismiss(tx, moment, (kind, subject)).await? {
        return Err(Error::NotFound("alert"));
    }
    let change = Change {
        subject,
        action: "alert.cleared",
        why: Some(why),
        before: Some(kind),
        ..Change::default()
    };
    audit::write(tx, moment, &change);
    Ok(())
}

async fn queue_again(tx: &mut Tx<'_>, moment: &Moment, email: &Email) -> Result<()> {
    if !email.state.may_become(EmailState::Queued) || email.state == EmailState::Sending {
        return Err(Error::refused("letter_not_failed"));
    }
    let why = Some("sent again by a person");
    if !email::advance(tx, moment, email, EmailState::Queued, why).await? {
        return Err(Error::Conflict("the e-mail moved"));
    }
    let sending = NewTask {
        kind: Kind::SendEmail,
        order: Some(&email.order),
        subject: &email.id.0,
        connection: None,
    };
    task::revive(tx, moment, &sending).await
}

fn again(task: &Leased) -> NewTask<'_> {
    NewTask {
        kind: task.kind,
        order: task.order.as_ref(),
        subject: &task.subject,
        connection: task.connection.as_deref(),
    }
}

fn record(tx: &mut Tx<'_>, moment: &Moment, task: &Leased, why: Option<&str>) {
    let change = Change {
        order: task.order.as_ref(),
        subject: &task.id.0,
        action: "task.state",
        why: Some(why.unwrap_or(complete::BY_A_PERSON)),
        before: Some(TaskState::Dead.as_str()),
        after: Some(TaskState::Ready.as_str()),
    };
    audit::write(tx, moment, &change);
}
