//! The way to a gateway's own payment page: the attempt is stored, with its idempotency key, before the
//! call leaves; clicked twice, it finds the same page. Paying elsewhere meanwhile ends it. One that a gateway
//! refused, or may have made without our knowing, is left behind: gateways keep their answer under its key, so
//! the next click needs another. What it may have made has a page that nobody was sent to, and is ended.

use std::time::Duration;

use crate::app::App;
use crate::clock::Timestamp;
use crate::connectors::Fault;
use crate::connectors::gateways::teller::{Intent, Means, Opened, Teller};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::plan;
use crate::id::{OrderId, PaymentId};
use crate::model::Moment;
use crate::model::audit::{self, Actor};
use crate::model::line::{self, Line};
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::payment::{self, NewPayment, Payment, PaymentState};
use crate::money::Money;

/// A checkout lives so long at most; gateways allow a day.
const LONGEST: Duration = Duration::from_hours(23);
/// A page that ends sooner than this is not handed out any more.
const MARGIN: Duration = Duration::from_mins(5);
/// No gateway opens one for less.
const SHORTEST: Duration = Duration::from_mins(35);
/// What became of it is looked up after so long, whatever was heard of it.
const FIRST_LOOK: Duration = Duration::from_mins(10);

/// Below the order's page: where buyers come back to after they paid at a gateway.
pub const BACK: &str = "back";

/// A gateway's page, as a way to pay an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Where.
    pub gateway: &'static str,
    /// How buyers pay there.
    pub means: Means,
    /// The code of why this order cannot be paid there.
    pub refused: Option<&'static str>,
}

impl Way {
    /// Where a click on it posts to.
    #[must_use]
    pub fn path(&self, order: &Order) -> String {
        format!("/o/{}/pay/{}", order.secret, self.gateway)
    }
}

/// The pages that what is owed of an order can, or cannot, be paid on.
#[must_use]
pub fn ways(app: &App, order: &Order) -> Vec<Way> {
    let owed = Money {
        minor: order.owed(),
        currency: order.total.currency,
    };
    let configured = app.desk.policy.checkouts.iter();
    let way = |gateway: &&'static str| {
        let teller = app.world.tellers.get(gateway)?;
        Some(Way {
            gateway,
            means: teller.means(),
            refused: teller.accepts(owed).err(),
        })
    };
    configured.filter_map(way).collect()
}

/// Where the buyer of an order pays at a gateway.
pub async fn begin(app: &App, order: &OrderId, gateway: &str) -> Result<String> {
    let teller = app.world.tellers.get(gateway);
    let teller = teller.filter(|t| t.abilities().checkout);
    let teller = teller.ok_or(Error::NotFound("gateway"))?.clone();
    let attempt = store(app, order, gateway, teller.clone()).await?;
    if let Some(url) = attempt.payment.url {
        return Ok(url);
    }
    let page = match teller.open(&intent(app, &attempt)).await {
        Ok(opened) => name(app, attempt.payment.id, opened).await?,
        Err(fault) => {
            let refused = unopened(gateway, &fault);
            if may_work_later(&fault) {
                return Err(refused);
            }
            return leave(app, attempt.payment.id, &fault).await?.ok_or(refused);
        }
    };
    page.ok_or(Error::refused("checkout_unavailable"))
}

/// The buyer is back, and no message was here yet: what became of the order's checkouts is looked up now.
pub async fn look(app: &App, order: &OrderId) -> Result<()> {
    let (moment, order) = (app.moment(Actor::Buyer), order.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                for payment in payment::of_order(tx, &order).await? {
                    if payment.is_checkout() && payment.state == PaymentState::Open {
                        plan::look_after(tx, &moment, &payment).await?;
                    }
                }
                Ok(())
            })
        })
        .await
}

/// What is stored before the call.
struct Attempt {
    payment: Payment,
    order: Order,
    lines: Vec<Line>,
}

async fn store(
    app: &App,
    order: &OrderId,
    gateway: &str,
    teller: std::sync::Arc<dyn Teller>,
) -> Result<Attempt> {
    let moment = app.moment(Actor::Buyer);
    let (order, gateway) = (order.clone(), gateway.to_owned());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let order = order::hold(tx, &order).await?;
                let owed = payable(&order, teller.as_ref())?;
                let payment = attempt(tx, &moment, &order, (&gateway, owed), &*teller).await?;
                let lines = line::of_order(tx, &order.id).await?;
                Ok(Attempt {
                    payment,
                    order,
                    lines,
                })
            })
        })
        .await
}

fn payable(order: &Order, teller: &dyn Teller) -> Result<Money> {
    if order.payment_status != PaymentStatus::Pending || order.owed() == 0 {
        return Err(Error::refused("order_not_payable"));
    }
    let owed = Money {
        minor: order.owed(),
        currency: order.total.currency,
    };
    teller.accepts(owed).map_err(Error::refused)?;
    Ok(owed)
}

