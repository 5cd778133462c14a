//! `GET /metrics` in Prometheus' text format: counts and ages, no names, addresses or codes. How
//! many orders a shop has is nobody else's business: only callers on private networks are answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;

use crate::app::{App, Desk};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::model::alert::{self, Alert};
use crate::model::connection::{self, Breaker};
use crate::model::open_money::{self, OpenMoney};
use crate::model::poll::{self, Poll};
use crate::model::task::{self, Kind, TaskState};
use crate::model::transfer::Class;
use crate::model::{grant, order};
use crate::web::caller::Caller;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The tables are counted no more often than this, whoever asks.
const AGE: Duration = Duration::from_secs(5);

/// The last counts. Who comes while they are being made waits for them.
#[derive(Clone, Default)]
pub struct Gauges(Arc<Mutex<Option<Counted>>>);

/// When it was counted, and what was found.
type Counted = (Timestamp, Arc<Counts>);

/// What the database says.
struct Counts {
    orders: Vec<(String, String, i64)>,
    tasks: Vec<(Kind, TaskState, i64)>,
    oldest_ready: Option<Timestamp>,
    grants: Vec<(String, i64)>,
    breakers: Vec<Breaker>,
    polls: Vec<Poll>,
    alerts: Vec<Alert>,
    money: OpenMoney,
}

