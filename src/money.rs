//! Money: a whole number of minor units and its ISO 4217 currency. VND has no minor unit, so
//! 499000 is 499,000 dong. There is no floating point here.

use std::fmt;

/// The currencies Bursar can book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Vietnamese dong, exponent 0.
    Vnd,
    /// US dollar, exponent 2.
    Usd,
}

impl Currency {
    /// ISO 4217 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Vnd => "VND",
            Self::Usd => "USD",
        }
    }

    /// The currency of an ISO code, in capitals.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Vnd, Self::Usd]
            .into_iter()
            .find(|c| c.code() == code)
    }

    /// Digits after the point.
    #[must_use]
    pub fn exponent(self) -> u32 {
        match self {
            Self::Vnd => 0,
            Self::Usd => 2,
        }
    }
}

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Money {
    /// In minor units (dong, cents); negative only for differences.
    pub minor: i64,
    /// What it is counted in.
    pub currency: Currency,
}

impl Money {
    /// So many dong.
    #[must_use]
    pub const fn vnd(dong: i64) -> Self {
        Self {
            minor: dong,
            currency: Currency::Vnd,
        }
    }
}

/// `499.000 ₫`, `$12.50`: how Vietnamese pages write each; groups of three.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        match self.currency {
            Currency::Vnd => write!(f, "{sign}{} ₫", grouped(minor, '.')),
            Currency::Usd => write!(f, "{sign}${}.{:02}", grouped(minor / 100, ','), minor % 100),
        }
    }
}

fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// Split `total` over `weights` in proportion, in whole minor units that add up to `total`; what
/// rounding leaves goes to the largest remainders, earlier ones first. A negative weight counts as
/// zero; when all are zero the parts are equal.
#[must_use]
pub fn share(total: i64, weights: &[i64]) -> Vec<i64> {
    let weights: Vec<i128> = weights.iter().map(|w| i128::from(*w).max(0)).collect();
    if weights.iter().all(|w| *w == 0) {
        return split(total, &vec![1; weights.len()]);
    }
    split(total, &weights)
}

fn split(total: i64, weights: &[i128]) -> Vec<i64> {
    let sum: i128 = weights.iter().sum::<i128>().max(1);
    let exact = weights.iter().map(|w| i128::from(total) * w);
    let (mut parts, remainders): (Vec<i64>, Vec<i128>) = exact
        .map(|e| (fitting(e.div_euclid(sum)), e.rem_euclid(sum)))
        .unzip();
    let left = remainders.iter().sum::<i128>() / sum;
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(remainders[place]));
    for (_, place) in (0..left).zip(order) {
        parts[place] += 1;
    }
    parts
}

/// A part is no further from zero than the total, which was an `i64`.
fn fitting(part: i128) -> i64 {
    i64::try_from(part).unwrap_or_default()
}
