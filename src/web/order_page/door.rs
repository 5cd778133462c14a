//! The door to an order's page. Whoever has the secret may see the order; there is nothing else to
//! log in with. A wrong secret is a failure of its address, as a wrong key is.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream::{self, Stream};

use super::assemble::Scene;
use super::books::{self, Books};
use super::money::MoneyState;
use super::pay;
use super::view::OrderView;
use crate::app::checkout;
use crate::error::{Error, Result};
use crate::web::live::Watch;
use crate::web::visit::{Privacy, Visit};

/// A sign of life for the script, well before it takes silence for a broken line.
const BEAT: Duration = Duration::from_secs(15);

/// `GET /o/{secret}`: the page; with `?fragment=1` only what changes on it; with `?refused=CODE` what
/// became of a click.
pub async fn show(visit: Visit, Path(secret): Path<String>) -> Response {
    let answer = async {
        let mut view = look(&visit, &secret, From::Anywhere).await?;
        view.notice = pay::notice(&visit, view.frame.locale);
        answer(&visit, &view)
    };
    answer.await.unwrap_or_else(|error| visit.failed(&error))
}

/// `GET /o/{secret}/back`: the same for a buyer who comes back from a gateway's page, perhaps before
/// the gateway has told of the money: it is asked now. Nothing to wait for: the page itself.
pub async fn back(visit: Visit, Path(secret): Path<String>) -> Response {
    let answer = async {
        let view = look(&visit, &secret, From::Gateway).await?;
        if matches!(view.money, MoneyState::Confirming(_)) {
            return answer(&visit, &view);
        }
        if is_fragment(&visit) {
            return answer(&visit, &look(&visit, &secret, From::Anywhere).await?);
        }
        Ok(Redirect::to(&format!("/o/{secret}")).into_response())
    };
    answer.await.unwrap_or_else(|error| visit.failed(&error))
}

fn answer(visit: &Visit, view: &OrderView) -> Result<Response> {
    let html = || {
        if is_fragment(visit) {
            view.fragment()
        } else {
            view.page()
        }
    };
    visit.versioned_page(&format!("\"{}\"", view.version), html, Privacy::Secret)
}

fn is_fragment(visit: &Visit) -> bool {
    visit.asked("fragment").next().is_some()
}

/// `GET /o/{secret}/stream`: an event `order` for the order as it is and after each change. It
/// goes on when nothing more is expected: access that is taken back later is news too.
pub async fn stream(visit: Visit, Path(secret): Path<String>) -> Response {
    match books(&visit, &secret).await {
        Ok(books) => {
            let beat = Event::default().event("beat").data("1");
            let events = Sse::new(events(visit, secret, books));
            let beating = events.keep_alive(KeepAlive::new().interval(BEAT).event(beat));
            // A proxy that collects the stream would deliver it when it is over.
            let unbuffered = (
                HeaderName::from_static("x-accel-buffering"),
                HeaderValue::from_static("no"),
            );
            ([unbuffered], beating).into_response()
        }
        Err(error) => visit.failed(&error),
    }
}

/// Every address that leads nowhere.
pub async fn not_found(visit: Visit) -> Response {
    visit.failed(&Error::NotFound("page"))
}

pub(super) async fn books(visit: &Visit, secret: &str) -> Result<Books> {
    let (app, address) = (&visit.app, visit.caller.address);
    if let Some(books) = books::find(&app.db, secret).await? {
        return Ok(books);
    }
    app.limits.failed(address)?;
    Err(Error::NotFound("order page"))
}

/// Where the buyer comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Anywhere,
    Gateway,
}

async fn look(visit: &Visit, secret: &str, from: From) -> Result<OrderView> {
    let app = &visit.app;
    let catalogue = app.catalogue().await?;
    let books = books(visit, secret).await?;
    let mut frame = visit.frame(visit.chosen_locale().unwrap_or(books.order.locale));
    // The same view for whoever looks: page, fragment and stream.
    frame.path = match from {
        From::Anywhere => format!("/o/{secret}"),
        From::Gateway => format!("/o/{secret}/{}", checkout::BACK),
    };
    let scene = Scene {
        app,
        catalogue: &catalogue,
        books: &books,
        back: from == From::Gateway,
        now: app.clock.now(),
    };
    let view = scene.view(frame);
    let waits = matches!(view.money, MoneyState::Confirming(_));
    if waits && app.limits.may_look(visit.caller.address) {
        checkout::look(app, &books.order.id).await?;
    }
    Ok(view)
}

fn events(
    visit: Visit,
    secret: String,
    books: Books,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let watch = Watch::over(visit.app.clone(), books.order.id);
    stream::unfold((watch, visit, secret), |(mut watch, visit, secret)| async {
        let version = watch.next().await?;
        let view = look(&visit, &secret, From::Anywhere).await;
        watch.rest(view.is_ok_and(|view| view.is_final()));
        let event = Event::default().event("order").data(version.to_string());
        Some((Ok(event), (watch, visit, secret)))
    })
}
