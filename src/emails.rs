//! Messages to buyers, rendered: one struct per e-mail, plain data in, subject, text and HTML out.
//! It decides nothing and sends nothing. Words come from `locales/email.yml`, shapes from
//! `templates/emails/<name>/`. What buyers and sellers typed is untrusted: it is escaped, kept to
//! one line, and a name that could pass for a link is not repeated at all.

use askama::Template;

use crate::clock::Timestamp;
use crate::money::Money;
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
}

/// The order is paid. Sent once, when the money settles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Shop and order.
    pub head: Letterhead,
    /// When the money settled the order.
    pub paid_at: Timestamp,
    /// What was bought, at list prices.
    pub courses: Vec<PricedCourse>,
    /// The rule that gave the price.
    pub rule: PriceRule,
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

/// Every line is final. Sent once, whatever the end was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Shop and order.
    pub head: Letterhead,
    /// The address that the learning platforms know the buyer by.
    pub buyer_email: String,
    /// What is open.
    pub ready: Vec<ReadyCourse>,
    /// What is not.
    pub failed: Vec<FailedCourse>,
}

/// A course that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyCourse {
    /// Its title.
    pub title: String,
    /// The ways in.
    pub links: Vec<AccessLink>,
    /// When access ends; `None` is never.
    pub until: Option<Timestamp>,
}

/// One way into a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLink {
    /// Where it leads.
    pub kind: AccessKind,
    /// The address.
    pub url: String,
}

/// Where an access link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// To the learning platform.
    Learn,
    /// To the download page.
    Files,
}

/// A course that could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCourse {
    /// Its title.
    pub title: String,
    /// What happens next.
    pub next: NextStep,
}

/// What happens next with a course that could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The seller knows and acts.
    SellerTold,
    /// The buyer has to name another address.
    AddressProblem,
}

/// Gives an e-mail its `render`: three templates over the same two fields, `l` and `mail`.
macro_rules! rendered_from {
    ($mail:ident: $subject:literal, $text:literal, $html:literal) => {
        impl $mail {
            /// Subject, text and HTML in this language.
            pub fn render(&self, locale: Locale) -> Result<Rendered, askama::Error> {
                #[derive(Template)]
                #[template(path = $subject)]
                struct Subject<'a> {
                    l: Locale,
                    mail: &'a $mail,
                }
                #[derive(Template)]
                #[template(path = $text)]
                struct Text<'a> {
                    l: Locale,
                    mail: &'a $mail,
                }
                #[derive(Template)]
                #[template(path = $html)]
                struct Html<'a> {
                    l: Locale,
                    mail: &'a $mail,
                }
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

rendered_from!(Receipt: "emails/receipt/subject.txt", "emails/receipt/body.txt", "emails/receipt/body.html");
rendered_from!(Completed: "emails/completed/subject.txt", "emails/completed/body.txt", "emails/completed/body.html");

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
        l.fill("email.why", &[("shop", &one_line(&self.shop))])
    }

    fn moment(&self, l: Locale, at: Timestamp) -> String {
        let moment = at.local(self.utc_offset_minutes, &l.say("email.moment"));
        format!("{moment} ({})", zone(self.utc_offset_minutes))
    }
}

impl Receipt {
    fn preview(&self, l: Locale) -> String {
        let received = self.received.to_string();
        l.fill("email.receipt.preview", &[("received", &received)])
    }

    fn intro(&self, l: Locale) -> String {
        let values = [
            ("received", self.received.to_string()),
            ("code", self.head.order_code.clone()),
            ("time", self.head.moment(l, self.paid_at)),
        ];
        l.fill(
            "email.receipt.intro",
            &values.each_ref().map(|(n, v)| (*n, v.as_str())),
        )
    }

    /// The line between the list prices and the total: what the rule took off, and its name.
    fn reduction(&self, l: Locale) -> Option<(String, Money)> {
        let list: i64 = self.courses.iter().map(|course| course.price.minor).sum();
        let off = self.total.minor - list;
        if off == 0 {
            return None;
        }
        let label = match &self.rule {
            PriceRule::Bundle(name) => l.fill("email.receipt.bundle", &[("name", &one_line(name))]),
            PriceRule::Combo(count) => {
                l.fill("email.receipt.combo", &[("count", &count.to_string())])
            }
            PriceRule::List | PriceRule::Other => l.say("email.receipt.reduction").into_owned(),
        };
        let currency = self.total.currency;
        Some((
            label,
            Money {
                minor: off,
                currency,
            },
        ))
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
            total: Money::vnd(990_000),
            received: Money::vnd(1_000_000),
        }
    }
}

