//! The JSON body of the settings, with `{{placeholders}}` inside its texts.
//! It is parsed before it is filled, so no value of a buyer can ever become structure.

use anyhow::Context as _;
use serde_json::Value;

use crate::connectors::lms::Learner;

/// `order` and `key` are the same: Bursar's own reference of this enrolment, equal on every repeat.
const PLACEHOLDERS: [&str; 5] = ["email", "name", "course", "order", "key"];

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Value);

impl Template {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let body: Value = serde_json::from_str(text)
            .context("the body is not JSON; placeholders stand inside quotes: \"{{email}}\"")?;
        anyhow::ensure!(body.is_object(), "the body must be a JSON object");
        let mut names = Vec::new();
        collect(&body, &mut names);
        for name in &names {
            anyhow::ensure!(
                PLACEHOLDERS.contains(&name.as_str()),
                "there is no placeholder {{{{{name}}}}}; there are {}",
                PLACEHOLDERS.join(", ")
            );
        }
        anyhow::ensure!(
            names.iter().any(|name| name == "email"),
            "the body never names the learner: {{{{email}}}} is missing"
        );
        Ok(Self(body))
    }

    pub fn fill(&self, learner: &Learner, course: &str, key: &str) -> Value {
        let email = learner.email.to_lowercase();
        let value_of = |name: &str| match name {
            "email" => email.as_str(),
            "name" => learner.name.as_str(),
            "course" => course,
            _ => key,
        };
        filled(&self.0, &value_of)
    }
}

/// Every placeholder named, and what follows an opening that is never closed.
fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => names.extend(
            pieces(text)
                .filter_map(|(plain, name)| name.or_else(|| Some(plain.split_once("{{")?.1)))
                .map(str::to_owned),
        ),
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, names)),
        _ => {}
    }
}

fn filled<'a>(value: &Value, value_of: &impl Fn(&str) -> &'a str) -> Value {
    match value {
        Value::String(text) => pieces(text)
            .flat_map(|(before, name)| [before, name.map_or("", value_of)])
            .collect::<String>()
            .into(),
        Value::Array(items) => items.iter().map(|item| filled(item, value_of)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), filled(field, value_of)))
            .collect(),
        other => other.clone(),
    }
}

/// The text as runs of plain text, each with the placeholder that ends it. One pass: what is
/// filled in is not looked at again.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((before, after)) = text.split_once("{{") else {
            return Some((text, None));
        };
        let Some((name, after)) = after.split_once("}}") else {
            return Some((text, None));
        };
        rest = Some(after);
        Some((before, Some(name.trim())))
    })
}
