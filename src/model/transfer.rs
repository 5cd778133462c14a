//! Transfers: money that moved, as a gateway reports it. Immutable but for how it was closed.

use super::audit::{self, Change};
use super::state::states;
use super::{Moment, order};
use crate::args;
use crate::clock::Timestamp;
use crate::db::{Row, Sql, Tx};
use crate::error::{Error, Result};
use crate::fact::{Direction, TransferFact};
use crate::id::{EventId, OrderId, TransferId};
use crate::money::{Currency, Money};

pub mod inbox;
pub mod list;

states! {
    /// What a transfer turned out to be, against the orders.
    Class {
        /// Pays one order, within the tolerance.
        Exact = "exact",
        /// Too little: the order stays open for the rest.
        Short = "short",
        /// Pays one order and more: the surplus is to be paid back.
        Over = "over",
        /// Pays an order that had expired.
        Late = "late",
        /// For an order that is paid already: to be paid back.
        Duplicate = "duplicate",
        /// Completes what an earlier short one began.
        Combined = "combined",
        /// Names several orders: a person divides it.
        Split = "split",
        /// Holds a well-formed code that no order has.
        WrongCode = "wrong_code",
        /// Holds no code.
        NoCode = "no_code",
        /// Came to an account that is not configured.
        WrongAccount = "wrong_account",
        /// Left the account.
        Outgoing = "outgoing",
        /// For an order that was refunded or cancelled.
        AfterRefund = "after_refund",
    }
}

impl Class {
    /// The machine can book it by itself; the rest waits in the inbox for a person.
    #[must_use]
    pub fn closes_itself(self) -> bool {
        matches!(
            self,
            Self::Exact | Self::Short | Self::Late | Self::Combined | Self::Outgoing
        )
    }
}

/// How a transfer was understood.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    /// Its class.
    pub class: Class,
    /// The order it was matched with.
    pub order: Option<&'a OrderId>,
    /// How much of it no order needs: it belongs to the payer again.
    pub surplus: i64,
    /// A message of the gateway told of it, and not only a list or an answer.
    pub heard: bool,
}

/// A transfer as stored.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// Which gateway reported it.
    pub gateway: String,
    /// The gateway's id of it.
    pub provider_id: String,
    /// The account it moved on.
    pub account: String,
    /// The virtual account, where the bank uses them.
    pub sub_account: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub amount: Money,
    /// The bank's reference.
    pub reference: String,
    /// Every text of it, a line each. It may name the payer: never logged.
    pub memo: String,
    /// How much of it no order needs.
    pub surplus: i64,
    /// How much of the surplus was paid back.
    pub returned: i64,
    /// When the bank booked it.
    pub booked_at: Option<Timestamp>,
    /// Its class.
    pub class: Class,
    /// The order it was matched with.
    pub order: Option<OrderId>,
    /// When it came in.
    pub received_at: Timestamp,
    /// When it was closed; none waits for a person.
    pub closed_at: Option<Timestamp>,
    /// By whom.
    pub closed_by: Option<String>,
    /// Why.
    pub closed_why: Option<String>,
}

impl Transfer {
    /// What is still to be paid back.
    #[must_use]
    pub fn due(&self) -> i64 {
        self.surplus - self.returned
    }
}

