//! What a person decides about a transfer, by form: each verb is one step, one transaction, one audit
//! entry, and leads back to the inbox, which says what was done.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;

use crate::app::App;
use crate::error::{Error, Result};
use crate::fulfilment::inbox::{self, Share};
use crate::id::{OrderId, TransferId};
use crate::model::api_key::Scope;
use crate::model::{Moment, allocation, transfer};
use crate::money::Currency;
use crate::web::admin::filled::{self, Filled};
use crate::web::admin::operator::Operator;

/// `POST assign`: all that the order needs of it.
pub async fn assign(operator: Operator, id: Path<String>, body: Body) -> Response {
    let done = decide(&operator, Scope::TransfersWrite, id, body, Verb::Assign).await;
    operator.went_on(done).await
}

/// `POST accept`: too little is enough.
pub async fn accept(operator: Operator, id: Path<String>, body: Body) -> Response {
    let done = decide(&operator, Scope::TransfersWrite, id, body, Verb::Accept).await;
    operator.went_on(done).await
}

/// `POST split`: so much for each of several orders.
pub async fn split(operator: Operator, id: Path<String>, body: Body) -> Response {
    let done = decide(&operator, Scope::TransfersWrite, id, body, Verb::Split).await;
    operator.went_on(done).await
}

/// `POST give-back`: it goes back to its payer, or went.
pub async fn give_back(operator: Operator, id: Path<String>, body: Body) -> Response {
    let done = decide(&operator, Scope::RefundsWrite, id, body, Verb::GiveBack).await;
    operator.went_on(done).await
}

/// `POST discard`: it needs nothing.
pub async fn discard(operator: Operator, id: Path<String>, body: Body) -> Response {
    let done = decide(&operator, Scope::TransfersWrite, id, body, Verb::Discard).await;
    operator.went_on(done).await
}

/// `POST undo`: it waits again.
pub async fn undo(operator: Operator, id: Path<String>, body: Body) -> Response {
    let done = decide(&operator, Scope::TransfersWrite, id, body, Verb::Undo).await;
    operator.went_on(done).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Assign,
    Accept,
    Split,
    GiveBack,
    Discard,
    Undo,
}

/// A decision as it was filled in.
#[derive(Clone)]
enum Wish {
    Assign(Share),
    Accept(Option<Share>),
    Split(Vec<Share>),
    GiveBack(Option<String>),
    Discard,
    Undo,
}

async fn decide(
    operator: &Operator,
    scope: Scope,
    Path(id): Path<String>,
    body: Body,
    verb: Verb,
) -> Result<String> {
    operator.needs(scope)?;
    let filled = operator.form(body).await?;
    let app = &operator.visit.app;
    let id = TransferId::from(id);
    let wish = wish(app, &id, verb, &filled).await?;
    let why = filled.text("why").to_owned();
    let touched = carry_out(app, operator.moment(), &id, wish, why).await?;
    for order in &touched {
        app.live.tell(order);
    }
    Ok(if verb == Verb::Undo {
        format!("/admin/transfers/{id}")
    } else {
        format!("/admin/transfers?done={id}")
    })
}

async fn wish(app: &App, id: &TransferId, verb: Verb, filled: &Filled) -> Result<Wish> {
    let share = || share(app, filled.text("code"));
    Ok(match verb {
        Verb::Assign => Wish::Assign(share()?),
        Verb::Accept => Wish::Accept(filled.text_if_any("code").map(|_| share()).transpose()?),
        Verb::Split => Wish::Split(shares(app, currency(app, id).await?, filled)?),
        Verb::GiveBack => Wish::GiveBack(filled.text_if_any("reference").map(str::to_owned)),
        Verb::Discard => Wish::Discard,
        Verb::Undo => Wish::Undo,
    })
}

fn share(app: &App, code: &str) -> Result<Share> {
    let code = filled::code(code, &app.desk.policy.prefix)?;
    Ok(Share { code, amount: None })
}

/// Rows without a code were left empty; one with an amount alone is a mistake.
fn shares(app: &App, currency: Currency, filled: &Filled) -> Result<Vec<Share>> {
    let mut shares = Vec::new();
    for (code, amount) in filled.all("code").zip(filled.all("amount")) {
        if code.is_empty() && amount.is_empty() {
            continue;
        }
        if code.is_empty() {
            return Err(Error::refused("bad_shares"));
        }
        shares.push(Share {
            amount: filled::amount_if_any(amount, currency)?,
            ..share(app, code)?
        });
    }
    Ok(shares)
}

async fn currency(app: &App, id: &TransferId) -> Result<Currency> {
    let id = id.clone();
    let read = app
        .db
        .read(move |tx| Box::pin(async move { transfer::get(tx, &id).await }));
    Ok(read.await?.amount.currency)
}

/// The step, and the orders that it touched: those that the transfer paid before or pays now.
async fn carry_out(
    app: &App,
    moment: Moment,
    id: &TransferId,
    wish: Wish,
    why: String,
) -> Result<Vec<OrderId>> {
    let (policy, id) = (app.desk.policy.clone(), id.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let mut touched = allocation::of_transfer(tx, &id).await?;
                match &wish {
                    Wish::Assign(Share { code, .. }) => {
                        inbox::assign(tx, &moment, &policy, &id, code, &why).await?;
                    }
                    Wish::Accept(share) => {
                        let code = share.as_ref().map(|share| &share.code);
                        inbox::accept(tx, &moment, &policy, &id, code, &why).await?;
                    }
                    Wish::Split(shares) => {
                        inbox::split(tx, &moment, &policy, &id, shares, &why).await?;
                    }
                    Wish::GiveBack(reference) => {
                        let reference = reference.as_deref();
                        inbox::give_back(tx, &moment, &policy, &id, reference, &why).await?;
                    }
                    Wish::Discard => {
                        inbox::discard(tx, &moment, &id, &why).await?;
                    }
                    Wish::Undo => {
                        inbox::undo(tx, &moment, &policy, &id, &why).await?;
                    }
                }
                touched.extend(allocation::of_transfer(tx, &id).await?);
                Ok(touched.into_iter().map(|part| part.order).collect())
            })
        })
        .await
}
