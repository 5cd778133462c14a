//! `demo`: the main job from end to end on this machine, with no account anywhere. The learning
//! platform and the card gateway are fakes that speak their vendors' wire formats over real HTTP, the
//! bank is a real SePay webhook body that the demo posts itself, the mailbox is a folder. Everything
//! else is the product.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, polling};
use crate::clock::Clock;
use crate::error::Error;
use crate::model::catalogue::{self, Catalogue};
use crate::{queue, web};

mod banner;
mod beside;
mod cards;
mod first_order;
mod presents;
mod stage;
mod surroundings;
mod transfers;

use stage::Stage;
use surroundings::Surroundings;

/// How long the pretended platform takes for an answer: so that people can watch the steps, and
/// when nobody does.
const WATCHED: Duration = Duration::from_millis(250);
const UNWATCHED: Duration = Duration::from_millis(100);

/// See orders and their money go all the way.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Tell of the first order, then of money in all its ways, and stop; fails if any step failed.
    #[arg(long)]
    exit: bool,
    /// Port of the shop; another free one is taken when it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where database, mailbox and files go; a new temporary folder by default.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Language of the pages and e-mails of the demo's own orders: vi or en.
    #[arg(long, default_value = "vi")]
    lang: String,
}

impl Demo {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<()> {
        let (around, listener) = self.surroundings().await?;
        // Its stories hold the platform to what they did themselves.
        anyhow::ensure!(
            !(self.exit && around.has_past()),
            "{} holds the database of another demo: give --exit a new folder, or none",
            around.folder.path().display()
        );
        let app = super::app(around.settings(), Clock::system()).await?;
        import(&app, around.catalogue.clone()).await?;
        beside::write_settings(&app.config, around.folder.path())?;
        let told = self.play(&app, &around, listener).await;
        around.folder.keep_or_remove(self.exit);
        told
    }

    async fn surroundings(&self) -> anyhow::Result<(Surroundings, TcpListener)> {
        let latency = if self.exit { UNWATCHED } else { WATCHED };
        Surroundings::open(self.folder.as_deref(), self.port, latency).await
    }

    /// The shop is open while its stories are told, and after them until somebody ends it.
    async fn play(
        &self,
        app: &Arc<App>,
        around: &Surroundings,
        listener: TcpListener,
    ) -> anyhow::Result<()> {
        let (stop, mut stopped) = watch::channel(false);
        let shutdown = async move {
            // A closed channel is a stop as well.
            let _ = stopped.changed().await;
        };
        polling::start(app).await.map_err(Error::into_anyhow)?;
        let running = queue::start(app);
        let server = tokio::spawn(web::server::serve(app.clone(), listener, shutdown));

        let told = self.tell(app, around).await;
        if told.is_ok() && !self.exit {
            super::serve::stop_signal().await;
        }
        // Nobody listening means that the server ended by itself; its result says why.
        let _ = stop.send(true);
        running.stop().await;
        server.await??;
        told
    }

    async fn tell(&self, app: &Arc<App>, around: &Surroundings) -> anyhow::Result<()> {
        let stage = Stage::new(app, around, &self.lang)?;
        banner::who_plays(app, around);
        first_order::tell(&stage).await?;
        if self.exit {
            transfers::tell(&stage).await?;
            cards::tell(&stage).await?;
            presents::tell(&stage).await?;
            super::say("\nEvery line above was checked.");
            return Ok(());
        }
        let key = beside::make_key(app).await?;
        banner::what_to_try(app, around, &key);
        Ok(())
    }
}

async fn import(app: &App, catalogue: Catalogue) -> anyhow::Result<()> {
    app.db
        .write(move |tx| Box::pin(async move { catalogue::replace(tx, &catalogue).await }))
        .await
        .map_err(Error::into_anyhow)
}
