//! One thing wrong with the settings: where it stands, what is wrong, what to do.
//! It never carries the value of a secret; values of other settings it may quote.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file as a whole: it cannot be read.
    File(PathBuf),
    /// A line of the file, counted from 1.
    Line(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// Nowhere: it is missing, or the configuration was made by the program itself.
    Unset,
}

/// One fault, for the person who keeps the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where it stands.
    pub place: Place,
    /// The setting's path, `payments.accounts.0.number`; empty for a file as a whole.
    pub setting: String,
    /// What is wrong: a phrase that follows the setting's name ("must be …").
    pub what: String,
    /// What to do: a sentence's worth of advice.
    pub remedy: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Unset => f.write_str("not set"),
        }
    }
}

/// `bursar.toml, line 12: payments.tolerance is -5. Give a whole number from 0 to 100000.`
impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.setting.is_empty() {
            write!(f, "{} ", self.setting)?;
        }
        write!(f, "{}. {}.", self.what, self.remedy)
    }
}

impl std::error::Error for ConfigFault {}
