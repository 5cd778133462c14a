//! Coupons: what a code takes off an order's price, when, how often and for whom. What becomes of
//! its uses is in `uses`, what it does to a price in `fulfilment::price::coupon`.

use super::Moment;
use super::audit::{self, Change};
use super::course::Slug;
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, FieldFault, Refusal, Result};
use crate::id::CouponId;
use crate::money::{Currency, Money};

mod code;
pub mod uses;

pub use code::CouponCode;
pub use uses::{Use, UseState, check_left, release_for, reserve, retake_for, use_for};

/// Characters of a note.
const NOTE_MAX: usize = 500;
/// Courses and bundles that one coupon may name.
const NAMED_MAX: usize = 200;

states! {
    /// How a coupon's value is meant.
    CouponKind {
        /// So many hundredths of what it covers, 1 to 100.
        Percent = "percent",
        /// So many minor units, at most what it covers.
        Amount = "amount",
    }
}

/// What a new coupon is.
#[derive(Debug, Clone)]
pub struct NewCoupon {
    /// What buyers type.
    pub code: CouponCode,
    /// How the value is meant.
    pub kind: CouponKind,
    /// Per cent, or minor units. Never changed: another value is another code.
    pub value: i64,
    /// Of the amount and of the minimum.
    pub currency: Currency,
    /// The courses and bundles that it covers; none covers everything.
    pub only_for: Vec<Slug>,
    /// When, how often and for whom.
    pub limits: Limits,
}

/// When, how often and for whom a coupon may be used; changed at any time, for orders to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The first so many orders.
    pub max_uses: Option<i64>,
    /// Orders of one customer.
    pub per_customer: Option<i64>,
    /// What an order must cost before it, in minor units.
    pub min_total: i64,
    /// Not before.
    pub from: Option<Timestamp>,
    /// The first moment at which it is over.
    pub until: Option<Timestamp>,
    /// Not stopped.
    pub active: bool,
    /// For the seller only.
    pub note: String,
}

/// A coupon as stored.
#[derive(Debug, Clone)]
pub struct Coupon {
    /// Its id.
    pub id: CouponId,
    /// What buyers type.
    pub code: CouponCode,
    /// How the value is meant.
    pub kind: CouponKind,
    /// Per cent, or minor units.
    pub value: i64,
    /// Of the amount and of the minimum.
    pub currency: Currency,
    /// The courses and bundles that it covers; none covers everything.
    pub only_for: Vec<Slug>,
    /// When, how often and for whom.
    pub limits: Limits,
    /// Uses reserved or used; more than `max_uses` where a late transfer took one again.
    pub taken: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A coupon and what became of its uses.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The coupon.
    pub coupon: Coupon,
    /// Uses of open orders.
    pub reserved: i64,
    /// Uses of paid orders.
    pub used: i64,
    /// What paid orders were cheaper by.
    pub taken_off: Money,
}

crate::statements! {
    INSERT = "INSERT INTO coupons (id, code, kind, value, currency, only_for, max_uses, per_customer, min_total,
                valid_from, valid_until, active, note, created_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (code) DO NOTHING";
    BY_CODE = "SELECT * FROM coupons WHERE code = $1";
    CHANGE = "UPDATE coupons SET max_uses = $2, per_customer = $3, min_total = $4, valid_from = $5, valid_until = $6,
                active = $7, note = $8 WHERE id = $1";
    COUNTED = "SELECT c.*,
                 (SELECT COUNT(*) FROM coupon_uses u WHERE u.coupon_id = c.id AND u.state = 'reserved') AS reserved,
                 (SELECT COUNT(*) FROM coupon_uses u WHERE u.coupon_id = c.id AND u.state = 'used') AS used,
                 (SELECT CAST(COALESCE(SUM(u.taken_off), 0) AS BIGINT) FROM coupon_uses u
                  WHERE u.coupon_id = c.id AND u.state = 'used') AS taken_off
               FROM coupons c WHERE CAST($1 AS TEXT) IS NULL OR c.code = $1 ORDER BY c.created_at DESC, c.id DESC LIMIT $2";
}

impl NewCoupon {
    /// May there be such a coupon? The fault says why not.
    pub fn check(&self) -> Result<()> {
        if self.value < 1 {
            return Err(fault("value", "coupon_worthless"));
        }
        if self.kind == CouponKind::Percent && self.value > 100 {
            return Err(fault("value", "coupon_over_all"));
        }
        if self.only_for.len() > NAMED_MAX {
            return Err(fault("onlyFor", "coupon_names_many"));
        }
        self.limits.check()
    }
}

impl Limits {
    /// Can these be kept? The fault says why not.
    pub fn check(&self) -> Result<()> {
        let none = |most: Option<i64>| most.is_some_and(|most| most < 1);
        if none(self.max_uses) {
            return Err(fault("maxUses", "coupon_no_use"));
        }
        if none(self.per_customer) {
            return Err(fault("perCustomer", "coupon_no_use"));
        }
        if self.min_total < 0 {
            return Err(fault("minTotal", "wrong_value"));
        }
        if matches!((self.from, self.until), (Some(from), Some(until)) if from >= until) {
            return Err(fault("until", "coupon_over_before"));
        }
        if self.note.chars().count() > NOTE_MAX || self.note.contains('\0') {
            return Err(fault("note", "coupon_note"));
        }
        Ok(())
    }
}

