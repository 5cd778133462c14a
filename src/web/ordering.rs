//! An order as somebody asks for it, by the API or by the shop's own form: the checks of its form,
//! and the road to `fulfilment::place`. What it costs and whether it is sold is decided there.

use std::sync::Arc;

use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::place::{self, Placed, Request};
use crate::model::audit::Actor;
use crate::words::Locale;

/// Characters of an address: what SMTP can carry.
const EMAIL_MAX: usize = 254;
const MAILBOX_MAX: usize = 64;
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 120;
const PHONE_MAX: usize = 32;
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
        let mut faults = Vec::new();
        let email = checked_email(&self.email).unwrap_or_else(|| {
            faults.push(FieldFault::new("email", "bad_email"));
            String::new()
        });
        let name = given(self.name).unwrap_or_default();
        if !is_line(&name, NAME_MAX) {
            faults.push(FieldFault::new("name", "bad_name"));
        }
        let phone = given(self.phone);
        if !phone.as_deref().is_none_or(is_phone) {
            faults.push(FieldFault::new("phone", "bad_phone"));
        }
        let asked = given(self.locale);
        let locale = asked.as_deref().map_or(Some(caller), Locale::parse);
        if locale.is_none() {
            faults.push(FieldFault::new("locale", "bad_locale"));
        }
        if !self.idempotency.as_ref().is_none_or(|(key, _)| is_key(key)) {
            faults.push(FieldFault::new("Idempotency-Key", "bad_idempotency_key"));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        if given(self.coupon).is_some() {
            return Err(Error::refused("coupons_off"));
        }
        Ok(Request {
            email,
            name,
            phone,
            locale: locale.unwrap_or(caller),
            courses: self.courses,
            idempotency: self.idempotency,
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

/// An address as mail servers and learning platforms everywhere take it, in lower case: plain
/// ASCII, no quotes, a domain with a dot. Whether somebody reads it shows only later.
#[must_use]
pub fn checked_email(text: &str) -> Option<String> {
    let email = text.trim().to_ascii_lowercase();
    let (mailbox, domain) = email.split_once('@')?;
    let sound = email.len() <= EMAIL_MAX && is_mailbox(mailbox) && is_domain(domain);
    sound.then_some(email)
}

/// RFC 5322's dot-atom.
fn is_mailbox(mailbox: &str) -> bool {
    let atom = |atom: &str| {
        let fits = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&c);
        !atom.is_empty() && atom.bytes().all(fits)
    };
    mailbox.len() <= MAILBOX_MAX && mailbox.split('.').all(atom)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        let edges = label.starts_with('-') || label.ends_with('-');
        (1..=LABEL_MAX).contains(&label.len()) && label.bytes().all(fits) && !edges
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    let named = last.len() >= 2 && !last.bytes().all(|c| c.is_ascii_digit());
    domain.contains('.') && named && domain.split('.').all(label)
}

fn is_phone(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_digit() || b"+ -".contains(&c);
    text.len() <= PHONE_MAX && text.bytes().all(fits) && text.bytes().any(|c| c.is_ascii_digit())
}

fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(char::is_control)
}

fn is_key(text: &str) -> bool {
    (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
}

/// Blank is not given.
fn given(text: Option<String>) -> Option<String> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
