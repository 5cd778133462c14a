//! What a test's server is put together from.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar::app::App;
use bursar::clock::Clock;
use bursar::config::{BankAccount, Config, LmsConnection, Mode, Secret, SourceFolder};
use bursar::connectors::mail::Mailer;
use bursar::connectors::{Connectors, lms, stores};
use bursar::id::Mint;
use bursar::model::{self, catalogue};
use tempfile::TempDir;

use super::{ACCOUNT, API_KEY, CATALOGUE, HMAC_SECRET, Options, START, WORKER_SECRET};
use crate::harness::databases::Scratch;

/// Settings of a server at this address, with everything below this folder.
pub(super) fn config(url: &str, folder: &TempDir) -> Config {
    let mut config = Config {
        mode: Mode::Development,
        public_url: url.to_owned(),
        ..Config::default()
    };
    config.payments.accounts = vec![BankAccount {
        bank: "970436".to_owned(),
        number: ACCOUNT.to_owned(),
        holder: "NGUYEN VAN A".to_owned(),
    }];
    config.payments.sepay.api_key = Some(Secret::new(API_KEY));
    config.payments.sepay.hmac_secret = Some(Secret::new(HMAC_SECRET));
    config.worker.secret = Some(Secret::new(WORKER_SECRET));
    config.lms = BTreeMap::from([(
        "lms".to_owned(),
        LmsConnection {
            kind: "fake".to_owned(),
            base_url: "http://lms.example".to_owned(),
            ..LmsConnection::default()
        },
    )]);
    let files = folder.path().join("files");
    std::fs::create_dir_all(files.join("rust")).unwrap();
    std::fs::write(files.join("rust/lesson.txt"), "Bài 1").unwrap();
    config.sources = BTreeMap::from([("files".to_owned(), SourceFolder { path: files })]);
    config.mail.folder = folder.path().join("outbox");
    config.limits.orders_per_minute = 1000;
    config.limits.failures_per_minute = 1000;
    config
}

/// A migrated database with the catalogue in it, and the app over both.
pub(super) async fn app(scratch: &Scratch, options: Options) -> Arc<App> {
    let Options { config, breaks } = options;
    let db = scratch.open_with(&model::statements()).await;
    let sold = catalogue::read(CATALOGUE).unwrap();
    db.write(move |tx| Box::pin(async move { catalogue::replace(tx, &sold).await }))
        .await
        .unwrap();
    let world = Connectors {
        drives: BTreeMap::new(),
        lms: config
            .lms
            .iter()
            .map(|(name, c)| (name.clone(), lms::connect(c).unwrap()))
            .collect(),
        stores: stores::open(&config).unwrap(),
        tellers: bursar::connectors::gateways::tellers(&config.payments).unwrap(),
        mail: Mailer::from_config(&config.mail).unwrap(),
    };
    let db = breaks.map_or(db.clone(), |breaks| db.with_breaks(breaks));
    let (clock, mint) = (Clock::still(START), Mint::seeded(1));
    App::new(config, db, world, clock, mint).await.unwrap()
}
