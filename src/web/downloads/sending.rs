//! The body of a download: bytes are fetched when the connection asks for them, go out no faster than
//! the settings allow, and are measured. So a slow reader holds a piece or two and no more.

use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::stream::{Stream, StreamExt, try_unfold};
use tokio::time::Instant;

use super::content::{Flow, Next, Plan};
use super::meter::Meter;

/// On what terms bytes are sent.
#[derive(Default)]
pub struct Terms {
    /// Bytes a second; as fast as it goes where there is none.
    pub rate: Option<NonZeroU64>,
    /// What writes it down.
    pub meter: Option<Meter>,
}

struct Sending {
    plan: Plan,
    range: Range<u64>,
    /// The running flow and how much of it is to come.
    flow: Option<(Flow, u64)>,
    /// Came and is not sent yet, where a limit makes small pieces of it.
    held: Bytes,
    terms: Terms,
    begun: Instant,
    sent: u64,
}

/// Exactly these bytes, or an error: a length was promised, so what falls short breaks the connection.
/// The first file is opened here, so that one that is not there is an error before anything is said.
pub(super) async fn send(
    plan: Plan,
    range: Range<u64>,
    terms: Terms,
) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    let mut sending = Sending {
        plan,
        range,
        flow: None,
        held: Bytes::new(),
        terms,
        begun: Instant::now(),
        sent: 0,
    };
    if !sending.range.is_empty() {
        sending.open().await?;
    }
    Ok(try_unfold(sending, Sending::next))
}

/// How long to wait before more is sent, when `sent` bytes went out in `passed`.
#[must_use]
pub fn wait(rate: NonZeroU64, sent: u64, passed: Duration) -> Duration {
    let millis = u128::from(sent) * 1000 / u128::from(rate.get());
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).saturating_sub(passed)
}

/// Bytes that go out at once: about a quarter of a second, so that a limit is no stutter.
fn portion(rate: NonZeroU64) -> usize {
    usize::try_from(rate.get() / 4).map_or(usize::MAX, |bytes| bytes.max(1024))
}

impl Sending {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if let Some(meter) = &mut self.terms.meter {
            meter.taken();
        }
        if self.range.is_empty() {
            return Ok(None);
        }
        self.fetch().await?;
        let bytes = match self.terms.rate {
            None => std::mem::take(&mut self.held),
            Some(rate) => {
                tokio::time::sleep(wait(rate, self.sent, self.begun.elapsed())).await;
                self.held.split_to(portion(rate).min(self.held.len()))
            }
        };
        self.range.start += bytes.len() as u64;
        self.sent += bytes.len() as u64;
        if let Some(meter) = &mut self.terms.meter {
            meter.hand(bytes.len() as u64);
        }
        Ok(Some((bytes, self)))
    }

    /// Have something to send, or a flow that gives it.
    async fn open(&mut self) -> io::Result<()> {
        match self.plan.next(self.range.clone()).await? {
            Next::Bytes(bytes) => self.held = bytes,
            Next::Flow(flow, length) => self.flow = Some((flow, length)),
        }
        Ok(())
    }

    /// Have something to send.
    async fn fetch(&mut self) -> io::Result<()> {
        while self.held.is_empty() {
            let Some((mut flow, left)) = self.flow.take() else {
                self.open().await?;
                continue;
            };
            let Some(bytes) = flow.next().await.transpose()? else {
                return Err(early_end());
            };
            let left = left.checked_sub(bytes.len() as u64);
            let left =
                left.ok_or_else(|| io::Error::other("a store gave more than was asked for"))?;
            if left > 0 {
                self.flow = Some((flow, left));
            }
            self.held = bytes;
        }
        Ok(())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // A connection that has all it was promised does not ask again.
        if self.range.is_empty()
            && let Some(meter) = &mut self.terms.meter
        {
            meter.complete();
        }
    }
}

fn early_end() -> io::Error {
    let what = "the file became shorter while it was sent";
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}