impl Completed {
    /// The key for this e-mail's end: all, some or none of the courses are open.
    fn by_end(&self, all: &'static str, some: &'static str, none: &'static str) -> &'static str {
        match (self.ready.is_empty(), self.failed.is_empty()) {
            (_, true) => all,
            (false, false) => some,
            (true, false) => none,
        }
    }

    fn sentence(&self, l: Locale, key: &str) -> String {
        let ready = self.ready.len().to_string();
        let all = (self.ready.len() + self.failed.len()).to_string();
        let code = self.head.order_code.as_str();
        l.fill(key, &[("code", code), ("ready", &ready), ("all", &all)])
    }

    fn subject(&self, l: Locale) -> String {
        let key = self.by_end(
            "email.completed.subject_all",
            "email.completed.subject_some",
            "email.completed.subject_none",
        );
        self.sentence(l, key)
    }

    fn preview(&self, l: Locale) -> String {
        let key = self.by_end(
            "email.completed.preview_all",
            "email.completed.preview_some",
            "email.completed.preview_none",
        );
        self.sentence(l, key)
    }

    fn heading(&self, l: Locale) -> String {
        let key = self.by_end(
            "email.completed.heading_all",
            "email.completed.heading_some",
            "email.completed.heading_none",
        );
        self.sentence(l, key)
    }

    fn intro(&self, l: Locale) -> String {
        let key = self.by_end(
            "email.completed.intro_all",
            "email.completed.intro_some",
            "email.completed.intro_none",
        );
        self.sentence(l, key)
    }

    fn until(&self, l: Locale, course: &ReadyCourse) -> String {
        match course.until {
            Some(end) => {
                let time = self.head.moment(l, end);
                l.fill("email.completed.until", &[("time", &time)])
            }
            None => l.say("email.completed.for_good").into_owned(),
        }
    }

    /// How to sign in, for a course on a learning platform.
    fn sign_in(&self, l: Locale, course: &ReadyCourse) -> Option<String> {
        let learns = course
            .links
            .iter()
            .any(|link| link.kind == AccessKind::Learn);
        learns.then(|| l.fill("email.completed.sign_in", &[("email", &self.buyer_email)]))
    }

    /// An example with every part in it.
    #[must_use]
    pub fn sample() -> Self {
        let link = |kind, url: &str| AccessLink {
            kind,
            url: url.to_owned(),
        };
        let learn = link(AccessKind::Learn, "https://hoc.example.vn/courses/rust");
        let files = link(AccessKind::Files, "https://shop.example.vn/d/7f3a9c");
        Self {
            head: Letterhead::sample(),
            buyer_email: "anh@example.com".to_owned(),
            ready: vec![
                ReadyCourse {
                    title: "Lập trình Rust từ con số không".to_owned(),
                    links: vec![learn, files.clone()],
                    until: Some(Timestamp(1_821_536_000_000)),
                },
                ReadyCourse {
                    title: "Excel cho người đi làm".to_owned(),
                    links: vec![files],
                    until: None,
                },
            ],
            failed: vec![FailedCourse {
                title: "Nhiếp ảnh bằng điện thoại".to_owned(),
                next: NextStep::SellerTold,
            }],
        }
    }
}

impl AccessLink {
    fn label(&self, l: Locale) -> String {
        let key = match self.kind {
            AccessKind::Learn => "email.completed.learn",
            AccessKind::Files => "email.completed.files",
        };
        l.say(key).into_owned()
    }
}

impl FailedCourse {
    fn next(&self, l: Locale) -> String {
        let key = match self.next {
            NextStep::SellerTold => "email.completed.seller_told",
            NextStep::AddressProblem => "email.completed.address_problem",
        };
        l.say(key).into_owned()
    }
}

impl Letterhead {
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
