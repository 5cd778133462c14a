//! A shop-made endpoint: one POST that confirms an enrolment, and no way to look.
//!
//! Without a read the connector stays honest by its capabilities: `reads_back` is false, success
//! rests on the endpoint's own positive answer, `read_enrolment` knows nothing (`Ok(None)`, not
//! "is not enrolled"), and a lost answer is [`Fault::Unknown`], to be repeated only where the
//! seller declared that safe.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use base64::Engine as _;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde_json::Value;

use self::predicate::{Contains, Equals, complaint};
use self::template::Template;
use super::{Capabilities, Enrolment, Kind, Learner, LearnerRef, Lms, RemoteCourse};
use crate::config::{LmsConnection, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Limits, absolute, client, exchange};
use crate::connectors::quote::quote;
use crate::connectors::setup::{Question, Setup};

mod predicate;
mod template;

pub(super) const KIND: Kind = Kind {
    setup: Setup {
        kind: "http_confirm",
        title: "An endpoint of your own that enrols a buyer",
        guide: "docs/connect-http.md",
        before: "The endpoint takes one POST for each enrolment and says in JSON whether it worked.",
        questions: &[
            Question::address("confirm.url", "The full address of the POST"),
            Question::choice(
                "confirm.auth",
                "How is the credential sent?",
                &[
                    ("none", "there is none"),
                    ("bearer", "Authorization: Bearer ..."),
                    ("token", "Authorization: token ..."),
                    ("basic", "USER:PASSWORD as HTTP basic authentication"),
                ],
            ),
            Question::secret("confirm.credential", "The credential (nothing for none)").or(""),
            Question::line("confirm.body", "The JSON body").or(
                r#"{"email": "{{email}}", "name": "{{name}}", "course": "{{course}}", "key": "{{key}}"}"#,
            ),
            Question::line("confirm.success", "JSON pointer and value that mean success")
                .or("/success = true"),
            Question::line(
                "confirm.already",
                "JSON pointer and text that mean already enrolled (nothing if there is none)",
            )
            .or(""),
            Question::yes_no(
                "confirm.repeat_is_safe",
                "May it be called again when no answer came, without enrolling anybody twice?",
            ),
        ],
        pretends: false,
    },
    connect: |connection, limits| Ok(Arc::new(HttpConfirm::new(connection, limits)?)),
};

/// One endpoint.
#[derive(Debug)]
pub struct HttpConfirm {
    client: reqwest::Client,
    limits: Limits,
    url: Url,
    authorization: Option<HeaderValue>,
    credential: Option<Secret>,
    body: Template,
    success: Equals,
    already: Option<Contains>,
    repeat_is_safe: bool,
}

impl HttpConfirm {
    /// Checks address, credential, template and predicates; sends nothing.
    pub fn new(connection: &LmsConnection, limits: Limits) -> anyhow::Result<Self> {
        let confirm = connection
            .confirm
            .as_ref()
            .context("an http_confirm connection needs its settings under `confirm`")?;
        Ok(Self {
            client: client(limits)?,
            limits,
            url: absolute(&confirm.url).context("confirm.url")?,
            authorization: authorization(&confirm.auth, confirm.credential.as_ref())?,
            credential: confirm.credential.clone(),
            body: Template::parse(&confirm.body).context("confirm.body")?,
            success: Equals::parse(&confirm.success).context("confirm.success")?,
            already: confirm
                .already
                .as_deref()
                .map(Contains::parse)
                .transpose()
                .context("confirm.already")?,
            repeat_is_safe: confirm.repeat_is_safe,
        })
    }
}

