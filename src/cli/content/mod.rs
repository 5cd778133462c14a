//! `content publish`, `content list`, `content show`: versions of course files. Publishing runs in
//! this process, beside a server; stopped in any way, the same command goes on where it was.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use super::{Declined, Place};
use crate::app::publish::{self, Press, Published, Trouble, Watcher};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::connectors::stores;
use crate::db::Db;
use crate::error::Error;
use crate::id::Mint;
use crate::model::content::{self, Plan, Rule, Version, files};
use crate::model::course::{self, Benefit, Slug};

mod bar;

/// Seconds before a file is tried again after a fault that passes.
const PAUSES: [u64; 5] = [1, 2, 5, 15, 60];

/// What to do with versions of course files.
#[derive(Debug, Subcommand)]
pub enum Content {
    /// Store the files of a course as its next version, and give it to buyers once all are there.
    Publish {
        /// The course's slug.
        course: String,
        /// Who bought before keeps the version they have.
        #[arg(long)]
        only_new_buyers: bool,
    },
    /// Print every version of every course.
    List,
    /// Print the files of a version, with their checksums.
    Show {
        /// The course's slug.
        course: String,
        /// The version's number; else the newest that is ready.
        number: Option<i64>,
    },
}

impl Content {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Publish {
                course,
                only_new_buyers,
            } => publish_course(place, course, *only_new_buyers).await,
            Self::List => {
                let (config, db) = place.to_read().await?;
                list(&config, &db).await
            }
            Self::Show { course, number } => {
                let (_, db) = place.to_read().await?;
                show(&db, course, *number).await
            }
        }
    }
}

async fn publish_course(place: &Place, course: &str, only_new: bool) -> anyhow::Result<()> {
    let (config, db) = place.beside().await?;
    let folders = folders_of(&db, course).await?;
    let press = press(&config, db).await?;
    let rule = if only_new { Rule::New } else { Rule::All };
    for (source, folder) in folders {
        let plan = Plan {
            course: course.to_owned(),
            source,
            folder,
            rule,
            store: config.content.store.clone(),
        };
        let said = match patiently(&press, &plan).await {
            Ok(published) => sentence(&published),
            Err(Trouble::Inside(error)) => return Err(error.into_anyhow()),
            Err(Trouble::Store(fault)) => anyhow::bail!("{}: {fault}", plan.folder),
            Err(other) => return Err(Declined(format!("{}: {other}", plan.folder)).into()),
        };
        super::say(&said);
    }
    Ok(())
}

async fn press(config: &Config, db: Db) -> anyhow::Result<Press> {
    let clock = Clock::system();
    clock.correct(db.now().await.map_err(Error::into_anyhow)?);
    Ok(Press {
        stores: stores::open(config)?,
        db,
        clock,
        mint: Mint::system(),
        actor: super::operator(),
        pauses: PAUSES.map(Duration::from_secs).to_vec(),
    })
}

/// A claim that is held is waited for: it runs out by itself where its process died.
async fn patiently(press: &Press, plan: &Plan) -> Result<Published, Trouble> {
    let mut waited = false;
    loop {
        let bar: Arc<dyn Watcher> = Arc::new(bar::Bar::new());
        match publish::publish(press, plan, &bar).await {
            Err(Trouble::Held { until }) if !waited => {
                let left = until.since(press.clock.now()) + Duration::from_secs(1);
                let seconds = left.as_secs();
                super::remark(&format!(
                    "{}: another process publishes it, or did until a moment ago; waiting {seconds} s",
                    plan.folder
                ));
                tokio::time::sleep(left).await;
                waited = true;
            }
            ended => return ended,
        }
    }
}

fn sentence(published: &Published) -> String {
    let (version, what) = match published {
        Published::Ready(version) => (version, "is published"),
        Published::Same(version) => (version, "is these very files already: nothing was changed"),
    };
    let who = match version.rule {
        Rule::All => "every buyer gets it",
        Rule::New => "who buys from now on gets it",
    };
    let Version {
        course,
        number,
        sealed,
        ..
    } = version;
    let files = sealed.as_ref().map_or(0, |sealed| sealed.files);
    match published {
        Published::Ready(_) => format!("{course}: version {number} {what} ({files} files); {who}"),
        Published::Same(_) => format!("{course}: version {number} {what}"),
    }
}

/// Source and folder of each promise of files.
async fn folders_of(db: &Db, course: &str) -> anyhow::Result<Vec<(String, String)>> {
    let declined = |why: String| anyhow::Error::new(Declined(why));
    let slug = Slug::parse(course)
        .map_err(|_| declined(format!("there is no course {course:?} in the catalogue")))?;
    let found = db
        .read(move |tx| Box::pin(async move { course::by_slug(tx, &slug).await }))
        .await
        .map_err(Error::into_anyhow)?;
    let found =
        found.ok_or_else(|| declined(format!("there is no course {course:?} in the catalogue")))?;
    let folders = found
        .benefits
        .into_iter()
        .filter_map(|benefit| match benefit {
            Benefit::Files { source, folder, .. } => Some((source, folder)),
            Benefit::Enrolment { .. } => None,
        });
    let folders: Vec<_> = folders.collect();
    if folders.is_empty() {
        return Err(declined(format!("the course {course:?} promises no files")));
    }
    Ok(folders)
}

async fn list(config: &Config, db: &Db) -> anyhow::Result<()> {
    let versions = db.read(|tx| Box::pin(content::all(tx))).await;
    let versions = versions.map_err(Error::into_anyhow)?;
    let mut text = String::new();
    for version in &versions {
        tell(version, config.shop.utc_offset_minutes, &mut text)?;
    }
    super::print(&text)
}

fn tell(version: &Version, offset: i32, out: &mut String) -> fmt::Result {
    let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M");
    let state = match &version.sealed {
        Some(sealed) => format!(
            "ready {}, {} file(s), {} bytes",
            time(sealed.at),
            sealed.files,
            sealed.bytes
        ),
        None => format!("not finished, begun {}", time(version.created_at)),
    };
    let who = match version.rule {
        Rule::All => "for every buyer",
        Rule::New => "for new buyers",
    };
    let Version {
        course,
        number,
        source,
        folder,
        store,
        ..
    } = version;
    writeln!(
        out,
        "{course} {number}  {state}, {who}\n  from {source} {folder}, kept in {store}"
    )
}

async fn show(db: &Db, course: &str, number: Option<i64>) -> anyhow::Result<()> {
    let all = db.read(|tx| Box::pin(content::all(tx))).await;
    let all = all.map_err(Error::into_anyhow)?;
    let mut wanted = all.into_iter().filter(|version| {
        let is_wanted = match number {
            Some(number) => version.number == number,
            None => version.sealed.is_some(),
        };
        version.course == course && is_wanted
    });
    let newest = wanted.by_ref().max_by_key(|version| version.number);
    let version =
        newest.ok_or_else(|| Declined(format!("there is no such version of {course:?}")))?;
    let mut after = 0;
    loop {
        let id = version.id.clone();
        let page = db.read(move |tx| Box::pin(async move { files::page(tx, &id, after).await }));
        let page = page.await.map_err(Error::into_anyhow)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.serial;
        let mut text = String::new();
        for file in &page {
            match &file.kept {
                Some(kept) => writeln!(
                    text,
                    "{}  {:>12}  {} ({})",
                    kept.sha256, file.stamp.size, file.path, kept.proof
                )?,
                None => writeln!(
                    text,
                    "{:<64}  {:>12}  {}",
                    "not stored yet", file.stamp.size, file.path
                )?,
            }
        }
        super::print(&text)?;
    }
}
