//! The door to files. A link proves only that this shop made it; the right is asked of the database
//! at each click, so a refund or a revocation closes every old link at once. Looking changes nothing.

use std::time::Duration;

use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::landing::{Closed, ClosedView, FileView, LandingView};
use super::{names, respond};
use crate::app::files::{self, File, Files};
use crate::clock::Timestamp;
use crate::connectors::destinations::links::{Claim, LinkFault};
use crate::error::{Error, Result};
use crate::id::GrantId;
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, PaymentStatus};
use crate::web::visit::{Privacy, Visit};
use crate::words::Locale;

const HOUR: Duration = Duration::from_secs(3600);

/// What stands behind a link.
struct Held {
    grant: Grant,
    line: Line,
    order: Order,
}

/// `GET /f/{token}`: the files of a grant, each with a short-lived link of its own.
pub async fn landing(visit: Visit, Path(token): Path<String>) -> Response {
    let answer = async {
        let now = visit.app.clock.now();
        let landing = match visit.app.desk.links.read_landing(&token, now) {
            Ok(landing) => landing,
            Err(fault) => return closed(&visit, visit.locale(), unreadable(fault)),
        };
        match held(&visit, &landing.grant).await? {
            Some(held) => list(&visit, &held, now).await,
            None => closed(&visit, visit.locale(), Closed::AccessEnded),
        }
    };
    answer.await.unwrap_or_else(|error| visit.failed(&error))
}

/// `GET` and `HEAD /files/{token}/{name}`: one file. The name is for the browser; the token counts.
pub async fn file(
    visit: Visit,
    method: Method,
    headers: HeaderMap,
    Path((token, _)): Path<(String, String)>,
) -> Response {
    let answer = async {
        // Read as on the first day: who comes too late is told where to go, if the link is ours.
        let Ok(claim) = visit.app.desk.links.read(&token, Timestamp(0)) else {
            return closed(&visit, visit.locale(), Closed::NotWhole);
        };
        let Some(held) = held(&visit, &claim.grant).await? else {
            return closed(&visit, visit.locale(), Closed::AccessEnded);
        };
        if claim.expires <= visit.app.clock.now() {
            let fresh = Some(visit.app.desk.landing_path(&held.grant, &held.order));
            let locale = locale(&visit, &held);
            return closed(&visit, locale, Closed::Expired { fresh });
        }
        send(&visit, &held, &claim, &method, &headers).await
    };
    answer.await.unwrap_or_else(|error| visit.failed(&error))
}

/// The grant, if it gives the right to its files at this moment.
async fn held(visit: &Visit, id: &GrantId) -> Result<Option<Held>> {
    let (id, now) = (id.clone(), visit.app.clock.now());
    let found = visit.app.db.read(move |tx| {
        Box::pin(async move {
            let grant = grant::get(tx, &id).await?;
            let line = line::get(tx, &grant.line).await?;
            let order = order::get(tx, &grant.order).await?;
            Ok(Held { grant, line, order })
        })
    });
    match found.await {
        Ok(held) => Ok(Some(held).filter(|held| held.is_right(now))),
        // Our own link to a grant that is not there: a database that was restored.
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Held {
    /// Paid for, and on its way to a Drive: until it is there, the files come from here.
    fn is_meanwhile(&self) -> bool {
        self.grant.drive.is_some() && self.grant.state.is_owed()
    }

    fn is_right(&self, now: Timestamp) -> bool {
        self.grant.benefit == Benefit::Files
            && (self.grant.state == GrantState::Active || self.is_meanwhile())
            && !self.grant.has_run_out(now)
            && self.order.payment_status != PaymentStatus::Refunded
    }
}

async fn list(visit: &Visit, held: &Held, now: Timestamp) -> Result<Response> {
    let grant = &held.grant;
    let links_until = now.plus(HOUR * visit.app.config.downloads.link_hours);
    let links_until = grant
        .expires_at
        .map_or(links_until, |end| end.min(links_until));
    let Files { files, .. } = files::of(&visit.app, grant).await?;
    let view = LandingView {
        frame: visit.frame(locale(visit, held)),
        course: held.line.title.clone(),
        order_code: held.order.code.to_string(),
        files: files
            .into_iter()
            .map(|file| file_view(visit, grant, file, links_until))
            .collect(),
        links_until,
        access_until: grant.expires_at,
    };
    Ok(visit.page(StatusCode::OK, view.page()?, Privacy::Fleeting))
}

fn file_view(visit: &Visit, grant: &Grant, file: File, until: Timestamp) -> FileView {
    let token = visit.app.desk.links.mint(&grant.id, &file.path, until);
    let name = names::clean(&file.path);
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    FileView {
        href: format!("/files/{token}/{name}"),
        bytes: file.size,
        name: file.path,
    }
}

async fn send(
    visit: &Visit,
    held: &Held,
    claim: &Claim,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response> {
    let file = files::one(&visit.app, &held.grant, &claim.file).await?;
    let file = file.ok_or_else(|| {
        let (grant, file) = (&held.grant.id, &claim.file);
        anyhow::anyhow!("the files of grant {grant}: {file:?} does not exist")
    })?;
    let open = |range| async { files::open(&visit.app, &file, range).await };
    respond::respond(&file, open, method, headers).await
}

fn unreadable(fault: LinkFault) -> Closed {
    match fault {
        LinkFault::Forged => Closed::NotWhole,
        LinkFault::Expired => Closed::Expired { fresh: None },
    }
}

/// The order's language, unless another was chosen.
fn locale(visit: &Visit, held: &Held) -> Locale {
    visit.chosen_locale().unwrap_or(held.order.locale)
}

fn closed(visit: &Visit, locale: Locale, closed: Closed) -> Result<Response> {
    let status = StatusCode::from_u16(closed.status())?;
    let view = ClosedView {
        frame: visit.frame(locale),
        closed,
    };
    Ok(visit.page(status, view.page()?, Privacy::Fleeting))
}
