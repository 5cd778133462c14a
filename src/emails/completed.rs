//! The last e-mail of an order: what is open and how to get in, what is not and what happens next.

use super::{Letterhead, Rendered, one_line, rendered_from, tidy};
use crate::clock::Timestamp;
use crate::words::Locale;

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

rendered_from!(Completed: "emails/completed/subject.txt", "emails/completed/body.txt", "emails/completed/body.html");

/// What the templates ask for.
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
