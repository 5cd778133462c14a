//! What lets the seller's commands and programs work beside a running demo: a settings file that names
//! its database and its fakes, and a key of the admin API.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::json;

use crate::app::App;
use crate::config::{Config, Mode, Secret};
use crate::model::api_key::{self, Scope};

const HEAD: &str = "\
# Written by `bursar demo`: with BURSAR_CONFIG naming this file, the other commands look at its shop.
# The gateway, the platform and the money of it are fakes, and end with it.
";

/// Where the settings of a demo in this folder are.
pub(super) fn settings_file(folder: &Path) -> PathBuf {
    folder.join("bursar.toml")
}

/// Write down what the demo runs with. Its mode cannot be written: no file may make a shop in which
/// everybody pays without money.
pub(super) fn write_settings(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let path = settings_file(folder);
    let text = format!("{HEAD}\n{}", toml::to_string(&as_tables(config))?);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {}", path.display()))?;
    let read = Config::load(Some(&path), []).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the demo's own settings: {}", faults.join("; "))
    })?;
    let same = Config {
        mode: Mode::Demo,
        ..read
    } == *config;
    ensure!(same, "the demo's settings file leaves something out");
    Ok(())
}

/// A key for everything, to be shown once.
pub(super) async fn make_key(app: &App) -> anyhow::Result<String> {
    let moment = app.moment(crate::cli::operator());
    // A folder may be used again, and names of keys are never used twice.
    let name = format!("demo-{}", moment.now.0);
    app.db
        .write(move |tx| {
            Box::pin(async move { api_key::create(tx, &moment, &name, Scope::ALL).await })
        })
        .await
        .map_err(crate::cli::in_words)
}

/// Everything in which the demo differs from the defaults.
fn as_tables(config: &Config) -> serde_json::Value {
    let secret = |secret: &Option<Secret>| secret.as_ref().map_or("", Secret::expose).to_owned();
    let accounts = config.payments.accounts.iter().map(|account| {
        json!({ "bank": account.bank, "number": account.number, "holder": account.holder })
    });
    let platforms = config.lms.iter().map(|(name, lms)| {
        let tables = json!({
            "kind": lms.kind,
            "base_url": lms.base_url,
            "api_key": secret(&lms.api_key),
            "api_secret": secret(&lms.api_secret),
        });
        (name.clone(), tables)
    });
    let sources = config.sources.iter();
    let sources = sources.map(|(name, source)| (name.clone(), json!({ "path": source.path })));
    let stripe = &config.payments.stripe;
    json!({
        "mode": "development",
        "database": config.database,
        "listen": config.listen,
        "public_url": config.public_url,
        "shop": {
            "name": config.shop.name,
            "support_email": config.shop.support_email,
            "covers": config.shop.covers,
        },
        "payments": {
            "accounts": accounts.collect::<Vec<_>>(),
            "sepay": { "api_key": secret(&config.payments.sepay.api_key) },
            "stripe": {
                "secret_key": secret(&stripe.secret_key),
                "webhook_secret": secret(&stripe.webhook_secret),
                "api_url": stripe.api_url,
            },
        },
        "lms": platforms.collect::<serde_json::Map<_, _>>(),
        "sources": sources.collect::<serde_json::Map<_, _>>(),
        "mail": { "transport": "folder", "folder": config.mail.folder, "from": config.mail.from },
    })
}
