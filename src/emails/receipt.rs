//! The receipt: the money arrived, for what, and what happens next. It never says that a course is
//! open: nothing was read back yet.

use super::{Letterhead, Rendered, one_line, rendered_from, tidy};
use crate::clock::Timestamp;
use crate::money::Money;
use crate::words::Locale;

/// The order is paid. Sent once, when the money settles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Shop and order.
    pub head: Letterhead,
    /// When the money settled the order.
    pub paid_at: Timestamp,
    /// What was bought, at list prices.
    pub courses: Vec<PricedCourse>,
    /// The offer that made it cheaper than the list prices.
    pub rule: PriceRule,
    /// The coupon that was used, and what it took off the rest.
    pub coupon: Option<(String, Money)>,
    /// What the order costs.
    pub total: Money,
    /// What arrived: may be a little less (the tolerance) or more.
    pub received: Money,
}

/// A course and its list price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedCourse {
    /// Its title.
    pub title: String,
    /// Its price alone, without any rule.
    pub price: Money,
}

/// Why the total is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceRule {
    /// The sum of the list prices.
    List,
    /// A bundle, by its title.
    Bundle(String),
    /// A combo of so many courses.
    Combo(usize),
    /// Several rules, or one without a name of its own.
    Other,
}

rendered_from!(Receipt: "emails/receipt/subject.txt", "emails/receipt/body.txt", "emails/receipt/body.html");

/// What the templates ask for.
impl Receipt {
    /// Nothing was asked and nothing came: no payment to thank for.
    fn is_free(&self) -> bool {
        self.total.minor == 0 && self.received.minor == 0
    }

    fn subject(&self, l: Locale) -> String {
        let key = if self.is_free() {
            "email.receipt.free_subject"
        } else {
            "email.receipt.subject"
        };
        self.head.with_code(l, key)
    }

    fn heading(&self, l: Locale) -> String {
        let key = if self.is_free() {
            "email.receipt.free_heading"
        } else {
            "email.receipt.heading"
        };
        l.say(key).into_owned()
    }

    fn preview(&self, l: Locale) -> String {
        if self.is_free() {
            return l.say("email.receipt.free_preview").into_owned();
        }
        let received = self.received.to_string();
        l.fill("email.receipt.preview", &[("received", &received)])
    }

    fn intro(&self, l: Locale) -> String {
        let key = if self.is_free() {
            "email.receipt.free_intro"
        } else {
            "email.receipt.intro"
        };
        let values = [
            ("received", self.received.to_string()),
            ("code", self.head.order_code.clone()),
            ("time", self.head.moment(l, self.paid_at)),
        ];
        l.fill(key, &values.each_ref().map(|(n, v)| (*n, v.as_str())))
    }

    fn next(&self, l: Locale) -> String {
        let next = l.say("email.receipt.next_text");
        if self.surplus(l).is_some() {
            return next.into_owned();
        }
        format!("{next} {}", l.say("email.receipt.nothing_to_do"))
    }

    /// The lines between the list prices and the total: what offer and coupon took off, by name.
    fn reductions(&self, l: Locale) -> Vec<(String, Money)> {
        let coupon = self.coupon.as_ref().map(|(code, off)| {
            let label = l.fill("email.receipt.coupon", &[("code", code)]);
            (label, -off.minor)
        });
        let list: i64 = self.courses.iter().map(|course| course.price.minor).sum();
        let by_offer = self.total.minor - list - coupon.as_ref().map_or(0, |(_, off)| *off);
        let offer = (by_offer != 0).then(|| (self.offer(l), by_offer));
        let money = |minor| Money {
            minor,
            currency: self.total.currency,
        };
        let both = offer.into_iter().chain(coupon);
        both.map(|(label, off)| (label, money(off))).collect()
    }

    fn offer(&self, l: Locale) -> String {
        match &self.rule {
            PriceRule::Bundle(name) => l.fill("email.receipt.bundle", &[("name", &one_line(name))]),
            PriceRule::Combo(count) => {
                l.fill("email.receipt.combo", &[("count", &count.to_string())])
            }
            PriceRule::List | PriceRule::Other => l.say("email.receipt.reduction").into_owned(),
        }
    }

    fn surplus(&self, l: Locale) -> Option<String> {
        let minor = self.received.minor - self.total.minor;
        let currency = self.total.currency;
        let amount = Money { minor, currency }.to_string();
        (minor > 0).then(|| l.fill("email.receipt.surplus", &[("amount", &amount)]))
    }

    /// An example with every part in it.
    #[must_use]
    pub fn sample() -> Self {
        let course = |title: &str, dong| PricedCourse {
            title: title.to_owned(),
            price: Money::vnd(dong),
        };
        Self {
            head: Letterhead::sample(),
            paid_at: Timestamp(1_790_000_000_000),
            courses: vec![
                course("Lập trình Rust từ con số không", 499_000),
                course("Excel cho người đi làm", 299_000),
                course("Nhiếp ảnh bằng điện thoại", 349_000),
                course("Tiếng Anh giao tiếp hằng ngày", 399_000),
                course("Quản lý tài chính cá nhân", 249_000),
            ],
            rule: PriceRule::Combo(5),
            coupon: None,
            total: Money::vnd(990_000),
            received: Money::vnd(1_000_000),
        }
    }
}
