//! The checksums of a file, taken while its bytes pass.

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::app::files::Sums;

/// Sums in the making.
#[derive(Clone, Default)]
pub struct Summing {
    sha256: Sha256,
    md5: Md5,
    crc32: crc32fast::Hasher,
    bytes: u64,
}

impl Summing {
    /// These bytes come next.
    pub fn take(&mut self, piece: &[u8]) {
        self.sha256.update(piece);
        self.md5.update(piece);
        self.crc32.update(piece);
        self.bytes += piece.len() as u64;
    }

    /// How many bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Of all bytes that were taken.
    #[must_use]
    pub fn done(self) -> Sums {
        Sums {
            sha256: hex::encode(self.sha256.finalize()),
            md5: hex::encode(self.md5.finalize()),
            crc32: self.crc32.finalize(),
        }
    }
}
