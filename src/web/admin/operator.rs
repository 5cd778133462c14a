//! Who looks at the seller's pages: the owner of a key that is in use, by their session. A stranger is
//! led to the sign-in; what the key has no scope for is neither shown nor done.

use std::convert::Infallible;
use std::future::Future;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::filled::Filled;
use super::page::{self, Occasion, Room};
use super::session::{Session, Sessions};
use crate::error::{Error, Refusal, Result};
use crate::model::Moment;
use crate::model::api_key::{self, ApiKey, Scope};
use crate::model::audit::Actor;
use crate::web::state::Web;
use crate::web::visit::Visit;

/// Where strangers are led.
pub const SIGN_IN: &str = "/admin/sign-in";

/// The owner of a key, at work.
#[derive(Clone)]
pub struct Operator {
    /// Their browser.
    pub visit: Visit,
    key: ApiKey,
    session: Session,
    sessions: Sessions,
}

impl FromRequestParts<Web> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let Ok(visit): Result<_, Infallible> = Visit::from_request_parts(parts, web).await;
        match recognise(&visit, &web.sessions).await {
            Ok(Some((key, session))) => Ok(Self {
                visit,
                key,
                session,
                sessions: web.sessions.clone(),
            }),
            Ok(None) => Err(to_sign_in(parts)),
            Err(error) => Err(visit.failed(&error)),
        }
    }
}

impl Operator {
    /// The key has this scope.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.key.scopes.contains(&scope)
    }

    /// Refuses what the key has no scope for.
    pub fn needs(&self, scope: Scope) -> Result<()> {
        if self.may(scope) {
            return Ok(());
        }
        Err(Error::Refused(Refusal {
            code: "missing_scope",
            values: vec![("scope", scope.to_string())],
        }))
    }

    /// Now, by this operator.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let actor = Actor::Operator(self.key.name.clone());
        self.visit.app.moment(actor)
    }

    /// What is around a page of theirs.
    pub async fn room(&self) -> Result<Room> {
        let app = &self.visit.app;
        let token = self.sessions.form_token(app, &self.session).await?;
        Ok(page::room(self, &self.key.name, token))
    }

    /// A form of theirs: sent by one of our own pages, in this session.
    pub async fn form(&self, body: Body) -> Result<Filled> {
        if self.visit.is_foreign() {
            return Err(Error::Forbidden("a form on another site"));
        }
        let filled = Filled::read(&self.visit.headers, body).await?;
        let shown = filled.text("token");
        let app = &self.visit.app;
        self.sessions.check_form(app, &self.session, shown).await?;
        Ok(filled)
    }

    /// A page that needs this scope. Without it `work` does not begin.
    pub async fn show(&self, scope: Scope, work: impl Future<Output = Result<String>>) -> Response {
        let made = match self.needs(scope) {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        match (made, self.room().await) {
            (Ok(html), _) => page::respond(&self.visit, html),
            (Err(error), Ok(room)) => {
                let occasion = Occasion::at(&room.frame.path, false);
                page::refused(&self.visit, &room, error, occasion)
            }
            (Err(_), Err(error)) => self.visit.failed(&error),
        }
    }

    /// What a form of theirs led to: the page where they go on.
    pub async fn went_on(&self, done: Result<String>) -> Response {
        match (done, self.room().await) {
            (Ok(address), _) => Redirect::to(&address).into_response(),
            (Err(error), Ok(mut room)) => {
                let occasion = Occasion::at(&room.frame.path, true);
                // Nobody can look at a verb, neither again nor in another language.
                room.frame.path.clone_from(&occasion.back);
                page::refused(&self.visit, &room, error, occasion)
            }
            (Err(_), Err(error)) => self.visit.failed(&error),
        }
    }
}

async fn recognise(visit: &Visit, sessions: &Sessions) -> Result<Option<(ApiKey, Session)>> {
    let app = &visit.app;
    let Some(session) = sessions.of(app, &visit.headers).await? else {
        return Ok(None);
    };
    let id = session.key.clone();
    let found = app
        .db
        .read(move |tx| Box::pin(async move { api_key::in_use(tx, &id).await }));
    let Some(key) = found.await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    if key.is_long_unused(now) {
        let id = key.id.clone();
        app.db
            .write(move |tx| Box::pin(async move { api_key::used(tx, now, &id).await }))
            .await?;
    }
    Ok(Some((key, session)))
}

/// Back to the page they asked for, once they are known; a form is not sent a second time by itself.
fn to_sign_in(parts: &Parts) -> Response {
    let asked = parts.uri.path_and_query().map(PathAndQuery::as_str);
    let next = asked
        .filter(|_| parts.method == Method::GET)
        .unwrap_or("/admin");
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    Redirect::to(&format!("{SIGN_IN}?{query}")).into_response()
}
