//! SMTP, spoken step by step over lettre's connection rather than its ready-made transport: that one
//! reports "network error" alike before and after the letter left, and the difference is whether a
//! repeat may send it twice. Connections are kept for reuse and tried before each use.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::MailFault;
use crate::config::Mail;

/// Mail providers close the door on senders with many connections.
const CONNECTIONS: usize = 4;

/// Servers hang up on idle connections after minutes; this is well before.
const IDLE: Duration = Duration::from_secs(30);

/// How long to wait for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For each address of the server to accept a connection.
    pub connect: Duration,
    /// For everything up to handing the letter over, connecting and signing in included.
    pub talk: Duration,
    /// For the letter's transmission and the server's answer to it: scanners take their time.
    pub delivery: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            talk: Duration::from_mins(1),
            delivery: Duration::from_mins(3),
        }
    }
}

/// A mail server.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    hello: ClientId,
    patience: Patience,
    turns: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

enum Security {
    None,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

/// Where in the conversation something went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    SignIn,
    Sender,
    Recipient,
    Announce,
    HandOver,
}

impl Smtp {
    pub(super) fn from_config(mail: &Mail, sender_domain: &str) -> anyhow::Result<Self> {
        let tls = || {
            TlsParameters::new(mail.host.clone())
                .with_context(|| format!("mail.host {:?} is not a host name", mail.host))
        };
        let security = match mail.security.as_str() {
            "starttls" => Security::StartTls(tls()?),
            "tls" => Security::Tls(tls()?),
            "none" => Security::None,
            other => anyhow::bail!("there is no mail security called {other:?}"),
        };
        let credentials = mail
            .password
            .as_ref()
            .map(|password| Credentials::new(mail.user.clone(), password.expose().to_owned()));
        Ok(Self {
            host: mail.host.clone(),
            port: mail.port,
            security,
            credentials,
            hello: ClientId::Domain(sender_domain.to_owned()),
            patience: Patience::default(),
            turns: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
        })
    }

    /// The same server, waited for differently.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Hand one letter over; the answer is the server's.
    pub(super) async fn send(&self, message: &Message) -> Result<String, MailFault> {
        let _turn = self.turns.acquire().await;
        let mut line = self.in_time(self.announce(message.envelope())).await?;
        let bytes = message.formatted();
        let handed_over = timeout(self.patience.delivery, line.message(&bytes)).await;
        let response = handed_over
            .map_err(|_| MailFault::Unknown {
                why: "the mail server took the letter and did not answer in time".to_owned(),
            })?
            .map_err(|error| fault(Stage::HandOver, &error))?;
        self.keep(line);
        Ok(without_addresses(
            response.first_line().unwrap_or("accepted"),
        ))
    }

    /// Connect, sign in, and leave.
    pub(super) async fn ping(&self) -> Result<String, MailFault> {
        let line = self.in_time(self.connect()).await?;
        self.keep(line);
        let signed_in = self.credentials.as_ref().map_or("", |_| ", signed in");
        Ok(format!("{}:{}{signed_in}", self.host, self.port))
    }

    async fn in_time<T>(
        &self,
        talk: impl Future<Output = Result<T, MailFault>>,
    ) -> Result<T, MailFault> {
        timeout(self.patience.talk, talk).await.unwrap_or_else(|_| {
            Err(MailFault::Transient {
                why: "the mail server did not answer in time".to_owned(),
            })
        })
    }

