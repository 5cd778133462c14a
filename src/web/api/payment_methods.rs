//! The ways to pay an order, for shop front ends that want to offer them on pages of their own.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, checkout};
use crate::connectors::gateways::teller::Means;
use crate::model::order::{Order, PaymentStatus};
use crate::money::Currency;

/// A way to pay.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentMethod {
    /// `bank_transfer`, or the name of a gateway with a payment page.
    gateway: &'static str,
    /// How the buyer pays there: `qr`, `card`, `transfer` or `page`.
    kind: &'static str,
    /// `GET`: a picture of a QR code. `POST`: a payment page; send the buyer's browser there with an
    /// empty form. The address is secret.
    method: &'static str,
    /// Where.
    url: String,
}

/// Those that this order can be paid by now; none when nothing is to be paid.
#[must_use]
pub fn of(app: &App, order: &Order) -> Vec<PaymentMethod> {
    if order.payment_status != PaymentStatus::Pending || order.owed() == 0 {
        return Vec::new();
    }
    let desk = &app.desk;
    let by_transfer = !desk.accounts.is_empty() && order.total.currency == Currency::Vnd;
    let transfer = by_transfer.then(|| PaymentMethod {
        gateway: "bank_transfer",
        kind: "qr",
        method: "GET",
        url: format!("{}/api/v1/payment/qr/{}.svg", desk.public_url, order.code),
    });
    let open = checkout::ways(app, order);
    let open = open.into_iter().filter(|way| way.refused.is_none());
    let pages = open.map(|way| PaymentMethod {
        gateway: way.gateway,
        kind: match way.means {
            Means::Card => "card",
            Means::Transfer => "transfer",
            Means::Any => "page",
        },
        method: "POST",
        url: format!("{}{}", desk.public_url, way.path(order)),
    });
    transfer.into_iter().chain(pages).collect()
}
