//! Coupons: what a code takes off an order's price, and the uses of it. A use is reserved with its
//! order, used when that is paid, released when it is closed unpaid. `taken` on the coupon's row
//! counts the first two, under the row's lock: "the first N" holds for orders at the same moment.
//! What a coupon does to a price is in `fulfilment::price::coupon`.

use super::Moment;
use super::audit::{self, Change};
use super::course::Slug;
use super::order::Order;
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Refusal, Result};
use crate::id::{CouponId, OrderId};
use crate::money::{Currency, Money};

mod code;

pub use code::CouponCode;

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

states! {
    /// How far a use of a coupon is.
    UseState {
        /// Its order is open. Moved on by the payment or by the end of the order.
        Reserved = "reserved",
        /// Its order was paid. Stays so when the money goes back: what was had was had.
        Used = "used",
        /// Its order was closed unpaid, so the use is free for another. A late transfer takes it again.
        Released = "released",
    }
}

impl UseState {
    /// The one table of allowed moves.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use UseState::{Released, Reserved, Used};
        matches!(
            (self, to),
            (Reserved, Used | Released) | (Released, Reserved | Used)
        )
    }

    /// It is one of those that "the first N" counts.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::Reserved | Self::Used)
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

/// One use, as a seller sees it.
#[derive(Debug, Clone)]
pub struct Use {
    /// The order's code.
    pub order: String,
    /// The order's address.
    pub email: String,
    /// How far it is.
    pub state: UseState,
    /// What it takes off.
    pub taken_off: Money,
    /// Since when it is in this state.
    pub at: Timestamp,
}

crate::statements! {
    INSERT = "INSERT INTO coupons (id, code, kind, value, currency, only_for, max_uses, per_customer, min_total,
                valid_from, valid_until, active, note, created_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (code) DO NOTHING";
    BY_CODE = "SELECT * FROM coupons WHERE code = $1";
    BY_ID = "SELECT * FROM coupons WHERE id = $1";
    CHANGE = "UPDATE coupons SET max_uses = $2, per_customer = $3, min_total = $4, valid_from = $5, valid_until = $6,
                active = $7, note = $8 WHERE id = $1";
    COUNTED = "SELECT c.*,
                 (SELECT COUNT(*) FROM coupon_uses u WHERE u.coupon_id = c.id AND u.state = 'reserved') AS reserved,
                 (SELECT COUNT(*) FROM coupon_uses u WHERE u.coupon_id = c.id AND u.state = 'used') AS used,
                 (SELECT CAST(COALESCE(SUM(u.taken_off), 0) AS BIGINT) FROM coupon_uses u
                  WHERE u.coupon_id = c.id AND u.state = 'used') AS taken_off
               FROM coupons c WHERE CAST($1 AS TEXT) IS NULL OR c.code = $1 ORDER BY c.created_at DESC, c.id DESC LIMIT $2";
    TAKE = "UPDATE coupons SET taken = taken + 1
            WHERE id = $1 AND active = 1 AND (max_uses IS NULL OR taken < max_uses)";
    RECOUNT = "UPDATE coupons SET taken = taken + $2 WHERE id = (SELECT coupon_id FROM coupon_uses WHERE order_id = $1)";
    INSERT_USE = "INSERT INTO coupon_uses (order_id, coupon_id, customer, state, taken_off, at)
                  VALUES ($1, $2, $3, 'reserved', $4, $5)";
    USE_OF = "SELECT coupon_id, state FROM coupon_uses WHERE order_id = $1";
    MOVE_USE = "UPDATE coupon_uses SET state = $3, at = $4 WHERE order_id = $1 AND state = $2";
    OF_CUSTOMER = "SELECT COUNT(*) AS n FROM coupon_uses
                   WHERE coupon_id = $1 AND customer = $2 AND state IN ('reserved', 'used')";
    USES = "SELECT o.code, o.email, o.currency, u.state, u.taken_off, u.at FROM coupon_uses u
            JOIN orders o ON o.id = u.order_id WHERE u.coupon_id = $1 ORDER BY u.at DESC, u.order_id DESC LIMIT $2";
}

impl NewCoupon {
    /// May there be such a coupon? The sentence says why not.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.value < 1 {
            return Err("it must take off something");
        }
        if self.kind == CouponKind::Percent && self.value > 100 {
            return Err("it cannot take off more than 100 per cent");
        }
        if self.only_for.len() > NAMED_MAX {
            return Err("it names too many courses; without any it covers all");
        }
        self.limits.check()
    }
}

impl Limits {
    /// Can these be kept? The sentence says why not.
    pub fn check(&self) -> Result<(), &'static str> {
        if [self.max_uses, self.per_customer]
            .iter()
            .flatten()
            .any(|n| *n < 1)
        {
            return Err("a limit on its uses must be at least 1");
        }
        if self.min_total < 0 {
            return Err("the least total cannot be negative");
        }
        if matches!((self.from, self.until), (Some(from), Some(until)) if from >= until) {
            return Err("it must begin before it ends");
        }
        if self.note.chars().count() > NOTE_MAX || self.note.contains('\0') {
            return Err("the note is too long, or holds what cannot be stored");
        }
        Ok(())
    }
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

/// The uses of a coupon, the latest first.
pub async fn uses(tx: &mut Tx<'_>, coupon: &CouponId, limit: i64) -> Result<Vec<Use>> {
    let rows = tx.rows(&USES, args![coupon, limit]).await?;
    rows.iter().map(read_use).collect()
}

