//! The HTTP server: listen, serve, stop cleanly. HTTPS is the proxy's in front.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::router;
use super::state::Web;
use crate::app::App;

/// How long a stopping server waits for requests that are being answered: a download that takes
/// longer is cut, and its browser goes on where it was.
const LAST_CALL: Duration = Duration::from_secs(20);

/// And for the notes of what was downloaded.
const LAST_NOTES: Duration = Duration::from_secs(5);

/// Bytes of one connection that wait for its socket; hyper's own measure is six times that, which a
/// thousand slow downloads would feel. Also the longest head of a request.
const BUFFER: usize = 64 * 1024;

/// Before the next try when this process has no more file descriptors.
const BREATH: Duration = Duration::from_secs(1);

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
    let web = Web::new(Arc::clone(&app));
    let seats = web.seats.clone();
    let doors = Doors {
        routes: router::over(web),
        stopping: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Without it a small answer may wait for an acknowledgement. Where it fails, it is
                    // only slower.
                    let _best_effort = stream.set_nodelay(true);
                    connections.spawn(doors.clone().attend(TokioIo::new(stream), peer));
                }
                Err(error) => refused(&error).await,
            },
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    // Streams never end by themselves.
    seats.close();
    doors.stopping.cancel();
    connections.close();
    if tokio::time::timeout(LAST_CALL, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!("stopping with requests that are still being answered");
        doors.cut.cancel();
        connections.wait().await;
    }
    if tokio::time::timeout(LAST_NOTES, app.traffic.settled())
        .await
        .is_err()
    {
        tracing::warn!("stopping before every download was written down");
    }
    Ok(())
}

/// What every connection is handed.
#[derive(Clone)]
struct Doors {
    routes: Router,
    /// No more requests.
    stopping: CancellationToken,
    /// No more bytes.
    cut: CancellationToken,
}

impl Doors {
    /// One connection, until either side has had enough of it.
    async fn attend(self, connection: impl Read + Write + Unpin, peer: SocketAddr) {
        let routes = self.routes;
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            routes.clone().oneshot(request)
        });
        let mut http = http1::Builder::new();
        let serving = http
            .max_buf_size(BUFFER)
            .serve_connection(connection, service);
        let mut serving = pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = self.cut.cancelled() => return,
            () = self.stopping.cancelled() => {
                serving.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = serving => ended,
                    () = self.cut.cancelled() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::trace!("a connection broke: {error}");
        }
    }
}

/// A connection that was gone before it was accepted is nothing; anything else will pass.
async fn refused(error: &io::Error) {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(
        error.kind(),
        ConnectionRefused | ConnectionAborted | ConnectionReset
    ) {
        return;
    }
    tracing::error!("no connection could be accepted: {error}");
    tokio::time::sleep(BREATH).await;
}
