//! Stripe's API over HTTP: checkouts, refunds and the list of events. One call of ours is one write at
//! most; a write carries an idempotency key wherever a repetition could do it twice.
//! Pinned to one version of the API by a header, whatever the account's own is.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::verdict::{Refusal, Verdict, judge};
use super::{API_VERSION, Purse, checkout, inspect, wire};
use crate::clock::Timestamp;
use crate::config::{self, Secret};
use crate::connectors::Fault;
use crate::connectors::gateways::NotUnderstood;
use crate::connectors::gateways::teller::{
    Abilities, Finding, Intent, Listing, Means, Opened, Page, RefundAsk, Report, Teller, Wanted,
};
use crate::connectors::http::{Aim, Answer, Limits, absolute, client, exchange};
use crate::fact::RefundFact;
use crate::money::Money;

/// A page of a hundred events is some hundred KiB; one with a dispute's evidence in it, more.
pub(super) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(30),
    body: 4 * 1024 * 1024,
};
const USUAL_ADDRESS: &str = "https://api.stripe.com";

/// The overlap is for events that Stripe lists late; the pace stays far below its 25 requests a second.
const LISTINGS: [Listing; 1] = [Listing {
    name: "events",
    every: Duration::from_mins(10),
    overlap: Duration::from_hours(2),
    pace: Duration::from_millis(200),
    expects_messages: true,
}];
/// Stripe lists events of the last 30 days.
const HORIZON: Duration = Duration::from_hours(720);
const PAGE_SIZE: &str = "100";
/// Pages of refunds of one payment that are looked through: a thousand refunds.
const MOST_PAGES: usize = 10;

/// The API under one key.
pub(super) struct Api {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    authorization: HeaderValue,
    key: Secret,
    pub(super) purse: Purse,
}

impl Api {
    /// Checks the address and the key's form; sends nothing.
    pub fn new(key: &Secret, settings: &config::Stripe, limits: Limits) -> anyhow::Result<Self> {
        let address = settings.api_url.trim();
        let address = if address.is_empty() {
            USUAL_ADDRESS
        } else {
            address
        };
        let base = absolute(address).context("payments.stripe.api_url")?;
        let key = Secret::new(key.expose().trim());
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| anyhow::anyhow!("payments.stripe.secret_key has characters no key has"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: client(limits)?,
            limits,
            base,
            authorization,
            purse: Purse::of(Some(&key)),
            key,
        })
    }

    /// Ask for something.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, Verdict> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Aim::Read, self.request(Method::GET, url)).await
    }

    async fn post(
        &self,
        path: &[&str],
        form: &[(String, String)],
        idempotency_key: Option<&str>,
    ) -> Result<Answer, Verdict> {
        let mut request = self.request(Method::POST, self.url(path)).form(form);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(Aim::Write, request).await
    }

    fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        self.client
            .request(method, url)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, self.authorization.clone())
            .header("Stripe-Version", API_VERSION)
    }

    async fn send(&self, aim: Aim, request: reqwest::RequestBuilder) -> Result<Answer, Verdict> {
        let exchanged = exchange(request, self.limits).await;
        judge(aim, exchanged, &self.key)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    /// A session just read or closed, as if an event had told of it.
    fn report(&self, answer: Answer) -> Result<Report, Fault> {
        let key = wire::key(&answer.body).map_err(|puzzle| unfit(&puzzle))?;
        Ok(Report {
            key,
            facts: wire::read(&answer.body, self.purse),
            body: answer.body,
        })
    }

    /// Our refund among those of a payment, newest first.
    async fn refund_made(&self, ask: &RefundAsk) -> Result<Option<RefundFact>, Fault> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![
                ("payment_intent", ask.transfer.as_str()),
                ("limit", PAGE_SIZE),
            ];
            query.extend(after.as_deref().map(|id| ("starting_after", id)));
            let list: List<Value> = list(&self.get(&["refunds"], &query).await?)?;
            let ours = list
                .data
                .iter()
                .find(|refund| refund["metadata"][wire::REFUND] == *ask.refund);
            if let Some(refund) = ours {
                return wire::refund(refund).map(Some).map_err(|p| unfit(&p));
            }
            after = list.next(|refund| refund["id"].as_str().map(str::to_owned));
            if after.is_none() {
                return Ok(None);
            }
        }
        Err(Fault::MappingBroken {
            why: "This payment has more refunds than can be looked through.".to_owned(),
        })
    }

    async fn ask_refund(&self, ask: &RefundAsk) -> Result<Answer, Verdict> {
        let mut form = vec![
            ("payment_intent".to_owned(), ask.transfer.clone()),
            ("amount".to_owned(), ask.amount.minor.to_string()),
            (format!("metadata[{}]", wire::REFUND), ask.refund.clone()),
        ];
        let order = ask.order.as_ref();
        form.extend(order.map(|order| (format!("metadata[{}]", wire::ORDER), order.clone())));
        self.post(&["refunds"], &form, Some(&ask.refund)).await
    }
}

#[async_trait]
impl Teller for Api {
    fn abilities(&self) -> Abilities {
        Abilities {
            checkout: true,
            refunds: true,
            listings: &LISTINGS,
        }
    }

    fn means(&self) -> Means {
        Means::Card
    }

