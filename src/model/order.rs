//! Orders: what a buyer asked for at a frozen price, and how far it has come.

use super::Moment;
use super::audit::{self, Change};
use super::code::OrderCode;
use super::state::states;
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Arg, Row, Tx};
use crate::error::{Error, Result};
use crate::id::{CustomerId, OrderId};
use crate::money::{Currency, Money};
use crate::words::Locale;

pub mod candidates;
pub mod list;
pub mod money;

pub use candidates::{candidates, owing};
pub use money::{Balance, balance, close_or_reopen, pay, receive};

states! {
    /// The money side of an order.
    PaymentStatus {
        /// Nothing or too little came. Moved on by `settle` or by the expiry sweep.
        Pending = "pending",
        /// Enough came; grants exist since the same commit.
        Paid = "paid",
        /// Part of the money went back.
        PartiallyRefunded = "partially_refunded",
        /// All of it went back.
        Refunded = "refunded",
        /// Called off before it was paid, by a person.
        Cancelled = "cancelled",
        /// Unpaid for too long. A late transfer re-opens it at its stored price.
        Expired = "expired",
    }
}

impl PaymentStatus {
    /// The one table of allowed moves.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use PaymentStatus::{Cancelled, Expired, Paid, PartiallyRefunded, Pending, Refunded};
        matches!(
            (self, to),
            (Pending | Expired | Cancelled, Paid)
                | (Pending, Cancelled | Expired)
                | (Expired, Pending)
                // To pending: a person took back a transfer that had been booked on it. Back from refunded:
                // refunds fail, and disputes are won.
                | (Paid, Pending | PartiallyRefunded | Refunded)
                | (PartiallyRefunded, Paid | Refunded)
                | (Refunded, Paid | PartiallyRefunded)
        )
    }
}

states! {
    /// The fulfilment side of an order, derived from its lines.
    OrderStatus {
        /// Not paid.
        Pending = "pending",
        /// Paid; at least one line is not final. Tasks or a person move it on.
        Processing = "processing",
        /// Every line is final and at least one was kept.
        Completed = "completed",
        /// Every line is final and none was kept.
        Failed = "failed",
    }
}

states! {
    /// How an order came about.
    OrderKind {
        /// A buyer ordered.
        Sale = "sale",
        /// An operator gave it, with a reason.
        Gift = "gift",
    }
}

/// An order as stored.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What the buyer writes into the transfer.
    pub code: OrderCode,
    /// Path of the buyer's page.
    pub secret: String,
    /// Where its mail goes.
    pub email: String,
    /// The buyer's name, may be empty.
    pub name: String,
    /// Language of pages and mail.
    pub locale: Locale,
    /// Before the price rule.
    pub list_total: Money,
    /// To be paid.
    pub total: Money,
    /// JSON: which rules gave the price.
    pub price_rule: String,
    /// Allocated so far.
    pub received: Money,
    /// Gone back of that: refunds and lost disputes.
    pub refunded: Money,
    /// A dispute is open: access rests.
    pub disputed: bool,
    /// How it came about.
    pub kind: OrderKind,
    /// The money side.
    pub payment_status: PaymentStatus,
    /// The fulfilment side.
    pub order_status: OrderStatus,
    /// Lines not yet final.
    pub remaining: i64,
    /// Digest of the request that came with the idempotency key.
    pub request_digest: Option<String>,
    /// Grows with every visible change.
    pub version: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it expires unpaid.
    pub expires_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When its last line became final.
    pub finished_at: Option<Timestamp>,
}

impl Order {
    /// What is still to be paid; never below zero.
    #[must_use]
    pub fn owed(&self) -> i64 {
        (self.total.minor - self.received.minor).max(0)
    }
}

/// An order about to be stored.
#[derive(Debug, Clone)]
pub struct NewOrder<'a> {
    /// Its id.
    pub id: &'a OrderId,
    /// Its code.
    pub code: &'a OrderCode,
    /// Path of the buyer's page.
    pub secret: &'a str,
    /// Who ordered.
    pub customer: &'a CustomerId,
    /// Where its mail goes.
    pub email: &'a str,
    /// The buyer's name.
    pub name: &'a str,
    /// Language of pages and mail.
    pub locale: Locale,
    /// Before the price rule.
    pub list_total: Money,
    /// To be paid.
    pub total: Money,
    /// JSON: which rules gave the price.
    pub price_rule: &'a str,
    /// Number of lines.
    pub lines: usize,
    /// The front end's key and the digest of its request.
    pub idempotency: Option<(&'a str, &'a str)>,
    /// When it expires unpaid.
    pub expires_at: Timestamp,
    /// How it came about.
    pub kind: OrderKind,
}

