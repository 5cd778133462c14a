//! What a seller is asked to connect something: questions as data, one list for each kind of
//! connection. Who asks, and where the answers go, is `cli::connect`'s affair.

/// A kind of connection.
#[derive(Debug)]
pub struct Setup {
    /// As the settings' `kind` has it.
    pub kind: &'static str,
    /// For a list to choose from.
    pub title: &'static str,
    /// The page that tells how to set up the other side; empty where there is none.
    pub guide: &'static str,
    /// What a seller must know or have before the first question.
    pub before: &'static str,
    /// In the order in which they are asked.
    pub questions: &'static [Question],
    /// It only pretends: production refuses it.
    pub pretends: bool,
}

/// One setting.
#[derive(Debug)]
pub struct Question {
    /// Its path below the connection: `base_url`, `scim.token`.
    pub setting: &'static str,
    /// What to ask.
    pub ask: &'static str,
    /// What an answer is.
    pub form: Form,
    /// The answer when none is given; an empty one leaves the setting out. `None`: there must be one.
    pub otherwise: Option<&'static str>,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A line of text.
    Line,
    /// An address that begins with https://; a slash at its end is taken off.
    Address,
    /// A line that is never shown, and never taken from the command line.
    Secret,
    /// A whole number, 0 or more.
    Number,
    /// Yes or no.
    YesNo,
    /// One of these words, each with what it means.
    Choice(&'static [(&'static str, &'static str)]),
}

impl Setup {
    /// The question of this setting.
    #[must_use]
    pub fn question(&self, setting: &str) -> Option<&'static Question> {
        self.questions.iter().find(|q| q.setting == setting)
    }
}

impl Question {
    /// A line that must be given.
    #[must_use]
    pub const fn line(setting: &'static str, ask: &'static str) -> Self {
        Self::new(setting, ask, Form::Line)
    }

    /// An address that must be given.
    #[must_use]
    pub const fn address(setting: &'static str, ask: &'static str) -> Self {
        Self::new(setting, ask, Form::Address)
    }

    /// A secret that must be given.
    #[must_use]
    pub const fn secret(setting: &'static str, ask: &'static str) -> Self {
        Self::new(setting, ask, Form::Secret)
    }

    /// A whole number that must be given.
    #[must_use]
    pub const fn number(setting: &'static str, ask: &'static str) -> Self {
        Self::new(setting, ask, Form::Number)
    }

    /// Yes or no; no, when nothing is said.
    #[must_use]
    pub const fn yes_no(setting: &'static str, ask: &'static str) -> Self {
        Self::new(setting, ask, Form::YesNo).or("no")
    }

    /// A choice that must be made.
    #[must_use]
    pub const fn choice(
        setting: &'static str,
        ask: &'static str,
        of: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::new(setting, ask, Form::Choice(of))
    }

    /// The same, answered so when no answer is given; an empty text leaves the setting out.
    #[must_use]
    pub const fn or(self, answer: &'static str) -> Self {
        Self {
            otherwise: Some(answer),
            ..self
        }
    }

    const fn new(setting: &'static str, ask: &'static str, form: Form) -> Self {
        Self {
            setting,
            ask,
            form,
            otherwise: None,
        }
    }
}