/// The open attempt for what is owed, or the next one.
async fn attempt(
    tx: &mut Tx<'_>,
    moment: &Moment,
    order: &Order,
    (gateway, owed): (&str, Money),
    teller: &dyn Teller,
) -> Result<Payment> {
    let last = payment::last(tx, &order.id, gateway).await?;
    if let Some(open) = &last
        && open.state == PaymentState::Open
    {
        let lasts = open.until.is_some_and(|end| end > moment.now.plus(MARGIN));
        if lasts && open.amount == owed.minor {
            return Ok(open.clone());
        }
        plan::look_after(tx, moment, open).await?;
    }
    let reference = teller.reserve(moment.mint.bits());
    let until = end(moment.now, order.expires_at);
    let new = NewPayment {
        order: &order.id,
        gateway,
        attempt: last.map_or(1, |last| last.attempt + 1),
        amount: owed,
        reference: reference.as_deref(),
        until: Some(until),
    };
    let id = payment::open(tx, moment, &new);
    Ok(Payment {
        id,
        order: order.id.clone(),
        gateway: gateway.to_owned(),
        attempt: new.attempt,
        amount: owed.minor,
        state: PaymentState::Open,
        reference,
        url: None,
        until: Some(until),
        why: None,
    })
}

/// With the order, but not so soon that the gateway would refuse it, nor so late.
fn end(now: Timestamp, order_ends: Timestamp) -> Timestamp {
    order_ends.max(now.plus(SHORTEST)).min(now.plus(LONGEST))
}

fn intent(app: &App, attempt: &Attempt) -> Intent {
    let Attempt {
        payment,
        order,
        lines,
    } = attempt;
    let currency = order.total.currency;
    let page = app.desk.order_url(&order.secret);
    let money = |minor| Money { minor, currency };
    Intent {
        payment: payment.id.0.clone(),
        reference: payment.reference.clone(),
        order: order.id.0.clone(),
        code: order.code.to_string(),
        amount: money(payment.amount),
        lines: lines
            .iter()
            .map(|line| (line.title.clone(), money(line.price)))
            .collect(),
        email: order.email.clone(),
        locale: order.locale,
        success_url: format!("{page}/{BACK}"),
        cancel_url: page,
        until: payment.until.unwrap_or(order.expires_at),
    }
}

/// Where the buyer pays; none if the attempt was left behind by a click beside this one.
async fn name(app: &App, payment: PaymentId, opened: Opened) -> Result<Option<String>> {
    let moment = app.moment(Actor::Buyer);
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let Opened { reference, url } = opened;
                payment::name(tx, &payment, &reference, Some(&url)).await?;
                let payment = payment::get(tx, &payment).await?;
                if payment.is_left_behind() {
                    plan::look_after(tx, &moment, &payment).await?;
                    return Ok(None);
                }
                let at = moment.now.plus(FIRST_LOOK);
                plan::look_after_at(tx, &moment, &payment, at);
                Ok(Some(url))
            })
        })
        .await
}

/// The same call can work under the same key: nothing was decided there.
fn may_work_later(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Transient { .. } | Fault::ConnectionBroken { .. }
    )
}

/// Close an attempt, and have what it made ended where that has a name. The page, if a click beside this
/// one has found it meanwhile.
async fn leave(app: &App, id: PaymentId, fault: &Fault) -> Result<Option<String>> {
    let (moment, why) = (app.moment(Actor::Buyer), fault.to_string());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let left = payment::leave(tx, &id, &why).await?;
                let payment = payment::get(tx, &id).await?;
                if left {
                    audit::write(tx, &moment, &left_behind(&payment));
                }
                if payment.is_left_behind() {
                    plan::look_after(tx, &moment, &payment).await?;
                }
                Ok(payment.url.filter(|_| payment.state == PaymentState::Open))
            })
        })
        .await
}

fn left_behind(payment: &Payment) -> audit::Change<'_> {
    audit::Change {
        order: Some(&payment.order),
        subject: &payment.id.0,
        action: "payment.left",
        why: payment.why.as_deref(),
        before: Some(PaymentState::Open.as_str()),
        after: Some(PaymentState::Closed.as_str()),
    }
}

/// The buyer reads that it did not work and can try again, or pay another way; the log says why.
fn unopened(gateway: &str, fault: &Fault) -> Error {
    tracing::warn!(gateway, "a checkout could not be opened: {fault}");
    match fault {
        Fault::MappingBroken { .. } | Fault::LearnerProblem { .. } => {
            Error::refused("checkout_refused")
        }
        _ => Error::refused("checkout_unavailable"),
    }
}