    fn accepts(&self, amount: Money) -> Result<(), &'static str> {
        checkout::accepts(amount)
    }

    async fn inspect(&self, public_url: &str) -> Result<Vec<Finding>, Fault> {
        inspect::findings(self, public_url).await
    }

    async fn open(&self, intent: &Intent) -> Result<Opened, Fault> {
        let form = checkout::form(intent);
        let path = ["checkout", "sessions"];
        let answer = self.post(&path, &form, Some(&intent.payment)).await?;
        let session: Session = understood(&answer)?;
        Ok(Opened {
            reference: session.id,
            url: session.url,
        })
    }

    /// With the whole payment: only there can be seen that one failed later.
    async fn look(&self, reference: &str) -> Result<Report, Fault> {
        let path = ["checkout", "sessions", of_session(reference)?];
        let answer = self.get(&path, &[("expand[]", "payment_intent")]).await?;
        self.report(answer)
    }

    async fn close(&self, reference: &str) -> Result<Report, Fault> {
        let path = ["checkout", "sessions", of_session(reference)?, "expire"];
        let expand = [("expand[]".to_owned(), "payment_intent".to_owned())];
        match self.post(&path, &expand, None).await {
            Ok(answer) => self.report(answer),
            // It is not open any more, or something else is wrong: a read tells.
            Err(Verdict::Refused(Refusal { status: 400, said })) => {
                let report = self.look(reference).await?;
                if is_open(&report.body) {
                    let why = format!("Stripe does not end an open checkout: {said}");
                    return Err(Fault::MappingBroken { why });
                }
                Ok(report)
            }
            Err(verdict) => Err(verdict.into()),
        }
    }

    /// Looks before it asks: the idempotency key is forgotten after a day, and the same part of a
    /// payment could else go back twice.
    async fn refund(&self, ask: &RefundAsk) -> Result<RefundFact, Fault> {
        if !ask.transfer.starts_with("pi_") {
            return Err(Fault::MappingBroken {
                why: "Nothing was charged for this, so there is nothing to pay back.".to_owned(),
            });
        }
        if let Some(made) = self.refund_made(ask).await? {
            return Ok(made);
        }
        match self.ask_refund(ask).await {
            Ok(answer) => wire::refund(&answer.json().unwrap_or_default()).map_err(|p| unclear(&p)),
            // "Already refunded" may be our own, asked for at the same moment by another process.
            Err(Verdict::Refused(Refusal { status: 400, said })) => {
                let made = self.refund_made(ask).await?;
                made.ok_or_else(|| Fault::MappingBroken {
                    why: format!("Stripe refuses the refund: {said}"),
                })
            }
            Err(verdict) => Err(verdict.into()),
        }
    }

    /// Stripe lists the newest first, and so do we.
    async fn page(&self, wanted: &Wanted) -> Result<Page, Fault> {
        let from = wanted.from.max(wanted.to.minus(HORIZON));
        let (from, to) = (seconds(from), seconds(wanted.to));
        let mut query = vec![
            ("limit", PAGE_SIZE),
            ("created[gte]", from.as_str()),
            ("created[lte]", to.as_str()),
        ];
        query.extend(super::NEEDED_EVENTS.map(|kind| ("types[]", kind)));
        query.extend(wanted.cursor.as_deref().map(|id| ("starting_after", id)));
        let answer = self.get(&["events"], &query).await?;
        let list: List<Box<RawValue>> = list(&answer)?;
        let reports = list.data.iter().map(|event| {
            let body = event.get().as_bytes().to_vec();
            let key = wire::key(&body).map_err(|puzzle| unfit(&puzzle))?;
            let facts = wire::read(&body, self.purse);
            Ok(Report { key, body, facts })
        });
        Ok(Page {
            reports: reports.collect::<Result<_, Fault>>()?,
            next: list.next(|event| wire::key(event.get().as_bytes()).ok()),
        })
    }
}

/// What is needed of a session just opened.
#[derive(Deserialize)]
struct Session {
    id: String,
    url: String,
}

/// A list as every list of Stripe's is.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

impl<T> List<T> {
    /// Where the next page begins: after the last row.
    fn next(&self, id: impl Fn(&T) -> Option<String>) -> Option<String> {
        self.data.last().filter(|_| self.has_more).and_then(id)
    }
}

/// A list that we asked for.
pub(super) fn list<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<List<T>, Fault> {
    serde_json::from_slice(&answer.body).map_err(|_| Fault::ConnectionBroken {
        why: "Stripe's list is not one that we can read.".to_owned(),
    })
}

fn understood<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, Fault> {
    serde_json::from_slice(&answer.body).map_err(|_| Fault::Unknown {
        why: "Stripe was asked, but its answer has not all that a checkout has.".to_owned(),
    })
}

/// What cannot be a session's id is not sent: in a path it could mean another call.
fn of_session(reference: &str) -> Result<&str, Fault> {
    let is_id = reference.starts_with("cs_")
        && reference
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'_');
    is_id.then_some(reference).ok_or(Fault::MappingBroken {
        why: "This is not the id of a Stripe checkout.".to_owned(),
    })
}

fn is_open(session: &[u8]) -> bool {
    let session: Value = serde_json::from_slice(session).unwrap_or_default();
    session["status"] == "open"
}

/// A read whose answer is not what it should be.
fn unfit(puzzle: &NotUnderstood) -> Fault {
    Fault::ConnectionBroken {
        why: format!("Stripe's answer cannot be understood: {puzzle}."),
    }
}

/// The same after a write.
fn unclear(puzzle: &NotUnderstood) -> Fault {
    Fault::Unknown {
        why: format!("Stripe was asked, but its answer cannot be understood: {puzzle}."),
    }
}

fn seconds(at: Timestamp) -> String {
    at.unix_seconds().to_string()
}
