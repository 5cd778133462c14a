//! `serve`, `worker`, `migrate`: the processes.

use tokio::net::TcpListener;

use super::Place;
use crate::app::{App, polling};
use crate::clock::Clock;
use crate::config::without_password;
use crate::db::{Db, Kind};
use crate::error::Error;
use crate::model::audit::Actor;
use crate::model::task;
use crate::{model, queue, web};

pub(super) async fn serve(place: &Place) -> anyhow::Result<()> {
    let config = place.settings()?;
    let (address, public_url) = (config.listen, config.public_url.clone());
    let app = super::app(config, Clock::system()).await?;
    let listener = TcpListener::bind(address).await?;
    tracing::info!("serving {public_url} on {address}");
    take_over(&app).await?;
    polling::start(&app).await.map_err(Error::into_anyhow)?;
    let running = queue::start(&app);
    web::server::serve(app.clone(), listener, stop_signal()).await?;
    tracing::info!("stopping: no new requests; finishing what runs");
    running.stop().await;
    Ok(())
}

/// A SQLite file belongs to one process, by its lock: what is still leased in it was leased by a
/// process that is gone, and need not wait for its leases to end.
async fn take_over(app: &App) -> anyhow::Result<()> {
    if app.db.kind() == Kind::Postgres {
        return Ok(());
    }
    let moment = app.moment(Actor::Machine("start"));
    let ended = app
        .db
        .write(move |tx| Box::pin(async move { task::end_all_leases(tx, &moment).await }))
        .await
        .map_err(Error::into_anyhow)?;
    if ended > 0 {
        tracing::info!("{ended} task(s) of the process before this one go on");
    }
    Ok(())
}

pub(super) async fn work(place: &Place) -> anyhow::Result<()> {
    let config = place.settings()?;
    anyhow::ensure!(
        !config.database.starts_with("sqlite:"),
        "a SQLite file belongs to one process: `bursar serve` works on its tasks too"
    );
    let app = super::app(config, Clock::system()).await?;
    polling::start(&app).await.map_err(Error::into_anyhow)?;
    let running = queue::start(&app);
    tracing::info!("working on tasks");
    stop_signal().await;
    running.stop().await;
    Ok(())
}

pub(super) async fn migrate(place: &Place) -> anyhow::Result<()> {
    let config = place.settings()?;
    Db::open(&config.database, &model::statements()).await?;
    super::print(&format!(
        "{} is up to date\n",
        without_password(&config.database)
    ))
}

/// Ctrl-C, or what `systemctl stop` and containers send.
pub(super) async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            // Without a handler the signal ends the process; leases end by themselves.
            drop(interrupt.await);
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
