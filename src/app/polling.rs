//! Polling: every list of every configured gateway has one task, from the start on. The task itself
//! never ends while its gateway is configured; started twice, it is one task.

use crate::app::App;
use crate::error::Result;
use crate::fulfilment::plan;
use crate::model::audit::Actor;
use crate::model::poll;
use crate::model::task::{self, Kind, NewTask};

/// See to it that every list is read.
pub async fn start(app: &App) -> Result<()> {
    let moment = app.moment(Actor::Machine("start"));
    let desk = app.desk.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                for subject in desk.polls() {
                    let gateway = subject.split('/').next().unwrap_or_default();
                    let connection = plan::at_gateway(gateway);
                    poll::ensure(tx, &subject);
                    let new = NewTask {
                        kind: Kind::Poll,
                        order: None,
                        subject: &subject,
                        connection: Some(&connection),
                    };
                    task::enqueue(tx, &moment, &new);
                }
                Ok(())
            })
        })
        .await
}
