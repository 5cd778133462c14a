//! `key create`, `key list`, `key revoke`: the keys of the seller's own programs.

use std::fmt::{self, Write};

use clap::Subcommand;
use clap::builder::PossibleValuesParser;

use super::Place;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Db;
use crate::error::Error;
use crate::model::api_key::{self, ApiKey, Scope};

/// What to do with keys of the admin API.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key and print its secret, once: it cannot be shown again.
    Create {
        /// What the audit will call its owner, such as `support-desk`.
        name: String,
        /// What it may do; may be given several times.
        #[arg(long, value_name = "SCOPE", value_parser = scopes(), required_unless_present = "all")]
        scope: Vec<String>,
        /// Everything.
        #[arg(long, conflicts_with = "scope")]
        all: bool,
    },
    /// Print every key with its scopes and its last use; never a secret.
    List,
    /// End a key now. Its name stays taken.
    Revoke {
        /// The key's name.
        name: String,
    },
}

impl Key {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Create { name, scope, all } => {
                let (_, db) = place.beside().await?;
                create(&db, name, chosen(scope, *all)).await
            }
            Self::List => {
                let (config, db) = place.to_read().await?;
                list(&config, &db).await
            }
            Self::Revoke { name } => {
                let (_, db) = place.beside().await?;
                revoke(&db, name).await
            }
        }
    }
}

fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(Scope::ALL.iter().map(|scope| scope.as_str()))
}

fn chosen(words: &[String], all: bool) -> Vec<Scope> {
    let named = |scope: &Scope| all || words.iter().any(|word| word == scope.as_str());
    Scope::ALL.iter().copied().filter(named).collect()
}

async fn create(db: &Db, name: &str, scopes: Vec<Scope>) -> anyhow::Result<()> {
    let (moment, name) = (super::moment(db).await?, name.to_owned());
    let made = db.write(move |tx| {
        Box::pin(async move { api_key::create(tx, &moment, &name, &scopes).await })
    });
    let secret = made.await.map_err(super::in_words)?;
    super::print(&format!("{secret}\n"))?;
    super::remark("keep it now: it is not stored and cannot be shown again");
    Ok(())
}

async fn list(config: &Config, db: &Db) -> anyhow::Result<()> {
    let keys = db.read(|tx| Box::pin(api_key::all(tx))).await;
    let keys = keys.map_err(Error::into_anyhow)?;
    let mut text = String::new();
    for key in &keys {
        tell(key, config.shop.utc_offset_minutes, &mut text)?;
    }
    super::print(&text)
}

async fn revoke(db: &Db, name: &str) -> anyhow::Result<()> {
    let (moment, name) = (super::moment(db).await?, name.to_owned());
    db.write(move |tx| Box::pin(async move { api_key::revoke(tx, &moment, &name).await }))
        .await
        .map_err(super::in_words)?;
    super::print("revoked; it opens nothing any more\n")
}

fn tell(key: &ApiKey, offset: i32, out: &mut String) -> fmt::Result {
    let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M");
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let used = key.last_used_at.map_or("never used".to_owned(), |at| {
        format!("last used {}", time(at))
    });
    let ended = key
        .revoked_at
        .map(|at| format!(", revoked {}", time(at)))
        .unwrap_or_default();
    writeln!(
        out,
        "{:<24} made {}, {used}{ended}\n  {}",
        key.name,
        time(key.created_at),
        scopes.join(" ")
    )
}
