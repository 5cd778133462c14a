//! `catalogue import FILE`, `export`, `check FILE`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::Place;
use crate::config::Config;
use crate::error::Error;
use crate::model::catalogue::{self, FILE_MAX, Known};

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub enum Catalogue {
    /// Replace what is on sale with this file, whole or not at all.
    Import {
        /// A TOML file.
        file: PathBuf,
    },
    /// Print what is on sale as the file that would import it.
    Export,
    /// Say what is wrong with a file, and change nothing.
    Check {
        /// A TOML file.
        file: PathBuf,
    },
}

impl Catalogue {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Import { file } => import(place, file).await,
            Self::Export => export(place).await,
            Self::Check { file } => {
                let read = read(file, &place.settings()?)?;
                super::print(&format!(
                    "{} is in order: {}\n",
                    file.display(),
                    summary(&read)
                ))
            }
        }
    }
}

async fn import(place: &Place, file: &Path) -> anyhow::Result<()> {
    let config = place.settings()?;
    let read = read(file, &config)?;
    anyhow::ensure!(
        !read.courses.is_empty(),
        "{} has no course: importing it would take everything off sale",
        file.display()
    );
    let (_, db) = if exists(&config) {
        place.beside().await?
    } else {
        let db = crate::db::Db::open(&config.database, &crate::model::statements()).await?;
        (config, db)
    };
    let summary = summary(&read);
    db.write(move |tx| Box::pin(async move { catalogue::replace(tx, &read).await }))
        .await
        .map_err(Error::into_anyhow)?;
    super::print(&format!("on sale now: {summary}\n"))
}

async fn export(place: &Place) -> anyhow::Result<()> {
    let (_, db) = place.to_read().await?;
    let stored = db
        .read(|tx| Box::pin(catalogue::load(tx)))
        .await
        .map_err(Error::into_anyhow)?;
    super::print(&catalogue::write(&stored))
}

fn read(file: &Path, config: &Config) -> anyhow::Result<catalogue::Catalogue> {
    let what = || format!("reading {}", file.display());
    let size = std::fs::metadata(file).with_context(what)?.len();
    if size > FILE_MAX as u64 {
        bail!(
            "{} has {size} bytes; a catalogue has at most {FILE_MAX}",
            file.display()
        );
    }
    let text = std::fs::read_to_string(file).with_context(what)?;
    let connections: Vec<&str> = config.lms.keys().map(String::as_str).collect();
    let sources = config.sources.keys().chain(config.stores.keys());
    let sources: Vec<&str> = sources.map(String::as_str).collect();
    let drives: Vec<&str> = config.drives.keys().map(String::as_str).collect();
    let known = Known {
        connections: &connections,
        sources: &sources,
        drives: &drives,
    };
    catalogue::read_for(&text, &known).map_err(|faults| {
        let list: Vec<String> = faults
            .iter()
            .map(|fault| format!("  {}: {fault}", file.display()))
            .collect();
        anyhow::anyhow!(
            "{} fault(s), so nothing of it can be sold\n{}",
            faults.len(),
            list.join("\n")
        )
    })
}

fn summary(read: &catalogue::Catalogue) -> String {
    let (courses, bundles, combos) = (read.courses.len(), read.bundles.len(), read.combos.len());
    format!("{courses} course(s), {bundles} bundle(s), {combos} combo(s)")
}

/// A SQLite file that is not there yet is made by the import.
fn exists(config: &Config) -> bool {
    config
        .database
        .strip_prefix("sqlite:")
        .is_none_or(|path| Path::new(path).exists())
}
