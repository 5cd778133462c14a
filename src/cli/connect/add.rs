//! `connect add`: asks, tries, writes. What failed is not written, unless the seller says so.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use console::Term;

use super::answers::{Answers, Given, person, variable};
use super::settings_file::SettingsFile;
use super::{Mapped, mapped, mapping, trial};
use crate::cli::doctor::Findings;
use crate::cli::{Declined, Place, say};
use crate::config::{Config, LmsConnection, Mode};
use crate::connectors::lms::{self, KINDS, Lms, RemoteCourse};
use crate::connectors::setup::Setup;

/// Answers may come from options, variables and standard input; the rest is asked at the terminal.
#[derive(Debug, Args)]
pub struct Add {
    /// What your catalogue will call it.
    name: Option<String>,
    /// Which kind of platform it is.
    #[arg(long, value_parser = kinds())]
    kind: Option<String>,
    /// A setting, such as `base_url=https://learn.example.com`; may be given several times. No secrets.
    #[arg(long, value_name = "SETTING=VALUE")]
    set: Vec<String>,
    /// A setting from an environment variable, for secrets; may be given several times.
    #[arg(long, value_name = "SETTING=VARIABLE")]
    secret_from: Vec<String>,
    /// Read settings from standard input, SETTING=VALUE on each line; secrets may be among them.
    #[arg(long)]
    stdin: bool,
    /// Where secrets are kept: in the settings `file`, or in the `environment` at every start.
    #[arg(long, value_name = "PLACE", value_parser = ["file", "environment"])]
    secrets: Option<String>,
    /// The platform's id of a course to map.
    #[arg(long, value_name = "ID")]
    course: Option<String>,
    /// The course of your catalogue that it is mapped to.
    #[arg(long, requires = "course")]
    slug: Option<String>,
    /// Your catalogue file, to put the mapping into.
    #[arg(long, value_name = "FILE", requires = "slug")]
    catalogue: Option<PathBuf>,
    /// Write it although something is wrong.
    #[arg(long)]
    despite_faults: bool,
    /// Replace the connection that has this name.
    #[arg(long)]
    replace: bool,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(KINDS.iter().map(|kind| kind.setup.kind))
}

/// A connection that was put together and tried.
struct Tried {
    lms: std::sync::Arc<dyn Lms>,
    offered: Vec<RemoteCourse>,
    wrong: usize,
}

