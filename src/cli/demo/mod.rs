//! `demo`: the main job from end to end on this machine, with no account anywhere. The learning
//! platform is a fake that speaks Frappe's wire format over real HTTP, the bank is a real SePay
//! webhook body that the demo posts itself, the mailbox is a folder. Everything else is the product.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use include_dir::{Dir, include_dir};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, polling};
use crate::clock::Clock;
use crate::config::{BankAccount, Config, Mode, Secret, SourceFolder};
use crate::connectors::lms::fake::{FakeLms, FakeLmsOptions};
use crate::error::Error;
use crate::id::Mint;
use crate::model::catalogue::{self, Catalogue};
use crate::model::course::Benefit;
use crate::{queue, web};

mod story;

/// The catalogue, covers and course files of the demo.
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/demo");
/// How long the pretended platform takes for an answer, so that the steps can be watched.
const PLATFORM_LATENCY: Duration = Duration::from_millis(250);

/// See one order go all the way.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Stop after the first order; fails if any step failed.
    #[arg(long)]
    exit: bool,
    /// Port of the shop; another free one is taken when it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where database, mailbox and files go; a new temporary folder by default.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Language of the pages and e-mails of the first order: vi or en.
    #[arg(long, default_value = "vi")]
    lang: String,
}

impl Demo {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<()> {
        let folder = Folder::open(self.folder.as_deref())?;
        unpack(&folder.path)?;
        let catalogue = read_catalogue()?;
        let platform = platform(&catalogue).await?;
        let listener = self.listen().await?;
        let config = settings(&folder.path, listener.local_addr()?, &platform);
        let app = super::app(config, Clock::system()).await?;
        import(&app, catalogue).await?;

        let (stop, mut stopped) = watch::channel(false);
        let shutdown = async move {
            // A closed channel is a stop as well.
            let _ = stopped.changed().await;
        };
        polling::start(&app).await.map_err(Error::into_anyhow)?;
        let running = queue::start(&app);
        let server = tokio::spawn(web::server::serve(app.clone(), listener, shutdown));

        let told = story::tell(&app, &platform, &folder.path, &self.lang).await;
        if told.is_ok() && !self.exit {
            super::say(&format!(
                "\nThe shop stays open: order there and pay with the button \"simulate the transfer\". Ctrl-C ends it."
            ));
            super::serve::stop_signal().await;
        }
        // Nobody listening means that the server ended by itself; its result says why.
        let _ = stop.send(true);
        running.stop().await;
        server.await??;
        folder.keep_or_remove(self.exit);
        told
    }

    /// The wanted port, or any free one.
    async fn listen(&self) -> anyhow::Result<TcpListener> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        if let Ok(listener) = TcpListener::bind(wanted).await {
            return Ok(listener);
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port on 127.0.0.1")
    }
}

/// Where the demo keeps its things.
struct Folder {
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

    /// A folder that was printed stays, so that its files can be looked at; `--exit` leaves nothing.
    fn keep_or_remove(self, remove: bool) {
        if let Some(temporary) = self.temporary
            && !remove
        {
            let path = temporary.keep();
            super::say(&format!(
                "Database and mailbox of this demo stay in {}",
                path.display()
            ));
        }
    }
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
async fn platform(catalogue: &Catalogue) -> anyhow::Result<FakeLms> {
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
        latency: PLATFORM_LATENCY,
        ..FakeLmsOptions::default()
    };
    FakeLms::start(options).await
}

fn settings(folder: &Path, address: SocketAddr, platform: &FakeLms) -> Config {
    let mut config = Config {
        mode: Mode::Demo,
        database: format!("sqlite:{}", folder.join("bursar.db").display()),
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
    config.lms.insert("lms".to_owned(), platform.connection());
    let files = SourceFolder {
        path: folder.join("files"),
    };
    config.sources.insert("demo".to_owned(), files);
    config.mail.folder = folder.join("outbox");
    config.mail.from = String::from("Học Tốt <no-reply@hoctot.example>");
    config
}

async fn import(app: &Arc<App>, catalogue: Catalogue) -> anyhow::Result<()> {
    app.db
        .write(move |tx| Box::pin(async move { catalogue::replace(tx, &catalogue).await }))
        .await
        .map_err(Error::into_anyhow)
}
