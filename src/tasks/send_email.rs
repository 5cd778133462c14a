//! Send e-mail: being written.

use super::{Effect, Prepared, keeping};
use crate::app::Desk;
use crate::connectors::Connectors;
use crate::db::Tx;
use crate::error::Result;
use crate::model::Moment;
use crate::model::task::{Finish, Leased};
use crate::outcome::Outcome;

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendEmail;

impl Effect for SendEmail {
    type Request = ();

    async fn prepare(
        self,
        _tx: &mut Tx<'_>,
        _moment: &Moment,
        _desk: &Desk,
        _task: &Leased,
    ) -> Result<Prepared<()>> {
        Ok(Prepared::Act(()))
    }

    async fn act(self, _world: &Connectors, _request: &()) -> Outcome {
        Outcome::Rejected {
            why: "being written".to_owned(),
        }
    }

    async fn record(
        self,
        _tx: &mut Tx<'_>,
        moment: &Moment,
        task: &Leased,
        outcome: &Outcome,
    ) -> Result<Finish> {
        Ok(keeping::finish(moment, task, outcome))
    }
}
