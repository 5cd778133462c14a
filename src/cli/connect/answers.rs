//! Where the answers come from: options, environment, standard input, then the person at the terminal.
//! A secret is never taken from the command line, where other users of the machine could read it, and
//! never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Read};

use anyhow::{Context, bail, ensure};
use console::Term;
use toml_edit::{DocumentMut, Table, Value};

use crate::cli::say;
use crate::config::LmsConnection;
use crate::connectors::setup::{Form, Question, Setup};

/// Longer than any setting.
const LONGEST: usize = 4096;
/// More than all settings of a connection.
const LONGEST_INPUT: u64 = 64 * 1024;

/// The person, where there is one: who can be asked, and read what is asked.
pub(super) fn person() -> Option<Term> {
    let there = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    there.then(Term::stderr)
}

/// What a script gave.
#[derive(Default)]
pub(super) struct Given {
    values: BTreeMap<String, String>,
    /// Those that stand in variables which Bursar reads by itself at every start.
    standing: BTreeSet<String>,
}

impl Given {
    /// `SETTING=VALUE` of the command line.
    pub fn options(&mut self, setup: &Setup, pairs: &[String]) -> anyhow::Result<()> {
        for pair in pairs {
            let (question, value) = split(setup, pair)?;
            ensure!(
                question.form != Form::Secret,
                "{} is a secret: other users could read it from the command line; give it with \
                 --secret-from {}=VARIABLE or --stdin",
                question.setting,
                question.setting
            );
            self.values
                .insert(question.setting.to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// `SETTING=VARIABLE` of the command line.
    pub fn variables(&mut self, setup: &Setup, pairs: &[String]) -> anyhow::Result<()> {
        for pair in pairs {
            let (question, variable) = split(setup, pair)?;
            let value = std::env::var(variable)
                .ok()
                .with_context(|| format!("the variable {variable} is not set"))?;
            self.values.insert(question.setting.to_owned(), value);
        }
        Ok(())
    }

    /// `SETTING=VALUE` on each line of standard input.
    pub fn input(&mut self, setup: &Setup) -> anyhow::Result<()> {
        let mut text = String::new();
        let mut input = std::io::stdin().lock().take(LONGEST_INPUT);
        input
            .read_to_string(&mut text)
            .context("reading standard input")?;
        ensure!(
            (text.len() as u64) < LONGEST_INPUT,
            "standard input is too long"
        );
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            // The line itself may be a secret: it is not quoted.
            let (setting, value) = line
                .split_once('=')
                .context("a line of standard input is not SETTING=VALUE")?;
            let question = known(setup, setting.trim())?;
            self.values
                .insert(question.setting.to_owned(), value.trim().to_owned());
        }
        Ok(())
    }

    /// The variables that win over the file anyway.
    pub fn standing(&mut self, setup: &Setup, name: &str) {
        for question in setup.questions {
            let value = std::env::var(variable(name, question.setting)).unwrap_or_default();
            if !value.is_empty() {
                self.values.insert(question.setting.to_owned(), value);
                self.standing.insert(question.setting.to_owned());
            }
        }
    }
}

/// The variable that gives this setting of a connection.
pub(super) fn variable(name: &str, setting: &str) -> String {
    let path = format!("lms.{name}.{setting}").replace('.', "__");
    format!("BURSAR_{}", path.to_uppercase())
}

/// Every question answered.
pub(super) struct Answers {
    settings: Vec<(&'static Question, String)>,
    standing: BTreeSet<String>,
}

impl Answers {
    /// From what was given, then from the person, then as the question says.
    pub fn collect(setup: &Setup, given: Given, person: Option<&Term>) -> anyhow::Result<Self> {
        let mut settings = Vec::new();
        let mut missing = Vec::new();
        for question in setup.questions {
            let value = match (
                given.values.get(question.setting),
                person,
                question.otherwise,
            ) {
                (Some(value), ..) => checked(question, value)
                    .map_err(|what| anyhow::anyhow!("{} {what}", question.setting))?,
                (None, Some(person), _) => ask(question, person)?,
                (None, None, Some(otherwise)) => otherwise.to_owned(),
                (None, None, None) => {
                    missing.push(question.setting);
                    continue;
                }
            };
            settings.push((question, value));
        }
        ensure!(
            missing.is_empty(),
            "not given: {}. Give them with --set, --secret-from or --stdin, or call this at a terminal",
            missing.join(", ")
        );
        let standing = given.standing;
        Ok(Self { settings, standing })
    }

    /// Secrets that are not in a standing variable: they must be kept somewhere.
    pub fn loose_secrets(&self) -> Vec<&'static str> {
        let all = self.settings.iter();
        all.filter(|(question, value)| question.form == Form::Secret && !value.is_empty())
            .map(|(question, _)| question.setting)
            .filter(|setting| !self.standing.contains(*setting))
            .collect()
    }

    /// As the connector will be made.
    pub fn connection(&self, kind: &str) -> anyhow::Result<LmsConnection> {
        let mut document = DocumentMut::new();
        *document.as_table_mut() = self.table(kind, |_| true)?;
        let text = document.to_string();
        toml::from_str(&text).map_err(|e| {
            // The whole error would quote the text, and a secret with it.
            anyhow::anyhow!("these answers make no connection: {}", e.message())
        })
    }

    /// As the file will have it; what a variable gives stays out.
    pub fn written(&self, kind: &str, with_secrets: bool) -> anyhow::Result<Table> {
        let loose = self.loose_secrets();
        self.table(kind, |setting| {
            let is_secret = loose.contains(&setting);
            !self.standing.contains(setting) && (with_secrets || !is_secret)
        })
    }

    fn table(&self, kind: &str, keep: impl Fn(&str) -> bool) -> anyhow::Result<Table> {
        let mut table = Table::new();
        table.insert("kind", toml_edit::value(kind));
        let kept = self
            .settings
            .iter()
            .filter(|(question, value)| keep(question.setting) && !value.is_empty());
        for (question, value) in kept {
            let value = match question.form {
                Form::YesNo => Value::from(value == "yes"),
                Form::Number => Value::from(value.parse::<i64>()?),
                _ => Value::from(value.as_str()),
            };
            let (section, setting) = question
                .setting
                .split_once('.')
                .unwrap_or(("", question.setting));
            let place = if section.is_empty() {
                &mut table
            } else {
                let entry = table.entry(section);
                let inside = entry.or_insert_with(|| Table::new().into());
                inside.as_table_mut().context("a section is not a table")?
            };
            place.insert(setting, value.into());
        }
        Ok(table)
    }
}

fn split<'p>(setup: &Setup, pair: &'p str) -> anyhow::Result<(&'static Question, &'p str)> {
    let Some((setting, value)) = pair.split_once('=') else {
        bail!("an option is not SETTING=VALUE");
    };
    Ok((known(setup, setting)?, value))
}

fn known(setup: &Setup, setting: &str) -> anyhow::Result<&'static Question> {
    setup.question(setting).with_context(|| {
        let all: Vec<&str> = setup.questions.iter().map(|q| q.setting).collect();
        format!(
            "{setting:?} is not asked for this kind; there are: {}",
            all.join(", ")
        )
    })
}

