//! `connect add`, `list`, `test`: connections to learning platforms. Kinds and their questions come
//! from the connectors' own table (`connectors::lms::KINDS`); no kind is named here.

use clap::Subcommand;

use super::Place;
use super::doctor::Findings;
use crate::config::{LmsConnection, without_password};
use crate::connectors::lms;
use crate::error::Error;
use crate::model::catalogue;
use crate::model::course::Benefit;

mod add;
mod answers;
mod mapping;
mod settings_file;
mod trial;

/// What to do with connections.
#[derive(Debug, Subcommand)]
pub enum Connect {
    /// Ask what is needed, try it, and write it into the settings.
    Add(add::Add),
    /// Print every connection of the settings; never a secret.
    List,
    /// Try a connection: address, credentials, rights, and every course that is mapped to it.
    Test {
        /// The connection's name.
        name: String,
    },
}

/// A course of the catalogue and its id on the platform.
struct Mapped {
    slug: String,
    course: String,
}

impl Connect {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run(place).await,
            Self::List => list(place).await,
            Self::Test { name } => test(place, name).await,
        }
    }
}

async fn list(place: &Place) -> anyhow::Result<()> {
    let config = place.settings()?;
    for (name, connection) in &config.lms {
        let courses = mapped(place, name).await;
        let courses = courses.map_or("?".to_owned(), |courses| courses.len().to_string());
        let (kind, address) = (&connection.kind, address(connection));
        super::say(&format!(
            "{name:<20} {kind:<14} {courses:>4} course(s)  {address}"
        ));
    }
    Ok(())
}

fn address(connection: &LmsConnection) -> String {
    let own = connection.confirm.as_ref().map(|confirm| &confirm.url);
    let address = own.filter(|_| connection.base_url.is_empty());
    // What follows a question mark may be a key.
    without_password(address.unwrap_or(&connection.base_url))
}

async fn test(place: &Place, name: &str) -> anyhow::Result<()> {
    let config = place.settings()?;
    let Some(connection) = config.lms.get(name) else {
        let known: Vec<&str> = config.lms.keys().map(String::as_str).collect();
        anyhow::bail!(
            "there is no connection {name:?}; there are: {}",
            known.join(", ")
        );
    };
    let mut findings = Findings::default();
    let courses = mapped(place, name).await.unwrap_or_default();
    let lms = lms::connect(connection)?;
    trial::examine(name, lms.as_ref(), &courses, &mut findings).await;
    anyhow::ensure!(findings.wrong == 0, "{} thing(s) to mend", findings.wrong);
    Ok(())
}

/// The courses of the stored catalogue that this connection serves; `None` where it cannot be read,
/// as before the first start.
async fn mapped(place: &Place, name: &str) -> Option<Vec<Mapped>> {
    let (_, db) = place.to_read().await.ok()?;
    let read = db.read(|tx| Box::pin(catalogue::load(tx))).await;
    let stored = read.map_err(Error::into_anyhow).ok()?;
    let mut found = Vec::new();
    for course in &stored.courses {
        for benefit in &course.benefits {
            match benefit {
                Benefit::Enrolment {
                    connection,
                    course: id,
                } if connection == name => found.push(Mapped {
                    slug: course.slug.as_str().to_owned(),
                    course: id.clone(),
                }),
                _ => {}
            }
        }
    }
    Some(found)
}
