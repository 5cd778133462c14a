//! The letter about a short transfer: what came, what is missing, and where exactly to send it.
//! The order stays open at its price; nothing is lost.

use super::{Letterhead, Rendered, one_line, rendered_from, tidy};
use crate::clock::Timestamp;
use crate::money::Money;
use crate::words::Locale;

/// Too little came. Sent once per order, at the first transfer that does not pay it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Shop and order; the memo is the order's code.
    pub head: Letterhead,
    /// What came so far.
    pub received: Money,
    /// What is missing.
    pub missing: Money,
    /// Where the rest goes; none where the shop takes no transfers.
    pub account: Option<PayInto>,
    /// The order waits until then.
    pub until: Timestamp,
}

/// A bank account, as the payer types it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayInto {
    /// The bank's usual name.
    pub bank: String,
    /// The account's number.
    pub number: String,
    /// Its holder.
    pub holder: String,
}

rendered_from!(Short: "emails/short/subject.txt", "emails/short/body.txt", "emails/short/body.html");

/// What the templates ask for.
impl Short {
    fn sentence(&self, l: Locale, key: &str) -> String {
        let values = [
            ("received", self.received.to_string()),
            ("missing", self.missing.to_string()),
            ("code", self.head.order_code.clone()),
            ("time", self.head.moment(l, self.until)),
        ];
        l.fill(key, &values.each_ref().map(|(n, v)| (*n, v.as_str())))
    }

    /// What is typed into the bank's app: key of the label, value.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let Some(account) = &self.account else {
            return Vec::new();
        };
        vec![
            ("email.short.amount", self.missing.to_string()),
            ("email.short.memo", self.head.order_code.clone()),
            ("email.short.bank", one_line(&account.bank)),
            ("email.short.number", one_line(&account.number)),
            ("email.short.holder", one_line(&account.holder)),
        ]
    }

    /// An example with every part in it.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            head: Letterhead::sample(),
            received: Money::vnd(890_000),
            missing: Money::vnd(100_000),
            account: Some(PayInto {
                bank: "Vietcombank".to_owned(),
                number: "0011004567890".to_owned(),
                holder: "CONG TY TRUONG SO".to_owned(),
            }),
            until: Timestamp(1_790_000_000_000),
        }
    }
}
