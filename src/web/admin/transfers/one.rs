//! `/admin/transfers/{id}`: everything about one transfer, the orders that it was most likely meant
//! for, each with one button, and whatever else a person can decide. What a decision would do is
//! said beside its button.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::{LONGEST, clue};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fact::Direction;
use crate::fulfilment::foresee::{self, Effect, Freed, Undoing};
use crate::fulfilment::suggest::{self, Reason};
use crate::fulfilment::{Policy, inbox};
use crate::id::TransferId;
use crate::model::allocation;
use crate::model::api_key::Scope;
use crate::model::audit::{self, Entry};
use crate::model::code;
use crate::model::order::list::Filter;
use crate::model::order::{self, Order, PaymentStatus};
use crate::model::refund::{self, Refund};
use crate::model::transfer::{self, Class, Transfer};
use crate::money::Money;
use crate::web::admin::filled;
use crate::web::admin::operator::Operator;
use crate::web::admin::page::Room;
use crate::web::admin::words::{self, Told};
use crate::web::frame::Frame;
use crate::web::icon::Icon;

/// Orders that a search shows.
const MOST_FOUND: i64 = 10;
/// Entries of a transfer's story.
const MOST_TOLD: i64 = 100;
/// Empty rows of the form that divides.
const SPARE_SHARES: usize = 2;

/// An order that the transfer could pay.
#[derive(Debug, Clone)]
pub struct Offer {
    /// As it is now.
    pub order: Order,
    /// Why it is suggested.
    pub reasons: Vec<Reason>,
    /// What the money would do for it.
    pub effect: Effect,
}

/// Everything about a transfer.
#[derive(Debug, Clone)]
pub struct Whole {
    /// As stored.
    pub transfer: Transfer,
    /// What of it can still be decided about.
    pub left: Money,
    /// The order that it was matched with.
    pub order: Option<Order>,
    /// What it pays.
    pub parts: Vec<(Order, Money)>,
    /// What of it went back.
    pub refunds: Vec<Refund>,
    /// Orders that it may have been meant for, the likeliest first.
    pub offers: Vec<Offer>,
    /// Orders that a search found; none where nothing was searched.
    pub found: Option<Vec<Offer>>,
    /// Orders that its text names, to divide it over.
    pub named: Vec<Order>,
    /// What undoing would do.
    pub undoing: Undoing,
    /// What happened to it, oldest first.
    pub story: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "pages/admin/transfer.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    whole: &'a Whole,
    transfer: &'a Transfer,
    searched: &'a str,
    story: Vec<Told>,
    by_gateway: bool,
    /// Code and amount of each row of the form that divides.
    shares: Vec<(String, String)>,
}

/// `GET /admin/transfers/{id}`; `?q=` looks for orders.
pub async fn show(operator: Operator, Path(id): Path<String>) -> Response {
    operator
        .show(Scope::TransfersRead, one(&operator, TransferId::from(id)))
        .await
}

async fn one(operator: &Operator, id: TransferId) -> Result<String> {
    let app = &operator.visit.app;
    let searched = operator.visit.asked("q").next().unwrap_or_default();
    let searched = searched.trim().to_owned();
    if searched.chars().count() > LONGEST {
        return Err(Error::refused("search_too_long"));
    }
    if !searched.is_empty() {
        operator.needs(Scope::OrdersRead)?;
    }
    let whole = read(app, id, &searched).await?;
    let room = operator.room().await?;
    let page = Page {
        frame: &room.frame,
        room: &room,
        transfer: &whole.transfer,
        story: words::story(&room.frame, &whole.story),
        searched: &searched,
        by_gateway: app
            .desk
            .policy
            .refunders
            .contains(&whole.transfer.gateway.as_str()),
        shares: whole.shares(),
        whole: &whole,
    };
    Ok(page.render()?)
}

async fn read(app: &App, id: TransferId, searched: &str) -> Result<Whole> {
    let (policy, searched) = (app.desk.policy.clone(), searched.to_owned());
    app.db
        .read(move |tx| {
            Box::pin(async move {
                let transfer = transfer::get(tx, &id).await?;
                gather(tx, &policy, transfer, &searched).await
            })
        })
        .await
}