crate::statements! {
    INSERT = "INSERT INTO transfers (id, gateway, provider_id, natural_key, event_id, account, sub_account, direction,
                amount, currency, reference, memo, booked_at, received_at, class, order_id, closed_at, closed_by, closed_why,
                surplus, weak_key)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
              ON CONFLICT DO NOTHING";
    NAME = "INSERT INTO transfer_names (gateway, provider_id, transfer_id, road, heard) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (gateway, provider_id) DO UPDATE SET heard = 1 WHERE transfer_names.heard < excluded.heard";
    NAMED = "SELECT transfers.* FROM transfers JOIN transfer_names ON transfer_names.transfer_id = transfers.id
             WHERE transfer_names.gateway = $1 AND transfer_names.provider_id = $2";
    BY_NATURAL_KEY = "SELECT * FROM transfers WHERE natural_key = $1";
    TWIN = "SELECT * FROM transfers WHERE weak_key = $1 AND gateway = $2 AND NOT EXISTS
              (SELECT 1 FROM transfer_names WHERE transfer_id = transfers.id AND road = $3)
            ORDER BY received_at, id LIMIT 1";
    TAKE_TURN = "SELECT COUNT($1) AS held"
              | "SELECT COUNT(*) AS held FROM pg_advisory_xact_lock(hashtextextended($1, 1))";
    BY_ID = "SELECT * FROM transfers WHERE id = $1";
    HOLD = "SELECT * FROM transfers WHERE id = $1" | "SELECT * FROM transfers WHERE id = $1 FOR UPDATE";
    DECIDE = "UPDATE transfers SET closed_at = $2, closed_by = $3, closed_why = $4, order_id = COALESCE($5, order_id),
               class = $6, surplus = $7
             WHERE id = $1 AND closed_at IS NULL";
    REOPEN = "UPDATE transfers SET closed_at = NULL, closed_by = NULL, closed_why = NULL, order_id = NULL, surplus = 0
              WHERE id = $1";
    WAIT = "UPDATE transfers SET closed_at = NULL, closed_by = NULL, closed_why = NULL WHERE id = $1 AND closed_at IS NOT NULL";
    RETURN = "UPDATE transfers SET returned = returned + $2,
                surplus = CASE WHEN returned + $2 > surplus THEN returned + $2 ELSE surplus END
              WHERE id = $1";
    TOUCH = "UPDATE orders SET version = version + 1 WHERE id = (SELECT order_id FROM transfers WHERE id = $1)";
    DUES = "SELECT * FROM transfers WHERE surplus > returned ORDER BY received_at, id LIMIT $1";
    RECENT = "SELECT * FROM transfers WHERE received_at >= $1 ORDER BY received_at DESC, id DESC LIMIT $2";
    OF_ORDER = "SELECT * FROM transfers WHERE order_id = $1 ORDER BY received_at, id";
    WAITING = "SELECT * FROM transfers WHERE closed_at IS NULL ORDER BY received_at, id LIMIT $1";
    UNHEARD = "SELECT COUNT(*) AS n FROM transfers
               WHERE gateway = $1 AND direction = 'in' AND class <> 'wrong_account' AND received_at >= $2
                 AND (booked_at < $3 OR received_at < $3)
                 AND NOT EXISTS (SELECT 1 FROM transfer_names WHERE transfer_id = transfers.id AND heard = 1)";
}

/// A transfer that is in the books already: under this name, under its natural key, or, where the
/// bank gave no reference, the oldest of its twins that this road has not named yet.
pub async fn seen(tx: &mut Tx<'_>, fact: &TransferFact) -> Result<Option<Transfer>> {
    if let Some(known) = named(tx, &fact.gateway, &fact.provider_id).await? {
        return Ok(Some(known));
    }
    if let Some(key) = &fact.natural_key {
        let row = tx.row(&BY_NATURAL_KEY, args![key]).await?;
        return row.as_ref().map(read).transpose();
    }
    let Some(key) = fact.weak_key() else {
        return Ok(None);
    };
    tx.rows(&TAKE_TURN, args![&key]).await?;
    let values = args![&key, &fact.gateway, fact.road()];
    let row = tx.row(&TWIN, values).await?;
    row.as_ref().map(read).transpose()
}

/// By a name that a gateway has for it.
pub async fn named(tx: &mut Tx<'_>, gateway: &str, provider_id: &str) -> Result<Option<Transfer>> {
    let row = tx.row(&NAMED, args![gateway, provider_id]).await?;
    row.as_ref().map(read).transpose()
}

/// A name of a transfer, with the commit; `heard`: a message told of it.
pub fn name(tx: &mut Tx<'_>, id: &TransferId, fact: &TransferFact, heard: bool) {
    let values = args![&fact.gateway, &fact.provider_id, id, fact.road(), heard];
    tx.later(&NAME, values);
}

