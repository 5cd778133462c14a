//! Deliver: make a folder's files ready on Bursar's own download server. Nothing is copied: a published
//! version was read back when it was made, a live folder is looked through, and links are made when
//! they are asked for.

use serde_json::json;

use super::{Effect, Prepared, keeping};
use crate::app::{Desk, files};
use crate::connectors::Connectors;
use crate::connectors::stores::manifest;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfilment::complete::{self, Begin};
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::content::Version;
use crate::model::task::{Finish, Leased};
use crate::outcome::{Outcome, Receipt, Who};

/// The effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deliver;

/// Which folder of which source, or the version of it that the grant sees.
pub(super) struct Request {
    source: String,
    folder: String,
    version: Option<Version>,
}

impl Effect for Deliver {
    type Request = Request;

    async fn prepare(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        _desk: &Desk,
        task: &Leased,
    ) -> Result<Prepared<Request>> {
        let id = GrantId::from(task.subject.as_str());
        let (begin, grant) = complete::begin(tx, moment, &id).await?;
        Ok(match begin {
            Begin::Act => Prepared::Act(Request {
                version: files::version_of(tx, &grant).await?,
                source: grant.connection,
                folder: grant.target,
            }),
            Begin::Already | Begin::Gone | Begin::Busy => Prepared::Nothing,
        })
    }

    async fn act(self, world: &Connectors, request: &Request) -> Outcome {
        let name = request
            .version
            .as_ref()
            .map_or(&request.source, |version| &version.store);
        let Some(store) = world.stores.get(name) else {
            let why = format!("no store called {name:?} is configured");
            return Outcome::ActionNeeded {
                who: Who::Seller,
                why,
            };
        };
        if let Some(version) = &request.version {
            return Outcome::Done(receipt_of(version));
        }
        match manifest::of(store.as_ref(), &request.folder).await {
            Ok(manifest) => Outcome::Done(Receipt(json!({
                "files": manifest.files.len(),
                "bytes": manifest.size(),
            }))),
            Err(fault) => keeping::outcome_of(fault),
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
        keeping::record(tx, moment, task, outcome).await
    }
}

fn receipt_of(version: &Version) -> Receipt {
    let sealed = version.sealed.as_ref();
    Receipt(json!({
        "version": version.number,
        "files": sealed.map(|sealed| sealed.files),
        "bytes": sealed.map(|sealed| sealed.bytes),
    }))
}
