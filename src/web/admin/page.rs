//! What every page of the seller's has around it: the way to the others, as far as the key may go,
//! and the token of every form. Refusals are pages too, in words, with the way back.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::operator::Operator;
use super::words;
use crate::error::Error;
use crate::model::api_key::Scope;
use crate::web::frame::Frame;
use crate::web::icon::Icon;
use crate::web::visit::{Privacy, Visit};

/// Where a person can go, which scope opens it, and what it is called in the locales.
const DOORS: [(&str, Option<Scope>, &str); 6] = [
    ("/admin", None, "overview"),
    ("/admin/transfers", Some(Scope::TransfersRead), "transfers"),
    ("/admin/refunds", Some(Scope::OrdersRead), "refunds"),
    ("/admin/orders", Some(Scope::OrdersRead), "orders"),
    ("/admin/grants", Some(Scope::OrdersRead), "grants"),
    ("/admin/messages", Some(Scope::TransfersRead), "messages"),
];

/// The surroundings of a page.
#[derive(Debug, Clone)]
pub struct Room {
    /// Language, shop, times.
    pub frame: Frame,
    /// Whose key it is.
    pub name: String,
    /// What every form carries.
    pub token: String,
    /// Other pages.
    pub doors: Vec<Door>,
    scopes: Vec<Scope>,
}

/// The way to another page.
#[derive(Debug, Clone)]
pub struct Door {
    /// Where.
    pub address: &'static str,
    /// Its name in the locales.
    pub word: &'static str,
    /// The reader is there, or on a page below it.
    pub here: bool,
}

#[derive(Template)]
#[template(path = "pages/admin/refused.html")]
struct RefusedPage<'a> {
    room: &'a Room,
    frame: &'a Frame,
    text: String,
    back: String,
    was_form: bool,
}

/// On which occasion something was refused.
pub(super) struct Occasion {
    /// Where to go on.
    pub(super) back: String,
    /// A form would have changed something.
    was_form: bool,
}

/// What is around a page of this operator.
pub(super) fn room(operator: &Operator, name: &str, token: String) -> Room {
    let frame = operator.visit.frame(operator.visit.locale());
    let is_here = |address: &str| {
        frame.path == address
            || (address != "/admin" && frame.path.starts_with(&format!("{address}/")))
    };
    let open = DOORS
        .iter()
        .filter(|(_, scope, _)| scope.is_none_or(|scope| operator.may(scope)));
    let doors = open.map(|&(address, _, word)| Door {
        address,
        word,
        here: is_here(address),
    });
    Room {
        doors: doors.collect(),
        name: name.to_owned(),
        token,
        scopes: Scope::ALL
            .iter()
            .copied()
            .filter(|scope| operator.may(*scope))
            .collect(),
        frame: frame.clone(),
    }
}

impl Room {
    /// What a door is called.
    #[must_use]
    pub fn door(&self, door: &Door) -> String {
        words::word(&self.frame, "door", door.word)
    }

    /// The key has the scope of this word.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known.as_str() == scope)
    }
}

/// A page that only its reader keeps.
pub(super) fn respond(visit: &Visit, html: String) -> Response {
    visit.page(StatusCode::OK, html, Privacy::Inside)
}

/// Why something is not shown or not done, and the way back.
pub(super) fn refused(visit: &Visit, room: &Room, error: Error, occasion: Occasion) -> Response {
    if matches!(error, Error::Internal(_) | Error::TooMany(_)) {
        return visit.failed(&error);
    }
    let forbidden = matches!(error, Error::Forbidden(_));
    let tag = Some(room.frame.locale.tag());
    let text = words::refusal(&room.frame, &error);
    let problem = visit.caller.clone().speaking(tag).problem(error);
    let status = if forbidden {
        StatusCode::FORBIDDEN
    } else {
        problem.status()
    };
    let page = RefusedPage {
        text: text.unwrap_or_else(|| problem.detail()),
        back: occasion.back,
        was_form: occasion.was_form,
        frame: &room.frame,
        room,
    };
    match page.render() {
        Ok(html) => visit.page(status, html, Privacy::Inside),
        Err(error) => visit.failed(&error.into()),
    }
}

impl Occasion {
    /// At this path.
    pub(super) fn at(path: &str, was_form: bool) -> Self {
        Self {
            back: way_back(path),
            was_form,
        }
    }
}

/// The page above: forms are posted to a verb below the page they stand on.
fn way_back(path: &str) -> String {
    let up = path.rsplit_once('/').map_or("", |(up, _)| up);
    if up.starts_with("/admin") {
        up.to_owned()
    } else {
        "/admin".to_owned()
    }
}