impl Add {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let person = person();
        let mut file = SettingsFile::read(&place.file())?;
        let setup = self.chosen_kind(person.as_ref())?;
        introduce(setup);
        let name = self.chosen_name(setup, person.as_ref())?;
        ensure!(
            self.replace || !file.has("lms", &name),
            "{} has a connection {name:?} already; choose another name, or say --replace",
            file.path().display()
        );
        let answers = self.answers(setup, &name, person.as_ref())?;
        let connection = answers.connection(setup.kind)?;
        refuse_faults(&name, &connection, place)?;
        let courses = mapped(place, &name).await.unwrap_or_default();
        let mut tried = tried(&name, &connection, &courses).await?;
        let mapped = self.chosen_course(&mut tried, person.as_ref()).await?;
        self.refuse_what_is_wrong(&tried, person.as_ref())?;
        self.write(&mut file, setup, &name, &answers, person.as_ref())?;
        self.map(&name, mapped, person.as_ref())
    }

    fn chosen_kind(&self, person: Option<&Term>) -> anyhow::Result<&'static Setup> {
        let setup = |name: &str| lms::kind(name).map(|kind| &kind.setup);
        if let Some(name) = &self.kind {
            return setup(name).context("there is no such kind");
        }
        let Some(person) = person else {
            bail!("not given: --kind");
        };
        for (place, kind) in KINDS.iter().enumerate() {
            say(&format!(
                "{:>3}  {:<14} {}",
                place + 1,
                kind.setup.kind,
                kind.setup.title
            ));
        }
        loop {
            let said = line(person, "Which kind (name or number)")?;
            let numbered = said
                .parse::<usize>()
                .ok()
                .and_then(|n| KINDS.get(n.checked_sub(1)?));
            if let Some(found) = numbered.map(|kind| &kind.setup).or_else(|| setup(&said)) {
                return Ok(found);
            }
            say("There is no such kind.");
        }
    }

    fn chosen_name(&self, setup: &Setup, person: Option<&Term>) -> anyhow::Result<String> {
        match (&self.name, person) {
            (Some(name), _) => Ok(name.clone()),
            (None, None) => bail!("not given: the connection's name"),
            (None, Some(person)) => {
                let ask = format!("A name for it, which your catalogue uses [{}]", setup.kind);
                let said = line(person, &ask)?;
                Ok(if said.is_empty() {
                    setup.kind.to_owned()
                } else {
                    said
                })
            }
        }
    }

    fn answers(&self, setup: &Setup, name: &str, person: Option<&Term>) -> anyhow::Result<Answers> {
        let mut given = Given::default();
        given.options(setup, &self.set)?;
        given.variables(setup, &self.secret_from)?;
        if self.stdin {
            given.input(setup)?;
        }
        given.standing(setup, name);
        Answers::collect(setup, given, person.filter(|_| !self.stdin))
    }

    /// One of those that are listed, by number or id; where none are listed, by id.
    async fn chosen_course(
        &self,
        tried: &mut Tried,
        person: Option<&Term>,
    ) -> anyhow::Result<Option<Mapped>> {
        let course = match (&self.course, person) {
            (Some(course), _) => course.clone(),
            (None, None) => return Ok(None),
            (None, Some(person)) => match offered_course(&tried.offered, person)? {
                Some(course) => course,
                None => return Ok(None),
            },
        };
        let slug = match (&self.slug, person) {
            (Some(slug), _) => slug.clone(),
            (None, Some(person)) => line(person, "The slug of the course in your catalogue")?,
            (None, None) => String::new(),
        };
        let mapped = Mapped { slug, course };
        let mut findings = Findings::default();
        trial::find(tried.lms.as_ref(), &mapped, &mut findings).await;
        tried.wrong += findings.wrong;
        Ok(Some(mapped))
    }

    fn refuse_what_is_wrong(&self, tried: &Tried, person: Option<&Term>) -> anyhow::Result<()> {
        if tried.wrong == 0 || self.despite_faults {
            return Ok(());
        }
        if let Some(person) = person {
            let ask = format!(
                "{} thing(s) are wrong. Write it all the same? [no]",
                tried.wrong
            );
            if is_yes(&line(person, &ask)?) {
                return Ok(());
            }
        }
        let why = format!(
            "{} thing(s) to mend; nothing was written (--despite-faults writes it all the same)",
            tried.wrong
        );
        Err(Declined(why).into())
    }

    fn write(
        &self,
        file: &mut SettingsFile,
        setup: &Setup,
        name: &str,
        answers: &Answers,
        person: Option<&Term>,
    ) -> anyhow::Result<()> {
        let loose = answers.loose_secrets();
        let in_file = match (&self.secrets, person) {
            _ if loose.is_empty() => false,
            (Some(chosen), _) => chosen == "file",
            (None, None) => true,
            (None, Some(person)) => {
                let ask = format!("Write the secrets into {}? [yes]", file.path().display());
                let said = line(person, &ask)?;
                said.is_empty() || is_yes(&said)
            }
        };
        ensure!(
            in_file || loose.is_empty() || !name.contains('-'),
            "no variable can have a - in its name: choose another name for the connection"
        );
        let variables = || loose.iter().map(|setting| variable(name, setting));
        let mut remark = vec!["# Added by `bursar connect add`.".to_owned()];
        if !in_file && !loose.is_empty() {
            let names: Vec<String> = variables().collect();
            remark.push(format!(
                "# Its secrets are in the environment: {}",
                names.join(", ")
            ));
        }
        let remark = remark.join("\n") + "\n";
        let table = answers.written(setup.kind, in_file)?;
        file.put("lms", name, table, &remark)?;
        file.write(in_file)?;
        say(&format!(
            "written: [lms.{name}] in {}",
            file.path().display()
        ));
        if !in_file {
            for variable in variables() {
                say(&format!("set {variable} wherever Bursar starts"));
            }
        }
        say("a server that is running knows it after its next start");
        Ok(())
    }

    fn map(&self, name: &str, mapped: Option<Mapped>, person: Option<&Term>) -> anyhow::Result<()> {
        let Some(mapped) = mapped else {
            return Ok(());
        };
        let file = match (&self.catalogue, person) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(person)) if !mapped.slug.is_empty() => {
                let said = line(person, "Your catalogue file, to put it into [only show it]")?;
                (!said.is_empty()).then(|| PathBuf::from(said))
            }
            _ => None,
        };
        let Some(file) = file else {
            say(&format!(
                "put this below the course {} of your catalogue, restart, and import it:\n\n{}",
                mapped.slug,
                mapping::lines(name, &mapped.course)
            ));
            return Ok(());
        };
        mapping::put(&file, name, &mapped)?;
        say(&format!(
            "mapped {} in {}; restart, then: bursar catalogue import {}",
            mapped.slug,
            file.display(),
            file.display()
        ));
        Ok(())
    }
}

