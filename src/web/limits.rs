//! Limits per address: orders, ways to a gateway's page, and failed authentications. In memory, per process: they slow abuse
//! down; nothing correct depends on them. An IPv6 caller owns a /64 and is counted by it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config;
use crate::error::Error;

/// Every so many questions, addresses that have been quiet are forgotten.
const CLEAN_EVERY: u32 = 1024;

/// The limits of one process. `C` is the monotonic clock, which tests replace.
pub struct Limits<C: Clock = DefaultClock> {
    orders: PerAddress<C>,
    checkouts: PerAddress<C>,
    looks: PerAddress<C>,
    failures: PerAddress<C>,
    /// Addresses with no failure left, and until when.
    barred: Mutex<HashMap<IpAddr, C::Instant>>,
    clock: C,
    asked: AtomicU32,
}

type PerAddress<C> =
    RateLimiter<IpAddr, DashMapStateStore<IpAddr>, C, NoOpMiddleware<<C as Clock>::Instant>>;

impl Limits {
    /// By the machine's monotonic clock.
    #[must_use]
    pub fn new(limits: &config::Limits) -> Self {
        Self::with_clock(limits, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limits<C> {
    /// By any clock.
    #[must_use]
    pub fn with_clock(limits: &config::Limits, clock: &C) -> Self {
        let per_minute = |count| {
            let quota = Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
            RateLimiter::dashmap_with_clock(quota, clock.clone())
        };
        Self {
            orders: per_minute(limits.orders_per_minute),
            checkouts: per_minute(limits.orders_per_minute),
            looks: per_minute(limits.orders_per_minute),
            failures: per_minute(limits.failures_per_minute),
            barred: Mutex::default(),
            clock: clock.clone(),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts an order of this address; [`Error::TooMany`] when it has made too many.
    pub fn check_order(&self, address: IpAddr) -> Result<(), Error> {
        self.clean_sometimes();
        let verdict = self.orders.check_key(&household(address));
        verdict.map_err(|until| Error::TooMany(until.wait_time_from(self.clock.now())))
    }

    /// Counts a way to a gateway's page, which costs a call to the gateway.
    pub fn check_checkout(&self, address: IpAddr) -> Result<(), Error> {
        self.clean_sometimes();
        let verdict = self.checkouts.check_key(&household(address));
        verdict.map_err(|until| Error::TooMany(until.wait_time_from(self.clock.now())))
    }

    /// Counts a question to a gateway on a buyer's behalf. False: there were many; an answer comes
    /// without asking too, only later.
    pub fn may_look(&self, address: IpAddr) -> bool {
        self.clean_sometimes();
        self.looks.check_key(&household(address)).is_ok()
    }

    /// One more failed proof of this address; [`Error::TooMany`] when it has made too many. Called
    /// after a proof has failed, never before one is looked at: behind a proxy, or a provider that
    /// shares addresses, the rightful caller has the same address as whoever guesses.
    pub fn failed(&self, address: IpAddr) -> Result<(), Error> {
        self.check_failures(address)?;
        self.note_failure(address);
        Ok(())
    }

    /// Counts nothing, and refuses after too many failures. Doors call [`Limits::failed`].
    pub fn check_failures(&self, address: IpAddr) -> Result<(), Error> {
        let until = self.barred().get(&household(address)).copied();
        match until.map(|until| Duration::from(until.duration_since(self.clock.now()))) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(wait) => Err(Error::TooMany(wait)),
        }
    }

    /// Tell after credentials were wrong.
    pub fn note_failure(&self, address: IpAddr) {
        self.clean_sometimes();
        let address = household(address);
        if let Err(until) = self.failures.check_key(&address) {
            self.barred().insert(address, until.earliest_possible());
        }
    }

    /// Addresses remembered now, for tests and metrics.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let counted = [&self.orders, &self.checkouts, &self.looks, &self.failures];
        counted.map(RateLimiter::len).iter().sum::<usize>() + self.barred().len()
    }

    fn clean_sometimes(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY != CLEAN_EVERY - 1 {
            return;
        }
        let now = self.clock.now();
        for counts in [&self.orders, &self.checkouts, &self.looks, &self.failures] {
            counts.retain_recent();
            counts.shrink_to_fit();
        }
        let mut barred = self.barred();
        barred.retain(|_, until| *until > now);
        barred.shrink_to_fit();
    }

    fn barred(&self) -> MutexGuard<'_, HashMap<IpAddr, C::Instant>> {
        self.barred.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one caller can be assumed to hold: an IPv4 address, or the /64 around an IPv6 address.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}
