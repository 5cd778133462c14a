//! Every word that a person reads comes from `locales/`, through [`Locale`].

use std::borrow::Cow;

/// A language Bursar speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl Locale {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Vi, Self::En];

    /// BCP 47 tag, as stored and as in `lang="…"`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// The locale of a tag (`vi`, `vi-VN`, `EN`), if it is one of ours.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let language = tag
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        Self::ALL.into_iter().find(|l| l.tag() == language)
    }

    /// The text of a key, without values.
    #[must_use]
    pub fn say(self, key: &str) -> Cow<'_, str> {
        crate::_rust_i18n_translate(self.tag(), key)
    }

    /// The text of a key with `%{name}` filled in.
    #[must_use]
    pub fn fill(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut text = self.say(key).into_owned();
        for (name, value) in values {
            text = text.replace(&format!("%{{{name}}}"), value);
        }
        text
    }
}
