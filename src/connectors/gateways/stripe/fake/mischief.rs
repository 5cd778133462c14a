//! The ways in which the fake misbehaves when it is told to.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::answers::{self, Canned};

/// What a request asks the fake for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Any of them; used when nothing is planned for the call itself.
    Any,
    /// A checkout session made.
    SessionCreate,
    /// One session.
    SessionGet,
    /// A session ended.
    SessionExpire,
    /// A refund made.
    RefundCreate,
    /// Refunds, listed.
    RefundList,
    /// Events, listed.
    EventList,
    /// Webhook endpoints, listed.
    EndpointList,
    /// The account.
    Account,
    /// Anything else.
    Other,
}

/// One way to misbehave on one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mischief {
    /// 401.
    WrongKey,
    /// 403: a restricted key without the right.
    LacksPermission,
    /// 409: the same request is being worked on.
    KeyInUse,
    /// 429 with `Retry-After` in seconds.
    Throttled(u64),
    /// 500 before anything was done, and kept under the idempotency key.
    Failure,
    /// 500 after it was done, and kept under the idempotency key.
    FailureAfterwards,
    /// 502 with a page of HTML: somebody between us and the API.
    BadGateway,
    /// 200 with a page of HTML.
    WebPage,
    /// 301 to this address.
    Redirect(String),
    /// 200 JSON of more than 4 MiB.
    Oversized,
    /// Does it, and strews fields of tomorrow into every object of the answer.
    UnknownFields,
    /// Never answers and does nothing.
    Hang,
    /// Does it, then never answers.
    HangAfterwards,
    /// Does it, then breaks the connection in the middle of the answer.
    CutAnswer,
}

impl Mischief {
    /// The answer given instead of doing anything, for those that do nothing.
    pub(super) fn instead(&self) -> Option<Canned> {
        Some(match self {
            Self::WrongKey => answers::wrong_key("sk_test_some_other_key"),
            Self::LacksPermission => answers::lacks_permission(),
            Self::KeyInUse => answers::key_in_use(),
            Self::Throttled(seconds) => answers::throttled(*seconds),
            Self::Failure => answers::failure(),
            Self::BadGateway => Canned::page(502, "<h1>502 Bad Gateway</h1>"),
            Self::WebPage => Canned::page(200, "<!doctype html><title>Welcome</title>"),
            Self::Redirect(to) => Canned::page(301, "Moved").with("Location", to),
            Self::Oversized => {
                let pad = "x".repeat(4 * 1024 * 1024);
                answers::ok(&serde_json::json!({"object": "list", "data": [], "pad": pad}))
            }
            Self::FailureAfterwards
            | Self::UnknownFields
            | Self::Hang
            | Self::HangAfterwards
            | Self::CutAnswer => return None,
        })
    }

    /// What is kept under the idempotency key: also a failure inside.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Failure | Self::FailureAfterwards)
    }
}

/// Fields that no version has yet, in every object.
pub(super) fn strew(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(strew);
            fields.insert(
                "of_tomorrow".to_owned(),
                serde_json::json!({"kind": "unheard_of", "rows": [1, null]}),
            );
        }
        Value::Array(rows) => rows.iter_mut().for_each(strew),
        _ => {}
    }
}

/// What is still to be done wrong.
#[derive(Debug, Default)]
pub(super) struct Plan(HashMap<Call, VecDeque<Mischief>>);

impl Plan {
    pub fn queue(&mut self, call: Call, ways: impl IntoIterator<Item = Mischief>) {
        self.0.entry(call).or_default().extend(ways);
    }

    /// For this request: what is queued for the call, or for any.
    pub fn next(&mut self, call: Call) -> Option<Mischief> {
        [call, Call::Any]
            .iter()
            .find_map(|call| self.0.get_mut(call)?.pop_front())
    }
}
