//! Messages to buyers, rendered: one struct per e-mail, plain data in, subject, text and HTML out.
//! It decides nothing and sends nothing. Words come from `locales/email.yml`, shapes from
//! `templates/emails/<name>/`. What buyers and sellers typed is untrusted: it is escaped, kept to
//! one line, and a name that could pass for a link is not repeated at all.

mod completed;
mod ending;
mod receipt;
mod refunded;
mod short;

pub use completed::{AccessKind, AccessLink, Completed, FailedCourse, NextStep, ReadyCourse};
pub use ending::Ending;
pub use receipt::{PriceRule, PricedCourse, Receipt};
pub use refunded::{Refunded, WayBack};
pub use short::{PayInto, Short};

use crate::clock::Timestamp;
use crate::words::Locale;

/// An e-mail's parts, ready for a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Complete on its own.
    pub text: String,
    /// The same as a document.
    pub html: String,
}

/// What every e-mail says about the shop and the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letterhead {
    /// The shop's name.
    pub shop: String,
    /// Where buyers ask for help.
    pub support: String,
    /// The zone of the times in the e-mail, in minutes east of Greenwich.
    pub utc_offset_minutes: i32,
    /// As the buyer gave it; may be empty.
    pub buyer: String,
    /// The order's code.
    pub order_code: String,
    /// The buyer's secret order page.
    pub order_url: String,
    /// The shop gave the courses.
    pub gift: bool,
}

/// Gives an e-mail its `render`: three templates over the same two fields, `l` and `mail`.
macro_rules! rendered_from {
    ($mail:ident: $subject:literal, $text:literal, $html:literal) => {
        impl $mail {
            /// Subject, text and HTML in this language.
            pub fn render(&self, locale: Locale) -> Result<Rendered, askama::Error> {
                #[derive(askama::Template)]
                #[template(path = $subject)]
                struct Subject<'a> {
                    l: Locale,
                    mail: &'a $mail,
                }
                #[derive(askama::Template)]
                #[template(path = $text)]
                struct Text<'a> {
                    l: Locale,
                    mail: &'a $mail,
                }
                #[derive(askama::Template)]
                #[template(path = $html)]
                struct Html<'a> {
                    l: Locale,
                    mail: &'a $mail,
                }
                use askama::Template as _;
                let (l, mail) = (locale, self);
                Ok(Rendered {
                    subject: one_line(&Subject { l, mail }.render()?),
                    text: tidy(&Text { l, mail }.render()?),
                    html: Html { l, mail }.render()?,
                })
            }
        }
    };
}

use rendered_from;

/// What the templates ask for.
impl Letterhead {
    fn greeting(&self, l: Locale) -> String {
        let name = one_line(&self.buyer);
        if name.is_empty() || could_be_a_link(&name) || name.chars().count() > 60 {
            return l.say("email.greeting").into_owned();
        }
        l.fill("email.greeting_named", &[("name", &name)])
    }

    /// A sentence with the order's code in it.
    fn with_code(&self, l: Locale, key: &str) -> String {
        l.fill(key, &[("code", &self.order_code)])
    }

    fn help(&self, l: Locale) -> String {
        l.fill("email.help", &[("support", &self.support)])
    }

    fn why(&self, l: Locale) -> String {
        let key = if self.gift {
            "email.why_gift"
        } else {
            "email.why"
        };
        l.fill(key, &[("shop", &one_line(&self.shop))])
    }

    fn moment(&self, l: Locale, at: Timestamp) -> String {
        let moment = at.local(self.utc_offset_minutes, &l.say("email.moment"));
        format!("{moment} ({})", zone(self.utc_offset_minutes))
    }

    /// An example.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            shop: "Trường Số".to_owned(),
            support: "hotro@shop.example.vn".to_owned(),
            utc_offset_minutes: 420,
            buyer: "Nguyễn Thị Ánh".to_owned(),
            order_code: "DH7K2M9QXA".to_owned(),
            order_url: "https://shop.example.vn/o/4be1c02f9a".to_owned(),
            gift: false,
        }
    }
}

/// Mail programs make links of anything that looks like one, and anybody can place an order in
/// somebody else's name: "Hello evil.example, click here" must not come from the shop.
fn could_be_a_link(name: &str) -> bool {
    let dotted = |word: &str| {
        let inner = word.trim_matches('.');
        inner.contains('.')
    };
    name.contains(['/', '@', ':', '\\', '<', '>']) || name.split_whitespace().any(dotted)
}

fn zone(utc_offset_minutes: i32) -> String {
    let sign = if utc_offset_minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (utc_offset_minutes.abs() / 60, utc_offset_minutes.abs() % 60);
    if minutes == 0 {
        format!("GMT{sign}{hours}")
    } else {
        format!("GMT{sign}{hours}:{minutes:02}")
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Templates are indented for their readers; letters are not. At most one empty line in a row.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        let doubled = tidied.is_empty() || tidied.ends_with("\n\n");
        if !(line.is_empty() && doubled) {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    tidied.truncate(tidied.trim_end().len());
    tidied.push('\n');
    tidied
}
