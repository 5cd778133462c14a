//! Plan: from the moment of payment every promise of every line is a grant with a task.
//! The table's own constraint makes planning twice plan once.

use super::Policy;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{EventId, GrantId};
use crate::model::Moment;
use crate::model::drive::Folder;
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{Line, Promise};
use crate::model::order::Order;
use crate::model::payment::Payment;
use crate::model::refund::Refund;
use crate::model::task::{self, Kind, NewTask};

/// Plan every promise of the lines that a payment started.
pub fn plan(tx: &mut Tx<'_>, moment: &Moment, policy: &Policy, order: &Order, lines: &[Line]) {
    for line in lines {
        for (position, promise) in line.promises.iter().enumerate() {
            let grant = new_grant(moment, policy, order, line, promise);
            grant::plan(tx, moment, &grant, position);
            task::enqueue(tx, moment, &task_of(&grant));
        }
    }
}

/// Make the task that a grant needs due now, written anew where it is missing.
pub async fn revive(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant) -> Result<()> {
    task::revive(tx, moment, &task_of(grant)).await
}

/// Have a stored event settled by a task.
pub async fn settle(tx: &mut Tx<'_>, moment: &Moment, event: &EventId) -> Result<()> {
    let new = NewTask {
        kind: Kind::SettleEvent,
        order: None,
        subject: &event.0,
        connection: None,
    };
    task::revive(tx, moment, &new).await
}

/// Have a task bring a checkout in line with its order, now.
pub async fn look_after(tx: &mut Tx<'_>, moment: &Moment, payment: &Payment) -> Result<()> {
    let connection = at_gateway(&payment.gateway);
    task::revive(tx, moment, &of_checkout(payment, &connection)).await
}

/// Have a task look at a new checkout later.
pub fn look_after_at(tx: &mut Tx<'_>, moment: &Moment, payment: &Payment, at: Timestamp) {
    let connection = at_gateway(&payment.gateway);
    task::enqueue_at(tx, moment, &of_checkout(payment, &connection), at);
}

fn of_checkout<'a>(payment: &'a Payment, connection: &'a str) -> NewTask<'a> {
    NewTask {
        kind: Kind::Checkout,
        order: Some(&payment.order),
        subject: &payment.id.0,
        connection: Some(connection),
    }
}

/// Have a task ask a gateway to carry out a refund.
pub async fn pay_back(tx: &mut Tx<'_>, moment: &Moment, refund: &Refund) -> Result<()> {
    let connection = at_gateway(&refund.gateway);
    let new = NewTask {
        kind: Kind::Refund,
        order: refund.order.as_ref(),
        subject: &refund.id.0,
        connection: Some(&connection),
    };
    task::revive(tx, moment, &new).await
}

/// The connection of a gateway's API: the colon keeps it apart from those that sellers name.
#[must_use]
pub fn at_gateway(gateway: &str) -> String {
    format!("gateway:{gateway}")
}

/// The connection of a Drive: the colon keeps it apart from those that sellers name.
#[must_use]
pub fn at_drive(name: &str) -> String {
    format!("drive:{name}")
}

/// Have a task bring a folder on a Drive up to date, now.
pub async fn fill(tx: &mut Tx<'_>, moment: &Moment, folder: &Folder) -> Result<()> {
    let new = NewTask {
        kind: Kind::Deliver,
        order: None,
        subject: &folder.id.0,
        connection: Some(&folder.drive),
    };
    task::resume(tx, moment, &new).await
}

/// The connection of a gateway's lists. It is one of its own: a list that may not be read stops neither
/// a checkout nor a refund.
#[must_use]
pub fn lists_of(gateway: &str) -> String {
    format!("gateway:{gateway}/lists")
}

fn task_of(grant: &Grant) -> NewTask<'_> {
    let kind = match (grant.state, grant.benefit) {
        (GrantState::Revoking, _) => Kind::Withdraw,
        (_, Benefit::Enrolment) => Kind::Enrol,
        (_, Benefit::Files) => Kind::Deliver,
        (_, Benefit::WorkerFiles) => Kind::HandOver,
    };
    NewTask {
        kind,
        order: Some(&grant.order),
        subject: &grant.id.0,
        connection: Some(grant.drive.as_ref().unwrap_or(&grant.connection)),
    }
}

fn new_grant(
    moment: &Moment,
    policy: &Policy,
    order: &Order,
    line: &Line,
    promise: &Promise,
) -> Grant {
    Grant {
        id: moment.id::<GrantId>(),
        order: order.id.clone(),
        line: line.id.clone(),
        benefit: promise.benefit,
        connection: promise.connection.clone(),
        target: promise.target.clone(),
        learner: order.email.clone(),
        buyer: order.name.clone(),
        drive: promise.drive.as_deref().map(at_drive),
        access_days: line.access_days,
        state: GrantState::Waiting,
        counted: false,
        barred: false,
        who: None,
        why: None,
        attempts: 0,
        next_at: Some(moment.now),
        receipt: None,
        planned_at: moment.now,
        give_up_at: moment.now.plus(policy.give_up_after),
        activated_at: None,
        expires_at: None,
        ended_at: None,
    }
}
