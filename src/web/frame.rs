//! What every page has around it: the language, the shop, the address of the page itself; and how
//! times, sizes and sentences are written there. Texts are in `locales/`, markup in `templates/pages/`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::clock::Timestamp;
use crate::web::assets;
use crate::words::Locale;

/// Send this with every page: nothing inline, nothing from elsewhere except cover pictures.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' https:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The surroundings of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The reader's language.
    pub locale: Locale,
    /// The shop's name.
    pub shop_name: String,
    /// Where to ask for help.
    pub support_email: String,
    /// Minutes east of Greenwich of the times shown.
    pub utc_offset_minutes: i32,
    /// The path of this page, without a query; the language switch leads back to it.
    pub path: String,
    /// Everything outside is faked, and the page says so.
    pub demo: bool,
}

impl Frame {
    /// A text without values.
    #[must_use]
    pub fn say<'k>(&self, key: &'k str) -> Cow<'k, str> {
        self.locale.say(key)
    }

    /// A text with one value.
    #[must_use]
    pub fn with(&self, key: &str, name: &str, value: impl fmt::Display) -> String {
        self.locale.fill(key, &[(name, &value.to_string())])
    }

    /// A text in one of two forms: `key.one` for 1, else `key.many`, with `%{count}`.
    #[must_use]
    pub fn count(&self, key: &str, count: usize) -> String {
        let form = if count == 1 { "one" } else { "many" };
        self.with(&format!("{key}.{form}"), "count", count)
    }

    /// A text as markup.
    #[must_use]
    pub fn html(&self, key: &str) -> Html {
        Html(escaped(&self.say(key)))
    }

    /// A text with values as markup.
    #[must_use]
    pub fn html_with(&self, key: &str, values: &[(&str, &str)]) -> Html {
        Html(escaped(&self.locale.fill(key, values)))
    }

    /// A text as markup whose `%{time}` becomes a `<time>` element.
    #[must_use]
    pub fn at(&self, key: &str, time: Time) -> Html {
        self.at_with(key, time, &[])
    }

    /// As [`Self::at`], with other values too.
    #[must_use]
    pub fn at_with(&self, key: &str, time: Time, values: &[(&str, &str)]) -> Html {
        let text = self.locale.fill(key, values);
        let (before, after) = text.split_once("%{time}").unwrap_or((&text, ""));
        let time = time.into_markup();
        Html(format!("{}{time}{}", escaped(before), escaped(after)))
    }

    /// The zone of every time on the page: `UTC+7`.
    #[must_use]
    pub fn zone(&self) -> String {
        let (hours, minutes) = (
            self.utc_offset_minutes / 60,
            self.utc_offset_minutes.abs() % 60,
        );
        if minutes == 0 {
            format!("UTC{hours:+}")
        } else {
            format!("UTC{hours:+}:{minutes:02}")
        }
    }

    /// The versioned address of an asset.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// The first letter of the shop's name, for its mark.
    #[must_use]
    pub fn initial(&self) -> String {
        let letter = self.shop_name.trim().chars().next().unwrap_or('B');
        letter.to_uppercase().collect()
    }

    /// The other languages, with their own names.
    #[must_use]
    pub fn others(&self) -> Vec<(&'static str, &'static str)> {
        Locale::ALL
            .into_iter()
            .filter(|locale| *locale != self.locale)
            .map(|locale| match locale {
                Locale::Vi => ("vi", "Tiếng Việt"),
                Locale::En => ("en", "English"),
            })
            .collect()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand every argument over by reference"
)]
impl Frame {
    /// Hours and minutes: `14:05`.
    #[must_use]
    pub fn clock(&self, at: &Timestamp) -> Time {
        self.time(at, "%H:%M")
    }

    /// Hours, minutes, day and month: for narrow places.
    #[must_use]
    pub fn short(&self, at: &Timestamp) -> Time {
        self.time(at, self.in_language("%H:%M, %-d/%-m", "%H:%M, %-d %b"))
    }

    /// Time of day and whole date.
    #[must_use]
    pub fn long(&self, at: &Timestamp) -> Time {
        self.time(
            at,
            self.in_language("%H:%M, %-d/%-m/%Y", "%H:%M, %-d %B %Y"),
        )
    }

    /// The date alone.
    #[must_use]
    pub fn date(&self, at: &Timestamp) -> Time {
        self.time(at, self.in_language("%-d/%-m/%Y", "%-d %B %Y"))
    }

    /// Bytes as people read them: `1,2 GB` in Vietnamese, `1.2 GB` in English.
    #[must_use]
    pub fn size(&self, bytes: &u64) -> String {
        const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
        if *bytes < 1000 {
            return format!("{bytes} B");
        }
        let mut tenths = *bytes / 100;
        let mut unit = 0;
        while tenths >= 10_000 && unit + 1 < UNITS.len() {
            tenths /= 1000;
            unit += 1;
        }
        let point = self.in_language(",", ".");
        match (tenths / 10, tenths % 10) {
            (whole, tenth) if whole < 100 && tenth > 0 => {
                format!("{whole}{point}{tenth} {}", UNITS[unit])
            }
            (whole, _) => format!("{whole} {}", UNITS[unit]),
        }
    }

    fn time(&self, at: &Timestamp, format: &str) -> Time {
        Time {
            iso: at.rfc3339(),
            text: at.local(self.utc_offset_minutes, format),
        }
    }

    fn in_language(&self, vi: &'static str, en: &'static str) -> &'static str {
        match self.locale {
            Locale::Vi => vi,
            Locale::En => en,
        }
    }
}

/// A moment for people and for machines: prints as a `<time>` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    iso: String,
    text: String,
}

impl Time {
    fn into_markup(self) -> String {
        let Self { iso, text } = self;
        format!(r#"<time datetime="{iso}">{text}</time>"#)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.clone().into_markup())
    }
}

impl askama::filters::HtmlSafe for Time {}

/// Markup made here from escaped parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html(String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' | '>' | '&' | '"' | '\'' => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "&#{};", u32::from(letter));
            }
            other => safe.push(other),
        }
    }
    safe
}
