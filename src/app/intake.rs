//! The one road of a gateway's message: prove it, name it, read it, and commit it with all that
//! follows. What is authentic is kept even when it cannot be understood or booked: raw, with a task
//! that works on it. Every door and every later look at a gateway's own list comes along here.

use crate::app::App;
use crate::connectors::gateways::{Message, NotAuthentic, NotUnderstood};
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::fulfilment::plan;
use crate::fulfilment::settle::{self, Settled};
use crate::model::audit::Actor;
use crate::model::gateway_event::{self, Arrival, Road};

/// Characters of a reason that are stored.
const LONGEST_REASON: usize = 300;

/// Take in a message. [`Error::Forbidden`]: not authentic, nothing was stored. The refusal
/// `unavailable`: authentic and not stored, so the gateway must send it again. Everything else is success.
pub async fn receive(app: &App, gateway: &str, message: &Message<'_>) -> Result<Settled> {
    let (arrival, facts) = {
        let known = app.desk.gateways.get(gateway);
        let gateway = known.ok_or(Error::NotFound("gateway"))?;
        let proof = gateway
            .verify(message)
            .map_err(|NotAuthentic(why)| Error::Forbidden(why))?;
        let arrival = Arrival {
            gateway: gateway.name().to_owned(),
            key: gateway.event_key(message.body),
            body: message.body.to_vec(),
            note: proof.note,
            road: Road::Message,
        };
        (arrival, gateway.read(message.body))
    };
    accept(app, arrival, facts).await
}

/// Take in what is known to be authentic.
pub async fn accept(
    app: &App,
    arrival: Arrival,
    facts: Result<Vec<Fact>, NotUnderstood>,
) -> Result<Settled> {
    let settled = match facts {
        Ok(facts) => settle(app, arrival.clone(), facts).await,
        Err(puzzle) => Err(Error::Internal(puzzle.into())),
    };
    match settled {
        Ok(settled) => {
            if let Some(order) = &settled.order {
                app.live.tell(&order.id);
            }
            Ok(settled)
        }
        Err(e) => keep_raw(app, arrival, &e.to_string()).await,
    }
}

async fn settle(app: &App, arrival: Arrival, facts: Vec<Fact>) -> Result<Settled> {
    let moment = app.moment(Actor::Gateway(arrival.gateway.clone()));
    let desk = app.desk.clone();
    app.db
        .write(move |tx| {
            Box::pin(
                async move { settle::arrival(tx, &moment, &desk.policy, &arrival, &facts).await },
            )
        })
        .await
}

/// The second chance: only the raw message, and the task that will understand it.
async fn keep_raw(app: &App, arrival: Arrival, problem: &str) -> Result<Settled> {
    let gateway = arrival.gateway.clone();
    tracing::warn!(
        gateway,
        "a message of {gateway} waits for a task: {problem}"
    );
    let why: String = problem.chars().take(LONGEST_REASON).collect();
    let moment = app.moment(Actor::Gateway(gateway.clone()));
    let kept = app.db.write(move |tx| {
        Box::pin(async move {
            let stored = gateway_event::store(tx, &moment, &arrival, Some(&why)).await?;
            if let Some(event) = &stored {
                plan::settle(tx, &moment, event).await?;
            }
            Ok(stored.is_none())
        })
    });
    match kept.await {
        Ok(duplicate) => Ok(Settled {
            duplicate,
            ..Settled::default()
        }),
        Err(e) => {
            tracing::error!(gateway, "a message of {gateway} could not be stored: {e}");
            Err(Error::refused("unavailable"))
        }
    }
}