    /// Everything before the letter itself; until here nothing can have been sent.
    async fn announce(&self, envelope: &Envelope) -> Result<AsyncSmtpConnection, MailFault> {
        let mut line = match self.take_idle().await {
            Some(line) => line,
            None => self.connect().await?,
        };
        let parameters = parameters(&line, envelope)?;
        line.command(MailFrom::new(envelope.from().cloned(), parameters))
            .await
            .map_err(|error| fault(Stage::Sender, &error))?;
        for address in envelope.to() {
            line.command(Rcpt::new(address.clone(), Vec::new()))
                .await
                .map_err(|error| fault(Stage::Recipient, &error))?;
        }
        line.command(Data)
            .await
            .map_err(|error| fault(Stage::Announce, &error))?;
        Ok(line)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailFault> {
        self.dial()
            .await
            .map_err(|error| fault(Stage::SignIn, &error))
    }

    async fn dial(&self) -> Result<AsyncSmtpConnection, Error> {
        let at_once = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::StartTls(_) | Security::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let patience = Some(self.patience.connect);
        let mut line =
            AsyncSmtpConnection::connect_tokio1(server, patience, &self.hello, at_once, None)
                .await?;
        if let Security::StartTls(parameters) = &self.security {
            line.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            line.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(line)
    }

    async fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut line, since) = self.idle().pop()?;
            if since.elapsed() < IDLE && line.test_connected().await {
                return Some(line);
            }
        }
    }

    fn keep(&self, line: AsyncSmtpConnection) {
        let mut idle = self.idle();
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if idle.len() < CONNECTIONS {
            idle.push((line, Instant::now()));
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Letters are ASCII on the wire; only an address like `nguyễn@example.vn` needs more.
fn parameters(
    line: &AsyncSmtpConnection,
    envelope: &Envelope,
) -> Result<Vec<MailParameter>, MailFault> {
    let mut addresses = envelope.to().iter().chain(envelope.from());
    if addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        return Ok(Vec::new());
    }
    if !line.server_info().supports_feature(Extension::SmtpUtfEight) {
        return Err(MailFault::Refused {
            why: "the address has letters that this mail server cannot handle".to_owned(),
        });
    }
    Ok(vec![
        MailParameter::SmtpUtfEight,
        MailParameter::Body(MailBodyParameter::EightBitMime),
    ])
}

/// What lettre tells, in our words. A reply with a code is the server's clear decision at every
/// stage; without one, all depends on whether the letter had left.
fn fault(stage: Stage, error: &Error) -> MailFault {
    let detail = error.source().map(ToString::to_string).unwrap_or_default();
    if let Some(code) = error.status() {
        let why = without_addresses(&format!("the mail server answered {code} {detail}"));
        if error.is_transient() {
            return MailFault::Transient { why };
        }
        return refusal(stage, &code.to_string(), &detail, why);
    }
    let why = without_addresses(&format!("{}: {error}", doing(stage)));
    if stage == Stage::HandOver {
        MailFault::Unknown { why }
    } else if error.is_client() || spoke_bad_tls(error) {
        MailFault::Broken { why }
    } else {
        MailFault::Transient { why }
    }
}

/// A permanent no: about this buyer's address, or about us? The enhanced code (RFC 3463) tells where
/// the basic one does not: x.1.x and x.2.x are address and mailbox.
fn refusal(stage: Stage, code: &str, detail: &str, why: String) -> MailFault {
    let enhanced = detail.split_whitespace().next().unwrap_or_default();
    // Gmail's "daily sending limit exceeded" is permanent in form only.
    if enhanced == "5.4.5" {
        return MailFault::Transient { why };
    }
    let about_us = ["530", "535", "538"].contains(&code) || detail.to_lowercase().contains("relay");
    let about_address = match stage {
        Stage::Recipient => !about_us,
        Stage::HandOver => enhanced.starts_with("5.1.") || enhanced.starts_with("5.2."),
        Stage::SignIn | Stage::Sender | Stage::Announce => false,
    };
    if about_address {
        MailFault::Refused { why }
    } else {
        MailFault::Broken { why }
    }
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::SignIn => "connecting to the mail server",
        Stage::Sender => "naming the sender to the mail server",
        Stage::Recipient => "naming the buyer to the mail server",
        Stage::Announce => "announcing the letter to the mail server",
        Stage::HandOver => "the line broke before the mail server confirmed the letter",
    }
}

/// A wrong certificate, or no TLS at the other end: no later attempt will go better.
fn spoke_bad_tls(error: &Error) -> bool {
    std::iter::successors(error.source(), |&inner| inner.source()).any(|inner| {
        let wrapped = inner
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        inner.is::<rustls::Error>()
            || wrapped.is_some_and(|deep| deep.downcast_ref::<rustls::Error>().is_some())
    })
}

/// Servers repeat addresses in their answers, and answers end up in logs and audits.
fn without_addresses(text: &str) -> String {
    let word = |word: &str| {
        if word.contains('@') {
            "<address>"
        } else {
            word
        }
        .to_owned()
    };
    let words: Vec<String> = text.split_whitespace().map(word).collect();
    let clean: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    clean.chars().take(300).collect()
}
