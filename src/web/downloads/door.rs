//! The door to files. A link proves only that this shop made it; the right is asked of the database
//! at each click, so a refund or a revocation closes every old link at once. Looking changes nothing.

use std::time::Duration;

use axum::extract::Path;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::landing::{Closed, ClosedView, FileView, LandingView, WholeView};
use super::{names, shelf, transfer};
use crate::app::files::{self, File};
use crate::clock::Timestamp;
use crate::connectors::destinations::links::{LinkFault, WHOLE_COURSE};
use crate::error::{Error, Result};
use crate::id::GrantId;
use crate::model::course;
use crate::model::grant::{self, Benefit, Grant, GrantState};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, PaymentStatus};
use crate::web::visit::{Privacy, Visit};
use crate::words::Locale;

const HOUR: Duration = Duration::from_hours(1);

/// What stands behind a link.
pub(super) struct Held {
    pub(super) grant: Grant,
    pub(super) line: Line,
    pub(super) order: Order,
    /// PDFs carry the buyer's address.
    pub(super) stamped: bool,
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

/// `GET` and `HEAD /files/{token}/{name}`: one file, or all as one archive. The name is for the
/// browser; the token counts.
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
        let locale = locale(&visit, &held);
        if claim.expires <= visit.app.clock.now() {
            let fresh = Some(visit.app.desk.landing_path(&held.grant, &held.order));
            return closed(&visit, locale, Closed::Expired { fresh });
        }
        let asked = transfer::Asked {
            method: &method,
            headers: &headers,
            file: &claim.file,
        };
        match transfer::begin(&visit, &held, &asked).await? {
            Ok(response) => Ok(response),
            Err(full) => closed(&visit, locale, full),
        }
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
            let (source, folder) = (&grant.connection, &grant.target);
            let stamped = course::is_stamped(tx, &line.course, source, folder).await?;
            Ok(Held {
                grant,
                line,
                order,
                stamped,
            })
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
    let files = files::of(&visit.app, grant).await?;
    let whole = shelf::size_as_archive(&files).map(|bytes| WholeView {
        bytes,
        href: href(
            visit,
            grant,
            (WHOLE_COURSE, &shelf::name(held)),
            links_until,
        ),
    });
    let view = LandingView {
        frame: visit.frame(locale(visit, held)),
        course: held.line.title.clone(),
        order_code: held.order.code.to_string(),
        stamped: held.stamped && files.files.iter().any(shelf::is_pdf),
        files: files
            .files
            .into_iter()
            .map(|file| file_view(visit, grant, file, links_until))
            .collect(),
        whole,
        links_until,
        access_until: grant.expires_at,
    };
    Ok(visit.page(StatusCode::OK, view.page()?, Privacy::Fleeting))
}

fn file_view(visit: &Visit, grant: &Grant, file: File, until: Timestamp) -> FileView {
    FileView {
        href: href(visit, grant, (&file.path, &file.path), until),
        bytes: file.size,
        name: file.path,
    }
}

fn href(visit: &Visit, grant: &Grant, (file, name): (&str, &str), until: Timestamp) -> String {
    let token = visit.app.desk.links.mint(&grant.id, file, until);
    let name = names::clean(name);
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    format!("/files/{token}/{name}")
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
    let after = closed.retry_after();
    let view = ClosedView {
        frame: visit.frame(locale),
        closed,
    };
    let mut page = visit.page(status, view.page()?, Privacy::Fleeting);
    if let Some(after) = after {
        let seconds = after.as_secs().max(1);
        page.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(page)
}
