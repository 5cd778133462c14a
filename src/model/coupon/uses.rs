//! The uses of coupons. A use is reserved with its order, used when that is paid, released when it is
//! closed unpaid. `taken` on the coupon's row counts the first two, and whoever raises it holds that
//! row: "the first N" holds for orders at the same moment.

use super::{Coupon, read, refused, taken_off};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::id::{CouponId, OrderId};
use crate::model::Moment;
use crate::model::audit::{self, Change};
use crate::model::order::Order;
use crate::model::state::states;
use crate::money::Money;

states! {
    /// How far a use of a coupon is.
    UseState {
        /// Its order is open. Moved on by the payment or by the end of the order.
        Reserved = "reserved",
        /// Its order was paid. Stays so when the money goes back: what was had was had. Released only
        /// where a person took the payment off the order again and it then expired.
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
            (Reserved, Used | Released) | (Released, Reserved | Used) | (Used, Released)
        )
    }

    /// It is one of those that "the first N" counts.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::Reserved | Self::Used)
    }
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
    BY_ID = "SELECT * FROM coupons WHERE id = $1";
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

/// The uses of a coupon, the latest first.
pub async fn latest(tx: &mut Tx<'_>, coupon: &CouponId, limit: i64) -> Result<Vec<Use>> {
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

fn read_use(row: &Row) -> Result<Use> {
    Ok(Use {
        order: row.get("code")?,
        email: row.get("email")?,
        state: row.get("state")?,
        taken_off: taken_off(row)?,
        at: row.get("at")?,
    })
}