fn introduce(setup: &Setup) {
    say(setup.title);
    say(setup.before);
    if !setup.guide.is_empty() {
        say(&format!("Step by step: {}", setup.guide));
    }
}

/// The rules of the settings, for this connection alone: the rest of the file may not be ready yet.
fn refuse_faults(name: &str, connection: &LmsConnection, place: &Place) -> anyhow::Result<()> {
    let mut config = Config {
        mode: place.settings().map_or(Mode::default(), |known| known.mode),
        ..Config::default()
    };
    config.lms.insert(name.to_owned(), connection.clone());
    let at = format!("lms.{name}");
    let faults = config.faults();
    let ours = faults.iter().filter(|fault| fault.setting.starts_with(&at));
    let list: Vec<String> = ours
        .map(|fault| format!("  {} {}. {}.", fault.setting, fault.what, fault.remedy))
        .collect();
    ensure!(
        list.is_empty(),
        "this cannot be a connection:\n{}",
        list.join("\n")
    );
    Ok(())
}

async fn tried(
    name: &str,
    connection: &LmsConnection,
    courses: &[Mapped],
) -> anyhow::Result<Tried> {
    let lms = lms::connect(connection)?;
    let mut findings = Findings::default();
    trial::examine(name, lms.as_ref(), courses, &mut findings).await;
    let offered = if findings.wrong == 0 {
        trial::listed(lms.as_ref(), &mut findings).await
    } else {
        Vec::new()
    };
    Ok(Tried {
        lms,
        offered,
        wrong: findings.wrong,
    })
}

fn offered_course(offered: &[RemoteCourse], person: &Term) -> anyhow::Result<Option<String>> {
    for (place, course) in offered.iter().enumerate() {
        say(&format!(
            "{:>3}  {:<30} {}",
            place + 1,
            course.id,
            course.title
        ));
    }
    let ask = if offered.is_empty() {
        "A course there that you will sell, by its id [none]"
    } else {
        "Which of these will you sell first, by number or id [none]"
    };
    let said = line(person, ask)?;
    let numbered = said.parse::<usize>().ok();
    let chosen = numbered.and_then(|number| offered.get(number.checked_sub(1)?));
    let id = chosen.map_or(said, |course| course.id.clone());
    Ok((!id.is_empty()).then_some(id))
}

fn line(person: &Term, ask: &str) -> anyhow::Result<String> {
    person.write_str(&format!("{ask}: "))?;
    let said = person.read_line().context("reading the answer")?;
    Ok(said.trim().to_owned())
}

fn is_yes(said: &str) -> bool {
    ["y", "yes"].contains(&said.to_lowercase().as_str())
}