/// Would an order of this address still get a use? For looking; only [`reserve`] makes sure.
pub async fn check_left(tx: &mut Tx<'_>, coupon: &Coupon, email: Option<&str>) -> Result<()> {
    if coupon
        .limits
        .max_uses
        .is_some_and(|most| coupon.taken >= most)
    {
        return Err(refused("coupon_used_up", &coupon.code));
    }
    match email {
        Some(email) => check_customer(tx, coupon, email).await,
        None => Ok(()),
    }
}

/// Take a use for a new order, stored in this transaction. The row of the coupon stays locked until
/// the commit: the next order counts this one, in all and of its customer.
pub async fn reserve(
    tx: &mut Tx<'_>,
    moment: &Moment,
    coupon: &Coupon,
    order: &Order,
    taken_off: Money,
) -> Result<()> {
    if tx.exec(&TAKE, args![&coupon.id]).await? == 0 {
        return Err(refused("coupon_used_up", &coupon.code));
    }
    check_customer(tx, coupon, &order.email).await?;
    let customer = person(&order.email);
    let values = args![&order.id, &coupon.id, customer, taken_off.minor, moment.now];
    tx.exec(&INSERT_USE, values).await?;
    record(
        tx,
        moment,
        (&coupon.id, &order.id),
        (None, UseState::Reserved),
        None,
    );
    Ok(())
}

/// The order was paid: its coupon, if it has one, is used. A use that was released meanwhile is taken
/// again, beyond the limits too: the stored price holds. Done before: nothing.
pub async fn use_for(tx: &mut Tx<'_>, moment: &Moment, order: &OrderId) -> Result<()> {
    advance(tx, moment, order, UseState::Used).await
}

/// The order was closed unpaid: the use is free for another. Done before: nothing.
pub async fn release_for(tx: &mut Tx<'_>, moment: &Moment, order: &OrderId) -> Result<()> {
    advance(tx, moment, order, UseState::Released).await
}

/// The order was opened again: it takes its use back, beyond the limits too. Done before: nothing.
pub async fn retake_for(tx: &mut Tx<'_>, moment: &Moment, order: &OrderId) -> Result<()> {
    advance(tx, moment, order, UseState::Reserved).await
}

/// The refusal of a coupon, by name.
#[must_use]
pub fn refused(why: &'static str, coupon: &CouponCode) -> Error {
    Error::Refused(Refusal {
        code: why,
        values: vec![("coupon", coupon.to_string())],
    })
}

async fn check_customer(tx: &mut Tx<'_>, coupon: &Coupon, email: &str) -> Result<()> {
    let Some(most) = coupon.limits.per_customer else {
        return Ok(());
    };
    let row = tx
        .row(&OF_CUSTOMER, args![&coupon.id, person(email)])
        .await?;
    let had: i64 = row.map_or(Ok(0), |row| row.get("n"))?;
    if had >= most {
        return Err(refused("coupon_customer_limit", &coupon.code));
    }
    Ok(())
}

/// Whose address it is: `an+course@example.com` is `an@example.com`.
fn person(email: &str) -> String {
    let Some((local, host)) = email.rsplit_once('@') else {
        return email.to_owned();
    };
    let name = local.split_once('+').map_or(local, |(name, _)| name);
    format!("{name}@{host}")
}

/// Whoever calls holds the order's row, so one at a time moves its use.
async fn advance(tx: &mut Tx<'_>, moment: &Moment, order: &OrderId, to: UseState) -> Result<()> {
    let Some(row) = tx.row(&USE_OF, args![order]).await? else {
        return Ok(());
    };
    let (coupon, from): (CouponId, UseState) = (row.get("coupon_id")?, row.get("state")?);
    if from == to {
        return Ok(());
    }
    let moves = from.may_become(to);
    if !moves
        || tx
            .exec(&MOVE_USE, args![order, from, to, moment.now])
            .await?
            == 0
    {
        return Err(Error::Conflict("the use of a coupon"));
    }
    let mut why = None;
    let difference = i64::from(to.counts()) - i64::from(from.counts());
    if difference > 0 && is_used_up(tx, &coupon).await? {
        why = Some("beyond the coupon's limit: the order's stored price holds");
    }
    if difference != 0 {
        // With the commit, behind every lock on an order: else two could wait for each other. By the
        // order, so that no two of these are the same statement twice.
        tx.later(&RECOUNT, args![order, difference]);
    }
    record(tx, moment, (&coupon, order), (Some(from), to), why);
    Ok(())
}

async fn is_used_up(tx: &mut Tx<'_>, coupon: &CouponId) -> Result<bool> {
    let row = tx.row(&BY_ID, args![coupon]).await?;
    let coupon = read(&row.ok_or(Error::NotFound("coupon"))?)?;
    Ok(coupon
        .limits
        .max_uses
        .is_some_and(|most| coupon.taken >= most))
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (coupon, order): (&CouponId, &OrderId),
    (before, after): (Option<UseState>, UseState),
    why: Option<&str>,
) {
    let change = Change {
        order: Some(order),
        subject: &coupon.0,
        action: "coupon.use",
        why,
        before: before.map(UseState::as_str),
        after: Some(after.as_str()),
    };
    audit::write(tx, moment, &change);
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

fn read_use(row: &Row) -> Result<Use> {
    Ok(Use {
        order: row.get("code")?,
        email: row.get("email")?,
        state: row.get("state")?,
        taken_off: taken_off(row)?,
        at: row.get("at")?,
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
