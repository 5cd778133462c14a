//! A session of the seller's pages: a signed cookie that names a key, never the key itself. It ends
//! after [`LIFE`], with a sign-out in that browser, and everywhere at once when the key is revoked,
//! because every request looks the key up. Nothing is stored on our side but the signing secret.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::OnceCell;

use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::ApiKeyId;
use crate::model::audit::Actor;
use crate::model::key;

/// How long a session lasts, used or not.
pub const LIFE: Duration = Duration::from_hours(12);

const COOKIE_NAME: &str = "bursar_admin";
/// Browsers send the cookie there and nowhere else.
const PATH: &str = "/admin";
/// What the signing secret is called among the keys that Bursar makes for itself.
const SECRET_NAME: &str = "admin_sessions";
/// Bytes of a cookie's value that are looked at; ours have about 190.
const LONGEST: usize = 512;

/// Whose session it is, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The key that it stands for.
    pub key: ApiKeyId,
    /// When it ends.
    pub until: Timestamp,
    /// Makes it this session and no other.
    nonce: String,
}

/// Signs sessions and reads them back. The secret is made on first use and shared by all nodes.
#[derive(Clone, Default)]
pub struct Sessions(Arc<OnceCell<String>>);

impl Sessions {
    /// Begin a session for the owner of a key: the session and the cookie that carries it.
    pub async fn begin(&self, app: &App, key: &ApiKeyId) -> Result<(Session, HeaderValue)> {
        let session = Session {
            key: key.clone(),
            until: app.clock.now().plus(LIFE),
            nonce: app.mint.secret(),
        };
        let signed = self.sign(app, "session", &session).await?;
        let value = format!("{}.{signed}", session.text());
        Ok((session, cookie(app, &value, LIFE)?))
    }

    /// The session of a request, if it has one that is ours and is not over.
    pub async fn of(&self, app: &App, headers: &HeaderMap) -> Result<Option<Session>> {
        let Some((session, shown)) = carried(headers).and_then(Session::read) else {
            return Ok(None);
        };
        let signed = self.sign(app, "session", &session).await?;
        let ours = bool::from(signed.as_bytes().ct_eq(shown.as_bytes()));
        Ok((ours && session.until > app.clock.now()).then_some(session))
    }

    /// What every form of this session carries, and no other site can know.
    pub async fn form_token(&self, app: &App, session: &Session) -> Result<String> {
        self.sign(app, "form", session).await
    }

    /// Refuses a form that does not carry the token of its session.
    pub async fn check_form(&self, app: &App, session: &Session, shown: &str) -> Result<()> {
        let token = self.form_token(app, session).await?;
        if bool::from(token.as_bytes().ct_eq(shown.as_bytes())) {
            Ok(())
        } else {
            Err(Error::Forbidden("a form without the token of its session"))
        }
    }

    async fn sign(&self, app: &App, purpose: &str, session: &Session) -> Result<String> {
        let secret = self.0.get_or_try_init(|| secret(app)).await?;
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of every length")
            .chain_update(purpose)
            .chain_update(".")
            .chain_update(session.text());
        Ok(hex::encode(mac.finalize().into_bytes()))
    }
}

impl Session {
    fn text(&self) -> String {
        format!("{}.{}.{}", self.key, self.until.0, self.nonce)
    }

    /// A session as a cookie claims it, and the signature to hold it against.
    fn read(value: &str) -> Option<(Self, &str)> {
        let mut parts = value.split('.');
        let session = Self {
            key: parts.next()?.into(),
            until: Timestamp(parts.next()?.parse().ok()?),
            nonce: parts.next()?.to_owned(),
        };
        let signature = parts.next()?;
        parts.next().is_none().then_some((session, signature))
    }
}

/// The cookie that ends a session in the browser that has it.
pub fn ended(app: &App) -> Result<HeaderValue> {
    cookie(app, "", Duration::ZERO)
}

fn cookie(app: &App, value: &str, life: Duration) -> Result<HeaderValue> {
    let secure = if app.config.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let seconds = life.as_secs();
    let cookie = format!(
        "{COOKIE_NAME}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    Ok(HeaderValue::from_str(&cookie)?)
}

fn carried(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
    (value.len() <= LONGEST).then_some(value)
}

async fn secret(app: &App) -> Result<String> {
    let moment = app.moment(Actor::Machine("start"));
    let made = app
        .db
        .write(move |tx| Box::pin(async move { key::keep(tx, &moment, SECRET_NAME).await }));
    made.await
}
