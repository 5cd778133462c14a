//! A form as a person filled it in: bounded, and read as strictly as the API reads JSON.

use axum::body::Body;
use axum::http::HeaderMap;
use url::form_urlencoded;

use crate::error::{Error, FieldFault, Result};
use crate::model::code::OrderCode;
use crate::money::Currency;
use crate::web::body;

/// The largest amount that a person can type, in minor units: ten million million.
const MOST: i64 = 10_000_000_000_000;

/// The fields of a form.
#[derive(Debug)]
pub struct Filled(Vec<(String, String)>);

impl Filled {
    /// From a request.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self> {
        let bytes = body::read(headers, body).await?;
        let fields = form_urlencoded::parse(&bytes);
        Ok(Self(
            fields
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect(),
        ))
    }

    /// A field without the blanks around it; empty where it is missing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        let mut fields = self.0.iter().filter(|(known, _)| known == name);
        fields.next().map_or("", |(_, value)| value.trim())
    }

    /// Every field of this name.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let fields = self.0.iter().filter(move |(known, _)| known == name);
        fields.map(|(_, value)| value.trim())
    }

    /// A field that may be left empty.
    #[must_use]
    pub fn text_if_any(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A box that was ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }
}

/// The code of an order, as a person types it.
pub fn code(text: &str, prefix: &str) -> Result<OrderCode> {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    OrderCode::parse(&squeezed.to_uppercase(), prefix).ok_or(Error::NotFound("order"))
}

/// An amount of which none was typed is all that there is.
pub fn amount_if_any(text: &str, currency: Currency) -> Result<Option<i64>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = || Error::Invalid(vec![FieldFault::new("amount", "invalid_amount")]);
    amount(text, currency).ok_or_else(wrong).map(Some)
}

/// `499000`, `499.000`, `499,000 ₫` are the same dong; where a currency has cents, the last point or
/// comma with at most that many digits behind it begins them. In minor units.
#[must_use]
pub fn amount(text: &str, currency: Currency) -> Option<i64> {
    let digits = |text: &str| -> Option<String> {
        let kept = text
            .chars()
            .filter(|c| !matches!(c, '.' | ',' | ' ' | '\u{a0}'));
        let kept: String = kept.collect();
        kept.bytes().all(|b| b.is_ascii_digit()).then_some(kept)
    };
    let text = text.trim().trim_start_matches('$');
    let text = text.trim_end_matches(['₫', 'đ', 'Đ']).trim();
    let places = currency.exponent() as usize;
    let point = text.rfind(['.', ',']).filter(|_| places > 0);
    let (whole, cents) = match point {
        Some(at) if text.len() - at - 1 <= places => (&text[..at], &text[at + 1..]),
        _ => (text, ""),
    };
    let written = format!("{}{:0<places$}", digits(whole)?, digits(cents)?);
    let amount: i64 = written.parse().ok()?;
    (1..=MOST).contains(&amount).then_some(amount)
}