async fn gather(
    tx: &mut Tx<'_>,
    policy: &Policy,
    transfer: Transfer,
    searched: &str,
) -> Result<Whole> {
    let left = foresee::left(tx, &transfer).await?;
    let waits = transfer.closed_at.is_none() && transfer.direction == Direction::In;
    let order = match &transfer.order {
        Some(id) => Some(order::get(tx, id).await?),
        None => None,
    };
    let offers = if waits {
        offers(tx, policy, &transfer, left).await?
    } else {
        Vec::new()
    };
    let found = if searched.is_empty() || !waits {
        None
    } else {
        Some(found(tx, policy, left, searched).await?)
    };
    Ok(Whole {
        left,
        order,
        offers,
        found,
        parts: parts(tx, &transfer).await?,
        refunds: refund::of_transfer(tx, &transfer.id).await?,
        named: named(tx, policy, &transfer).await?,
        undoing: foresee::undoing(tx, policy, &transfer).await?,
        story: story(tx, &transfer.id).await?,
        transfer,
    })
}

async fn offers(
    tx: &mut Tx<'_>,
    policy: &Policy,
    transfer: &Transfer,
    left: Money,
) -> Result<Vec<Offer>> {
    let suggested = suggest::suggest(tx, policy, &clue(transfer, left)).await?;
    let offers = suggested.into_iter().map(|suggestion| Offer {
        effect: foresee::assigning(policy, left, &suggestion.order),
        order: suggestion.order,
        reasons: suggestion.reasons,
    });
    Ok(offers.collect())
}

/// By code, by the buyer's whole address, or by what is owed.
async fn found(
    tx: &mut Tx<'_>,
    policy: &Policy,
    left: Money,
    searched: &str,
) -> Result<Vec<Offer>> {
    let filter = Filter {
        payment_status: None,
        order_status: None,
        email: None,
        code: None,
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
    };
    let orders = if searched.contains('@') {
        let email = Some(searched.to_lowercase());
        let filter = Filter { email, ..filter };
        order::list::list(tx, &filter, None, MOST_FOUND).await?
    } else if let Ok(code) = filled::code(searched, &policy.prefix) {
        order::by_code(tx, &code).await?.into_iter().collect()
    } else if let Some(minor) = filled::amount(searched, left.currency) {
        order::owing(tx, Money { minor, ..left }).await?
    } else {
        Vec::new()
    };
    let offers = orders.into_iter().map(|order| Offer {
        effect: foresee::assigning(policy, left, &order),
        reasons: Vec::new(),
        order,
    });
    Ok(offers.collect())
}

async fn parts(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<Vec<(Order, Money)>> {
    let mut parts = Vec::new();
    for part in allocation::of_transfer(tx, &transfer.id).await? {
        let amount = Money {
            minor: part.amount,
            currency: transfer.amount.currency,
        };
        parts.push((order::get(tx, &part.order).await?, amount));
    }
    Ok(parts)
}

async fn named(tx: &mut Tx<'_>, policy: &Policy, transfer: &Transfer) -> Result<Vec<Order>> {
    let memos: Vec<&str> = transfer.memo.lines().collect();
    let mut named = Vec::new();
    for code in code::find_codes(&memos, &policy.prefix) {
        named.extend(order::by_code(tx, &code).await?);
    }
    Ok(named)
}

async fn story(tx: &mut Tx<'_>, id: &TransferId) -> Result<Vec<Entry>> {
    let filter = audit::Filter {
        subject: Some(id.0.clone()),
        actor: None,
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
    };
    let mut story = audit::list(tx, &filter, None, MOST_TOLD).await?;
    story.reverse();
    Ok(story)
}

impl Offer {
    fn owed(&self) -> Money {
        owed(&self.order)
    }

    /// The order would take the money.
    fn takes(&self) -> bool {
        self.effect != Effect::Refused
    }

    fn is_short(&self) -> bool {
        matches!(self.effect, Effect::Rest(_))
    }
}

impl Whole {
    /// A person can decide about it.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.transfer.closed_at.is_none() && self.transfer.direction == Direction::In
    }

    /// Its text names several orders that still need money: dividing it comes first.
    #[must_use]
    pub fn is_divided(&self) -> bool {
        self.transfer.class == Class::Split
            && self.named.iter().filter(|order| order.owed() > 0).count() > 1
    }

    /// How suggestions stand: as the likeliest decision, or behind another.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        if self.is_divided() || self.due().is_some() {
            "other"
        } else {
            "best"
        }
    }

    /// No order needed so much of it.
    #[must_use]
    pub fn due(&self) -> Option<Money> {
        let (minor, currency) = (self.transfer.due(), self.transfer.amount.currency);
        (minor > 0).then_some(Money { minor, currency })
    }

    /// The rows of the form that divides: the orders that its text names, and some to fill in.
    fn shares(&self) -> Vec<(String, String)> {
        let named = self.named.iter().filter(|order| order.owed() > 0);
        let mut rows: Vec<(String, String)> = named
            .map(|order| (order.code.to_string(), typed(owed(order))))
            .collect();
        rows.resize_with(rows.len() + SPARE_SHARES, Default::default);
        rows.truncate(inbox::MOST_SHARES);
        rows
    }

    /// It was booked on an order that still waits for the rest.
    #[must_use]
    pub fn short_of(&self) -> Option<(&Order, Money)> {
        let order = self.order.as_ref()?;
        let open = matches!(
            order.payment_status,
            PaymentStatus::Pending | PaymentStatus::Expired
        );
        let minor = order.owed();
        let currency = order.total.currency;
        let booked = self.transfer.closed_at.is_some() && order.received.minor > 0;
        (open && booked && minor > 0).then_some((order, Money { minor, currency }))
    }
}

