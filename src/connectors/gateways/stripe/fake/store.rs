//! What the fake remembers: every object in one list, oldest first, as the API shows it; the answers
//! kept under idempotency keys; the requests.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::answers::Canned;
use super::form::Form;
use super::mischief::Call;
use super::{FakeStripeOptions, Refunds};
use crate::clock::Timestamp;
use crate::connectors::gateways::stripe::API_VERSION;

const LONGEST_LOG: usize = 10_000;
/// Stripe keeps an answer at least so long.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// What the fake knows of an object and the API never shows.
pub(super) const HIDDEN: &str = "fake_only";

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it asked for.
    pub call: Call,
    /// `POST /v1/refunds`.
    pub line: String,
    /// Query or form, decoded and sorted.
    pub form: Vec<(String, String)>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `Stripe-Version`.
    pub version: Option<String>,
}

/// An answer kept under an idempotency key.
struct Kept {
    line: String,
    form: Form,
    at: Timestamp,
    answer: Canned,
}

/// What is kept under a key.
pub(super) enum Before {
    Nothing,
    Same(Canned),
    Other,
}

pub(super) struct Store {
    objects: Vec<Value>,
    kept: HashMap<String, Kept>,
    next: u64,
    /// How many events were sent by themselves.
    pub told: usize,
    pub now: Timestamp,
    pub live: bool,
    pub pages: String,
    pub embeds_refunds: bool,
    pub refunds_are: Refunds,
    pub charges_enabled: bool,
    pub log: VecDeque<Seen>,
}

impl Store {
    pub fn new(options: &FakeStripeOptions, base_url: &str) -> Self {
        Self {
            objects: Vec::new(),
            kept: HashMap::new(),
            next: 1,
            told: 0,
            now: options.clock.now(),
            live: options.secret_key.contains("_live_"),
            pages: format!("{base_url}/c/pay"),
            embeds_refunds: options.embeds_refunds,
            refunds_are: Refunds::AtOnce,
            charges_enabled: true,
            log: VecDeque::new(),
        }
    }

    /// Time has passed: checkouts end.
    pub fn come_to(&mut self, now: Timestamp) {
        self.now = now;
        let due: Vec<String> = self
            .of("checkout.session")
            .filter(|session| {
                let end = session["expires_at"].as_i64().unwrap_or(i64::MAX);
                session["status"] == "open" && end <= now.unix_seconds()
            })
            .map(id_of)
            .collect();
        for session in due {
            self.end_session(&session);
        }
    }

    pub fn note(&mut self, seen: Seen) {
        if self.log.len() == LONGEST_LOG {
            self.log.pop_front();
        }
        self.log.push_back(seen);
    }

    pub fn get(&self, id: &str) -> Option<&Value> {
        self.objects.iter().find(|object| object["id"] == id)
    }

    /// The object of an id, for the methods that a test calls.
    pub fn must(&self, id: &str) -> anyhow::Result<&Value> {
        self.get(id)
            .with_context(|| format!("the fake has no {id}"))
    }

    pub fn of(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.objects
            .iter()
            .filter(move |object| object["object"] == kind)
    }

    /// A new object with id, kind, time and mode; its id.
    pub fn put(&mut self, prefix: &str, kind: &str, mut object: Value) -> String {
        let id = format!("{prefix}_fake{:06}", self.next);
        self.next += 1;
        object["id"] = json!(id);
        object["object"] = json!(kind);
        object["created"] = json!(self.now.unix_seconds());
        object["livemode"] = json!(self.live);
        self.objects.push(object);
        id
    }

    /// Change fields of an object.
    pub fn set(&mut self, id: &str, fields: Value) {
        let found = self.objects.iter_mut().find(|object| object["id"] == id);
        if let (Some(Value::Object(object)), Value::Object(fields)) = (found, fields) {
            object.extend(fields);
        }
    }

    /// Tell of an object as it is now.
    pub fn event(&mut self, kind: &str, about: &str) {
        let object = self.rendered(about);
        self.put(
            "evt",
            "event",
            json!({
                "type": kind,
                "api_version": API_VERSION,
                "data": {"object": object},
                "pending_webhooks": 1,
                "request": {"id": null, "idempotency_key": null},
            }),
        );
    }

    pub fn twin(&mut self, event: &str) -> anyhow::Result<String> {
        let event = self.must(event)?.clone();
        anyhow::ensure!(event["object"] == "event", "this is no event");
        Ok(self.put("evt", "event", event))
    }

    /// An object as its version shows it.
    pub fn rendered(&self, id: &str) -> Value {
        let mut object = self.get(id).cloned().unwrap_or_default();
        if let Some(fields) = object.as_object_mut() {
            fields.remove(HIDDEN);
        }
        if self.embeds_refunds && object["object"] == "charge" {
            let refunds = self.of("refund").rev();
            let refunds: Vec<&Value> = refunds.filter(|r| r["charge"] == id).collect();
            object["refunds"] = json!({"object": "list", "data": refunds, "has_more": false});
        }
        object
    }

    pub fn add_endpoint(&mut self, url: &str, version: Option<&str>, events: &[&str], on: bool) {
        let status = if on { "enabled" } else { "disabled" };
        let endpoint =
            json!({"url": url, "api_version": version, "enabled_events": events, "status": status});
        self.put("we", "webhook_endpoint", endpoint);
    }

    /// What was answered under this key before.
    pub fn before(&self, key: &str, line: &str, form: &Form) -> Before {
        match self.kept.get(key) {
            Some(kept) if self.now.since(kept.at) >= KEPT_FOR => Before::Nothing,
            Some(kept) if kept.line == line && kept.form == *form => {
                Before::Same(kept.answer.clone().with("Idempotent-Replayed", "true"))
            }
            Some(_) => Before::Other,
            None => Before::Nothing,
        }
    }

    pub fn keep(&mut self, key: &str, line: &str, form: &Form, answer: &Canned) {
        let kept = Kept {
            line: line.to_owned(),
            form: form.clone(),
            at: self.now,
            answer: answer.clone(),
        };
        self.kept.insert(key.to_owned(), kept);
    }
}

pub(super) fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap_or_default().to_owned()
}

/// Pairs as a JSON object of texts.
pub(super) fn texts(pairs: &[(String, String)]) -> Value {
    let pairs = pairs.iter().map(|(k, v)| (k.clone(), json!(v)));
    Value::Object(pairs.collect::<Map<String, Value>>())
}
