//! Plan: from the moment of payment every promise of every line is a grant with a task.
//! The table's own constraint makes planning twice plan once.

use super::Policy;
use crate::db::Tx;
use crate::error::Result;
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{Line, Promise};
use crate::model::order::Order;
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
        connection: Some(&grant.connection),
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
        access_days: line.access_days,
        state: GrantState::Waiting,
        counted: false,
        who: None,
        why: None,
        attempts: 0,
        next_at: Some(moment.now),
        receipt: None,
        give_up_at: moment.now.plus(policy.give_up_after),
        activated_at: None,
        expires_at: None,
    }
}
