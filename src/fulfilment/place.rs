//! Place: a request becomes an order at a frozen price. What is not in the catalogue is refused by
//! name and nothing is stored; the price comes from the catalogue, never from the caller.

use super::price::{self, Quote, QuoteLine};
use super::{Policy, ledger};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, FieldFault, Refusal, Result};
use crate::id::{LineId, OrderId};
use crate::model::catalogue::{Catalogue, Item};
use crate::model::code::OrderCode;
use crate::model::coupon::{self, Coupon, CouponCode, refused};
use crate::model::course::{self, Course, Destination};
use crate::model::grant::Benefit;
use crate::model::line::{self, Line, LineStatus, Promise};
use crate::model::order::{self, NewOrder, Order, OrderKind};
use crate::model::payment::{self, NewPayment};
use crate::model::{Moment, customer};
use crate::money::Money;
use crate::words::Locale;

/// Codes to try before giving up; with 31^7 codes a second try is already rare.
const CODE_TRIES: usize = 5;

/// What a buyer asks for, checked in form by the door.
#[derive(Debug, Clone)]
pub struct Request {
    /// Lower-case address.
    pub email: String,
    /// May be empty.
    pub name: String,
    /// For the seller's support.
    pub phone: Option<String>,
    /// Language of pages and mail.
    pub locale: Locale,
    /// Slugs or page addresses, as the caller wrote them.
    pub courses: Vec<String>,
    /// At most one.
    pub coupon: Option<CouponCode>,
    /// The front end's key and a digest of its request.
    pub idempotency: Option<(String, String)>,
    /// How it comes about.
    pub kind: OrderKind,
}

/// What was priced before the transaction; the catalogue is not asked twice.
#[derive(Debug, Clone)]
pub struct Basket {
    quote: Quote,
    courses: Vec<Course>,
}

impl Basket {
    /// The same courses for nothing.
    #[must_use]
    pub fn as_gift(&self) -> Self {
        let mut gift = self.clone();
        gift.quote.rule = price::Rule::default();
        gift.quote.total.minor = 0;
        for line in &mut gift.quote.lines {
            line.price.minor = 0;
        }
        gift
    }

    /// What it costs without a coupon.
    #[must_use]
    pub fn quote(&self) -> &Quote {
        &self.quote
    }
}

/// An order and its lines, as stored.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The same request had placed it before.
    pub existing: bool,
}

/// Find and price what is asked for; every fault at once, by its place in the request.
pub fn basket(catalogue: &Catalogue, policy: &Policy, wanted: &[String]) -> Result<Basket> {
    if wanted.is_empty() {
        return Err(Error::Invalid(vec![FieldFault::new(
            "courses",
            "empty_courses",
        )]));
    }
    if wanted.len() > policy.courses_per_order {
        return Err(too_many(policy.courses_per_order));
    }
    let items = items(catalogue, wanted)?;
    let quote = price::price(catalogue, &items);
    if quote.lines.len() > policy.courses_per_order {
        return Err(too_many(policy.courses_per_order));
    }
    let courses = quote
        .lines
        .iter()
        .filter_map(|line| catalogue.course(&line.course));
    let courses = courses.cloned().collect();
    Ok(Basket { quote, courses })
}

fn items<'c>(catalogue: &'c Catalogue, wanted: &[String]) -> Result<Vec<Item<'c>>> {
    let mut items: Vec<Item<'c>> = Vec::new();
    let mut twice = Vec::new();
    for (place, name) in wanted.iter().enumerate() {
        let Some(item) = catalogue.find(name) else {
            return Err(unknown(catalogue, wanted));
        };
        if items.contains(&item) {
            let mut fault = FieldFault::new(format!("courses[{place}].url"), "duplicate_course");
            fault.values = vec![("course", shown(name))];
            twice.push(fault);
        }
        items.push(item);
    }
    if twice.is_empty() {
        Ok(items)
    } else {
        Err(Error::Invalid(twice))
    }
}

/// All the names that are not in the catalogue, so that the front end can show each.
fn unknown(catalogue: &Catalogue, wanted: &[String]) -> Error {
    let names: Vec<String> = wanted
        .iter()
        .filter(|name| catalogue.find(name).is_none())
        .map(|name| shown(name))
        .collect();
    Error::Refused(Refusal {
        code: "unknown_course",
        values: vec![("course", names.join(", "))],
    })
}

