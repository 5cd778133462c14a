//! `/admin/grants`: what buyers are owed and what stands still until a person acts, with the reason
//! and who must act.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;

use super::operator::Operator;
use super::page::Room;
use super::words;
use crate::error::Result;
use crate::fulfilment::complete;
use crate::id::GrantId;
use crate::model::api_key::Scope;
use crate::model::grant;
use crate::model::grant::list::{self, Filter, Listed};
use crate::web::frame::Frame;
use crate::web::icon::Icon;

/// Rows of the page, those that wait longest first.
const MOST: i64 = 100;

#[derive(Template)]
#[template(path = "pages/admin/grants.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    rows: Vec<Listed>,
}

/// `GET /admin/grants`.
pub async fn show(operator: Operator) -> Response {
    operator.show(Scope::OrdersRead, stuck(&operator)).await
}

/// `POST /admin/grants/{id}/retry`.
pub async fn retry(operator: Operator, Path(id): Path<String>, body: Body) -> Response {
    let done = try_again(&operator, GrantId::from(id), body).await;
    operator.went_on(done).await
}

async fn stuck(operator: &Operator) -> Result<String> {
    let filter = Filter {
        stuck: true,
        ..Filter::default()
    };
    let app = &operator.visit.app;
    let found = app
        .db
        .read(move |tx| Box::pin(async move { list::list(tx, &filter, None, MOST).await }));
    let rows = found.await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        rows,
    };
    Ok(page.render()?)
}

async fn try_again(operator: &Operator, id: GrantId, body: Body) -> Result<String> {
    operator.needs(Scope::GrantsWrite)?;
    let filled = operator.form(body).await?;
    let why = filled.text_if_any("why").map(str::to_owned);
    let app = &operator.visit.app;
    let (moment, after) = (operator.moment(), app.desk.policy.give_up_after);
    let retried = app.db.write(move |tx| {
        Box::pin(async move {
            complete::retry(tx, &moment, &id, after, why.as_deref()).await?;
            Ok(grant::get(tx, &id).await?.order)
        })
    });
    app.live.tell(&retried.await?);
    Ok("/admin/grants".to_owned())
}

impl Page<'_> {
    fn state(&self, row: &Listed) -> String {
        words::word(self.frame, "grant", row.grant.state)
    }

    fn benefit(&self, row: &Listed) -> String {
        words::word(self.frame, "benefit", row.grant.benefit)
    }

    fn who(&self, row: &Listed) -> String {
        let who = row.grant.who.map_or("seller", crate::outcome::Who::as_str);
        words::word(self.frame, "must", who)
    }
}
