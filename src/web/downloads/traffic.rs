//! Downloads that run now: how many of one link and of one address, and what they sent that is not
//! in the database yet. In memory, per process, like every limit per address; what a buyer used of a
//! course's budget is in the database and holds on all nodes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::config::Downloads;
use crate::id::GrantId;
use crate::model::download::WINDOW;
use crate::web::limits::household;

/// When to come again after too many at once: one of them may be done by then.
const SOON: Duration = Duration::from_secs(30);

/// A buyer of a small course may still try often.
const LEAST_BUDGET: u64 = 1_000_000_000;

const GIGABYTE: u64 = 1_000_000_000;

/// What runs now. Clones are the same.
#[derive(Clone)]
pub struct Traffic(Arc<Inner>);

struct Inner {
    open: Mutex<Open>,
    /// Downloads that run or wait to be written down.
    unsettled: watch::Sender<usize>,
}

#[derive(Default)]
struct Open {
    links: HashMap<GrantId, Link>,
    addresses: HashMap<IpAddr, Address>,
}

#[derive(Default)]
struct Link {
    running: u32,
    unwritten: u64,
}

struct Address {
    running: u32,
    since: Timestamp,
    bytes: u64,
}

/// Why a download does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Too many run at once; come again after this long.
    Crowded(Duration),
    /// What may be sent within 24 hours has been sent; it goes on then.
    Spent(Timestamp),
}

/// A running download; its place is free when it is dropped.
pub struct Place {
    traffic: Traffic,
    grant: GrantId,
    address: IpAddr,
}

/// A download that is not in the database yet; settled when it is dropped.
pub(super) struct Unsettled(Traffic);

impl Default for Traffic {
    fn default() -> Self {
        Self(Arc::new(Inner {
            open: Mutex::default(),
            unsettled: watch::Sender::new(0),
        }))
    }
}

impl Traffic {
    /// Take a place for one more download of this grant by this address at `now`, or say why not.
    pub fn enter(
        &self,
        limits: &Downloads,
        grant: &GrantId,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Place, Full> {
        let address = household(address);
        let mut open = self.open();
        open.forget_old(now);
        let of_address = open.addresses.entry(address).or_insert(Address {
            running: 0,
            since: now,
            bytes: 0,
        });
        if of_address.running >= limits.connections_per_address {
            return Err(Full::Crowded(SOON));
        }
        let most = u64::from(limits.gigabytes_per_address) * GIGABYTE;
        if most > 0 && of_address.bytes >= most {
            return Err(Full::Spent(of_address.since.plus(WINDOW)));
        }
        let of_link = open.links.entry(grant.clone()).or_default();
        if of_link.running >= limits.connections_per_link {
            return Err(Full::Crowded(SOON));
        }
        of_link.running += 1;
        if let Some(of_address) = open.addresses.get_mut(&address) {
            of_address.running += 1;
        }
        Ok(Place {
            traffic: self.clone(),
            grant: grant.clone(),
            address,
        })
    }

    /// Links and addresses remembered now.
    #[must_use]
    pub fn remembered(&self) -> (usize, usize) {
        let open = self.open();
        (open.links.len(), open.addresses.len())
    }

    /// What running downloads of this grant sent and nobody has written down.
    #[must_use]
    pub fn unwritten(&self, grant: &GrantId) -> u64 {
        self.open()
            .links
            .get(grant)
            .map_or(0, |link| link.unwritten)
    }

    /// Wait until no download runs and every one is written down.
    pub async fn settled(&self) {
        let mut unsettled = self.0.unsettled.subscribe();
        // The sender is in this very value.
        drop(unsettled.wait_for(|count| *count == 0).await);
    }

    pub(super) fn unsettled(&self) -> Unsettled {
        self.0.unsettled.send_modify(|count| *count += 1);
        Unsettled(self.clone())
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a buyer of a course of so many bytes may download within 24 hours.
#[must_use]
pub fn budget(limits: &Downloads, course: u64) -> Option<u64> {
    let times = u64::from(limits.budget);
    (times > 0).then(|| course.saturating_mul(times).max(LEAST_BUDGET))
}

impl Open {
    fn forget_old(&mut self, now: Timestamp) {
        self.addresses
            .retain(|_, address| address.running > 0 || address.since.plus(WINDOW) > now);
        for address in self.addresses.values_mut() {
            if address.since.plus(WINDOW) <= now {
                (address.since, address.bytes) = (now, 0);
            }
        }
    }
}

impl Place {
    /// So many bytes were sent.
    pub fn sent(&self, bytes: u64) {
        let mut open = self.traffic.open();
        if let Some(address) = open.addresses.get_mut(&self.address) {
            address.bytes += bytes;
        }
        if let Some(link) = open.links.get_mut(&self.grant) {
            link.unwritten += bytes;
        }
    }

    /// So many of them are in the database.
    pub fn written(&self, bytes: u64) {
        if let Some(link) = self.traffic.open().links.get_mut(&self.grant) {
            link.unwritten = link.unwritten.saturating_sub(bytes);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.traffic.open();
        if let Some(address) = open.addresses.get_mut(&self.address) {
            address.running -= 1;
        }
        if let Some(link) = open.links.get_mut(&self.grant) {
            link.running -= 1;
            if link.running == 0 {
                open.links.remove(&self.grant);
            }
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.0.0.unsettled.send_modify(|count| *count -= 1);
    }
}
