//! An order as somebody asks for it, by the API or by the shop's own form: the checks of its form,
//! and the road to `fulfilment::place`. What it costs and whether it is sold is decided there.

use std::sync::Arc;

use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::place::{self, Placed, Request};
use crate::model::audit::Actor;
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
    /// Not taken yet.
    pub coupon: Option<String>,
    /// Slugs or page addresses.
    pub courses: Vec<String>,
    /// The front end's key and a digest of its request.
    pub idempotency: Option<(String, String)>,
}

impl Form {
    /// Check everything; every fault at once. A coupon is refused rather than forgotten: the buyer
    /// counts on its price.
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
        let Some(buyer) = buyer.filter(|_| faults.is_empty()) else {
            return Err(Error::Invalid(faults));
        };
        if given(self.coupon).is_some() {
            return Err(Error::refused("coupons_off"));
        }
        Ok(Request {
            email: buyer.email,
            name: buyer.name,
            phone: buyer.phone,
            locale: buyer.locale.unwrap_or(caller),
            courses: self.courses,
            idempotency: self.idempotency,
            kind: OrderKind::Sale,
        })
    }
}

/// Place it. The same key with the same request finds the order that it placed before, whatever has
/// become of the catalogue; of two twins at the same moment one places it and the other finds it.
pub async fn place(app: &Arc<App>, request: Request) -> Result<Placed> {
    if request.idempotency.is_some() {
        let asked = request.clone();
        let before = app
            .db
            .read(move |tx| Box::pin(async move { place::placed_before(tx, &asked).await }));
        if let Some(placed) = before.await? {
            return Ok(placed);
        }
    }
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

fn is_key(text: &str) -> bool {
    (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
}

/// Blank is not given.
fn given(text: Option<String>) -> Option<String> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
