//! Parameters as Stripe takes them: URL-encoded, with brackets for what is inside
//! (`line_items[0][price_data][currency]`). Order does not matter; of one name twice the last counts,
//! unless it ends in `[]`.

use url::form_urlencoded;

/// Decoded parameters, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Of a query or of a body.
    pub fn parse(text: &[u8]) -> Self {
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(text).into_owned().collect();
        pairs.sort();
        Self(pairs)
    }

    /// All of it, for comparing and for the log.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The values of a list: `types[]=a&types[]=b` or `types[0]=a&types[1]=b`.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let beginning = format!("{name}[");
        let rows = self.0.iter();
        rows.filter(|(known, _)| known.starts_with(&beginning))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The pairs of a map: `metadata[a]=b`, which may be inside of something.
    pub fn map(&self, name: &str) -> Vec<(String, String)> {
        let beginning = format!("{name}[");
        let pairs = self.0.iter();
        pairs
            .filter_map(|(known, value)| {
                let key = known.strip_prefix(&beginning)?.strip_suffix(']')?;
                Some((key.to_owned(), value.clone()))
            })
            .collect()
    }

    /// Something begins so.
    pub fn has(&self, beginning: &str) -> bool {
        self.0.iter().any(|(known, _)| known.starts_with(beginning))
    }

    /// The first parameter whose name, without what is in brackets, is none of these.
    pub fn unknown(&self, known: &[&str]) -> Option<&str> {
        let names = self.0.iter().map(|(name, _)| {
            let end = name.find('[').unwrap_or(name.len());
            &name[..end]
        });
        names.into_iter().find(|name| !known.contains(name))
    }
}