fn authorization(style: &str, credential: Option<&Secret>) -> anyhow::Result<Option<HeaderValue>> {
    let credential = credential
        .map(|secret| secret.expose().trim())
        .unwrap_or_default();
    if style == "none" {
        anyhow::ensure!(
            credential.is_empty(),
            "confirm.credential is set, but confirm.auth is none, so it would never be sent"
        );
        return Ok(None);
    }
    anyhow::ensure!(
        !credential.is_empty(),
        "confirm.auth is {style:?}, but confirm.credential is empty"
    );
    let value = match style {
        "token" => format!("token {credential}"),
        "bearer" => format!("Bearer {credential}"),
        "basic" => {
            anyhow::ensure!(
                credential.contains(':'),
                "confirm.credential for basic is USER:PASSWORD"
            );
            let pair = base64::engine::general_purpose::STANDARD.encode(credential);
            format!("Basic {pair}")
        }
        other => {
            anyhow::bail!("confirm.auth is {other:?}; it must be none, token, bearer or basic")
        }
    };
    let mut header = HeaderValue::from_str(&value)
        .map_err(|_| anyhow::anyhow!("confirm.credential has characters no header may have"))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

#[async_trait]
impl Lms for HttpConfirm {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: false,
            repeat_is_safe: self.repeat_is_safe,
            withdraws: false,
            suspends: false,
            lists_courses: false,
        }
    }

    /// A HEAD of the host's root without credentials: it proves address, connection and
    /// certificate, and nothing else; only a real confirmation can prove the rest.
    async fn ping(&self) -> Result<String, Fault> {
        let mut root = self.url.clone();
        root.set_path("/");
        root.set_query(None);
        let answer = exchange(self.client.head(root), self.limits).await;
        let answer = answer.map_err(|lost| lost.fault(Aim::Read))?;
        if answer.status >= 500 {
            return Err(Fault::Transient {
                why: format!("The endpoint's host answers with status {}.", answer.status),
                after: answer.retry_after,
            });
        }
        let host = self.url.origin().ascii_serialization();
        Ok(format!(
            "{host} is reachable; its credentials cannot be tried without an enrolment"
        ))
    }

    /// There is nothing to ask: the id is taken as the catalogue has it, with an empty title.
    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        Ok(Some(RemoteCourse {
            id: course.to_owned(),
            title: String::new(),
        }))
    }

    /// The endpoint finds its learner by address; whether it makes one is its own affair.
    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        Ok(LearnerRef {
            id: learner.email.to_lowercase(),
            created: false,
        })
    }

    async fn read_enrolment(
        &self,
        _learner: &Learner,
        _course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        Ok(None)
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        let body = self.body.fill(learner, course, key);
        let mut request = self
            .client
            .post(self.url.clone())
            .header(ACCEPT, "application/json")
            .json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let answer = exchange(request, self.limits).await;
        self.judge(&answer.map_err(|lost| lost.fault(Aim::Write))?)?;
        Ok(None)
    }

    async fn withdraw(
        &self,
        _learner: &Learner,
        _course: &str,
        _enrolment: &str,
    ) -> Result<(), Fault> {
        Err(Fault::MappingBroken {
            why: "This endpoint cannot take an enrolment back; remove it in the LMS by hand."
                .to_owned(),
        })
    }
}

impl HttpConfirm {
    /// The body decides where it can be read: such endpoints say "no" with status 200.
    fn judge(&self, answer: &Answer) -> Result<(), Fault> {
        let status = answer.status;
        let json = answer.json();
        if let Some(json) = &json {
            let good = (200..=299).contains(&status) && self.success.holds(json);
            let already = (200..=499).contains(&status)
                && self
                    .already
                    .as_ref()
                    .is_some_and(|already| already.holds(json));
            if good || already {
                return Ok(());
            }
        }
        Err(match (status, &json) {
            (300..=399, _) => broken(format!(
                "The endpoint redirects to {}: put the final address into its url.",
                answer.redirects_to()
            )),
            (401 | 403, _) => broken("The endpoint does not accept our credential."),
            (404 | 405, _) => broken(format!(
                "There is no such endpoint at the configured url (status {status})."
            )),
            (417, Some(json)) if names_missing_method(json) => {
                broken("Frappe has no such method: the shop's own app is not installed there.")
            }
            (429 | 503, _) => Fault::Transient {
                why: format!("The endpoint is not available now (status {status})."),
                after: answer.retry_after,
            },
            (408 | 500..=599, _) | (200..=299, None) => Fault::Unknown {
                why: format!(
                    "The endpoint was asked, but its answer is not one (status {status})."
                ),
            },
            _ => Fault::MappingBroken {
                why: format!(
                    "The endpoint refuses: {}.",
                    self.words(json.as_ref(), status)
                ),
            },
        })
    }

    fn words(&self, json: Option<&Value>, status: u16) -> String {
        let hide = self.credential.as_ref().map_or("", Secret::expose);
        let said = json.and_then(complaint).unwrap_or_default();
        let said = quote(said, &[hide]).trim_end_matches('.').to_owned();
        if said.is_empty() {
            format!("status {status}, without words")
        } else {
            said
        }
    }
}

/// Frappe's sentence for a path that leads to no method: nothing else tells it from a refusal.
fn names_missing_method(json: &Value) -> bool {
    json.to_string()
        .contains("Failed to get method for command")
}

fn broken(why: impl Into<String>) -> Fault {
    Fault::ConnectionBroken { why: why.into() }
}
