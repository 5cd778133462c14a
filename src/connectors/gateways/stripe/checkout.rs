//! An intention to pay as the form that opens a checkout session. The same intention always makes
//! the same form: Stripe refuses another one under the same idempotency key. Fields and limits:
//! docs.stripe.com/api/checkout/sessions/create.

use std::time::Duration;

use ulid::Ulid;

use super::wire::{ORDER, ORDER_CODE, PAYMENT};
use crate::clock::Timestamp;
use crate::connectors::gateways::teller::Intent;
use crate::id::{Identifier, PaymentId};
use crate::money::{Currency, Money};

const MOST_LINES: usize = 100;
/// Characters; Stripe takes more, and no page shows more.
const LONGEST_TITLE: usize = 250;
/// Stripe takes an end between 30 minutes and 24 hours after it makes the session. The margins are for
/// the way there and for two clocks that disagree.
const EARLIEST_END: Duration = Duration::from_mins(35);
const LATEST_END: Duration = Duration::from_mins(1435);

/// The least that a card may pay: Stripe wants 0.50 US dollars in any currency, or its like in the
/// currency of the seller's account. In dong that was about 13,200 when this was written; the rest is
/// for the rate to move.
const LEAST_DONG: i64 = 15_000;
const LEAST_CENTS: i64 = 50;
/// Eight digits in the smallest unit, for both currencies.
const MOST_MINOR: i64 = 99_999_999;

/// Can a card pay so much?
pub(super) fn accepts(amount: Money) -> Result<(), &'static str> {
    let least = match amount.currency {
        Currency::Vnd => LEAST_DONG,
        Currency::Usd => LEAST_CENTS,
    };
    match amount.minor {
        small if small < least => Err("card_amount_too_small"),
        large if large > MOST_MINOR => Err("card_amount_too_large"),
        _ => Ok(()),
    }
}

/// The form. Our names stand on the session, and again on the payment, from where Stripe copies them
/// to the charge.
pub(super) fn form(intent: &Intent) -> Vec<(String, String)> {
    let mut form = vec![
        ("mode".to_owned(), "payment".to_owned()),
        ("client_reference_id".to_owned(), intent.order.clone()),
        ("customer_email".to_owned(), intent.email.clone()),
        ("locale".to_owned(), intent.locale.tag().to_owned()),
        ("success_url".to_owned(), intent.success_url.clone()),
        ("cancel_url".to_owned(), intent.cancel_url.clone()),
        (
            "expires_at".to_owned(),
            end(intent).unix_seconds().to_string(),
        ),
        // Else the buyer might pay another currency than the books have.
        ("adaptive_pricing[enabled]".to_owned(), "false".to_owned()),
        (
            "payment_intent_data[description]".to_owned(),
            intent.code.clone(),
        ),
    ];
    let names = [
        (ORDER, &intent.order),
        (ORDER_CODE, &intent.code),
        (PAYMENT, &intent.payment),
    ];
    for (name, value) in names {
        form.push((format!("metadata[{name}]"), value.clone()));
        form.push((
            format!("payment_intent_data[metadata][{name}]"),
            value.clone(),
        ));
    }
    for (place, (title, price)) in lines(intent).into_iter().enumerate() {
        let at = format!("line_items[{place}]");
        let currency = price.currency.code().to_lowercase();
        form.push((format!("{at}[quantity]"), "1".to_owned()));
        form.push((format!("{at}[price_data][currency]"), currency));
        form.push((
            format!("{at}[price_data][unit_amount]"),
            price.minor.to_string(),
        ));
        form.push((format!("{at}[price_data][product_data][name]"), title));
    }
    form
}

/// The lines as they are, or one for the whole order where Stripe would not take them or they are not
/// what is asked (a part is paid already).
fn lines(intent: &Intent) -> Vec<(String, Money)> {
    let order = || {
        let code = [("code", intent.code.as_str())];
        intent.locale.fill("card.order", &code)
    };
    let sum: i64 = intent.lines.iter().map(|(_, price)| price.minor).sum();
    let fit = (1..=MOST_LINES).contains(&intent.lines.len())
        && sum == intent.amount.minor
        && intent
            .lines
            .iter()
            .all(|(_, price)| price.minor >= 0 && price.currency == intent.amount.currency);
    if !fit {
        return vec![(order(), intent.amount)];
    }
    let titled = |title: &str| {
        let title: String = title.trim().chars().take(LONGEST_TITLE).collect();
        if title.is_empty() { order() } else { title }
    };
    let lines = intent.lines.iter();
    lines
        .map(|(title, price)| (titled(title), *price))
        .collect()
}

/// When the session ends: as wanted, or as near to it as Stripe allows. It counts from the moment in
/// the payment's id, so that every repetition says the same; what outlives the order is closed.
fn end(intent: &Intent) -> Timestamp {
    match begun(&intent.payment) {
        Some(begun) => intent
            .until
            .max(begun.plus(EARLIEST_END))
            .min(begun.plus(LATEST_END)),
        None => intent.until,
    }
}

/// Ids are made with the time of their making in them.
fn begun(payment: &str) -> Option<Timestamp> {
    let rest = payment.strip_prefix(PaymentId::PREFIX)?.strip_prefix('_')?;
    let millis = Ulid::from_string(rest).ok()?.timestamp_ms();
    i64::try_from(millis).ok().map(Timestamp)
}
