//! Polling: every list of every configured gateway has one task, from the start on. It never ends while
//! its gateway is configured; once the gateway is configured again it goes on where it had stopped.

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
                    let connection = plan::lists_of(gateway);
                    poll::ensure(tx, &subject);
                    let new = NewTask {
                        kind: Kind::Poll,
                        order: None,
                        subject: &subject,
                        connection: Some(&connection),
                    };
                    task::resume(tx, &moment, &new).await?;
                }
                Ok(())
            })
        })
        .await
}
