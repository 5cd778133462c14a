//! Lanes: how much of each connection's limit is free, and from where the next claim looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::app::App;
use crate::clock::Timestamp;
use crate::model::task::{Appetite, Lane, Leased};

/// The lane of everything without a lane of its own.
const REST: &str = "";
/// A transaction that began this long before a claim may still commit an earlier task; one that
/// began before that is found by the next whole look.
const SLACK: Duration = Duration::from_secs(5);
/// How often a claim looks from the very beginning.
const WHOLE_LOOK_EVERY: Duration = Duration::from_secs(5);

/// All lanes of one process.
pub(super) struct Lanes {
    slots: usize,
    by_name: BTreeMap<String, LaneState>,
    in_flight: Arc<AtomicUsize>,
    turn: usize,
    left_some: bool,
    wakes_at: Option<Timestamp>,
}

struct LaneState {
    limit: usize,
    busy: Arc<AtomicUsize>,
    watermark: Timestamp,
    looked_whole: Timestamp,
}

/// A place in a lane and in the process; free again when dropped.
pub(super) struct Share(Arc<AtomicUsize>, Arc<AtomicUsize>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        self.1.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Lanes {
    pub(super) fn new(app: &App) -> Self {
        let slots = app.config.queue.slots.max(1);
        let own = app
            .config
            .lms
            .iter()
            .map(|(name, c)| (name.clone(), c.concurrency.clamp(1, slots)));
        // How fast one address may ask is the gateway's to say: one list at a time.
        let lists = app.desk.list_lanes().map(|name| (name, 1));
        // Two uploads fill most lines; more only make each other wait.
        let drives = app.desk.drive_lanes().map(|name| (name, 2.min(slots)));
        let lanes = own
            .chain(lists)
            .chain(drives)
            .chain([(REST.to_owned(), slots)]);
        Self {
            slots,
            by_name: lanes
                .map(|(name, limit)| (name, LaneState::new(limit)))
                .collect(),
            in_flight: Arc::default(),
            turn: 0,
            left_some: false,
            wakes_at: None,
        }
    }

    /// A lane that rests, and may hold what is due, is to be looked at then.
    pub(super) fn wake_at(&mut self, at: Option<Timestamp>) {
        self.wakes_at = at;
    }

    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        self.wakes_at
    }

    /// What each lane with room may take now; another one goes first each time, because the slots
    /// may not be enough for all.
    pub(super) fn appetites(&mut self, now: Timestamp, lease: Duration) -> Vec<(String, Appetite)> {
        let free = self.free();
        let known: Vec<String> = self
            .by_name
            .keys()
            .filter(|n| *n != REST)
            .cloned()
            .collect();
        let mut appetites = Vec::new();
        self.left_some = false;
        for (name, lane) in &mut self.by_name {
            let room = lane
                .limit
                .saturating_sub(lane.busy.load(Ordering::Acquire))
                .min(free);
            if room == 0 {
                self.left_some = true;
                continue;
            }
            let from = if name == REST {
                Lane::Rest {
                    known: known.clone(),
                }
            } else {
                Lane::Connection(name.clone())
            };
            let limit = i64::try_from(room).unwrap_or(i64::MAX);
            let watermark = lane.look_from(now);
            appetites.push((
                name.clone(),
                Appetite {
                    lane: from,
                    limit,
                    lease,
                    watermark,
                },
            ));
        }
        if !appetites.is_empty() {
            self.turn = self.turn.wrapping_add(1);
            let first = self.turn % appetites.len();
            appetites.rotate_left(first);
        }
        appetites
    }

    /// What a claim at `now` found tells from where the next one may look: past what it left, or,
    /// when it took all that was due, past everything until then. Entries of finished tasks stay in
    /// the index for a while, and every look walks over those behind its watermark.
    pub(super) fn learn(&mut self, name: &str, asked: &Appetite, found: &[Leased], now: Timestamp) {
        let Some(lane) = self.by_name.get_mut(name) else {
            return;
        };
        let earliest = found.iter().map(|task| task.due).min();
        let is_full = i64::try_from(found.len()).is_ok_and(|count| count >= asked.limit);
        self.left_some |= is_full;
        lane.watermark = earliest.filter(|_| is_full).unwrap_or(now).minus(SLACK);
    }

    /// Occupy a place for a claimed task.
    pub(super) fn take(&self, connection: Option<&str>) -> Share {
        let own = connection.and_then(|name| self.by_name.get(name));
        let busy = own
            .or_else(|| self.by_name.get(REST))
            .map(|lane| lane.busy.clone());
        let busy = busy.unwrap_or_default();
        busy.fetch_add(1, Ordering::AcqRel);
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Share(busy, self.in_flight.clone())
    }

    /// The last claim may have left what is due, for want of a place: an attempt that ends is news.
    pub(super) fn left_some(&self) -> bool {
        self.left_some
    }

    /// All slots were given out before every lane had its turn.
    pub(super) fn leave_some(&mut self) {
        self.left_some = true;
    }

    /// Slots of the process that nothing runs in.
    pub(super) fn free(&self) -> usize {
        self.slots.saturating_sub(self.in_flight())
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn is_full(&self) -> bool {
        self.in_flight() >= self.slots
    }
}

impl LaneState {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            busy: Arc::default(),
            watermark: Timestamp(0),
            looked_whole: Timestamp(0),
        }
    }

    fn look_from(&mut self, now: Timestamp) -> Timestamp {
        if now.since(self.looked_whole) >= WHOLE_LOOK_EVERY {
            self.looked_whole = now;
            self.watermark = Timestamp(0);
        }
        self.watermark
    }
}
