//! Around the demo's shop: a folder, free ports, the fakes that play the outside world, and the
//! settings of a shop in their midst.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use include_dir::{Dir, include_dir};
use tokio::net::TcpListener;

use crate::config::{BankAccount, Config, Mode, Secret, SourceFolder};
use crate::connectors::gateways::stripe::fake::{FakeStripe, FakeStripeOptions};
use crate::connectors::gateways::stripe::{API_VERSION, NEEDED_EVENTS, WEBHOOK_PATH};
use crate::connectors::lms::fake::{FakeLms, FakeLmsOptions};
use crate::id::Mint;
use crate::model::catalogue::{self, Catalogue};
use crate::model::course::Benefit;

/// The catalogue, covers and course files of the demo.
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/demo");

/// The database's file.
const DATABASE: &str = "bursar.db";

/// What is outside of the shop.
pub(super) struct Surroundings {
    pub folder: Folder,
    pub catalogue: Catalogue,
    pub platform: FakeLms,
    pub cards: FakeStripe,
    address: SocketAddr,
}

impl Surroundings {
    /// Start everything that the shop needs, and listen for its buyers.
    pub async fn open(
        folder: Option<&Path>,
        port: u16,
        latency: Duration,
    ) -> anyhow::Result<(Self, TcpListener)> {
        let folder = Folder::open(folder)?;
        unpack(folder.path())?;
        let catalogue = read_catalogue()?;
        let listener = listen(port).await?;
        let address = listener.local_addr()?;
        let around = Self {
            platform: platform(&catalogue, latency).await?,
            cards: cards(address).await?,
            folder,
            catalogue,
            address,
        };
        Ok((around, listener))
    }

    /// A demo was here before.
    pub fn has_past(&self) -> bool {
        self.folder.path().join(DATABASE).exists()
    }

    /// Of the shop.
    pub fn settings(&self) -> Config {
        let (folder, address) = (self.folder.path(), self.address);
        let mut config = Config {
            mode: Mode::Demo,
            database: format!("sqlite:{}", folder.join(DATABASE).display()),
            listen: address,
            public_url: format!("http://{address}"),
            ..Config::default()
        };
        config.shop.name = String::from("Học Tốt (demo)");
        config.shop.support_email = String::from("hotro@hoctot.example");
        config.shop.covers = Some(folder.join("covers"));
        config.payments.accounts = vec![BankAccount {
            bank: "Vietcombank".to_owned(),
            number: "0123499999".to_owned(),
            holder: "CONG TY HOC TOT (DEMO)".to_owned(),
        }];
        config.payments.sepay.api_key = Some(Secret::new(Mint::system().secret()));
        config.payments.stripe = self.cards.settings();
        let platform = self.platform.connection();
        config.lms.insert("lms".to_owned(), platform);
        let files = SourceFolder {
            path: folder.join("files"),
        };
        config.sources.insert("demo".to_owned(), files);
        config.mail.folder = folder.join("outbox");
        config.mail.from = String::from("Học Tốt <no-reply@hoctot.example>");
        config
    }
}

/// Where the demo keeps its things.
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn open(wanted: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = wanted {
            std::fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
            return Ok(Self {
                path: path.canonicalize()?,
                temporary: None,
            });
        }
        let temporary = tempfile::Builder::new().prefix("bursar-demo-").tempdir()?;
        Ok(Self {
            path: temporary.path().to_owned(),
            temporary: Some(temporary),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder that was printed stays, so that its files can be looked at; `--exit` leaves nothing.
    pub fn keep_or_remove(self, remove: bool) {
        if let Some(temporary) = self.temporary
            && !remove
        {
            let path = temporary.keep();
            crate::cli::say(&format!(
                "Database and mailbox of this demo stay in {}",
                path.display()
            ));
        }
    }
}

/// The wanted port, or any free one.
async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Ok(listener) = TcpListener::bind(wanted).await {
        return Ok(listener);
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("no free port on 127.0.0.1")
}

fn unpack(folder: &Path) -> anyhow::Result<()> {
    FILES
        .extract(folder)
        .with_context(|| format!("unpacking the demo to {}", folder.display()))
}

fn read_catalogue() -> anyhow::Result<Catalogue> {
    let file = FILES
        .get_file("catalogue.toml")
        .context("the demo has no catalogue")?;
    let text = file
        .contents_utf8()
        .context("the demo's catalogue is not text")?;
    catalogue::read(text).map_err(|faults| anyhow::anyhow!("the demo's catalogue: {faults:?}"))
}

/// The pretended platform, with every course that the catalogue maps.
async fn platform(catalogue: &Catalogue, latency: Duration) -> anyhow::Result<FakeLms> {
    let mut courses = Vec::new();
    for course in &catalogue.courses {
        for benefit in &course.benefits {
            if let Benefit::Enrolment { course: id, .. } = benefit {
                courses.push((id.clone(), course.title.clone()));
            }
        }
    }
    let options = FakeLmsOptions {
        courses,
        latency,
        ..FakeLmsOptions::default()
    };
    FakeLms::start(options).await
}

/// The pretended card gateway. It tells the shop at this address of all that happens, as the real
/// one would after the seller had entered the endpoint in its dashboard.
async fn cards(shop: SocketAddr) -> anyhow::Result<FakeStripe> {
    let endpoint = format!("http://{shop}{WEBHOOK_PATH}");
    let mint = Mint::system();
    let options = FakeStripeOptions {
        // Its prefix says that no money is meant.
        secret_key: format!("sk_test_{}", mint.secret()),
        webhook_secret: format!("whsec_{}", mint.secret()),
        deliver_to: Some(endpoint.clone()),
        ..FakeStripeOptions::default()
    };
    let cards = FakeStripe::start(options).await?;
    cards.add_endpoint(&endpoint, Some(API_VERSION), &NEEDED_EVENTS, true);
    Ok(cards)
}
