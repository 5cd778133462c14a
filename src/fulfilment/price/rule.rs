//! Which rules gave an order its price: as stored with it, and in words.

use serde::{Deserialize, Serialize};

use crate::model::coupon::CouponCode;
use crate::model::course::Slug;
use crate::money::Money;
use crate::words::Locale;

/// The rules that gave an order its price; none means list prices. Stored with the order as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rule(pub Vec<Applied>);

/// One rule at work, in words of that day: the catalogue may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Applied {
    /// A bundle's price for its courses.
    Bundle {
        /// The bundle.
        slug: Slug,
        /// Its title then.
        title: String,
        /// Its price then.
        price: Money,
    },
    /// A combo's price for some courses.
    Combo {
        /// How many courses it takes.
        courses: usize,
        /// Its price then.
        price: Money,
        /// How many times it was used.
        times: usize,
    },
    /// What a coupon takes off the rest; always the last.
    Coupon {
        /// What the buyer typed.
        code: CouponCode,
        /// So many per cent; none for an amount.
        percent: Option<i64>,
        /// What it took off.
        off: Money,
    },
}

impl Rule {
    /// As stored with the order.
    pub fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// From what was stored.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// For people: `Trọn bộ “…” 1.199.000 ₫ + Combo 5 khóa 1.999.000 ₫`.
    #[must_use]
    pub fn say(&self, locale: Locale) -> String {
        if self.0.is_empty() {
            return locale.say("price.list").into_owned();
        }
        let parts: Vec<String> = self.0.iter().map(|applied| applied.say(locale)).collect();
        parts.join(" + ")
    }
}

impl Applied {
    fn say(&self, locale: Locale) -> String {
        match self {
            Self::Bundle { title, price, .. } => {
                let price = price.to_string();
                locale.fill("price.bundle", &[("price", &price), ("title", title)])
            }
            Self::Combo {
                courses,
                price,
                times,
            } => {
                let key = if *times == 1 {
                    "price.combo"
                } else {
                    "price.combo_times"
                };
                let (courses, price) = (courses.to_string(), price.to_string());
                let times = times.to_string();
                let values = [("courses", &*courses), ("price", &price), ("times", &times)];
                locale.fill(key, &values)
            }
            Self::Coupon { code, percent, off } => {
                let key = match percent {
                    Some(_) => "price.coupon_percent",
                    None => "price.coupon_amount",
                };
                let percent = percent.unwrap_or_default().to_string();
                let off = off.to_string();
                let values = [
                    ("percent", &*percent),
                    ("off", &off),
                    ("code", code.as_str()),
                ];
                locale.fill(key, &values)
            }
        }
    }
}
