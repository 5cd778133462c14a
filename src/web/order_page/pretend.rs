//! Demo mode only: a panel with a button for each transfer that could come for the order as it stands. It
//! says what it is. The transfer is told to our own webhook, as the gateway would; only the money is a fake.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::assemble_money::missing;
use super::door::books;
use crate::connectors::gateways::demo::{self, Pretended};
use crate::error::{Error, Result};
use crate::fulfilment::reconcile;
use crate::model::audit::Actor;
use crate::model::code::OrderCode;
use crate::model::order::{Order, PaymentStatus};
use crate::money::Money;
use crate::web::body;
use crate::web::visit::Visit;

/// How much too little or too much is sent.
const STEP: i64 = 100_000;

/// What can be pretended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pretence {
    /// All that is missing, with the right code.
    Exact,
    /// 100,000 dong less than that.
    Less,
    /// 100,000 dong more than that.
    More,
    /// All of it, with one letter of the code mistyped.
    Mistyped,
    /// All of it, with a code that no order has.
    Stranger,
    /// All of it, without a code.
    NoCode,
    /// The order's time is over.
    TimeUp,
    /// All of it, although nothing is missing.
    Again,
}

/// The panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PretendView {
    /// Where its buttons post to.
    pub action: String,
    /// What makes sense now.
    pub choice: Vec<Pretence>,
}

impl Pretence {
    const ALL: [Self; 8] = [
        Self::Exact,
        Self::Less,
        Self::More,
        Self::Mistyped,
        Self::Stranger,
        Self::NoCode,
        Self::TimeUp,
        Self::Again,
    ];

    /// Its name in the form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Less => "less",
            Self::More => "more",
            Self::Mistyped => "mistyped",
            Self::Stranger => "stranger",
            Self::NoCode => "no_code",
            Self::TimeUp => "time_up",
            Self::Again => "again",
        }
    }

    /// The key of its words.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Exact => "order.demo.exact",
            Self::Less => "order.demo.less",
            Self::More => "order.demo.more",
            Self::Mistyped => "order.demo.mistyped",
            Self::Stranger => "order.demo.stranger",
            Self::NoCode => "order.demo.no_code",
            Self::TimeUp => "order.demo.time_up",
            Self::Again => "order.demo.again",
        }
    }

    fn makes_sense(self, order: &Order) -> bool {
        let open = order.payment_status == PaymentStatus::Pending;
        let awaited = open || order.payment_status == PaymentStatus::Expired;
        match self {
            Self::Less => awaited && order.owed() > STEP,
            Self::TimeUp => open,
            Self::Again => !awaited && order.total.minor > 0,
            _ => awaited,
        }
    }
}

impl PretendView {
    /// An example: what makes sense for an order that awaits its money.
    #[must_use]
    pub fn sample() -> Self {
        let again = Pretence::Again;
        Self {
            action: "/o/secret/simulate".to_owned(),
            choice: Pretence::ALL.into_iter().filter(|p| *p != again).collect(),
        }
    }

    /// For the order as it stands.
    #[must_use]
    pub fn of(order: &Order) -> Self {
        let all = Pretence::ALL.into_iter();
        Self {
            action: format!("/o/{}/simulate", order.secret),
            choice: all.filter(|p| p.makes_sense(order)).collect(),
        }
    }
}

/// `POST /o/{secret}/simulate`, in demo mode only: a button of the panel; without a form, the first one.
/// Sent from a page that tells nobody where it is, so it carries no origin; the secret is enough.
pub async fn simulate(visit: Visit, Path(secret): Path<String>, form: Body) -> Response {
    let done = async {
        let form = body::read(&visit.headers, form).await?;
        let pressed = form_urlencoded::parse(&form).find(|(name, _)| name == "what");
        let pressed = pressed.map_or_else(|| "exact".into(), |(_, what)| what);
        let known = Pretence::ALL.into_iter().find(|p| p.name() == pressed);
        let what = known.ok_or(Error::NotFound("pretence"))?;
        pretend(&visit, &secret, what).await
    };
    match done.await {
        Ok(()) => Redirect::to(&format!("/o/{secret}")).into_response(),
        Err(error) => visit.failed(&error),
    }
}

/// What makes no sense any more changes nothing: the page was older than the order.
async fn pretend(visit: &Visit, secret: &str, what: Pretence) -> Result<()> {
    let app = &visit.app;
    if !app.is_demo() {
        return Err(Error::NotFound("simulation"));
    }
    let order = books(visit, secret).await?.order;
    if !what.makes_sense(&order) {
        return Ok(());
    }
    if what == Pretence::TimeUp {
        return end(visit, order).await;
    }
    let (amount, memo) = transfer(visit, &order, what);
    let transfer = Pretended {
        id: i64::from_str_radix(&app.mint.secret()[..12], 16)?,
        amount,
        memo,
        at: app.clock.now(),
    };
    demo::send(&app.config.payments, app.config.listen, &transfer).await?;
    Ok(())
}

/// How much comes, and with what memo.
fn transfer(visit: &Visit, order: &Order, what: Pretence) -> (Money, String) {
    let mut amount = missing(order);
    let mut memo = order.code.to_string();
    match what {
        Pretence::Less => amount.minor -= STEP,
        Pretence::More => amount.minor += STEP,
        Pretence::Again => amount = order.total,
        Pretence::Mistyped => {
            let last = memo.pop();
            memo.push(if last == Some('A') { 'C' } else { 'A' });
        }
        Pretence::Stranger => {
            let app = &visit.app;
            memo = OrderCode::mint(&app.desk.policy.prefix, &app.mint).to_string();
        }
        Pretence::NoCode => "chuyen tien hoc".clone_into(&mut memo),
        Pretence::Exact | Pretence::TimeUp => {}
    }
    (amount, memo)
}

/// What the sweep does once the order's time is really over.
async fn end(visit: &Visit, order: Order) -> Result<()> {
    let app = &visit.app;
    let (moment, id) = (app.moment(Actor::Machine("demo")), order.id.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move { reconcile::expire(tx, &moment, &id, moment.now).await })
        })
        .await?;
    app.live.tell(&order.id);
    Ok(())
}
