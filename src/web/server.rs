//! The HTTP server: listen, serve, stop cleanly. HTTPS is the proxy's in front.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::router;
use super::state::Web;
use crate::app::App;

/// How long a stopping server waits for requests that are being answered: a download that takes
/// longer is cut, and its browser goes on where it was.
const LAST_CALL: Duration = Duration::from_secs(20);

/// Listen on an address; port 0 takes a free one.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address}"))
}

/// Serve until `shutdown`, then answer what has begun, and return.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let web = Web::new(app);
    let seats = web.seats.clone();
    let stopping = CancellationToken::new();
    let told = stopping.clone();
    let service = router::over(web).into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|connection| {
        // Without it a small answer may wait for an acknowledgement. Where it fails, it is only slower.
        let _best_effort = connection.set_nodelay(true);
    });
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        // Streams never end by themselves.
        seats.close();
        told.cancel();
    });
    let last_call = async {
        stopping.cancelled().await;
        tokio::time::sleep(LAST_CALL).await;
    };
    tokio::select! {
        served = serving.into_future() => served.context("serving HTTP"),
        () = last_call => {
            tracing::warn!("stopping with requests that are still being answered");
            Ok(())
        }
    }
}
