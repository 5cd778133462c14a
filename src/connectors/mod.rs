//! The outside world: gateways, learning platforms, places for files, destinations, mail.
//! Connectors do input and output only. They see no transaction, keep no state and decide nothing:
//! retries, breakers and belief belong to `tasks` and `fulfilment`. Only this folder names a vendor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::clock::Clock;
use crate::config::Config;

pub mod destinations;
pub mod gateways;
pub mod http;
pub mod lms;
pub mod mail;
pub mod quote;
pub mod setup;
pub mod stores;

/// Everything a task may reach, by the names the configuration gives.
pub struct Connectors {
    /// Learning platforms by connection name.
    pub lms: BTreeMap<String, Arc<dyn lms::Lms>>,
    /// Places that hold files: the sources of courses, and where their versions are kept.
    pub stores: stores::Stores,
    /// Drives that files are delivered to, by name.
    pub drives: BTreeMap<String, Arc<destinations::drive::Drive>>,
    /// The APIs of payment gateways, by gateway.
    pub tellers: gateways::Tellers,
    /// Outgoing mail.
    pub mail: mail::Mailer,
}

impl Connectors {
    /// As the settings say. Nothing is connected yet.
    pub fn from_config(config: &Config) -> anyhow::Result<Self> {
        let lms = config.lms.iter().map(|(name, connection)| {
            let connected = lms::connect(connection);
            Ok((
                name.clone(),
                connected.with_context(|| format!("connection {name:?}"))?,
            ))
        });
        Ok(Self {
            lms: lms.collect::<anyhow::Result<_>>()?,
            stores: stores::open(config)?,
            drives: destinations::drives(config, &Clock::system())?,
            tellers: gateways::tellers(&config.payments)?,
            mail: mail::Mailer::from_config(&config.mail)?,
        })
    }
}

/// Why a call to the outside failed, named before it leaves the connector.
/// `why` is a sentence for the seller: no secret, no address, at most 300 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The other side is away, busy or throttling: the same call will work later.
    #[error("{why}")]
    Transient {
        /// The reason.
        why: String,
        /// `Retry-After`, where it was given.
        after: Option<Duration>,
    },
    /// Credentials, rights, address or version: no call on this connection can work until it is mended.
    #[error("{why}")]
    ConnectionBroken {
        /// The reason.
        why: String,
    },
    /// This course cannot be served as it is mapped: unknown there, or closed for enrolment.
    #[error("{why}")]
    MappingBroken {
        /// The reason.
        why: String,
    },
    /// This learner cannot be served: invalid address, disabled account.
    #[error("{why}")]
    LearnerProblem {
        /// The reason.
        why: String,
    },
    /// A write left and no trustworthy answer came. Only a read may say what happened.
    #[error("{why}")]
    Unknown {
        /// The reason.
        why: String,
    },
}

/// The HTTP client of every connector, within the usual [`http::Limits`].
pub fn http() -> anyhow::Result<reqwest::Client> {
    http::client(http::Limits::default())
}
