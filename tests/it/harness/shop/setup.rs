//! What a shop of the tests is made of: its catalogue, settings, folders and connectors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bursar::clock::Clock;
use bursar::config::{BankAccount, Config, LmsConnection, Mode, Secret, SourceFolder};
use bursar::connectors::gateways::{self, Tellers};
use bursar::connectors::http::Limits;
use bursar::connectors::lms::fake::{FakeLms, FakeLmsOptions};
use bursar::connectors::lms::{self, Lms};
use bursar::connectors::mail::Mailer;
use bursar::connectors::{Connectors, destinations, stores};
use bursar::db::Kind;
use tempfile::TempDir;

use super::{ACCOUNT, START};

pub(super) const CATALOGUE: &str = r#"
[[course]]
slug = "enrol"
title = "Chỉ ghi danh"
summary = "x"
url = "https://shop.example/enrol"
price = 500000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "c-enrol"

[[course]]
slug = "files"
title = "Chỉ tệp"
summary = "x"
url = "https://shop.example/files"
price = 200000
rights = "own"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "files"

[[course]]
slug = "both"
title = "Ghi danh và tệp"
summary = "x"
url = "https://shop.example/both"
price = 300000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "c-both"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "both"

[[course]]
slug = "worker"
title = "Qua người giao"
summary = "x"
url = "https://shop.example/worker"
price = 400000
rights = "own"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "worker"
destination = "worker"

[[course]]
slug = "month"
title = "Một tháng"
summary = "x"
url = "https://shop.example/month"
price = 100000
rights = "own"
access_days = 30
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "c-month"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "files"

[[course]]
slug = "unmapped"
title = "Nối sai"
summary = "x"
url = "https://shop.example/unmapped"
price = 150000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "c-unmapped"

[[course]]
slug = "elsewhere"
title = "Nền khác"
summary = "x"
url = "https://shop.example/elsewhere"
price = 250000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "other"
course = "c-elsewhere"

[[bundle]]
slug = "trio"
title = "Ba khoá"
courses = ["month", "enrol", "files"]
price = 400000
"#;

/// How a shop is set up; what is not given is as most stories want it.
pub struct Setup {
    pub kind: Kind,
    /// What is sold.
    pub catalogue: String,
    pub slots: usize,
    pub lease_seconds: u32,
    pub poll_seconds: u32,
    pub concurrency: usize,
    /// Time limit of one call to the LMS.
    pub patience: Duration,
    /// Database and letters need not outlive anything: much faster where a commit waits for a disk.
    pub in_memory: bool,
    /// Runs on the machine's clock instead of a still one.
    pub real_time: bool,
    /// Stands in for a connection of this name.
    pub platforms: Vec<(&'static str, Arc<dyn Lms>)>,
    /// Stands in for the API of a gateway of this name.
    pub tellers: Tellers,
    /// The time, where it does not run: shared with whom the shop talks to.
    pub clock: Clock,
    /// What else is set otherwise.
    pub change: Arc<dyn Fn(&mut Config)>,
}

impl Setup {
    pub fn on(kind: Kind) -> Self {
        Self {
            kind,
            catalogue: CATALOGUE.to_owned(),
            slots: 16,
            lease_seconds: 60,
            poll_seconds: 5,
            concurrency: 2,
            patience: Duration::from_secs(5),
            in_memory: false,
            real_time: false,
            platforms: Vec::new(),
            tellers: Tellers::new(),
            clock: Clock::still(START),
            change: Arc::new(|_| ()),
        }
    }
}

pub(super) fn fill(folder: &TempDir) {
    for name in ["files", "both", "worker"] {
        let course = folder.path().join("source").join(name);
        std::fs::create_dir_all(&course).unwrap();
        std::fs::write(course.join("Bài 1.txt"), "xin chào").unwrap();
    }
}

pub(super) async fn fake_lms() -> FakeLms {
    let courses = ["c-enrol", "c-both", "c-month"].map(|id| (id.to_owned(), id.to_owned()));
    let options = FakeLmsOptions {
        courses: courses.to_vec(),
        ..FakeLmsOptions::default()
    };
    FakeLms::start(options).await.unwrap()
}

pub(super) fn config(setup: &Setup, lms: &FakeLms, folder: &TempDir) -> Config {
    let mut config = Config {
        mode: Mode::Development,
        public_url: "https://shop.example".to_owned(),
        ..Config::default()
    };
    config.payments.accounts = vec![BankAccount {
        bank: "970436".to_owned(),
        number: ACCOUNT.to_owned(),
        holder: "NGUYEN AN".to_owned(),
    }];
    config.payments.sepay.api_key = Some(Secret::new("key"));
    let connection = LmsConnection {
        concurrency: setup.concurrency,
        ..lms.connection()
    };
    config.lms.insert("lms".to_owned(), connection);
    let other = LmsConnection {
        kind: "fake".to_owned(),
        concurrency: setup.concurrency,
        ..LmsConnection::default()
    };
    config.lms.insert("other".to_owned(), other);
    let source = SourceFolder {
        path: folder.path().join("source"),
    };
    config.sources.insert("disk".to_owned(), source);
    config.mail.folder = folder.path().join("outbox");
    config.queue.slots = setup.slots;
    config.queue.lease_seconds = setup.lease_seconds;
    config.queue.poll_seconds = setup.poll_seconds;
    (setup.change)(&mut config);
    config
}

pub(super) fn world(
    config: &Config,
    platforms: &BTreeMap<String, Arc<dyn Lms>>,
    standing_in: &Tellers,
) -> Connectors {
    let mut tellers = gateways::tellers(&config.payments).unwrap();
    tellers.extend(standing_in.clone());
    Connectors {
        drives: destinations::drives(config, &Clock::system()).unwrap(),
        lms: platforms.clone(),
        stores: stores::open(config).unwrap(),
        tellers,
        mail: Mailer::from_config(&config.mail).unwrap(),
    }
}

/// The connectors that the settings name, where the setup puts none in their place.
pub(super) fn platforms(config: &Config, setup: &Setup) -> BTreeMap<String, Arc<dyn Lms>> {
    let limits = Limits {
        total: setup.patience,
        ..Limits::default()
    };
    let mut platforms: BTreeMap<String, Arc<dyn Lms>> = BTreeMap::new();
    for (name, connection) in &config.lms {
        let platform = lms::connect_within(connection, limits).unwrap();
        platforms.insert(name.clone(), platform);
    }
    for (name, platform) in &setup.platforms {
        platforms.insert((*name).to_owned(), platform.clone());
    }
    platforms
}
