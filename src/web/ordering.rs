//! An order as somebody asks for it, by the API or by the shop's own form: the checks of its form,
//! and the road to `fulfilment::place`. What it costs and whether it is sold is decided there.

use std::net::IpAddr;
use std::sync::Arc;

use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::place::{self, Basket, Placed, Request};
use crate::fulfilment::price::Quote;
use crate::model::audit::Actor;
use crate::model::coupon::CouponCode;
use crate::model::order::OrderKind;
use crate::web::buyer;
use crate::words::Locale;

const KEY_MAX: usize = 128;

/// What a buyer wrote, not looked at yet.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Where access and letters go.
    pub email: String,
    /// May be missing.
    pub name: Option<String>,
    /// May be missing.
    pub phone: Option<String>,
    /// A tag of one of our languages; the caller's language when missing.
    pub locale: Option<String>,
    /// May be missing.
    pub coupon: Option<String>,
    /// Slugs or page addresses.
    pub courses: Vec<String>,
    /// The front end's key and a digest of its request.
    pub idempotency: Option<(String, String)>,
}

impl Form {
    /// Check everything; every fault at once. A coupon that cannot be one is refused rather than
    /// forgotten: the buyer counts on its price.
    pub fn check(self, caller: Locale) -> Result<Request> {
        let (name, phone) = (self.name.as_deref(), self.phone.as_deref());
        let read = buyer::parse_buyer(&self.email, name, phone, self.locale.as_deref());
        let (buyer, mut faults) = match read {
            Ok(buyer) => (Some(buyer), Vec::new()),
            Err(faults) => (None, faults),
        };
        if !self.idempotency.as_ref().is_none_or(|(key, _)| is_key(key)) {
            faults.push(FieldFault::new("Idempotency-Key", "bad_idempotency_key"));
        }
        let coupon = match coupon(self.coupon.as_deref()) {
            Ok(coupon) => coupon,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let Some(buyer) = buyer.filter(|_| faults.is_empty()) else {
            return Err(Error::Invalid(faults));
        };
        Ok(Request {
            email: buyer.email,
            name: buyer.name,
            phone: buyer.phone,
            locale: buyer.locale.unwrap_or(caller),
            courses: self.courses,
            coupon,
            idempotency: self.idempotency,
            kind: OrderKind::Sale,
        })
    }
}

/// The coupon in a form; blank is none.
pub fn coupon(typed: Option<&str>) -> Result<Option<CouponCode>, FieldFault> {
    let typed = typed.unwrap_or_default();
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let code = CouponCode::parse(typed);
    code.map(Some)
        .ok_or_else(|| FieldFault::new("coupon", "bad_coupon"))
}

/// Place it, for a caller at this address. The same key with the same request finds the order that it
/// placed before, whatever has become of the catalogue; of two twins at the same moment one places
/// it and the other finds it.
pub async fn place(app: &Arc<App>, address: IpAddr, request: Request) -> Result<Placed> {
    if request.idempotency.is_some() {
        let asked = request.clone();
        let before = app
            .db
            .read(move |tx| Box::pin(async move { place::placed_before(tx, &asked).await }));
        if let Some(placed) = before.await? {
            return Ok(placed);
        }
    }
    if request.coupon.is_none() {
        return placed(app, request).await;
    }
    app.limits.check_failures(address)?;
    count_guess(app, address, placed(app, request).await)
}

/// What a basket costs with a coupon, for a caller at this address.
pub async fn preview(
    app: &Arc<App>,
    address: IpAddr,
    basket: &Basket,
    code: CouponCode,
    email: Option<String>,
) -> Result<Quote> {
    app.limits.check_failures(address)?;
    let (basket, now) = (basket.clone(), app.clock.now());
    let looked = app.db.read(move |tx| {
        Box::pin(async move { place::preview(tx, now, &basket, &code, email.as_deref()).await })
    });
    count_guess(app, address, looked.await)
}

/// A code that no coupon has is a failed proof. Codes are short, so unlike keys they are not looked
/// at any more once an address has failed too often: the right guess must not stand out.
fn count_guess<T>(app: &App, address: IpAddr, answer: Result<T>) -> Result<T> {
    if let Err(Error::Refused(refusal)) = &answer
        && refusal.code == "unknown_coupon"
    {
        app.limits.note_failure(address);
    }
    answer
}

async fn placed(app: &Arc<App>, request: Request) -> Result<Placed> {
    match attempt(app, request.clone()).await {
        Err(Error::Conflict(_)) if request.idempotency.is_some() => attempt(app, request).await,
        other => other,
    }
}

async fn attempt(app: &Arc<App>, request: Request) -> Result<Placed> {
    let catalogue = app.catalogue().await?;
    let desk = app.desk.clone();
    let basket = place::basket(&catalogue, &desk.policy, &request.courses)?;
    let moment = app.moment(Actor::Buyer);
    app.db
        .write(move |tx| {
            Box::pin(
                async move { place::place(tx, &moment, &desk.policy, &request, &basket).await },
            )
        })
        .await
}

/// May this be an `Idempotency-Key`?
#[must_use]
pub fn is_key(text: &str) -> bool {
    (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
}
