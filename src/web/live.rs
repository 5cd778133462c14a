//! Watching an order: what live pages and status streams stand on. This process hears of changes at
//! once; what another node did shows within two seconds, because versions are compared.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::Stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::limits::household;
use crate::app::App;
use crate::error::{Error, Result};
use crate::id::OrderId;
use crate::model::order;

/// How long a change made by another node may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The same for an order of which nothing more is expected.
const LOOK_AT_REST: Duration = Duration::from_secs(30);
/// Time between comments on a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Streams of one process.
const STREAMS: usize = 2000;
/// Streams of one address; many buyers may share one.
const STREAMS_PER_ADDRESS: usize = 32;
/// When a stream that found no seat may try again.
const COME_BACK: Duration = Duration::from_secs(10);

/// A watch over an order.
pub struct Watch {
    app: Arc<App>,
    order: OrderId,
    heard: Receiver<OrderId>,
    seen: Option<i64>,
    pace: Duration,
}

impl Watch {
    /// From now on.
    #[must_use]
    pub fn over(app: Arc<App>, order: OrderId) -> Self {
        Self {
            // Before the first look, so that nothing between the two is missed.
            heard: app.live.watch(),
            app,
            order,
            seen: None,
            pace: LOOK_EVERY,
        }
    }

    /// Nothing more is expected, or something is again: look less often, or as before.
    pub fn rest(&mut self, at_rest: bool) {
        self.pace = if at_rest { LOOK_AT_REST } else { LOOK_EVERY };
    }

    /// The order's version: as it is now, then after each visible change; several changes at once may
    /// be one. `None`: there is no such order.
    pub async fn next(&mut self) -> Option<i64> {
        loop {
            match self.look().await {
                Ok(None) => return None,
                Ok(now) if now != self.seen => {
                    self.seen = now;
                    return now;
                }
                Ok(_) => {}
                // The reader waits; the next look may work.
                Err(e) => {
                    tracing::warn!(order = %self.order, "a watched order cannot be read: {e}");
                }
            }
            // Elapsed: time to look whether another node changed it.
            drop(tokio::time::timeout(self.pace, told(&mut self.heard, &self.order)).await);
        }
    }

    async fn look(&self) -> Result<Option<i64>> {
        let id = self.order.clone();
        let look = self
            .app
            .db
            .read(move |tx| Box::pin(async move { order::version(tx, &id).await }));
        look.await
    }
}

/// Wait until this process changed the order, or so much else that it may have been missed.
async fn told(heard: &mut Receiver<OrderId>, order: &OrderId) {
    loop {
        match heard.recv().await {
            Ok(changed) if changed == *order => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// An answer of server-sent events, with a comment now and then so that proxies keep the line open.
pub fn events<S>(stream: S) -> Response
where
    S: Stream<Item = Result<Event, axum::Error>> + Send + 'static,
{
    let alive = KeepAlive::new().interval(HEARTBEAT);
    // Without it some proxies collect the answer until it is whole, which it never is.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    (unbuffered, Sse::new(stream).keep_alive(alive)).into_response()
}

/// Open streams of this process, by address; all of them end when it stops.
#[derive(Debug, Clone, Default)]
pub struct Seats {
    taken: Arc<Mutex<Taken>>,
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place of one stream, free again when dropped.
#[derive(Debug)]
struct Seat(Seats, IpAddr);

impl Seats {
    /// End every stream now: the process stops, and browsers come back to another or later.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Streams open now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.lock().all
    }

    fn take(&self, address: IpAddr) -> Result<Seat> {
        let address = household(address);
        let mut taken = self.lock();
        let own = taken.by_address.get(&address).copied().unwrap_or_default();
        if taken.all >= STREAMS || own >= STREAMS_PER_ADDRESS {
            return Err(Error::TooMany(COME_BACK));
        }
        taken.all += 1;
        taken.by_address.insert(address, own + 1);
        drop(taken);
        Ok(Seat(self.clone(), address))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.0.lock();
        taken.all -= 1;
        if let Entry::Occupied(mut own) = taken.by_address.entry(self.1) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// A layer of the routes that may answer with a stream: no more of them than there are seats.
pub async fn seated(
    State(seats): State<Seats>,
    caller: Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if !is_stream(&response) {
        return response;
    }
    let seat = match seats.take(caller.address) {
        Ok(seat) => seat,
        Err(e) => return caller.problem(e).into_response(),
    };
    response.map(|body| {
        let until = seats.closing.clone().cancelled_owned();
        Body::from_stream(body.into_data_stream().take_until(until).inspect(move |_| {
            // The seat is held as long as the stream lives.
            let _held = &seat;
        }))
    })
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}
