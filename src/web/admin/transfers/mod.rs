//! `/admin/transfers`: what waits, oldest first, each with its best suggestion. One look says what it
//! is, one click opens it.

use askama::Template;
use axum::response::Response;
use url::form_urlencoded;

use super::filled;
use super::operator::Operator;
use super::page::Room;
use super::words;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::suggest::{self, Clue, Suggestion};
use crate::fulfilment::{Policy, foresee};
use crate::id::TransferId;
use crate::model::api_key::Scope;
use crate::model::code::OrderCode;
use crate::model::order;
use crate::model::transfer::inbox::{self as list, Filter, Search};
use crate::model::transfer::{self, Class, Transfer};
use crate::money::{Currency, Money};
use crate::web::frame::Frame;
use crate::web::icon::Icon;
use crate::web::visit::Visit;

pub mod decide;
pub mod one;

/// Rows of a page.
const ROWS: i64 = 25;
/// Characters of a search.
const LONGEST: usize = 100;

/// A transfer of the list.
#[derive(Debug, Clone)]
pub struct Row {
    /// As stored.
    pub transfer: Transfer,
    /// What of it can still be decided about.
    pub left: Money,
    /// The order that it was matched with.
    pub order: Option<OrderCode>,
    /// What it was most likely meant for.
    pub best: Option<Suggestion>,
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Closed ones too.
    pub all: bool,
    /// Only surpluses.
    pub due: bool,
    /// Of this class.
    pub class: Option<Class>,
    /// On this account.
    pub account: String,
    /// What was typed.
    pub search: String,
    after: Option<TransferId>,
}

#[derive(Template)]
#[template(path = "pages/admin/transfers.html")]
struct Page<'a> {
    room: &'a Room,
    frame: &'a Frame,
    asked: &'a Asked,
    accounts: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
    done: Option<Row>,
}

/// `GET /admin/transfers`.
pub async fn show(operator: Operator) -> Response {
    operator
        .show(Scope::TransfersRead, inbox_page(&operator))
        .await
}

async fn inbox_page(operator: &Operator) -> Result<String> {
    let app = &operator.visit.app;
    let asked = Asked::of(&operator.visit)?;
    let (wanted, policy) = (asked.clone(), app.desk.policy.clone());
    let decided = operator.visit.asked("done").next().map(TransferId::from);
    let read = app.db.read(move |tx| {
        Box::pin(async move {
            let rows = rows(tx, &policy, &wanted).await?;
            let done = match decided {
                Some(id) => decided_just_now(tx, &policy, &id).await?,
                None => None,
            };
            Ok((rows, done))
        })
    });
    let (mut rows, done) = read.await?;
    let full = rows.len() > usize::try_from(ROWS).unwrap_or(0);
    if full {
        rows.pop();
    }
    let room = operator.room().await?;
    let last = rows.last().filter(|_| full);
    let page = Page {
        frame: &room.frame,
        room: &room,
        next: last.map(|row| asked.address(Some(&row.transfer.id))),
        asked: &asked,
        accounts: app.desk.accounts.iter().map(|a| a.number.clone()).collect(),
        rows,
        done,
    };
    Ok(page.render()?)
}

impl Asked {
    fn of(visit: &Visit) -> Result<Self> {
        let one = |name: &str| {
            let text = visit.asked(name).next().unwrap_or_default();
            text.trim().to_owned()
        };
        let class = one("class");
        let asked = Self {
            all: one("all") == "yes",
            due: one("due") == "yes",
            class: Class::parse(&class),
            account: one("account"),
            search: one("q"),
            after: visit.asked("after").next().map(TransferId::from),
        };
        if asked.class.is_none() && !class.is_empty() {
            return Err(Error::NotFound("class"));
        }
        let long = |text: &String| text.chars().count() > LONGEST;
        if long(&asked.search) || long(&asked.account) {
            return Err(Error::refused("search_too_long"));
        }
        Ok(asked)
    }

