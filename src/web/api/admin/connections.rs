//! `GET connections`: which platforms, file sources and mail servers work, and why not.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::operator::{Operator, Refused};
use super::page::{Page, identified};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::fulfilment::plan;
use crate::model::api_key::Scope;
use crate::model::connection::{self, Breaker};
use crate::web::state::Web;

/// One connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRow {
    #[serde(rename = "name")]
    id: String,
    /// In the configuration; one that is gone from it may still hold grants up.
    configured: bool,
    /// `closed`: it works. `open`: what it should do waits.
    breaker: &'static str,
    /// Failures in a row.
    failures: i64,
    why: Option<String>,
    opened_at: Option<String>,
    /// When it is tried again.
    probe_at: Option<String>,
}

identified!(ConnectionRow);

/// Every connection, by name: those of the configuration, and those that ever failed.
#[utoipa::path(
    get,
    path = "/api/v1/admin/connections",
    operation_id = "listConnections",
    tag = "admin",
    responses((status = 200, body = Page<ConnectionRow>), Refused),
    security(("adminKey" = ["orders:read"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator) -> Response {
    operator.answer(Scope::OrdersRead, all(&web.app)).await
}

async fn all(app: &App) -> Result<Page<ConnectionRow>> {
    let touched = app.db.read(|tx| Box::pin(connection::all(tx))).await?;
    let mut names: BTreeSet<&str> = app.config.lms.keys().map(String::as_str).collect();
    names.extend(app.config.sources.keys().map(String::as_str));
    names.extend(app.config.stores.keys().map(String::as_str));
    let untouched = names
        .iter()
        .filter(|name| touched.iter().all(|breaker| breaker.name != **name));
    let mut items: Vec<ConnectionRow> = untouched.map(|name| quiet(name)).collect();
    let of_a_gateway = |name: &str| {
        let mut gateways = app.desk.gateways.iter();
        gateways.any(|gateway| {
            let gateway = gateway.name();
            [plan::at_gateway(gateway), plan::lists_of(gateway)].contains(&name.to_owned())
        })
    };
    let configured = |name: &str| names.contains(name) || of_a_gateway(name);
    items.extend(touched.iter().map(|b| row(b, configured(&b.name))));
    items.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Page { items, next: None })
}

fn quiet(name: &str) -> ConnectionRow {
    ConnectionRow {
        id: name.to_owned(),
        configured: true,
        breaker: "closed",
        failures: 0,
        why: None,
        opened_at: None,
        probe_at: None,
    }
}

fn row(breaker: &Breaker, configured: bool) -> ConnectionRow {
    ConnectionRow {
        id: breaker.name.clone(),
        configured,
        breaker: if breaker.open { "open" } else { "closed" },
        failures: breaker.failures,
        why: breaker.why.clone(),
        opened_at: breaker.opened_at.map(Timestamp::rfc3339),
        probe_at: breaker.probe_at.map(Timestamp::rfc3339),
    }
}
