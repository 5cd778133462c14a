//! Identifiers and chance. An id says what it names (`ord_…`) and sorts by time of creation, also
//! within one millisecond of one process: the audit is read in that order. It is never a secret. Secrets and order codes come from the same [`Mint`], which tests seed.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use ulid::Ulid;

use crate::clock::Timestamp;

/// Letters and digits that people and banks do not confuse: no 0 O 1 I L.
pub const UNAMBIGUOUS: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// A kind of id: a newtype over text with a fixed prefix.
pub trait Identifier: From<String> {
    /// What stands before the underscore.
    const PREFIX: &'static str;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);
        impl Identifier for $name { const PREFIX: &'static str = $prefix; }
        impl From<String> for $name { fn from(text: String) -> Self { Self(text) } }
        impl From<&str> for $name { fn from(text: &str) -> Self { Self(text.to_owned()) } }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    )*};
}

ids! {
    /// An order.
    OrderId = "ord";
    /// A line: one course in an order.
    LineId = "lin";
    /// A grant: one benefit being kept for one line.
    GrantId = "gra";
    /// A customer.
    CustomerId = "cus";
    /// A payment: one intention to pay at one gateway.
    PaymentId = "pay";
    /// A gateway event, stored raw.
    EventId = "evt";
    /// A transfer: money that moved.
    TransferId = "trf";
    /// An allocation of a transfer to an order.
    AllocationId = "alc";
    /// A refund.
    RefundId = "ref";
    /// A dispute.
    DisputeId = "dis";
    /// A task.
    TaskId = "tsk";
    /// An e-mail.
    EmailId = "eml";
    /// An audit entry.
    AuditId = "aud";
    /// A coupon.
    CouponId = "cpn";
    /// A folder on a Drive.
    DriveFolderId = "fld";
    /// A key of one of the seller's programs.
    ApiKeyId = "key";
    /// A version of course files.
    VersionId = "ver";
}

/// What sorts before every id of this moment and after all earlier ones: a span of time is a range
/// of ids, and needs no index of its own.
#[must_use]
pub fn earliest<I: Identifier>(at: Timestamp) -> I {
    let most = (1 << Ulid::TIME_BITS) - 1;
    let millis = u64::try_from(at.0).unwrap_or(0).min(most);
    let ulid = Ulid::from_parts(millis, 0).to_string().to_lowercase();
    I::from(format!("{}_{ulid}", I::PREFIX))
}

/// Where ids, secrets and codes come from.
#[derive(Clone)]
pub struct Mint(Arc<Mutex<Source>>);

struct Source {
    rng: StdRng,
    last: Ulid,
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mint")
    }
}

impl Mint {
    /// Seeded by the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self::over(rand::make_rng())
    }

    /// The same sequence every time, for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::over(StdRng::seed_from_u64(seed))
    }

    fn over(rng: StdRng) -> Self {
        let last = Ulid::nil();
        Self(Arc::new(Mutex::new(Source { rng, last })))
    }

    /// A new id: prefix, then a ULID (48 bits of time, 80 of chance). In the millisecond of the
    /// last one, the last one's successor.
    #[must_use]
    pub fn id<I: Identifier>(&self, now: Timestamp) -> I {
        let millis = u64::try_from(now.0).unwrap_or(0);
        let ulid = self.locked(|source| {
            let next = (source.last.timestamp_ms() == millis).then(|| source.last.increment());
            let chance = source.rng.random::<u128>();
            // None after 2^80 ids at the worst: then order is lost, uniqueness is not.
            source.last = next
                .flatten()
                .unwrap_or_else(|| Ulid::from_parts(millis, chance));
            source.last
        });
        I::from(format!("{}_{}", I::PREFIX, ulid.to_string().to_lowercase()))
    }

    /// An unguessable word of 160 bits, lower-case hex; fit for URLs.
    #[must_use]
    pub fn secret(&self) -> String {
        hex::encode(self.with(RngExt::random::<[u8; 20]>))
    }

    /// 256 bits, for keys that others keep.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.with(RngExt::random::<[u8; 32]>)
    }

    /// `length` characters of [`UNAMBIGUOUS`].
    #[must_use]
    pub fn letters(&self, length: usize) -> String {
        self.with(|rng| {
            (0..length)
                .map(|_| char::from(UNAMBIGUOUS[rng.random_range(0..UNAMBIGUOUS.len())]))
                .collect()
        })
    }

    /// A number in `0.0..1.0`, for jitter.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.with(RngExt::random::<f64>)
    }

    /// 64 random bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.with(RngExt::random::<u64>)
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        self.locked(|source| draw(&mut source.rng))
    }

    fn locked<T>(&self, step: impl FnOnce(&mut Source) -> T) -> T {
        step(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
