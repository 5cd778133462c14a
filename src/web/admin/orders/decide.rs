//! What a person decides about an order, by form: each verb is one step and leads back to the order,
//! whose page and story show what it did.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;

use crate::app::App;
use crate::error::{Error, Result};
use crate::fulfilment::place::{self, Request};
use crate::fulfilment::refund::Ask;
use crate::fulfilment::revoke::{self, Parting};
use crate::fulfilment::{cancel, complete, gift, intervene, refund};
use crate::id::{GrantId, OrderId};
use crate::model::api_key::Scope;
use crate::model::code::OrderCode;
use crate::model::email::Letter;
use crate::model::grant;
use crate::model::order::{self, Order, OrderKind};
use crate::web::admin::filled::{self, Filled};
use crate::web::admin::operator::Operator;

/// Characters of a reason, as the steps keep them.
const LONGEST: usize = 300;
/// Characters of what makes a gift that is sent twice one gift.
const ONCE: usize = 40;

/// `POST cancel`: an unpaid order is called off.
pub async fn cancel(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::OrdersWrite, code, body, Verb::Cancel);
    operator.went_on(work.await).await
}

/// `POST refund`: money goes back, of one course or of all.
pub async fn refund(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::RefundsWrite, code, body, Verb::Refund);
    operator.went_on(work.await).await
}

/// `POST retry`: a grant is tried again now.
pub async fn retry(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::GrantsWrite, code, body, Verb::Retry);
    operator.went_on(work.await).await
}

/// `POST revoke`: access ends now, for good.
pub async fn revoke(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::GrantsWrite, code, body, Verb::Revoke);
    operator.went_on(work.await).await
}

/// `POST part`: an enrolment whose removal would cost progress goes all the same, or stays.
pub async fn part(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::GrantsWrite, code, body, Verb::Part);
    operator.went_on(work.await).await
}

/// `POST give`: a course is given again, as a gift.
pub async fn give(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::GrantsWrite, code, body, Verb::Give);
    operator.went_on(work.await).await
}

/// `POST email`: a letter that failed is sent again.
pub async fn email(operator: Operator, code: Path<String>, body: Body) -> Response {
    let work = decide(&operator, Scope::OrdersWrite, code, body, Verb::Email);
    operator.went_on(work.await).await
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Cancel,
    Refund,
    Retry,
    Revoke,
    Part,
    Give,
    Email,
}

async fn decide(
    operator: &Operator,
    scope: Scope,
    Path(code): Path<String>,
    body: Body,
    verb: Verb,
) -> Result<String> {
    operator.needs(scope)?;
    let filled = operator.form(body).await?;
    let app = &operator.visit.app;
    let code = filled::code(&code, &app.desk.policy.prefix)?;
    let order = find(app, &code).await?;
    match verb {
        Verb::Cancel => call_off(operator, &order, &filled).await?,
        Verb::Refund => pay_back(operator, &order, &filled).await?,
        Verb::Retry | Verb::Revoke | Verb::Part => {
            move_grant(operator, &order, &filled, verb).await?;
        }
        Verb::Email => send_again(operator, &order, &filled).await?,
        Verb::Give => {
            let given = give_again(operator, &order, &filled).await?;
            return Ok(format!("/admin/orders/{given}"));
        }
    }
    app.live.tell(&order.id);
    Ok(format!("/admin/orders/{code}"))
}

async fn find(app: &App, code: &OrderCode) -> Result<Order> {
    let code = code.clone();
    let found = app
        .db
        .read(move |tx| Box::pin(async move { order::by_code(tx, &code).await }));
    found.await?.ok_or(Error::NotFound("order"))
}

async fn call_off(operator: &Operator, order: &Order, filled: &Filled) -> Result<()> {
    let app = &operator.visit.app;
    let why = reason(filled)?;
    let (moment, policy, id) = (operator.moment(), app.desk.policy.clone(), order.id.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move { cancel::cancel(tx, &moment, &policy, &id, &why).await })
        })
        .await
}

async fn pay_back(operator: &Operator, order: &Order, filled: &Filled) -> Result<()> {
    let app = &operator.visit.app;
    let ask = Ask {
        course: filled.text_if_any("course").map(str::to_owned),
        amount: filled::amount_if_any(filled.text("amount"), order.total.currency)?,
        keep_access: filled.ticked("keep_access"),
        why: reason(filled)?,
        reference: filled.text_if_any("reference").map(str::to_owned),
    };
    let (moment, policy, id) = (operator.moment(), app.desk.policy.clone(), order.id.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move { refund::ask(tx, &moment, &policy, &id, &ask).await })
        })
        .await?;
    Ok(())
}

async fn move_grant(operator: &Operator, order: &Order, filled: &Filled, verb: Verb) -> Result<()> {
    let app = &operator.visit.app;
    let (id, owner) = (GrantId::from(filled.text("grant")), order.id.clone());
    let why = reason(filled)?;
    let parting = match filled.text("parting") {
        "anyway" => Parting::Anyway,
        _ => Parting::Leave,
    };
    let (moment, after) = (operator.moment(), app.desk.policy.give_up_after);
    app.db
        .write(move |tx| {
            Box::pin(async move {
                is_of(&grant::get(tx, &id).await?.order, &owner)?;
                match verb {
                    Verb::Revoke => revoke::revoke(tx, &moment, &id, &why).await,
                    Verb::Part => revoke::part(tx, &moment, &id, parting, &why).await,
                    _ => complete::retry(tx, &moment, &id, after, Some(&why)).await,
                }
            })
        })
        .await
}

async fn send_again(operator: &Operator, order: &Order, filled: &Filled) -> Result<()> {
    let letter = Letter::parse(filled.text("letter")).ok_or(Error::NotFound("e-mail"))?;
    let (moment, id) = (operator.moment(), order.id.clone());
    let sending = operator.visit.app.db.write(move |tx| {
        Box::pin(async move { intervene::send_again(tx, &moment, &id, &letter).await })
    });
    sending.await?;
    Ok(())
}

/// The code of the gift: an order of its own, whose story begins with the reason.
async fn give_again(operator: &Operator, order: &Order, filled: &Filled) -> Result<OrderCode> {
    let app = &operator.visit.app;
    let course = filled.text("course").to_owned();
    let why = reason(filled)?;
    let once = filled.text("once");
    if once.len() != ONCE || !once.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::refused("conflict"));
    }
    let policy = app.desk.policy.clone();
    let catalogue = app.catalogue().await?;
    let basket = place::basket(&catalogue, &policy, std::slice::from_ref(&course))?;
    let request = Request {
        email: order.email.clone(),
        name: order.name.clone(),
        phone: None,
        locale: order.locale,
        idempotency: Some((format!("gift/{once}"), format!("{}/{course}", order.id))),
        courses: vec![course],
        coupon: None,
        kind: OrderKind::Gift,
    };
    let moment = operator.moment();
    let given = app.db.write(move |tx| {
        Box::pin(async move { gift::give(tx, &moment, &policy, &request, &basket, &why).await })
    });
    Ok(given.await?.order.code)
}

fn reason(filled: &Filled) -> Result<String> {
    let why = filled.text("why");
    let fits =
        !why.is_empty() && why.chars().count() <= LONGEST && !why.chars().any(char::is_control);
    if fits {
        Ok(why.to_owned())
    } else {
        Err(Error::refused("reason_needed"))
    }
}

fn is_of(order: &OrderId, owner: &OrderId) -> Result<()> {
    if order == owner {
        Ok(())
    } else {
        Err(Error::NotFound("grant"))
    }
}