fn too_many(most: usize) -> Error {
    let mut fault = FieldFault::new("courses", "too_many_courses");
    fault.values = vec![("max", most.to_string())];
    Error::Invalid(vec![fault])
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// What a basket would cost with a coupon, for whom that is known already; or why it would not.
/// Nothing is taken: only the order makes sure of it.
pub async fn preview(
    tx: &mut Tx<'_>,
    now: Timestamp,
    basket: &Basket,
    code: &CouponCode,
    email: Option<&str>,
) -> Result<Quote> {
    let coupon = known(tx, code).await?;
    let quote = price::coupon::apply(&basket.quote, &coupon, now)?;
    coupon::check_left(tx, &coupon, email).await?;
    Ok(quote)
}

/// Store the order, its lines and its payments; the same request again finds the same order. One
/// that costs nothing is paid with that.
pub async fn place(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    request: &Request,
    basket: &Basket,
) -> Result<Placed> {
    if let Some(placed) = placed_before(tx, request).await? {
        return Ok(placed);
    }
    let (quote, coupon) = priced(tx, moment, request, basket).await?;
    let order = store(tx, moment, policy, request, &quote).await?;
    if let Some(coupon) = &coupon {
        let off = Money {
            minor: basket.quote.total.minor - quote.total.minor,
            currency: quote.total.currency,
        };
        // Behind the order: its twin with the same key must find it, not a coupon that is used up.
        coupon::reserve(tx, moment, coupon, &order, off).await?;
    }
    let lines = basket.courses.iter().zip(&quote.lines);
    let lines: Vec<Line> = lines
        .map(|(course, priced)| new_line(moment, &order.id, course, priced))
        .collect();
    if quote.total.minor == 0 {
        return give(tx, moment, policy, &order, &lines).await;
    }
    for (position, line) in lines.iter().enumerate() {
        line::insert(tx, line, position)?;
    }
    for gateway in &policy.gateways {
        let new = NewPayment {
            order: &order.id,
            gateway,
            attempt: 1,
            amount: quote.total,
            reference: None,
            until: None,
        };
        payment::open(tx, moment, &new);
    }
    Ok(Placed {
        order,
        lines,
        existing: false,
    })
}

async fn priced(
    tx: &mut Tx<'_>,
    moment: &Moment,
    request: &Request,
    basket: &Basket,
) -> Result<(Quote, Option<Coupon>)> {
    let Some(code) = &request.coupon else {
        return Ok((basket.quote.clone(), None));
    };
    let coupon = known(tx, code).await?;
    let quote = price::coupon::apply(&basket.quote, &coupon, moment.now)?;
    Ok((quote, Some(coupon)))
}

async fn known(tx: &mut Tx<'_>, code: &CouponCode) -> Result<Coupon> {
    let coupon = coupon::find(tx, code).await?;
    coupon.ok_or_else(|| refused("unknown_coupon", code))
}

/// An order that costs nothing has no payment: its lines start at once.
async fn give(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    order: &Order,
    lines: &[Line],
) -> Result<Placed> {
    for (position, line) in lines.iter().enumerate() {
        line::insert_now(tx, line, position).await?;
    }
    ledger::free(tx, moment, policy, order).await?;
    Ok(Placed {
        order: order::get(tx, &order.id).await?,
        lines: line::of_order(tx, &order.id).await?,
        existing: false,
    })
}

/// What the same request placed before; a refusal when its key was used for another request.
pub async fn placed_before(tx: &mut Tx<'_>, request: &Request) -> Result<Option<Placed>> {
    let Some((key, digest)) = &request.idempotency else {
        return Ok(None);
    };
    let Some(order) = order::by_idempotency_key(tx, key).await? else {
        return Ok(None);
    };
    if order.request_digest.as_ref() != Some(digest) {
        return Err(Error::refused("idempotency_conflict"));
    }
    let lines = line::of_order(tx, &order.id).await?;
    Ok(Some(Placed {
        order,
        lines,
        existing: true,
    }))
}

async fn store(
    tx: &mut Tx<'_>,
    moment: &Moment,
    policy: &Policy,
    request: &Request,
    quote: &Quote,
) -> Result<Order> {
    let (name, phone) = (request.name.as_str(), request.phone.as_deref());
    let customer = customer::meet(tx, moment, &request.email, name, phone).await?;
    let price_rule = quote.rule.to_json()?;
    let expires_at: Timestamp = moment.now.plus(policy.order_ttl);
    for _ in 0..CODE_TRIES {
        let id = moment.id::<OrderId>();
        let new = NewOrder {
            id: &id,
            code: &OrderCode::mint(&policy.prefix, &moment.mint),
            secret: &moment.mint.secret(),
            customer: &customer,
            email: &request.email,
            name,
            locale: request.locale,
            list_total: quote.list_total,
            total: quote.total,
            price_rule: &price_rule,
            lines: quote.lines.len(),
            idempotency: request
                .idempotency
                .as_ref()
                .map(|(k, d)| (k.as_str(), d.as_str())),
            expires_at,
            kind: request.kind,
        };
        if order::insert(tx, moment, &new).await? {
            return Ok(new.stored(moment.now));
        }
    }
    // With a key, the likelier reason is that its twin committed between our look and our insert.
    Err(Error::Conflict(
        "no free order code, or the same key at the same moment",
    ))
}

fn new_line(moment: &Moment, order: &OrderId, course: &Course, priced: &QuoteLine) -> Line {
    Line {
        id: moment.id::<LineId>(),
        order: order.clone(),
        course: course.slug.to_string(),
        title: course.title.clone(),
        list_price: priced.list_price.minor,
        price: priced.price.minor,
        access_days: course.access_days.map(i64::from),
        promises: course.benefits.iter().map(promise).collect(),
        status: LineStatus::Pending,
        open_grants: i64::try_from(course.benefits.len()).unwrap_or(i64::MAX),
    }
}

fn promise(benefit: &course::Benefit) -> Promise {
    match benefit {
        course::Benefit::Enrolment { connection, course } => Promise {
            benefit: Benefit::Enrolment,
            connection: connection.clone(),
            target: course.clone(),
            drive: None,
        },
        course::Benefit::Files {
            source,
            folder,
            destination,
            drive,
            stamp: _,
        } => Promise {
            benefit: match destination {
                Destination::Download => Benefit::Files,
                Destination::Worker => Benefit::WorkerFiles,
            },
            connection: source.clone(),
            target: folder.clone(),
            drive: drive.clone(),
        },
    }
}