    /// Where the same is asked, from after this transfer on.
    fn address(&self, after: Option<&TransferId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, ticked) in [("all", self.all), ("due", self.due)] {
            if ticked {
                query.append_pair(name, "yes");
            }
        }
        let class = self.class.map_or("", Class::as_str);
        let after = after.map_or("", |id| id.0.as_str());
        for (name, text) in [
            ("class", class),
            ("account", &self.account),
            ("q", &self.search),
            ("after", after),
        ] {
            if !text.is_empty() {
                query.append_pair(name, text);
            }
        }
        format!("/admin/transfers?{}", query.finish())
    }

    /// Anything but the whole inbox.
    fn narrows(&self) -> bool {
        self.due || self.class.is_some() || !self.account.is_empty() || !self.search.is_empty()
    }

    async fn filter(&self, tx: &mut Tx<'_>, policy: &Policy) -> Result<Filter> {
        let text = Some(&self.search).filter(|text| !text.is_empty());
        let search = match text {
            None => None,
            Some(text) => {
                let named = match filled::code(text, &policy.prefix) {
                    Ok(code) => order::by_code(tx, &code).await?,
                    Err(_) => None,
                };
                Some(Search {
                    text: text.clone(),
                    amount: filled::amount(text, Currency::Vnd),
                    order: named.map(|order| order.id),
                })
            }
        };
        Ok(Filter {
            all: self.all,
            due: self.due,
            class: self.class,
            account: Some(self.account.clone()).filter(|account| !account.is_empty()),
            search,
        })
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand every argument over by reference"
)]
impl Page<'_> {
    fn class(&self, class: &Class) -> String {
        words::word(self.frame, "class", class)
    }

    fn reasons(&self, suggestion: &Suggestion) -> String {
        let words = suggestion.reasons.iter();
        let words: Vec<String> = words.map(|r| words::reason(self.frame, *r)).collect();
        words.join(", ")
    }

    fn classes(&self) -> Vec<(Class, String, bool)> {
        let each = |class: &Class| (*class, self.class(class), self.asked.class == Some(*class));
        Class::ALL.iter().map(each).collect()
    }
}

impl Row {
    /// Its text names several orders, so no single one is suggested.
    #[must_use]
    pub fn is_divided(&self) -> bool {
        self.transfer.class == Class::Split && self.transfer.closed_at.is_none()
    }

    /// What is to be paid back of it.
    #[must_use]
    pub fn due(&self) -> Option<Money> {
        let (minor, currency) = (self.transfer.due(), self.transfer.amount.currency);
        (minor > 0).then_some(Money { minor, currency })
    }
}

/// What is known of a transfer, to suggest orders by.
fn clue(transfer: &Transfer, left: Money) -> Clue {
    Clue {
        amount: left,
        memos: transfer.memo.lines().map(str::to_owned).collect(),
        at: transfer.booked_at.unwrap_or(transfer.received_at),
    }
}

async fn rows(tx: &mut Tx<'_>, policy: &Policy, asked: &Asked) -> Result<Vec<Row>> {
    let filter = asked.filter(tx, policy).await?;
    let found = list::list(tx, &filter, asked.after.as_ref(), ROWS + 1).await?;
    let mut rows = Vec::with_capacity(found.len());
    for transfer in found {
        rows.push(row(tx, policy, transfer).await?);
    }
    Ok(rows)
}

async fn row(tx: &mut Tx<'_>, policy: &Policy, transfer: Transfer) -> Result<Row> {
    let left = foresee::left(tx, &transfer).await?;
    let order = match &transfer.order {
        Some(id) => Some(order::get(tx, id).await?.code),
        None => None,
    };
    let open = transfer.closed_at.is_none() && transfer.due() <= 0;
    let best = if open {
        let suggested = suggest::suggest(tx, policy, &clue(&transfer, left)).await?;
        suggested.into_iter().next()
    } else {
        None
    };
    Ok(Row {
        transfer,
        left,
        order,
        best,
    })
}

/// What a person decided before this page, as the books have it now.
async fn decided_just_now(
    tx: &mut Tx<'_>,
    policy: &Policy,
    id: &TransferId,
) -> Result<Option<Row>> {
    match transfer::get(tx, id).await {
        Ok(transfer) => Ok(Some(row(tx, policy, transfer).await?)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
