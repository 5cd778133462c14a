//! payOS's signatures: the hex HMAC-SHA256, with the channel's checksum key, over `name=value` joined
//! by `&` and not encoded. Source: payos.vn/docs, "Kiểm tra dữ liệu với signature", and the vendor's
//! Node SDK 2.0.5 where the page is silent (null, numbers, lists).

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Number, Value};
use sha2::Sha256;

use crate::config::Secret;

/// The signature of the `data` of a webhook or of an answer.
#[must_use]
pub fn sign(key: &Secret, data: &Map<String, Value>) -> String {
    hex::encode(mac(key, &spelled_out(data)).finalize().into_bytes())
}

/// Compared in constant time.
pub(super) fn is_right(key: &Secret, data: &Map<String, Value>, signature: &str) -> bool {
    let digest = hex::decode(signature).ok();
    digest.is_some_and(|digest| mac(key, &spelled_out(data)).verify_slice(&digest).is_ok())
}

/// What a payment link is asked for; only these fields of it are signed.
pub(super) struct Asked<'a> {
    pub amount: i64,
    pub cancel_url: &'a str,
    pub description: &'a str,
    pub order_code: i64,
    pub return_url: &'a str,
}

/// The signature of our own request for a payment link.
pub(super) fn of_request(key: &Secret, asked: &Asked<'_>) -> String {
    let Asked {
        amount,
        cancel_url,
        description,
        order_code,
        return_url,
    } = asked;
    let text = format!(
        "amount={amount}&cancelUrl={cancel_url}&description={description}\
         &orderCode={order_code}&returnUrl={return_url}"
    );
    hex::encode(mac(key, &text).finalize().into_bytes())
}

fn mac(key: &Secret, text: &str) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key.expose().trim().as_bytes())
        .expect("HMAC takes keys of every length")
        .chain_update(text)
}

fn spelled_out(data: &Map<String, Value>) -> String {
    let mut fields: Vec<(&String, &Value)> = data.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    let fields = fields
        .into_iter()
        .map(|(name, value)| format!("{name}={}", plain(value)));
    fields.collect::<Vec<String>>().join("&")
}

/// As JavaScript writes a value into a text, but for null and lists. The words "null" and
/// "undefined" count as empty too: so says the documentation.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text == "null" || text == "undefined" => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => in_javascript(number),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

/// JSON without blanks, an object's fields by name.
fn json(value: &Value) -> String {
    match value {
        Value::Number(number) => in_javascript(number),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(object) => {
            let mut fields: Vec<(&String, &Value)> = object.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), json(value)));
            format!("{{{}}}", fields.collect::<Vec<String>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
    }
}

/// `3000.0` is 3000 to JavaScript.
fn in_javascript(number: &Number) -> String {
    let text = number.to_string();
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
