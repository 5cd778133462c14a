//! What an attempt at an effect led to: the one word between `tasks`, `connectors` and `fulfilment`.

use std::time::Duration;

use crate::clock::Timestamp;

/// What a finished effect left behind: remote ids and the evidence of the read-back. JSON object;
/// never a secret, never a whole foreign body.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Receipt(pub serde_json::Value);

/// Who must act before a paused grant can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The buyer: a wrong address, an invitation to accept.
    Buyer,
    /// The seller: a wrong mapping, a missing file.
    Seller,
    /// Nobody by name: the connection is broken and will be probed; the seller was alerted once.
    Connection,
}

impl Who {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
            Self::Connection => "connection",
        }
    }

    /// From the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Buyer, Self::Seller, Self::Connection]
            .into_iter()
            .find(|w| w.as_str() == word)
    }
}

/// How one attempt ended and what should happen next. `why` is one sentence for the seller, in
/// English, without secrets or personal data; the buyer reads words of ours chosen by state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened, and was read back.
    Done(Receipt),
    /// It did not happen; the same again later. Uses up no attempt: outages end.
    Retry {
        /// The reason.
        why: String,
        /// What the other side asked for (`Retry-After`); else the kind's backoff.
        after: Option<Duration>,
    },
    /// A write left and no trustworthy answer came: the next attempt reads first.
    Verify {
        /// The reason.
        why: String,
    },
    /// Not before this moment, for a reason that is nobody's fault (a quota, a pace).
    Snooze {
        /// The moment.
        until: Timestamp,
        /// The reason.
        why: String,
    },
    /// It cannot go on by itself.
    ActionNeeded {
        /// Who has to do something.
        who: Who,
        /// The reason.
        why: String,
    },
    /// Done as far as it can be done from here: a person outside has to do the rest, and it will show
    /// when it is looked at again.
    Awaited {
        /// Who has to do something.
        who: Who,
        /// What is there so far.
        receipt: Receipt,
        /// The reason.
        why: String,
    },
    /// The other side refused for good; uses up one attempt of the kind's small budget.
    Rejected {
        /// The reason.
        why: String,
    },
}

impl Outcome {
    /// The stored word, for the audit and the logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Retry { .. } => "retry",
            Self::Verify { .. } => "verify",
            Self::Snooze { .. } => "snooze",
            Self::ActionNeeded { .. } => "action_needed",
            Self::Awaited { .. } => "awaited",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// The reason, where there is one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Done(_) => None,
            Self::Retry { why, .. }
            | Self::Verify { why }
            | Self::Snooze { why, .. }
            | Self::ActionNeeded { why, .. }
            | Self::Awaited { why, .. }
            | Self::Rejected { why } => Some(why),
        }
    }
}
