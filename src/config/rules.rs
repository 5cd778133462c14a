//! The kinds of rule a setting can be held to. A finding never quotes a secret.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::Secret;

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub setting: String,
    pub what: String,
    pub remedy: String,
}

impl Finding {
    pub(super) fn new(
        setting: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            setting: setting.into(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// What was found so far, and how strict to be.
pub(super) struct Rules {
    pub production: bool,
    pub found: Vec<Finding>,
}

impl Rules {
    pub(super) fn say(
        &mut self,
        setting: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.found.push(Finding::new(setting, what, remedy));
    }

    pub(super) fn range<N: PartialOrd + Display + Copy>(
        &mut self,
        at: &str,
        value: N,
        allowed: RangeInclusive<N>,
    ) {
        if !allowed.contains(&value) {
            let (low, high) = (allowed.start(), allowed.end());
            let remedy = format!("Give a whole number from {low} to {high}");
            self.say(at, format!("is {value}"), remedy);
        }
    }

    pub(super) fn one_of(&mut self, at: &str, value: &str, allowed: &[&str]) {
        if !allowed.contains(&value) {
            let what = if value.is_empty() {
                "is missing".to_owned()
            } else {
                format!("is {value:?}, which is unknown")
            };
            self.say(at, what, format!("Use one of: {}", allowed.join(", ")));
        }
    }

    pub(super) fn given(&mut self, at: &str, text: &str) {
        if text.trim().is_empty() {
            self.say(at, "is missing", "bursar.example.toml explains it");
        }
    }

    pub(super) fn line(&mut self, at: &str, text: &str, most: usize) {
        self.given(at, text);
        if text.chars().any(char::is_control) || text.chars().count() > most {
            let remedy = format!("Write one line of at most {most} characters");
            self.say(at, "has a line break or is too long", remedy);
        }
    }

    pub(super) fn required(&mut self, at: &str, secret: Option<&Secret>) {
        if secret.is_none_or(|s| s.expose().trim().is_empty()) {
            self.say(
                at,
                "is missing",
                "Set it here or as an environment variable",
            );
        }
    }

    pub(super) fn secret(&mut self, at: &str, secret: Option<&Secret>, least: usize) {
        if secret.is_some_and(|s| s.expose().trim().len() < least) {
            let remedy = format!("Use at least {least} characters that nobody can guess");
            self.say(at, "is too short for a secret", remedy);
        }
    }

    /// Names go into URLs, variables and the catalogue.
    pub(super) fn name(&mut self, section: &str, name: &str) {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        if name.is_empty() || name.len() > 40 || !name.bytes().all(allowed) {
            self.say(
                &format!("{section}.{name}"),
                "is not a usable name",
                "Use up to 40 small letters, digits, _ and -",
            );
        }
    }

    pub(super) fn mailbox(&mut self, at: &str, text: &str, valid: fn(&str) -> bool) {
        if !valid(text) || text.chars().any(char::is_control) {
            self.say(
                at,
                "is not an e-mail address",
                "Write name@example.com; mail.from may be Name <name@example.com>",
            );
        } else if self.production && text.trim_end_matches('>').ends_with("@example.com") {
            self.say(
                at,
                "is still the example address",
                "Give an address that you read: buyers' questions go there",
            );
        }
    }

    /// An address must not carry credentials, and a fault about it must not show them.
    pub(super) fn address(&mut self, at: &str, url: &str) {
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|s| url.strip_prefix(s));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        let (what, remedy) = match host {
            None => (
                "does not begin with https:// or http://",
                "Give the whole address, such as https://shop.example.com",
            ),
            Some(host) if host.contains('@') => (
                "carries a user name or password",
                "Take it out; credentials have settings of their own",
            ),
            Some("") => ("names no host", "Write it as https://shop.example.com"),
            Some(_) if url.ends_with('/') || url.contains(char::is_whitespace) => (
                "ends with a slash or contains a space",
                "Write it without, as https://shop.example.com",
            ),
            Some(_) => return,
        };
        self.say(at, what, remedy);
    }
}