impl NewOrder<'_> {
    /// The order as [`insert`] stores it.
    #[must_use]
    pub fn stored(&self, now: Timestamp) -> Order {
        let nothing = Money {
            minor: 0,
            currency: self.total.currency,
        };
        Order {
            id: self.id.clone(),
            code: self.code.clone(),
            secret: self.secret.to_owned(),
            email: self.email.to_owned(),
            name: self.name.to_owned(),
            locale: self.locale,
            list_total: self.list_total,
            total: self.total,
            price_rule: self.price_rule.to_owned(),
            received: nothing,
            refunded: nothing,
            disputed: false,
            kind: self.kind,
            payment_status: PaymentStatus::Pending,
            order_status: OrderStatus::Pending,
            remaining: i64::try_from(self.lines).unwrap_or(i64::MAX),
            request_digest: self.idempotency.map(|(_, digest)| digest.to_owned()),
            version: 1,
            created_at: now,
            expires_at: self.expires_at,
            paid_at: None,
            finished_at: None,
        }
    }
}

crate::statements! {
    INSERT = "INSERT INTO orders (id, code, secret, customer_id, email, name, locale, currency, list_total, total,
                price_rule, payment_status, order_status, remaining, idempotency_key, request_digest, created_at, expires_at, kind)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', 'pending', $12, $13, $14, $15, $16, $17)
              ON CONFLICT DO NOTHING";
    BY_ID = "SELECT * FROM orders WHERE id = $1";
    BY_CODE = "SELECT * FROM orders WHERE code = $1";
    BY_SECRET = "SELECT * FROM orders WHERE secret = $1";
    BY_KEY = "SELECT * FROM orders WHERE idempotency_key = $1";
    LOCK = "SELECT * FROM orders WHERE code = $1" | "SELECT * FROM orders WHERE code = $1 FOR UPDATE";
    HOLD = "SELECT * FROM orders WHERE id = $1" | "SELECT * FROM orders WHERE id = $1 FOR UPDATE";
    LINE_FINISHED = "UPDATE orders SET remaining = remaining - 1, kept = kept + $2, version = version + 1,
                       order_status = CASE WHEN remaining > 1 THEN order_status
                                           WHEN kept + $2 > 0 THEN 'completed' ELSE 'failed' END,
                       finished_at = CASE WHEN remaining > 1 THEN finished_at ELSE $3 END
                     WHERE id = $1 AND remaining > 0 AND order_status = 'processing' RETURNING *";
    CORRECT = "UPDATE orders SET order_status = 'completed', version = version + 1
               WHERE id = $1 AND order_status = 'failed'";
    TOUCH = "UPDATE orders SET version = version + 1 WHERE id = $1";
    VERSION = "SELECT version FROM orders WHERE id = $1";
    OVERDUE = "SELECT id, expires_at FROM orders WHERE payment_status = 'pending' AND expires_at <= $1
               ORDER BY expires_at LIMIT $2";
    COUNTS = "SELECT payment_status, order_status, COUNT(*) AS orders FROM orders GROUP BY payment_status, order_status";
}

/// Store a new order; false when its code, secret or idempotency key is taken.
pub async fn insert(tx: &mut Tx<'_>, moment: &Moment, new: &NewOrder<'_>) -> Result<bool> {
    let stored = tx
        .exec(
            &INSERT,
            args![
                new.id,
                new.code,
                new.secret,
                new.customer,
                new.email,
                new.name,
                new.locale.tag(),
                new.total.currency.code(),
                new.list_total.minor,
                new.total.minor,
                new.price_rule,
                new.lines,
                new.idempotency.map(|(key, _)| key),
                new.idempotency.map(|(_, digest)| digest),
                moment.now,
                new.expires_at,
                new.kind,
            ],
        )
        .await?;
    if stored == 1 {
        record(
            tx,
            moment,
            new.id,
            "order.placed",
            None,
            (None, PaymentStatus::Pending),
        );
    }
    Ok(stored == 1)
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &OrderId) -> Result<Order> {
    one(tx, &BY_ID, args![id])
        .await?
        .ok_or(Error::NotFound("order"))
}

/// By code.
pub async fn by_code(tx: &mut Tx<'_>, code: &OrderCode) -> Result<Option<Order>> {
    one(tx, &BY_CODE, args![code]).await
}

/// By code, held until the transaction ends: money for one order is booked one at a time.
pub async fn lock(tx: &mut Tx<'_>, code: &OrderCode) -> Result<Option<Order>> {
    one(tx, &LOCK, args![code]).await
}

