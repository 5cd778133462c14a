//! What one download really sent, written down: when it becomes a download that counts, every now and
//! then, and when it ends, however it ends. Asking is not downloading: mail scanners and players ask.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::traffic::{Place, Unsettled};
use crate::app::App;
use crate::model::audit::Actor;
use crate::model::download::{self, Sent, Subject};

/// From here on a download counts; of a shorter file, all of it.
const COUNTS: u64 = 1024 * 1024;

/// A long download is written down each time it has sent so much more.
const NOTE_EVERY: u64 = 256 * 1024 * 1024;

/// One running download.
pub struct Meter {
    ledger: Arc<Ledger>,
    /// How much must be sent for it to count; `None` where it does not begin at the beginning.
    counts_at: Option<u64>,
    /// Handed to the connection, and not taken by it yet.
    handed: u64,
    sent: u64,
    unnoted: u64,
}

/// What outlives the download until its last note is written.
struct Ledger {
    app: Arc<App>,
    subject: Subject,
    place: Place,
    session: Mutex<Option<i64>>,
    _unsettled: Unsettled,
}

impl Meter {
    /// Of bytes from `first` of a file of `size` bytes.
    #[must_use]
    pub fn new(app: &Arc<App>, subject: Subject, place: Place, first: u64, size: u64) -> Self {
        let ledger = Ledger {
            app: Arc::clone(app),
            subject,
            place,
            session: Mutex::default(),
            _unsettled: app.traffic.unsettled(),
        };
        Self {
            ledger: Arc::new(ledger),
            counts_at: (first == 0).then_some(size.min(COUNTS)),
            handed: 0,
            sent: 0,
            unnoted: 0,
        }
    }

    /// A piece goes to the connection.
    pub(super) fn hand(&mut self, bytes: u64) {
        self.handed += bytes;
    }

    /// The connection asks for more, so it has sent or will at once send what it has.
    pub(super) fn taken(&mut self) {
        let bytes = std::mem::take(&mut self.handed);
        self.sent += bytes;
        self.unnoted += bytes;
        self.ledger.place.sent(bytes);
        let counts = self.begins_to_count();
        if counts || self.unnoted >= NOTE_EVERY {
            self.note(counts);
        }
    }

    /// Everything was handed over: the connection does not ask again.
    pub(super) fn complete(&mut self) {
        self.taken();
    }

    fn begins_to_count(&mut self) -> bool {
        self.counts_at.take_if(|at| self.sent >= *at).is_some()
    }

    fn note(&mut self, counts: bool) {
        let bytes = std::mem::take(&mut self.unnoted);
        // Outside of a runtime nothing is sent either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(note(Arc::clone(&self.ledger), bytes, counts));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.unnoted > 0 {
            self.note(false);
        }
    }
}

async fn note(ledger: Arc<Ledger>, bytes: u64, counts: bool) {
    // Held across the write: the first note decides the session of those that follow.
    let mut session = ledger.session.lock().await;
    let sent = Sent {
        bytes,
        counts,
        session: *session,
    };
    let (moment, subject) = (ledger.app.moment(Actor::Buyer), ledger.subject.clone());
    let noted = ledger.app.db.write(move |tx| {
        Box::pin(async move { download::note(tx, &moment, &subject, sent).await })
    });
    match noted.await {
        Ok(known) => *session = Some(known),
        Err(e) => {
            let grant = &ledger.subject.grant;
            tracing::error!(%grant, "a download of grant {grant} was not written down: {e}");
        }
    }
    ledger.place.written(bytes);
}