fn fault(field: &str, code: &'static str) -> Error {
    Error::Invalid(vec![FieldFault::new(field, code)])
}

/// Store a new coupon that passed [`NewCoupon::check`]; refused when its code is taken.
pub async fn create(tx: &mut Tx<'_>, moment: &Moment, new: &NewCoupon) -> Result<CouponId> {
    let id = moment.id::<CouponId>();
    let only_for = match new.only_for.as_slice() {
        [] => None,
        named => Some(serde_json::to_string(named)?),
    };
    let limits = &new.limits;
    let values = args![
        &id,
        &new.code,
        new.kind,
        new.value,
        new.currency.code(),
        only_for,
        limits.max_uses,
        limits.per_customer,
        limits.min_total,
        limits.from,
        limits.until,
        limits.active,
        &limits.note,
        moment.now,
    ];
    if tx.exec(&INSERT, values).await? == 0 {
        return Err(refused("coupon_taken", &new.code));
    }
    let after = format!("{}: {} {}", new.code, new.kind, new.value);
    let change = Change {
        subject: &id.0,
        action: "coupon.created",
        after: Some(&after),
        ..Change::default()
    };
    audit::write(tx, moment, &change);
    Ok(id)
}

/// Other limits from now on, which passed [`Limits::check`]. Orders that have the coupon keep it.
pub async fn change(
    tx: &mut Tx<'_>,
    moment: &Moment,
    coupon: &Coupon,
    limits: &Limits,
) -> Result<()> {
    let values = args![
        &coupon.id,
        limits.max_uses,
        limits.per_customer,
        limits.min_total,
        limits.from,
        limits.until,
        limits.active,
        &limits.note,
    ];
    tx.exec(&CHANGE, values).await?;
    let (before, after) = (coupon.limits.summary(), limits.summary());
    let change = Change {
        subject: &coupon.id.0,
        action: "coupon.changed",
        before: Some(&before),
        after: Some(&after),
        ..Change::default()
    };
    audit::write(tx, moment, &change);
    Ok(())
}

impl Limits {
    /// For the audit; without the note, which may name people.
    fn summary(&self) -> String {
        let number = |n: Option<i64>| n.map_or("any".to_owned(), |n| n.to_string());
        let time = |at: Option<Timestamp>| at.map_or("ever".to_owned(), Timestamp::rfc3339);
        format!(
            "{}, uses {}, per customer {}, least total {}, from {}, until {}",
            if self.active { "active" } else { "stopped" },
            number(self.max_uses),
            number(self.per_customer),
            self.min_total,
            time(self.from),
            time(self.until),
        )
    }
}

/// By its code.
pub async fn find(tx: &mut Tx<'_>, code: &CouponCode) -> Result<Option<Coupon>> {
    let row = tx.row(&BY_CODE, args![code]).await?;
    row.map(|row| read(&row)).transpose()
}

/// All of them, or the one of this code, with what became of their uses; the newest first.
pub async fn counted(
    tx: &mut Tx<'_>,
    code: Option<&CouponCode>,
    limit: i64,
) -> Result<Vec<Counted>> {
    let rows = tx.rows(&COUNTED, args![code, limit]).await?;
    rows.iter().map(read_counted).collect()
}

/// The refusal of a coupon, by name.
#[must_use]
pub fn refused(why: &'static str, coupon: &CouponCode) -> Error {
    Error::Refused(Refusal {
        code: why,
        values: vec![("coupon", coupon.to_string())],
    })
}

fn read(row: &Row) -> Result<Coupon> {
    let only_for: Option<String> = row.get("only_for")?;
    Ok(Coupon {
        id: row.get("id")?,
        code: row.get("code")?,
        kind: row.get("kind")?,
        value: row.get("value")?,
        currency: currency(row)?,
        only_for: only_for.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text))?,
        limits: Limits {
            max_uses: row.get("max_uses")?,
            per_customer: row.get("per_customer")?,
            min_total: row.get("min_total")?,
            from: row.get("valid_from")?,
            until: row.get("valid_until")?,
            active: row.get("active")?,
            note: row.get("note")?,
        },
        taken: row.get("taken")?,
        created_at: row.get("created_at")?,
    })
}

fn read_counted(row: &Row) -> Result<Counted> {
    Ok(Counted {
        coupon: read(row)?,
        reserved: row.get("reserved")?,
        used: row.get("used")?,
        taken_off: taken_off(row)?,
    })
}

fn taken_off(row: &Row) -> Result<Money> {
    Ok(Money {
        minor: row.get("taken_off")?,
        currency: currency(row)?,
    })
}

fn currency(row: &Row) -> Result<Currency> {
    let code: String = row.get("currency")?;
    let currency = Currency::parse(&code).ok_or_else(|| anyhow::anyhow!("currency {code:?}"))?;
    Ok(currency)
}