/// By id, held until the transaction ends: whoever counts its lines waits, or is waited for.
pub async fn hold(tx: &mut Tx<'_>, id: &OrderId) -> Result<Order> {
    one(tx, &HOLD, args![id])
        .await?
        .ok_or(Error::NotFound("order"))
}

/// By the secret of the buyer's page.
pub async fn by_secret(tx: &mut Tx<'_>, secret: &str) -> Result<Option<Order>> {
    one(tx, &BY_SECRET, args![secret]).await
}

/// By the front end's idempotency key.
pub async fn by_idempotency_key(tx: &mut Tx<'_>, key: &str) -> Result<Option<Order>> {
    one(tx, &BY_KEY, args![key]).await
}

/// One line became final, kept or not. The one that counts to zero finishes the order, in the same
/// guarded update, and gets it back to decide its e-mail.
pub async fn line_finished(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &OrderId,
    kept: bool,
) -> Result<Option<Order>> {
    let row = tx.row(&LINE_FINISHED, args![id, kept, moment.now]).await?;
    let order = read(&row.ok_or(Error::Conflict("more lines finished than the order has"))?)?;
    if order.remaining > 0 {
        return Ok(None);
    }
    let change = Change {
        order: Some(id),
        subject: id.0.as_str(),
        action: "order.finished",
        why: None,
        before: Some(OrderStatus::Processing.as_str()),
        after: Some(order.order_status.as_str()),
    };
    audit::write(tx, moment, &change);
    Ok(Some(order))
}

/// A line of a failed order was kept after all.
pub async fn correct(tx: &mut Tx<'_>, moment: &Moment, id: &OrderId) -> Result<()> {
    if tx.exec(&CORRECT, args![id]).await? == 1 {
        let (before, after) = (Some("failed"), Some("completed"));
        let subject = id.0.as_str();
        audit::write(
            tx,
            moment,
            &Change {
                order: Some(id),
                subject,
                action: "order.finished",
                before,
                after,
                why: None,
            },
        );
    }
    Ok(())
}

/// Something visible on the order's page changed.
pub fn touch(tx: &mut Tx<'_>, id: &OrderId) {
    tx.later(&TOUCH, args![id]);
}

/// What live pages compare.
pub async fn version(tx: &mut Tx<'_>, id: &OrderId) -> Result<Option<i64>> {
    let row = tx.row(&VERSION, args![id]).await?;
    row.map(|r| Ok(r.get("version")?)).transpose()
}

/// Unpaid orders past their time, oldest first.
pub async fn overdue(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(OrderId, Timestamp)>> {
    let rows = tx.rows(&OVERDUE, args![now, limit]).await?;
    rows.iter()
        .map(|r| Ok((r.get("id")?, r.get("expires_at")?)))
        .collect()
}

/// How many orders stand where.
pub async fn counts(tx: &mut Tx<'_>) -> Result<Vec<(String, String, i64)>> {
    let rows = tx.rows(&COUNTS, &[]).await?;
    rows.iter()
        .map(|r| {
            Ok((
                r.get("payment_status")?,
                r.get("order_status")?,
                r.get("orders")?,
            ))
        })
        .collect()
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &OrderId,
    action: &str,
    why: Option<&str>,
    (before, after): (Option<PaymentStatus>, PaymentStatus),
) {
    audit::write(
        tx,
        moment,
        &Change {
            order: Some(id),
            subject: id.0.as_str(),
            action,
            why,
            before: before.map(PaymentStatus::as_str),
            after: Some(after.as_str()),
        },
    );
}

async fn one(tx: &mut Tx<'_>, sql: &'static crate::db::Sql, args: &[Arg]) -> Result<Option<Order>> {
    tx.row(sql, args).await?.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<Order> {
    let code: String = row.get("currency")?;
    let currency = Currency::parse(&code).ok_or_else(|| anyhow::anyhow!("currency {code:?}"))?;
    let money = |column: &str| -> Result<Money> {
        Ok(Money {
            minor: row.get(column)?,
            currency,
        })
    };
    Ok(Order {
        id: row.get("id")?,
        code: row.get("code")?,
        secret: row.get("secret")?,
        email: row.get("email")?,
        name: row.get("name")?,
        locale: Locale::parse(&row.get::<String>("locale")?).unwrap_or(Locale::Vi),
        list_total: money("list_total")?,
        total: money("total")?,
        price_rule: row.get("price_rule")?,
        received: money("received")?,
        refunded: money("refunded")?,
        disputed: row.get("disputed")?,
        kind: row.get("kind")?,
        payment_status: row.get("payment_status")?,
        order_status: row.get("order_status")?,
        remaining: row.get("remaining")?,
        request_digest: row.get("request_digest")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        paid_at: row.get("paid_at")?,
        finished_at: row.get("finished_at")?,
    })
}
