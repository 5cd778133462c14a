//! `doctor`: tries every connection that the settings name, looks into the books for what is open,
//! changes nothing that it does not undo, and says what is wrong in words a seller can act on. Ends with a failure when
//! anything is.

use super::Place;
use crate::app;
use crate::config::{Config, without_password};
use crate::connectors::Connectors;
use crate::connectors::lms::Lms;
use crate::connectors::stores::{CONTENT, canary, manifest};
use crate::db::Db;
use crate::error::Error;
use crate::id::Mint;
use crate::model;
use crate::model::catalogue::{self, Catalogue};
use crate::model::course::Benefit;

mod books;
mod stamps;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) wrong: usize,
}

impl Findings {
    pub(super) fn note<T: std::fmt::Display, E: std::fmt::Display>(
        &mut self,
        what: &str,
        found: Result<T, E>,
    ) {
        match found {
            Ok(good) => super::say(&format!("ok     {what}: {good}")),
            Err(bad) => {
                self.wrong += 1;
                super::say(&format!("WRONG  {what}: {bad}"));
            }
        }
    }
}

pub(super) async fn run(place: &Place) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    let config = place.settings()?;
    findings.note("settings", Ok::<_, &str>("every rule is kept"));
    let stored = database(&config, &mut findings).await;
    let accounts = app::check(&config).map(|()| "a QR code can be made for each");
    findings.note("accounts", accounts);
    let world = Connectors::from_config(&config)?;
    findings.note("mail", world.mail.ping().await);
    for (name, lms) in &world.lms {
        connection(name, lms.as_ref(), &mut findings).await;
    }
    stores(&config, &world, &mut findings).await;
    drives(&world, &mut findings).await;
    gateways(&world, &config.public_url, &mut findings).await;
    if let Some((db, stored)) = stored {
        courses(&stored, &world, &config, &mut findings).await;
        books::examine(&db, &config, &world, &mut findings).await;
    }
    anyhow::ensure!(findings.wrong == 0, "{} thing(s) to mend", findings.wrong);
    Ok(())
}

/// Address and credentials, then every right that is missing, each with what to do about it.
pub(super) async fn connection(name: &str, lms: &dyn Lms, findings: &mut Findings) {
    let what = format!("connection {name}");
    let reached = lms.ping().await;
    let is_reached = reached.is_ok();
    findings.note(&what, reached);
    if !is_reached {
        return;
    }
    match lms.missing_rights().await {
        Err(fault) => findings.note(&what, Err::<&str, _>(fault)),
        Ok(missing) if missing.is_empty() => {
            findings.note(&what, Ok::<_, &str>("no right is missing"));
        }
        Ok(missing) => {
            for right in missing {
                findings.note(&what, Err::<&str, _>(right));
            }
        }
    }
}

async fn database(config: &Config, findings: &mut Findings) -> Option<(Db, Catalogue)> {
    let shown = without_password(&config.database);
    let opened = Db::open_to_read(&config.database, &model::statements()).await;
    let db = match opened {
        Ok(db) => db,
        Err(e) => {
            findings.note("database", Err::<&str, _>(format!("{e:#}")));
            return None;
        }
    };
    findings.note("database", Ok::<_, &str>(shown));
    let stored = db
        .read(|tx| Box::pin(catalogue::load(tx)))
        .await
        .map_err(Error::into_anyhow);
    let counted = stored
        .as_ref()
        .map(|c| format!("{} course(s) on sale", c.courses.len()));
    findings.note("catalogue", counted);
    Some((db, stored.ok()?))
}

/// Every place for files is there; where versions are kept, a file can be written too.
async fn stores(config: &Config, world: &Connectors, findings: &mut Findings) {
    let mint = Mint::system();
    for (name, store) in &world.stores {
        let keeps = *name == config.content.store && store.abilities().writes;
        if !keeps && name == CONTENT && !config.stores.contains_key(name) {
            continue;
        }
        let canary = format!("bursar-canary-{}", hex::encode(&mint.key()[..8]));
        let tried = canary::try_out(store.as_ref(), &canary, keeps).await;
        findings.note(&format!("store {name}"), tried);
    }
}

/// Every Drive says what delivery needs of it. A small file is written there, read, and removed.
async fn drives(world: &Connectors, findings: &mut Findings) {
    for (name, drive) in &world.drives {
        for finding in drive.inspect().await {
            let verdict = if finding.sound {
                Ok(finding.what)
            } else {
                Err(finding.what)
            };
            findings.note(&format!("drive {name}"), verdict);
        }
    }
}

/// Every gateway with an API says how the seller's settings over there look.
async fn gateways(world: &Connectors, public_url: &str, findings: &mut Findings) {
    for (name, teller) in &world.tellers {
        let gateway = format!("gateway {name}");
        match teller.inspect(public_url).await {
            Err(fault) => findings.note(&gateway, Err::<&str, _>(fault)),
            Ok(found) => {
                for finding in found {
                    let verdict = if finding.sound {
                        Ok(finding.what)
                    } else {
                        Err(finding.what)
                    };
                    findings.note(&gateway, verdict);
                }
            }
        }
    }
}

/// Every course is where the catalogue says.
async fn courses(stored: &Catalogue, world: &Connectors, config: &Config, findings: &mut Findings) {
    for course in &stored.courses {
        for benefit in &course.benefits {
            let what = format!("course {}", course.slug);
            match benefit {
                Benefit::Enrolment { connection, course } => {
                    let Some(lms) = world.lms.get(connection) else {
                        let todo = format!(
                            "no connection is called {connection}: add [lms.{connection}] to the \
                             settings, or mend the catalogue"
                        );
                        findings.note(&what, Err::<&str, _>(todo));
                        continue;
                    };
                    let found = lms.find_course(course).await;
                    let found = found.map_err(|fault| fault.to_string()).and_then(|found| {
                        found.ok_or(format!(
                            "{connection} has no course {course}: make it there, or mend its id in \
                             the catalogue"
                        ))
                    });
                    findings.note(&what, found.map(|remote| remote.id));
                }
                Benefit::Files {
                    source,
                    folder,
                    stamp,
                    ..
                } => {
                    let Some(store) = world.stores.get(source) else {
                        findings.note(&what, Err::<&str, _>(format!("no source {source}")));
                        continue;
                    };
                    let files = manifest::of(store.as_ref(), folder).await;
                    findings.note(&what, files.map(|m| format!("{} file(s)", m.files.len())));
                    if *stamp {
                        let settings = &config.downloads.stamp;
                        stamps::examine(&what, store.as_ref(), folder, settings, findings).await;
                    }
                }
            }
        }
    }
}
