//! The built-in download server: its settings and what holds when they are not given.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// The built-in download server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Downloads {
    /// Key that signs links. Unset: made once and kept in the database.
    pub signing_key: Option<Secret>,
    /// The key before it, still accepted.
    pub previous_key: Option<Secret>,
    /// Hours a file link lives.
    pub link_hours: u32,
    /// The most that one connection gets; 0 is all there is.
    pub kilobytes_per_second: u32,
    /// Running downloads of one buyer's course.
    pub connections_per_link: u32,
    /// Running downloads of one address.
    pub connections_per_address: u32,
    /// How many times the course's size one buyer gets within 24 hours; 0 is no limit.
    pub budget: u32,
    /// What one address gets within 24 hours; 0 is no limit.
    pub gigabytes_per_address: u32,
    /// Where a proxy in front sends the files itself; empty where it does not.
    pub accel_prefix: String,
    /// Copies that carry the buyer's address.
    pub stamp: Stamp,
}

/// Copies of PDFs that carry the buyer's address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stamp {
    /// Where they are kept.
    pub folder: PathBuf,
    /// The most that is kept of them.
    pub cache_megabytes: u32,
    /// The largest PDF that is stamped.
    pub limit_megabytes: u32,
    /// What buyers get where a PDF cannot be stamped.
    pub otherwise: Unstampable,
}

/// What a buyer gets in place of a PDF that cannot be stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Unstampable {
    /// Nothing: an error page, and a line in the log.
    #[default]
    Refuse,
    /// The file as it is.
    Plain,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            signing_key: None,
            previous_key: None,
            link_hours: 12,
            kilobytes_per_second: 0,
            connections_per_link: 8,
            connections_per_address: 32,
            budget: 5,
            gigabytes_per_address: 500,
            accel_prefix: String::new(),
            stamp: Stamp::default(),
        }
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("stamped"),
            cache_megabytes: 2048,
            limit_megabytes: 100,
            otherwise: Unstampable::default(),
        }
    }
}
