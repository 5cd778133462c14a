//! SePay's webhook body, read leniently: fields we do not know do not matter, numbers come as
//! numbers or as text. What is needed and cannot be understood is named. Every value is kept as the text
//! it came as until it is needed, because account numbers and ids must not pass through a float.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{NAME, NotUnderstood};
use crate::clock::Timestamp;
use crate::fact::{Direction, TransferFact};
use crate::money::Money;

/// SePay writes Vietnam's wall clock, without saying so.
pub(super) const VIETNAM_MINUTES: i32 = 7 * 60;
/// `2023-03-25 14:02:37`.
pub(super) const DATE_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// More than any bank moves in one transfer: a fault of the sender, not money.
const MOST_DONG: i64 = 10_000_000_000_000;
const LONGEST_ID: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transaction_date: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account_number: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sub_account: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transfer_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transfer_amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reference_code: Option<&'a RawValue>,
}

/// The id of the transaction, the same in every delivery; as soon as it can be read, whatever the rest is.
pub(super) fn provider_id(body: &[u8]) -> Result<String, NotUnderstood> {
    id(parse(body)?.id)
}

/// The transfer that a body tells of.
pub(super) fn read(body: &[u8]) -> Result<TransferFact, NotUnderstood> {
    let webhook = parse(body)?;
    let account = digits_kept("accountNumber", webhook.account_number)?;
    let direction = direction(webhook.transfer_type)?;
    let amount = amount(webhook.transfer_amount)?;
    let reference = text("referenceCode", webhook.reference_code)?.unwrap_or_default();
    let booked = text("transactionDate", webhook.transaction_date)?.and_then(|d| wall_clock(&d));
    Ok(TransferFact {
        gateway: NAME.to_owned(),
        provider_id: id(webhook.id)?,
        natural_key: natural_key(&account, direction, amount, &reference, booked),
        account,
        sub_account: text("subAccount", webhook.sub_account)?,
        direction,
        amount: Money::vnd(amount),
        order: None,
        memos: memos(&webhook)?,
        reference,
        booked_at: booked.and_then(in_vietnam),
    })
}

fn parse(body: &[u8]) -> Result<Webhook<'_>, NotUnderstood> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if is_form(body) {
        let mend = "set the webhook's content type to application/json in SePay";
        return Err(fault("body", &format!("is a web form, not JSON: {mend}")));
    }
    // serde would take an array for the fields in order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(fault("body", "is not a JSON object"));
    }
    serde_json::from_slice(body)
        .map_err(|e| fault("body", &format!("is not a JSON object we can read: {e}")))
}

/// Multipart begins with its boundary's dashes, the other kind with `name=value`.
fn is_form(body: &[u8]) -> bool {
    let name = body
        .iter()
        .take_while(|c| c.is_ascii_alphanumeric() || **c == b'_')
        .count();
    body.starts_with(b"--") || (name > 0 && body.get(name) == Some(&b'='))
}

fn id(raw: Option<&RawValue>) -> Result<String, NotUnderstood> {
    let id = digits_kept("id", raw)?;
    let sound = id.len() <= LONGEST_ID && id.bytes().all(|c| c.is_ascii_graphic());
    if sound {
        Ok(id)
    } else {
        Err(fault("id", "is not an id"))
    }
}

/// Text, or a whole number digit by digit.
fn digits_kept(field: &str, raw: Option<&RawValue>) -> Result<String, NotUnderstood> {
    let is_number = raw.is_some_and(|raw| !raw.get().starts_with('"'));
    let text = text(field, raw)?.ok_or_else(|| fault(field, "is missing"))?;
    if is_number && !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(fault(field, "is not a whole number"));
    }
    Ok(text)
}

/// A text or a number as it was written; empty counts as absent. PostgreSQL stores no NUL, so a
/// blank takes its place.
fn text(field: &str, raw: Option<&RawValue>) -> Result<Option<String>, NotUnderstood> {
    let Some(raw) = raw.map(RawValue::get) else {
        return Ok(None);
    };
    let text = match raw.as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str::<String>(raw).map_err(|_| fault(field, "is not readable text"))?
        }
        Some(b'-' | b'0'..=b'9') => raw.to_owned(),
        _ => return Err(fault(field, "is neither text nor a number")),
    };
    let text = text.replace('\0', " ").trim().to_owned();
    Ok(Some(text).filter(|t| !t.is_empty()))
}

fn direction(raw: Option<&RawValue>) -> Result<Direction, NotUnderstood> {
    let word = text("transferType", raw)?.ok_or_else(|| fault("transferType", "is missing"))?;
    match word.to_ascii_lowercase().as_str() {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        _ => Err(fault("transferType", "is neither \"in\" nor \"out\"")),
    }
}

fn amount(raw: Option<&RawValue>) -> Result<i64, NotUnderstood> {
    let text = text("transferAmount", raw)?.ok_or_else(|| fault("transferAmount", "is missing"))?;
    dong(&text).map_err(|why| fault("transferAmount", why))
}

fn dong(text: &str) -> Result<i64, &'static str> {
    if text.starts_with('-') {
        return Err("is negative");
    }
    let number = if text.contains(['e', 'E']) {
        written_out(text)?
    } else {
        text.to_owned()
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err("is not a number");
    }
    if fraction.bytes().any(|c| c != b'0') {
        return Err("has a fraction, and dong have none");
    }
    whole
        .parse()
        .ok()
        .filter(|dong| *dong <= MOST_DONG)
        .ok_or("is absurdly large")
}

/// `2.5e7` as `25000000`. Up to 2^53 a float is exact, and nothing above is accepted as money.
fn written_out(text: &str) -> Result<String, &'static str> {
    let number: f64 = text.parse().map_err(|_| "is not a number")?;
    if number.abs() <= 1e15 {
        Ok(number.to_string())
    } else {
        Err("is absurdly large")
    }
}

fn wall_clock(text: &str) -> Option<DateTime> {
    DateTime::strptime(DATE_FORMAT, text).ok()
}

fn in_vietnam(wall_clock: DateTime) -> Option<Timestamp> {
    let offset = Offset::from_seconds(VIETNAM_MINUTES * 60).ok()?;
    let instant = offset.to_timestamp(wall_clock).ok()?;
    Some(Timestamp(instant.as_millisecond()))
}

fn natural_key(
    account: &str,
    direction: Direction,
    amount: i64,
    reference: &str,
    booked: Option<DateTime>,
) -> Option<String> {
    let booked = booked.filter(|_| !reference.is_empty())?;
    let direction = match direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    let booked = booked.strftime(DATE_FORMAT);
    Some(format!(
        "{account}|{direction}|{amount}|{reference}|{booked}"
    ))
}

/// Best first: SePay's own extraction, the memo, the bank's raw notification.
fn memos(webhook: &Webhook<'_>) -> Result<Vec<String>, NotUnderstood> {
    let code = text("code", webhook.code)?;
    let content = text("content", webhook.content)?;
    let description = text("description", webhook.description)?;
    Ok([code, content, description].into_iter().flatten().collect())
}

fn fault(field: &str, what: &str) -> NotUnderstood {
    NotUnderstood(format!("{field} {what}"))
}