/// How much money a gateway's messages kept silent about: transfers that came in since `since`, were
/// booked or known before `before`, and that no message has told of.
pub async fn unheard(
    tx: &mut Tx<'_>,
    gateway: &str,
    since: Timestamp,
    before: Timestamp,
) -> Result<i64> {
    let row = tx.row(&UNHEARD, args![gateway, since, before]).await?;
    row.map_or(Ok(0), |r| Ok(r.get("n")?))
}

/// By id.
pub async fn get(tx: &mut Tx<'_>, id: &TransferId) -> Result<Transfer> {
    one(tx, &BY_ID, id).await
}

/// By id, held until the transaction ends: two persons do not decide about the same money.
pub async fn hold(tx: &mut Tx<'_>, id: &TransferId) -> Result<Transfer> {
    one(tx, &HOLD, id).await
}

async fn one(tx: &mut Tx<'_>, sql: &'static Sql, id: &TransferId) -> Result<Transfer> {
    let row = tx.row(sql, args![id]).await?;
    read(&row.ok_or(Error::NotFound("transfer"))?)
}

/// What was decided about a transfer that waited.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// Why, in a sentence.
    pub why: &'a str,
    /// The order that got it, or most of it.
    pub order: Option<&'a OrderId>,
    /// What it turned out to be.
    pub class: Class,
    /// What no order needed.
    pub surplus: i64,
    /// Nothing of it is left to decide about.
    pub closes: bool,
}

/// Write down what was decided about a transfer that waits. False: it was closed meanwhile.
pub async fn decide(
    tx: &mut Tx<'_>,
    moment: &Moment,
    transfer: &Transfer,
    decision: &Decision<'_>,
) -> Result<bool> {
    let values = args![
        &transfer.id,
        decision.closes.then_some(moment.now),
        decision.closes.then(|| moment.actor.to_string()),
        decision.why,
        decision.order,
        decision.class,
        decision.surplus,
    ];
    let decided = tx.exec(&DECIDE, values).await? == 1;
    if decided {
        let order = decision.order.or(transfer.order.as_ref());
        let moves = (transfer.class, Some(decision.class));
        let action = if decision.closes {
            "transfer.closed"
        } else {
            "transfer.decided"
        };
        changed(
            tx,
            moment,
            (&transfer.id, order),
            action,
            decision.why,
            moves,
        );
    }
    Ok(decided)
}

/// Back into the inbox, as if nothing had been decided.
pub async fn reopen(
    tx: &mut Tx<'_>,
    moment: &Moment,
    transfer: &Transfer,
    why: &str,
) -> Result<()> {
    tx.exec(&REOPEN, args![&transfer.id]).await?;
    let of = (&transfer.id, transfer.order.as_ref());
    changed(
        tx,
        moment,
        of,
        "transfer.reopened",
        why,
        (transfer.class, None),
    );
    Ok(())
}

/// A closed transfer waits for a person again; what was decided about it stays.
pub async fn wait_again(
    tx: &mut Tx<'_>,
    moment: &Moment,
    transfer: &Transfer,
    why: &str,
) -> Result<()> {
    if tx.exec(&WAIT, args![&transfer.id]).await? == 1 {
        let of = (&transfer.id, transfer.order.as_ref());
        changed(
            tx,
            moment,
            of,
            "transfer.reopened",
            why,
            (transfer.class, Some(transfer.class)),
        );
    }
    Ok(())
}

/// So much of its surplus went back, or, below zero, came back. What went back although nobody had decided
/// that it should was surplus too.
pub async fn give_back(tx: &mut Tx<'_>, id: &TransferId, amount: i64) -> Result<()> {
    tx.exec(&RETURN, args![id, amount]).await?;
    touch(tx, id);
    Ok(())
}

/// What the page of its order says of it has changed.
pub fn touch(tx: &mut Tx<'_>, id: &TransferId) {
    tx.later(&TOUCH, args![id]);
}

