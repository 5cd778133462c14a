//! Settle event: understand a gateway's message that was stored raw because something went wrong
//! when it came. All of it is database work; what it does not understand waits for a person.

use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::Connectors;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::settle::{self, Origin};
use crate::id::EventId;
use crate::model::Moment;
use crate::model::gateway_event::{self, EventState};
use crate::model::task::{Finish, Leased};
use crate::outcome::Outcome;

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct SettleEvent;

/// Why it could not be understood.
pub(super) struct Puzzle(String);

impl Effect for SettleEvent {
    type Request = Puzzle;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Puzzle>> {
        let event = gateway_event::get(tx, &EventId::from(task.subject.as_str())).await?;
        if event.state == EventState::Settled {
            return Ok(Prepared::Nothing);
        }
        let Some(gateway) = desk.gateways.get(&event.gateway) else {
            return Ok(Prepared::Act(Puzzle(format!(
                "no gateway called {:?}",
                event.gateway
            ))));
        };
        match gateway.read(&event.body) {
            Err(puzzle) => Ok(Prepared::Act(Puzzle(puzzle.to_string()))),
            Ok(facts) => {
                gateway_event::settled(tx, moment, &event.id).await?;
                let origin = Origin {
                    event: &event.id,
                    road: event.road,
                };
                settle::all(tx, moment, &desk.policy, origin, &facts).await?;
                Ok(Prepared::Nothing)
            }
        }
    }

    async fn act(self, _world: &Connectors, puzzle: &Puzzle) -> Outcome {
        Outcome::Rejected {
            why: puzzle.0.clone(),
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
        if let Some(why) = outcome.why() {
            gateway_event::explain(tx, &EventId::from(task.subject.as_str()), why).await?;
        }
        Ok(keeping::finish(moment, task, outcome))
    }
}
