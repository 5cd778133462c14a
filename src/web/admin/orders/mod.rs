//! `/admin/orders`: find an order by its code, by the buyer's address, or by what is owed.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};

use super::filled;
use super::operator::Operator;
use super::page::Room;
use super::words;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::model::api_key::Scope;
use crate::model::order::list::{self, Filter};
use crate::model::order::{self, Order, PaymentStatus};
use crate::money::{Currency, Money};
use crate::web::frame::Frame;
use crate::web::icon::Icon;

pub mod decide;
pub mod one;

/// Rows of the page, newest first.
const ROWS: i64 = 50;
/// Characters of a search: an address has at most 254.
const LONGEST: usize = 254;

#[derive(Template)]
#[template(path = "pages/admin/orders.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    searched: &'a str,
    payment: Option<PaymentStatus>,
    rows: Vec<Order>,
}

/// `GET /admin/orders`; `?q=` with a whole code leads to its order.
pub async fn show(operator: Operator) -> Response {
    let visit = &operator.visit;
    let searched = visit.asked("q").next().unwrap_or_default();
    let searched = searched.trim().to_owned();
    let prefix = &visit.app.desk.policy.prefix;
    if let (true, Ok(code)) = (
        operator.may(Scope::OrdersRead),
        filled::code(&searched, prefix),
    ) {
        return Redirect::to(&format!("/admin/orders/{code}")).into_response();
    }
    let page = orders(&operator, &searched);
    operator.show(Scope::OrdersRead, page).await
}

async fn orders(operator: &Operator, searched: &str) -> Result<String> {
    if searched.chars().count() > LONGEST {
        return Err(Error::refused("search_too_long"));
    }
    let word = operator.visit.asked("payment").next().unwrap_or_default();
    let payment = PaymentStatus::parse(&word);
    let app = &operator.visit.app;
    let wanted = searched.to_owned();
    let read = app
        .db
        .read(move |tx| Box::pin(async move { found(tx, &wanted, payment).await }));
    let rows = read.await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        searched,
        payment,
        rows,
    };
    Ok(page.render()?)
}

async fn found(
    tx: &mut Tx<'_>,
    searched: &str,
    payment_status: Option<PaymentStatus>,
) -> Result<Vec<Order>> {
    let filter = Filter {
        payment_status,
        order_status: None,
        email: searched.contains('@').then(|| searched.to_lowercase()),
        code: None,
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
    };
    if searched.is_empty() || filter.email.is_some() {
        return list::list(tx, &filter, None, ROWS).await;
    }
    match filled::amount(searched, Currency::Vnd) {
        Some(dong) => order::owing(tx, Money::vnd(dong)).await,
        None => Ok(Vec::new()),
    }
}

impl Page<'_> {
    fn word(&self, group: &str, stored: &dyn std::fmt::Display) -> String {
        words::word(self.frame, group, stored)
    }

    fn payments(&self) -> Vec<(PaymentStatus, String, bool)> {
        let each = |status: &PaymentStatus| {
            let word = words::word(self.frame, "payment", *status);
            (*status, word, self.payment == Some(*status))
        };
        PaymentStatus::ALL.iter().map(each).collect()
    }
}
