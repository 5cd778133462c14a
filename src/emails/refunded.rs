//! The letter about money that went back: how much, of what, by which way, and what it means for access.

use super::{Letterhead, Rendered, one_line, rendered_from, tidy};
use crate::money::Money;
use crate::words::Locale;

/// Money is on its way back, or there. Sent once per refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// Shop and order.
    pub head: Letterhead,
    /// How much.
    pub amount: Money,
    /// Title of the course that it is for; none is the order as a whole.
    pub course: Option<String>,
    /// By which way.
    pub way: WayBack,
    /// Titles of the courses that the order no longer gives access to because of it.
    pub ended: Vec<String>,
}

/// How money goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// The payment gateway returns it to the card or account that paid.
    SameWay,
    /// A person sent a bank transfer, with this reference where it is known.
    Transfer(Option<String>),
}

rendered_from!(Refunded: "emails/refunded/subject.txt", "emails/refunded/body.txt", "emails/refunded/body.html");

/// What the templates ask for.
impl Refunded {
    fn sentence(&self, l: Locale, key: &str) -> String {
        let values = [
            ("amount", self.amount.to_string()),
            ("code", self.head.order_code.clone()),
            (
                "course",
                self.course.as_deref().map(one_line).unwrap_or_default(),
            ),
        ];
        l.fill(key, &values.each_ref().map(|(n, v)| (*n, v.as_str())))
    }

    fn intro(&self, l: Locale) -> String {
        let key = match self.course {
            Some(_) => "email.refunded.intro_course",
            None => "email.refunded.intro_order",
        };
        self.sentence(l, key)
    }

    fn way(&self, l: Locale) -> String {
        match &self.way {
            WayBack::SameWay => l.say("email.refunded.same_way").into_owned(),
            WayBack::Transfer(None) => l.say("email.refunded.transfer").into_owned(),
            WayBack::Transfer(Some(reference)) => {
                let reference = one_line(reference);
                l.fill(
                    "email.refunded.transfer_named",
                    &[("reference", &reference)],
                )
            }
        }
    }

    /// An example with every part in it.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            head: Letterhead::sample(),
            amount: Money::vnd(299_000),
            course: Some("Excel cho người đi làm".to_owned()),
            way: WayBack::Transfer(Some("FT26264123456".to_owned())),
            ended: vec!["Excel cho người đi làm".to_owned()],
        }
    }
}
