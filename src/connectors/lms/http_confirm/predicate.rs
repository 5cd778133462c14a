//! Questions to a JSON answer, as one line of the settings: `/pointer = value`.

use serde_json::Value;

/// The value at the pointer is this one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Equals {
    pointer: String,
    value: Value,
}

impl Equals {
    /// The value is JSON (`true`, `1`, `"ok"`); what is not JSON is a text (`ok`).
    pub fn parse(line: &str) -> anyhow::Result<Self> {
        let (pointer, value) = halves(line)?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { pointer, value })
    }

    pub fn holds(&self, json: &Value) -> bool {
        json.pointer(&self.pointer) == Some(&self.value)
    }
}

/// The text at the pointer contains this one, in whatever case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contains {
    pointer: String,
    text: String,
}

impl Contains {
    pub fn parse(line: &str) -> anyhow::Result<Self> {
        let (pointer, text) = halves(line)?;
        let text = text.trim_matches('"').to_lowercase();
        anyhow::ensure!(!text.is_empty(), "{line:?} would hold for every answer");
        Ok(Self { pointer, text })
    }

    pub fn holds(&self, json: &Value) -> bool {
        json.pointer(&self.pointer)
            .and_then(Value::as_str)
            .is_some_and(|text| text.to_lowercase().contains(&self.text))
    }
}

fn halves(line: &str) -> anyhow::Result<(String, &str)> {
    let Some((pointer, value)) = line.split_once('=') else {
        anyhow::bail!("{line:?} has no `=`; write it as `/message/success = true`");
    };
    let (pointer, value) = (pointer.trim(), value.trim());
    anyhow::ensure!(
        pointer.starts_with('/'),
        "{line:?} must begin with a JSON pointer such as /message/success"
    );
    anyhow::ensure!(!value.is_empty(), "{line:?} has nothing after `=`");
    Ok((pointer.to_owned(), value))
}

/// The words with which an answer explains itself, wherever such endpoints usually have them.
pub(super) fn complaint(json: &Value) -> Option<&str> {
    match json {
        Value::String(text) => Some(text),
        Value::Object(fields) => ["error", "message", "detail", "reason", "exception"]
            .iter()
            .find_map(|name| complaint(fields.get(*name)?)),
        _ => None,
    }
}
