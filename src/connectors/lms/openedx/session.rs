//! The token: asked for by client credentials, kept until the site does not take it any more. No clock
//! is needed for that: a 401 says that nothing was done, so the same call may follow with a new token.

use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderValue};
use tokio::sync::Mutex;

use super::wire::{ErrorBody, Token};
use crate::config::Secret;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Limits, exchange};

/// Who we are to the site, and what it gave us for it.
#[derive(Debug)]
pub(super) struct Session {
    client: reqwest::Client,
    limits: Limits,
    url: Url,
    client_id: String,
    client_secret: Secret,
    /// Held while a token is asked for, so that many callers ask once.
    ticket: Mutex<Option<Ticket>>,
}

/// A token, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub header: HeaderValue,
    token: Secret,
}

impl Ticket {
    pub fn secret(&self) -> &str {
        self.token.expose()
    }
}

impl Session {
    pub fn new(
        client: reqwest::Client,
        limits: Limits,
        url: Url,
        (client_id, client_secret): (&str, &str),
    ) -> Self {
        Self {
            client,
            limits,
            url,
            client_id: client_id.to_owned(),
            client_secret: Secret::new(client_secret),
            ticket: Mutex::new(None),
        }
    }

    pub fn secret(&self) -> &str {
        self.client_secret.expose()
    }

    /// The ticket in use; another one where `refused` is it.
    pub async fn ticket(&self, refused: Option<&Ticket>) -> Result<Ticket, Fault> {
        let mut kept = self.ticket.lock().await;
        if let Some(ticket) = kept.as_ref().filter(|ticket| Some(*ticket) != refused) {
            return Ok(ticket.clone());
        }
        let fresh = self.ask().await?;
        Ok(kept.insert(fresh).clone())
    }

    async fn ask(&self) -> Result<Ticket, Fault> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("token_type", "jwt"),
        ];
        let request = self
            .client
            .post(self.url.clone())
            .header(ACCEPT, "application/json")
            .form(&form);
        let answer = exchange(request, self.limits).await;
        // Asking twice for a token changes nothing.
        self.read(&answer.map_err(|lost| lost.fault(Aim::Read))?)
    }

    fn read(&self, answer: &Answer) -> Result<Ticket, Fault> {
        let json = answer.json();
        let broken = |why: String| Err(Fault::ConnectionBroken { why });
        match answer.status {
            200..=299 => {}
            300..=399 => {
                let to = answer.redirects_to();
                return broken(format!(
                    "The site redirects to {to}: put the final address into base_url."
                ));
            }
            400 | 401 | 403 => {
                let said = ErrorBody::read(json.as_ref()).words(&[self.client_secret.expose()]);
                return broken(format!(
                    "The site does not accept our client id and secret: {said}."
                ));
            }
            404 | 405 => {
                return broken(
                    "There is no Open edX at base_url: it has no token page.".to_owned(),
                );
            }
            408 | 429 | 500..=599 => {
                return Err(Fault::Transient {
                    why: format!("The site gives no token now (status {}).", answer.status),
                    after: answer.retry_after,
                });
            }
            other => {
                return broken(format!(
                    "The site answers with status {other} where it gives tokens."
                ));
            }
        }
        let token = json.and_then(|json| serde_json::from_value::<Token>(json).ok());
        let Some(ticket) = token.and_then(ticket) else {
            return broken(
                "What answers at base_url is not Open edX: it gives no token.".to_owned(),
            );
        };
        Ok(ticket)
    }
}

/// What its type says is how it is sent.
fn ticket(token: Token) -> Option<Ticket> {
    let style = if token.token_type.eq_ignore_ascii_case("bearer") {
        "Bearer"
    } else {
        "JWT"
    };
    let mut header = HeaderValue::from_str(&format!("{style} {}", token.access_token)).ok()?;
    header.set_sensitive(true);
    Some(Ticket {
        header,
        token: Secret::new(token.access_token),
    })
}
