//! The letter before access ends: which course, when, and how to keep it.

use super::{Letterhead, Rendered, one_line, rendered_from, tidy};
use crate::clock::Timestamp;
use crate::words::Locale;

/// Access ends soon. Sent once per grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Shop and order.
    pub head: Letterhead,
    /// The course's title.
    pub course: String,
    /// When access ends.
    pub at: Timestamp,
    /// Where the course is bought again.
    pub shop_url: String,
}

rendered_from!(Ending: "emails/ending/subject.txt", "emails/ending/body.txt", "emails/ending/body.html");

/// What the templates ask for.
impl Ending {
    fn sentence(&self, l: Locale, key: &str) -> String {
        let (course, time) = (one_line(&self.course), self.head.moment(l, self.at));
        l.fill(key, &[("time", &time), ("course", &course)])
    }

    fn day(&self, l: Locale) -> String {
        let pattern = l.say("email.day");
        let day = self.at.local(self.head.utc_offset_minutes, &pattern);
        l.fill("email.ending.subject", &[("day", &day)])
    }

    /// An example.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            head: Letterhead::sample(),
            course: "Lập trình Rust từ con số không".to_owned(),
            at: Timestamp(1_821_536_000_000),
            shop_url: "https://shop.example.vn/?course=rust#order".to_owned(),
        }
    }
}
