//! `/admin/messages`: messages of gateways that are authentic and not in the books. There may be
//! money in each: it is read again, or closed with a reason.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;

use super::operator::Operator;
use super::page::Room;
use crate::error::{Error, Result};
use crate::fulfilment::intervene;
use crate::id::EventId;
use crate::model::api_key::Scope;
use crate::model::gateway_event::{self, Puzzle};
use crate::web::frame::Frame;
use crate::web::icon::Icon;

/// Rows of the page, oldest first.
const MOST: i64 = 100;

#[derive(Template)]
#[template(path = "pages/admin/messages.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    rows: Vec<Puzzle>,
}

/// `GET /admin/messages`.
pub async fn show(operator: Operator) -> Response {
    operator.show(Scope::TransfersRead, unread(&operator)).await
}

/// `POST /admin/messages/{id}/replay`.
pub async fn replay(operator: Operator, Path(id): Path<String>, body: Body) -> Response {
    let done = decide(&operator, EventId::from(id), body, false).await;
    operator.went_on(done).await
}

/// `POST /admin/messages/{id}/close`.
pub async fn close(operator: Operator, Path(id): Path<String>, body: Body) -> Response {
    let done = decide(&operator, EventId::from(id), body, true).await;
    operator.went_on(done).await
}

async fn unread(operator: &Operator) -> Result<String> {
    let app = &operator.visit.app;
    let found = app
        .db
        .read(|tx| Box::pin(async move { gateway_event::not_settled(tx, None, MOST).await }));
    let rows = found.await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        rows,
    };
    Ok(page.render()?)
}

async fn decide(operator: &Operator, id: EventId, body: Body, closes: bool) -> Result<String> {
    operator.needs(Scope::TransfersWrite)?;
    let filled = operator.form(body).await?;
    let why = filled.text("why").to_owned();
    if closes && why.is_empty() {
        return Err(Error::refused("reason_needed"));
    }
    let moment = operator.moment();
    let decided = operator.visit.app.db.write(move |tx| {
        Box::pin(async move {
            if closes {
                intervene::close(tx, &moment, &id, &why).await
            } else {
                intervene::replay(tx, &moment, &id).await
            }
        })
    });
    decided.await?;
    Ok("/admin/messages".to_owned())
}
