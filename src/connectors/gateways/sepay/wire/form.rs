//! The body as JSON, whatever content type the seller chose in SePay: JSON itself, or a web form made
//! into an object of texts. A multipart body is refused with the setting that mends it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{NotUnderstood, fault};

/// More than SePay has fields.
const MOST_FIELDS: usize = 100;

pub(super) fn as_json(body: &[u8]) -> Result<Cow<'_, [u8]>, NotUnderstood> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.starts_with(b"--") {
        let mend = "set the webhook's content type to application/json in SePay";
        return Err(fault("body", &format!("is a multipart form: {mend}")));
    }
    if is_form(body) {
        return fields(body).map(Cow::Owned);
    }
    // serde would take an array for the fields in order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(fault("body", "is not a JSON object"));
    }
    Ok(Cow::Borrowed(body))
}

/// It begins with `name=`.
fn is_form(body: &[u8]) -> bool {
    let name = body
        .iter()
        .take_while(|c| c.is_ascii_alphanumeric() || **c == b'_')
        .count();
    name > 0 && body.get(name) == Some(&b'=')
}

/// A name that comes twice is refused, as it is in JSON: nobody can say which value counts.
fn fields(body: &[u8]) -> Result<Vec<u8>, NotUnderstood> {
    let mut object = Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        if object.len() == MOST_FIELDS {
            return Err(fault("body", "is a web form with too many fields"));
        }
        let value = Value::String(value.into_owned());
        if object.insert(name.into_owned(), value).is_some() {
            return Err(fault("body", "is a web form with a field that comes twice"));
        }
    }
    Ok(Value::Object(object).to_string().into_bytes())
}
