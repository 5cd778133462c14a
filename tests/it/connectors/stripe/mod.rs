//! Stripe: signatures, what its events say, its API over real HTTP against the fake, and the fake itself.

mod api;
mod events;
mod fake;
mod mischief;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use bursar::clock::{Clock, Timestamp};
use bursar::config::{self, Payments, Secret};
use bursar::connectors::Fault;
use bursar::connectors::gateways::stripe::fake::{FakeStripe, FakeStripeOptions};
use bursar::connectors::gateways::stripe::{NAME, teller, teller_within};
use bursar::connectors::gateways::teller::{Intent, RefundAsk, Teller, Wanted};
use bursar::connectors::gateways::{Gateways, NotUnderstood};
use bursar::connectors::http::Limits;
use bursar::fact::Fact;
use bursar::id::{Mint, PaymentId};
use bursar::money::Money;
use bursar::words::Locale;
use serde_json::Value;

/// 2026-01-05T03:00:00Z.
const START: Timestamp = Timestamp(1_767_582_000_000);
const ORDER: &str = "ord_01kb3v5s8rj7f0m4c2n6x9t1qe";
const KEY: &str = "sk_test_key_that_must_not_show";

/// Long enough for an answer from this machine, short enough to wait for in vain.
const IMPATIENT: Limits = Limits {
    connect: Duration::from_millis(300),
    total: Duration::from_millis(300),
    body: 4 * 1024 * 1024,
};

fn gateways(settings: &config::Stripe) -> Gateways {
    Gateways::new(&Payments {
        stripe: settings.clone(),
        ..Payments::default()
    })
}

/// Settings with this key, and no address: nothing is sent.
fn settings(key: &str) -> config::Stripe {
    config::Stripe {
        secret_key: Some(Secret::new(key)),
        ..config::Stripe::default()
    }
}

fn read(gateways: &Gateways, body: &[u8]) -> Result<Vec<Fact>, NotUnderstood> {
    gateways.get(NAME).unwrap().read(body)
}

/// A fake in the year of the tests, its clock, and a patient connector to it.
async fn shop() -> (FakeStripe, Clock, Arc<dyn Teller>) {
    shop_with(FakeStripeOptions::default()).await
}

async fn shop_with(options: FakeStripeOptions) -> (FakeStripe, Clock, Arc<dyn Teller>) {
    let clock = Clock::still(START);
    let fake = FakeStripe::start(FakeStripeOptions {
        secret_key: KEY.to_owned(),
        clock: clock.clone(),
        ..options
    })
    .await
    .unwrap();
    let teller = teller(&fake.settings()).unwrap().unwrap();
    (fake, clock, teller)
}

/// A connector for the one call that will wait in vain.
fn impatient(fake: &FakeStripe) -> Arc<dyn Teller> {
    teller_within(&fake.settings(), IMPATIENT).unwrap().unwrap()
}

/// An intention of this moment to pay 499,000 dong for one course within 23 hours.
fn intent(seed: u64) -> Intent {
    let payment: PaymentId = Mint::seeded(seed).id(START);
    Intent {
        payment: payment.0,
        reference: None,
        order: ORDER.to_owned(),
        code: "DHHUAHBMPN".to_owned(),
        amount: Money::vnd(499_000),
        lines: vec![("Rust for shops".to_owned(), Money::vnd(499_000))],
        email: "ada@example.com".to_owned(),
        locale: Locale::Vi,
        success_url: "https://shop.example/o/s3cret".to_owned(),
        cancel_url: "https://shop.example/o/s3cret".to_owned(),
        until: START.plus(Duration::from_hours(23)),
    }
}

fn ask(refund: &str, payment: &str, dong: i64) -> RefundAsk {
    RefundAsk {
        refund: refund.to_owned(),
        transfer: payment.to_owned(),
        amount: Money::vnd(dong),
        order: Some(ORDER.to_owned()),
    }
}

/// The events of the last two hours.
fn wanted(clock: &Clock) -> Wanted {
    Wanted {
        listing: "events",
        from: clock.now().minus(Duration::from_hours(2)),
        to: clock.now(),
        cursor: None,
    }
}

/// The one session that the fake has.
fn the_session(fake: &FakeStripe) -> Value {
    let mut sessions = fake.objects("checkout.session");
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.pop().unwrap()
}

fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Transient { .. } => "transient",
        Fault::ConnectionBroken { .. } => "connection",
        Fault::MappingBroken { .. } => "mapping",
        Fault::LearnerProblem { .. } => "learner",
        Fault::Unknown { .. } => "unknown",
    }
}

/// One short line without secrets, not even a part of one, and without addresses.
fn assert_fit_to_show(fault: &Fault) {
    let why = fault.to_string();
    for hidden in [
        "must_not_show",
        "sk_test",
        "rk_test",
        "show.",
        "wxyz",
        "@",
        "<",
        "\n",
    ] {
        assert!(!why.contains(hidden), "{hidden:?} in {why}");
    }
    assert!(why.chars().count() <= 300, "{why}");
}