impl Page<'_> {
    fn class(&self, part: &str) -> String {
        let group = if part == "text" {
            "class_text"
        } else {
            "class"
        };
        words::word(self.frame, group, self.transfer.class)
    }

    fn reasons(&self, offer: &Offer) -> Vec<String> {
        let words = offer.reasons.iter();
        words.map(|r| words::reason(self.frame, *r)).collect()
    }

    fn payment(&self, order: &Order) -> String {
        words::word(self.frame, "payment", order.payment_status)
    }

    /// What assigning would do, in a sentence.
    fn effect(&self, offer: &Offer) -> String {
        let amount = |minor: i64| Money {
            minor,
            currency: self.whole.left.currency,
        };
        match offer.effect {
            Effect::Pays => self.frame.say("admin.effect.pays").into_owned(),
            Effect::Surplus(minor) => {
                self.frame
                    .with("admin.effect.surplus", "amount", amount(minor))
            }
            Effect::Rest(minor) => self
                .frame
                .with("admin.effect.rest", "amount", amount(minor)),
            Effect::Refused => {
                let state = self.payment(&offer.order);
                self.frame.with("admin.effect.refused", "state", state)
            }
        }
    }

    /// A reason that is true of this suggestion, to be changed or left.
    fn why(&self, offer: &Offer) -> String {
        if offer.reasons.is_empty() {
            return self.frame.say("admin.why.found").into_owned();
        }
        let reasons = self.reasons(offer).join(", ");
        self.frame.with("admin.why.suggested", "reasons", reasons)
    }

    fn closed_by(&self) -> String {
        let actor = self.transfer.closed_by.as_deref().unwrap_or_default();
        words::who(self.frame, actor)
    }

    /// Why it was closed: a person's words, or the class that closed it.
    fn closed_why(&self) -> String {
        let why = self.transfer.closed_why.as_deref().unwrap_or_default();
        match Class::parse(why) {
            Some(class) => words::word(self.frame, "class_text", class),
            None => why.to_owned(),
        }
    }

    fn amount_of(&self, freed: &Freed) -> String {
        let currency = self.transfer.amount.currency;
        let minor = freed.amount;
        Money { minor, currency }.to_string()
    }

    fn refund_state(&self, refund: &Refund) -> String {
        words::word(self.frame, "refund", refund.state)
    }
}

fn owed(order: &Order) -> Money {
    Money {
        minor: order.owed(),
        currency: order.total.currency,
    }
}

/// As a person would type it.
fn typed(amount: Money) -> String {
    let written = amount.to_string();
    written.trim_end_matches(['₫', ' ']).to_owned()
}