/// Until the answer is one.
fn ask(question: &Question, person: &Term) -> anyhow::Result<String> {
    if let Form::Choice(words) = question.form {
        say(&format!("{}:", question.ask));
        for (word, meaning) in words {
            say(&format!("  {word:<10} {meaning}"));
        }
    }
    loop {
        let said = read(question, person)?;
        let said = match (said.trim(), question.otherwise) {
            ("", Some(otherwise)) => otherwise,
            (said, _) => said,
        };
        match checked(question, said) {
            Ok(value) => return Ok(value),
            Err(what) => say(&format!("That {what}.")),
        }
    }
}

fn read(question: &Question, person: &Term) -> anyhow::Result<String> {
    let ask = match question.form {
        Form::Choice(_) => "Which",
        _ => question.ask,
    };
    let usual = match question.otherwise {
        Some(usual) if !usual.is_empty() => format!(" [{usual}]"),
        _ => String::new(),
    };
    person.write_str(&format!("{ask}{usual}: "))?;
    let read = if question.form == Form::Secret {
        person.read_secure_line()
    } else {
        person.read_line()
    };
    read.context("reading the answer")
}

/// The answer as it is written down, or what is wrong with it: never the answer itself.
fn checked(question: &Question, said: &str) -> Result<String, String> {
    let said = said.trim();
    if said.is_empty() {
        return match question.otherwise {
            Some(_) => Ok(String::new()),
            None => Err("is missing".to_owned()),
        };
    }
    if said.chars().any(char::is_control) || said.len() > LONGEST {
        return Err("has a line break in it or is too long".to_owned());
    }
    match question.form {
        Form::Line | Form::Secret => Ok(said.to_owned()),
        Form::Address if said.starts_with("https://") || said.starts_with("http://") => {
            Ok(said.trim_end_matches('/').to_owned())
        }
        Form::Address => Err("does not begin with https://".to_owned()),
        Form::Number if said.parse::<u32>().is_ok() => Ok(said.to_owned()),
        Form::Number => Err("is not a whole number".to_owned()),
        Form::YesNo => match said.to_lowercase().as_str() {
            "y" | "yes" | "true" => Ok("yes".to_owned()),
            "n" | "no" | "false" => Ok("no".to_owned()),
            _ => Err("is neither yes nor no".to_owned()),
        },
        Form::Choice(words) if words.iter().any(|(word, _)| *word == said) => Ok(said.to_owned()),
        Form::Choice(words) => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(format!("is none of {}", words.join(", ")))
        }
    }
}