/// Transfers of which something is still to be paid back, oldest first.
pub async fn dues(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Transfer>> {
    let rows = tx.rows(&DUES, args![limit]).await?;
    rows.iter().map(read).collect()
}

/// What came since `since`, newest first.
pub async fn recent(tx: &mut Tx<'_>, since: Timestamp, limit: i64) -> Result<Vec<Transfer>> {
    let rows = tx.rows(&RECENT, args![since, limit]).await?;
    rows.iter().map(read).collect()
}

/// Put a transfer into the books. `None`: it was there already, under one of its keys.
pub async fn insert(
    tx: &mut Tx<'_>,
    moment: &Moment,
    event: &EventId,
    fact: &TransferFact,
    verdict: &Verdict<'_>,
) -> Result<Option<TransferId>> {
    let id = moment.id::<TransferId>();
    let closed = verdict.class.closes_itself() && verdict.surplus == 0;
    let values = args![
        &id,
        &fact.gateway,
        &fact.provider_id,
        fact.natural_key.as_deref(),
        event,
        &fact.account,
        fact.sub_account.as_deref(),
        direction(fact.direction),
        fact.amount.minor,
        fact.amount.currency.code(),
        &fact.reference,
        fact.memos.join("\n"),
        fact.booked_at,
        moment.now,
        verdict.class,
        verdict.order,
        closed.then_some(moment.now),
        closed.then(|| moment.actor.to_string()),
        closed.then(|| verdict.class.as_str()),
        verdict.surplus,
        fact.weak_key(),
    ];
    if tx.exec(&INSERT, values).await? == 0 {
        return Ok(None);
    }
    name(tx, &id, fact, verdict.heard);
    if let Some(order) = verdict.order.filter(|_| verdict.surplus > 0) {
        order::touch(tx, order);
    }
    record(tx, moment, &id, verdict);
    Ok(Some(id))
}

/// The transfers matched with an order.
pub async fn of_order(tx: &mut Tx<'_>, order: &OrderId) -> Result<Vec<Transfer>> {
    tx.rows(&OF_ORDER, args![order])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The inbox: transfers that wait for a person, oldest first.
pub async fn waiting(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Transfer>> {
    tx.rows(&WAITING, args![limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

fn record(tx: &mut Tx<'_>, moment: &Moment, id: &TransferId, verdict: &Verdict<'_>) {
    let why = if verdict.class.closes_itself() && verdict.surplus == 0 {
        "booked"
    } else {
        "waits in the inbox"
    };
    let change = Change {
        order: verdict.order,
        subject: &id.0,
        action: "transfer.received",
        why: Some(why),
        before: None,
        after: Some(verdict.class.as_str()),
    };
    audit::write(tx, moment, &change);
}

fn changed(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (id, order): (&TransferId, Option<&OrderId>),
    action: &str,
    why: &str,
    (before, after): (Class, Option<Class>),
) {
    if let Some(order) = order {
        // Its page says what of it is to be paid back.
        order::touch(tx, order);
    }
    let change = Change {
        order,
        subject: &id.0,
        action,
        why: Some(why),
        before: Some(before.as_str()),
        after: after.map(Class::as_str),
    };
    audit::write(tx, moment, &change);
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn read(row: &Row) -> Result<Transfer> {
    let currency: String = row.get("currency")?;
    Ok(Transfer {
        id: row.get("id")?,
        gateway: row.get("gateway")?,
        provider_id: row.get("provider_id")?,
        account: row.get("account")?,
        sub_account: row.get("sub_account")?,
        direction: if row.get::<String>("direction")? == "out" {
            Direction::Out
        } else {
            Direction::In
        },
        amount: Money {
            minor: row.get("amount")?,
            currency: Currency::parse(&currency)
                .ok_or_else(|| anyhow::anyhow!("currency {currency:?}"))?,
        },
        reference: row.get("reference")?,
        memo: row.get("memo")?,
        surplus: row.get("surplus")?,
        returned: row.get("returned")?,
        booked_at: row.get("booked_at")?,
        class: row.get("class")?,
        order: row.get("order_id")?,
        received_at: row.get("received_at")?,
        closed_at: row.get("closed_at")?,
        closed_by: row.get("closed_by")?,
        closed_why: row.get("closed_why")?,
    })
}
