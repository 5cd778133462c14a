//! Stored words as a person reads them. One that has no text yet is shown as it is stored, so that a
//! new state or a new audit entry is never hidden.

use std::fmt;

use crate::error::Error;
use crate::fulfilment::suggest::Reason;
use crate::model::audit::Entry;
use crate::web::frame::{Frame, Time};

/// An audit entry in words.
#[derive(Debug, Clone)]
pub struct Told {
    /// When.
    pub at: Time,
    /// Who.
    pub who: String,
    /// What was done.
    pub what: String,
    /// Why, as it was written then.
    pub why: Option<String>,
    /// From which state into which.
    pub moved: Option<(String, String)>,
}

/// A stored word of a group, such as `class` or `payment`.
#[must_use]
pub fn word(frame: &Frame, group: &str, stored: impl fmt::Display) -> String {
    let stored = stored.to_string();
    text(frame, &format!("admin.{group}.{stored}")).unwrap_or(stored)
}

/// Why an order is suggested.
#[must_use]
pub fn reason(frame: &Frame, reason: Reason) -> String {
    let stored = match reason {
        Reason::Code => "code",
        Reason::NearCode => "near_code",
        Reason::Amount => "amount",
        Reason::NearAmount => "near_amount",
        Reason::Name => "name",
        Reason::Email => "email",
        Reason::Time => "time",
    };
    word(frame, "reason", stored)
}

/// A refusal in the seller's words, where it has some of its own.
#[must_use]
pub fn refusal(frame: &Frame, error: &Error) -> Option<String> {
    let (code, values) = match error {
        Error::Refused(refusal) => (refusal.code, refusal.values.as_slice()),
        Error::Conflict(_) => ("conflict", &[][..]),
        Error::Forbidden(_) => ("forbidden", &[][..]),
        _ => return None,
    };
    let mut told = text(frame, &format!("admin.refused.{code}"))?;
    for (name, value) in values {
        told = told.replace(&format!("%{{{name}}}"), value);
    }
    Some(told)
}

/// Who did something: `operator:an` is an, `machine:sweep` is Bursar.
#[must_use]
pub fn who(frame: &Frame, actor: &str) -> String {
    match actor.split_once(':') {
        Some(("operator", name)) => name.to_owned(),
        Some(("gateway", name)) => frame.with("admin.who.gateway", "name", name),
        Some((kind, _)) => word(frame, "who", kind),
        None => word(frame, "who", actor),
    }
}

/// A story, told in its order: what happened, not how. What the queue did with its tasks, and that an
/// attempt began, is left out, unless a person did it.
#[must_use]
pub fn story(frame: &Frame, entries: &[Entry]) -> Vec<Told> {
    let told_of = entries.iter().filter(|entry| !is_inner(entry));
    told_of.map(|entry| told(frame, entry)).collect()
}

fn is_inner(entry: &Entry) -> bool {
    let begins = matches!(entry.after.as_deref(), Some("working" | "sending"));
    let by_a_person = entry.actor.starts_with("operator:");
    (begins || entry.action.starts_with("task.")) && !by_a_person
}

fn told(frame: &Frame, entry: &Entry) -> Told {
    let key = entry.action.replace('.', "_");
    let noun = entry.action.split('.').next().unwrap_or_default();
    let state = |stored: &Option<String>| {
        let stored = stored.as_deref()?;
        Some(word(frame, group_of(noun), stored))
    };
    let (before, after) = (state(&entry.before), state(&entry.after));
    let moved = match (before, after) {
        (before, Some(after)) if before.as_ref() != Some(&after) => {
            Some((before.unwrap_or_default(), after))
        }
        _ => None,
    };
    Told {
        at: frame.short(&entry.at),
        who: who(frame, &entry.actor),
        what: text(frame, &format!("admin.did.{key}")).unwrap_or_else(|| entry.action.clone()),
        why: why(frame, entry),
        moved,
    }
}

/// Why, as it was written. Where the machine wrote a stored word, that in words.
fn why(frame: &Frame, entry: &Entry) -> Option<String> {
    let why = entry.why.as_deref().filter(|why| !why.is_empty())?;
    match entry.action.split_once('.') {
        // Its class says all of it.
        Some(("transfer", "received")) => None,
        Some(("email", "state")) => {
            let kind = why.split(':').next().unwrap_or(why);
            Some(text(frame, &format!("admin.letter.{kind}")).unwrap_or_else(|| why.to_owned()))
        }
        _ => Some(why.to_owned()),
    }
}

/// Whose states an entry speaks of.
fn group_of(noun: &str) -> &str {
    match noun {
        "transfer" => "class",
        "order" => "payment",
        other => other,
    }
}

fn text(frame: &Frame, key: &str) -> Option<String> {
    let found = crate::_rust_i18n_try_translate(frame.locale.tag(), key)?;
    Some(found.into_owned())
}
