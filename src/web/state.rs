//! What every door is handed.

use std::sync::Arc;

use axum::extract::FromRef;

use super::admin::session::Sessions;
use super::api::metrics::Gauges;
use super::caller::CallerRules;
use super::live::Seats;
use crate::app::App;
use crate::words::Locale;

/// The router's state.
#[derive(Clone, FromRef)]
pub struct Web {
    /// The server's whole state.
    pub app: Arc<App>,
    /// What the caller extractor needs.
    pub rules: CallerRules,
    /// How many may watch orders.
    pub seats: Seats,
    /// What `/metrics` answered last.
    pub gauges: Gauges,
    /// Signs and reads the sessions of the seller's pages.
    pub sessions: Sessions,
}

impl Web {
    /// Over a running app.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        let rules = CallerRules {
            locale: Locale::parse(&app.config.shop.locale).unwrap_or(Locale::Vi),
            behind_proxy: app.config.limits.behind_proxy,
            mint: app.mint.clone(),
            clock: app.clock.clone(),
        };
        Self {
            app,
            rules,
            seats: Seats::default(),
            gauges: Gauges::default(),
            sessions: Sessions::default(),
        }
    }
}