/// Numbers for Prometheus, at most 5 seconds old; for callers on private networks.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "readMetrics",
    tag = "operations",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`: the caller's address is a public one"),
    ),
)]
pub async fn show(State(web): State<Web>, caller: Caller) -> Response {
    if !is_private(caller.address) {
        return caller.problem(Error::NotFound("metrics")).into_response();
    }
    match web.gauges.counts(&web.app).await {
        Ok(counts) => ([(CONTENT_TYPE, TEXT_FORMAT)], text(&web, &counts)).into_response(),
        Err(e) => caller.problem(e).into_response(),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

impl Gauges {
    async fn counts(&self, app: &App) -> Result<Arc<Counts>> {
        let mut held = self.0.lock().await;
        let now = app.clock.now();
        if let Some((counted, counts)) = held.as_ref()
            && now.since(*counted) < AGE
        {
            return Ok(counts.clone());
        }
        let counts = Arc::new(app.db.read(|tx| Box::pin(count(tx))).await?);
        *held = Some((now, counts.clone()));
        Ok(counts)
    }
}

async fn count(tx: &mut Tx<'_>) -> Result<Counts> {
    Ok(Counts {
        orders: order::counts(tx).await?,
        tasks: task::counts(tx).await?,
        oldest_ready: task::oldest(tx).await?,
        grants: grant::counts(tx).await?,
        breakers: connection::all(tx).await?,
        polls: poll::all(tx).await?,
        alerts: alert::open(tx).await?,
        money: open_money::count(tx).await?,
    })
}

fn text(web: &Web, counts: &Counts) -> String {
    let mut page = Page(String::new());
    let orders = counts.orders.iter().map(|(payment, order, count)| {
        let labels = [("payment_status", &**payment), ("order_status", &**order)];
        (labels.to_vec(), *count)
    });
    page.family(
        "bursar_orders",
        "gauge",
        "Orders by where they stand.",
        orders,
    );
    let tasks = counts.tasks.iter().map(|(kind, state, count)| {
        (
            vec![("kind", kind.as_str()), ("state", state.as_str())],
            *count,
        )
    });
    page.family(
        "bursar_tasks",
        "gauge",
        "Unfinished tasks by kind and state.",
        tasks,
    );
    let grants = counts
        .grants
        .iter()
        .map(|(state, n)| (vec![("state", &**state)], *n));
    page.family("bursar_grants", "gauge", "Grants by state.", grants);
    let breakers = counts.breakers.iter();
    let breakers = breakers.map(|b| (vec![("connection", &*b.name)], i64::from(b.open)));
    page.family(
        "bursar_connection_open",
        "gauge",
        "1: its tasks rest.",
        breakers,
    );
    let now = web.app.clock.now();
    page.polls(&counts.polls, &web.app.desk);
    page.alerts(&counts.alerts);
    page.money(&counts.money, now);
    let overdue = counts
        .oldest_ready
        .map_or(Duration::ZERO, |due| now.since(due));
    let tally = web.app.db.tally();
    let alone = [
        (
            "bursar_oldest_ready_task_age_seconds",
            "gauge",
            overdue.as_secs(),
        ),
        ("bursar_live_streams", "gauge", web.seats.taken() as u64),
        ("bursar_db_writes_total", "counter", tally.writes),
        ("bursar_db_commits_total", "counter", tally.commits),
    ];
    for (name, kind, value) in alone {
        page.family(name, kind, "", [(Vec::new(), value)]);
    }
    page.0
}

/// A page in the text format.
struct Page(String);

impl Page {
    fn polls(&mut self, polls: &[Poll], desk: &Desk) {
        let labelled = |figure: fn(&Poll) -> Option<i64>| {
            let known = polls.iter();
            let known = known.filter(|p| desk.listing(&p.subject).is_some());
            known.filter_map(move |p| Some((vec![("list", &*p.subject)], figure(p)?)))
        };
        self.family(
            "bursar_list_round_timestamp_seconds",
            "gauge",
            "When a gateway's list was last read to its end.",
            labelled(|p| p.finished_at.map(Timestamp::unix_seconds)),
        );
        self.family(
            "bursar_list_covered_timestamp_seconds",
            "gauge",
            "Everything before has been read.",
            labelled(|p| p.covered_to.map(Timestamp::unix_seconds)),
        );
        self.family(
            "bursar_list_items_total",
            "counter",
            "Items of the list, in all rounds.",
            labelled(|p| Some(p.items)),
        );
        self.family(
            "bursar_list_news_total",
            "counter",
            "Of them not known before.",
            labelled(|p| Some(p.news)),
        );
        self.family(
            "bursar_list_failures",
            "gauge",
            "Tries in a row that failed.",
            labelled(|p| Some(p.failures)),
        );
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        let mut kinds: BTreeMap<&str, i64> = BTreeMap::new();
        for alert in alerts {
            *kinds.entry(&alert.kind).or_default() += 1;
        }
        let kinds = kinds.into_iter();
        self.family(
            "bursar_alerts",
            "gauge",
            "Open alerts by kind.",
            kinds.map(|(kind, count)| (vec![("kind", kind)], count)),
        );
    }

    fn money(&mut self, money: &OpenMoney, now: Timestamp) {
        let waiting = money.waiting.iter();
        let of = |class: &Class| vec![("class", class.as_str())];
        self.family(
            "bursar_transfers_waiting",
            "gauge",
            "Transfers that wait for a person.",
            waiting.clone().map(|w| (of(&w.class), w.transfers)),
        );
        self.family(
            "bursar_transfers_waiting_age_seconds",
            "gauge",
            "How long the oldest of them waits.",
            waiting.map(|w| (of(&w.class), now.since(w.since).as_secs())),
        );
        let due = money.due.iter();
        self.family(
            "bursar_surplus_due",
            "gauge",
            "Money of payers that is to be paid back, in minor units.",
            due.map(|due| {
                let labels = vec![("currency", due.amount.currency.code())];
                (labels, due.amount.minor)
            }),
        );
        let refunds = money.refunds.iter();
        self.family(
            "bursar_refunds_waiting",
            "gauge",
            "Refunds that were asked for and are not done.",
            refunds.map(|pending| (vec![("gateway", &*pending.gateway)], pending.refunds)),
        );
    }

    fn family<'l, N: std::fmt::Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'l str, &'l str)>, N)>,
    ) {
        let write = || -> std::fmt::Result {
            if !help.is_empty() {
                writeln!(self.0, "# HELP {name} {help}")?;
            }
            writeln!(self.0, "# TYPE {name} {kind}")?;
            for (labels, value) in samples {
                writeln!(self.0, "{name}{} {value}", braces(&labels))?;
            }
            Ok(())
        };
        write().expect("writing into a String never fails");
    }
}

fn braces(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
