//! `GET stats`: the shop in figures, counted when asked.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::operator::{Operator, Refused};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::model::api_key::Scope;
use crate::model::figures::{self, Pace, Received};
use crate::model::{grant, order, task};
use crate::web::state::Web;

const DAY: Duration = Duration::from_hours(24);

/// The shop in figures.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    orders: Vec<OrderCount>,
    grants: Vec<StateCount>,
    /// Those that are not done.
    tasks: Vec<TaskCount>,
    received: ReceivedStats,
    paid_to_finished: PaceStats,
    /// Transfers that wait for a person.
    waiting_transfers: Vec<ClassCount>,
}

/// Orders in one pair of states.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCount {
    payment_status: String,
    order_status: String,
    count: i64,
}

/// Grants in one state.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateCount {
    state: String,
    count: i64,
}

/// Tasks of one kind in one state.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskCount {
    kind: &'static str,
    state: &'static str,
    count: i64,
}

/// Waiting transfers of one class.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassCount {
    class: &'static str,
    count: i64,
}

/// Money that came to the shop's own accounts, whether or not an order took it. Days begin at the
/// shop's own midnight, and today is one of the 7 and of the 30.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedStats {
    today: Vec<ReceivedRow>,
    last7_days: Vec<ReceivedRow>,
    last30_days: Vec<ReceivedRow>,
}

/// In one currency, in its minor units.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceivedRow {
    currency: String,
    amount: i64,
    transfers: i64,
}

/// From paid to finished, of the orders that finished in the last 24 hours.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaceStats {
    orders: i64,
    median_seconds: Option<f64>,
    p95_seconds: Option<f64>,
}

/// The shop in figures.
#[utoipa::path(
    get,
    path = "/api/v1/admin/stats",
    operation_id = "readStats",
    tag = "admin",
    responses((status = 200, body = Stats), Refused),
    security(("adminKey" = ["stats:read"])),
)]
pub async fn show(State(web): State<Web>, operator: Operator) -> Response {
    operator.answer(Scope::StatsRead, figures(&web.app)).await
}

async fn figures(app: &App) -> Result<Stats> {
    let now = app.clock.now();
    let midnight = now.midnight(app.desk.shop.utc_offset_minutes);
    app.db
        .read(move |tx| Box::pin(async move { count(tx, now, midnight).await }))
        .await
}

async fn count(tx: &mut Tx<'_>, now: Timestamp, midnight: Timestamp) -> Result<Stats> {
    let orders = order::counts(tx).await?.into_iter();
    let grants = grant::counts(tx).await?.into_iter();
    let tasks = task::counts(tx).await?.into_iter();
    let waiting = figures::waiting(tx).await?.into_iter();
    Ok(Stats {
        orders: orders
            .map(|(payment_status, order_status, count)| OrderCount {
                payment_status,
                order_status,
                count,
            })
            .collect(),
        grants: grants
            .map(|(state, count)| StateCount { state, count })
            .collect(),
        tasks: tasks
            .map(|(kind, state, count)| TaskCount {
                kind: kind.as_str(),
                state: state.as_str(),
                count,
            })
            .collect(),
        received: received(tx, midnight).await?,
        paid_to_finished: pace(figures::pace(tx, now.minus(DAY)).await?),
        waiting_transfers: waiting
            .map(|(class, count)| ClassCount {
                class: class.as_str(),
                count,
            })
            .collect(),
    })
}

async fn received(tx: &mut Tx<'_>, midnight: Timestamp) -> Result<ReceivedStats> {
    let rows = |found: Vec<Received>| found.into_iter().map(received_row).collect();
    Ok(ReceivedStats {
        today: rows(figures::received(tx, midnight).await?),
        last7_days: rows(figures::received(tx, midnight.minus(DAY * 6)).await?),
        last30_days: rows(figures::received(tx, midnight.minus(DAY * 29)).await?),
    })
}

fn received_row(received: Received) -> ReceivedRow {
    ReceivedRow {
        currency: received.currency,
        amount: received.amount,
        transfers: received.transfers,
    }
}

fn pace(pace: Pace) -> PaceStats {
    let seconds = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    PaceStats {
        orders: pace.orders,
        median_seconds: pace.median.map(|millis| seconds(millis).as_secs_f64()),
        p95_seconds: pace.p95.map(|millis| seconds(millis).as_secs_f64()),
    }
}
