//! What differs between the databases: here and nowhere else. One text wherever both read it the same.

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, inside the process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// One statement, `$1`-style parameters, prepared once at start on the database in use.
#[derive(Debug, PartialEq, Eq)]
pub struct Sql {
    /// For SQLite.
    pub lite: &'static str,
    /// For PostgreSQL.
    pub pg: &'static str,
}

impl Sql {
    /// The same text for both.
    #[must_use]
    pub const fn same(text: &'static str) -> Self {
        Self {
            lite: text,
            pg: text,
        }
    }

    /// The text for one database.
    #[must_use]
    pub fn text(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Sqlite => self.lite,
            Kind::Postgres => self.pg,
        }
    }
}

/// A migration's text for one database: `{bytes}` is its type for bytes; a line that starts with
/// `--pg ` or `--lite ` is real on that database only. Lines keep their numbers.
#[must_use]
pub fn migration(kind: Kind, text: &str) -> String {
    let (ours, theirs, bytes) = match kind {
        Kind::Sqlite => ("--lite ", "--pg ", "BLOB"),
        Kind::Postgres => ("--pg ", "--lite ", "BYTEA"),
    };
    let mut rendered = String::with_capacity(text.len());
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(real) = bare.strip_prefix(ours) {
            rendered.push_str(real);
        } else if !bare.starts_with(theirs) {
            rendered.push_str(line);
        }
        rendered.push('\n');
    }
    rendered.replace("{bytes}", bytes)
}

/// PostgreSQL cannot keep a zero byte in a text. Both refuse it alike, or a test on one database
/// would pass what the other loses.
pub(super) fn storable(text: &str) -> anyhow::Result<&str> {
    anyhow::ensure!(
        !text.contains('\0'),
        "a text with a zero byte cannot be stored"
    );
    Ok(text)
}

/// Names the statements of a module and lists them in `STATEMENTS`, which `model::STATEMENTS`
/// gathers so that start-up can prepare each of them. Two texts where the databases differ:
/// `NAME = "sqlite text" | "postgres text";`
#[macro_export]
macro_rules! statements {
    ($($name:ident = $lite:literal $(| $pg:literal)?;)*) => {
        $(static $name: $crate::db::Sql = $crate::statements!(@one $lite $(, $pg)?);)*
        /// Every statement of this module, for preparation at start.
        pub static STATEMENTS: &[&$crate::db::Sql] = &[$(&$name),*];
    };
    (@one $same:literal) => { $crate::db::Sql::same($same) };
    (@one $lite:literal, $pg:literal) => { $crate::db::Sql { lite: $lite, pg: $pg } };
}
