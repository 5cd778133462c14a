//! What the gateway's and the payer's bank's people would do after a payment, on one page with a button
//! for each: pay back, take the money away, decide. It says in large letters what it is.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use super::page::{is_our_form, money};
use super::store::{Store, id_of};
use super::{Claim, Site, courier};
use crate::words::Locale;

/// Payments on the page, the newest.
const MOST: usize = 50;

#[derive(Template)]
#[template(path = "pages/fake_payments.html")]
struct Page {
    locale: Locale,
    rows: Vec<Row>,
}

/// One payment, and what can be done with it now.
struct Row {
    payment: String,
    description: String,
    amount: String,
    state: &'static str,
    refunded: Option<String>,
    deeds: Vec<&'static str>,
}

impl Page {
    fn say<'k>(&self, key: &'k str) -> std::borrow::Cow<'k, str> {
        self.locale.say(key)
    }

    fn state(&self, state: &str) -> String {
        let key = format!("demo.desk.state.{state}");
        self.locale.say(&key).into_owned()
    }

    fn deed(&self, deed: &str) -> String {
        let key = format!("demo.desk.{deed}");
        self.locale.say(&key).into_owned()
    }

    fn refunded(&self, amount: &str) -> String {
        self.locale
            .fill("demo.desk.refunded", &[("amount", amount)])
    }
}

/// `GET /`, in the browser's language.
pub(super) async fn show(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let asked = headers.get(header::ACCEPT_LANGUAGE);
    let asked = asked.and_then(|value| value.to_str().ok());
    let locale = asked.and_then(Locale::parse).unwrap_or(Locale::Vi);
    let rows = site.with_store(|store| {
        let payments = store.of("payment_intent").rev().take(MOST);
        payments.map(|payment| row(store, payment)).collect()
    });
    match (Page { locale, rows }).render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
pub(super) struct Pressed {
    payment: String,
    deed: Deed,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Deed {
    RefundHalf,
    RefundRest,
    Dispute,
    Win,
    Lose,
    Arrive,
    Fail,
}

/// `POST /`: a button was pressed. What cannot be done any more changes nothing.
pub(super) async fn press(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Form(pressed): Form<Pressed>,
) -> Response {
    if !is_our_form(&site, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let done = site.with_store(|store| act(store, &pressed));
    courier::bring_news(&site).await;
    match done {
        Ok(()) => Redirect::to("/").into_response(),
        Err(refused) => (StatusCode::CONFLICT, refused.to_string()).into_response(),
    }
}

fn act(store: &mut Store, Pressed { payment, deed }: &Pressed) -> anyhow::Result<()> {
    let refused = |canned: super::answers::Canned| anyhow::anyhow!("{}", canned.body);
    match deed {
        Deed::RefundHalf => {
            let half = left(store, payment) / 2;
            store.refund(payment, Some(half), &[]).map_err(refused)?;
        }
        Deed::RefundRest => drop(store.refund(payment, None, &[]).map_err(refused)?),
        Deed::Dispute => drop(store.dispute(payment, Claim::Chargeback)?),
        Deed::Win => decide(store, payment, true)?,
        Deed::Lose => decide(store, payment, false)?,
        Deed::Arrive => settle(store, payment, true)?,
        Deed::Fail => settle(store, payment, false)?,
    }
    Ok(())
}

fn decide(store: &mut Store, payment: &str, won: bool) -> anyhow::Result<()> {
    let dispute = dispute_of(store, payment).map(id_of);
    store.close_dispute(&dispute.unwrap_or_default(), won)
}

fn settle(store: &mut Store, payment: &str, came: bool) -> anyhow::Result<()> {
    let of_payment = |session: &&Value| session["payment_intent"] == *payment;
    let session = store.of("checkout.session").find(of_payment).map(id_of);
    store.settle_later(&session.unwrap_or_default(), came)
}

fn row(store: &Store, payment: &Value) -> Row {
    let id = id_of(payment);
    let charge = charge_of(store, &id);
    let back = charge.filter(|charge| charge["amount_refunded"].as_i64() > Some(0));
    let (state, deeds) = now(store, payment);
    Row {
        description: payment["description"].as_str().unwrap_or(&id).to_owned(),
        amount: money(&payment["amount"], &payment["currency"]),
        state,
        refunded: back.map(|charge| money(&charge["amount_refunded"], &charge["currency"])),
        deeds,
        payment: id,
    }
}

/// The state of a payment, and what can happen next.
fn now(store: &Store, payment: &Value) -> (&'static str, Vec<&'static str>) {
    let id = id_of(payment);
    let dispute = dispute_of(store, &id).and_then(|dispute| dispute["status"].as_str());
    match (payment["status"].as_str(), dispute) {
        (Some("processing"), _) => ("on_the_way", vec!["arrive", "fail"]),
        (Some("succeeded"), Some("won")) => ("won", Vec::new()),
        (Some("succeeded"), Some("lost")) => ("lost", Vec::new()),
        (Some("succeeded"), Some(_)) => ("disputed", vec!["win", "lose"]),
        (Some("succeeded"), None) if left(store, &id) > 1 => {
            ("paid", vec!["refund_half", "refund_rest", "dispute"])
        }
        (Some("succeeded"), None) => ("paid", Vec::new()),
        _ => ("failed", Vec::new()),
    }
}

fn charge_of<'s>(store: &'s Store, payment: &str) -> Option<&'s Value> {
    store.of("charge").find(|c| c["payment_intent"] == payment)
}

fn dispute_of<'s>(store: &'s Store, payment: &str) -> Option<&'s Value> {
    let mut disputes = store.of("dispute").rev();
    disputes.find(|dispute| dispute["payment_intent"] == payment)
}

/// What has not gone back of a payment.
fn left(store: &Store, payment: &str) -> i64 {
    charge_of(store, payment).map_or(0, |charge| {
        let number = |field: &str| charge[field].as_i64().unwrap_or_default();
        number("amount") - number("amount_refunded")
    })
}
